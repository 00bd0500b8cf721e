/**
 * Entries in memory, sorted by key: the bytes of all entries in one block, and their places in
 * arrays of numbers.
 *
 * All keys are compared first by the eight bytes that follow their common prefix, as two integers,
 * and only if these are equal by the rest. The first integer and the number of the entry make one
 * float, and a native sort of floats does most of the work. Of several entries with one key, the
 * last added is kept.
 *
 * It writes no file.
 */

import { Buffer } from "node:buffer";

/** What a buffer takes for an entry besides its key and value. */
const ENTRY_BYTES = 32;
const ENTRIES_MIN = 1024;
/** The most entries: their numbers, with 32 bits of a key, are exact in a float. */
const ENTRIES_MAX = 2 ** 21;
const BYTES_MIN = 64 * 1024;

/** Where sorted entries go. Key and value are parts of arrays, valid during the call. */
export interface EntrySink {
  /** Takes an entry. */
  add(
    bytes: Uint8Array,
    keyAt: number,
    keyLength: number,
    values: Uint8Array,
    valueAt: number,
    valueLength: number,
  ): void;
}

/** Entries in memory, sorted by key. */
export class SortBuffer {
  /** The number of entries. */
  count = 0;
  readonly #bytesMax: number;
  #bytes = new Uint8Array(0);
  #buffer = Buffer.from(this.#bytes.buffer);
  #used = 0;
  /** Where each key begins in `#bytes`; its value follows. */
  #keyAt = new Float64Array(0);
  #keyLength = new Uint32Array(0);
  #valueLength = new Uint32Array(0);
  /** The eight bytes of each key that are compared first. */
  #high = new Uint32Array(0);
  #low = new Uint32Array(0);
  /** The length of the common prefix of all keys. */
  #prefix = 0;

