/**
 * A scan that reads a batch of entries at a time into memory of its own, in either direction:
 * neither the visit of the tree nor the steps through the batch create objects.
 *
 * No statement changes a tree while it scans it: rows to change are collected first.
 */

import type { EntryView } from "../../mod.ts";
import type { Rows } from "../schema/trees.ts";
import { PartReader } from "../value/part_reader.ts";
import { PartWriter } from "../value/parts.ts";

/** A range of keys, as bytes. */
export interface KeyBounds {
  readonly prefix?: Uint8Array | undefined;
  readonly gt?: Uint8Array | undefined;
  readonly gte?: Uint8Array | undefined;
  readonly lt?: Uint8Array | undefined;
  readonly lte?: Uint8Array | undefined;
  readonly reverse?: boolean | undefined;
  readonly limit?: number;
}

/** The entries of the first batch, which is small, as many scans need few rows. */
const FIRST = 4;
const MOST = 512;
/** The entries of one value that are passed over before the next value is searched for. */
export const PASSED_MAX = 24;
const AFTER = 0xff;
/** The bytes after which a batch ends. */
const BYTES_MAX = 256 * 1024;
/** Up to this length a loop takes less than a call. */
const LOOP_BYTES_MAX = 48;
/** Numbers of an entry: where its key and its value begin, and where it ends. */
const NUMBERS = 3;

/** The most idle scans, which serve all trees, and the most memory that one keeps. */
const IDLE_MAX = 8;
const IDLE_BYTES_MAX = 64 * 1024;
const NO_BOUNDS: KeyBounds = {};
const NO_ROWS = {} as Rows;
const idle: ScanBatch[] = [];

/** A scan of a tree that has not begun: one that was given back, or a new one. */
export function takeBatch(rows: Rows): ScanBatch {
  const batch = idle.pop() ?? new ScanBatch();
  batch.attach(rows);
  return batch;
}

/** Ends a scan and returns it for reuse: the memory of many scans costs more than what they do. */
export function giveBackBatch(batch: ScanBatch): void {
  batch.end();
  batch.attach(NO_ROWS);
  if (idle.length < IDLE_MAX && batch.bytes.length <= IDLE_BYTES_MAX) idle.push(batch);
}

/** A scan of a range. */
export class ScanBatch {
  /** The memory that has the current entry. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the key of the current entry begins; it ends where the value begins. */
  keyStart = 0;
  /** Where the value of the current entry begins. */
  valueStart = 0;
  /** Where the value of the current entry ends. */
  valueEnd = 0;
  #rows: Rows = NO_ROWS;
  #bounds: KeyBounds = NO_BOUNDS;
  #places: number[] = [];
  #count = 0;
  #at = 0;
  #size = FIRST;
  #isLast = true;
  #used = 0;
  /** The parts of the key of which one entry of each value is visited, and the last value. */
  #distinct = 0;
  #value: Uint8Array | undefined;
  #passed = 0;

  /** Points it at a tree. */
  attach(rows: Rows): void {
    this.#rows = rows;
  }

  /**
   * Begins a scan.
   *
   * @param distinct The parts of the key of which it visits one entry of each value; 0 for all.
   */
  begin(bounds: KeyBounds, distinct: number): void {
    this.end();
    this.#distinct = distinct;
    this.#size = FIRST;
    this.#bounds = bounds;
    this.#isLast = false;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    if (this.#at === this.#count && !this.#fill()) return false;
    const place = NUMBERS * this.#at++;
    this.keyStart = this.#places[place]!;
    this.valueStart = this.#places[place + 1]!;
    this.valueEnd = this.#places[place + 2]!;
    return true;
  }

  /** A copy of the key of the current entry. */
  key(): Uint8Array {
    return this.bytes.slice(this.keyStart, this.valueStart);
  }

