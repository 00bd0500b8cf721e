/**
 * A cursor: a place between the keys of a tree, moving both ways.
 *
 * It keeps the path of pages and indexes to its entry. When the tree has changed since, or a
 * rollback took changes back, it seeks its key again: an entry that is gone leaves the cursor
 * before the next one, so that neither `next` nor `previous` skips or repeats a key. Key and value
 * are views; they stay valid until the cursor moves or the tree is read or changed otherwise.
 */

import { compareKeys } from "../node/key.ts";
import { format, type Frame, header, type PageReader } from "../../pager/mod.ts";
import {
  cellAt,
  copyKey,
  KEY_BYTES_MAX,
  LeafCell,
  REFERENCE_TAG,
  searchLeaf,
} from "../node/node.ts";
import { Path } from "./path.ts";
import type { Tree } from "../tree.ts";
import { readRuns } from "../value/value.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;
const { entriesOf } = header;

/** A place between the keys of a tree, moving both ways. */
export class Cursor {
  readonly #tree: Tree;
  readonly #pager: PageReader;
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
   * @param tree The tree.
   */
  constructor(tree: Tree) {
    this.#tree = tree;
    this.#pager = tree.reader;
  }

  /** Whether the cursor is on an entry. */
  get valid(): boolean {
    return this.#valid;
  }

  /** Goes to the first entry; false when there is none. */
  first(): boolean {
    const place = this.#tree.nodes.descendToEdge(this.#path, false);
    return this.#settle(place, 0);
  }

  /** Goes to the last entry; false when there is none. */
  last(): boolean {
    const place = this.#tree.nodes.descendToEdge(this.#path, true);
    return this.#settle(place, this.#entriesAt(place) - 1);
  }

  /** Goes to the first entry whose key is not below `key`; false when there is none. */
  seek(key: Uint8Array, length: number = key.length): boolean {
    const place = this.#tree.nodes.descend(this.#path, key, length);
    const index = searchLeaf(this.#frameAt(place), place & SLOT_MASK, key, length);
    const at = index < 0 ? ~index : index;
    if (at < this.#entriesAt(place)) return this.#settle(place, at);
    return this.#settle(this.#tree.nodes.neighbour(this.#path, true), 0);
  }

  /** Goes to the last entry whose key is below `key`; false when there is none. */
  seekBefore(key: Uint8Array, length: number = key.length): boolean {
    const place = this.#tree.nodes.descend(this.#path, key, length);
    const index = searchLeaf(this.#frameAt(place), place & SLOT_MASK, key, length);
    const at = index < 0 ? ~index : index;
    if (at > 0) return this.#settle(place, at - 1);
    return this.#toLeafBefore();
  }

  /** Goes to the next entry; false, and on no entry, when there is none. */
  next(): boolean {
    if (!this.#valid) return false;
    if (this.#isStale()) return this.#nextAfterChange();
    const place = this.#leafPlace();
    const index = this.#path.indexes[this.#path.depth]! + 1;
    if (index < this.#entriesAt(place)) return this.#settle(place, index);
    return this.#settle(this.#tree.nodes.neighbour(this.#path, true), 0);
  }

  /** Goes to the entry before; false, and on no entry, when there is none. */
  previous(): boolean {
    if (!this.#valid) return false;
    if (this.#isStale()) return this.seekBefore(this.#key, this.#keyLength);
    const index = this.#path.indexes[this.#path.depth]!;
    if (index > 0) return this.#settle(this.#leafPlace(), index - 1);
    return this.#toLeafBefore();
  }

  /** The key of the entry: a view. */
  key(): Uint8Array {
    return this.#key.subarray(0, this.#keyLength);
  }

  /** The value of the entry: a view, or a copy where it is in runs; undefined when it is gone. */
  value(): Uint8Array | undefined {
    if (!this.#valid) return undefined;
    if (this.#isStale()) return this.#tree.get(this.#key, this.#keyLength);
    const place = this.#leafPlace();
    const frame = this.#frameAt(place);
    const index = this.#path.indexes[this.#path.depth]!;
    this.#cell.read(frame.u8, cellAt(frame, place & SLOT_MASK, index));
    const { tag, valueAt } = this.#cell;
    if (tag === REFERENCE_TAG) return readRuns(this.#pager, this.#tree.id, frame.u8, valueAt);
    return frame.u8.subarray(valueAt, valueAt + tag);
  }

  /** Ends a move: on an entry of a leaf, or on none when there is no such leaf or entry. */
  #settle(place: number, index: number): boolean {
    this.#valid = place >= 0 && index >= 0 && index < this.#entriesAt(place);
    if (!this.#valid) return false;
    this.#changes = this.#tree.changes;
    this.#rollbacks = this.#tree.space.pager.rollbacks;
    this.#path.indexes[this.#path.depth] = index;
    this.#keyLength = copyKey(this.#frameAt(place), place & SLOT_MASK, index, this.#key);
    return true;
  }

  /** Whether the tree has changed, or went back to what it was, since the cursor moved. */
  #isStale(): boolean {
    return this.#changes !== this.#tree.changes ||
      this.#rollbacks !== this.#tree.space.pager.rollbacks;
  }

  #nextAfterChange(): boolean {
    const length = this.#keyLength;
    this.#sought.set(this.#key.subarray(0, length));
    if (!this.seek(this.#sought, length)) return false;
    const stands = compareKeys(this.#key, this.#keyLength, this.#sought, length) === 0;
    return stands ? this.next() : true;
  }

  #toLeafBefore(): boolean {
    const place = this.#tree.nodes.neighbour(this.#path, false);
    return this.#settle(place, place < 0 ? -1 : this.#entriesAt(place) - 1);
  }

  /** The place of the leaf that the path leads to. */
  #leafPlace(): number {
    const { depth, pages } = this.#path;
    return depth === 0 ? this.#tree.nodes.rootPlace() : this.#tree.nodes.place(pages[depth]!, 0);
  }

  #frameAt(place: number): Frame {
    return this.#pager.frames[place >>> CHUNK_SHIFT]!;
  }

  #entriesAt(place: number): number {
    return entriesOf(this.#frameAt(place), place & SLOT_MASK);
  }
}
