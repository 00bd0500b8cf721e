/**
 * What follows when entries have left a tree: pages without entries go back to the allocator, thin
 * ones merge with a sibling or borrow from it, and a root with one child takes over its content.
 *
 * Siblings are of one parent, and it is always the right one that goes into the left one. A merge
 * or a borrow that the pages or the parent have no room for is left out: thin pages are allowed,
 * empty ones are not, except the root.
 */

import { corrupt, format, header, type Pager } from "../../pager/mod.ts";
import type { EntryList } from "../node/entry_list.ts";
import { childAt, copyKey, usedBytesOf } from "../node/node.ts";
import { clearNode, removeBranchEntry } from "../node/node_edit.ts";
import type { Nodes } from "../walk/tree_nodes.ts";
import { Path } from "../walk/path.ts";
import { replaceSeparator } from "./separator.ts";
import type { Space } from "../walk/space.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_LEAF, PAGE_BYTES, SLOT_MASK } = format;
const { entriesOf, kindOf, levelOf, linkOf, setLink, setShape } = header;

/** A node that uses less looks for a sibling to merge with. */
const THIN_BYTES = PAGE_BYTES / 3;
/** Two nodes merge when they use no more together, so that the next insert does not split them. */
const MERGED_BYTES_MAX = PAGE_BYTES - PAGE_BYTES / 8;

/** Takes pages out of one tree. */
export class Shrinkage {
  readonly #nodes: Nodes;
  readonly #pager: Pager;
  readonly #list: EntryList;
  readonly #path: Path;
  readonly #keys: readonly Uint8Array[];
  readonly #before = new Path();

  /**
   * The shrinkage of a tree.
   *
   * @param space Where it lives.
   * @param nodes Its pages.
   */
  constructor(space: Space, nodes: Nodes) {
    this.#nodes = nodes;
    this.#pager = space.pager;
    this.#list = space.list;
    this.#path = space.path;
    this.#keys = space.keys;
  }

  /** Mends the pages on the path, from the leaf up, after entries have left its leaf. */
  repair(): void {
    for (let depth = this.#path.depth; depth > 0; depth--) {
      const place = this.#pager.at(this.#path.pages[depth]!);
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      const slot = place & SLOT_MASK;
      if (usedBytesOf(frame, slot) >= THIN_BYTES) continue;
      if (entriesOf(frame, slot) === 0) this.#removePage(depth);
      else this.#evenOut(depth);
    }
    this.#lowerRoot();
  }

