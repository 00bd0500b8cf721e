/**
 * Entries on their way into new pages: those of up to two nodes, and new ones.
 *
 * Splitting, merging, borrowing, bulk loading and giving a node another prefix are all the same
 * here: load copies of nodes, say which entries come in which order, and build pages from stretches
 * of that list. Each page built gets the longest prefix its keys share, and no garbage.
 *
 * Everything is copied into the list first, so a page may be built from itself.
 */

import { assert, format, Frame, header } from "../pager/mod.ts";
import {
  BRANCH_WIDTH,
  cellAt,
  cellBytes,
  childAt,
  childIndex,
  copyKey,
  HEAD_BYTES,
  headIndex,
  headOf,
  KEY_BYTES_MAX,
  keyLengthAt,
  LEAF_WIDTH,
  LeafCell,
  offsetIndex,
  payloadBytes,
  putLength,
  REFERENCE_TAG,
  valueBytes,
} from "./node.ts";
import { copyBytes, writeLeafCell } from "./node_edit.ts";
import { commonLength } from "./key.ts";

const { FLAG_HOLDS_RUNS, HEADER_WORD_SHIFT, PAGE_BYTES, PAGE_SHIFT } = format;
const { prefixLengthOf, setCellStart, setEntries, setGarbage, setPrefix } = header;

/** A new entry, as a source of the list; the nodes are sources 1 and 2. */
const NEW = 0;
const SOURCES = 3;
/** More entries than two nodes can have. */
const ENTRIES_MAX = 2100;
const STAGE_BYTES = 8192;

/** Entries on their way into new pages. */
export class EntryList {
  /** How many entries the list has. */
  count = 0;

  #leaf = true;
  readonly #nodes = new Frame(-1, -1, SOURCES);
  readonly #sources = new Uint8Array(ENTRIES_MAX);
  readonly #indexes = new Uint16Array(ENTRIES_MAX);
  readonly #keyLengths = new Uint16Array(ENTRIES_MAX);
  readonly #tags = new Uint16Array(ENTRIES_MAX);
  readonly #cell = new LeafCell();
  readonly #first = new Uint8Array(KEY_BYTES_MAX);
  readonly #last = new Uint8Array(KEY_BYTES_MAX);
  /** Keys and values of new entries, one after the other, and where each begins. */
  #stage = new Uint8Array(STAGE_BYTES);
  #staged = 0;
  readonly #stagedAt = new Uint32Array(ENTRIES_MAX);
  readonly #newChildren = new Uint32Array(ENTRIES_MAX);

  /** Begins an empty list, of leaf entries or of branch entries. */
  begin(leaf: boolean): void {
    this.#leaf = leaf;
    this.count = 0;
    this.#staged = 0;
  }

  /** Copies a node, as source 1 or 2. */
  load(source: number, frame: Frame, slot: number): void {
    const start = slot << PAGE_SHIFT;
    const page = frame.u8.subarray(start, start + PAGE_BYTES);
    this.#nodes.u8.set(page, source << PAGE_SHIFT);
    const from = slot << HEADER_WORD_SHIFT;
    const to = source << HEADER_WORD_SHIFT;
    for (let i = 0; i < 8; i++) this.#nodes.u32[to + i] = frame.u32[from + i];
  }

  /** Adds entries from..to-1 of a source to the end of the list. */
  take(source: number, from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const at = this.count++;
      this.#sources[at] = source;
      this.#indexes[at] = index;
      this.#keyLengths[at] = keyLengthAt(this.#nodes, source, index);
      if (!this.#leaf) continue;
      this.#cell.read(this.#nodes.u8, cellAt(this.#nodes, source, index));
      this.#tags[at] = this.#cell.tag;
    }
  }

