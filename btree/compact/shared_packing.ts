/**
 * Packing of shared pages: moves the values of pages that have few to others near them, and
 * releases these pages.
 *
 * Values that are replaced by others of another length, or deleted, leave pages that one or two
 * values share where three would fit. A page is emptied only if all of its values find room in
 * pages that entries near theirs refer to, the fullest first; so a value stays near its neighbours
 * in key order.
 */

import { assert, format, header, type PageNumber, type Pager } from "../../pager/mod.ts";
import { LeafCell, REFERENCE_TAG } from "../node/node.ts";
import { decodeReference } from "../value/reference.ts";
import { moveShared, sharedBytes, sharedShape } from "../value/shared_page.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { TreeNodes } from "../walk/tree_nodes.ts";
import { SharedOwner } from "./shared_owner.ts";

/** Pages with more values are full. */
const VALUES_MAX = 2;
/** Pages with less room are full: the shortest values that share pages do not fit. */
const ROOM_MIN = format.PAGE_BYTES / 4;

/** Empties shared pages of one tree. */
export class SharedPacking {
  readonly #context: TreeContext;
  readonly #pager: Pager;
  readonly #nodes: TreeNodes;
  readonly #owner: SharedOwner;
  readonly #cell = new LeafCell();
  readonly #targets = new Uint32Array(VALUES_MAX);
  readonly #pages = new Set<PageNumber>();

  /**
   * Creates the packing of the shared pages of a tree.
   *
   * @param context The context of its database.
   * @param nodes Its pages.
   */
  constructor(context: TreeContext, nodes: TreeNodes) {
    this.#context = context;
    this.#pager = context.pager;
    this.#nodes = nodes;
    this.#owner = new SharedOwner(context.pager, nodes);
  }

  /**
   * Empties pages to which the entries of a leaf refer. Returns the pages changed or released.
   *
   * @param pagesMax The most of these, except for the targets of the last page.
   */
  packLeaf(leaf: PageNumber, pagesMax: number): number {
    const frame = this.#pager.peek(leaf);
    if ((header.flagsOf(frame, this.#pager.peekedSlot) & format.FLAG_HOLDS_RUNS) === 0) return 0;
    let changed = 0;
    this.#collect(leaf);
    for (const page of this.#pages) {
      if (changed >= pagesMax) break;
      changed += this.#empty(page);
    }
    return changed;
  }

  /** Collects the pages of a leaf that have few values. */
  #collect(page: PageNumber): void {
    const { tree } = this.#nodes;
    const leaf = this.#nodes.node(page, 0);
    this.#pages.clear();
    for (let index = 0; index < leaf.entries; index++) {
      this.#cell.read(leaf.frame.u8, leaf.cell(index));
      if (this.#cell.tag !== REFERENCE_TAG) continue;
      const reference = decodeReference(leaf.frame.u8, this.#cell.valueAt);
      if (reference.number === 0 || this.#pages.has(reference.page)) continue;
      const shape = sharedShape(this.#pager, tree, reference.page);
      if (shape === undefined || shape.values > VALUES_MAX) continue;
      if (shape.free >= ROOM_MIN) this.#pages.add(reference.page);
    }
  }

  /** Moves all values of a page to others, if these have room. Returns how many pages changed. */
  #empty(page: PageNumber): number {
    const { tree } = this.#nodes;
    const values = sharedShape(this.#pager, tree, page)?.values ?? 0;
    if (values === 0 || values > VALUES_MAX || !this.#findTargets(page, values)) return 0;
    this.#nodes.changes++;
    const owner = this.#owner;
    for (let index = values - 1; index >= 0; index--) {
      const to = this.#targets[index]!;
      assert(owner.find(page, index), "the owner of a shared value was found before");
      const { reference, key, length } = owner;
      const { allocator } = this.#context;
      const number = moveShared(this.#pager, allocator, tree, reference, key, length, to);
      owner.refer(to, number);
    }
    return values + 1;
  }

  /** Finds a page with room for each value of a page. Returns whether there is one for each. */
  #findTargets(page: PageNumber, values: number): boolean {
    for (let index = 0; index < values; index++) {
      if (!this.#owner.find(page, index)) return false;
      const target = this.#targetOf(page, index);
      if (target === 0) return false;
      this.#targets[index] = target;
    }
    return true;
  }

  /** The fullest page near the entry found last with room for its value, or 0. */
  #targetOf(page: PageNumber, index: number): PageNumber {
    const { nearby } = this.#context;
    const { path, length, reference } = this.#owner;
    nearby.collect(this.#nodes.leafOn(path), this.#owner.index);
    const bytes = sharedBytes(length, reference.length);
    let [best, free] = [0, Infinity];
    for (let at = 0; at < nearby.count; at++) {
      const near = nearby.pages[at]!;
      // A page takes one value of the page: the other needs room that the first may take.
      if (near === page || (index > 0 && near === this.#targets[0])) continue;
      const shape = sharedShape(this.#pager, this.#nodes.tree, near);
      if (shape === undefined || shape.free < bytes || shape.free >= free) continue;
      [best, free] = [near, shape.free];
    }
    return best;
  }
}
