/**
 * The owners of values in shared pages, counted by a walk of a tree: each value has one. Keys are
 * unique in a tree, and a value names the key of its owner, so it suffices to count.
 *
 * It holds a number for each page of which the walk has reached some values and not yet all. Values
 * near each other share pages, so these are few at a time.
 */

import type { PageNumber } from "../../pager/mod.ts";

/** The owners of values in shared pages. */
export class SharedOwners {
  /** The values without an owner so far, by page. */
  readonly #left = new Map<PageNumber, number>();

  /**
   * Notes the owner of a value.
   *
   * @param values The values of its page.
   * @returns Whether it is the first owner that leads to the page.
   */
  note(page: PageNumber, values: number): boolean {
    const before = this.#left.get(page);
    const left = (before ?? values) - 1;
    if (left > 0) this.#left.set(page, left);
    else this.#left.delete(page);
    return before === undefined;
  }

  /** The pages that have values without an owner, and the number of these. */
  left(): ReadonlyMap<PageNumber, number> {
    return this.#left;
  }
}