  /** Takes a page without entries out of its parent, and out of the chain of leaves. */
  #removePage(depth: number): void {
    const page = this.#path.pages[depth]!;
    if (depth === this.#path.depth) this.#unlinkLeaf(page);
    this.#nodes.release(page);
    const parent = this.#touch(this.#path.pages[depth - 1]!);
    const frame = this.#pager.frames[parent >>> CHUNK_SHIFT]!;
    removeBranchEntry(frame, parent & SLOT_MASK, this.#path.indexes[depth - 1]!);
  }

  #unlinkLeaf(page: number): void {
    const place = this.#pager.at(page);
    const next = linkOf(this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
    const before = this.placeBefore();
    if (before < 0) return;
    this.#pager.touch(before);
    setLink(this.#pager.frames[before >>> CHUNK_SHIFT]!, before & SLOT_MASK, next);
  }

  /** The place of the leaf before the one at the end of the path, or -1. */
  placeBefore(): number {
    const path = this.#before;
    path.depth = this.#path.depth;
    path.pages.set(this.#path.pages);
    path.indexes.set(this.#path.indexes);
    return this.#nodes.neighbour(path, false);
  }

  /** Merges a thin node with a sibling, or lets it borrow. */
  #evenOut(depth: number): void {
    const parentPage = this.#path.pages[depth - 1]!;
    const parent = this.#pager.at(parentPage);
    const frame = this.#pager.frames[parent >>> CHUNK_SHIFT]!;
    const slot = parent & SLOT_MASK;
    const entries = entriesOf(frame, slot);
    if (entries < 2) return; // the parent is thin itself, and is looked at next
    const index = this.#path.indexes[depth - 1]!;
    const left = index + 1 < entries ? index : index - 1;
    const leftPage = childAt(frame, slot, left);
    const rightPage = childAt(frame, slot, left + 1);
    const level = levelOf(frame, slot) - 1;
    const separator = copyKey(frame, slot, left + 1, this.#keys[0]!);
    const from = this.#gather(leftPage, rightPage, level, separator);
    this.#checkOrder(from, rightPage, level);
    const { count } = this.#list;
    const bytes = this.#list.bytes(0, count, this.#list.prefixLength(0, count));
    if (bytes <= MERGED_BYTES_MAX) this.#merge(depth, left, leftPage, rightPage, level);
    else if (bytes > PAGE_BYTES) this.#borrow(depth, left, leftPage, rightPage);
  }

  /**
   * Lists the entries of two siblings, and returns where those of the right one begin. The key
   * between branches comes down to the first of them.
   */
  #gather(leftPage: number, rightPage: number, level: number, separator: number): number {
    const list = this.#list;
    let rightFrom = 0;
    list.begin(level === 0);
    for (const [source, page] of [[1, leftPage], [2, rightPage]] as const) {
      const place = this.#nodes.place(page, level);
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      const slot = place & SLOT_MASK;
      list.load(source, frame, slot);
      rightFrom = list.count;
      if (source === 2 && level > 0) {
        list.putBranchEntry(this.#keys[0]!, separator, childAt(frame, slot, 0));
        list.take(2, 1, entriesOf(frame, slot));
      } else {
        list.take(source, 0, entriesOf(frame, slot));
      }
    }
    return rightFrom;
  }

  /** Throws unless the list ascends where the siblings meet: each page was checked alone. */
  #checkOrder(rightFrom: number, rightPage: number, level: number): void {
    // Of branches, the key that came down stands between the two.
    const last = level === 0 ? rightFrom : rightFrom + 1;
    for (let at = Math.max(rightFrom, 1); at <= last && at < this.#list.count; at++) {
      if (this.#list.ascendsAt(at)) continue;
      corrupt(rightPage, 0, "a key is not within what the parent says");
    }
  }

  #merge(depth: number, left: number, leftPage: number, rightPage: number, level: number): void {
    const place = this.#touch(leftPage);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    this.#list.build(frame, place & SLOT_MASK, 0, this.#list.count);
    if (level === 0) {
      const right = this.#nodes.place(rightPage, 0);
      const next = linkOf(this.#pager.frames[right >>> CHUNK_SHIFT]!, right & SLOT_MASK);
      setLink(frame, place & SLOT_MASK, next);
    }
    this.#nodes.release(rightPage);
    const parent = this.#touch(this.#path.pages[depth - 1]!);
    removeBranchEntry(this.#pager.frames[parent >>> CHUNK_SHIFT]!, parent & SLOT_MASK, left + 1);
  }

  #borrow(depth: number, left: number, leftPage: number, rightPage: number): void {
    const list = this.#list;
    const cut = list.middle();
    // Together the siblings may share a shorter prefix, and then not even two pages may hold them.
    if (!list.fits(0, cut) || !list.fits(cut, list.count)) return;
    const key = this.#keys[2]!;
    const length = list.copySeparatorTo(cut, key);
    const parentPage = this.#path.pages[depth - 1]!;
    if (!replaceSeparator(this.#pager, parentPage, left + 1, key, length)) return;
    for (const [page, from, to] of [[leftPage, 0, cut], [rightPage, cut, list.count]] as const) {
      const place = this.#touch(page);
      list.build(this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK, from, to);
    }
  }

  /** While the root is a branch with one child, the root takes over that child's content. */
  #lowerRoot(): void {
    for (;;) {
      const place = this.#nodes.rootPlace();
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
      const slot = place & SLOT_MASK;
      if (kindOf(frame, slot) !== KIND_BRANCH || entriesOf(frame, slot) > 1) return;
      this.#pager.touch(place);
      if (entriesOf(frame, slot) === 0) {
        setShape(frame, slot, KIND_LEAF, 0);
        clearNode(frame, slot);
        return;
      }
      this.#takeOver(place, childAt(frame, slot, 0));
    }
  }

  #takeOver(place: number, childPage: number): void {
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const level = levelOf(frame, slot) - 1;
    const child = this.#nodes.place(childPage, level);
    const childFrame = this.#pager.frames[child >>> CHUNK_SHIFT]!;
    const entries = entriesOf(childFrame, child & SLOT_MASK);
    const list = this.#list;
    list.begin(level === 0);
    list.load(1, childFrame, child & SLOT_MASK);
    list.take(1, 0, entries);
    setShape(frame, slot, level === 0 ? KIND_LEAF : KIND_BRANCH, level);
    list.build(frame, slot, 0, entries);
    this.#nodes.release(childPage);
  }

  #touch(page: number): number {
    const place = this.#pager.at(page);
    this.#pager.touch(place);
    return place;
  }
}
