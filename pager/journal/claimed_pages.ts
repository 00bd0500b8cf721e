/**
 * The claimed pages: pages whose bytes are in the file, so that a write of them needs no further
 * room on the disk.
 *
 * A file has holes, where it was extended without a write or cut and extended again. A page gets
 * its bytes before the commit that takes it into use becomes visible. A full disk then fails the
 * commit, and never its checkpoint or its recovery. Pages claimed ahead are free.
 *
 * Invariants:
 * 1. A page in use in a committed state has its bytes in the file.
 * 2. A page that was in use since the file was opened is in the set by the time it is free. So a
 *    free page outside the set was free in the state that was opened, and may be overwritten.
 *
 * A file system that does not write in place breaks the promise of invariant 1.
 */

import { emptyHeaderPage } from "../batch/journal_area.ts";
import { PageSet } from "../cache/page_set.ts";
import type { Disk } from "../file/disk.ts";
import { CHUNK_BYTES, CHUNK_PAGES, chunksOf, PAGE_BYTES } from "../format/format.ts";
import type { ChunkNumber, PageNumber } from "../format/units.ts";

/** Free pages are claimed together up to a multiple of this many: 256 KiB. */
export const CLAIM_PAGES = 32;

const ZEROS = new Uint8Array(CLAIM_PAGES * PAGE_BYTES);

/** Pages whose bytes are in the file. */
export class ClaimedPages {
  readonly #disk: Disk;
  readonly #pages = new PageSet();
  /** Chunks below this one had a header page when the file was opened. */
  #chunks: number;

  /**
   * The claimed pages of a file.
   *
   * @param disk The file.
   * @param pageCount Its page count.
   */
  constructor(disk: Disk, pageCount: number) {
    this.#disk = disk;
    this.#chunks = chunksOf(pageCount);
  }

  /** Whether a page that was free when the file was opened has its bytes in it. */
  has(page: PageNumber): boolean {
    return this.#pages.has(page);
  }

  /** Adds a page whose bytes are in the file. */
  add(page: PageNumber): void {
    this.#pages.add(page);
  }

  /**
   * Writes an empty header page for a chunk that has none; whether it wrote one.
   *
   * @throws {IoError} The disk is full, which does not latch it, or the write failed.
   */
  claimHeaderPage(chunk: ChunkNumber): boolean {
    const page = chunk * CHUNK_PAGES;
    if (chunk < this.#chunks || this.#pages.has(page)) return false;
    this.#disk.claim(emptyHeaderPage(), 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    this.#pages.add(page);
    return true;
  }

  /**
   * Writes zeros to neighbouring pages whose bytes have no reader.
   *
   * @throws {IoError} The disk is full, which does not latch it, or the write failed.
   */
  claim(first: number, count: number): void {
    for (let done = 0; done < count; done += CLAIM_PAGES) {
      const pages = Math.min(CLAIM_PAGES, count - done);
      this.#disk.claim(ZEROS, 0, pages * PAGE_BYTES, (first + done) * PAGE_BYTES);
      for (let i = 0; i < pages; i++) this.#pages.add(first + done + i);
    }
  }

  /** Notes that another writer has claimed the header pages of a longer file. */
  cover(pageCount: number): void {
    this.#chunks = Math.max(this.#chunks, chunksOf(pageCount));
  }

  /** Forgets the pages behind a page count at which the file was cut. */
  cutAt(pageCount: number): void {
    this.#chunks = Math.min(this.#chunks, chunksOf(pageCount));
    this.#pages.deleteFrom(pageCount);
  }
}
