/**
 * A B+ tree of variable-length keys and values.
 *
 * The way of a `find`: from the root, in each branch the entry whose child holds the key, to a
 * leaf, and there the entry (`node.ts`); each page checked to be what its parent says (`nodes.ts`).
 * The way of a `put`: the same, noting the path; the entry is written where the page has room, else
 * the tree grows (`growth.ts`). The way of a `delete`: the entry is removed, then the path is
 * mended (`shrinkage.ts`). Values over 2048 bytes go to runs (`value.ts`).
 *
 * Keys are ordered by their bytes, unsigned. Changes take place inside a transaction of the pager;
 * an error in the middle of one leaves the tree between two states, so whoever began the
 * transaction has to roll it back.
 */

import { format, header, type Pager, type PageReader } from "../pager/mod.ts";
import { countRange } from "./walk/count.ts";
import { Cursor } from "./walk/cursor.ts";
import { Growth } from "./change/growth.ts";
import { ENTRY_BYTES_MAX, HEAD_BYTES, INLINE_BYTES_MAX } from "./node/node.ts";
import { cellBytes, KEY_BYTES_MAX, LEAF_WIDTH, LeafCell, payloadBytes } from "./node/node.ts";
import { REFERENCE_BYTES, REFERENCE_TAG } from "./node/node.ts";
import { removeLeafEntry } from "./node/node_edit.ts";
import type { NodeView } from "./node/node_view.ts";
import { createNode, TreeNodes } from "./walk/tree_nodes.ts";
import { deleteRange } from "./change/range_delete.ts";
import { Shrinkage } from "./change/shrinkage.ts";
import type { TreeContext } from "./walk/tree_context.ts";
import {
  readRuns,
  referredLength,
  releaseRuns,
  VALUE_BYTES_MAX,
  writeRuns,
} from "./value/value.ts";
import { ValueReader } from "./value/value_reader.ts";

const { PAGE_SHIFT } = format;
const { cellStartOf } = header;

const NO_BYTES = new Uint8Array(0);

/** Where the value of an entry is. Good until the next call that reads or changes: it is reused. */
export class FoundEntry {
  /** The bytes among which the value is, or the reference to its runs. */
  bytes: Uint8Array = NO_BYTES;
  /** Where it begins. */
  at = 0;
  /** How long it is, or -1 where it is in runs. */
  length = 0;
}

/** A B+ tree of variable-length keys and values. */
export class BTree {
  /** Its number. */
  readonly id: number;
  /** Its root page; it never moves. */
  readonly root: number;
  /** Its pages. */
  readonly nodes: TreeNodes;
  /** Where it lives. */
  readonly context: TreeContext;
  /** Where its pages are read. */
  readonly reader: PageReader;
  /** The entry found last. */
  readonly found: FoundEntry = new FoundEntry();

  readonly #pager: Pager;
  readonly #growth: Growth;
  readonly #shrinkage: Shrinkage;
  readonly #cell = new LeafCell();
  readonly #reference = new Uint8Array(REFERENCE_BYTES);

  /**
   * Opens a tree that exists.
   *
   * @param context Where it lives.
   * @param id Its number.
   * @param root Its root page.
   * @param reader Where it is read: the pager, or a snapshot, and then it cannot be changed.
   */
  constructor(context: TreeContext, id: number, root: number, reader: PageReader = context.pager) {
    this.context = context;
    this.reader = reader;
    this.#pager = context.pager;
    this.id = id;
    this.root = root;
    this.nodes = new TreeNodes(context, id, root, reader);
    this.#growth = new Growth(context, this.nodes);
    this.#shrinkage = new Shrinkage(context, this.nodes);
  }

  /** Makes an empty tree, inside a transaction. */
  static create(context: TreeContext, id: number): BTree {
    return new BTree(context, id, createNode(context, id, 0, 0));
  }

  /** The value of a key, or undefined: a view, valid until the next call that reads or changes. */
  get(key: Uint8Array, length: number = key.length): Uint8Array | undefined {
    const found = this.find(key, length);
    if (found === undefined) return undefined;
    const { bytes, at } = found;
    return found.length < 0 ? this.readRuns(bytes, at) : bytes.subarray(at, at + found.length);
  }

  /** Whether a key is in the tree. */
  has(key: Uint8Array, length: number = key.length): boolean {
    return this.find(key, length) !== undefined;
  }

  /**
   * Finds the entry of a key.
   *
   * @returns What is found, in an object that the next call uses again; undefined when nothing is.
   */
  find(key: Uint8Array, length: number = key.length): FoundEntry | undefined {
    checkKey(key, length);
    const leaf = this.nodes.leafFor(key, length);
    const index = leaf.search(key, length);
    if (index < 0) return undefined;
    const cell = this.#cell;
    const { found } = this;
    found.bytes = leaf.frame.u8;
    cell.read(found.bytes, leaf.cell(index));
    found.at = cell.valueAt;
    found.length = cell.tag === REFERENCE_TAG ? -1 : cell.tag;
    return found;
  }

  /** What reads parts of a value in runs, which a found entry refers to, here or elsewhere. */
  runsOf({ bytes, at }: FoundEntry, reader: PageReader = this.reader): ValueReader {
    return new ValueReader(reader, this.id, bytes, at);
  }

  /** The length of the value of a key, or -1, without reading what is in runs. */
  lengthOf(key: Uint8Array, length: number = key.length): number {
    const found = this.find(key, length);
    if (found === undefined) return -1;
    return found.length < 0 ? referredLength(found.bytes, found.at) : found.length;
  }

