/**
 * The longest turn of the event loop: a timer that is due every millisecond says how long it was
 * held up.
 */

/** Watches the turns of the event loop until it is disposed. */
export class LongestTurn {
  #last = performance.now();
  #longest = 0;
  readonly #timer = setInterval(() => this.#note(), 1);

  /** The longest turn since the last call, in milliseconds. */
  take(): number {
    this.#note();
    const longest = this.#longest;
    this.#longest = 0;
    return longest;
  }

  /** Ends the timer. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #note(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }
}
