/**
 * A place in a tree for going through it a leaf at a time: it keeps no key, so unlike `Cursor` it
 * has to seek again after any change.
 */

import { format, type Frame, header, type PageReader } from "../../pager/mod.ts";
import type { LeafBatch } from "../node/leaf_batch.ts";
import { searchLeaf } from "../node/node.ts";
import { Path } from "./path.ts";
import type { Tree } from "../tree.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;
const { entriesOf } = header;

/** A place in a tree for going through it a leaf at a time. */
export class LeafCursor {
  readonly #tree: Tree;
  readonly #pager: PageReader;
  readonly #path = new Path();
  #index = 0;
  /** The place of the leaf, good until other pages are read. */
  #place = -1;

  /**
   * A cursor, not on any entry yet.
   *
   * @param tree The tree.
   */
  constructor(tree: Tree) {
    this.#tree = tree;
    this.#pager = tree.reader;
  }

  /** Goes to the first entry; false when there is none. */
  first(): boolean {
    return this.#settle(this.#tree.nodes.descendToEdge(this.#path, false), 0);
  }

  /** Goes to the last entry; false when there is none. */
  last(): boolean {
    return this.#settleLast(this.#tree.nodes.descendToEdge(this.#path, true));
  }

  /** Goes to the first entry whose key is not below `key`; false when there is none. */
  seek(key: Uint8Array, length: number = key.length): boolean {
    const index = this.#search(key, length);
    return this.#settleFrom(index < 0 ? ~index : index);
  }

  /** Goes to the first entry whose key is above `key`; false when there is none. */
  seekAfter(key: Uint8Array, length: number = key.length): boolean {
    const index = this.#search(key, length);
    return this.#settleFrom(index < 0 ? ~index : index + 1);
  }

  /** Goes to the last entry whose key is below `key`; false when there is none. */
  seekBefore(key: Uint8Array, length: number = key.length): boolean {
    const index = this.#search(key, length);
    const at = index < 0 ? ~index : index;
    return at > 0 ? this.#settle(this.#place, at - 1) : this.leaveLeaf(false);
  }

  /** Goes to the first entry of the next leaf, or to the last of the one before. */
  leaveLeaf(forward: boolean): boolean {
    const place = this.#tree.nodes.neighbour(this.#path, forward);
    return forward ? this.#settle(place, 0) : this.#settleLast(place);
  }

  /**
   * Copies entries of this leaf, from the cursor's on forward or backward: as far as the bound
   * lets, forward below `bound`, backward not below it; and no more than `most`. Nothing may be
   * read or changed between the move to the leaf and this.
   *
   * @returns Whether the bound is beyond this leaf, so that more may follow.
   */
  copyLeaf(
    batch: LeafBatch,
    forward: boolean,
    bound: Uint8Array | undefined,
    most: number,
  ): boolean {
    const frame = this.#frameAt(this.#place);
    const slot = this.#place & SLOT_MASK;
    const entries = entriesOf(frame, slot);
    const index = this.#index;
    let limit = forward ? entries : 0;
    if (bound !== undefined) {
      const found = searchLeaf(frame, slot, bound, bound.length);
      limit = found < 0 ? ~found : found;
    }
    if (forward) batch.fill(frame, slot, index, Math.min(limit, index + most));
    else batch.fill(frame, slot, Math.max(limit, index + 1 - most), index + 1);
    return forward ? limit === entries : limit === 0;
  }

  /** Goes down to the leaf of a key, and searches it. */
  #search(key: Uint8Array, length: number): number {
    const place = this.#place = this.#tree.nodes.descend(this.#path, key, length);
    return searchLeaf(this.#frameAt(place), place & SLOT_MASK, key, length);
  }

  /** Ends a move on an entry of the leaf that was searched, or on the first one after it. */
  #settleFrom(index: number): boolean {
    return this.#settle(this.#place, index) || this.leaveLeaf(true);
  }

  #settleLast(place: number): boolean {
    return this.#settle(place, place < 0 ? -1 : this.#entriesAt(place) - 1);
  }

  /** Ends a move: on an entry of a leaf, or on none when there is no such leaf or entry. */
  #settle(place: number, index: number): boolean {
    this.#place = place;
    this.#index = index;
    return place >= 0 && index >= 0 && index < this.#entriesAt(place);
  }

  #frameAt(place: number): Frame {
    return this.#pager.frames[place >>> CHUNK_SHIFT]!;
  }

  #entriesAt(place: number): number {
    return entriesOf(this.#frameAt(place), place & SLOT_MASK);
  }
}
