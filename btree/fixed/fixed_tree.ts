/**
 * The fixed tree: an ordered map from u64 to u64, for indexes and counters.
 *
 * It works within the transaction that is open on the pager, and sees what that has changed so far.
 * The root page never moves, so a tree is its id and its root page, and nothing else is kept of it;
 * several objects for one tree agree. Reading and writing with numbers allocates nothing.
 *
 * Invariants:
 * 1. All pages of the tree carry its id, and no other page does.
 * 2. Levels fall by one with each step down, to leaves at level 0 (`FixedPath`).
 * 3. No node but the root is empty; the root of an empty tree is a leaf.
 *
 * It does not know its name, and does not begin, commit or roll back. When it throws anything but a
 * TypeError or RangeError in the middle of a change, the transaction must be rolled back.
 */

import type { Allocator } from "../../alloc/mod.ts";
import { corruptHeader, format, type Frame, header, type Pager } from "../../pager/mod.ts";
import { FixedCursor, type FixedRange, scan } from "./fixed_cursor.ts";
import { FixedEditor } from "./fixed_editor.ts";
import { FixedEntry } from "./fixed_entry.ts";
import {
  childOf,
  holdsKey,
  lowerBound,
  readEntry,
  valueNumberOf,
  writeValue,
} from "./fixed_node.ts";
import { checkChild, FixedPath } from "./fixed_path.ts";

const { CHUNK_SHIFT, KIND_FIXED_LEAF, SLOT_MASK } = format;
const { entriesOf, levelOf } = header;

/** An ordered map from u64 to u64. */
export class FixedTree {
  /** The pager that has its pages. */
  readonly pager: Pager;
  /** The number that all its pages carry. */
  readonly id: number;
  /** Its root page, which never moves. */
  readonly root: number;

  readonly #allocator: Allocator;
  readonly #entry: FixedEntry;
  readonly #path: FixedPath;
  readonly #editor: FixedEditor;

  /**
   * Opens a tree. Nothing is read yet.
   *
   * @param pager The pager, on which `registerFixedNodes` was called.
   * @param allocator The allocator of that pager.
   * @param id The id of the tree.
   * @param root Its root page.
   */
  constructor(pager: Pager, allocator: Allocator, id: number, root: number) {
    this.pager = pager;
    this.id = id;
    this.root = root;
    this.#allocator = allocator;
    this.#entry = new FixedEntry();
    this.#path = new FixedPath(pager, id, root);
    this.#editor = new FixedEditor(pager, allocator, id, this.#path, this.#entry);
  }

  /**
   * Creates an empty tree in the open transaction.
   *
   * @param pager The pager, on which `registerFixedNodes` was called.
   * @param allocator The allocator of that pager.
   * @param id An id that no tree has, nor had.
   * @throws {TypeError} No transaction is open.
   */
  static create(pager: Pager, allocator: Allocator, id: number): FixedTree {
    checkTransaction(pager, "create a tree");
    return new FixedTree(pager, allocator, id, allocator.acquire(KIND_FIXED_LEAF, id, 0));
  }

