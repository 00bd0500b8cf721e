/**
 * A run of a sort: entries in key order, in blocks of some pages each, written once and read once.
 *
 * A block is a value in runs of pages (`value.ts`) that no leaf refers to; its reference is in
 * memory. It holds records one after the other:
 *
 * ```text
 * u16 key length, u32 value length, key, value
 * ```
 *
 * A longer value is a value in runs of its own; the record has the reference to it in place of the
 * value, and 0x80000000 as the value length.
 */

import { REFERENCE_BYTES } from "../node/node.ts";
import { copyBytes } from "../node/node_edit.ts";
import { decodeReference, type Reference } from "../value/reference.ts";
import { copyRuns, releaseRuns, writeRuns } from "../value/runs.ts";
import { readReferenced } from "../value/value.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import type { EntrySink } from "./sort_buffer.ts";
import type { Source } from "./source_heap.ts";

/** The bytes of a block: eight pages. A block is read in one call where they are not in memory. */
const BLOCK_BYTES = 64 * 1024;
const HEAD_BYTES = 6;
/** The longest value inside a block. */
const VALUE_BYTES_MAX = 16 * 1024;
const IS_REFERENCE = 0x8000_0000;

/** The pages of runs that one sort takes and gives back. */
export interface RunPages {
  /** The context of the database. */
  readonly context: TreeContext;
  /** The number of the tree whose pages they are. */
  readonly id: number;
}

/** A run that is being written, or was. */
export class SortedRun implements EntrySink {
  readonly #pages: RunPages;
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #view = new DataView(this.#block.buffer);
  readonly #reference = new Uint8Array(REFERENCE_BYTES);
  readonly #blocks: Reference[] = [];
  readonly #values: Reference[] = [];
  #used = 0;

  /**
   * Begins an empty run.
   *
   * @param pages Where its pages come from.
   */
  constructor(pages: RunPages) {
    this.#pages = pages;
  }

  /** Adds an entry, after all before it: parts of an array. */
  add(
    bytes: Uint8Array,
    keyAt: number,
    keyLength: number,
    values: Uint8Array,
    valueAt: number,
    valueLength: number,
  ): void {
    const isLong = valueLength > VALUE_BYTES_MAX;
    const length = HEAD_BYTES + keyLength + (isLong ? REFERENCE_BYTES : valueLength);
    if (this.#used + length > BLOCK_BYTES) this.#write();
    const at = this.#used;
    this.#view.setUint16(at, keyLength, true);
    this.#view.setUint32(at + 2, isLong ? IS_REFERENCE : valueLength, true);
    copyBytes(bytes, keyAt, this.#block, at + HEAD_BYTES, keyLength);
    if (isLong) {
      this.#values.push(this.#store(values.subarray(valueAt, valueAt + valueLength)));
      this.#block.set(this.#reference, at + HEAD_BYTES + keyLength);
    } else {
      copyBytes(values, valueAt, this.#block, at + HEAD_BYTES + keyLength, valueLength);
    }
    this.#used += length;
  }

  /** Writes the last block. */
  finish(): void {
    if (this.#used > 0) this.#write();
  }

  #write(): void {
    this.#blocks.push(this.#store(this.#block.subarray(0, this.#used)));
    this.#used = 0;
  }

  #store(value: Uint8Array): Reference {
    const { context: { pager, allocator }, id } = this.#pages;
    const near = this.#blocks.at(-1)?.page ?? 0;
    writeRuns(pager, allocator, id, value, near, this.#reference);
    return decodeReference(this.#reference, 0);
  }

  /** The number of blocks. */
  get blocks(): number {
    return this.#blocks.length;
  }

  /** Reads a block into an array of at least `BLOCK_BYTES`; returns its length. */
  read(block: number, into: Uint8Array): number {
    const { context: { pager }, id } = this.#pages;
    const reference = this.#blocks[block]!;
    copyRuns(pager, id, reference, into);
    return reference.length;
  }

  /** The long value whose reference is at `at`. */
  longValue(bytes: Uint8Array, at: number): Uint8Array {
    return readReferenced(this.#pages.context.pager, this.#pages.id, bytes, at);
  }

  /** Gives its pages back. */
  release(): void {
    const { context: { pager, allocator }, id } = this.#pages;
    for (const reference of this.#blocks) releaseRuns(pager, allocator, id, reference);
    for (const reference of this.#values) releaseRuns(pager, allocator, id, reference);
  }
}

/** Reads the entries of a run in their order. */
export class RunReader implements Source {
  bytes: Uint8Array = new Uint8Array(BLOCK_BYTES);
  keyAt = 0;
  keyLength = 0;
  values: Uint8Array = this.bytes;
  valueAt = 0;
  valueLength = 0;
  readonly #run: SortedRun;
  readonly #view = new DataView(this.bytes.buffer);
  #block = 0;
  #isLong = false;
  /** The end of the block, and where the next record begins. */
  #end = 0;
  #next = 0;

  /**
   * Begins before the first entry.
   *
   * @param run A finished run.
   */
  constructor(run: SortedRun) {
    this.#run = run;
  }

  advance(): boolean {
    if (this.#next === this.#end) {
      if (this.#block === this.#run.blocks) return false;
      this.#end = this.#run.read(this.#block++, this.bytes);
      this.#next = 0;
    }
    this.keyLength = this.#view.getUint16(this.#next, true);
    this.keyAt = this.#next + HEAD_BYTES;
    const length = this.#view.getUint32(this.#next + 2, true);
    const at = this.keyAt + this.keyLength;
    this.#isLong = length === IS_REFERENCE;
    this.values = this.bytes;
    this.valueAt = at;
    this.valueLength = this.#isLong ? REFERENCE_BYTES : length;
    this.#next = at + this.valueLength;
    return true;
  }

  fetchValue(): void {
    if (!this.#isLong) return;
    this.values = this.#run.longValue(this.bytes, this.valueAt);
    this.valueAt = 0;
    this.valueLength = this.values.length;
  }
}
