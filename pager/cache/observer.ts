/**
 * Who watches a pager at work: each page that is asked for, as it is asked for.
 *
 * Nobody does as a rule, and then a page costs one test for `undefined`. What reads and writes cost
 * is counted where they are made (`Disk`), watched or not.
 */

/** Hears of each page that is asked for. */
export interface PageObserver {
  /**
   * A page was asked for.
   *
   * @param page Its number.
   * @param hit Whether it was in memory, verified.
   */
  asked(page: number, hit: boolean): void;
}

/** Several who watch, as one. */
export class Observers implements PageObserver {
  readonly #observers = new Set<PageObserver>();

  /** Whether nobody watches. */
  get isEmpty(): boolean {
    return this.#observers.size === 0;
  }

  /** Lets somebody watch from now on. */
  add(observer: PageObserver): void {
    this.#observers.add(observer);
  }

  /** Lets somebody watch no longer. */
  delete(observer: PageObserver): void {
    this.#observers.delete(observer);
  }

  /** Tells all who watch. */
  asked(page: number, hit: boolean): void {
    for (const observer of this.#observers) observer.asked(page, hit);
  }
}
