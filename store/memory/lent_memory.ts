/**
 * Memory that a visit lends to its function: each leaf overwrites it, so entries allocate nothing.
 *
 * Its blocks cannot be transferred to a worker. A function that detaches one in another way ends
 * its visit with an error, and the next visit gets a new block.
 */

import type { ResultMemory } from "../../btree/mod.ts";
import { newShared, type ScanMemory } from "./slab.ts";

/** How a scan hands out the keys and values of a visit. */
export const LENT: ScanMemory = {
  takesValues: true,
  ownsKeys: true,
  ownsValues: true,
  lends: true,
};

/** The first block. */
const BYTES_MIN = 8 * 1024;
const NO_VIEW = new Uint8Array(0);

/**
 * Memory for the keys, or the values, of one leaf. A view of it serves the entries of the next
 * leaves too, as far as they begin at the same place and have the same length.
 */
export class LentMemory implements ResultMemory {
  /** The block. */
  buffer: ArrayBuffer = newShared(0);
  /** Its bytes. */
  u8: Uint8Array = new Uint8Array(this.buffer);
  /** Its bytes, for words that begin at any byte. */
  view: DataView = new DataView(this.buffer);
  #views: Uint8Array[] = [];

  /** Makes room for a number of bytes, and forgets the bytes before. */
  reserve(length: number): number {
    if (this.u8.length < length || this.u8.length === 0) {
      this.#grow(Math.max(length, BYTES_MIN));
    }
    return 0;
  }

  #grow(length: number): void {
    this.buffer = newShared(length);
    this.u8 = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.#views = [];
  }

  /** A view of bytes that begin at `at`, for the entry at an index of the leaf. */
  viewOf(index: number, at: number, length: number): Uint8Array {
    const views = this.#views;
    while (views.length <= index) views.push(NO_VIEW);
    const known = views[index]!;
    if (known.byteOffset === at && known.length === length && known !== NO_VIEW) return known;
    return views[index] = new Uint8Array(this.buffer, at, length);
  }
}
