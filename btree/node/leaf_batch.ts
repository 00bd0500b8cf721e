/**
 * A copy of entries of one leaf, for iteration: one allocation for many entries. The caller owns
 * the keys and values that it takes.
 *
 * 1. Keys begin at multiples of 8, so that typed arrays of any element can view them. So do values
 *    if `alignsValues` is set.
 * 2. Without alignment, a fill that takes most of a leaf copies all cells at once, and values are
 *    views of that copy. Otherwise each value is copied alone.
 * 3. Keys are assembled after the values.
 * 4. The batch keeps its own copy of keys and references, as the caller may change what it took.
 */

import { format, type Frame, header, type Slot } from "../../pager/mod.ts";
import {
  headIndex,
  LeafCell,
  offsetIndex,
  prefixAt,
  REFERENCE_BYTES,
  REFERENCE_TAG,
  valueBytes,
} from "./node.ts";
import { copyBytes } from "./node_edit.ts";
import { copyWords } from "./word_copy.ts";
import { warmCells, warmPage } from "./cache_warming.ts";

const { PAGE_BYTES, PAGE_SHIFT } = format;
const { cellStartOf, entriesOf, prefixLengthOf } = header;

/** Up to this length, copying by words is faster than a call of the runtime. */
const WORDS_BYTES_MAX = 160;
/** An upper bound on the entries of a leaf. */
const ENTRIES_MAX = 1100;

const NO_BYTES = new Uint8Array(0);

/** A copy of entries of one leaf. */
export class LeafBatch {
  /** Whether a fill places values at multiples of 8, as it does keys. */
  alignsValues = false;
  /** The number of entries. */
  count = 0;
  /** Whether any of its values is a reference to runs. */
  hasReferences = false;
  /** All keys and values, in memory of their own. */
  bytes: Uint8Array = NO_BYTES;
  /** Where each key begins. */
  readonly keyAt: Uint32Array = new Uint32Array(ENTRIES_MAX);
  /** Where each key ends. */
  readonly keyEnd: Uint32Array = new Uint32Array(ENTRIES_MAX);
  /** Where each value begins. */
  readonly valueAt: Uint32Array = new Uint32Array(ENTRIES_MAX);
  /** 1 where the value is a reference to runs. */
  readonly isReference: Uint8Array = new Uint8Array(ENTRIES_MAX);
  readonly #valueEnd = new Uint32Array(ENTRIES_MAX);
  /** Where, in the leaf, the key bytes after each head begin. */
  readonly #tailAt = new Uint32Array(ENTRIES_MAX);
  /** Where, in the leaf, each value begins. */
  readonly #valueFrom = new Uint32Array(ENTRIES_MAX);
  readonly #cell = new LeafCell();
  readonly #allocate: (length: number) => Uint8Array;
  /** The batch's own copy of keys and references, at their offsets in `bytes`. */
  #kept = new Uint8Array(0);
  #buffer: ArrayBufferLike = this.bytes.buffer;
  #offset = 0;

