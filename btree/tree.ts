/**
 * A B+ tree of variable-length keys and values.
 *
 * A `find` descends from the root, in each branch to the entry whose child holds the key, to a
 * leaf and its entry (`node.ts`). Each page is checked against its parent (`tree_nodes.ts`).
 * A `put` also records the path. It writes the entry if the page has room; otherwise the tree grows
 * (`splitter.ts`). A `delete` removes the entry, then repairs the path (`rebalancer.ts`), as does a
 * `put` of a shorter value. Values over 1024 bytes are stored in fragments that share pages
 * (`fragments.ts`), or in runs (`runs.ts`).
 *
 * Keys are ordered by their bytes, unsigned. Changes take place inside a transaction of the pager;
 * an error in the middle of one leaves the tree between two states, so the caller must roll the
 * transaction back.
 */

import { format, header, type Pager, type PageReader } from "../pager/mod.ts";
import { deleteRange } from "./change/range_delete.ts";
import { Rebalancer } from "./change/rebalancer.ts";
import { Splitter } from "./change/splitter.ts";
import {
  cellBytes,
  copyKey,
  ENTRY_BYTES_MAX,
  HEAD_BYTES,
  INLINE_BYTES_MAX,
  KEY_BYTES_MAX,
  LEAF_WIDTH,
  LeafCell,
  payloadBytes,
  REFERENCE_BYTES,
  REFERENCE_TAG,
} from "./node/node.ts";
import { removeLeafEntry } from "./node/node_edit.ts";
import type { NodeView } from "./node/node_view.ts";
import { fitsFragments, removeValue, replaceFragments, writeFragments } from "./value/fragments.ts";
import { decodeReference, encodeReference, referredLength } from "./value/reference.ts";
import { releaseRuns, VALUE_BYTES_MAX, writeRuns } from "./value/runs.ts";
import { readReferenced } from "./value/value.ts";
import { ValueReader } from "./value/value_reader.ts";
import { countRange } from "./walk/count.ts";
import { Cursor } from "./walk/cursor.ts";
import type { LookupBatch } from "./walk/lookup_batch.ts";
import { sliceEnd } from "./walk/slice_end.ts";
import type { TreeContext } from "./walk/tree_context.ts";
import { createNode, TreeNodes } from "./walk/tree_nodes.ts";

const { PAGE_SHIFT } = format;
const { cellStartOf } = header;

const NO_BYTES = new Uint8Array(0);
/** The longest inline value of a short key. */
const INLINE_SHORT_KEY_MAX = 1024;
/** A longer key is long. */
const LONG_KEY_BYTES = 256;

/** The location of a value. The object is reused: valid until the next call on the tree. */
export class FoundEntry {
  /** The bytes that contain the value, or the reference to it. */
  bytes: Uint8Array = NO_BYTES;
  /** The offset in `bytes`. */
  at = 0;
  /** The length of the value, or -1 if it is outside of its leaf. */
  length = 0;
}

/** A B+ tree of variable-length keys and values. */
export class BTree {
  /** Its number. */
  readonly id: number;
  /** Its root page. Only a compaction moves it; then a new object is needed. */
  readonly root: number;
  /** Its pages. */
  readonly nodes: TreeNodes;
  /** The context of its database. */
  readonly context: TreeContext;
  /** The reader of its pages. */
  readonly reader: PageReader;
  /** The entry found last. */
  readonly found: FoundEntry = new FoundEntry();

  readonly #pager: Pager;
  readonly #splitter: Splitter;
  readonly #rebalancer: Rebalancer;
  readonly #cell = new LeafCell();

  /**
   * Opens a tree that exists.
   *
   * @param context The context of its database.
   * @param id Its number.
   * @param root Its root page.
   * @param reader The reader of its pages: the pager, or a snapshot, which is read-only.
   */
  constructor(context: TreeContext, id: number, root: number, reader: PageReader = context.pager) {
    this.context = context;
    this.reader = reader;
    this.#pager = context.pager;
    this.id = id;
    this.root = root;
    this.nodes = new TreeNodes(context, id, root, reader);
    this.#splitter = new Splitter(context, this.nodes);
    this.#rebalancer = new Rebalancer(context, this.nodes);
  }

  /** Creates an empty tree, inside a transaction. */
  static create(context: TreeContext, id: number): BTree {
    return new BTree(context, id, createNode(context, id, 0, 0));
  }

  /** The value of a key, or undefined: a view, valid until the next call that reads or changes. */
  get(key: Uint8Array, length: number = key.length): Uint8Array | undefined {
    const found = this.find(key, length);
    if (found === undefined) return undefined;
    const { bytes, at } = found;
    return found.length < 0
      ? this.readReferenced(bytes, at)
      : bytes.subarray(at, at + found.length);
  }

