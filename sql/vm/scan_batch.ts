/**
 * A scan that reads a batch of entries at a time into memory of its own: neither the visit of the
 * tree nor the steps through the batch create objects. A backward scan uses the iterator of the
 * tree, one entry at a time.
 *
 * No statement changes a tree while it scans it: rows to change are collected first.
 */

import type { Rows } from "../schema/trees.ts";

/** A range of keys, as bytes. */
export interface KeyBounds {
  readonly prefix?: Uint8Array;
  readonly gt?: Uint8Array;
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly reverse?: boolean;
}

/** The entries of the first batch, which is small, as many scans need few rows. */
const FIRST = 4;
const MOST = 512;
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

  /** Prepares scans of a tree. */
  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** Begins a scan. */
  begin(bounds: KeyBounds): void {
    this.end();
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
    if (this.#count > 0) {
      const { lt, lte, prefix } = this.#bounds;
      this.#bounds = { gt: this.key(), ...bound("lt", lt), ...bound("lte", lte) };
      if (prefix !== undefined) this.#bounds = { ...this.#bounds, prefix };
    }
    this.#at = 0;
    this.#count = 0;
    this.#used = 0;
    this.#isLast = true;
    const { reverse: _, ...range } = this.#bounds;
    this.#rows.visit(range, this.#take);
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

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(512, size, 2 * this.bytes.length));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  #nextBackwards(entries: Generator<[Uint8Array, Uint8Array], void, undefined>): boolean {
    const step = entries.next();
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
