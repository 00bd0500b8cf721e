/**
 * Checks a whole fixed tree, for tests and for `verify`: everything that the check of a page by
 * itself cannot see.
 */

import { corrupt, corruptHeader, format, header } from "../pager/mod.ts";
import { U64_MAX } from "./fixed_entry.ts";
import { CAPACITY, verifyFixedNode } from "./fixed_node.ts";
import { checkChild } from "./fixed_path.ts";
import type { FixedTree } from "./fixed_tree.ts";

const { CHUNK_SHIFT, HEADER, KIND_FIXED_BRANCH, KIND_FIXED_LEAF, PAGE_SHIFT, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, linkOf, treeOf } = header;

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
  return new Checker(tree).run();
}

class Checker {
  readonly #tree: FixedTree;
  readonly #tasks: Task[] = [];
  readonly #seen = new Set<number>();
  #entries = 0;
  #leaves = 0;
  #branches = 0;
  #lastLeaf = 0;
  #lastLink = 0;

  constructor(tree: FixedTree) {
    this.#tree = tree;
  }

  run(): FixedTreeShape {
    const { pager, root, id } = this.#tree;
    const place = pager.at(root);
    const frame = pager.frames[place >>> CHUNK_SHIFT];
    const slot = place & SLOT_MASK;
    const kind = kindOf(frame, slot);
    if (kind !== KIND_FIXED_LEAF && kind !== KIND_FIXED_BRANCH) {
      corruptHeader(root, HEADER.kind, "the root is no fixed node");
    }
    if (treeOf(frame, slot) !== id) corruptHeader(root, HEADER.tree, "the root is not the tree's");
    const level = levelOf(frame, slot);
    if (level > 0 && entriesOf(frame, slot) < 2) {
      corruptHeader(root, HEADER.entries, "a root branch of one child");
    }
    this.#tasks.push({ page: root, level, from: 0n, to: U64_MAX });
    for (let task = this.#tasks.pop(); task; task = this.#tasks.pop()) this.#visit(task);
    if (this.#lastLink !== 0) {
      corruptHeader(this.#lastLeaf, HEADER.link, "the last leaf has a link");
    }
    return { entries: this.#entries, leaves: this.#leaves, branches: this.#branches, level };
  }

  #visit(task: Task): void {
    const { page, level } = task;
    const { pager, root, id } = this.#tree;
    if (this.#seen.has(page)) corruptHeader(page, 0, "the tree leads to it twice");
    this.#seen.add(page);
    const place = pager.at(page);
    const frame = pager.frames[place >>> CHUNK_SHIFT];
    const slot = place & SLOT_MASK;
    if (page !== root) checkChild(frame, slot, page, level, id);
    verifyFixedNode(frame, slot, page);
    const longs = new BigUint64Array(frame.u8.buffer, slot << PAGE_SHIFT, 1 << LONGS_SHIFT);
    if (level > 0) this.#visitBranch(task, longs, entriesOf(frame, slot));
    else this.#visitLeaf(task, longs, entriesOf(frame, slot), linkOf(frame, slot));
  }

  #visitBranch(task: Task, longs: BigUint64Array, entries: number): void {
    this.#branches++;
    for (let i = entries - 1; i >= 0; i--) {
      const from = i === 0 ? task.from : longs[i];
      const to = i === entries - 1 ? task.to : longs[i + 1] - 1n;
      if (from < task.from || to > task.to || from > to) {
        corrupt(task.page, i << 3, "a key of a branch is out of the bounds that its parent sets");
      }
      this.#tasks.push({ page: Number(longs[CAPACITY + i]), level: task.level - 1, from, to });
    }
  }

  #visitLeaf(task: Task, longs: BigUint64Array, entries: number, link: number): void {
    const { page, from, to } = task;
    if (this.#lastLeaf !== 0 && this.#lastLink !== page) {
      corruptHeader(this.#lastLeaf, HEADER.link, `its right neighbour is ${page}`);
    }
    if (entries > 0 && (longs[0] < from || longs[entries - 1] > to)) {
      corrupt(page, 0, "a key of a leaf is out of the bounds that its parent sets");
    }
    this.#lastLeaf = page;
    this.#lastLink = link;
    this.#leaves++;
    this.#entries += entries;
  }
}