  /** Whether a key is in the tree. */
  has(key: Uint8Array, length: number = key.length): boolean {
    return this.find(key, length) !== undefined;
  }

  /**
   * Finds the entry of a key.
   *
   * @returns The entry found, in an object that the next call reuses, or undefined.
   */
  find(key: Uint8Array, length: number = key.length): FoundEntry | undefined {
    checkKey(key, length);
    const leaf = this.nodes.leafFor(key, length);
    return this.#foundAt(leaf, leaf.search(key, length));
  }

  /**
   * Finds the first or the last entry.
   *
   * @param key Receives its key.
   * @returns The length of the key; -1 if the tree is empty. `found` has the entry.
   */
  findEdge(last: boolean, key: Uint8Array): number {
    const leaf = this.nodes.edgeLeaf(last);
    const { entries } = leaf;
    if (entries === 0) return -1;
    const index = last ? entries - 1 : 0;
    this.#foundAt(leaf, index);
    return copyKey(leaf.frame, leaf.slot, index, key);
  }

  /**
   * Finds the first entry whose key is not below a bound.
   *
   * @param key Receives its key.
   * @returns The length of the key; -1 if there is none. `found` has the entry.
   */
  findFrom(bound: Uint8Array, key: Uint8Array): number {
    const { path } = this.context;
    let leaf: NodeView | undefined = this.nodes.descend(path, bound, bound.length);
    let index = leaf.lowerBound(bound, bound.length);
    if (index === leaf.entries) {
      leaf = this.nodes.walkOn(path, true);
      index = 0;
    }
    if (leaf === undefined) return -1;
    this.#foundAt(leaf, index);
    return copyKey(leaf.frame, leaf.slot, index, key);
  }

  /** Finds the entry of a key of a batch, after the batch has descended; see `find`. */
  findOf(batch: LookupBatch, index: number): FoundEntry | undefined {
    const leaf = batch.leaf(this.nodes, index);
    return this.#foundAt(leaf, batch.search(leaf, index));
  }

