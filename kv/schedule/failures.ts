/**
 * Reports failures of work that nothing waits for: once, until it has succeeded again, so that a
 * full disk does not fill a log.
 */

import { reportFailure } from "../api/deno.ts";

/** The failures of one kind of work. */
export class Failures {
  readonly #work: string;
  #isFailing = false;

  /**
   * Creates it.
   *
   * @param work The work, as in `deliver messages`.
   */
  constructor(work: string) {
    this.#work = work;
  }

  /** Notes a failure, and reports it if it is the first one in a row. */
  note(error: unknown): void {
    if (!this.#isFailing) reportFailure(`Cannot ${this.#work}; it is tried again`, error);
    this.#isFailing = true;
  }

  /** Notes that the work has succeeded. */
  clear(): void {
    this.#isFailing = false;
  }
}
