/**
 * A copy of the dirty pages of one chunk, with its header page, as of a version.
 *
 * A checkpoint that waits for a sync off the thread copies a chunk that every commit changes, and
 * writes the copy once its version is confirmed. Until then the pages in memory stay dirty.
 */

import type { Disk } from "../file/disk.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import type { ChunkNumber, Place, Slot, Version } from "../format/units.ts";

/** No chunk is staged. */
const NONE = -1;

/** A copy of the dirty pages of one chunk. */
export class StagedChunk {
  /** The chunk, or -1. */
  chunk: ChunkNumber = NONE;
  /** The newest version in the copy. */
  version: Version = 0;
  readonly #hasSlot = new Uint8Array(CHUNK_PAGES);
  #bytes: Uint8Array | undefined;

  /** Begins the copy of a chunk. */
  begin(chunk: ChunkNumber, version: Version): void {
    this.#bytes ??= new Uint8Array(CHUNK_BYTES);
    this.#hasSlot.fill(0);
    this.chunk = chunk;
    this.version = version;
  }

  /** Copies a page of the chunk. */
  copy(slot: Slot, frame: Frame, place: Place): void {
    const from = (place & SLOT_MASK) << PAGE_SHIFT;
    this.#bytes!.set(frame.u8.subarray(from, from + PAGE_BYTES), slot << PAGE_SHIFT);
    this.#hasSlot[slot] = 1;
  }

  /**
   * Writes the copy, the header page last; returns the number of calls.
   *
   * @throws {IoError} The system refused, and the disk has latched.
   */
  write(disk: Disk): number {
    let calls = 0;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      let end = slot;
      while (end < CHUNK_PAGES && this.#hasSlot[end] === 1) end++;
      if (end === slot) continue;
      this.#writeSlots(disk, slot, end - slot);
      calls++;
      slot = end;
    }
    this.#writeSlots(disk, 0, 1);
    return calls + 1;
  }

  /** The number of pages in the copy. */
  get pages(): number {
    return this.#hasSlot.reduce((sum, has) => sum + has, 0);
  }

  /** Drops the copy. */
  drop(): void {
    this.chunk = NONE;
  }

  /** Drops the copy and gives its memory back. */
  release(): void {
    this.drop();
    this.#bytes = undefined;
  }

  #writeSlots(disk: Disk, slot: Slot, count: number): void {
    const page = (this.chunk << CHUNK_SHIFT >>> 0) + slot;
    disk.write(this.#bytes!, slot << PAGE_SHIFT, count * PAGE_BYTES, page * PAGE_BYTES);
  }
}
