/**
 * Reads pages and headers from the file into frames, unverified.
 *
 * Neither are read from a chunk if a failed write or sync may have lost a write to it: they could
 * be older than the committed state and still look valid. The header of a page comes from the
 * header page of its chunk, if that is in memory, where it may be newer.
 */

import type { Disk } from "../file/disk.ts";
import { IoError } from "../format/errors.ts";
import {
  CHUNK_SHIFT,
  HEADER_BYTES,
  HEADER_SHIFT,
  HEADER_WORD_SHIFT,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { headerPosition, headerWord } from "../format/header.ts";
import { corrupt, corruptHeader } from "../format/page_check.ts";
import type { ChunkNumber, PageNumber, Slot } from "../format/units.ts";
import type { Cache } from "./cache.ts";

/** The chunks whose last write may be lost. */
export interface LostChunks {
  /** Whether the file may hold older bytes of a chunk than were written. */
  mayBeLost(chunk: ChunkNumber): boolean;
}

/** Reads pages and headers from the file. */
export class FileReads {
  /** Counts the reads of headers. */
  readonly counts: { headers: number };
  readonly #disk: Disk;
  readonly #cache: Cache;
  readonly #lostChunks: LostChunks;

  /**
   * Reads from one file.
   *
   * @param disk The file.
   * @param cache May have header pages.
   * @param lostChunks The chunks whose last write may be lost.
   * @param counts Counts the reads of headers.
   */
  constructor(disk: Disk, cache: Cache, lostChunks: LostChunks, counts: { headers: number }) {
    this.#disk = disk;
    this.#cache = cache;
    this.#lostChunks = lostChunks;
    this.counts = counts;
  }

  /**
   * Checks that a page in the file is not older than its last write.
   *
   * @throws {IoError} It may be older, because of a failed write or sync.
   */
  checkReadable(page: PageNumber): void {
    if (!this.#lostChunks.mayBeLost(page >>> CHUNK_SHIFT)) return;
    throw new IoError(
      `Cannot read page ${page}: the file may have an older version after a failure`,
    );
  }

  /** Reads pages or headers from the file, all of them in the chunk of `page`. */
  read(
    page: PageNumber,
    into: Uint8Array,
    start: number,
    length: number,
    position: number,
  ): number {
    this.checkReadable(page);
    return this.#disk.read(into, start, length, position);
  }

  /** Reads pages. Returns the number read: the last ones may not be in the file yet. */
  readPages(page: PageNumber, count: number, frame: Frame, slot: Slot): number {
    const length = count * PAGE_BYTES;
    const done = this.read(page, frame.u8, slot << PAGE_SHIFT, length, page * PAGE_BYTES);
    if (done < PAGE_BYTES) corrupt(page, done, "the file ends inside the page");
    return done >>> PAGE_SHIFT;
  }

  /** Reads headers from the header page in memory, which may be newer; else from the file. */
  readHeaders(page: PageNumber, count: number, frame: Frame, slot: Slot): void {
    const place = this.#cache.find(page - (page & SLOT_MASK));
    if (place >= 0) {
      const from = this.#cache.frames[place >>> CHUNK_SHIFT]!;
      const word = headerWord(place & SLOT_MASK, page & SLOT_MASK);
      const to = slot << HEADER_WORD_SHIFT;
      for (let i = 0; i < count << HEADER_WORD_SHIFT; i++) frame.u32[to + i]! = from.u32[word + i]!;
      return;
    }
    const length = count * HEADER_BYTES;
    const done = this.read(page, frame.u8, slot << HEADER_SHIFT, length, headerPosition(page));
    if (done < length) corruptHeader(page, done, "the file ends inside the header");
    this.counts.headers++;
  }
}
