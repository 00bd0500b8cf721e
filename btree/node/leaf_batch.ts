/**
 * A copy of entries of one leaf, for iteration: a few copies of memory for many entries.
 *
 * 1. A fill copies the cells of the leaf at once, takes keys and values from that copy, and then
 *    copies all keys, and all values, to memory that the caller of `key` and `value` owns. Keys and
 *    values have memory of their own, so that a kept key does not keep values. What is only lent to
 *    the caller stays in memory of the batch.
 * 2. All begin at multiples of 8, so that typed arrays of any element can view them.
 * 3. The batch keeps its own copy of keys and references, as the caller may change what it took.
 *
 * The copy of the cells and the values taken from it are in memory that all batches share: the
 * compiler reads and writes an array that never changes in half the time.
 */

import { format, type Frame, header, type Slot } from "../../pager/mod.ts";
import {
  HEAD_BYTES,
  headIndex,
  LeafCell,
  offsetIndex,
  REFERENCE_BYTES,
  REFERENCE_TAG,
  valueBytes,
} from "./node.ts";
import { warmCells, warmPage } from "./cache_warming.ts";
import { copyBytes } from "./node_edit.ts";

const { PAGE_BYTES, PAGE_SHIFT } = format;
const { cellStartOf, entriesOf, prefixLengthOf } = header;

/** Takes memory for the `count` keys, or values, of one fill. It begins at a multiple of 8. */
export type Allocate = (length: number, count: number) => Uint8Array;

/** The entries for which an empty batch has room. */
const ENTRIES_MIN = 128;
/** An upper bound on the entries of a leaf. */
const ENTRIES_MAX = 1100;
/** Up to this length, words in a loop are faster than a call of the runtime. */
const SHORT_BYTES_MAX = 192;
/** A word may be read past the end of a page. */
const SLACK_BYTES = 8;

const NO_BYTES = new Uint8Array(0);

/** The cells and the prefix of the leaf that is being copied, at their offsets in its page. */
const page = new Uint8Array(PAGE_BYTES + SLACK_BYTES);
const pageView = new DataView(page.buffer);
/** The values of that leaf. */
const valueWords = new Int32Array((PAGE_BYTES + ENTRIES_MAX * 8) >> 2);
const valueBytesOut = new Uint8Array(valueWords.buffer);

/** Scratch memory that grows. */
class Scratch {
  u8 = NO_BYTES;
  words = new Int32Array(0);

  /** Makes room for a number of bytes, and forgets the bytes before. */
  reserve(length: number): void {
    if (this.u8.length >= length) return;
    // Whole words, so that the same length fits the next time.
    this.words = new Int32Array((Math.max(length, PAGE_BYTES) + 3) >> 2);
    this.u8 = new Uint8Array(this.words.buffer);
  }

  /** Replaces the bytes by the first of others. */
  keep(bytes: Uint8Array, length: number): void {
    this.reserve(length);
    this.u8.set(bytes.subarray(0, length));
  }
}

/** A copy of entries of one leaf. */
export class LeafBatch {
  /** Whether a fill copies values. */
  takesValues = true;
  /** Whether the caller owns keys; otherwise they are views, valid until the next fill. */
  ownsKeys = true;
  /** Whether the caller owns values; otherwise they are views, valid until the next fill. */
  ownsValues = true;
  /** The number of entries. */
  count = 0;
  /** Whether any of its values is a reference to runs. */
  hasReferences = false;
  /** 1 where the value is a reference to runs. */
  isReference: Uint8Array = new Uint8Array(ENTRIES_MIN);
  #keyAt = new Uint32Array(ENTRIES_MIN);
  #keyEnd = new Uint32Array(ENTRIES_MIN);
  #valueAt = new Uint32Array(ENTRIES_MIN);
  #valueEnd = new Uint32Array(ENTRIES_MIN);
  /** Where, in the leaf, each value begins. */
  #valueFrom = new Uint32Array(ENTRIES_MIN);
  readonly #keys = new Scratch();
  readonly #values = new Scratch();
  readonly #cell = new LeafCell();
  readonly #allocateKeys: Allocate;
  readonly #allocateValues: Allocate;
  /** The memory of `key` and `value`; `buffer` of an array takes as long as a view. */
  #keyBuffer: ArrayBufferLike = NO_BYTES.buffer;
  #keyOffset = 0;
  #valueBuffer: ArrayBufferLike = NO_BYTES.buffer;
  #valueOffset = 0;