  /** Reads the next entries; false if there are none. */
  #fill(): boolean {
    if (this.#isLast) return false;
    if (this.#value !== undefined) this.#bounds = pastValue(this.#bounds, this.#value);
    else if (this.#count > 0) this.#bounds = beyond(this.#bounds, this.key());
    this.#at = 0;
    this.#passed = 0;
    this.#count = 0;
    this.#used = 0;
    this.#isLast = true;
    this.#rows.visitViews(this.#bounds, this.#distinct === 0 ? this.#take : this.#takeNew);
    this.#size = Math.min(MOST, this.#size * 4);
    return this.#count > 0;
  }

  /** Takes an entry; false if the batch is full. */
  readonly #take = ({ key, bytes, start, end }: EntryView): boolean | void => {
    const keyStart = this.#used;
    const valueStart = keyStart + key.length;
    const valueEnd = valueStart + end - start;
    if (valueEnd > this.bytes.length) this.#grow(valueEnd);
    copy(key, 0, key.length, this.bytes, keyStart);
    copy(bytes, start, end, this.bytes, valueStart);
    const place = NUMBERS * this.#count++;
    this.#places[place] = keyStart;
    this.#places[place + 1] = valueStart;
    this.#places[place + 2] = valueEnd;
    this.#used = valueEnd;
    if (this.#count < this.#size && valueEnd < BYTES_MAX) return;
    this.#isLast = false;
    return false;
  };

  /** Takes an entry, if it has another value than the one before. */
  readonly #takeNew = (entry: EntryView): boolean | void => {
    if (this.#isNew(entry.key)) return this.#take(entry);
    if (++this.#passed < PASSED_MAX) return;
    this.#isLast = false;
    return false;
  };

  /** Whether a key has another value of its first parts than the one before. */
  #isNew(key: Uint8Array): boolean {
    if (this.#value !== undefined && startsWith(key, 0, this.#value)) return false;
    this.#value = valueOf(key, 0, key.length, this.#distinct);
    this.#passed = 0;
    return true;
  }

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(512, size, 2 * this.bytes.length));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  /** Ends the scan. */
  end(): void {
    this.#bounds = NO_BOUNDS;
    this.#value = undefined;
    this.#count = 0;
    this.#at = 0;
    this.#isLast = true;
  }
}

/** The bounds of the entries of a range that come after the one of a key. */
function beyond({ prefix, gt, gte, lt, lte, reverse }: KeyBounds, key: Uint8Array): KeyBounds {
  return reverse === true ? { prefix, gt, gte, lt: key, reverse } : { prefix, gt: key, lt, lte };
}

/** Short copies byte by byte, which takes less than a call. */
function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > LOOP_BYTES_MAX) return to.set(from.subarray(start, end), at);
  for (let i = start; i < end; i++) to[at + i - start] = from[i]!;
}

const reader = new PartReader();
const copies = new PartWriter();

/** A copy of a key, or of a part of one; memory of its own would take longer than the rest. */
export function copyOfKey(bytes: Uint8Array, start?: number, end?: number): Uint8Array {
  copies.reset().raw(bytes, start, end);
  return copies.take();
}

/** The bytes of a key after its first parts. */
export function keyAfter(key: Uint8Array, parts: number): Uint8Array {
  return after(key, 0, key.length, parts);
}

function after(bytes: Uint8Array, start: number, end: number, parts: number): Uint8Array {
  reader.reset(bytes, start, end);
  for (let i = 0; i < parts; i++) reader.skipKeyValue();
  return reader.rest();
}

/** A copy of the bytes of the first parts of a key. */
export function valueOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  parts: number,
): Uint8Array {
  return copyOfKey(bytes.subarray(start, end - after(bytes, start, end, parts).length));
}

/** Whether bytes begin with others, from a place on. */
export function startsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  // The last bytes differ most often.
  for (let i = start.length - 1; i >= 0; i--) if (bytes[at + i] !== start[i]) return false;
  return true;
}

/** The bounds of what follows all entries of a value. */
export function pastValue(bounds: KeyBounds, value: Uint8Array): KeyBounds {
  if (bounds.reverse === true) return { ...bounds, lt: value };
  const past = new Uint8Array(value.length + 1);
  past.set(value);
  past[value.length] = AFTER;
  return { ...bounds, gte: past };
}
