/**
 * Entries of one leaf copied out together, for iterating: one allocation for many entries, and what
 * is handed out belongs to whoever gets it.
 *
 * Of a leaf that is mostly wanted, all cells are copied at once and values are views into that
 * copy; else each value is copied alone. Keys are put together behind the values. The batch keeps
 * all of it once more for itself, as what was handed out may be changed.
 */

import { format, type Frame, header } from "../../pager/mod.ts";
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
import { warmCells, warmPage } from "./cache_warming.ts";

const { PAGE_BYTES, PAGE_SHIFT } = format;
const { cellStartOf, entriesOf, prefixLengthOf } = header;

/** More entries than a leaf can have. */
const ENTRIES_MAX = 1100;

/** Entries of one leaf copied out together. */
export class LeafBatch {
  /** How many entries it has. */
  count = 0;
  /** Whether there is a reference to runs among its values. */
  hasReferences = false;
  /** All keys and values, in memory of their own. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where each key begins. */
  readonly keyAt: Uint32Array = new Uint32Array(ENTRIES_MAX);
  /** Where each key ends. */
  readonly keyEnd: Uint32Array = new Uint32Array(ENTRIES_MAX);
  /** Where each value begins. */
  readonly valueAt: Uint32Array = new Uint32Array(ENTRIES_MAX);
  /** 1 where, instead of a value, there is a reference to runs. */
  readonly isReference: Uint8Array = new Uint8Array(ENTRIES_MAX);
  readonly #valueEnd = new Uint32Array(ENTRIES_MAX);
  /** Where, in the leaf, the key bytes after each head begin. */
  readonly #tailAt = new Uint32Array(ENTRIES_MAX);
  /** Where, in the leaf, each value begins. */
  readonly #valueFrom = new Uint32Array(ENTRIES_MAX);
  readonly #cell = new LeafCell();
  readonly #allocate: (length: number) => Uint8Array;
  /** `bytes` once more, and nobody else's. */
  #kept = new Uint8Array(0);
  #buffer: ArrayBufferLike = this.bytes.buffer;
  #offset = 0;

  /**
   * An empty batch.
   *
   * @param allocate Gives memory for all keys and values of a fill, which nobody else writes to.
   */
  constructor(allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length)) {
    this.#allocate = allocate;
  }

  /** Copies entries from..to-1 of a leaf. */
  fill(frame: Frame, slot: number, from: number, to: number): void {
    const entries = entriesOf(frame, slot);
    this.count = Math.max(0, Math.min(to, entries) - from);
    const takesAll = this.count * 2 > entries;
    if (takesAll) warmPage(frame, slot);
    else warmCells(frame, slot, offsetIndex(slot, entries, from, true), this.count);
    const values = this.#measureValues(frame, slot, from, takesAll);
    const keys = this.#measureKeys(frame, slot, values);
    this.bytes = this.#allocate(values + keys);
    this.#buffer = this.bytes.buffer;
    this.#offset = this.bytes.byteOffset;
    if (takesAll) this.#copyAllCells(frame, slot);
    else this.#copyValues(frame);
    this.#copyKeys(frame, slot, from);
    this.#keep();
  }

  /** Says where each value will stand, leaves key lengths in `keyEnd`, and sums the values up. */
  #measureValues(frame: Frame, slot: number, from: number, takesAll: boolean): number {
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
      at = start + valueBytes(cell.tag);
      this.valueAt[entry] = start;
      this.#valueEnd[entry] = at;
      this.keyEnd[entry] = cell.suffix;
      this.#tailAt[entry] = cell.tailAt;
      this.#valueFrom[entry] = cell.valueAt;
      const isReference = cell.tag === REFERENCE_TAG ? 1 : 0;
      this.isReference[entry] = isReference;
      references |= isReference;
    }
    this.hasReferences = references !== 0;
    return takesAll ? base + PAGE_BYTES - cells : at;
  }

  /** Says where each key will stand, after the values, and sums the keys up. */
  #measureKeys(frame: Frame, slot: number, start: number): number {
    const prefix = prefixLengthOf(frame, slot);
    let at = start;
    for (let entry = 0; entry < this.count; entry++) {
      this.keyAt[entry] = at;
      at += prefix + this.keyEnd[entry]!;
      this.keyEnd[entry] = at;
    }
    return at - start;
  }

  #copyAllCells(frame: Frame, slot: number): void {
    const base = slot << PAGE_SHIFT;
    this.bytes.set(frame.u8.subarray(base + cellStartOf(frame, slot), base + PAGE_BYTES));
  }

  #copyValues(frame: Frame): void {
    for (let entry = 0; entry < this.count; entry++) {
      const at = this.valueAt[entry]!;
      copyBytes(frame.u8, this.#valueFrom[entry]!, this.bytes, at, this.#valueEnd[entry]! - at);
    }
  }

  #copyKeys(frame: Frame, slot: number, from: number): void {
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

  #keep(): void {
    const { bytes } = this;
    if (this.#kept.length < bytes.length) this.#kept = new Uint8Array(bytes.length);
    this.#kept.set(bytes);
  }

  /** Copies the key of an entry as the leaf had it, and returns its length. */
  copyKey(entry: number, into: Uint8Array): number {
    const key = this.#kept.subarray(this.keyAt[entry], this.keyEnd[entry]);
    into.set(key);
    return key.length;
  }

  /** The reference of an entry as the leaf had it: a view, good until the next `fill`. */
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
