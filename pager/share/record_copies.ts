/**
 * Copies of the records of commits. Those of small commits lie side by side in one buffer: memory
 * of its own for each takes longer than the copy. A buffer lives as long as one of its copies, and
 * these are given up about together, when a checkpoint ends.
 */

/** The bytes of a buffer. */
const BUFFER_BYTES = 64 * 1024;
/** The most bytes that go there. */
const SMALL_BYTES = 4096;

/** Copies of the records of commits. */
export class RecordCopies {
  #buffer = new Uint8Array(0);
  #used = 0;

  /** Copies the first bytes of some. */
  copy(bytes: Uint8Array, length: number): Uint8Array {
    if (length > SMALL_BYTES) return bytes.slice(0, length);
    if (this.#used + length > this.#buffer.length) {
      this.#buffer = new Uint8Array(BUFFER_BYTES);
      this.#used = 0;
    }
    const copied = this.#buffer.subarray(this.#used, this.#used += length);
    copied.set(bytes.subarray(0, length));
    return copied;
  }
}
