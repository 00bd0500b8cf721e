/**
 * A copy of entries of one leaf, for iteration: a few copies of memory for many entries.
 *
 * 1. The caller of `key` and `value` owns what they return. Keys and values have memory of their
 *    own, so that a kept key does not keep values. What is only lent to the caller stays in memory
 *    of the batch.
 * 2. All begin at multiples of 8, so that typed arrays of any element can view them.
 * 3. The batch keeps its own copy of keys and references, as the caller may change what it took.
 *
 * Short values, and keys, are copied in words, because a call of the runtime takes longer.
 */

import { format, type Frame, header, type Slot } from "../../pager/mod.ts";
import { warmCells, warmPage } from "./cache_warming.ts";
import {
  HEAD_BYTES,
  headIndex,
  LeafCell,
  offsetIndex,
  prefixAt,
  REFERENCE_BYTES,
  REFERENCE_TAG,
  valueBytes,
} from "./node.ts";
import { copyBytes } from "./node_edit.ts";

const { PAGE_BYTES, PAGE_SHIFT } = format;
const { entriesOf, prefixLengthOf } = header;

/** Memory for results: blocks of which parts are reserved. */
export interface ResultMemory {
  /** The current block. */
  readonly buffer: ArrayBuffer;
  /** Its bytes. */
  readonly u8: Uint8Array;
  /** Its bytes, for words that begin at any byte. */
  readonly view: DataView;
  /**
   * Reserves bytes, a multiple of 8, of the current block or of a new one.
   *
   * @returns Where they begin in it: at a multiple of 8.
   */
  reserve(length: number): number;
}

/** Chooses the memory for the `count` keys, or values, of one fill, of `length` bytes in all. */
export type ChooseMemory = (length: number, count: number) => ResultMemory;

/** An element of any typed array can begin at its multiples. */
const ALIGNMENT = 8;
/** The entries for which an empty batch has room. */
const ENTRIES_MIN = 128;
/** Up to this length, words in a loop are faster than a call of the runtime. */
const SHORT_BYTES_MAX = 192;

const WORD_BYTES = 4;
const NO_BUFFER = new ArrayBuffer(0);
const NO_BYTES = new Uint8Array(NO_BUFFER);

/** One block, which grows. */
class Scratch implements ResultMemory {
  buffer = new ArrayBuffer(0);
  u8 = new Uint8Array(this.buffer);
  view = new DataView(this.buffer);

  /** Makes room for a number of bytes, and forgets the bytes before. */
  reserve(length: number): number {
    if (this.u8.length < length) {
      this.buffer = new ArrayBuffer(Math.max(length, PAGE_BYTES));
      this.u8 = new Uint8Array(this.buffer);
      this.view = new DataView(this.buffer);
    }
    return 0;
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
  /** Returns the memory for the keys of one fill, if the caller owns them. */
  memoryForKeys: ChooseMemory;
  /** The same for values. */
  memoryForValues: ChooseMemory;
  /** The number of entries. */
  count = 0;
  /** Whether any of its values is a reference. */
  hasReferences = false;
  /** 1 where the value is a reference. */
  isReference: Uint8Array = new Uint8Array(ENTRIES_MIN);
  #keyAt = new Uint32Array(ENTRIES_MIN);
  #keyEnd = new Uint32Array(ENTRIES_MIN);
  #valueAt = new Uint32Array(ENTRIES_MIN);
  #valueEnd = new Uint32Array(ENTRIES_MIN);
  /** Where, in the frame, the bytes of each key after its head begin. */
  #tailFrom = new Uint32Array(ENTRIES_MIN);
  /** Where, in the frame, each value begins. */
  #valueFrom = new Uint32Array(ENTRIES_MIN);
  readonly #keys = new Scratch();
  readonly #values = new Scratch();
  readonly #cell = new LeafCell();
  /** The memory of `key` and `value`, as `buffer` of an array takes as long as a view. */
  #keyBuffer = NO_BUFFER;
  #keyOffset = 0;
  #valueBuffer = NO_BUFFER;
  #valueMemory: Uint8Array = NO_BYTES;
  #valueOffset = 0;

  /**
   * An empty batch.
   *
   * @param memoryForKeys Returns the memory for the keys of one fill.
   * @param memoryForValues The same for values.
   */
  constructor(memoryForKeys: ChooseMemory = newMemory, memoryForValues: ChooseMemory = newMemory) {
    this.memoryForKeys = memoryForKeys;
    this.memoryForValues = memoryForValues;
  }

  /** Lets go of the last fill, and of the memory that its results share. */
  clear(): void {
    this.count = 0;
    this.#keyBuffer = this.#valueBuffer = NO_BUFFER;
    this.#valueMemory = NO_BYTES;
  }

  /** Copies entries from..to-1 of a leaf. */
  fill(frame: Frame, slot: Slot, from: number, to: number): void {
    const entries = entriesOf(frame, slot);
    const count = this.count = Math.max(0, Math.min(to, entries) - from);
    if (count > this.isReference.length) this.#reserveEntries(count * 2);
    if (count * 2 > entries) warmPage(frame, slot);
    else warmCells(frame, slot, offsetIndex(slot, entries, from, true), count);
    this.#readCells(frame, slot, from);
    this.#fillKeys(frame, slot, from);
    if (this.takesValues) this.#fillValues(frame);
  }

  #reserveEntries(count: number): void {
    this.isReference = new Uint8Array(count);
    this.#keyAt = new Uint32Array(count);
    this.#keyEnd = new Uint32Array(count);
    this.#valueAt = new Uint32Array(count);
    this.#valueEnd = new Uint32Array(count);
    this.#tailFrom = new Uint32Array(count);
    this.#valueFrom = new Uint32Array(count);
  }

