/**
 * Random keys and values, the same in every run, and orders of access.
 */

const VALUE_BYTES = 100;
const POOL_BYTES = 64 * 1024;
const ZIPF_EXPONENT = 0.99;

/** Random keys of a fixed length. */
export class Keys {
  /** Bytes of a random key. */
  static readonly bytes = 16;
  /** How many keys there are. */
  readonly count: number;
  /** Bytes of each key. */
  readonly keyBytes: number;
  readonly #bytes: Uint8Array;
  readonly #order: Uint32Array;
  readonly #key: Uint8Array;
  #sorted: Uint32Array | undefined;

  /**
   * Makes the keys.
   *
   * @param count Their number.
   * @param prefixBytes The length of the prefix that all keys share, before the random bytes.
   */
  constructor(count: number, prefixBytes = 0) {
    this.count = count;
    this.keyBytes = prefixBytes + Keys.bytes;
    this.#bytes = new Uint8Array(count * Keys.bytes);
    this.#key = new Uint8Array(this.keyBytes).fill(0x70);
    const random = xorshift(2463534242);
    const words = new Uint32Array(this.#bytes.buffer);
    for (let i = 0; i < words.length; i++) words[i] = random();
    this.#order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const other = random() % (i + 1);
      const swapped = this.#order[i]!;
      this.#order[i]! = this.#order[other]!;
      this.#order[other]! = swapped;
    }
  }

  /** A key, in a buffer that the next call reuses. */
  at(index: number): Uint8Array {
    const start = index * Keys.bytes;
    const prefixBytes = this.keyBytes - Keys.bytes;
    for (let i = 0; i < Keys.bytes; i++) this.#key[prefixBytes + i]! = this.#bytes[start + i]!;
    return this.#key;
  }

  /** The index at a position of a random order; positions wrap around. */
  shuffled(position: number): number {
    return this.#order[position % this.count]!;
  }

  /** All keys in key order, in one reused buffer, each with a value. */
  *pairs(values: Values): Generator<[Uint8Array, Uint8Array]> {
    for (const index of this.sorted()) yield [this.at(index), values.at(index)];
  }

  /** The indexes of all keys, in key order. */
  sorted(): Uint32Array {
    return this.#sorted ??= this.#sort();
  }

  #sort(): Uint32Array {
    const bytes = this.#bytes;
    return Uint32Array.from({ length: this.count }, (_, i) => i).sort((a, b) => {
      for (let i = 0; i < Keys.bytes; i++) {
        const difference = bytes[a * Keys.bytes + i]! - bytes[b * Keys.bytes + i]!;
        if (difference !== 0) return difference;
      }
      return 0;
    });
  }
}

/** Random values of 100 bytes: windows of one pool. */
export class Values {
  /** Bytes of a value. */
  static readonly bytes = VALUE_BYTES;
  readonly #windows: Uint8Array[];

  /** Makes the values. */
  constructor() {
    const pool = new Uint8Array(POOL_BYTES);
    const random = xorshift(88675123);
    for (let i = 0; i < pool.length; i++) pool[i] = random() >>> 8;
    const count = Math.floor(POOL_BYTES / VALUE_BYTES);
    this.#windows = Array.from({ length: count }, (_, i) => {
      return pool.subarray(i * VALUE_BYTES, (i + 1) * VALUE_BYTES);
    });
  }

  /** A value; neighbouring indexes have different ones. */
  at(index: number): Uint8Array {
    return this.#windows[index % this.#windows.length]!;
  }
}

/**
 * Indexes with a Zipf distribution, exponent 0.99, the frequent ones spread over all keys.
 *
 * The method is that of Gray and others, "Quickly generating billion-record synthetic databases",
 * 1994.
 */
export class Zipf {
  readonly #count: number;
  readonly #random = xorshift(521288629);
  readonly #zeta: number;
  readonly #eta: number;

  /**
   * Makes the law.
   *
   * @param count The number of indexes.
   */
  constructor(count: number) {
    this.#count = count;
    let zeta = 0;
    for (let i = 1; i <= count; i++) zeta += 1 / i ** ZIPF_EXPONENT;
    this.#zeta = zeta;
    const two = 1 + 0.5 ** ZIPF_EXPONENT;
    this.#eta = (1 - (2 / count) ** (1 - ZIPF_EXPONENT)) / (1 - two / zeta);
  }

  /** The next index. */
  next(): number {
    return (this.#rank() * 2654435761) % this.#count;
  }

  #rank(): number {
    const unit = this.#random() / 2 ** 32;
    const share = unit * this.#zeta;
    if (share < 1) return 0;
    if (share < 1 + 0.5 ** ZIPF_EXPONENT) return 1;
    return Math.floor(
      this.#count * (this.#eta * unit - this.#eta + 1) ** (1 / (1 - ZIPF_EXPONENT)),
    );
  }
}

/** Marsaglia's xorshift, 32 bits (Journal of Statistical Software 8(14), 2003). */
export function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>>= 0;
  };
}