  /**
   * An empty batch.
   *
   * @param allocateKeys Returns memory for the keys of one fill, for the batch alone to write.
   * @param allocateValues The same for values.
   */
  constructor(allocateKeys: Allocate = newBytes, allocateValues: Allocate = newBytes) {
    this.#allocateKeys = allocateKeys;
    this.#allocateValues = allocateValues;
  }

  /** Lets go of the last fill, and of the memory that its results share. */
  clear(): void {
    this.count = 0;
    this.#keyBuffer = this.#valueBuffer = NO_BYTES.buffer;
  }

  /** Copies entries from..to-1 of a leaf. */
  fill(frame: Frame, slot: Slot, from: number, to: number): void {
    const entries = entriesOf(frame, slot);
    const count = this.count = Math.max(0, Math.min(to, entries) - from);
    if (count > this.isReference.length) this.#reserveEntries(count * 2);
    this.hasReferences = false;
    if (count * 2 > entries) warmPage(frame, slot);
    else warmCells(frame, slot, offsetIndex(slot, entries, from, true), count);
    copyCells(frame, slot, from, count, this.#cell);
    const keysEnd = this.#takeKeys(frame, slot, from);
    const { u8 } = this.#keys;
    const keys = this.ownsKeys ? own(u8, keysEnd, count, this.#allocateKeys) : u8;
    this.#keyBuffer = keys.buffer;
    this.#keyOffset = keys.byteOffset;
    if (!this.takesValues) return;
    const valuesEnd = this.#measureValues(frame, slot, from);
    const values = this.#fillValues(valuesEnd);
    this.#valueBuffer = values.buffer;
    this.#valueOffset = values.byteOffset;
  }

  #reserveEntries(count: number): void {
    this.isReference = new Uint8Array(count);
    this.#keyAt = new Uint32Array(count);
    this.#keyEnd = new Uint32Array(count);
    this.#valueAt = new Uint32Array(count);
    this.#valueEnd = new Uint32Array(count);
    this.#valueFrom = new Uint32Array(count);
  }

  /** Assembles the keys of the copied cells. Returns where they end. */
  #takeKeys(frame: Frame, slot: Slot, from: number): number {
    const { u16, u32 } = frame;
    const cell = this.#cell;
    const offsets = offsetIndex(slot, entriesOf(frame, slot), from, true);
    const heads = headIndex(slot, from);
    const prefix = prefixLengthOf(frame, slot);
    this.#keys.reserve(this.count * (prefix + HEAD_BYTES + 8) + PAGE_BYTES);
    const { words } = this.#keys;
    let at = 0;
    for (let entry = 0; entry < this.count; entry++) {
      cell.read(page, u16[offsets + entry]!);
      this.#keyAt[entry] = at;
      takeWords(PAGE_BYTES - prefix, words, at >> 2, prefix);
      takeSuffix(cell, u32[heads + entry]!, words, at + prefix);
      at += prefix + cell.suffix;
      this.#keyEnd[entry] = at;
      at = aligned(at);
    }
    return at;
  }

