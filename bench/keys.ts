/**
 * Random keys that are the same in every run, and an order to ask for them in.
 */

/** Random keys of 16 bytes. */
export class Keys {
  /** Bytes of a key. */
  static readonly bytes = 16;
  /** How many keys there are. */
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #order: Uint32Array;
  readonly #key = new Uint8Array(Keys.bytes);
  #sorted: Uint8Array[] = [];

  /**
   * Makes the keys.
   *
   * @param count How many.
   */
  constructor(count: number) {
    this.count = count;
    this.#bytes = new Uint8Array(count * Keys.bytes);
    const random = xorshift(2463534242);
    const words = new Uint32Array(this.#bytes.buffer);
    for (let i = 0; i < words.length; i++) words[i] = random();
    this.#order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const other = random() % (i + 1);
      const swapped = this.#order[i];
      this.#order[i] = this.#order[other];
      this.#order[other] = swapped;
    }
  }

  /** A key, in a buffer that the next call uses again. */
  at(index: number): Uint8Array {
    const start = index * Keys.bytes;
    for (let i = 0; i < Keys.bytes; i++) this.#key[i] = this.#bytes[start + i];
    return this.#key;
  }

  /** The index that stands at a position of a random order. */
  shuffled(position: number): number {
    return this.#order[position];
  }

  /** All keys in key order, each with the same value. */
  *pairs(value: Uint8Array): Generator<[Uint8Array, Uint8Array]> {
    for (const key of this.#sorted) yield [key, value];
  }

  /** Sorts the keys for `pairs`. */
  sort(): void {
    this.#sorted = Array.from({ length: this.count }, (_, i) => {
      return this.#bytes.subarray(i * Keys.bytes, (i + 1) * Keys.bytes);
    });
    this.#sorted.sort((a, b) => {
      for (let i = 0; i < Keys.bytes; i++) if (a[i] !== b[i]) return a[i] - b[i];
      return 0;
    });
  }
}

/** Marsaglia's xorshift, 32 bits (Journal of Statistical Software 8(14), 2003). */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>>= 0;
  };
}
