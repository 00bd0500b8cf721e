/**
 * A copy of the dirty pages of one chunk, with its header page, as of a version.
 *
 * A checkpoint copies a chunk that every commit changes, and writes the copy once its version is
 * confirmed; and a chunk with more pages than a slice may write, in as many slices as it takes. The
 * pages in memory stay dirty until the whole copy is written.
 *
 * The system gives memory at its first use, which may take longer than all else in a slice. So the
 * memory has parts, a slice adds one of them or makes the copy, which waits until there are enough,
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
  /** The index of the next page to write; the header page, at 0, is the last one. */
  #next = 1;
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
    // Filled, so that the copy is not the first to use it. That takes as long as the copy.
    this.#parts.push(new Uint8Array(PART_PAGES * PAGE_BYTES).fill(0));
    return false;
  }

  /** Begins the copy of a chunk, of at most as many pages as were prepared. */
  begin(chunk: ChunkNumber, version: Version): void {
    this.#slots.length = 0;
    this.#next = 1;
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
   * Writes the next pages of the copy, neighbours in a part together, and the header page last;
   * returns the number of calls.
   *
   * @param pagesMax The most pages to write.
   * @throws {IoError} The system refused, and the disk has latched.
   */
  write(disk: Disk, pagesMax: number): number {
    const slots = this.#slots;
    const writesAll = this.pagesLeft <= pagesMax;
    const last = writesAll ? slots.length : this.#next + pagesMax;
    let calls = 0;
    for (let index = this.#next; index < last; calls++) {
      let end = index + 1;
      while (end < last && end % PART_PAGES > 0 && slots[end] === slots[end - 1]! + 1) end++;
      this.#writePages(disk, index, end - index);
      this.#next = index = end;
    }
    if (!writesAll) return calls;
    this.#writePages(disk, 0, 1);
    this.#next = slots.length + 1;
    return calls + 1;
  }

  /** The number of pages in the copy that are not written yet. */
  get pagesLeft(): number {
    return this.#slots.length + 1 - this.#next;
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
