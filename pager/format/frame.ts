/**
 * A frame: 2 MiB of memory in the layout of a chunk, and the state of each of its slots.
 *
 * A page in memory is always (frame, slot): its header at slot << 5, its bytes at slot << 13. A
 * *chunk frame* holds one whole chunk, so slot = page & 255 and slot 0 is the header page. A *pool
 * frame* holds up to 255 unrelated pages with copies of their headers, and nothing in slot 0.
 *
 * A *place* is one number, frame index << 8 | slot, so that a look-up allocates no object.
 *
 * Invariants of a slot:
 * 1. `pages` is the number of the page in it, `NO_PAGE`, or `IMAGE` for an old image kept for
 *    rollback.
 * 2. `ticks` is 0 until the page has been verified, and then the cache's clock at its last use.
 * 3. `scopes` is 0, or the savepoint that last saved an image of the page, or at least
 *    `WORDS_SAVED` if only some of its words were saved; while it is not 0, the page is not
 *    evicted.
 * 4. `dirty` is 1 if the committed bytes are newer than the file's.
 */

import { Buffer } from "node:buffer";
import { CHUNK_PAGES, CHUNK_SHIFT, PAGE_BYTES } from "./format.ts";
import type { ChunkNumber, Slot } from "./units.ts";

/** In `Frame.pages`: nothing in this slot. */
export const NO_PAGE = 0xffff_ffff;
/** In `Frame.pages`: an old image, kept for rollback. */
export const IMAGE = 0xffff_fffe;
/**
 * The lowest value in `Frame.scopes` that says that only some words of the slot were saved; the
 * rest of the value is the undo-log record that has them. Savepoints have lower numbers.
 */
export const WORDS_SAVED: number = 2 ** 30 + 1;
/** `Frame.chunk` of a pool frame. */
export const POOL: number = -1;

/** 2 MiB of memory in the layout of a chunk. */
export class Frame {
  /** Its number in the cache. */
  readonly index: number;
  /** The chunk it holds, or `POOL`. */
  chunk: ChunkNumber;
  /** All its bytes. */
  readonly u8: Uint8Array<ArrayBuffer>;
  /** The same bytes as 16-bit words. */
  readonly u16: Uint16Array;
  /** The same bytes as 32-bit words. */
  readonly u32: Uint32Array;
  /** The same bytes, for words that begin at any byte. */
  readonly view: DataView;
  /** The same bytes as a `Buffer`, for native comparison. */
  readonly buffer: Buffer;
  /** The page in each slot. */
  readonly pages: Uint32Array;
  /** The clock at each slot's last use; 0 = not verified. */
  readonly ticks: Uint32Array;
  /** The savepoint that last saved each slot, or at least `WORDS_SAVED`; 0 = not saved. */
  readonly scopes: Uint32Array;
  /** 1 where memory is newer than the file. */
  readonly dirty: Uint8Array;
  /** Whether its memory shows its chunk of the file, except where pages have changed. */
  isWindow = false;

  /**
   * Creates an empty frame.
   *
   * @param index The number of the frame in the cache.
   * @param chunk The chunk that it will hold, or `POOL`.
   * @param slots The number of slots; a scratch frame has few.
   * @param bytes Its memory, zeroed, at a multiple of 4 in its buffer; default a buffer of its own.
   */
  constructor(
    index: number,
    chunk: ChunkNumber,
    slots: number = CHUNK_PAGES,
    bytes: Uint8Array<ArrayBuffer> = new Uint8Array(slots * PAGE_BYTES),
  ) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.index = index;
    this.chunk = chunk;
    this.u8 = bytes;
    this.u16 = new Uint16Array(buffer, byteOffset, byteLength >>> 1);
    this.u32 = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.buffer = Buffer.from(buffer, byteOffset, byteLength);
    this.pages = new Uint32Array(slots).fill(NO_PAGE);
    this.ticks = new Uint32Array(slots);
    this.scopes = new Uint32Array(slots);
    this.dirty = new Uint8Array(slots);
    if (chunk !== POOL) this.hold(chunk);
  }

  /** Makes an empty pool frame a chunk frame. */
  hold(chunk: ChunkNumber): void {
    this.chunk = chunk;
    for (let slot = 0; slot < this.pages.length; slot++) {
      this.pages[slot] = chunk * CHUNK_PAGES + slot;
    }
  }
}

/** The place of a slot of a frame. */
export function placeOf(frame: Frame, slot: Slot): number {
  return (frame.index << CHUNK_SHIFT) | slot;
}
