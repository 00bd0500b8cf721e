/**
 * Packing of shared pages: places the values of pages that have much room again, in key order, in
 * pages of their own, as a load does, so that fewer pages hold them.
 *
 * Values that are replaced by others of another length, or deleted, leave room that no later value
 * takes. A leaf whose values have less than a page of it in all stays as it is. Bodies of values do
 * not move.
 */

import { format, header, type PageNumber, type Pager } from "../../pager/mod.ts";
import { copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_BYTES, REFERENCE_TAG } from "../node/node.ts";
import { copyFragments, placeFragments, removeFragments } from "../value/fragments.ts";
import type { NearbyPages } from "../value/nearby_pages.ts";
import { decodeReference, encodeReference, type Reference } from "../value/reference.ts";
import { roomOf } from "../value/shared_page.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";

const { FLAG_HOLDS_RUNS, PAGE_BYTES, PAGE_SHIFT } = format;

/** Pages with less room are full. */
const ROOM_MIN = PAGE_BYTES / 16;
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
  /** The pages with room to which entries of the leaf refer. */
  readonly #thin = new Set<PageNumber>();
  /** The pages that changed in the leaf. */
  readonly #changed = new Set<PageNumber>();

  /**
   * Creates the packing of the shared pages of a tree.
   *
   * @param context The context of its database.
   * @param nodes Its pages.
   * @param recent The pages that the values of the tree that were placed last share.
   */
  constructor(context: TreeContext, nodes: TreeNodes, recent: NearbyPages) {
    this.#recent = recent;
    this.#context = context;
    this.#pager = context.pager;
    this.#nodes = nodes;
  }

  /**
   * Places the values of a leaf again that are in pages with room. Returns the pages changed, taken
   * into use or released.
   *
   * @param pagesMax The most of these, except for those of the last value.
   */
  packLeaf(leaf: PageNumber, pagesMax: number): number {
    const frame = this.#pager.peek(leaf);
    if ((header.flagsOf(frame, this.#pager.peekedSlot) & FLAG_HOLDS_RUNS) === 0) return 0;
    this.#changed.clear();
    // A fragment that moves with the other one of its value leaves room where it was.
    for (let pass = 0; pass < PASSES && this.#isThin(leaf); pass++) {
      this.#packThin(leaf, pagesMax);
    }
    return this.#changed.size;
  }

  #packThin(leaf: PageNumber, pagesMax: number): void {
    this.#nodes.changes++;
    for (let index = 0; index < this.#nodes.node(leaf, 0).entries; index++) {
      if (this.#changed.size >= pagesMax) return;
      const reference = this.#referenceAt(leaf, index);
      if (reference === undefined) continue;
      const { page, secondPage } = reference;
      if (this.#thin.has(page) || this.#thin.has(secondPage)) this.#place(leaf, index, reference);
    }
  }

  /** Collects the pages of a leaf that have room. Returns whether it is that of a page in all. */
  #isThin(leaf: PageNumber): boolean {
    this.#thin.clear();
    let room = 0;
    for (let index = 0; index < this.#nodes.node(leaf, 0).entries; index++) {
      const reference = this.#referenceAt(leaf, index);
      if (reference === undefined) continue;
      for (const page of [reference.page, reference.secondPage]) {
        if (page === 0 || this.#thin.has(page) || this.#recent.has(page)) continue;
        const free = roomOf(this.#pager, this.#nodes.tree, page);
        if (free < ROOM_MIN) continue;
        this.#thin.add(page);
        room += free;
      }
    }
    return room >= PAGE_BYTES;
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
    const { allocator } = this.#context;
    const { tree } = this.#nodes;
    const leaf = this.#nodes.node(page, 0);
    const length = copyKey(leaf.frame, leaf.slot, index, this.#key);
    const offset = this.#cell.valueAt - (leaf.slot << PAGE_SHIFT);
    const bytes = copyFragments(this.#pager, tree, old, this.#bytes);
    removeFragments(this.#pager, allocator, tree, old, this.#key, length);
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
