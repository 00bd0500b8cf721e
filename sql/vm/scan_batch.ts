/**
 * A scan that reads a batch of entries at a time into memory of its own: neither the visit of the
 * tree nor the steps through the batch create objects. A backward scan uses the iterator of the
 * tree, one entry at a time.
 *
 * No statement changes a tree while it scans it: rows to change are collected first.
 */

import type { EntryView } from "../../mod.ts";
import type { Rows } from "../schema/trees.ts";
import { PartReader } from "../value/part_reader.ts";
import { PartWriter } from "../value/parts.ts";

/** A range of keys, as bytes. */
export interface KeyBounds {
  readonly prefix?: Uint8Array;
  readonly gt?: Uint8Array;
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly reverse?: boolean;
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
/** Numbers of an entry: where its key and its value begin, and where it ends. */
const NUMBERS = 3;

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
  readonly #rows: Rows;
  #bounds: KeyBounds = {};
  #backwards: Generator<[Uint8Array, Uint8Array], void, undefined> | undefined;
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

  /** Prepares scans of a tree. */
  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /**
   * Begins a scan.
   *
   * @param distinct The parts of the key of which it visits one entry of each value; 0 for all.
   */
  begin(bounds: KeyBounds, distinct = 0): void {
    this.end();
    this.#distinct = distinct;
    this.#value = undefined;
    this.#size = FIRST;
    if (bounds.reverse === true) {
      this.#backwards = this.#rows.entries(bounds);
      return;
    }
    this.#bounds = bounds;
    this.#isLast = false;
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    if (this.#backwards !== undefined) return this.#nextBackwards(this.#backwards);
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
    else if (this.#count > 0) {
      const { lt, lte, prefix } = this.#bounds;
      this.#bounds = { gt: this.key(), ...bound("lt", lt), ...bound("lte", lte) };
      if (prefix !== undefined) this.#bounds = { ...this.#bounds, prefix };
    }
    this.#at = 0;
    this.#passed = 0;
    this.#count = 0;
    this.#used = 0;
    this.#isLast = true;
    const { reverse: _, ...range } = this.#bounds;
    if (this.#distinct === 0) this.#rows.visit(range, this.#take);
    else this.#rows.visitViews(range, this.#takeNew);
    this.#size = Math.min(MOST, this.#size * 4);
    return this.#count > 0;
  }

  /** Takes an entry; false if the batch is full. */
  readonly #take = (key: Uint8Array, value: Uint8Array): boolean | void => {
    const keyStart = this.#used;
    const valueStart = keyStart + key.length;
    const end = valueStart + value.length;
    if (end > this.bytes.length) this.#grow(end);
    copy(key, this.bytes, keyStart);
    copy(value, this.bytes, valueStart);
    const place = NUMBERS * this.#count++;
    this.#places[place] = keyStart;
    this.#places[place + 1] = valueStart;
    this.#places[place + 2] = end;
    this.#used = end;
    if (this.#count < this.#size && end < BYTES_MAX) return;
    this.#isLast = false;
    return false;
  };

  /** Takes an entry in place, if it has another value than the one before. */
  readonly #takeNew = (entry: EntryView): boolean | void => {
    const { key } = entry;
    if (this.#isNew(key, 0, key.length)) {
      return this.#take(key, entry.bytes.subarray(entry.start, entry.end));
    }
    if (++this.#passed < PASSED_MAX) return;
    this.#isLast = false;
    return false;
  };

  /** Whether an entry has another value of its first parts than the one before. */
  #isNew(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#value !== undefined && startsWith(bytes, start, this.#value)) return false;
    this.#value = valueOf(bytes, start, end, this.#distinct);
    this.#passed = 0;
    return true;
  }

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(512, size, 2 * this.bytes.length));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  #nextBackwards(entries: Generator<[Uint8Array, Uint8Array], void, undefined>): boolean {
    let step = entries.next();
    while (this.#distinct > 0 && step.done !== true) {
      const [key] = step.value;
      if (this.#isNew(key, 0, key.length)) break;
      step = entries.next();
    }
    if (step.done === true) return false;
    const [key, value] = step.value;
    const end = key.length + value.length;
    if (end > this.bytes.length) this.#grow(end);
    this.bytes.set(key);
    this.bytes.set(value, key.length);
    this.keyStart = 0;
    this.valueStart = key.length;
    this.valueEnd = end;
    return true;
  }

  /** Ends the scan. */
  end(): void {
    this.#backwards?.return();
    this.#backwards = undefined;
    this.#count = 0;
    this.#at = 0;
    this.#isLast = true;
  }
}

function bound(name: "lt" | "lte", bytes: Uint8Array | undefined): KeyBounds {
  return bytes === undefined ? {} : { [name]: bytes };
}

/** Short copies byte by byte, which takes less than a call. */
function copy(from: Uint8Array, to: Uint8Array, at: number): void {
  if (from.length > 32) return to.set(from, at);
  for (let i = 0; i < from.length; i++) to[at + i] = from[i]!;
}

const reader = new PartReader();
const copies = new PartWriter();

/** A copy of a key or of its beginning; memory of its own would take longer than the rest. */
export function copyOfKey(bytes: Uint8Array): Uint8Array {
  copies.reset().raw(bytes);
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
