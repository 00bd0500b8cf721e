/**
 * Observers of a pager at work: they are called for each page that is requested.
 *
 * A pager usually has none; then a request costs one extra test for `undefined`. Reads and writes
 * are always counted, in `Disk`.
 */

import type { PageNumber } from "./format/units.ts";

/** Is called for each page that is requested. */
export interface PageObserver {
  /**
   * Called when a page is requested.
   *
   * @param page The number of the page.
   * @param hit Whether the page was in memory and verified.
   */
  asked(page: PageNumber, hit: boolean): void;
}

/** Several observers as one. */
export class Observers implements PageObserver {
  readonly #observers = new Set<PageObserver>();

  /** Whether there is no observer. */
  get isEmpty(): boolean {
    return this.#observers.size === 0;
  }

  /** Adds an observer. */
  add(observer: PageObserver): void {
    this.#observers.add(observer);
  }

  /** Removes an observer. */
  delete(observer: PageObserver): void {
    this.#observers.delete(observer);
  }

  /** Calls every observer. */
  asked(page: PageNumber, hit: boolean): void {
    for (const observer of this.#observers) observer.asked(page, hit);
  }
}
