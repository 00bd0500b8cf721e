/**
 * The check of a whole tree: every page in its place. Each node's own structure has been checked
 * when its page was loaded.
 *
 * Rules: a child is one level below its parent and of the same tree; all keys of a node are within
 * the bounds that its parents give it; leaves are linked in key order, the last to none; only the
 * root may be without entries; no page is in the tree twice; runs add up to their values.
 */

import {
  corrupt,
  corruptHeader,
  CorruptionError,
  format,
  type Frame,
  header,
} from "../pager/mod.ts";
import { compareKeys } from "./key.ts";
import { cellAt, childAt, copyKey, isLeaf, KEY_BYTES_MAX, LeafCell } from "./node.ts";
import { REFERENCE_TAG } from "./node.ts";
import type { Tree } from "./tree.ts";
import type { TreeFigures, TreeSource, TreeVisitor } from "./tree_visit.ts";
import { pagesOfRuns } from "./value.ts";

const { CHUNK_SHIFT, HEADER, KIND_BRANCH, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, linkOf, shapeOf, treeOf } = header;

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
  return new TreeWalk(tree, visitor).run();
}

/** Of `#expectedLeaf`: leaves before this one were lost, so any may come. */
const ANY = -1;

class TreeWalk {
  readonly #tree: TreeSource;
  readonly #visitor: TreeVisitor;
  readonly #figures: TreeFigures = { depth: 0, entries: 0, leaves: 0, branches: 0 };
  readonly #visits: Visit[] = [];
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #cell = new LeafCell();
  #lastLeaf = 0;
  #expectedLeaf = ANY;

  constructor(tree: TreeSource, visitor: TreeVisitor) {
    this.#tree = tree;
    this.#visitor = visitor;
  }

  *run(): Generator<void, TreeFigures, undefined> {
    this.#try(() => this.#enterRoot());
    for (let visit = this.#visits.pop(); visit; visit = this.#visits.pop()) {
      const isSound = this.#try(() => this.#visit(visit));
      if (!isSound) this.#expectedLeaf = ANY;
      yield;
    }
    if (this.#expectedLeaf > 0) {
      this.#soft(() =>
        corruptHeader(this.#lastLeaf, HEADER.link, "the last leaf is linked to another")
      );
    }
    return this.#figures;
  }

  #enterRoot(): void {
    const { root } = this.#tree;
    const [frame, slot] = this.#at(root);
    const kind = kindOf(frame, slot);
    if (kind !== KIND_LEAF && kind !== KIND_BRANCH) {
      corruptHeader(root, HEADER.kind, `the root of a tree is of kind ${kind}`);
    }
    const level = levelOf(frame, slot);
    this.#figures.depth = level + 1;
    this.#visits.push({ page: root, level, lower: undefined, upper: undefined });
  }

  /** Does something that gives up where it throws; whether it went through. */
  #try(action: () => void): boolean {
    return this.#catch(action, true);
  }

  /** As `#try`, for a broken rule that loses nothing. */
  #soft(action: () => void): boolean {
    return this.#catch(action, false);
  }

  #catch(action: () => void, isLost: boolean): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#visitor.broken(error, isLost);
      return false;
    }
  }

  #at(page: number): [Frame, number] {
    const { reader } = this.#tree;
    const place = reader.at(page);
    return [reader.frames[place >>> CHUNK_SHIFT], place & SLOT_MASK];
  }

  #visit(visit: Visit): void {
    this.#reach(visit.page);
    this.#checkShape(visit);
    this.#soft(() => this.#checkFill(visit));
    this.#soft(() => this.#checkLower(visit));
    this.#soft(() => this.#checkUpper(visit));
    if (visit.level > 0) {
      this.#figures.branches++;
      for (const child of this.#children(visit).reverse()) this.#visits.push(child);
    } else {
      this.#visitLeaf(visit);
    }
  }

  #checkShape({ page, level }: Visit): void {
    const [frame, slot] = this.#at(page);
    const shape = level === 0 ? KIND_LEAF : KIND_BRANCH | (level << 8);
    if ((shapeOf(frame, slot) & 0xffff) !== shape) {
      corruptHeader(page, HEADER.kind, `not a node of level ${level}, as its parent says`);
    }
    const { id } = this.#tree;
    if (treeOf(frame, slot) !== id) corruptHeader(page, HEADER.tree, `not a page of tree ${id}`);
  }

  #checkFill({ page }: Visit): void {
    const [frame, slot] = this.#at(page);
    if (entriesOf(frame, slot) === 0 && page !== this.#tree.root) {
      corruptHeader(page, HEADER.entries, "a node without entries is not the root");
    }
  }

  #checkLower({ page, lower }: Visit): void {
    const [frame, slot] = this.#at(page);
    const first = isLeaf(frame, slot) ? 0 : 1;
    if (lower === undefined || entriesOf(frame, slot) <= first) return;
    const lowest = copyKey(frame, slot, first, this.#key);
    if (compareKeys(this.#key, lowest, lower, lower.length) < 0) {
      corrupt(page, 0, "a key is below what the parent says");
    }
  }

  #checkUpper({ page, upper }: Visit): void {
    const [frame, slot] = this.#at(page);
    const entries = entriesOf(frame, slot);
    if (upper === undefined || entries <= (isLeaf(frame, slot) ? 0 : 1)) return;
    const highest = copyKey(frame, slot, entries - 1, this.#key);
    if (compareKeys(this.#key, highest, upper, upper.length) >= 0) {
      corrupt(page, 0, "a key is not below what the parent says");
    }
  }

  #children(visit: Visit): Visit[] {
    const [frame, slot] = this.#at(visit.page);
    const children: Visit[] = [];
    let { lower } = visit;
    for (let index = 0; index < entriesOf(frame, slot); index++) {
      if (index > 0) lower = this.#key.slice(0, copyKey(frame, slot, index, this.#key));
      const page = childAt(frame, slot, index);
      if (index > 0) children[index - 1].upper = lower;
      children.push({ page, level: visit.level - 1, lower, upper: visit.upper });
    }
    return children;
  }

  #visitLeaf({ page }: Visit): void {
    const [frame, slot] = this.#at(page);
    if (this.#lastLeaf !== 0 && this.#expectedLeaf !== ANY && page !== this.#expectedLeaf) {
      this.#soft(() => {
        corruptHeader(this.#lastLeaf, HEADER.link, `is not linked to its neighbour, page ${page}`);
      });
    }
    this.#lastLeaf = page;
    this.#expectedLeaf = linkOf(frame, slot);
    const entries = entriesOf(frame, slot);
    this.#figures.entries += entries;
    this.#figures.leaves++;
    this.#visitor.leaf?.(frame, slot, page);
    for (let index = 0; index < entries; index++) this.#try(() => this.#visitRuns(page, index));
  }

  #visitRuns(page: number, index: number): void {
    const [frame, slot] = this.#at(page);
    this.#cell.read(frame.u8, cellAt(frame, slot, index));
    if (this.#cell.tag !== REFERENCE_TAG) return;
    const { reader, id } = this.#tree;
    for (const runPage of pagesOfRuns(reader, id, frame.u8, this.#cell.valueAt)) {
      this.#reach(runPage);
    }
  }

  #reach(page: number): void {
    if (!this.#visitor.reached(page)) corruptHeader(page, 0, "the page is in a tree twice");
  }
}
