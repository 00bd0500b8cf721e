/**
 * Packing of shared pages: places the values of pages that have much room again, in key order, in
 * pages of their own, as a load does, so that fewer pages hold them.
 *
 * Values that are replaced by others of another length, or deleted, leave room that no later value
 * takes. A leaf whose values have less than a page of it in all stays as it is, but a half empty
 * page of such a leaf takes the values of the next one. Bodies of values do not move.
 *
 * A slice may end inside a leaf, and the next one goes on with the value after it. So a packing
 * ends, whatever room its new pages have.
 */

import { format, header, type PageNumber, type Pager } from "../../pager/mod.ts";
import {
  copyKey,
  KEY_BYTES_MAX,
  keyLengthAt,
  LeafCell,
  REFERENCE_BYTES,
  REFERENCE_TAG,
} from "../node/node.ts";
import { copyFragments, leastRoom, placeFragments, removeFragments } from "../value/fragments.ts";
import type { NearbyPages } from "../value/nearby_pages.ts";
import { decodeReference, encodeReference, type Reference } from "../value/reference.ts";
import { roomOf } from "../value/shared_page.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";

const { FLAG_HOLDS_RUNS, PAGE_BYTES, PAGE_SHIFT } = format;

/** Pages with less room, or too little for values like theirs, are full. */
const ROOM_MIN = PAGE_BYTES / 16;
/** A page with as much room is half empty. */
const HALF_BYTES = PAGE_BYTES / 2;
/** How often a leaf is looked at. */
const PASSES = 2;

/** Places values of shared pages of one tree again. */
export class SharedPacking {
  readonly #context: TreeContext;
  readonly #pager: Pager;
  readonly #nodes: TreeNodes;
  readonly #cell = new LeafCell();
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #bytes = new Uint8Array(PAGE_BYTES);
  readonly #reference = new Uint8Array(REFERENCE_BYTES);
  /** The pages that the values placed last share, in earlier slices too. */
  readonly #recent: NearbyPages;
  /** The pages of the leaf whose values are placed again. */
  readonly #thin = new Set<PageNumber>();
  /** The pages that changed in the slice. */
  readonly #changed: Set<PageNumber>;
  /** The values of the leaf that were placed. */
  #placed = 0;
  /** The key of the next value: those of lower keys are done. */
  from: Uint8Array;

  /**
   * Creates the packing of the shared pages of a tree.
   *
   * @param context The context of its database.
   * @param nodes Its pages.
   * @param pages The pages that the values of the tree that were placed last share, and those that
   * the transaction has changed.
   * @param from The key of the first value that it places.
   */
  constructor(
    context: TreeContext,
    nodes: TreeNodes,
    pages: { readonly recent: NearbyPages; readonly changed: Set<PageNumber> },
    from: Uint8Array,
  ) {
    this.#recent = pages.recent;
    this.#changed = pages.changed;
    this.from = from;
    this.#context = context;
    this.#pager = context.pager;
    this.#nodes = nodes;
  }

