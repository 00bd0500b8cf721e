/**
 * Replays the journal's records of one chunk: reads the chunk, applies all its records in order,
 * verifies the pages that they touched, and writes those that changed, then the header page.
 *
 * No record is skipped, whatever the file already holds. Replay uses its own frame and no cache.
 */

import { pageSum } from "../format/checksum.ts";
import type { Disk } from "../file/disk.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_SHIFT,
} from "../format/format.ts";
import { Frame } from "../format/frame.ts";
import { formatHeader, headSumHolds, kindOf, setInUse, statedPageSum } from "../format/header.ts";
import { CHANGED, FREED, HEADERS, LogReader, PUBLISHED, WHOLE } from "../journal/log_record.ts";
import type { ChunkNumber, PageNumber, Slot } from "../format/units.ts";

/** A page that no record touched. */
const UNTOUCHED = 0;
/** A page whose bytes must be written. */
const REPLAYED = 1;
/** A page whose bytes are already in the file. */
const IN_FILE = 2;

/** Replays the records of one chunk after another. */
export class ChunkReplay {
  readonly #disk: Disk;
  readonly #pageCount: number;
  readonly #seed: number;
  readonly #tolerant: boolean;
  readonly #frame = new Frame(-1, 0);
  readonly #states = new Uint8Array(CHUNK_PAGES);
  readonly #reader = new LogReader();
  #first = 0;

  /**
   * Creates a replay.
   *
   * @param disk The file.
   * @param pageCount The number of pages that it had when the replayed journal began.
   * @param seed The seed of head sums.
   * @param tolerant Whether to accept pages that do not match their headers; a later read of them
   *   reports the damage.
   */
  constructor(disk: Disk, pageCount: number, seed: number, tolerant: boolean) {
    this.#tolerant = tolerant;
    this.#disk = disk;
    this.#pageCount = pageCount;
    this.#seed = seed;
  }

  /** Reads a chunk. Pages that the file lacks, or lacked when the journal began, are free. */
  begin(chunk: ChunkNumber): void {
    this.#first = chunk * CHUNK_PAGES;
    this.#states.fill(UNTOUCHED);
    const done = this.#disk.read(this.#frame.u8, 0, CHUNK_BYTES, chunk * CHUNK_BYTES);
    this.#frame.u8.fill(0, done);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (this.#first + slot >= this.#pageCount) formatHeader(this.#frame, slot, KIND_FREE, 0, 0);
    }
  }

  /** Applies the record at an offset of `bytes`. */
  apply(bytes: Uint8Array, at: number): void {
    const reader = this.#reader;
    reader.read(bytes, at, bytes.length);
    const slot = reader.page - this.#first;
    switch (reader.type) {
      case HEADERS:
        reader.applyPieces(bytes, this.#frame, 0);
        return;
      case FREED:
        formatHeader(this.#frame, slot, KIND_FREE, 0, 0);
        this.#states[slot] = UNTOUCHED;
        return;
      case WHOLE:
        this.#frame.u8.fill(0, slot << PAGE_SHIFT, (slot + 1) << PAGE_SHIFT);
        break;
      case PUBLISHED:
        this.#readAgain(slot);
        break;
      case CHANGED:
    }
    reader.applyHeader(bytes, this.#frame, slot);
    reader.applyPieces(bytes, this.#frame, slot);
    this.#states[slot] = reader.type === PUBLISHED ? IN_FILE : REPLAYED;
  }

  /** Reads a page from the file, because earlier records apply to its previous content. */
  #readAgain(slot: Slot): void {
    const position = (this.#first + slot) * PAGE_BYTES;
    this.#disk.read(this.#frame.u8, slot << PAGE_SHIFT, PAGE_BYTES, position);
  }

  /**
   * Verifies the replayed pages, and writes them.
   *
   * @param isJournal Whether the chunk now belongs to the journal, so that all its pages are free.
   * @throws {CorruptionError} A page does not match its header, or is in a chunk of the journal.
   */
  finish(isJournal: boolean): void {
    if (isJournal) this.#checkEmpty();
    this.#deriveBitmap();
    for (let slot = 1; slot < CHUNK_PAGES && !this.#tolerant; slot++) this.#verify(slot);
    let start = 0;
    for (let slot = 1; slot <= CHUNK_PAGES; slot++) {
      const replayed = slot < CHUNK_PAGES && this.#states[slot] === REPLAYED;
      if (replayed && start === 0) start = slot;
      if (!replayed && start !== 0) {
        this.#write(start, slot - start);
        start = 0;
      }
    }
    this.#write(0, 1);
  }

  #checkEmpty(): void {
    const slot = this.#states.findIndex((state) => state !== UNTOUCHED);
    if (slot < 0) return;
    const page = this.#first + slot;
    throw new CorruptionError(page, page * PAGE_BYTES, "a record names a page of the journal");
  }

  #deriveBitmap(): void {
    this.#frame.u32.fill(0, 0, 8);
    setInUse(this.#frame, 0, 0);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (kindOf(this.#frame, slot) !== KIND_FREE) setInUse(this.#frame, 0, slot);
    }
  }

  #verify(slot: Slot): void {
    if (this.#states[slot] === UNTOUCHED) return;
    const page = this.#first + slot;
    const word = slot << HEADER_WORD_SHIFT;
    const { u32 } = this.#frame;
    if (!headSumHolds(u32, word, page, this.#seed)) this.#fail(page, "its header");
    if (pageSum(this.#frame, slot) !== statedPageSum(u32, word)) this.#fail(page, "its bytes");
  }

  #fail(page: PageNumber, what: string): never {
    const rule = `after replay of the journal ${what} do not match the sum`;
    throw new CorruptionError(page, page * PAGE_BYTES, rule);
  }

  #write(slot: Slot, count: number): void {
    const position = (this.#first + slot) * PAGE_BYTES;
    this.#disk.write(this.#frame.u8, slot << PAGE_SHIFT, count * PAGE_BYTES, position);
  }
}