  /** Notes where keys and values are; `#keyEnd` and `#valueEnd` get the lengths in the cells. */
  #readCells(frame: Frame, slot: Slot, from: number): void {
    const { u8, u16 } = frame;
    const cell = this.#cell;
    const base = slot << PAGE_SHIFT;
    const offsets = offsetIndex(slot, entriesOf(frame, slot), from, true);
    let references = 0;
    for (let entry = 0; entry < this.count; entry++) {
      cell.read(u8, base + u16[offsets + entry]!);
      const isReference = cell.tag === REFERENCE_TAG ? 1 : 0;
      this.isReference[entry] = isReference;
      references |= isReference;
      this.#keyEnd[entry] = cell.suffix;
      this.#tailFrom[entry] = cell.tailAt;
      this.#valueFrom[entry] = cell.valueAt;
      this.#valueEnd[entry] = valueBytes(cell.tag);
    }
    this.hasReferences = references !== 0;
  }

  #fillKeys(frame: Frame, slot: Slot, from: number): void {
    const keys = this.#keys;
    const length = this.#assembleKeys(frame, slot, from);
    let memory: ResultMemory = keys;
    let start = 0;
    if (this.ownsKeys) {
      memory = this.memoryForKeys(length, this.count);
      start = memory.reserve(length);
      if (length > SHORT_BYTES_MAX) memory.u8.set(keys.u8.subarray(0, length), start);
      else copyWords(keys.view, 0, memory.view, start, length);
    }
    this.#keyBuffer = memory.buffer;
    this.#keyOffset = start;
  }

  /** Assembles the keys in memory of the batch. Returns how many bytes they take. */
  #assembleKeys(frame: Frame, slot: Slot, from: number): number {
    const { u32, view: page } = frame;
    const heads = headIndex(slot, from);
    const prefix = prefixLengthOf(frame, slot);
    const prefixFrom = prefixAt(frame, slot);
    const keys = this.#keys;
    keys.reserve(this.count * (prefix + HEAD_BYTES + ALIGNMENT) + PAGE_BYTES);
    const { view } = keys;
    let at = 0;
    for (let entry = 0; entry < this.count; entry++) {
      const suffix = this.#keyEnd[entry]!;
      this.#keyAt[entry] = at;
      copyWords(page, prefixFrom, view, at, prefix);
      at += prefix;
      view.setUint32(at, u32[heads + entry]!);
      copyWords(page, this.#tailFrom[entry]!, view, at + HEAD_BYTES, suffix - HEAD_BYTES);
      at += suffix;
      this.#keyEnd[entry] = at;
      at = aligned(at);
    }
    return at;
  }

  #fillValues(frame: Frame): void {
    const length = this.#placeValues();
    if (!this.ownsValues || this.hasReferences) this.#copyValues(frame, this.#values, length);
    if (this.ownsValues) {
      this.#copyValues(frame, this.memoryForValues(length, this.count), length);
    }
  }

  /** Decides where the values begin and end. Returns how many bytes they take. */
  #placeValues(): number {
    let at = 0;
    for (let entry = 0; entry < this.count; entry++) {
      this.#valueAt[entry] = at;
      at += this.#valueEnd[entry]!;
      this.#valueEnd[entry] = at;
      at = aligned(at);
    }
    return at;
  }

  /** Copies the values, of `length` bytes together, to memory. `value` takes them from there. */
  #copyValues(frame: Frame, memory: ResultMemory, length: number): void {
    const start = memory.reserve(length);
    const { u8, view } = memory;
    const { u8: page, view: pageView } = frame;
    for (let entry = 0; entry < this.count; entry++) {
      const at = this.#valueAt[entry]!;
      const bytes = this.#valueEnd[entry]! - at;
      const from = this.#valueFrom[entry]!;
      if (bytes > SHORT_BYTES_MAX) u8.set(page.subarray(from, from + bytes), start + at);
      else copyWords(pageView, from, view, start + at, bytes);
    }
    this.#valueBuffer = memory.buffer;
    this.#valueMemory = u8;
    this.#valueOffset = start;
  }

  /** Copies the key of an entry as the leaf had it, and returns its length. */
  copyKey(entry: number, into: Uint8Array): number {
    const length = this.keyBytes(entry);
    copyBytes(this.#keys.u8, this.#keyAt[entry]!, into, 0, length);
    return length;
  }

  /** Below 0, 0 or above 0 as the key of an entry sorts before, with or after another key. */
  compareKey(entry: number, key: Uint8Array, length: number): number {
    const { u8 } = this.#keys;
    const at = this.#keyAt[entry]!;
    const own = this.keyBytes(entry);
    const common = own < length ? own : length;
    for (let i = 0; i < common; i++) {
      if (u8[at + i] !== key[i]) return u8[at + i]! - key[i]!;
    }
    return own - length;
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

  /** Where, in the memory for keys, the key of an entry begins. */
  keyStart(entry: number): number {
    return this.#keyOffset + this.#keyAt[entry]!;
  }

  /** The length of the key of an entry. */
  keyBytes(entry: number): number {
    return this.#keyEnd[entry]! - this.#keyAt[entry]!;
  }

  /** The memory for values of the last fill. */
  get valueMemory(): Uint8Array {
    return this.#valueMemory;
  }

  /** Where, in the memory for values, the value of an entry, or the reference to it, begins. */
  valueStart(entry: number): number {
    return this.#valueOffset + this.#valueAt[entry]!;
  }

  /** The length of the value of an entry, or of the reference to it. */
  valueBytes(entry: number): number {
    return this.#valueEnd[entry]! - this.#valueAt[entry]!;
  }

  /** The value of an entry, or the reference to it. */
  value(entry: number): Uint8Array {
    const at = this.#valueAt[entry]!;
    return new Uint8Array(this.#valueBuffer, this.#valueOffset + at, this.#valueEnd[entry]! - at);
  }
}

/** Copies bytes in words. The last word that it writes ends in zeros. */
function copyWords(
  from: DataView,
  fromAt: number,
  to: DataView,
  toAt: number,
  length: number,
): void {
  const end = fromAt + length;
  for (; fromAt + WORD_BYTES <= end; fromAt += WORD_BYTES) {
    to.setInt32(toAt, from.getInt32(fromAt, true), true);
    toAt += WORD_BYTES;
  }
  if (fromAt >= end) return;
  // A word that begins here may end behind the frame, so read the one that ends with the bytes.
  const word = from.getInt32(end - WORD_BYTES, true);
  to.setInt32(toAt, word >>> ((WORD_BYTES - (end - fromAt)) << 3), true);
}

function newMemory(): ResultMemory {
  return new Scratch();
}

/** The next multiple of 8, where an element of any typed array can begin. */
function aligned(at: number): number {
  return (at + ALIGNMENT - 1) & -ALIGNMENT;
}
