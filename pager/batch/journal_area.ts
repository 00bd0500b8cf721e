/**
 * A journal area: whole chunks of the file used as one range of bytes, without their header pages.
 *
 * Its chunks are created at the end of the file, with headers of kind journal, before a superblock
 * lists them. Bytes are zeroed ahead of their first use, in steps. So a read finds a batch or
 * zeros, and the write of a batch never finds a full disk.
 */

import { type Disk, isFull } from "../file/disk.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  KIND_JOURNAL,
  PAGE_BYTES,
  RUN_PAGES_MAX,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { formatHeader, seal, setInUse } from "../format/header.ts";
import type { ChunkNumber } from "../format/units.ts";

/** Bytes of an area in each of its chunks. */
export const AREA_CHUNK_BYTES: number = RUN_PAGES_MAX * PAGE_BYTES;

/** A step doubles the bytes of a small area, so that a small database has a small journal. */
const ZERO_STEP_MIN = 64 * 1024;
const ZERO_STEP_MAX = 256 * 1024;
/** What is written; fresh memory for each step would take longer than its write. */
const ZEROS = new Uint8Array(ZERO_STEP_MAX);

/** Whole chunks of the file used as one range of bytes. */
export class JournalArea {
  /** Its chunks, in order. */
  readonly chunks: number[];
  readonly #disk: Disk;
  #zeroed: number;

  /**
   * Creates an area of a file.
   *
   * @param disk The file.
   * @param chunks Its chunks, in order.
   * @param zeroed The number of bytes from its beginning that were written before.
   */
  constructor(disk: Disk, chunks: readonly number[], zeroed: number) {
    this.#disk = disk;
    this.chunks = [...chunks];
    this.#zeroed = zeroed;
  }

  /** The bytes that it can hold. */
  get capacity(): number {
    return this.chunks.length * AREA_CHUNK_BYTES;
  }

  /** The number of bytes from the beginning that were written before. */
  get zeroed(): number {
    return this.#zeroed;
  }

  /** Notes that another writer has written its bytes up to an offset. */
  noteWritten(end: number): void {
    this.#zeroed = Math.max(this.#zeroed, end);
  }

  /** Keeps its first chunks, that many; returns the others. */
  cutTo(count: number): number[] {
    const cut = this.chunks.splice(count);
    this.#zeroed = Math.min(this.#zeroed, this.capacity);
    return cut;
  }

  /**
   * Writes zeros behind the bytes written before, up to `end` or the next whole step; only up to
   * `end` on a disk that is nearly full.
   *
   * @throws {IoError} The disk is full, which does not latch it, or the write failed.
   */
  zeroTo(end: number): void {
    while (this.#zeroed < end) {
      const whole = Math.min(ZERO_STEP_MAX, Math.max(ZERO_STEP_MIN, this.#zeroed));
      const step = Math.min(whole, this.capacity - this.#zeroed);
      try {
        this.#zero(step);
      } catch (error) {
        if (!isFull(error) || end - this.#zeroed >= step) throw error;
        this.#zero(end - this.#zeroed);
      }
    }
  }

  /** Writes zeros as `zeroTo` does, up to `end` only. */
  zeroExactly(end: number): void {
    if (this.#zeroed < end) this.#zero(end - this.#zeroed);
  }

  #zero(bytes: number): void {
    this.#claim(this.#zeroed, bytes);
    this.#zeroed += bytes;
  }

  /** Writes zeros over bytes at an offset, few of them; whether the disk had room for them. */
  tryClaim(length: number, offset: number): boolean {
    try {
      this.#claim(offset, length);
      return true;
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
  }

  #claim(offset: number, bytes: number): void {
    this.#each(offset, bytes, (_, length, position) => {
      this.#disk.claim(ZEROS, 0, length, position);
    });
  }

  /** Hands bytes at an offset to the system. */
  write(bytes: Uint8Array, length: number, offset: number): void {
    this.#each(offset, length, (start, count, position) => {
      this.#disk.write(bytes, start, count, position);
    });
  }

  /** Writes bytes at an offset, and returns when they are on the medium. */
  writeThrough(bytes: Uint8Array, length: number, offset: number): void {
    this.#each(offset, length, (start, count, position) => {
      this.#disk.writeThrough(bytes, start, count, position);
    });
  }

  /** Reads bytes at an offset; bytes behind the end of the file are zero. */
  read(into: Uint8Array, length: number, offset: number): void {
    into.fill(0, 0, length);
    const within = Math.max(0, Math.min(length, this.capacity - offset));
    this.#each(offset, within, (start, count, position) => {
      this.#disk.read(into, start, count, position);
    });
  }

  /** Calls `act` for each part of a range that is inside one chunk. */
  #each(
    offset: number,
    length: number,
    act: (start: number, length: number, position: number) => void,
  ): void {
    for (let done = 0; done < length;) {
      const at = offset + done;
      const chunk = this.chunks[Math.floor(at / AREA_CHUNK_BYTES)]!;
      const inChunk = at % AREA_CHUNK_BYTES;
      const count = Math.min(length - done, AREA_CHUNK_BYTES - inChunk);
      act(done, count, chunk * CHUNK_BYTES + PAGE_BYTES + inChunk);
      done += count;
    }
  }
}

/** The header page of a chunk of the journal. */
export function journalHeaderPage(chunk: ChunkNumber, seed: number): Uint8Array {
  const frame = new Frame(-1, POOL, 1);
  setInUse(frame, 0, 0);
  for (let slot = 1; slot < CHUNK_PAGES; slot++) {
    formatHeader(frame, slot, KIND_JOURNAL, 0, 0);
    seal(frame, slot, chunk * CHUNK_PAGES + slot, 0, seed);
    setInUse(frame, 0, slot);
  }
  return frame.u8;
}

/** The header page of a chunk whose pages are free. */
export function emptyHeaderPage(): Uint8Array {
  const bytes = new Uint8Array(PAGE_BYTES);
  bytes[0] = 1;
  return bytes;
}
