/**
 * Memory for many short results: they share blocks, because memory of its own costs more than the
 * contents of a short one. A block stays in memory as long as any of its results.
 */

/** Gives out memory. */
export class BlockMemory {
  readonly #blockBytes: number;
  #block = new Uint8Array(0);
  #at = 0;

  /** Creates it, without a block. */
  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  /** Memory that is free at its start, of a length at least. `take` makes a part of it a result. */
  room(length: number): Uint8Array<ArrayBuffer> {
    if (this.#at + length > this.#block.length) {
      this.#block = new Uint8Array(Math.max(length, this.#blockBytes));
      this.#at = 0;
    }
    return this.#at === 0 ? this.#block : this.#block.subarray(this.#at);
  }

  /** The first bytes of what `room` returned last, which nothing writes to any more. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const from = this.#at;
    this.#at += length;
    return this.#block.subarray(from, this.#at);
  }
}
