/**
 * Replays the journal's records of one chunk: applies them all in order, verifies the pages that
 * result, and writes those, then the header page. If the file must not change, it keeps them in
 * memory instead.
 *
 * Of the chunk it reads the header page, and each page to whose bytes in the file a record applies.
 * It does not read a page that a record holds whole, nor a page that was bypassed and not changed
 * since: of that page it verifies the header, and the first read of the page verifies its bytes.
 *
 * No record is skipped, whatever the file already holds. Replay uses its own frames and no cache.
 */

import { BYPASSED, CHANGED, FREED, HEADERS, LogReader, WHOLE } from "../batch/log_record.ts";
import type { Disk } from "../file/disk.ts";
import { pageSum } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_PAGES,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_SHIFT,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { formatHeader, headerSumHolds, kindOf, setInUse, statedPageSum } from "../format/header.ts";
import type { ChunkNumber, PageNumber, Slot } from "../format/units.ts";
import { giveSpareFrameBack, takeSpareFrame } from "../native/spare_frames.ts";
import { ChangedSlots, type ChunkRecords } from "./chunk_records.ts";
import type { ReplayedPages } from "./replayed_pages.ts";

/** A page that no record touched. */
const UNTOUCHED = 0;
/** A page whose bytes must be written. */
const REPLAYED = 1;
/** A page whose bytes are already in the file. */
const IN_FILE = 2;

/** The frame does not hold the page. */
const ABSENT = 0;
/** The frame holds the page of the file, with changes. */
const FROM_FILE = 1;
/** The frame holds a page that does not depend on the file. */
const FROM_LOG = 2;

/** Options of a replay. */
export interface ReplayOptions {
  /** The number of pages that the file had when the replayed journal began. */
  readonly pageCount: number;
  /** The seed of header sums. */
  readonly seed: number;
  /**
   * Whether to accept pages that do not match their headers; a later read of them reports the
   * damage.
   */
  readonly tolerant: boolean;
  /** Keeps the replayed pages; undefined to write them to the file. */
  readonly kept: ReplayedPages | undefined;
}

/** Replays the records of one chunk after another. */
export class ChunkReplay {
  readonly #disk: Disk;
  readonly #options: ReplayOptions;
  readonly #frame = takeSpareFrame();
  /** Where replayed pages are kept, with the pages as they are in the file; or they are written. */
  readonly #keep: { readonly kept: ReplayedPages; readonly base: Frame } | undefined;
  readonly #states = new Uint8Array(CHUNK_PAGES);
  readonly #sources = new Uint8Array(CHUNK_PAGES);
  readonly #reader = new LogReader();
  readonly #changed = new ChangedSlots();
  #first = 0;

  /** Creates a replay of a file. */
  constructor(disk: Disk, options: ReplayOptions) {
    this.#disk = disk;
    this.#options = options;
    const { kept } = options;
    this.#keep = kept && { kept, base: takeSpareFrame() };
  }

  /**
   * Replays records, chunk by chunk in ascending order.
   *
   * @param records Where they are; finished.
   * @param isJournal Whether a chunk now belongs to the journal, so that all its pages are free.
   * @throws {CorruptionError} A page does not match its header, or is in a chunk of the journal.
   */
  replay(records: ChunkRecords, isJournal: (chunk: ChunkNumber) => boolean): void {
    for (let first = 0; first < records.count;) {
      first = this.replayChunk(records, first, isJournal(records.chunk(first)));
    }
  }

  /**
   * Replays the records of one chunk.
   *
   * @param first The index of its first one.
   * @param isJournal Whether it now belongs to the journal.
   * @returns The index after its last one.
   * @throws {CorruptionError} As `replay` does.
   */
  replayChunk(records: ChunkRecords, first: number, isJournal: boolean): number {
    const end = records.end(first);
    this.#changed.clear();
    for (let i = first; i < end; i++) {
      records.find(i);
      this.#reader.readHead(records.bytes, records.at);
      this.#changed.add(this.#reader.type, this.#reader.page);
    }
    this.#begin(records.chunk(first), this.#changed.flags);
    for (let i = first; i < end; i++) {
      records.find(i);
      this.#apply(records.bytes, records.at);
    }
    this.#finish(isJournal);
    return end;
  }

