/**
 * A cursor: a position in a tree that moves in both directions.
 *
 * It keeps the path of pages and indexes to its entry. After a change or a rollback of the tree it
 * seeks its key again. If that entry was removed, the cursor is before the next entry, so neither
 * `next` nor `previous` skips or repeats a key. Key and value are views, valid until the cursor
 * moves or the tree is read or changed in any other way.
 */

import { compareKeys } from "../node/key.ts";
import { copyKey, KEY_BYTES_MAX, LeafCell, REFERENCE_TAG } from "../node/node.ts";
import type { NodeView } from "../node/node_view.ts";
import { readReferenced } from "../value/value.ts";
import type { TreeNodes } from "./tree_nodes.ts";
import { TreePath } from "./tree_path.ts";

/** A position in a tree that moves in both directions. */
export class Cursor {
  readonly #nodes: TreeNodes;
  readonly #path = new TreePath();
  readonly #key = new Uint8Array(KEY_BYTES_MAX);
  readonly #sought = new Uint8Array(KEY_BYTES_MAX);
  readonly #cell = new LeafCell();
  #keyLength = 0;
  #changes = -1;
  #rollbacks = -1;
  #valid = false;

  /**
   * Creates a cursor that is on no entry.
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
    const index = leaf.lowerBound(key, length);
    if (index < leaf.entries) return this.#settle(leaf, index);
    return this.#settle(this.#nodes.walkOn(this.#path, true), 0);
  }

  /** Moves to the last entry whose key is below `key`; false if no entry qualifies. */
  seekBefore(key: Uint8Array, length: number = key.length): boolean {
    const leaf = this.#nodes.descend(this.#path, key, length);
    const index = leaf.lowerBound(key, length);
    return index > 0 ? this.#settle(leaf, index - 1) : this.#toLeafBefore();
  }

  /** Moves to the next entry; false, and on no entry, at the end. */
  next(): boolean {
    if (!this.#valid) return false;
    if (this.#isStale()) return this.#nextAfterChange();
    const leaf = this.#nodes.leafOn(this.#path);
    const index = this.#path.indexes[this.#path.depth]! + 1;
    if (index < leaf.entries) return this.#settle(leaf, index);
    return this.#settle(this.#nodes.walkOn(this.#path, true), 0);
  }

  /** Moves to the previous entry; false, and on no entry, at the beginning. */
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

  /** The value: a view, or a copy if it is outside of its leaf; undefined if it was removed. */
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
    return readReferenced(this.#nodes.reader, this.#nodes.tree, u8, valueAt);
  }

  /** Ends a move on an entry of a leaf, or on none if the leaf or entry does not exist. */
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

  /** Whether the tree was changed or rolled back since the cursor moved. */
  #isStale(): boolean {
    return this.#changes !== this.#nodes.changes ||
      this.#rollbacks !== this.#nodes.pager.rollbacks;
  }

  #nextAfterChange(): boolean {
    const length = this.#keyLength;
    this.#sought.set(this.#key.subarray(0, length));
    if (!this.seek(this.#sought, length)) return false;
    const isThere = compareKeys(this.#key, this.#keyLength, this.#sought, length) === 0;
    return isThere ? this.next() : true;
  }

  #toLeafBefore(): boolean {
    return this.#settleLast(this.#nodes.walkOn(this.#path, false));
  }
}
