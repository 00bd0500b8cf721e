/**
 * Steps through a range of a followed tree. The first step begins anew if another process has
 * replaced a page that it needs. Later steps read the version of the first one, and end with
 * `SnapshotTooOldError` where it is gone.
 */

import type { Scan } from "../read/scan.ts";
import type { Steps } from "../read/tree_source.ts";

/** Lets reads begin anew. */
export interface Restarts {
  /** After an error of a read: refreshes, or throws; see `FollowingSession.restart`. */
  restart(error: unknown, tries: number): void;
}

/** Steps whose first one may begin anew. */
export class FollowedSteps implements Steps {
  readonly #make: () => Steps;
  readonly #restarts: Restarts;
  #steps: Steps;
  #hasBegun = false;

  /**
   * Creates steps that have not begun.
   *
   * @param make Creates the steps of a try.
   * @param restarts Lets the first step begin anew.
   */
  constructor(make: () => Steps, restarts: Restarts) {
    this.#make = make;
    this.#restarts = restarts;
    this.#steps = make();
  }

  /** The index in the leaf of the scan of the entry stepped to. */
  get at(): number {
    return this.#steps.at;
  }

  /** Steps to the next entry. */
  next(): Scan | undefined {
    if (this.#hasBegun) return this.#steps.next();
    this.#hasBegun = true;
    for (let tries = 0;; tries++) {
      try {
        return this.#steps.next();
      } catch (error) {
        this.#steps.end();
        this.#restarts.restart(error, tries);
        this.#steps = this.#make();
      }
    }
  }

  /** Ends the steps. */
  end(): void {
    this.#steps.end();
  }
}