  #foundAt(leaf: NodeView, index: number): FoundEntry | undefined {
    if (index < 0) return undefined;
    const cell = this.#cell;
    const { found } = this;
    found.bytes = leaf.frame.u8;
    cell.read(found.bytes, leaf.cell(index));
    found.at = cell.valueAt;
    found.length = cell.tag === REFERENCE_TAG ? -1 : cell.tag;
    return found;
  }

  /**
   * A reader of the value of a found entry, which is outside of its leaf, from this tree's pages or
   * from others.
   */
  runsOf({ bytes, at }: FoundEntry, reader: PageReader = this.reader): ValueReader {
    return new ValueReader(reader, this.id, bytes, at);
  }

  /** The length of the value of a key, or -1. The value is not read. */
  lengthOf(key: Uint8Array, length: number = key.length): number {
    const found = this.find(key, length);
    if (found === undefined) return -1;
    return found.length < 0 ? referredLength(found.bytes, found.at) : found.length;
  }

  /**
   * Sets the value of a key. Returns whether the key is new.
   *
   * @param key The key. It must not be a view from `get` or a cursor, whose page changes: copy it.
   * @param value The value, not a view either.
   * @throws {RangeError} Key or value is too long; nothing was changed.
   */
  put(key: Uint8Array, value: Uint8Array, length: number = key.length): boolean {
    checkKey(key, length);
    checkValue(value);
    // Relieving the cache may move pages, so it precedes the descent.
    this.#pager.relieve();
    if (fitsLeaf(length, value.length)) return this.#insert(key, length, value.length, value);
    if (fitsFragments(length, value.length)) return this.#putFragments(key, length, value);
    return this.#insert(key, length, REFERENCE_TAG, this.#store(key, length, value));
  }

  /**
   * Sets the value of a key that is not there; see `put`. A value in its leaf takes one descent.
   *
   * @returns Whether it did.
   */
  putIfAbsent(key: Uint8Array, value: Uint8Array, length: number = key.length): boolean {
    checkKey(key, length);
    checkValue(value);
    if (!fitsLeaf(length, value.length)) {
      return !this.has(key, length) && this.put(key, value, length);
    }
    this.#pager.relieve();
    const leaf = this.nodes.descend(this.context.path, key, length);
    const index = leaf.search(key, length);
    if (index >= 0) return false;
    this.nodes.changes++;
    this.#splitter.insert(leaf, ~index, key, length, value.length, value);
    return true;
  }

  /** Stores a value in shared pages: its own if that is possible, else some near it. */
  #putFragments(key: Uint8Array, length: number, value: Uint8Array): boolean {
    const { path, nearby, allocator, reference } = this.context;
    const leaf = this.nodes.descend(path, key, length);
    const index = leaf.search(key, length);
    if (index >= 0 && this.#replaceFragments(leaf, index, key, length, value)) return false;
    nearby.collect(this.nodes.leafOn(path), index < 0 ? ~index : index);
    writeFragments(this.#pager, allocator, this.id, key, length, value, nearby, reference);
    return this.#insert(key, length, REFERENCE_TAG, reference);
  }

  /** Replaces a value where it is. Returns false if it is not in fragments, or lacks room. */
  #replaceFragments(
    leaf: NodeView,
    index: number,
    key: Uint8Array,
    length: number,
    value: Uint8Array,
  ): boolean {
    const { path, reference, allocator } = this.context;
    this.#cell.read(leaf.frame.u8, leaf.cell(index));
    if (this.#cell.tag !== REFERENCE_TAG) return false;
    const old = decodeReference(leaf.frame.u8, this.#cell.valueAt);
    if (old.number === 0) return false;
    const offset = this.#cell.valueAt - (leaf.slot << PAGE_SHIFT);
    if (!replaceFragments(this.#pager, allocator, this.id, old, key, length, value)) return false;
    this.nodes.changes++;
    if (old.length === value.length) return true;
    encodeReference({ ...old, length: value.length }, reference);
    this.#pager.overwrite(this.nodes.leafOn(path).place, offset, reference);
    return true;
  }

  /**
   * Sets the value of a key to runs that this tree already holds. Returns whether the key is new.
   *
   * @param reference The reference to the runs, as a leaf stores it.
   * @throws {RangeError} The key is too long; nothing was changed.
   */
  putRuns(key: Uint8Array, reference: Uint8Array, length: number = key.length): boolean {
    checkKey(key, length);
    this.#pager.relieve();
    return this.#insert(key, length, REFERENCE_TAG, reference);
  }

  #insert(key: Uint8Array, length: number, tag: number, stored: Uint8Array): boolean {
    const { path } = this.context;
    const leaf = this.nodes.descend(path, key, length);
    this.nodes.changes++;
    const index = leaf.search(key, length);
    if (index < 0) this.#splitter.insert(leaf, ~index, key, length, tag, stored);
    else this.#replace(leaf, index, key, length, tag, stored);
    return index < 0;
  }

  /** Writes a value into runs near its leaf. Returns the reference to them. */
  #store(key: Uint8Array, length: number, value: Uint8Array): Uint8Array {
    const near = this.nodes.leafFor(key, length).page;
    const { allocator, reference } = this.context;
    writeRuns(this.#pager, allocator, this.id, value, near, reference);
    return reference;
  }

  #replace(
    leaf: NodeView,
    index: number,
    key: Uint8Array,
    length: number,
    tag: number,
    value: Uint8Array,
  ): void {
    const { frame, slot, place } = leaf;
    this.#cell.read(frame.u8, leaf.cell(index));
    const isReference = this.#copyReference(frame.u8);
    if (this.#cell.tag === tag) {
      this.#pager.overwrite(place, this.#cell.valueAt - (slot << PAGE_SHIFT), value);
    } else {
      this.#pager.touch(place);
      const isShorter = payloadBytes(tag) < payloadBytes(this.#cell.tag);
      removeLeafEntry(frame, slot, index);
      this.#splitter.insert(leaf, index, key, length, tag, value);
      // A shorter entry fits where it was, so the path still leads to it.
      if (isShorter) this.#rebalancer.repair();
    }
    if (isReference) this.#releaseOld(key, length);
  }

  /** Copies the reference of the cell read last. Returns false if it has a value. */
  #copyReference(u8: Uint8Array): boolean {
    const { tag, valueAt } = this.#cell;
    if (tag !== REFERENCE_TAG) return false;
    this.context.oldReference.set(u8.subarray(valueAt, valueAt + REFERENCE_BYTES));
    return true;
  }

  /** Releases the value of the copied reference. It may load pages, so leaves come first. */
  #releaseOld(key: Uint8Array, length: number): void {
    const { allocator, oldReference } = this.context;
    const old = decodeReference(oldReference, 0);
    if (old.number === 0) return releaseRuns(this.#pager, allocator, this.id, old);
    removeValue(this.#pager, allocator, this.id, old, key, length);
  }

  /** Removes a key. Returns whether it existed. */
  delete(key: Uint8Array, length: number = key.length): boolean {
    checkKey(key, length);
    const leaf = this.nodes.descend(this.context.path, key, length);
    const index = leaf.search(key, length);
    if (index < 0) return false;
    this.nodes.changes++;
    const { frame, slot } = leaf;
    this.#cell.read(frame.u8, leaf.cell(index));
    const isReference = this.#copyReference(frame.u8);
    this.#touchRemoval(leaf, index);
    this.context.bytesDeleted += this.#cell.end - leaf.cell(index);
    removeLeafEntry(frame, slot, index);
    this.#rebalancer.repair();
    if (!isReference) return true;
    this.context.bytesDeleted += decodeReference(this.context.oldReference, 0).length;
    this.#releaseOld(key, length);
    return true;
  }

  /** Touches the bytes that the removal of an entry changes; its cell was read last. */
  #touchRemoval(leaf: NodeView, index: number): void {
    const { frame, slot, place, entries } = leaf;
    // The last one leaves an empty page, zeroed whole.
    if (entries === 1) return this.#pager.touch(place);
    // The arrays from the entry on, and the lowest cell, which leaves no garbage.
    const cell = leaf.cell(index) - (slot << PAGE_SHIFT);
    const isLowest = cell === cellStartOf(frame, slot);
    const end = isLowest ? this.#cell.end - (slot << PAGE_SHIFT) : 0;
    const arraysEnd = LEAF_WIDTH * entries;
    this.#pager.touchParts(place, index * HEAD_BYTES, arraysEnd, isLowest ? cell : 0, end);
  }

  /**
   * Removes every key from `from` to below `to`; a missing bound does not limit. Leaves of whole
   * subtrees are dropped unread, unless they refer to values outside of them.
   *
   * @returns The number of keys removed.
   */
  deleteRange(from?: Uint8Array, to?: Uint8Array): number {
    if (from !== undefined) checkKey(from, from.length);
    if (to !== undefined) checkKey(to, to.length);
    this.nodes.changes++;
    return deleteRange(this.context, this.nodes, this.#rebalancer, from, to);
  }

  /**
   * The key that ends a slice of the tree.
   *
   * @param from The key where the slice begins; undefined = at the first one.
   * @param pages The pages of leaves, and of values outside of them, that the slice should not
   *   exceed; a single value may.
   * @returns A key above `from`, not necessarily of an entry; undefined if the tree ends first.
   */
  sliceEnd(from: Uint8Array | undefined, pages: number): Uint8Array | undefined {
    return sliceEnd(this.nodes, this.context.path, from, pages);
  }

  /**
   * Counts the keys from `lower` to below `upper`, from the headers of leaves.
   */
  count(lower?: Uint8Array, upper?: Uint8Array): number {
    return countRange(this.nodes, lower, upper);
  }

  /** Whether the tree is empty. */
  get isEmpty(): boolean {
    return this.nodes.rootNode().entries === 0;
  }

  /** The number of pages on a path from the root to a leaf. */
  levels(): number {
    return this.nodes.rootNode().level + 1;
  }

  /** Reads the value of the reference at `at`. */
  readReferenced(bytes: Uint8Array, at: number): Uint8Array {
    return readReferenced(this.reader, this.id, bytes, at);
  }

  /** Whether it shows the current tree rather than a snapshot. */
  get isLive(): boolean {
    return this.reader === this.#pager;
  }

  /** The same tree, read through another reader. */
  readFrom(reader: PageReader): BTree {
    return new BTree(this.context, this.id, this.root, reader);
  }

  /** Creates a cursor that is on no entry. */
  cursor(): Cursor {
    return new Cursor(this.nodes);
  }
}

/**
 * Whether a value is stored inline: it is short, and a page holds two entries of its size. A page
 * of longer values would hold so few that part of it stays empty, and a fragment fills the gaps;
 * but a fragment is stored with its key again, so values of long keys stay inline.
 */
export function fitsLeaf(keyLength: number, valueLength: number): boolean {
  const longest = keyLength > LONG_KEY_BYTES ? INLINE_BYTES_MAX : INLINE_SHORT_KEY_MAX;
  return valueLength <= longest &&
    LEAF_WIDTH + cellBytes(keyLength, payloadBytes(valueLength)) <= ENTRY_BYTES_MAX;
}

/** Throws unless the key is a `Uint8Array` within `KEY_BYTES_MAX`. */
export function checkKey(key: Uint8Array, length: number): void {
  if (!(key instanceof Uint8Array)) throw new TypeError("Cannot use the key: not a Uint8Array");
  if (length > KEY_BYTES_MAX) {
    throw new RangeError(`Cannot use the key: ${length} bytes exceed ${KEY_BYTES_MAX}`);
  }
}

/** Throws unless the value is a `Uint8Array` within `VALUE_BYTES_MAX`. */
export function checkValue(value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw new TypeError("Cannot use the value: not a Uint8Array");
  if (value.length > VALUE_BYTES_MAX) {
    throw new RangeError(`Cannot use the value: ${value.length} bytes exceed ${VALUE_BYTES_MAX}`);
  }
}
