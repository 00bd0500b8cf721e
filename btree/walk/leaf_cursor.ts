/**
 * A cursor that moves through a tree a leaf at a time. It keeps no key, so unlike `Cursor` it must
 * seek again after any change.
 */

import type { LeafBatch } from "../node/leaf_batch.ts";
import type { NodeView } from "../node/node_view.ts";
import type { TreeNodes } from "./tree_nodes.ts";
import { TreePath } from "./tree_path.ts";

/** A cursor that moves through a tree a leaf at a time. */
export class LeafCursor {
  #tree: TreeNodes | undefined;
  readonly #path = new TreePath();
  #index = 0;
  /** The leaf, valid until other pages are read. */
  #leaf: NodeView | undefined = undefined;

  /**
   * Creates a cursor that is on no entry.
   *
   * @param nodes The nodes of the tree. Without them, call `attach` before anything else.
   */
  constructor(nodes?: TreeNodes) {
    this.#tree = nodes;
  }

  /** Points the cursor at a tree, on no entry. Undefined releases the tree. */
  attach(nodes: TreeNodes | undefined): void {
    this.#tree = nodes;
    this.#leaf = undefined;
  }

  get #nodes(): TreeNodes {
    return this.#tree!;
  }

  /** Moves to the first entry; false if the tree is empty. */
  first(): boolean {
    return this.#settle(this.#nodes.descendToEdge(this.#path, false), 0);
  }

  /** Moves to the last entry; false if the tree is empty. */
  last(): boolean {
    return this.#settleLast(this.#nodes.descendToEdge(this.#path, true));
  }

  /** Moves to the first entry whose key is not below `key`; false if no entry qualifies. */
  seek(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    return this.#settleFrom(leaf, leaf.lowerBound(key, length));
  }

  /** Moves to the first entry whose key is above `key`; false if no entry qualifies. */
  seekAfter(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    const index = leaf.search(key, length);
    return this.#settleFrom(leaf, index < 0 ? ~index : index + 1);
  }

  /** Moves to the last entry whose key is below `key`; false if no entry qualifies. */
  seekBefore(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    const index = leaf.lowerBound(key, length);
    return index > 0 ? this.#settle(leaf, index - 1) : this.leaveLeaf(false);
  }

  /** Moves to the first entry of the next leaf, or to the last of the previous leaf. */
  leaveLeaf(forward: boolean): boolean {
    const leaf = this.#nodes.walkOn(this.#path, forward);
    return forward ? this.#settle(leaf, 0) : this.#settleLast(leaf);
  }

  /**
   * Copies entries of this leaf, from the cursor forward or backward, up to the bound and at most
   * `most`: forward keys below `bound`, backward keys not below it. Nothing may be read or changed
   * between the move to the leaf and this call.
   *
   * @returns Whether the bound is beyond this leaf, so that more entries may follow.
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

  /** Ends a move on an entry of a leaf, or on the first entry after the leaf. */
  #settleFrom(leaf: NodeView, index: number): boolean {
    return this.#settle(leaf, index) || this.leaveLeaf(true);
  }

  #settleLast(leaf: NodeView | undefined): boolean {
    if (leaf !== undefined && leaf.entries > 0) return this.#settle(leaf, leaf.entries - 1);
    return this.#settle(undefined, 0);
  }

  /** Ends a move on an entry of a leaf, or on none if the leaf or entry does not exist. */
  #settle(leaf: NodeView | undefined, index: number): boolean {
    this.#leaf = leaf;
    this.#index = index;
    return leaf !== undefined && index < leaf.entries;
  }
}
