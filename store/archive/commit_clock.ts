/**
 * The time of commits, in milliseconds since 1970: data for people, by which nothing is decided but
 * the state that a restore to a time gives. It never decreases, even if the clock is set back.
 */

/** The time of commits. */
export class CommitClock {
  #last = 0;

  /** The time, but no earlier than any before. */
  readonly now = (): number => this.notBefore(Date.now());

  /** Makes later times no earlier than one; returns that, or the last time if it is later. */
  notBefore(time: number): number {
    return this.#last = Math.max(this.#last, time);
  }
}
