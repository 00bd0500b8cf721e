/**
 * Memory for results: many small ones share a block, because an allocation costs more than all
 * other work of reading them.
 *
 * A kept result keeps its block. Blocks are as small as speed allows, and depend on the results in
 * them: 2 KiB for values up to 64 bytes, 8 KiB up to 256, 16 KiB below 4 KiB; from there on a value
 * has a buffer of its own. Iterators take blocks of 4 KiB for keys, of 32 KiB for values up to 256
 * bytes (the mean of a leaf) and of 64 KiB for longer ones. The keys, or values, of one leaf that
 * take more than half a block get a block of their own.
 *
 * Nothing writes to a result again. Blocks are marked untransferable, so that posting one result to
 * a worker copies it instead of taking its neighbours along. Each result begins at a multiple of 8
 * of its buffer, so that any typed array can view it.
 */

import { markAsUntransferable } from "node:worker_threads";
import type { ResultMemory } from "../../btree/mod.ts";

const OWN_BYTES_MIN = 4 * 1024;
const LOOP_BYTES_MAX = 48;

const SMALL_BYTES_MAX = 64;
const MEDIUM_BYTES_MAX = 256;
/** Up to this mean length, values of iterators share the smaller blocks. */
const SCANNED_BYTES_MAX = 256;

/** How a scan hands out keys and values. */
export interface ScanMemory {
  /** Whether values are read at all. */
  readonly takesValues: boolean;
  /** Whether the caller owns keys; otherwise they are views, valid until the next step. */
  readonly ownsKeys: boolean;
  /** Whether the caller owns values; otherwise they are views, valid until the next step. */
  readonly ownsValues: boolean;
  /** Whether what the caller would own is in memory of the scan, which the next leaf overwrites. */
  readonly lends?: true;
}

/** Memory that results share, in blocks of one size. */
class Shelf implements ResultMemory {
  readonly #blockBytes: number;
  /** The current block. */
  buffer: ArrayBuffer = new ArrayBuffer(0);
  /** Its bytes. */
  u8: Uint8Array = new Uint8Array(this.buffer);
  /** Its bytes, for words that begin at any byte. */
  view: DataView = new DataView(this.buffer);
  /** Past the end, so that even an empty first result begins a block. */
  #used = 1;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  /** Reserves a part of the block, or of a new one. Returns its offset. */
  reserve(length: number): number {
    const at = aligned(this.#used);
    this.#used = at + length;
    return this.#used <= this.u8.length ? at : this.#newBlock(length);
  }

  #newBlock(length: number): number {
    const size = length * 2 > this.#blockBytes ? aligned(length) : this.#blockBytes;
    this.buffer = newShared(size);
    this.u8 = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.#used = length;
    return 0;
  }
}

const keyShelf = new Shelf(4 * 1024);
const valueShelf = new Shelf(32 * 1024);
const longValueShelf = new Shelf(64 * 1024);

/** Chooses the memory for the keys that an iterator reads at once. */
export function memoryForKeys(): ResultMemory {
  return keyShelf;
}

/** Chooses the memory for the `count` values that an iterator reads at once. */
export function memoryForValues(length: number, count: number): ResultMemory {
  return length > count * SCANNED_BYTES_MAX ? longValueShelf : valueShelf;
}

/** The next multiple of 8, where an element of any typed array can begin. */
function aligned(at: number): number {
  return (at + 7) & ~7;
}

/** Memory that cannot be transferred, because several results share it. */
export function newShared(length: number): ArrayBuffer {
  const buffer = new ArrayBuffer(length);
  markAsUntransferable(buffer);
  return buffer;
}

/** Memory for single values that leave the engine. */
export class Slab {
  readonly #small = new Shelf(2 * 1024);
  readonly #medium = new Shelf(8 * 1024);
  readonly #large = new Shelf(16 * 1024);

  /** Copies `length` bytes of `from` that begin at `start`. */
  copy(from: Uint8Array, start: number, length: number): Uint8Array {
    if (length >= OWN_BYTES_MIN) return from.slice(start, start + length);
    const shelf = this.#shelfFor(length);
    const at = shelf.reserve(length);
    const { u8 } = shelf;
    if (length <= LOOP_BYTES_MAX) {
      for (let i = 0; i < length; i++) u8[at + i]! = from[start + i]!;
    } else {
      u8.set(from.subarray(start, start + length), at);
    }
    return new Uint8Array(shelf.buffer, at, length);
  }

  #shelfFor(length: number): Shelf {
    if (length <= SMALL_BYTES_MAX) return this.#small;
    return length <= MEDIUM_BYTES_MAX ? this.#medium : this.#large;
  }
}
