/**
 * Checks a whole tree up to the first broken rule, and returns its pages.
 */

import { type TreeSource, walkTree } from "../../../btree/check/tree_walk.ts";

/** The result of a check of an intact tree. */
export interface TreeReport {
  /** Levels, 1 = the root is a leaf. */
  depth: number;
  /** Keys. */
  entries: number;
  /** Every page of the tree, runs included. */
  pages: Set<number>;
}

/**
 * Checks a whole tree.
 *
 * @throws {CorruptionError} The first rule that is broken.
 */
export function checkTree(tree: TreeSource): TreeReport {
  const pages = new Set<number>();
  const steps = walkTree(tree, {
    reached: (page) => pages.size < pages.add(page).size,
    broken: (error) => {
      throw error;
    },
  });
  for (let step = steps.next();; step = steps.next()) {
    if (step.done) return { depth: step.value.depth, entries: step.value.entries, pages };
  }
}