  /**
   * An empty buffer.
   *
   * @param bytesMax The memory that it may take; a single larger entry takes more.
   */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Adds a copy of an entry. Returns false if it has no room, unless the buffer is empty. */
  add(key: Uint8Array, length: number, value: Uint8Array): boolean {
    const bytes = length + value.length;
    const total = this.#used + bytes + (this.count + 1) * ENTRY_BYTES;
    if (this.count > 0 && (total > this.#bytesMax || this.count === ENTRIES_MAX)) return false;
    this.#reserve(bytes);
    const index = this.count++;
    this.#keyAt[index] = this.#used;
    this.#keyLength[index] = length;
    this.#valueLength[index] = value.length;
    this.#bytes.set(length === key.length ? key : key.subarray(0, length), this.#used);
    this.#bytes.set(value, this.#used + length);
    this.#used += bytes;
    return true;
  }

  /** Forgets all entries, and keeps the memory. */
  clear(): void {
    this.count = 0;
    this.#used = 0;
  }

  /** Gives all entries to a sink, in key order. */
  drain(sink: EntrySink): void {
    const bytes = this.#bytes;
    const order = this.order();
    for (let i = 0; i < order.length; i++) {
      const index = order[i]!;
      const at = this.#keyAt[index]!;
      const length = this.#keyLength[index]!;
      sink.add(bytes, at, length, bytes, at + length, this.#valueLength[index]!);
    }
  }

  /** The keys and values of all entries; another array after an `add`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where the key of an entry begins in `bytes`; its value follows. */
  keyAt(index: number): number {
    return this.#keyAt[index]!;
  }

  /** The length of the key of an entry. */
  keyLength(index: number): number {
    return this.#keyLength[index]!;
  }

  /** The length of the value of an entry. */
  valueLength(index: number): number {
    return this.#valueLength[index]!;
  }

  /** The common prefix of all keys, as of the last `order`, which there must have been. */
  get prefix(): Uint8Array {
    const at = this.#keyAt[0]!;
    return this.#bytes.subarray(at, at + this.#prefix);
  }

  /** The numbers of the entries in key order, each key once. */
  order(): Uint32Array {
    this.#findPrefix();
    this.#takeHeads();
    const order = this.#orderByHigh();
    for (let start = 0; start < order.length;) {
      const high = this.#high[order[start]!]!;
      let end = start + 1;
      while (end < order.length && this.#high[order[end]!] === high) end++;
      if (end - start > 1) order.subarray(start, end).sort(this.#byLowAndRest);
      start = end;
    }
    let kept = 0;
    for (let i = 0; i < order.length; i++) {
      const isLast = i + 1 === order.length || this.#compare(order[i]!, order[i + 1]!) !== 0;
      if (isLast) order[kept++] = order[i]!;
    }
    return order.subarray(0, kept);
  }

  /** The numbers of the entries by the first integer of their keys, then as they were added. */
  #orderByHigh(): Uint32Array {
    const packed = new Float64Array(this.count);
    for (let i = 0; i < packed.length; i++) packed[i] = this.#high[i]! * ENTRIES_MAX + i;
    packed.sort();
    const order = new Uint32Array(packed.length);
    for (let i = 0; i < order.length; i++) order[i] = packed[i]! % ENTRIES_MAX;
    return order;
  }

  readonly #byLowAndRest = (a: number, b: number): number => {
    return this.#low[a]! - this.#low[b]! || this.#compareRest(a, b) || a - b;
  };

  #compare(a: number, b: number): number {
    return this.#high[a]! - this.#high[b]! || this.#low[a]! - this.#low[b]! ||
      this.#compareRest(a, b);
  }

  /** Compares two keys whose heads are equal. A head is padded with zeros. */
  #compareRest(a: number, b: number): number {
    const atA = this.#keyAt[a]!;
    const atB = this.#keyAt[b]!;
    const endA = atA + this.#keyLength[a]!;
    const endB = atB + this.#keyLength[b]!;
    return this.#buffer.compare(this.#buffer, atB, endB, atA, endA);
  }

  #findPrefix(): void {
    this.#prefix = this.count === 0 ? 0 : this.#keyLength[0]!;
    const first = this.count === 0 ? 0 : this.#keyAt[0]!;
    for (let index = 1; index < this.count && this.#prefix > 0; index++) {
      const at = this.#keyAt[index]!;
      const most = Math.min(this.#prefix, this.#keyLength[index]!);
      let length = 0;
      while (length < most && this.#bytes[first + length] === this.#bytes[at + length]) length++;
      this.#prefix = length;
    }
  }

  #takeHeads(): void {
    for (let index = 0; index < this.count; index++) {
      const at = this.#keyAt[index]! + this.#prefix;
      const end = this.#keyAt[index]! + this.#keyLength[index]!;
      this.#high[index] = this.#word(at, end);
      this.#low[index] = this.#word(at + 4, end);
    }
  }

  /** Four bytes as an integer; those from `end` on count as zeros. */
  #word(at: number, end: number): number {
    let word = 0;
    for (let i = at; i < at + 4; i++) word = (word << 8) | (i < end ? this.#bytes[i]! : 0);
    return word >>> 0;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes > this.#bytes.length) {
      const wanted = Math.min(Math.max(BYTES_MIN, 2 * this.#bytes.length), this.#bytesMax);
      const grown = new Uint8Array(Math.max(wanted, this.#used + bytes));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
      this.#buffer = Buffer.from(grown.buffer);
    }
    if (this.count < this.#keyAt.length) return;
    const length = Math.max(ENTRIES_MIN, 2 * this.#keyAt.length);
    this.#keyAt = grow(this.#keyAt, new Float64Array(length));
    this.#keyLength = grow(this.#keyLength, new Uint32Array(length));
    this.#valueLength = grow(this.#valueLength, new Uint32Array(length));
    this.#high = new Uint32Array(length);
    this.#low = new Uint32Array(length);
  }
}

function grow<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
