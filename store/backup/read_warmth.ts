/**
 * Guesses whether the bytes that come next are in the cache of the system, by the time that reads
 * in line took. A read off the thread costs several times as much as one from that cache, but holds
 * up nobody while the medium is slow.
 */

/** The most batches that are read off the thread before one is tried in line again. */
const BATCHES_MAX = 32;

/** The guess. */
export class ReadWarmth {
  /** A read in line that takes as long has waited for a slow medium, in milliseconds. */
  readonly #warmMs: number;
  /** The batches that are still read off the thread. */
  #left = 0;
  /** The batches that follow the next slow read. */
  #next = 1;
  #isPrepared = false;

  /**
   * Begins with a read in line.
   *
   * @param warmMs The time of a slow read, in milliseconds.
   */
  constructor(warmMs: number) {
    this.#warmMs = warmMs;
  }

  /** Begins a batch. Returns whether it is read off the thread first. */
  begin(): boolean {
    // A whole batch in line was quick.
    if (this.#left === 0 && !this.#isPrepared) this.#next = 1;
    this.#isPrepared = this.#left > 0;
    if (this.#isPrepared) this.#left--;
    return this.#isPrepared;
  }

  /** Notes a read. Returns whether the next batch begins behind it, off the thread. */
  note(ms: number): boolean {
    if (this.#isPrepared || ms < this.#warmMs) return false;
    this.#left = this.#next;
    this.#next = Math.min(2 * this.#next, BATCHES_MAX);
    return true;
  }
}
