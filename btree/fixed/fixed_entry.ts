/**
 * An entry in flight: what a caller passed as numbers or BigInts, as the words of a fixed node.
 *
 * A number must be a safe integer, since above 2^53 - 1 it may not be the one that was meant; a
 * BigInt may be anything from 0 to 2^64 - 1.
 */

const KEY = 0;
const VALUE = 1;
/** The greatest key and value. */
export const U64_MAX = 0xffff_ffff_ffff_ffffn;
const TWO_32 = 0x1_0000_0000;

/** An entry in flight. */
export class FixedEntry {
  /** The low and the high word of the key, then those of the value, as in a page. */
  readonly words: Uint32Array<ArrayBuffer> = new Uint32Array(4);
  /** The same words: the key, and the value. */
  readonly longs: BigUint64Array<ArrayBuffer> = new BigUint64Array(this.words.buffer);

  /**
   * Sets the key.
   *
   * @param action What the caller wants to do, for the message.
   * @throws {TypeError} It is neither number nor BigInt.
   * @throws {RangeError} It is no integer, or none that can be a key.
   */
  setKey(key: number | bigint, action: string): void {
    if (isSafeKey(key)) this.#setNumber(KEY, key);
    else this.longs[KEY] = checkU64(key, action, "key");
  }

  /** Sets the value, as `setKey` does. */
  setValue(value: number | bigint, action: string): void {
    if (isSafeKey(value)) this.#setNumber(VALUE, value);
    else this.longs[VALUE] = checkU64(value, action, "value");
  }

  /** Sets the value to a page number. */
  setChild(page: number): void {
    this.words[2] = page;
    this.words[3] = 0;
  }

  /** Makes the key the next greater one; false when there is none. */
  increment(): boolean {
    const { words } = this;
    words[0]!++;
    if (words[0] !== 0) return true;
    words[1]!++;
    return words[1] !== 0;
  }

  /** Makes the key the next smaller one; false when there is none. */
  decrement(): boolean {
    const { words } = this;
    if (words[0] === 0) {
      if (words[1] === 0) return false;
      words[1]!--;
    }
    words[0]!--;
    return true;
  }

  #setNumber(which: number, integer: number): void {
    this.words[which << 1] = integer;
    this.words[(which << 1) + 1] = integer / TWO_32;
  }
}

function isSafeKey(key: number | bigint): key is number {
  return typeof key === "number" && Number.isSafeInteger(key) && key >= 0;
}

/**
 * The integer as a BigInt.
 *
 * @param action What the caller wants to do, for the message.
 * @param what What the integer is, for the message.
 * @throws {TypeError} It is neither number nor BigInt.
 * @throws {RangeError} It is no integer, or out of range.
 */
export function checkU64(integer: number | bigint, action: string, what: string): bigint {
  if (typeof integer === "bigint") {
    if (integer >= 0n && integer <= U64_MAX) return integer;
    throw new RangeError(`Cannot ${action}: ${what} ${integer} is not in 0..2^64-1`);
  }
  if (typeof integer !== "number") {
    throw new TypeError(`Cannot ${action}: the ${what} is neither a number nor a BigInt`);
  }
  if (isSafeKey(integer)) return BigInt(integer);
  const limits = "an integer in 0..2^53-1; beyond that, use a BigInt";
  throw new RangeError(`Cannot ${action}: ${what} ${integer} is not ${limits}`);
}
