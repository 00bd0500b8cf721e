/**
 * Memory for values that leave the engine: many small copies in one allocation.
 *
 * Each copy is a view of a slab of 16 KiB that nothing else writes to again; from 4 KiB up a copy
 * has a buffer of its own. Slabs are marked untransferable, so that posting one value to a worker
 * copies it instead of taking its neighbours along.
 *
 * Each copy begins at a multiple of 8 of its buffer, so that any typed array can view it.
 */

import { markAsUntransferable } from "node:worker_threads";

const SLAB_BYTES = 16 * 1024;
const OWN_BYTES_MIN = 4 * 1024;
const LOOP_BYTES_MAX = 48;

/** The size of the block that iterators share: some leaves, or many short ranges. */
const BLOCK_BYTES = 64 * 1024;

let block = new Uint8Array(0);
let blockUsed = 0;

/** Takes a part of the block that results share. The caller alone writes to it. */
export function takeShared(length: number): Uint8Array {
  let start = aligned(blockUsed);
  if (start + length > block.length) {
    block = newShared(Math.max(BLOCK_BYTES, length));
    start = 0;
  }
  blockUsed = start + length;
  return block.subarray(start, blockUsed);
}

/** The next multiple of 8, where an element of any typed array can begin. */
function aligned(at: number): number {
  return (at + 7) & ~7;
}

/** Memory that cannot be transferred, because several results share it. */
function newShared(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  markAsUntransferable(bytes.buffer);
  return bytes;
}

/** Memory for values that leave the engine. */
export class Slab {
  #bytes = new Uint8Array(0);
  /** Past the end, so that even an empty first copy begins a slab. */
  #used = 1;

  /** Copies `length` bytes of `from` that begin at `start`. */
  copy(from: Uint8Array, start: number, length: number): Uint8Array {
    if (length >= OWN_BYTES_MIN) return from.slice(start, start + length);
    let at = aligned(this.#used);
    if (at + length > this.#bytes.length) at = this.#begin();
    this.#used = at + length;
    const bytes = this.#bytes;
    if (length <= LOOP_BYTES_MAX) {
      for (let i = 0; i < length; i++) bytes[at + i]! = from[start + i]!;
    } else {
      bytes.set(from.subarray(start, start + length), at);
    }
    return bytes.subarray(at, at + length);
  }

  /** Begins a slab. Returns the offset of the first copy. */
  #begin(): number {
    this.#bytes = newShared(SLAB_BYTES);
    return 0;
  }
}