  /**
   * An empty batch.
   *
   * @param allocate Returns memory for the keys and values of one fill, for the batch alone to
   *   write. It begins at a multiple of 8.
   */
  constructor(allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length)) {
    this.#allocate = allocate;
  }

  /** Lets go of the last fill, and of the memory that its results share. */
  clear(): void {
    this.count = 0;
    this.bytes = NO_BYTES;
    this.#buffer = NO_BYTES.buffer;
  }

  /** Copies entries from..to-1 of a leaf. */
  fill(frame: Frame, slot: Slot, from: number, to: number): void {
    const entries = entriesOf(frame, slot);
    this.count = Math.max(0, Math.min(to, entries) - from);
    const isMostlyWanted = this.count * 2 > entries;
    if (isMostlyWanted) warmPage(frame, slot);
    else warmCells(frame, slot, offsetIndex(slot, entries, from, true), this.count);
    const takesAll = isMostlyWanted && !this.alignsValues;
    const values = this.#measureValues(frame, slot, from, takesAll);
    const end = this.#measureKeys(frame, slot, values);
    const bytes = this.bytes = this.#allocate(end);
    this.#buffer = bytes.buffer;
    this.#offset = bytes.byteOffset;
    if (takesAll) this.#copyAllCells(frame, slot);
    else this.#copyValues(frame);
    this.#copyKeys(frame, slot, from);
    this.#keep(this.hasReferences ? 0 : values);
  }

  /**
   * Sets the offset of each value, and leaves key lengths in `keyEnd`. Returns the end of the
   * values, a multiple of 8.
   */
  #measureValues(frame: Frame, slot: Slot, from: number, takesAll: boolean): number {
    const cell = this.#cell;
    const { u8, u16 } = frame;
    const base = slot << PAGE_SHIFT;
    const cells = base + cellStartOf(frame, slot);
    const offsets = offsetIndex(slot, entriesOf(frame, slot), from, true);
    let at = 0;
    let references = 0;
    for (let entry = 0; entry < this.count; entry++) {
      cell.read(u8, base + u16[offsets + entry]!);
      const start = takesAll ? cell.valueAt - cells : at;
      const end = start + valueBytes(cell.tag);
      this.valueAt[entry] = start;
      this.#valueEnd[entry] = end;
      at = aligned(end);
      this.keyEnd[entry] = cell.suffix;
      this.#tailAt[entry] = cell.tailAt;
      this.#valueFrom[entry] = cell.valueAt;
      const isReference = cell.tag === REFERENCE_TAG ? 1 : 0;
      this.isReference[entry] = isReference;
      references |= isReference;
    }
    this.hasReferences = references !== 0;
    return takesAll ? aligned(base + PAGE_BYTES - cells) : at;
  }

  /** Sets the offset of each key, after the values. Returns the end of the last key. */
  #measureKeys(frame: Frame, slot: Slot, start: number): number {
    const prefix = prefixLengthOf(frame, slot);
    let end = start;
    for (let entry = 0; entry < this.count; entry++) {
      const at = aligned(end);
      end = at + prefix + this.keyEnd[entry]!;
      this.keyAt[entry] = at;
      this.keyEnd[entry] = end;
    }
    // Whole words, since values are copied in words.
    return aligned(end);
  }

  #copyAllCells(frame: Frame, slot: Slot): void {
    const base = slot << PAGE_SHIFT;
    this.bytes.set(frame.u8.subarray(base + cellStartOf(frame, slot), base + PAGE_BYTES));
  }

  #copyValues({ u8, u32 }: Frame): void {
    const { bytes } = this;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    for (let entry = 0; entry < this.count; entry++) {
      const at = this.valueAt[entry]!;
      const from = this.#valueFrom[entry]!;
      const length = this.#valueEnd[entry]! - at;
      if (length > WORDS_BYTES_MAX) copyBytes(u8, from, bytes, at, length);
      else copyWords(u32, from, words, at >> 2, length);
    }
  }

  #copyKeys(frame: Frame, slot: Slot, from: number): void {
    const { u8, u32 } = frame;
    const { bytes } = this;
    const prefix = prefixLengthOf(frame, slot);
    const prefixFrom = prefixAt(frame, slot);
    const heads = headIndex(slot, from);
    for (let entry = 0; entry < this.count; entry++) {
      const end = this.keyEnd[entry]!;
      let to = this.keyAt[entry]!;
      for (let i = 0; i < prefix; i++) bytes[to++]! = u8[prefixFrom + i]!;
      const head = u32[heads + entry]!;
      for (let shift = 24; shift >= 0 && to < end; shift -= 8) bytes[to++] = head >>> shift;
      for (let at = this.#tailAt[entry]!; to < end; at++) bytes[to++]! = u8[at]!;
    }
  }

  /** Keeps a copy of the bytes at `from` and after. */
  #keep(from: number): void {
    const { bytes } = this;
    if (this.#kept.length < bytes.length) this.#kept = new Uint8Array(bytes.length);
    this.#kept.set(from === 0 ? bytes : bytes.subarray(from), from);
  }

  /** Copies the key of an entry as the leaf had it, and returns its length. */
  copyKey(entry: number, into: Uint8Array): number {
    const key = this.#kept.subarray(this.keyAt[entry], this.keyEnd[entry]);
    into.set(key);
    return key.length;
  }

  /** The reference of an entry as the leaf had it: a view, valid until the next `fill`. */
  reference(entry: number): Uint8Array {
    const at = this.valueAt[entry]!;
    return this.#kept.subarray(at, at + REFERENCE_BYTES);
  }

  /** The key of an entry. */
  key(entry: number): Uint8Array {
    const at = this.keyAt[entry]!;
    return new Uint8Array(this.#buffer, this.#offset + at, this.keyEnd[entry]! - at);
  }

  /** The value of an entry, or the reference to it. */
  value(entry: number): Uint8Array {
    const at = this.valueAt[entry]!;
    return new Uint8Array(this.#buffer, this.#offset + at, this.#valueEnd[entry]! - at);
  }
}

/** The next multiple of 8, where an element of any typed array can begin. */
function aligned(at: number): number {
  return (at + 7) & ~7;
}