  /**
   * Sets the value of a key; whether the key is new.
   *
   * @param key No view that `get` or a cursor gave: its page changes while it is put. Copy it.
   * @param value No view either.
   * @throws {RangeError} Key or value is too long; nothing was changed.
   */
  put(key: Uint8Array, value: Uint8Array, length: number = key.length): boolean {
    checkKey(key, length);
    checkValue(value);
    const inline = fitsLeaf(length, value.length);
    const tag = inline ? value.length : REFERENCE_TAG;
    // What makes room may move pages, so it comes before the way down.
    this.#pager.relieve();
    const stored = inline ? value : this.#store(key, length, value);
    return this.#insert(key, length, tag, stored);
  }

  /**
   * Sets the value of a key to what stands in runs of this tree already; whether the key is new.
   *
   * @param reference The reference to the runs, as a leaf keeps it.
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
    if (index < 0) this.#growth.insert(leaf, ~index, key, length, tag, stored);
    else this.#replace(leaf, index, key, length, tag, stored);
    return index < 0;
  }

  /** Writes a value into runs near its leaf; returns the reference to them. */
  #store(key: Uint8Array, length: number, value: Uint8Array): Uint8Array {
    const near = this.nodes.leafFor(key, length).page;
    writeRuns(this.#pager, this.context.allocator, this.id, value, near, this.#reference);
    return this.#reference;
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
    const isSameSize = this.#cell.tag === tag;
    if (!isSameSize || tag === REFERENCE_TAG) {
      this.#pager.touch(place);
      this.#releaseRuns(frame.u8);
    }
    const offset = this.#cell.valueAt - (slot << PAGE_SHIFT);
    if (isSameSize) return this.#pager.overwrite(place, offset, value);
    removeLeafEntry(frame, slot, index);
    this.#growth.insert(leaf, index, key, length, tag, value);
  }

  /** Gives back the runs that the cell read last refers to; its page was touched. */
  #releaseRuns(u8: Uint8Array): void {
    if (this.#cell.tag !== REFERENCE_TAG) return;
    releaseRuns(this.#pager, this.context.allocator, this.id, u8, this.#cell.valueAt);
  }

  /** Removes a key; whether it was there. */
  delete(key: Uint8Array, length: number = key.length): boolean {
    checkKey(key, length);
    const leaf = this.nodes.descend(this.context.path, key, length);
    const index = leaf.search(key, length);
    if (index < 0) return false;
    this.nodes.changes++;
    const { frame, slot } = leaf;
    this.#cell.read(frame.u8, leaf.cell(index));
    this.#touchRemoval(leaf, index);
    this.#releaseRuns(frame.u8);
    removeLeafEntry(frame, slot, index);
    this.#shrinkage.repair();
    return true;
  }

  /** Touches what the removal of an entry changes; its cell was read last. */
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
   * Removes every key from `from` on and below `to`; an absent bound is none. Whole subtrees go
   * without their leaves being read, unless these refer to runs.
   *
   * @returns How many keys there were.
   */
  deleteRange(from?: Uint8Array, to?: Uint8Array): number {
    if (from !== undefined) checkKey(from, from.length);
    if (to !== undefined) checkKey(to, to.length);
    this.nodes.changes++;
    return deleteRange(this.context, this.nodes, this.#shrinkage, from, to);
  }

  /**
   * How many keys the tree has from `lower` on and below `upper`, from the headers of its leaves.
   */
  count(lower?: Uint8Array, upper?: Uint8Array): number {
    return countRange(this.nodes, lower, upper);
  }

  /** Whether the tree has no key. */
  get isEmpty(): boolean {
    return this.nodes.rootNode().entries === 0;
  }

  /** How many pages there are on the way from the root to an entry. */
  levels(): number {
    return this.nodes.rootNode().level + 1;
  }

  /** The value that a reference, which begins at a byte, refers to. */
  readRuns(bytes: Uint8Array, at: number): Uint8Array {
    return readRuns(this.reader, this.id, bytes, at);
  }

  /** Whether it shows the tree as it is now, and not a snapshot. */
  get isLive(): boolean {
    return this.reader === this.#pager;
  }

  /** The same tree read from elsewhere. */
  readFrom(reader: PageReader): BTree {
    return new BTree(this.context, this.id, this.root, reader);
  }

  /** A cursor, not on any entry yet. */
  cursor(): Cursor {
    return new Cursor(this.nodes);
  }
}

/** Whether a leaf holds a value itself: it is short, and a page can take two entries like it. */
export function fitsLeaf(keyLength: number, valueLength: number): boolean {
  return valueLength <= INLINE_BYTES_MAX &&
    LEAF_WIDTH + cellBytes(keyLength, payloadBytes(valueLength)) <= ENTRY_BYTES_MAX;
}

/** Throws when a key is no key. */
export function checkKey(key: Uint8Array, length: number): void {
  if (!(key instanceof Uint8Array)) throw new TypeError("Cannot use the key: not a Uint8Array");
  if (length > KEY_BYTES_MAX) {
    throw new RangeError(`Cannot use the key: ${length} bytes exceed ${KEY_BYTES_MAX}`);
  }
}

/** Throws when a value is no value. */
export function checkValue(value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw new TypeError("Cannot use the value: not a Uint8Array");
  if (value.length > VALUE_BYTES_MAX) {
    throw new RangeError(`Cannot use the value: ${value.length} bytes exceed ${VALUE_BYTES_MAX}`);
  }
}
