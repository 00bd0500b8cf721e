/**
 * The figures of a tree.
 */

import { type BTree, census } from "../btree/mod.ts";
import { format, type Pager } from "../pager/mod.ts";

const { KIND_BRANCH, KIND_LEAF, KIND_RUN, KIND_RUN_CONTINUED } = format;

/** How large a tree is and of what it is made. Pages are of 8192 bytes. */
export interface TreeStats {
  /** Entries. */
  readonly entries: number;
  /** Pages on the way from the root to an entry; 0 = there is no tree. */
  readonly levels: number;
  /** Pages that hold entries. */
  readonly leafPages: number;
  /** Pages that lead there. */
  readonly branchPages: number;
  /** Pages of values that are too large for a leaf. */
  readonly runPages: number;
  /** Bytes in use of all these pages. */
  readonly usedBytes: number;
}

/** The figures of a tree that does not exist. */
export const NO_TREE: TreeStats = {
  entries: 0,
  levels: 0,
  leafPages: 0,
  branchPages: 0,
  runPages: 0,
  usedBytes: 0,
};

/** The figures of a tree. */
export function statsOf(pager: Pager, tree: BTree): TreeStats {
  const { pagesOfKind, usedBytesOfKind, entriesOfKind } = census(pager, tree.id);
  return {
    entries: entriesOfKind[KIND_LEAF]!,
    levels: tree.levels(),
    leafPages: pagesOfKind[KIND_LEAF]!,
    branchPages: pagesOfKind[KIND_BRANCH]!,
    runPages: pagesOfKind[KIND_RUN]! + pagesOfKind[KIND_RUN_CONTINUED]!,
    usedBytes: usedBytesOfKind[KIND_LEAF]! + usedBytesOfKind[KIND_BRANCH]! +
      usedBytesOfKind[KIND_RUN]!,
  };
}