  /**
   * The value of a key, or undefined.
   *
   * @throws {TypeError} The key is neither a number nor a BigInt.
   * @throws {RangeError} The key is not an integer in 0..2^53-1, or the value exceeds 2^53-1.
   */
  getNumber(key: number): number | undefined {
    this.#entry.setKey(key, "get");
    const place = this.#path.seek(this.#entry.words);
    const frame = this.#frame(place);
    const index = lowerBound(frame, place & SLOT_MASK, this.#entry.words);
    if (!holdsKey(frame, place & SLOT_MASK, index, this.#entry.words)) return undefined;
    return safeValue(frame, place & SLOT_MASK, index);
  }

  /**
   * The value of a key, or undefined.
   *
   * @throws {TypeError} The key is neither a number nor a BigInt.
   * @throws {RangeError} The key is not an integer in 0..2^64-1; as a number, in 0..2^53-1.
   */
  get(key: number | bigint): bigint | undefined {
    this.#entry.setKey(key, "get");
    const place = this.#path.seek(this.#entry.words);
    const frame = this.#frame(place);
    const index = lowerBound(frame, place & SLOT_MASK, this.#entry.words);
    if (!holdsKey(frame, place & SLOT_MASK, index, this.#entry.words)) return undefined;
    readEntry(frame, place & SLOT_MASK, index, this.#entry.words);
    return this.#entry.longs[1];
  }

  /** Whether there is an entry with the key; throws as `get` does. */
  has(key: number | bigint): boolean {
    this.#entry.setKey(key, "look up");
    const place = this.#path.seek(this.#entry.words);
    const frame = this.#frame(place);
    const index = lowerBound(frame, place & SLOT_MASK, this.#entry.words);
    return holdsKey(frame, place & SLOT_MASK, index, this.#entry.words);
  }

  /**
   * Sets the value of a key.
   *
   * @throws {TypeError} Key or value is neither a number nor a BigInt, or no transaction is open.
   * @throws {RangeError} Key or value is not an integer in 0..2^64-1; as a number, in 0..2^53-1.
   */
  set(key: number | bigint, value: number | bigint): void {
    checkTransaction(this.pager, "set");
    this.#entry.setKey(key, "set");
    this.#entry.setValue(value, "set");
    const place = this.#path.seek(this.#entry.words);
    this.#put(place, lowerBound(this.#frame(place), place & SLOT_MASK, this.#entry.words));
  }

  /**
   * Adds to the value of a key; a key without an entry has the value 0.
   *
   * @param delta A safe integer, negative to subtract.
   * @returns The new value.
   * @throws {TypeError} The key is neither a number nor a BigInt, the delta is not a number, or no
   * transaction is open.
   * @throws {RangeError} The key is none, or the delta, the old value or the new one is not a safe
   * integer, or the new value is negative. Nothing is changed then.
   */
  add(key: number | bigint, delta: number): number {
    checkTransaction(this.pager, "add");
    this.#entry.setKey(key, "add");
    checkDelta(delta);
    const place = this.#path.seek(this.#entry.words);
    const frame = this.#frame(place);
    const index = lowerBound(frame, place & SLOT_MASK, this.#entry.words);
    const isThere = holdsKey(frame, place & SLOT_MASK, index, this.#entry.words);
    const sum = (isThere ? safeValue(frame, place & SLOT_MASK, index) : 0) + delta;
    this.#entry.setValue(sum, "add");
    this.#put(place, index);
    return sum;
  }

  /** Removes a key; false if there was none. Throws as `get` does, and without a transaction. */
  delete(key: number | bigint): boolean {
    checkTransaction(this.pager, "delete");
    this.#entry.setKey(key, "delete");
    const place = this.#path.seek(this.#entry.words);
    const frame = this.#frame(place);
    const index = lowerBound(frame, place & SLOT_MASK, this.#entry.words);
    if (!holdsKey(frame, place & SLOT_MASK, index, this.#entry.words)) return false;
    this.#editor.remove(index);
    return true;
  }

  /** How many entries there are. Reads the branches, and of the leaves only the headers. */
  count(): number {
    const root = this.#path.enterRoot();
    const frame = this.#frame(root);
    if (levelOf(frame, root & SLOT_MASK) === 0) return entriesOf(frame, root & SLOT_MASK);
    const path = new FixedPath(this.pager, this.id, this.root, 1);
    let leaves = 0;
    let count = 0;
    for (let place = path.first(); place >= 0; place = path.right()) {
      const branch = this.#frame(place);
      const children = entriesOf(branch, place & SLOT_MASK);
      leaves += children;
      // A damaged tree may have more ways to its leaves than leaves.
      if (leaves > this.pager.meta.pageCount) corruptHeader(this.root, 0, "more leaves than pages");
      for (let i = 0; i < children; i++) {
        count += this.#peekEntries(childOf(branch, place & SLOT_MASK, i), 0);
      }
    }
    return count;
  }

  /**
   * Removes all entries and gives all pages but the root back.
   *
   * @throws {TypeError} No transaction is open.
   */
  clear(): void {
    checkTransaction(this.pager, "clear");
    this.#releaseBelowRoot();
    this.#editor.emptyRoot();
  }

  /**
   * Gives all pages back, the root too. The tree is gone then, and this object is of no more use.
   *
   * @throws {TypeError} No transaction is open.
   */
  release(): void {
    checkTransaction(this.pager, "release");
    this.#releaseBelowRoot();
    this.#allocator.release(this.root, 1);
  }

  /** A cursor on no entry. Several of them, and changes in between, do not disturb each other. */
  cursor(): FixedCursor {
    return new FixedCursor(this.pager, this.id, this.root);
  }

  /**
   * The entries of a range, in the order of their keys. Changes made meanwhile show as they do with
   * a cursor: leaf by leaf.
   *
   * @throws {TypeError} A bound is neither a number nor a BigInt.
   * @throws {RangeError} A bound is not an integer in 0..2^64-1; as a number, in 0..2^53-1.
   */
  entries(range: FixedRange = {}): Generator<[bigint, bigint], void, undefined> {
    return scan(this.cursor(), range);
  }

  /** Sets the value where the key is, or inserts the entry at an index of the leaf just sought. */
  #put(place: number, index: number): void {
    const frame = this.#frame(place);
    if (holdsKey(frame, place & SLOT_MASK, index, this.#entry.words)) {
      this.pager.touch(place);
      writeValue(frame, place & SLOT_MASK, index, this.#entry.words);
    } else {
      this.#editor.insert(index);
    }
  }

  /** Releases level by level from the leaves up, so that what is above still leads the way. */
  #releaseBelowRoot(): void {
    const root = this.#path.enterRoot();
    const top = levelOf(this.#frame(root), root & SLOT_MASK);
    for (let level = 1; level <= top; level++) {
      const path = new FixedPath(this.pager, this.id, this.root, level);
      for (let place = path.first(); place >= 0; place = path.right()) {
        this.#releaseChildren(path.pages[path.depth]!, level);
      }
    }
  }

  #releaseChildren(page: number, level: number): void {
    for (let i = 0, count = 1; i < count; i++) {
      // Looking for header pages may have cost so many misses that the branch has moved.
      const place = this.pager.at(page);
      const frame = this.#frame(place);
      count = entriesOf(frame, place & SLOT_MASK);
      const child = childOf(frame, place & SLOT_MASK, i);
      this.#peekEntries(child, level - 1);
      this.#allocator.release(child, 1);
    }
  }

  /** The entries of a node, by its header alone. */
  #peekEntries(page: number, level: number): number {
    const frame = this.pager.peek(page);
    checkChild(frame, this.pager.peekedSlot, page, level, this.id);
    return entriesOf(frame, this.pager.peekedSlot);
  }

  #frame(place: number): Frame {
    return this.pager.frames[place >>> CHUNK_SHIFT]!;
  }
}

function safeValue(frame: Frame, slot: number, index: number): number {
  const value = valueNumberOf(frame, slot, index);
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  throw new RangeError("Cannot read the value as a number: it exceeds 2^53-1; use get");
}

function checkDelta(delta: number): void {
  if (Number.isSafeInteger(delta)) return;
  if (typeof delta !== "number") throw new TypeError("Cannot add: the delta is not a number");
  throw new RangeError(`Cannot add: delta ${delta} is not a safe integer`);
}

function checkTransaction(pager: Pager, action: string): void {
  if (pager.depth === 0) throw new TypeError(`Cannot ${action}: no transaction is open`);
}
