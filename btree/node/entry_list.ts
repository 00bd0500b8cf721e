/**
 * A list of entries from which pages are built: entries of up to two nodes, and new ones.
 *
 * Splits, merges, borrowing, bulk loads and changes of a prefix share these steps: load copies of
 * nodes, take entries in order, and build pages from ranges of the list. A built page has no
 * garbage. Its prefix is the longest that its keys share or, where that would not fit, the prefix
 * that saves the most bytes.
 *
 * The list copies all nodes first, so a page can be rebuilt from its own entries.
 */

import { assert, format, Frame, header, type Slot } from "../../pager/mod.ts";
import { commonLength, compareKeys, separatorLength } from "./key.ts";
import {
  BRANCH_WIDTH,
  cellBytes,
  childAt,
  childIndex,
  copyKey,
  HEAD_BYTES,
  headIndex,
  headOf,
  KEY_BYTES_MAX,
  LEAF_WIDTH,
  LeafCell,
  lengthAt,
  lengthBytes,
  offsetIndex,
  payloadBytes,
  putLength,
  REFERENCE_TAG,
  valueBytes,
} from "./node.ts";
import { copyBytes, writeLeafCell } from "./node_edit.ts";

const { FLAG_HOLDS_RUNS, HEADER_WORD_SHIFT, PAGE_BYTES, PAGE_SHIFT } = format;
const { entriesOf, prefixLengthOf, setCellStart, setEntries, setGarbage, setPrefix } = header;

/** A new entry, as a source of the list; the nodes are sources 1 and 2. */
const NEW = 0;
const SOURCES = 3;
/** An upper bound on the entries of two nodes. */
const ENTRIES_MAX = 2100;
const STAGE_BYTES = 8192;

/** A list of entries from which pages are built. */
export class EntryList {
  /** The number of entries. */
  count = 0;

  #leaf = true;
  readonly #nodes = new Frame(-1, -1, SOURCES);
  readonly #sources = new Uint8Array(ENTRIES_MAX);
  readonly #indexes = new Uint16Array(ENTRIES_MAX);
  /** The offset of each cell in the bytes of the copies. */
  readonly #cells = new Uint16Array(ENTRIES_MAX);
  readonly #keyLengths = new Uint16Array(ENTRIES_MAX);
  readonly #tags = new Uint16Array(ENTRIES_MAX);
  readonly #cell = new LeafCell();
  readonly #first = new Uint8Array(KEY_BYTES_MAX);
  readonly #last = new Uint8Array(KEY_BYTES_MAX);
  /** The keys and values of new entries, concatenated. */
  #stage = new Uint8Array(STAGE_BYTES);
  #staged = 0;
  readonly #stagedAt = new Uint32Array(ENTRIES_MAX);
  readonly #newChildren = new Uint32Array(ENTRIES_MAX);
  /** Cells that are adjacent both in a copy and in the new page are copied together. */
  #stretchFrom = 0;
  #stretchTo = 0;
  #stretchBytes = 0;

  /** Begins an empty list, of leaf entries or of branch entries. */
  begin(leaf: boolean): void {
    this.#leaf = leaf;
    this.count = 0;
    this.#staged = 0;
  }

  /** Copies a node, as source 1 or 2. */
  load(source: number, frame: Frame, slot: Slot): void {
    const start = slot << PAGE_SHIFT;
    const page = frame.u8.subarray(start, start + PAGE_BYTES);
    this.#nodes.u8.set(page, source << PAGE_SHIFT);
    const from = slot << HEADER_WORD_SHIFT;
    const to = source << HEADER_WORD_SHIFT;
    for (let i = 0; i < 8; i++) this.#nodes.u32[to + i]! = frame.u32[from + i]!;
  }