  /** Gives the memory of the replay back, which is of no use from the call on. */
  close(): void {
    giveSpareFrameBack(this.#frame);
    if (this.#keep !== undefined) giveSpareFrameBack(this.#keep.base);
  }

  /**
   * Begins a chunk. Pages that the file lacks, or lacked when the journal began, are free.
   *
   * @param changed 1 for each slot whose first record applies to its bytes in the file. Those side
   * by side are read by one call.
   */
  #begin(chunk: ChunkNumber, changed: Uint8Array): void {
    const { pageCount } = this.#options;
    this.#first = chunk * CHUNK_PAGES;
    this.#states.fill(UNTOUCHED);
    this.#sources.fill(ABSENT);
    this.#read(0, 1);
    forEachRun((slot) => changed[slot] === 1, (slot, count) => this.#read(slot, count));
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (this.#first + slot >= pageCount) formatHeader(this.#frame, slot, KIND_FREE, 0, 0);
    }
  }

  /** Reads pages of the file into the frame. Bytes past the end of the file are zero. */
  #read(slot: Slot, count: number): void {
    const { u8 } = this.#frame;
    const start = slot << PAGE_SHIFT;
    const end = (slot + count) << PAGE_SHIFT;
    const done = this.#disk.read(u8, start, end - start, (this.#first + slot) * PAGE_BYTES);
    u8.fill(0, start + done, end);
    this.#keep?.base.u8.set(u8.subarray(start, end), start);
    this.#sources.fill(FROM_FILE, slot, slot + count);
  }

  /** Applies the record at an offset of `bytes`. */
  #apply(bytes: Uint8Array, at: number): void {
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
        this.#sources[slot] = FROM_LOG;
        break;
      case BYPASSED:
        // Earlier records apply to the previous page, and later ones to the page in the file.
        this.#sources[slot] = ABSENT;
        break;
      case CHANGED:
        // Only after a record that bypassed the page; `#begin` has read the others.
        if (this.#sources[slot] === ABSENT) this.#read(slot, 1);
    }
    reader.applyHeader(bytes, this.#frame, slot);
    reader.applyPieces(bytes, this.#frame, slot);
    this.#states[slot] = reader.type === BYPASSED ? IN_FILE : REPLAYED;
  }

  /** Verifies the replayed pages of the chunk, and writes or keeps them. */
  #finish(isJournal: boolean): void {
    if (isJournal) this.#checkEmpty();
    this.#deriveBitmap();
    for (let slot = 1; slot < CHUNK_PAGES && !this.#options.tolerant; slot++) this.#verify(slot);
    if (this.#keep === undefined) this.#writePages();
    else this.#keepPages(this.#keep.kept, this.#keep.base);
  }

  /** Writes the replayed pages, and the header page last. */
  #writePages(): void {
    const isReplayed = (slot: Slot) => this.#states[slot] === REPLAYED;
    forEachRun(isReplayed, (slot, count) => this.#write(slot, count));
    this.#write(0, 1);
  }

  #keepPages(kept: ReplayedPages, base: Frame): void {
    kept.addChanged(this.#first, this.#frame, 0, base);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (this.#states[slot] !== REPLAYED) continue;
      const page = this.#first + slot;
      if (this.#sources[slot] === FROM_LOG) kept.addWhole(page, this.#frame, slot);
      else kept.addChanged(page, this.#frame, slot, base);
    }
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
    if (!headerSumHolds(u32, word, page, this.#options.seed)) throw mismatch(page, "header");
    if (this.#states[slot] === IN_FILE) return;
    if (pageSum(this.#frame, slot) !== statedPageSum(u32, word)) throw mismatch(page, "bytes");
  }

  #write(slot: Slot, count: number): void {
    const position = (this.#first + slot) * PAGE_BYTES;
    this.#disk.write(this.#frame.u8, slot << PAGE_SHIFT, count * PAGE_BYTES, position);
  }
}

/** Calls a function for each run of slots that belong, header page apart. */
function forEachRun(belongs: (slot: Slot) => boolean, run: (slot: Slot, count: number) => void) {
  let start = 0;
  for (let slot = 1; slot <= CHUNK_PAGES; slot++) {
    const isInside = slot < CHUNK_PAGES && belongs(slot);
    if (isInside && start === 0) start = slot;
    if (isInside || start === 0) continue;
    run(start, slot - start);
    start = 0;
  }
}

/** The error of a page that does not match its sums after a replay. */
export function mismatch(page: PageNumber, part: "header" | "bytes"): CorruptionError {
  const what = part === "header" ? "its header does" : "its bytes do";
  const rule = `after replay of the journal ${what} not match the sum`;
  return new CorruptionError(page, page * PAGE_BYTES, rule);
}