  /**
   * Places the values of a leaf again that are in pages with room. Returns the pages changed, taken
   * into use or released, except for those that the transaction had changed before.
   *
   * @param pagesMax The most of these, except for those of the last value.
   */
  packLeaf(leaf: PageNumber, pagesMax: number): number {
    const frame = this.#pager.peek(leaf);
    if ((header.flagsOf(frame, this.#pager.peekedSlot) & FLAG_HOLDS_RUNS) === 0) return 0;
    this.#placed = 0;
    const before = this.#changed.size;
    const most = before + pagesMax;
    const { from } = this;
    const first = this.#nodes.node(leaf, 0).lowerBound(from, from.length);
    let index = first;
    // A fragment that moves with the other one of its value leaves room where it was.
    for (let pass = first === 0 ? 0 : PASSES - 1; pass < PASSES; pass++) {
      if (this.#changed.size >= most || !this.#isThin(leaf)) break;
      index = this.#packThin(leaf, first, most);
    }
    if (this.#placed > 0) this.from = this.#keyFrom(leaf, index);
    return this.#changed.size - before;
  }

  /** The key of an entry, or the first key behind those of the leaf. */
  #keyFrom(page: PageNumber, index: number): Uint8Array {
    const leaf = this.#nodes.node(page, 0);
    const isBehind = index === leaf.entries;
    const length = copyKey(leaf.frame, leaf.slot, isBehind ? index - 1 : index, this.#key);
    const key = new Uint8Array(isBehind ? length + 1 : length);
    key.set(this.#key.subarray(0, length));
    return key;
  }

  /** Places values from an entry on, while few pages changed. Returns the index of the next one. */
  #packThin(leaf: PageNumber, from: number, most: number): number {
    this.#nodes.changes++;
    let index = from;
    for (; index < this.#nodes.node(leaf, 0).entries; index++) {
      if (this.#changed.size >= most) break;
      const reference = this.#referenceAt(leaf, index);
      if (reference === undefined) continue;
      const { page, secondPage } = reference;
      if (this.#thin.has(page) || this.#thin.has(secondPage)) this.#place(leaf, index, reference);
    }
    return index;
  }

  /** Collects the pages of a leaf that have room, if that is enough. Returns whether it is. */
  #isThin(leaf: PageNumber): boolean {
    this.#thin.clear();
    let room = 0;
    let halfEmpty = 0;
    for (let index = 0; index < this.#nodes.node(leaf, 0).entries; index++) {
      const reference = this.#referenceAt(leaf, index);
      if (reference === undefined) continue;
      const keyLength = this.#keyLengthAt(leaf, index);
      for (const page of [reference.page, reference.secondPage]) {
        if (page === 0 || this.#thin.has(page) || this.#recent.has(page)) continue;
        const free = roomOf(this.#pager, this.#nodes.tree, page);
        if (free < Math.max(ROOM_MIN, leastRoom(keyLength, reference.length))) continue;
        this.#thin.add(page);
        room += free;
        if (free >= HALF_BYTES) halfEmpty = page;
      }
    }
    return room >= PAGE_BYTES || (halfEmpty !== 0 && this.#isTaken(halfEmpty));
  }

  /** Whether a page of an earlier leaf takes all of a half empty one; if not, that one is next. */
  #isTaken(halfEmpty: PageNumber): boolean {
    const { tree } = this.#nodes;
    const used = PAGE_BYTES - roomOf(this.#pager, tree, halfEmpty);
    for (let at = 0; at < this.#recent.count; at++) {
      if (roomOf(this.#pager, tree, this.#recent.pages[at]!) < used) continue;
      this.#thin.clear();
      this.#thin.add(halfEmpty);
      return true;
    }
    this.#recent.addPagesOf({ page: halfEmpty, secondPage: 0 });
    return false;
  }

  #keyLengthAt(page: PageNumber, index: number): number {
    const leaf = this.#nodes.node(page, 0);
    return keyLengthAt(leaf.frame, leaf.slot, index);
  }

  /** The reference to the fragments of an entry, whose cell is then `#cell`; undefined if none. */
  #referenceAt(page: PageNumber, index: number): Reference | undefined {
    const leaf = this.#nodes.node(page, 0);
    this.#cell.read(leaf.frame.u8, leaf.cell(index));
    if (this.#cell.tag !== REFERENCE_TAG) return undefined;
    const reference = decodeReference(leaf.frame.u8, this.#cell.valueAt);
    return reference.number === 0 ? undefined : reference;
  }

  /** Places the fragments of an entry again. */
  #place(page: PageNumber, index: number, old: Reference): void {
    this.#placed++;
    const { allocator } = this.#context;
    const { tree } = this.#nodes;
    const leaf = this.#nodes.node(page, 0);
    const length = copyKey(leaf.frame, leaf.slot, index, this.#key);
    const offset = this.#cell.valueAt - (leaf.slot << PAGE_SHIFT);
    const bytes = copyFragments(this.#pager, tree, old, this.#bytes);
    removeFragments(this.#pager, allocator, tree, old, this.#key, length);
    // A value that is placed twice may have been alone in one of them.
    this.#recent.forgetFree(allocator);
    if (this.#recent.count === 0) this.#recent.near = page;
    const now = placeFragments(
      this.#pager,
      allocator,
      tree,
      this.#key,
      length,
      bytes,
      this.#recent,
    );
    now.length = old.length;
    this.#recent.addPagesOf(now);
    encodeReference(now, this.#reference);
    this.#pager.overwrite(this.#nodes.node(page, 0).place, offset, this.#reference);
    for (const each of [old.page, old.secondPage, now.page, now.secondPage]) {
      if (each !== 0) this.#changed.add(each);
    }
  }
}
