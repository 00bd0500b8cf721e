/**
 * Inserts and removes at the end of a path in a fixed tree, and keeps the tree in shape.
 *
 * - A full node is split in the middle; or, when appending at the right edge of the tree, the new
 *   entry begins the next node, so that sequential loads leave full pages.
 * - A node of fewer than 128 entries merges with a neighbour under the same parent if both fit into
 *   448 entries, and shares entries evenly with it if not; the right one always goes into the left.
 *   One without such a neighbour stays until it is empty.
 * - The root page never moves. When it is full its content moves down into a page of its own, which
 *   is then split; when it has one child, the child's content moves up.
 *
 * Everything runs level by level along the path; nothing recurses. Every page is touched before it
 * is changed, and so stays where it is to the end of the transaction.
 */

import type { Allocator } from "../../alloc/mod.ts";
import { assert, corruptHeader, format, type Frame, header, type Pager } from "../../pager/mod.ts";
import {
  CAPACITY,
  childOf,
  clearFirstKey,
  copyNode,
  divideEntries,
  insertEntry,
  kindOfLevel,
  LEVEL_MAX,
  readEntry,
  removeEntry,
  truncate,
  writeKey,
} from "./fixed_node.ts";
import { FixedEntry } from "./fixed_entry.ts";
import { checkChild, FixedPath } from "./fixed_path.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;
const { entriesOf, levelOf, linkOf, setEntries, setLink, setShape } = header;

const SPLIT_AT = CAPACITY / 2;
const ENTRIES_MIN = 128;
const MERGED_MAX = 448;

/** Inserts and removes at the end of a path. */
export class FixedEditor {
  readonly #pager: Pager;
  readonly #allocator: Allocator;
  readonly #tree: number;
  readonly #path: FixedPath;
  readonly #entry: FixedEntry;
  readonly #neighbour: FixedPath;
  /** What goes from node to node while neighbours are joined. */
  readonly #separator = new FixedEntry();

  /**
   * An editor of one tree.
   *
   * @param pager Where its pages are.
   * @param allocator Where new ones come from.
   * @param tree The id of the tree.
   * @param path Leads to the leaf to be changed. Not true any more afterwards.
   * @param entry The entry to insert. Used up by it.
   */
  constructor(
    pager: Pager,
    allocator: Allocator,
    tree: number,
    path: FixedPath,
    entry: FixedEntry,
  ) {
    this.#pager = pager;
    this.#allocator = allocator;
    this.#tree = tree;
    this.#path = path;
    this.#entry = entry;
    this.#neighbour = new FixedPath(pager, tree, path.pages[0]!);
  }