  /** Adds entries from..to-1 of a source to the end of the list. */
  take(source: number, from: number, to: number): void {
    const nodes = this.#nodes;
    const { u8, u16 } = nodes;
    const prefix = prefixLengthOf(nodes, source);
    const offsets = offsetIndex(source, entriesOf(nodes, source), 0, this.#leaf);
    for (let index = from; index < to; index++) {
      const at = this.count++;
      const cell = (source << PAGE_SHIFT) + u16[offsets + index]!;
      const suffix = lengthAt(u8, cell);
      this.#sources[at] = source;
      this.#indexes[at] = index;
      this.#cells[at] = cell;
      this.#keyLengths[at] = index > 0 || this.#leaf ? prefix + suffix : 0;
      if (this.#leaf) this.#tags[at] = lengthAt(u8, cell + lengthBytes(suffix));
    }
  }

  /** Adds entries 0..count-1 of a source before all others. */
  takeAhead(source: number, count: number): void {
    const { count: others } = this;
    this.#shift(0, count);
    this.count = 0;
    this.take(source, 0, count);
    this.count = others + count;
  }

  /** Removes entries from..to-1 from the list; none of them may be new. */
  drop(from: number, to: number): void {
    this.#shift(to, from - to);
    this.count -= to - from;
  }

  /** Moves the entries at `from` and after by `by` positions. */
  #shift(from: number, by: number): void {
    for (
      const column of [
        this.#sources,
        this.#indexes,
        this.#cells,
        this.#keyLengths,
        this.#tags,
        this.#stagedAt,
        this.#newChildren,
      ]
    ) {
      column.copyWithin(from + by, from, this.count);
    }
  }

  /** Adds a new leaf entry to the end of the list; its value is in `value` from `from` on. */
  putLeafEntry(key: Uint8Array, length: number, tag: number, value: Uint8Array, from = 0): void {
    const bytes = valueBytes(tag);
    this.#tags[this.count] = tag;
    this.#stageKey(key, length, bytes);
    copyBytes(value, from, this.#stage, this.#staged, bytes);
    this.#staged += bytes;
  }

  /** Adds a new branch entry to the end of the list. */
  putBranchEntry(key: Uint8Array, length: number, child: number): void {
    this.#newChildren[this.count] = child;
    this.#stageKey(key, length, 0);
  }

  /** Removes the last entry, which must be new. */
  dropLast(): void {
    this.#staged = this.#stagedAt[--this.count]!;
  }

  #stageKey(key: Uint8Array, length: number, more: number): void {
    const end = this.#staged + length + more;
    if (end > this.#stage.length) this.#growStage(end);
    const at = this.count++;
    this.#sources[at] = NEW;
    this.#keyLengths[at] = length;
    this.#stagedAt[at] = this.#staged;
    copyBytes(key, 0, this.#stage, this.#staged, length);
    this.#staged += length;
  }

  #growStage(bytes: number): void {
    const grown = new Uint8Array(Math.max(bytes, this.#stage.length * 2));
    grown.set(this.#stage);
    this.#stage = grown;
  }

  /** Assembles the key of an entry in `into`, and returns its length. */
  copyKeyTo(at: number, into: Uint8Array): number {
    if (this.#sources[at] !== NEW) {
      return copyKey(this.#nodes, this.#sources[at]!, this.#indexes[at]!, into);
    }
    copyBytes(this.#stage, this.#stagedAt[at]!, into, 0, this.#keyLengths[at]!);
    return this.#keyLengths[at]!;
  }

  /**
   * Writes into `into` the separator of a cut before an entry, and returns its length: the shortest
   * key between two leaves, or a branch entry's own key.
   */
  copySeparatorTo(at: number, into: Uint8Array): number {
    const length = this.copyKeyTo(at, into);
    if (!this.#leaf) return length;
    const lengthBefore = this.copyKeyTo(at - 1, this.#last);
    return separatorLength(this.#last, lengthBefore, into, length);
  }

  /** Whether the key of an entry is above the key of the previous entry. */
  ascendsAt(at: number): boolean {
    const length = this.copyKeyTo(at, this.#first);
    const lengthBefore = this.copyKeyTo(at - 1, this.#last);
    return compareKeys(this.#last, lengthBefore, this.#first, length) < 0;
  }

  /** The child of an entry. */
  childOf(at: number): number {
    if (this.#sources[at] === NEW) return this.#newChildren[at]!;
    return childAt(this.#nodes, this.#sources[at]!, this.#indexes[at]!);
  }

  /**
   * The prefix length of a page of entries from..to-1: all bytes that their keys share, or only as
   * many as save space where the page would not fit otherwise; 0 below two keys.
   */
  prefixLength(from: number, to: number): number {
    const first = this.#leaf ? from : from + 1;
    if (to - first < 2) return 0;
    const firstLength = this.copyKeyTo(first, this.#first);
    const lastLength = this.copyKeyTo(to - 1, this.#last);
    const common = commonLength(this.#first, firstLength, this.#last, lastLength);
    let longest = 0;
    for (let at = first; at < to; at++) longest = Math.max(longest, this.#keyLengths[at]!);
    // A head holds four bytes of each key, so the last prefix bytes may cost more than they save.
    const saving = Math.max(0, longest - HEAD_BYTES);
    if (common <= saving || this.bytes(from, to, common) <= PAGE_BYTES) return common;
    return saving;
  }

  /** The bytes that entries from..to-1 take in a page with this prefix. */
  bytes(from: number, to: number, prefix: number): number {
    let sum = prefix;
    for (let at = from; at < to; at++) sum += this.entryBytes(at, at === from, prefix);
    return sum;
  }

  /** Whether entries from..to-1 fit a page and leave `room` bytes free. */
  fits(from: number, to: number, room: number = 0): boolean {
    return this.bytes(from, to, this.prefixLength(from, to)) <= PAGE_BYTES - room;
  }

  /** The bytes that an entry takes in a page with this prefix, as the page's first entry or not. */
  entryBytes(at: number, first: boolean, prefix: number): number {
    if (this.#leaf) {
      return LEAF_WIDTH + cellBytes(this.#keyLengths[at]! - prefix, payloadBytes(this.#tags[at]!));
    }
    return BRANCH_WIDTH + cellBytes(first ? 0 : this.#keyLengths[at]! - prefix, 0);
  }

  /** The index that cuts the list into two parts of nearly equal size. */
  middle(): number {
    const prefix = this.prefixLength(0, this.count);
    const bytes = this.bytes(0, this.count, prefix) - prefix;
    return this.#cut(0, bytes / 2, prefix);
  }

  /** The indexes that cut the list into three nearly equal parts; the middle may be empty. */
  thirds(): [number, number] {
    const prefix = this.prefixLength(0, this.count);
    const bytes = this.bytes(0, this.count, prefix) - prefix;
    const first = this.#cut(0, bytes / 3, prefix);
    return [first, this.#cut(first, bytes / 3, prefix)];
  }

  /** The end of the part that begins at `from` and is closest to `wanted` bytes. */
  #cut(from: number, wanted: number, prefix: number): number {
    let sum = this.entryBytes(from, from === 0, prefix);
    let at = from + 1;
    for (; at < this.count - 1; at++) {
      const bytes = this.entryBytes(at, false, prefix);
      if (sum + bytes / 2 >= wanted) break;
      sum += bytes;
    }
    return Math.min(at, this.count - 1);
  }

  /** Builds a page from entries from..to-1. Kind, level, tree and link of its header stay. */
  build(frame: Frame, slot: Slot, from: number, to: number): void {
    const prefix = this.prefixLength(from, to);
    const base = slot << PAGE_SHIFT;
    frame.u8.fill(0, base, base + PAGE_BYTES);
    // `prefixLength` wrote the first key into this buffer.
    copyBytes(this.#first, 0, frame.u8, base + PAGE_BYTES - prefix, prefix);
    setEntries(frame, slot, to - from);
    setPrefix(frame, slot, prefix, 0);
    setGarbage(frame, slot, 0);
    if (this.#leaf) this.#buildLeaf(frame, slot, from, to, prefix);
    else this.#buildBranch(frame, slot, from, to, prefix);
  }

  #buildLeaf(frame: Frame, slot: Slot, from: number, to: number, prefix: number): void {
    const base = slot << PAGE_SHIFT;
    const heads = headIndex(slot, 0) - from;
    const offsets = offsetIndex(slot, to - from, 0, true) - from;
    const arrays = LEAF_WIDTH * (to - from);
    let start = PAGE_BYTES - prefix;
    let flags = 0;
    this.#stretchBytes = 0; // of a page that did not fit
    for (let at = from; at < to; at++) {
      const tag = this.#tags[at]!;
      const bytes = cellBytes(this.#keyLengths[at]! - prefix, payloadBytes(tag));
      start -= bytes;
      assert(start >= arrays, "what is built fits a page");
      frame.u16[offsets + at] = start;
      if (tag === REFERENCE_TAG) flags = FLAG_HOLDS_RUNS;
      const source = this.#sources[at]!;
      if (source !== NEW && prefixLengthOf(this.#nodes, source) === prefix) {
        frame.u32[heads + at]! = this.#nodes.u32[headIndex(source, this.#indexes[at]!)]!;
        this.#copyCell(frame.u8, at, base + start, bytes);
      } else {
        const length = this.copyKeyTo(at, this.#last);
        frame.u32[heads + at] = headOf(this.#last, prefix, length);
        const values = source === NEW ? this.#stage : this.#nodes.u8;
        const value = this.#valueFrom(at);
        writeLeafCell(frame.u8, base + start, this.#last, prefix, length, tag, values, value);
      }
    }
    this.#copyStretch(frame.u8);
    setPrefix(frame, slot, prefix, flags);
    setCellStart(frame, slot, start);
  }

  /** Copies a cell unchanged, at once or together with the adjacent cells that follow. */
  #copyCell(u8: Uint8Array, at: number, to: number, bytes: number): void {
    const from = this.#cells[at]!;
    if (from + bytes === this.#stretchFrom && to + bytes === this.#stretchTo) {
      this.#stretchBytes += bytes;
    } else {
      this.#copyStretch(u8);
      this.#stretchBytes = bytes;
    }
    this.#stretchFrom = from;
    this.#stretchTo = to;
  }

  #copyStretch(u8: Uint8Array): void {
    copyBytes(this.#nodes.u8, this.#stretchFrom, u8, this.#stretchTo, this.#stretchBytes);
    this.#stretchFrom = this.#stretchTo = this.#stretchBytes = 0;
  }

  /** The offset of an entry's value, in the stage or in the copied nodes. */
  #valueFrom(at: number): number {
    if (this.#sources[at] === NEW) return this.#stagedAt[at]! + this.#keyLengths[at]!;
    this.#cell.read(this.#nodes.u8, this.#cells[at]!);
    return this.#cell.valueAt;
  }

  #buildBranch(frame: Frame, slot: Slot, from: number, to: number, prefix: number): void {
    const entries = to - from;
    let start = PAGE_BYTES - prefix;
    for (let index = 0; index < entries; index++) {
      const at = from + index;
      start -= this.entryBytes(at, index === 0, prefix) - BRANCH_WIDTH;
      assert(start >= BRANCH_WIDTH * entries, "what is built fits a page");
      frame.u16[offsetIndex(slot, entries, index, false)] = start;
      frame.u32[childIndex(slot, entries, index)] = this.childOf(at);
      if (index === 0) continue; // no key: head 0, and a cell of one zero byte
      const length = this.copyKeyTo(at, this.#last);
      frame.u32[headIndex(slot, index)] = headOf(this.#last, prefix, length);
      let to = putLength(frame.u8, (slot << PAGE_SHIFT) + start, length - prefix);
      for (let i = prefix + HEAD_BYTES; i < length; i++) frame.u8[to++]! = this.#last[i]!;
    }
    setCellStart(frame, slot, start);
  }
}
