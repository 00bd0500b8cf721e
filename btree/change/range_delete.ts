/**
 * Removing all keys between two bounds.
 *
 * Two paths lead to the leaves of the bounds. What lies between the paths goes whole: at the branch
 * where they part the entries between them, below it everything right of the one and left of the
 * other. Of the leaves that go, only headers are read, unless they refer to runs. Then the two
 * leaves lose their entries inside the range, the chain of leaves is closed, and both paths are
 * mended.
 */

import { corruptHeader, format, header, type Pager } from "../../pager/mod.ts";
import { cellAt, childAt, LeafCell, REFERENCE_TAG, searchLeaf } from "../node/node.ts";
import { compactNode, removeBranchEntry, removeLeafEntry } from "../node/node_edit.ts";
import { Path } from "../walk/path.ts";
import type { Shrinkage } from "./shrinkage.ts";
import type { Tree } from "../tree.ts";
import { releaseRuns } from "../value/value.ts";

const { CHUNK_SHIFT, FLAG_HOLDS_RUNS, HEADER, KIND_LEAF, SLOT_MASK } = format;
const { entriesOf, flagsOf, levelOf, setLink, shapeOf, treeOf } = header;

/** Removes every key of a tree from `from` on and below `to`; returns how many there were. */
export function deleteRange(
  tree: Tree,
  shrinkage: Shrinkage,
  from: Uint8Array | undefined,
  to: Uint8Array | undefined,
): number {
  return new RangeDelete(tree, shrinkage).run(from, to);
}

class RangeDelete {
  readonly #tree: Tree;
  readonly #pager: Pager;
  readonly #shrinkage: Shrinkage;
  readonly #left = new Path();
  readonly #right = new Path();
  readonly #cell = new LeafCell();
  #count = 0;

  constructor(tree: Tree, shrinkage: Shrinkage) {
    this.#tree = tree;
    this.#pager = tree.space.pager;
    this.#shrinkage = shrinkage;
  }

  run(from: Uint8Array | undefined, to: Uint8Array | undefined): number {
    const start = this.#findStart(from);
    const end = this.#findEnd(to);
    const leftPage = this.#left.pages[this.#left.depth]!;
    const rightPage = this.#right.pages[this.#right.depth]!;
    if (leftPage === rightPage) {
      this.#removeEntries(leftPage, start, end);
    } else if (this.#isBefore()) {
      this.#removeEntries(leftPage, start, Infinity);
      this.#removeEntries(rightPage, 0, end);
      this.#dropBetween();
      this.#link(leftPage, rightPage);
    }
    this.#mend(from, to);
    return this.#count;
  }

  /** The path to the leaf where the range begins, and the index there. */
  #findStart(from: Uint8Array | undefined): number {
    const { nodes } = this.#tree;
    if (from === undefined) {
      nodes.descendToEdge(this.#left, false);
      return 0;
    }
    return this.#indexIn(nodes.descend(this.#left, from, from.length), from);
  }

  /** The path to the leaf where the range ends, and the index there of the first key after it. */
  #findEnd(to: Uint8Array | undefined): number {
    const { nodes } = this.#tree;
    if (to === undefined) {
      nodes.descendToEdge(this.#right, true);
      return Infinity;
    }
    return this.#indexIn(nodes.descend(this.#right, to, to.length), to);
  }