  /** Sets where the values of the copied cells begin and end. Returns where the last one ends. */
  #measureValues(frame: Frame, slot: Slot, from: number): number {
    const { u16 } = frame;
    const cell = this.#cell;
    const offsets = offsetIndex(slot, entriesOf(frame, slot), from, true);
    let at = 0;
    let references = 0;
    for (let entry = 0; entry < this.count; entry++) {
      cell.read(page, u16[offsets + entry]!);
      const isReference = cell.tag === REFERENCE_TAG ? 1 : 0;
      this.isReference[entry] = isReference;
      references |= isReference;
      this.#valueFrom[entry] = cell.valueAt;
      this.#valueAt[entry] = at;
      const end = at + valueBytes(cell.tag);
      this.#valueEnd[entry] = end;
      at = aligned(end);
    }
    this.hasReferences = references !== 0;
    return at;
  }

  /** Copies the values. Returns the memory in which they begin at `#valueAt`. */
  #fillValues(end: number): Uint8Array {
    const { count } = this;
    const isOwn = this.ownsValues;
    if (isOwn && !this.hasReferences && end > count * SHORT_BYTES_MAX) {
      const bytes = this.#allocateValues(end, count);
      for (let entry = 0; entry < count; entry++) {
        const at = this.#valueAt[entry]!;
        const from = this.#valueFrom[entry]!;
        bytes.set(page.subarray(from, from + this.#valueEnd[entry]! - at), at);
      }
      return bytes;
    }
    for (let entry = 0; entry < count; entry++) {
      const at = this.#valueAt[entry]!;
      takeValue(this.#valueFrom[entry]!, at, this.#valueEnd[entry]! - at);
    }
    if (!isOwn || this.hasReferences) this.#values.keep(valueBytesOut, end);
    return isOwn ? own(valueBytesOut, end, count, this.#allocateValues) : this.#values.u8;
  }

  /** Copies the key of an entry as the leaf had it, and returns its length. */
  copyKey(entry: number, into: Uint8Array): number {
    const key = this.#keys.u8.subarray(this.#keyAt[entry], this.#keyEnd[entry]);
    into.set(key);
    return key.length;
  }

  /** The reference of an entry as the leaf had it: a view, valid until the next `fill`. */
  reference(entry: number): Uint8Array {
    const at = this.#valueAt[entry]!;
    return this.#values.u8.subarray(at, at + REFERENCE_BYTES);
  }

  /** The key of an entry. */
  key(entry: number): Uint8Array {
    const at = this.#keyAt[entry]!;
    return new Uint8Array(this.#keyBuffer, this.#keyOffset + at, this.#keyEnd[entry]! - at);
  }

  /** The value of an entry, or the reference to it. */
  value(entry: number): Uint8Array {
    const at = this.#valueAt[entry]!;
    return new Uint8Array(this.#valueBuffer, this.#valueOffset + at, this.#valueEnd[entry]! - at);
  }
}

/** Copies the cells of entries, all between them, and the prefix to `page`. */
function copyCells(frame: Frame, slot: Slot, from: number, count: number, cell: LeafCell): void {
  const entries = entriesOf(frame, slot);
  if (count * 2 > entries) return copyToPage(frame, slot, cellStartOf(frame, slot), PAGE_BYTES);
  const { u8, u16 } = frame;
  const offsets = offsetIndex(slot, entries, from, true);
  let first = PAGE_BYTES;
  let last = 0;
  for (let entry = 0; entry < count; entry++) {
    const at = u16[offsets + entry]!;
    if (at < first) first = at;
    if (at > last) last = at;
  }
  if (count === 0) return;
  const base = slot << PAGE_SHIFT;
  cell.read(u8, base + last);
  copyToPage(frame, slot, first, cell.end - base);
  const prefix = prefixLengthOf(frame, slot);
  if (prefix > 0) copyToPage(frame, slot, PAGE_BYTES - prefix, PAGE_BYTES);
}

function copyToPage({ u8 }: Frame, slot: Slot, start: number, end: number): void {
  const base = slot << PAGE_SHIFT;
  copyBytes(u8, base + start, page, start, end - start);
}

/** Takes bytes of `page` to a word of keys. It overwrites the rest of the last word. */
function takeWords(from: number, to: Int32Array, at: number, count: number): void {
  const end = at + ((count + 3) >> 2);
  while (at < end) {
    to[at++] = pageView.getInt32(from, true);
    from += 4;
  }
}

/** Takes a value of `page` to the values. It overwrites the rest of the last word. */
function takeValue(from: number, at: number, count: number): void {
  if (count > SHORT_BYTES_MAX) return valueBytesOut.set(page.subarray(from, from + count), at);
  const end = (at + count + 3) >> 2;
  for (let word = at >> 2; word < end; word++) {
    valueWords[word] = pageView.getInt32(from, true);
    from += 4;
  }
}

/** Takes the key bytes after the prefix: the head, and the tail in the cell. */
function takeSuffix(cell: LeafCell, head: number, to: Int32Array, at: number): void {
  const bytes = swapped(head);
  const shift = (at & 3) << 3;
  const { tailAt } = cell;
  let word = at >> 2;
  if (shift === 0) {
    to[word] = bytes;
    return takeWords(tailAt, to, word + 1, cell.suffix - HEAD_BYTES);
  }
  to[word] = (to[word]! & ((1 << shift) - 1)) | (bytes << shift);
  // The other bytes of the head, then those of the tail that end the word.
  to[++word] = (bytes >>> (32 - shift)) | (pageView.getInt32(tailAt, true) << shift);
  const taken = HEAD_BYTES - (at & 3);
  takeWords(tailAt + taken, to, word + 1, cell.suffix - HEAD_BYTES - taken);
}

/** The bytes of a word in the other order. */
function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/**
 * Copies the first bytes of `from` to memory of the caller's. Even empty results are views of such
 * memory, never of the engine's, which a caller could then transfer.
 */
function own(from: Uint8Array, length: number, count: number, allocate: Allocate): Uint8Array {
  const bytes = allocate(length, count);
  copyBytes(from, 0, bytes, 0, length);
  return bytes;
}

function newBytes(length: number): Uint8Array {
  return new Uint8Array(length);
}

/** The next multiple of 8, where an element of any typed array can begin. */
function aligned(at: number): number {
  return (at + 7) & ~7;
}
