/**
 * A place in a tree for going through it a leaf at a time: it keeps no key, so unlike `Cursor` it
 * has to seek again after any change.
 */

import type { LeafBatch } from "../node/leaf_batch.ts";
import type { NodeView } from "../node/node_view.ts";
import { Path } from "./path.ts";
import type { TreeNodes } from "./tree_nodes.ts";

/** A place in a tree for going through it a leaf at a time. */
export class LeafCursor {
  readonly #nodes: TreeNodes;
  readonly #path = new Path();
  #index = 0;
  /** The leaf, good until other pages are read. */
  #leaf: NodeView | undefined = undefined;

  /**
   * A cursor, not on any entry yet.
   *
   * @param nodes The nodes of the tree.
   */
  constructor(nodes: TreeNodes) {
    this.#nodes = nodes;
  }

  /** Goes to the first entry; false when there is none. */
  first(): boolean {
    return this.#settle(this.#nodes.descendToEdge(this.#path, false), 0);
  }

  /** Goes to the last entry; false when there is none. */
  last(): boolean {
    return this.#settleLast(this.#nodes.descendToEdge(this.#path, true));
  }

  /** Goes to the first entry whose key is not below `key`; false when there is none. */
  seek(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    return this.#settleFrom(leaf, leaf.lowerBound(key, length));
  }

  /** Goes to the first entry whose key is above `key`; false when there is none. */
  seekAfter(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    const index = leaf.search(key, length);
    return this.#settleFrom(leaf, index < 0 ? ~index : index + 1);
  }

  /** Goes to the last entry whose key is below `key`; false when there is none. */
  seekBefore(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    const index = leaf.lowerBound(key, length);
    return index > 0 ? this.#settle(leaf, index - 1) : this.leaveLeaf(false);
  }

  /** Goes to the first entry of the next leaf, or to the last of the one before. */
  leaveLeaf(forward: boolean): boolean {
    const leaf = this.#nodes.neighbour(this.#path, forward);
    return forward ? this.#settle(leaf, 0) : this.#settleLast(leaf);
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
    const leaf = this.#leaf!;
    const { frame, slot, entries } = leaf;
    const index = this.#index;
    let limit = forward ? entries : 0;
    if (bound !== undefined) limit = leaf.lowerBound(bound, bound.length);
    if (forward) batch.fill(frame, slot, index, Math.min(limit, index + most));
    else batch.fill(frame, slot, Math.max(limit, index + 1 - most), index + 1);
    return forward ? limit === entries : limit === 0;
  }

  /** Ends a move on an entry of a leaf, or on the first one after the leaf. */
  #settleFrom(leaf: NodeView, index: number): boolean {
    return this.#settle(leaf, index) || this.leaveLeaf(true);
  }

  #settleLast(leaf: NodeView | undefined): boolean {
    if (leaf !== undefined && leaf.entries > 0) return this.#settle(leaf, leaf.entries - 1);
    return this.#settle(undefined, 0);
  }

  /** Ends a move: on an entry of a leaf, or on none when there is no such leaf or entry. */
  #settle(leaf: NodeView | undefined, index: number): boolean {
    this.#leaf = leaf;
    this.#index = index;
    return leaf !== undefined && index < leaf.entries;
  }
}
