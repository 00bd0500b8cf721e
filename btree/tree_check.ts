/**
 * The check of a whole tree: every page in its place. Each node's own structure has been checked
 * when its page was loaded.
 *
 * Rules: a child is one level below its parent and of the same tree; all keys of a node are within
 * the bounds that its parents give it; leaves are linked in key order, the last to none; only the
 * root may be without entries; no page is in the tree twice; runs add up to their values.
 */

import { corrupt, corruptHeader, format, type Frame, header } from "../pager/mod.ts";
import { compareKeys } from "./key.ts";
import { cellAt, childAt, copyKey, isLeaf, KEY_BYTES_MAX, LeafCell } from "./node.ts";
import { REFERENCE_TAG } from "./node.ts";
import type { Tree } from "./tree.ts";
import { pagesOfRuns } from "./value.ts";

const { CHUNK_SHIFT, HEADER, SLOT_MASK } = format;
const { entriesOf, levelOf, linkOf } = header;

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
  return new TreeCheck(tree).run();
}

class TreeCheck {
  readonly #tree: Tree;
  readonly #report: TreeReport = { depth: 0, entries: 0, pages: new Set() };
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #cell = new LeafCell();
  #expectedLeaf = 0;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  run(): TreeReport {
    const { nodes } = this.#tree;
    const [frame, slot] = this.#at(nodes.rootPlace());
    const level = levelOf(frame, slot);
    this.#report.depth = level + 1;
    const visits: Visit[] = [{ page: nodes.root, level, lower: undefined, upper: undefined }];
    while (visits.length > 0) {
      const visit = visits.pop()!;
      this.#checkBounds(visit);
      if (visit.level > 0) visits.push(...this.#children(visit).reverse());
      else this.#checkLeaf(visit);
    }
    if (this.#expectedLeaf !== 0) {
      corruptHeader(this.#expectedLeaf, HEADER.link, "the last leaf is linked to another");
    }
    return this.#report;
  }

  #at(place: number): [Frame, number] {
    return [this.#tree.space.pager.frames[place >>> CHUNK_SHIFT], place & SLOT_MASK];
  }

  #node({ page, level }: Visit): [Frame, number] {
    const { nodes } = this.#tree;
    return this.#at(page === nodes.root ? nodes.rootPlace() : nodes.place(page, level));
  }

  #checkBounds(visit: Visit): void {
    this.#addPage(visit.page);
    const [frame, slot] = this.#node(visit);
    const entries = entriesOf(frame, slot);
    const first = isLeaf(frame, slot) ? 0 : 1;
    if (entries === 0 && visit.page !== this.#tree.root) {
      corruptHeader(visit.page, HEADER.entries, "a node without entries is not the root");
    }
    if (entries <= first) return;
    const { lower, upper } = visit;
    const lowest = copyKey(frame, slot, first, this.#key);
    if (lower && compareKeys(this.#key, lowest, lower, lower.length) < 0) {
      corrupt(visit.page, 0, "a key is below what the parent says");
    }
    const highest = copyKey(frame, slot, entries - 1, this.#key);
    if (upper && compareKeys(this.#key, highest, upper, upper.length) >= 0) {
      corrupt(visit.page, 0, "a key is not below what the parent says");
    }
  }

  #children(visit: Visit): Visit[] {
    const [frame, slot] = this.#node(visit);
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

  #checkLeaf(visit: Visit): void {
    const [frame, slot] = this.#node(visit);
    if (this.#report.entries > 0 && visit.page !== this.#expectedLeaf) {
      corruptHeader(visit.page, HEADER.link, "a leaf is not linked to the one after it");
    }
    this.#expectedLeaf = linkOf(frame, slot);
    const entries = entriesOf(frame, slot);
    this.#report.entries += entries;
    for (let index = 0; index < entries; index++) this.#checkRuns(visit, index);
  }

  #checkRuns(visit: Visit, index: number): void {
    const [frame, slot] = this.#node(visit);
    this.#cell.read(frame.u8, cellAt(frame, slot, index));
    if (this.#cell.tag !== REFERENCE_TAG) return;
    const { pager } = this.#tree.space;
    for (const page of pagesOfRuns(pager, this.#tree.id, frame.u8, this.#cell.valueAt)) {
      this.#addPage(page);
    }
  }

  #addPage(page: number): void {
    if (this.#report.pages.has(page)) corruptHeader(page, 0, "the page is in the tree twice");
    this.#report.pages.add(page);
  }
}