  /** Inserts the entry at an index of the leaf at the end of the path. */
  insert(leafIndex: number): void {
    const path = this.#path;
    const leaf = this.#pager.at(path.pages[path.depth]!);
    const isAppend = leafIndex === CAPACITY && linkOf(this.#frame(leaf), leaf & SLOT_MASK) === 0;
    let index = leafIndex;
    let depth = path.depth;
    while (!this.#insertInto(path.pages[depth]!, index)) {
      if (depth === 0) {
        this.#growRoot();
        depth = 1;
      }
      this.#split(path.pages[depth]!, index, isAppend && index === CAPACITY);
      depth--;
      index = path.indexes[depth]! + 1;
    }
  }

  /** Removes the entry at an index of the leaf at the end of the path. */
  remove(leafIndex: number): void {
    const path = this.#path;
    const leaf = this.#touch(path.pages[path.depth]!);
    removeEntry(this.#frame(leaf), leaf & SLOT_MASK, leafIndex);
    let depth = path.depth;
    while (depth > 0 && this.#settle(depth)) depth--;
    if (depth === 0) this.#shrinkRoot();
  }

  /** Makes the root an empty leaf. The pages below it are released already. */
  emptyRoot(): void {
    const root = this.#touch(this.#path.pages[0]!);
    truncate(this.#frame(root), root & SLOT_MASK, 0);
    setShape(this.#frame(root), root & SLOT_MASK, kindOfLevel(0), 0);
  }

  /** False when the node is full. */
  #insertInto(page: number, index: number): boolean {
    const place = this.#touch(page);
    const frame = this.#frame(place);
    if (entriesOf(frame, place & SLOT_MASK) === CAPACITY) return false;
    insertEntry(frame, place & SLOT_MASK, index, this.#entry.words);
    return true;
  }

  /** Moves the content of the root down into a page of its own, its only child. */
  #growRoot(): void {
    const root = this.#touch(this.#path.pages[0]!);
    const frame = this.#frame(root);
    const slot = root & SLOT_MASK;
    const level = levelOf(frame, slot);
    assert(level < LEVEL_MAX, "a fixed tree of 2^64 keys is not that deep");
    const child = this.#acquire(level, this.#path.pages[0]!);
    const place = this.#pager.at(child);
    copyNode(frame, slot, this.#frame(place), place & SLOT_MASK);
    setEntries(this.#frame(place), place & SLOT_MASK, entriesOf(frame, slot));
    truncate(frame, slot, 0);
    setShape(frame, slot, kindOfLevel(level + 1), level + 1);
    this.#separator.longs[0] = 0n;
    this.#separator.setChild(child);
    insertEntry(frame, slot, 0, this.#separator.words);
    this.#path.lengthen(child);
  }

  /** Splits a full node and inserts the entry, which then becomes that of the new right node. */
  #split(page: number, index: number, isAppend: boolean): void {
    const left = this.#touch(page);
    const leftFrame = this.#frame(left);
    const level = levelOf(leftFrame, left & SLOT_MASK);
    const rightPage = this.#acquire(level, page);
    const right = this.#pager.at(rightPage);
    const rightFrame = this.#frame(right);
    const leftEntries = isAppend ? CAPACITY : SPLIT_AT;
    divideEntries(leftFrame, left & SLOT_MASK, rightFrame, right & SLOT_MASK, leftEntries);
    if (isAppend || index > leftEntries) {
      insertEntry(rightFrame, right & SLOT_MASK, index - leftEntries, this.#entry.words);
    } else {
      insertEntry(leftFrame, left & SLOT_MASK, index, this.#entry.words);
    }
    readEntry(rightFrame, right & SLOT_MASK, 0, this.#entry.words);
    this.#entry.setChild(rightPage);
    if (level > 0) {
      clearFirstKey(rightFrame, right & SLOT_MASK);
    } else {
      setLink(rightFrame, right & SLOT_MASK, linkOf(leftFrame, left & SLOT_MASK));
      setLink(leftFrame, left & SLOT_MASK, rightPage);
    }
  }

  /**
   * Sees to it that a node which lost an entry is not too small, if its parent has another child.
   *
   * @returns Whether its parent has to be seen to as well.
   */
  #settle(depth: number): boolean {
    const page = this.#path.pages[depth]!;
    const place = this.#touch(page);
    const entries = entriesOf(this.#frame(place), place & SLOT_MASK);
    if (entries >= ENTRIES_MIN) return false;
    const parentPage = this.#path.pages[depth - 1]!;
    const parent = this.#pager.at(parentPage);
    const siblings = entriesOf(this.#frame(parent), parent & SLOT_MASK) - 1;
    if (siblings > 0) {
      const index = this.#path.indexes[depth - 1]!;
      this.#checkSibling(parent, index < siblings ? index + 1 : index - 1, page);
      return this.#join(parentPage, index < siblings ? index + 1 : index);
    }
    if (entries === 0) this.#removeOnlyChild(depth);
    return true;
  }

  #checkSibling(parent: number, index: number, page: number): void {
    const frame = this.#frame(parent);
    const sibling = childOf(frame, parent & SLOT_MASK, index);
    const level = levelOf(frame, parent & SLOT_MASK) - 1;
    if (sibling === page) corruptHeader(page, 0, "the branch above has it twice");
    const place = this.#pager.at(sibling);
    checkChild(this.#frame(place), place & SLOT_MASK, sibling, level, this.#tree);
  }

  /**
   * Merges the child at an index of a branch into its left neighbour, or shares between them.
   *
   * @returns Whether the branch lost a child.
   */
  #join(parentPage: number, index: number): boolean {
    const parent = this.#touch(parentPage);
    const frame = this.#frame(parent);
    const slot = parent & SLOT_MASK;
    const isBranch = levelOf(frame, slot) > 1;
    const left = this.#touch(childOf(frame, slot, index - 1));
    const right = this.#touch(childOf(frame, slot, index));
    const leftFrame = this.#frame(left);
    const rightFrame = this.#frame(right);
    const total = entriesOf(leftFrame, left & SLOT_MASK) + entriesOf(rightFrame, right & SLOT_MASK);
    const isMerge = total <= MERGED_MAX;
    readEntry(frame, slot, index, this.#separator.words);
    if (isBranch) writeKey(rightFrame, right & SLOT_MASK, 0, this.#separator.words);
    const leftEntries = isMerge ? total : total >>> 1;
    divideEntries(leftFrame, left & SLOT_MASK, rightFrame, right & SLOT_MASK, leftEntries);
    if (isBranch) clearFirstKey(leftFrame, left & SLOT_MASK);
    if (isMerge) this.#removeRight(parent, index, left, right);
    else {
      readEntry(rightFrame, right & SLOT_MASK, 0, this.#separator.words);
      writeKey(frame, slot, index, this.#separator.words);
      if (isBranch) clearFirstKey(rightFrame, right & SLOT_MASK);
    }
    return isMerge;
  }

  /** Removes a node that has gone into its left neighbour. */
  #removeRight(parent: number, index: number, left: number, right: number): void {
    const frame = this.#frame(parent);
    const page = childOf(frame, parent & SLOT_MASK, index);
    // Of a branch both links are zero.
    setLink(this.#frame(left), left & SLOT_MASK, linkOf(this.#frame(right), right & SLOT_MASK));
    this.#allocator.release(page, 1);
    removeEntry(frame, parent & SLOT_MASK, index);
  }

  /** Removes an empty node whose parent has no other child; the parent is empty then. */
  #removeOnlyChild(depth: number): void {
    const page = this.#path.pages[depth]!;
    const place = this.#pager.at(page);
    const frame = this.#frame(place);
    const isLeaf = levelOf(frame, place & SLOT_MASK) === 0;
    if (isLeaf) this.#unlink(linkOf(frame, place & SLOT_MASK));
    this.#allocator.release(page, 1);
    const parent = this.#touch(this.#path.pages[depth - 1]!);
    removeEntry(this.#frame(parent), parent & SLOT_MASK, 0);
  }

  /** Makes the left neighbour of the leaf at the end of the path skip it. */
  #unlink(link: number): void {
    this.#neighbour.follow(this.#path);
    const place = this.#neighbour.left();
    if (place < 0) return;
    this.#pager.touch(place);
    setLink(this.#frame(place), place & SLOT_MASK, link);
  }

  /** Moves the content of the root's only child up, as long as it has only one. */
  #shrinkRoot(): void {
    const root = this.#touch(this.#path.pages[0]!);
    const frame = this.#frame(root);
    const slot = root & SLOT_MASK;
    for (let level = levelOf(frame, slot); level > 0; level--) {
      const entries = entriesOf(frame, slot);
      if (entries === 0) return this.emptyRoot();
      if (entries > 1) return;
      const child = childOf(frame, slot, 0);
      const place = this.#pager.at(child);
      const childFrame = this.#frame(place);
      checkChild(childFrame, place & SLOT_MASK, child, level - 1, this.#tree);
      copyNode(childFrame, place & SLOT_MASK, frame, slot);
      setEntries(frame, slot, entriesOf(childFrame, place & SLOT_MASK));
      setShape(frame, slot, kindOfLevel(level - 1), level - 1);
      this.#allocator.release(child, 1);
    }
  }

  #acquire(level: number, near: number): number {
    const page = this.#allocator.acquire(kindOfLevel(level), this.#tree, near);
    const place = this.#pager.at(page);
    setShape(this.#frame(place), place & SLOT_MASK, kindOfLevel(level), level);
    return page;
  }

  #touch(page: number): number {
    const place = this.#pager.at(page);
    this.#pager.touch(place);
    return place;
  }

  #frame(place: number): Frame {
    return this.#pager.frames[place >>> CHUNK_SHIFT]!;
  }
}
