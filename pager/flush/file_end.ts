/**
 * The end of the file: the page count, and the tail behind it that is cut off after a checkpoint,
 * in pieces, or at a close.
 *
 * A close on a tight disk claims the bytes that the next session's journal begins with, behind the
 * page count, so that the next session can commit.
 *
 * Invariants:
 * 1. The file is cut only after the superblocks that have the page count are synced. So where a
 *    checkpoint that begins moves the page count back, nothing before the old one is cut until its
 *    superblocks have the new one: the batches since the last ones may need the file up to the old
 *    one. Those since the checkpoint began need it up to the end of the data, and superblocks up to
 *    the journal that they list.
 * 2. Nothing is cut that is in use, held, or part of the journal.
 * 3. A page behind the end counts as cut off while the tail is left: it is claimed again before it
 *    is taken into use.
 */

import type { Loader } from "../cache/loader.ts";
import type { Windows } from "../cache/windows.ts";
import { type Disk, isFull } from "../file/disk.ts";
import { assert } from "../format/assert.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { CHUNK_BYTES, CHUNK_PAGES, chunksOf, endOfChunks, PAGE_BYTES } from "../format/format.ts";
import type { Meta } from "../format/meta.ts";
import type { PageNumber } from "../format/units.ts";
import type { ClaimedPages } from "../journal/claimed_pages.ts";
import type { DataEnd } from "../journal/data_end.ts";
import { AREA_BYTES_MIN } from "../journal/journal_areas.ts";

/** With this much room on the disk, a close claims nothing for the next session. */
const PLENTY_BYTES = 1024 * 1024;
const ZEROS = new Uint8Array(64 * 1024);
/** While the file is open its end moves by at most this many chunks at a time: 1 GiB. */
export const LOOKS_MAX = 512;
/** A piece of the tail: 4 MiB. A cut takes a time that grows with its length. */
export const PIECE_BYTES = 2 * CHUNK_BYTES;

/** The end of the file: the page count, and the tail behind it. */
export class FileEnd {
  readonly #disk: Disk;
  readonly #meta: Meta;
  readonly #dataEnd: DataEnd;
  readonly #loader: Loader;
  readonly #claimed: ClaimedPages;
  readonly #windows: Windows | undefined;
  #hasTail = false;
  /** The page count before it moved back, until superblocks have the new one; 0 after that. */
  #countBefore = 0;

  /**
   * The end of a file.
   *
   * @param parts The file, its meta, the end of its data, its header pages, the pages that have
   * their bytes in the file, and the windows that show it.
   */
  constructor(
    parts: {
      disk: Disk;
      meta: Meta;
      dataEnd: DataEnd;
      loader: Loader;
      claimed: ClaimedPages;
      windows?: Windows | undefined;
    },
  ) {
    this.#disk = parts.disk;
    this.#meta = parts.meta;
    this.#dataEnd = parts.dataEnd;
    this.#loader = parts.loader;
    this.#claimed = parts.claimed;
    this.#windows = parts.windows;
  }

  /**
   * Finds the end of the data, at most `LOOKS_MAX` chunks before the end of the file, and sets the
   * page count to end there, or behind the journal; the file keeps its length until the next call
   * of `leaveTail`. Both stay as they are when a header page on the way is damaged or unreadable.
   *
   * @param journal The chunks of the journal.
   * @param least A lower bound of the end of the data.
   */
  moveToDataEnd(journal: readonly number[], least: PageNumber): void {
    try {
      const end = Math.max(least, this.pageCountWithout(new Set(journal), LOOKS_MAX));
      this.moveTo(Math.max(end, endOfChunks(journal)));
      this.#dataEnd.page = end;
    } catch (error) {
      if (!(error instanceof CorruptionError) && !(error instanceof IoError)) throw error;
    }
  }

  /** Sets the page count; the file keeps its length until it is cut, or `leaveTail` is called. */
  moveTo(pageCount: number): void {
    this.#countBefore = this.#countMin;
    this.#meta.pageCount = pageCount;
  }

