/**
 * The path from a root to a leaf: at each depth, a page and the index of the entry taken.
 *
 * It holds pages, not places, because a place becomes stale when other pages are loaded.
 */

import type { PageNumber } from "../../pager/mod.ts";
import { LEVEL_MAX } from "../node/node.ts";

/** The path from a root to a leaf. */
export class TreePath {
  /** The depth of its last page; the root is at 0. */
  depth = 0;
  /** The page at each depth. */
  readonly pages: Uint32Array = new Uint32Array(LEVEL_MAX + 2);
  /** The index of the entry taken at each depth. */
  readonly indexes: Int32Array = new Int32Array(LEVEL_MAX + 2);
  /** How many leaves `TreeNodes.walkOn` went since the descent; negative = backward. */
  leaves = 0;

  /** Inserts a page below the root, after the root's content moved down to it. */
  pushUnderRoot(page: PageNumber): void {
    this.pages.copyWithin(1, 0, this.depth + 1);
    this.indexes.copyWithin(1, 0, this.depth + 1);
    this.pages[1] = page;
    this.indexes[0] = 0;
    this.depth++;
  }
}
