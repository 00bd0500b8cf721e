/**
 * A cursor: a place between the keys of a tree, moving both ways.
 *
 * It keeps the path of pages and indexes to its entry. When the tree has changed since, or a
 * rollback took changes back, it seeks its key again: an entry that is gone leaves the cursor
 * before the next one, so that neither `next` nor `previous` skips or repeats a key. Key and value
 * are views; they stay valid until the cursor moves or the tree is read or changed otherwise.
 */

import { compareKeys } from "../node/key.ts";
import { copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_TAG } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import { readRuns } from "../value/value.ts";
import { Path } from "./path.ts";
import type { TreeNodes } from "./tree_nodes.ts";

/** A place between the keys of a tree, moving both ways. */
export class Cursor {
  readonly #nodes: TreeNodes;
  readonly #path = new Path();
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #sought = new Uint8Array(KEY_BYTES_MAX);
  readonly #cell = new LeafCell();
  #keyLength = 0;
  #changes = -1;
  #rollbacks = -1;
  #valid = false;

  /**
   * A cursor, not on any entry yet.
   *
   * @param nodes The nodes of the tree.
   */
  constructor(nodes: TreeNodes) {
    this.#nodes = nodes;
  }

  /** Whether the cursor is on an entry. */
  get valid(): boolean {
    return this.#valid;
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
    const index = leaf.lowerBound(key, length);
    if (index < leaf.entries) return this.#settle(leaf, index);
    return this.#settle(this.#nodes.neighbour(this.#path, true), 0);
  }

  /** Goes to the last entry whose key is below `key`; false when there is none. */
  seekBefore(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    const index = leaf.lowerBound(key, length);
    return index > 0 ? this.#settle(leaf, index - 1) : this.#toLeafBefore();
  }

  /** Goes to the next entry; false, and on no entry, when there is none. */
  next(): boolean {
    if (!this.#valid) return false;
    if (this.#isStale()) return this.#nextAfterChange();
    const leaf = this.#nodes.leafOn(this.#path);
    const index = this.#path.indexes[this.#path.depth]! + 1;
    if (index < leaf.entries) return this.#settle(leaf, index);
    return this.#settle(this.#nodes.neighbour(this.#path, true), 0);
  }

  /** Goes to the entry before; false, and on no entry, when there is none. */
  previous(): boolean {
    if (!this.#valid) return false;
    if (this.#isStale()) return this.seekBefore(this.#key, this.#keyLength);
    const index = this.#path.indexes[this.#path.depth]!;
    if (index > 0) return this.#settle(this.#nodes.leafOn(this.#path), index - 1);
    return this.#toLeafBefore();
  }

  /** The key of the entry: a view. */
  key(): Uint8Array {
    return this.#key.subarray(0, this.#keyLength);
  }

  /** The value of the entry: a view, or a copy where it is in runs; undefined when it is gone. */
  value(): Uint8Array | undefined {
    if (!this.#valid) return undefined;
    if (this.#isStale()) return this.#valueAfterChange();
    const leaf = this.#nodes.leafOn(this.#path);
    return this.#valueIn(leaf, this.#path.indexes[this.#path.depth]!);
  }

  #valueAfterChange(): Uint8Array | undefined {
    const leaf = this.#nodes.leafFor(this.#key, this.#keyLength);
    const index = leaf.search(this.#key, this.#keyLength);
    return index < 0 ? undefined : this.#valueIn(leaf, index);
  }

  #valueIn(leaf: NodeView, index: number): Uint8Array {
    const { u8 } = leaf.frame;
    this.#cell.read(u8, leaf.cell(index));
    const { tag, valueAt } = this.#cell;
    if (tag !== REFERENCE_TAG) return u8.subarray(valueAt, valueAt + tag);
    return readRuns(this.#nodes.reader, this.#nodes.tree, u8, valueAt);
  }

  /** Ends a move: on an entry of a leaf, or on none when there is no such leaf or entry. */
  #settle(leaf: NodeView | undefined, index: number): boolean {
    this.#valid = leaf !== undefined && index < leaf.entries;
    if (leaf === undefined || !this.#valid) return false;
    this.#changes = this.#nodes.changes;
    this.#rollbacks = this.#nodes.pager.rollbacks;
    this.#path.indexes[this.#path.depth] = index;
    this.#keyLength = copyKey(leaf.frame, leaf.slot, index, this.#key);
    return true;
  }

  #settleLast(leaf: NodeView | undefined): boolean {
    if (leaf !== undefined && leaf.entries > 0) return this.#settle(leaf, leaf.entries - 1);
    return this.#settle(undefined, 0);
  }

  /** Whether the tree has changed, or went back to what it was, since the cursor moved. */
  #isStale(): boolean {
    return this.#changes !== this.#nodes.changes ||
      this.#rollbacks !== this.#nodes.pager.rollbacks;
  }

  #nextAfterChange(): boolean {
    const length = this.#keyLength;
    this.#sought.set(this.#key.subarray(0, length));
    if (!this.seek(this.#sought, length)) return false;
    const stands = compareKeys(this.#key, this.#keyLength, this.#sought, length) === 0;
    return stands ? this.next() : true;
  }

  #toLeafBefore(): boolean {
    return this.#settleLast(this.#nodes.neighbour(this.#path, false));
  }
}
