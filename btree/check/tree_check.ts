/**
 * The check of a whole tree: every page in its place. Each node's own structure has been checked
 * when its page was loaded.
 *
 * Rules: a child is one level below its parent and of the same tree; all keys of a node are within
 * the bounds that its parents give it; leaves are linked in key order, the last to none; only the
 * root may be without entries; no page is in the tree twice; runs add up to their values.
 */

import { corrupt, corruptHeader, format, header } from "../../pager/mod.ts";
import { compareKeys } from "../node/key.ts";
import { cellAt, childAt, copyKey, isLeaf, KEY_BYTES_MAX, LeafCell } from "../node/node.ts";
import { REFERENCE_TAG } from "../node/node.ts";
import type { Tree } from "../tree.ts";
import { type TreeFigures, type TreeSource, type TreeVisitor, TreeWalk } from "./tree_walk.ts";
import { pagesOfRuns } from "../value/value.ts";

const { HEADER, KIND_BRANCH, KIND_LEAF } = format;
const { entriesOf, kindOf, levelOf, shapeOf, treeOf } = header;

/** What a check of a tree found. */
export interface TreeReport {
  /** Levels, 1 = the root is a leaf. */
  depth: number;
  /** Keys. */
  entries: number;
  /** Every page of the tree, runs included. */
  pages: Set<number>;
}

interface Visit {
  page: number;
  level: number;
  /** Keys of the page are not below this. */
  lower: Uint8Array | undefined;
  /** Keys of the page are below this. */
  upper: Uint8Array | undefined;
}

/**
 * Checks a whole tree.
 *
 * @throws {CorruptionError} The first rule that is broken.
 */
export function checkTree(tree: Tree): TreeReport {
  const pages = new Set<number>();
  const source = { reader: tree.reader, id: tree.id, root: tree.root };
  const steps = walkTree(source, {
    reached: (page) => pages.size < pages.add(page).size,
    broken: (error) => {
      throw error;
    },
  });
  for (let step = steps.next();; step = steps.next()) {
    if (step.done) return { depth: step.value.depth, entries: step.value.entries, pages };
  }
}

/** Walks a whole tree and tells a visitor of every broken rule; a step is one node. */
export function walkTree(
  tree: TreeSource,
  visitor: TreeVisitor,
): Generator<void, TreeFigures, undefined> {
  return new NodeWalk(tree, visitor).run();
}

class NodeWalk extends TreeWalk<Visit> {
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #cell = new LeafCell();

  protected override enterRoot(): void {
    const { root } = this.tree;
    const [frame, slot] = this.at(root);
    const kind = kindOf(frame, slot);
    if (kind !== KIND_LEAF && kind !== KIND_BRANCH) {
      corruptHeader(root, HEADER.kind, `the root of a tree is of kind ${kind}`);
    }
    const level = levelOf(frame, slot);
    this.figures.depth = level + 1;
    this.tasks.push({ page: root, level, lower: undefined, upper: undefined });
  }

  protected override visit(visit: Visit): void {
    this.reach(visit.page);
    this.#checkShape(visit);
    this.expect(() => this.#checkFill(visit));
    this.expect(() => this.#checkLower(visit));
    this.expect(() => this.#checkUpper(visit));
    if (visit.level > 0) {
      this.figures.branches++;
      for (const child of this.#children(visit).reverse()) this.tasks.push(child);
    } else {
      this.#visitLeaf(visit);
    }
  }

  #checkShape({ page, level }: Visit): void {
    const [frame, slot] = this.at(page);
    const shape = level === 0 ? KIND_LEAF : KIND_BRANCH | (level << 8);
    if ((shapeOf(frame, slot) & 0xffff) !== shape) {
      corruptHeader(page, HEADER.kind, `not a node of level ${level}, as its parent says`);
    }
    const { id } = this.tree;
    if (treeOf(frame, slot) !== id) corruptHeader(page, HEADER.tree, `not a page of tree ${id}`);
  }

  #checkFill({ page }: Visit): void {
    const [frame, slot] = this.at(page);
    if (entriesOf(frame, slot) === 0 && page !== this.tree.root) {
      corruptHeader(page, HEADER.entries, "a node without entries is not the root");
    }
  }

  #checkLower({ page, lower }: Visit): void {
    const [frame, slot] = this.at(page);
    const first = isLeaf(frame, slot) ? 0 : 1;
    if (lower === undefined || entriesOf(frame, slot) <= first) return;
    const lowest = copyKey(frame, slot, first, this.#key);
    if (compareKeys(this.#key, lowest, lower, lower.length) < 0) {
      corrupt(page, 0, "a key is below what the parent says");
    }
  }

  #checkUpper({ page, upper }: Visit): void {
    const [frame, slot] = this.at(page);
    const entries = entriesOf(frame, slot);
    if (upper === undefined || entries <= (isLeaf(frame, slot) ? 0 : 1)) return;
    const highest = copyKey(frame, slot, entries - 1, this.#key);
    if (compareKeys(this.#key, highest, upper, upper.length) >= 0) {
      corrupt(page, 0, "a key is not below what the parent says");
    }
  }

  #children(visit: Visit): Visit[] {
    const [frame, slot] = this.at(visit.page);
    const children: Visit[] = [];
    let { lower } = visit;
    for (let index = 0; index < entriesOf(frame, slot); index++) {
      if (index > 0) lower = this.#key.slice(0, copyKey(frame, slot, index, this.#key));
      const page = childAt(frame, slot, index);
      if (index > 0) children[index - 1]!.upper = lower;
      children.push({ page, level: visit.level - 1, lower, upper: visit.upper });
    }
    return children;
  }

  #visitLeaf({ page }: Visit): void {
    const [frame, slot] = this.at(page);
    this.countLeaf(frame, slot, page);
    const entries = entriesOf(frame, slot);
    for (let index = 0; index < entries; index++) this.attempt(() => this.#visitRuns(page, index));
  }

  #visitRuns(page: number, index: number): void {
    const [frame, slot] = this.at(page);
    this.#cell.read(frame.u8, cellAt(frame, slot, index));
    if (this.#cell.tag !== REFERENCE_TAG) return;
    const { reader, id } = this.tree;
    for (const runPage of pagesOfRuns(reader, id, frame.u8, this.#cell.valueAt)) {
      this.reach(runPage);
    }
  }
}
