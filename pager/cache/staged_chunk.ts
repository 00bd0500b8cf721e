/**
 * A copy of the dirty pages of one chunk, with its header page, as of a version.
 *
 * A checkpoint that waits for a sync off the thread copies a chunk that every commit changes, and
 * writes the copy once its version is confirmed. Until then the pages in memory stay dirty.
 *
 * The system gives memory at its first use, which may take longer than all else in a slice. So the
 * memory has parts, a slice adds one of them at most, a large copy waits until there are enough,
 * and they are kept from one checkpoint to the next.
 */

import type { Disk } from "../file/disk.ts";
import { CHUNK_SHIFT, PAGE_BYTES, PAGE_SHIFT, SLOT_MASK } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import type { ChunkNumber, Place, Slot, Version } from "../format/units.ts";

/** No chunk is staged. */
const NONE = -1;
/** The pages of a part of the memory. */
export const PART_PAGES = 32;

/** A copy of the dirty pages of one chunk. */
export class StagedChunk {
  /** The chunk, or -1. */
  chunk: ChunkNumber = NONE;
  /** The newest version in the copy. */
  version: Version = 0;
  /** The slots of the pages in the copy, in order. */
  readonly #slots: number[] = [];
  /** The memory; the page at an index of the copy is in the part `index / PART_PAGES`. */
  #parts: Uint8Array[] = [];
  /** Whether there was a copy since the last `rest`. */
  #hadCopy = false;

  /**
   * Prepares memory for a copy of some pages. Returns whether it is ready; if not, the next slice
   * may ask again.
   */
  prepare(pages: number): boolean {
    this.#hadCopy = true;
    if (this.#parts.length * PART_PAGES >= pages) return true;
    // Filled, so that the copy is not the first to use it.
    this.#parts.push(new Uint8Array(PART_PAGES * PAGE_BYTES).fill(0));
    return this.#parts.length * PART_PAGES >= pages;
  }

  /** Begins the copy of a chunk, of at most as many pages as were prepared. */
  begin(chunk: ChunkNumber, version: Version): void {
    this.#slots.length = 0;
    this.chunk = chunk;
    this.version = version;
  }

  /** Copies a page of the chunk, in the order of slots. */
  copy(slot: Slot, frame: Frame, place: Place): void {
    const from = (place & SLOT_MASK) << PAGE_SHIFT;
    const index = this.#slots.push(slot) - 1;
    const part = this.#parts[Math.floor(index / PART_PAGES)]!;
    part.set(frame.u8.subarray(from, from + PAGE_BYTES), index % PART_PAGES << PAGE_SHIFT);
  }

  /**
   * Writes the copy, neighbours in a part together, and the header page last; returns the number
   * of calls.
   *
   * @throws {IoError} The system refused, and the disk has latched.
   */
  write(disk: Disk): number {
    const slots = this.#slots;
    let calls = 0;
    for (let index = 1; index < slots.length;) {
      let end = index + 1;
      while (end % PART_PAGES > 0 && slots[end] === slots[end - 1]! + 1) end++;
      this.#writePages(disk, index, end - index);
      calls++;
      index = end;
    }
    this.#writePages(disk, 0, 1);
    return calls + 1;
  }

  /** The number of pages in the copy. */
  get pages(): number {
    return this.#slots.length;
  }

  /** Drops the copy. */
  drop(): void {
    this.chunk = NONE;
  }

  /**
   * Drops the copy at the end of a checkpoint, and gives the memory back if that checkpoint did
   * not need it.
   */
  rest(): void {
    this.drop();
    if (!this.#hadCopy) this.#parts = [];
    this.#hadCopy = false;
  }

  /** Writes pages of a part that are neighbours in the file, from the one at an index. */
  #writePages(disk: Disk, index: number, count: number): void {
    const page = (this.chunk << CHUNK_SHIFT >>> 0) + this.#slots[index]!;
    const part = this.#parts[Math.floor(index / PART_PAGES)]!;
    const start = index % PART_PAGES << PAGE_SHIFT;
    disk.write(part, start, count * PAGE_BYTES, page * PAGE_BYTES);
  }
}
