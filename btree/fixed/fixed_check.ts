/**
 * Checks a whole fixed tree, for tests and for `verify`: everything that the check of a page by
 * itself cannot see.
 */

import { corrupt, corruptHeader, format, type Frame, header } from "../../pager/mod.ts";
import { U64_MAX } from "./fixed_entry.ts";
import { CAPACITY, verifyFixedNode } from "./fixed_node.ts";
import { checkChild } from "./fixed_path.ts";
import type { FixedTree } from "./fixed_tree.ts";
import {
  type TreeFigures,
  type TreeSource,
  type TreeVisitor,
  TreeWalk,
} from "../check/tree_walk.ts";

const { HEADER, KIND_FIXED_BRANCH, KIND_FIXED_LEAF, PAGE_SHIFT } = format;
const { entriesOf, kindOf, levelOf, treeOf } = header;

const LONGS_SHIFT = PAGE_SHIFT - 3;

/** What a fixed tree consists of. */
export interface FixedTreeShape {
  /** Entries in leaves. */
  readonly entries: number;
  /** Leaf pages, the root included if it is one. */
  readonly leaves: number;
  /** Branch pages. */
  readonly branches: number;
  /** The level of the root. */
  readonly level: number;
}

/** A node still to be visited, and what its parent says of it. */
interface Task {
  readonly page: number;
  readonly level: number;
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Checks that the tree is sound: each page in itself, kinds, levels and owners, every key within
 * the bounds that the branches above set, no page used twice, leaves linked in order.
 *
 * @throws {CorruptionError} It is not.
 */
export function checkFixedTree(tree: FixedTree): FixedTreeShape {
  const seen = new Set<number>();
  const source = { reader: tree.pager, id: tree.id, root: tree.root };
  const steps = walkFixedTree(source, {
    reached: (page) => seen.size < seen.add(page).size,
    broken: (error) => {
      throw error;
    },
  });
  for (let step = steps.next();; step = steps.next()) {
    if (!step.done) continue;
    const { entries, leaves, branches, depth } = step.value;
    return { entries, leaves, branches, level: depth - 1 };
  }
}

/** Walks a whole fixed tree and tells a visitor of every broken rule; a step is one node. */
export function walkFixedTree(
  tree: TreeSource,
  visitor: TreeVisitor,
): Generator<void, TreeFigures, undefined> {
  return new FixedWalk(tree, visitor).run();
}

class FixedWalk extends TreeWalk<Task> {
  protected override enterRoot(): void {
    const { root, id } = this.tree;
    const [frame, slot] = this.at(root);
    const kind = kindOf(frame, slot);
    if (kind !== KIND_FIXED_LEAF && kind !== KIND_FIXED_BRANCH) {
      corruptHeader(root, HEADER.kind, "the root is no fixed node");
    }
    if (treeOf(frame, slot) !== id) corruptHeader(root, HEADER.tree, "the root is not the tree's");
    const level = levelOf(frame, slot);
    const isThin = level > 0 && entriesOf(frame, slot) < 2;
    if (isThin) {
      this.expect(() => corruptHeader(root, HEADER.entries, "a root branch of one child"));
    }
    this.figures.depth = level + 1;
    this.tasks.push({ page: root, level, from: 0n, to: U64_MAX });
  }

  protected override visit(task: Task): void {
    const { page, level } = task;
    const { root, id } = this.tree;
    this.reach(page);
    const [frame, slot] = this.at(page);
    if (page !== root) checkChild(frame, slot, page, level, id);
    verifyFixedNode(frame, slot, page);
    const longs = new BigUint64Array(frame.u8.buffer, slot << PAGE_SHIFT, 1 << LONGS_SHIFT);
    if (level > 0) this.#visitBranch(task, longs, entriesOf(frame, slot));
    else this.#visitLeaf(task, longs, frame, slot);
  }

  #visitBranch(task: Task, longs: BigUint64Array, entries: number): void {
    this.figures.branches++;
    for (let i = entries - 1; i >= 0; i--) {
      const from = i === 0 ? task.from : longs[i]!;
      const to = i === entries - 1 ? task.to : longs[i + 1]! - 1n;
      if (from < task.from || to > task.to || from > to) this.#outOfBounds(task.page, i, "branch");
      this.tasks.push({ page: Number(longs[CAPACITY + i]), level: task.level - 1, from, to });
    }
  }

  #outOfBounds(page: number, index: number, what: string): void {
    const rule = `a key of a ${what} is out of the bounds that its parent sets`;
    this.expect(() => corrupt(page, index << 3, rule));
  }

  #visitLeaf(task: Task, longs: BigUint64Array, frame: Frame, slot: number): void {
    const { page, from, to } = task;
    const entries = entriesOf(frame, slot);
    if (entries > 0 && (longs[0]! < from || longs[entries - 1]! > to)) {
      this.#outOfBounds(page, 0, "leaf");
    }
    this.countLeaf(frame, slot, page);
  }
}