  /**
   * Moves the page count back to the end of the data: superblocks list no chunk of the journal
   * behind it. No batch needs more. Returns whether it moved.
   *
   * @param least A lower bound of the page count.
   */
  moveBack(least: PageNumber): boolean {
    const pageCount = Math.max(least, this.#dataEnd.page);
    if (pageCount >= this.#meta.pageCount) return false;
    this.#meta.pageCount = pageCount;
    return true;
  }

  /** The page count before which nothing may be cut. */
  get #countMin(): number {
    return Math.max(this.#meta.pageCount, this.#countBefore);
  }

  /**
   * The page count that ends the file at its last page in use outside the given chunks, or after
   * the chunks that it did not look at. It reads header pages alone.
   *
   * @param looksMax The most chunks at the end of the file to look at.
   * @throws {CorruptionError} A header page breaks a rule.
   */
  pageCountWithout(chunks: ReadonlySet<number>, looksMax: number): number {
    const last = chunksOf(this.#meta.pageCount) - 1;
    for (let chunk = last;; chunk--) {
      if (last - chunk === looksMax) return (chunk + 1) * CHUNK_PAGES;
      if (chunks.has(chunk)) continue;
      const slot = this.#loader.lastInUse(chunk);
      if (slot > 0) return chunk * CHUNK_PAGES + slot + 1;
      assert(chunk > 0, "the superblocks are in use");
    }
  }

  /** Extends the file to its page count: the last pages may never have been written. */
  extend(): void {
    const bytes = this.#meta.pageCount * PAGE_BYTES;
    if (this.#disk.size() < bytes) this.#disk.truncate(bytes);
  }

  /** Cuts the whole tail off, once superblocks have the page count. */
  cut(): void {
    this.#hasTail = false;
    this.#countBefore = 0;
    this.cutAt(this.#meta.pageCount);
  }

  /** Cuts the file at a page count. */
  cutAt(pageCount: number): void {
    const bytes = pageCount * PAGE_BYTES;
    if (this.#disk.size() > bytes) this.#truncate(bytes);
  }

  /**
   * Cuts a piece of the tail off, once superblocks have the page count; `cutPiece` cuts off what is
   * left. The tail of a mapped file is cut off whole.
   */
  leaveTail(): void {
    if (this.#windows !== undefined) return this.cut();
    this.#countBefore = 0;
    this.#claimed.cutAt(this.#meta.pageCount);
    this.#hasTail = true;
    this.cutPiece();
  }

  /** Whether some of the tail is left to `cutPiece`. */
  get hasTail(): boolean {
    return this.#hasTail;
  }

  /** Cuts the next piece of the tail off. */
  cutPiece(): void {
    if (!this.#hasTail) return;
    const size = this.#disk.size();
    const bytesMin = this.#countMin * PAGE_BYTES;
    const end = Math.max(bytesMin, size - PIECE_BYTES);
    this.#hasTail = end > bytesMin;
    if (size > end) this.#truncate(end);
  }

  #truncate(bytes: number): void {
    this.#windows?.leave(bytes);
    this.#disk.truncate(bytes);
    this.#claimed.cutAt(Math.ceil(bytes / PAGE_BYTES));
  }

  /** Whether the disk has room for much more than a journal; a tail is such room. */
  hasPlenty(): boolean {
    const pageCount = this.#countMin;
    if (this.#hasTail && this.#disk.size() >= pageCount * PAGE_BYTES + PLENTY_BYTES) return true;
    const has = this.#tryClaim(pageCount * PAGE_BYTES, PLENTY_BYTES);
    this.cutAt(pageCount);
    return has;
  }

  /**
   * Claims the bytes that the next session's journal begins with, as far as the disk has room. A
   * sync has to follow.
   */
  claimNextJournal(): void {
    const first = chunksOf(this.#meta.pageCount);
    for (const chunk of [first, first + 1]) {
      this.#tryClaim(chunk * CHUNK_BYTES, PAGE_BYTES + AREA_BYTES_MIN);
    }
  }

  #tryClaim(position: number, bytes: number): boolean {
    try {
      for (let done = 0; done < bytes; done += ZEROS.length) {
        this.#disk.claim(ZEROS, 0, Math.min(ZEROS.length, bytes - done), position + done);
      }
      return true;
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
  }
}
