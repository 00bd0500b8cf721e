/**
 * The owners of fragments in shared pages, counted by a walk of a tree: each fragment has one. Keys
 * are unique in a tree, and a fragment names the key of its owner, so it suffices to count.
 *
 * It holds a number for each page of which the walk has reached some fragments and not yet all.
 * Values near each other share pages, so these are few at a time.
 */

import type { PageNumber } from "../../pager/mod.ts";

/** The owners of fragments in shared pages. */
export class SharedOwners {
  /** The fragments without an owner so far, by page. */
  readonly #left = new Map<PageNumber, number>();

  /**
   * Notes the owner of a fragment.
   *
   * @param fragments The fragments of its page.
   * @returns Whether it is the first owner that leads to the page.
   */
  note(page: PageNumber, fragments: number): boolean {
    const before = this.#left.get(page);
    const left = (before ?? fragments) - 1;
    if (left > 0) this.#left.set(page, left);
    else this.#left.delete(page);
    return before === undefined;
  }

  /** The pages that have fragments without an owner, and the number of these. */
  left(): ReadonlyMap<PageNumber, number> {
    return this.#left;
  }
}