  /** Adds a new leaf entry to the end of the list. */
  putLeafEntry(key: Uint8Array, length: number, tag: number, value: Uint8Array): void {
    const bytes = valueBytes(tag);
    this.#tags[this.count] = tag;
    this.#stageKey(key, length, bytes);
    copyBytes(value, 0, this.#stage, this.#staged, bytes);
    this.#staged += bytes;
  }

  /** Adds a new branch entry to the end of the list. */
  putBranchEntry(key: Uint8Array, length: number, child: number): void {
    this.#newChildren[this.count] = child;
    this.#stageKey(key, length, 0);
  }

  /** Takes the last new entry off the list again. */
  dropLast(): void {
    this.#staged = this.#stagedAt[--this.count];
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

  /** Puts the key of an entry together in `into`, and returns its length. */
  copyKeyTo(at: number, into: Uint8Array): number {
    if (this.#sources[at] !== NEW) {
      return copyKey(this.#nodes, this.#sources[at], this.#indexes[at], into);
    }
    copyBytes(this.#stage, this.#stagedAt[at], into, 0, this.#keyLengths[at]);
    return this.#keyLengths[at];
  }

  /** The child of an entry. */
  childOf(at: number): number {
    if (this.#sources[at] === NEW) return this.#newChildren[at];
    return childAt(this.#nodes, this.#sources[at], this.#indexes[at]);
  }

  /** The prefix that a page of entries from..to-1 would get: none unless there are two keys. */
  prefixLength(from: number, to: number): number {
    const first = this.#leaf ? from : from + 1;
    if (to - first < 2) return 0;
    const firstLength = this.copyKeyTo(first, this.#first);
    const lastLength = this.copyKeyTo(to - 1, this.#last);
    return commonLength(this.#first, firstLength, this.#last, lastLength);
  }

  /** The bytes that entries from..to-1 take in a page with this prefix. */
  bytes(from: number, to: number, prefix: number): number {
    let sum = prefix;
    for (let at = from; at < to; at++) sum += this.entryBytes(at, at === from, prefix);
    return sum;
  }

  /** Whether entries from..to-1 fit a page. */
  fits(from: number, to: number): boolean {
    return this.bytes(from, to, this.prefixLength(from, to)) <= PAGE_BYTES;
  }

  /** The bytes that an entry takes in a page with this prefix, as the page's first entry or not. */
  entryBytes(at: number, first: boolean, prefix: number): number {
    if (this.#leaf) {
      return LEAF_WIDTH + cellBytes(this.#keyLengths[at] - prefix, payloadBytes(this.#tags[at]));
    }
    return BRANCH_WIDTH + cellBytes(first ? 0 : this.#keyLengths[at] - prefix, 0);
  }

  /** Where to cut the list so that its two parts are as even as can be. */
  middle(): number {
    const prefix = this.prefixLength(0, this.count);
    const total = this.bytes(0, this.count, prefix);
    let left = prefix;
    let best = 1;
    let bestLarger = Infinity;
    for (let at = 0; at < this.count - 1; at++) {
      left += this.entryBytes(at, at === 0, prefix);
      const larger = Math.max(left, total - left + prefix);
      if (larger >= bestLarger) break;
      bestLarger = larger;
      best = at + 1;
    }
    return best;
  }

  /** Builds a page from entries from..to-1. Kind, level, tree and link of its header stay. */
  build(frame: Frame, slot: number, from: number, to: number): void {
    const prefix = this.prefixLength(from, to);
    const base = slot << PAGE_SHIFT;
    assert(this.bytes(from, to, prefix) <= PAGE_BYTES, "what is built fits a page");
    frame.u8.fill(0, base, base + PAGE_BYTES);
    let start = PAGE_BYTES - prefix;
    // `prefixLength` has left the first key here.
    copyBytes(this.#first, 0, frame.u8, base + start, prefix);
    const width = this.#leaf ? LEAF_WIDTH : BRANCH_WIDTH;
    let flags = 0;
    for (let at = from; at < to; at++) {
      start -= this.entryBytes(at, at === from, prefix) - width;
      frame.u16[offsetIndex(slot, to - from, at - from, this.#leaf)] = start;
      if (this.#leaf) flags |= this.#buildLeafEntry(frame, slot, at, at - from, start, prefix);
      else this.#buildBranchEntry(frame, slot, at, at - from, to - from, start, prefix);
    }
    setEntries(frame, slot, to - from);
    setPrefix(frame, slot, prefix, flags);
    setCellStart(frame, slot, start);
    setGarbage(frame, slot, 0);
  }

  #buildLeafEntry(
    frame: Frame,
    slot: number,
    at: number,
    index: number,
    start: number,
    prefix: number,
  ): number {
    const source = this.#sources[at];
    const cell = (slot << PAGE_SHIFT) + start;
    const tag = this.#tags[at];
    if (source !== NEW && prefixLengthOf(this.#nodes, source) === prefix) {
      this.#copyEntry(frame, slot, at, index, cell, payloadBytes(tag), prefix);
    } else {
      const length = this.copyKeyTo(at, this.#last);
      const bytes = source === NEW ? this.#stage : this.#nodes.u8;
      const value = this.#valueFrom(at);
      frame.u32[headIndex(slot, index)] = headOf(this.#last, prefix, length);
      writeLeafCell(frame.u8, cell, this.#last, prefix, length, tag, bytes, value);
    }
    return tag === REFERENCE_TAG ? FLAG_HOLDS_RUNS : 0;
  }

  /** Where the value of an entry begins, in the stage or among the nodes. */
  #valueFrom(at: number): number {
    if (this.#sources[at] === NEW) return this.#stagedAt[at] + this.#keyLengths[at];
    this.#cell.read(this.#nodes.u8, cellAt(this.#nodes, this.#sources[at], this.#indexes[at]));
    return this.#cell.valueAt;
  }

  #buildBranchEntry(
    frame: Frame,
    slot: number,
    at: number,
    index: number,
    entries: number,
    start: number,
    prefix: number,
  ): void {
    frame.u32[childIndex(slot, entries, index)] = this.childOf(at);
    if (index === 0) return; // no key: head 0, and a cell of one zero byte
    const length = this.copyKeyTo(at, this.#last);
    frame.u32[headIndex(slot, index)] = headOf(this.#last, prefix, length);
    let to = putLength(frame.u8, (slot << PAGE_SHIFT) + start, length - prefix);
    for (let i = prefix + HEAD_BYTES; i < length; i++) frame.u8[to++] = this.#last[i];
  }

  /** Copies head and cell as they are, where the prefix stays the same. */
  #copyEntry(
    frame: Frame,
    slot: number,
    at: number,
    index: number,
    cell: number,
    payload: number,
    prefix: number,
  ): void {
    const source = this.#sources[at];
    frame.u32[headIndex(slot, index)] = this.#nodes.u32[headIndex(source, this.#indexes[at])];
    const from = cellAt(this.#nodes, source, this.#indexes[at]);
    const bytes = cellBytes(this.#keyLengths[at] - prefix, payload);
    copyBytes(this.#nodes.u8, from, frame.u8, cell, bytes);
  }
}