  #indexIn(place: number, key: Uint8Array): number {
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const index = searchLeaf(frame, place & SLOT_MASK, key, key.length);
    return index < 0 ? ~index : index;
  }

  /** Whether the left path is left of the right one: with bounds the wrong way round it is not. */
  #isBefore(): boolean {
    const depth = this.#partingDepth();
    return this.#left.indexes[depth]! < this.#right.indexes[depth]!;
  }

  /** The depth of the lowest branch that both paths go through. */
  #partingDepth(): number {
    let depth = 0;
    while (this.#left.indexes[depth] === this.#right.indexes[depth]) depth++;
    return depth;
  }

  #removeEntries(page: number, from: number, to: number): void {
    const place = this.#touch(page);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const end = Math.min(to, entriesOf(frame, slot));
    for (let index = end - 1; index >= from; index--) {
      this.#releaseRunsOf(page, index);
      removeLeafEntry(frame, slot, index);
      this.#count++;
    }
    if (end > from && entriesOf(frame, slot) > 0) compactNode(frame, slot);
  }

  #releaseRunsOf(page: number, index: number): void {
    const place = this.#pager.at(page);
    const { u8 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    this.#cell.read(u8, cellAt(frame, place & SLOT_MASK, index));
    if (this.#cell.tag !== REFERENCE_TAG) return;
    const { allocator } = this.#tree.space;
    releaseRuns(this.#pager, allocator, this.#tree.id, u8, this.#cell.valueAt);
  }

  #dropBetween(): void {
    const parting = this.#partingDepth();
    for (let depth = this.#left.depth - 1; depth > parting; depth--) {
      this.#dropChildren(this.#left.pages[depth]!, this.#left.indexes[depth]! + 1, Infinity);
      this.#dropChildren(this.#right.pages[depth]!, 0, this.#right.indexes[depth]!);
    }
    const from = this.#left.indexes[parting]! + 1;
    this.#dropChildren(this.#left.pages[parting]!, from, this.#right.indexes[parting]!);
  }

  /** Drops the subtrees of entries from..to-1 of a branch, and the entries. */
  #dropChildren(page: number, from: number, to: number): void {
    const place = this.#touch(page);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const level = levelOf(frame, slot) - 1;
    for (let index = Math.min(to, entriesOf(frame, slot)) - 1; index >= from; index--) {
      this.#dropSubtree(childAt(frame, slot, index), level);
      removeBranchEntry(frame, slot, index);
    }
  }

  #dropSubtree(page: number, level: number): void {
    const pages = [page];
    const levels = [level];
    while (pages.length > 0) {
      const next = pages.pop()!;
      const nextLevel = levels.pop()!;
      if (nextLevel === 0) {
        this.#dropLeaf(next);
        continue;
      }
      const place = this.#tree.nodes.place(next, nextLevel);
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      const slot = place & SLOT_MASK;
      for (let index = 0; index < entriesOf(frame, slot); index++) {
        pages.push(childAt(frame, slot, index));
        levels.push(nextLevel - 1);
      }
      this.#tree.nodes.release(next);
    }
  }

  #dropLeaf(page: number): void {
    const frame = this.#pager.peek(page);
    const slot = this.#pager.peekedSlot;
    const shape = shapeOf(frame, slot);
    if ((shape & 0xffff) !== KIND_LEAF || treeOf(frame, slot) !== this.#tree.id) {
      corruptHeader(page, HEADER.kind, `not a leaf of tree ${this.#tree.id}, as its parent says`);
    }
    const entries = shape >>> 16;
    if ((flagsOf(frame, slot) & FLAG_HOLDS_RUNS) !== 0) this.#releaseAllRuns(page, entries);
    this.#count += entries;
    this.#tree.nodes.release(page);
  }

  #releaseAllRuns(page: number, entries: number): void {
    for (let index = 0; index < entries; index++) {
      this.#tree.nodes.place(page, 0);
      this.#releaseRunsOf(page, index);
    }
  }

  #link(leftPage: number, rightPage: number): void {
    const place = this.#touch(leftPage);
    setLink(this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK, rightPage);
  }

  /** Mends the path of each bound: the pages on both may be thin or empty now. */
  #mend(from: Uint8Array | undefined, to: Uint8Array | undefined): void {
    const { path } = this.#tree.space;
    const { nodes } = this.#tree;
    if (to === undefined) nodes.descendToEdge(path, true);
    else nodes.descend(path, to, to.length);
    this.#shrinkage.repair();
    if (from === undefined) nodes.descendToEdge(path, false);
    else nodes.descend(path, from, from.length);
    this.#shrinkage.repair();
  }

  #touch(page: number): number {
    const place = this.#pager.at(page);
    this.#pager.touch(place);
    return place;
  }
}
