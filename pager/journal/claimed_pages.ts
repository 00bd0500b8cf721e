/**
 * Which pages have their bytes in the file, so that writing them asks the file system for no room.
 *
 * A file has holes: it is extended without being written, and what was cut off comes back empty. A
 * page gets its bytes before the commit that takes it into use counts, so a disk that is full
 * refuses the commit, and never its checkpoint or its recovery. What is claimed ahead lies in free
 * pages of which nobody needs what they hold.
 *
 * Invariants:
 * 1. A page that is in use in a committed state has its bytes in the file.
 * 2. A page that was in use since the file was opened is in the set by the time it is free. So a
 *    free page outside of the set was free in the state that was opened, and may be overwritten.
 *
 * A file system that writes elsewhere instead of in place keeps no such promise.
 */

import { PageSet } from "../cache/page_set.ts";
import type { Disk } from "../file/disk.ts";
import { CHUNK_BYTES, CHUNK_PAGES, chunksOf, PAGE_BYTES } from "../format/format.ts";
import { emptyHeaderPage } from "./journal_area.ts";

/** So many pages are claimed with one that is wanted, if they are free: 256 KiB. */
export const CLAIM_PAGES = 32;

const ZEROS = new Uint8Array(CLAIM_PAGES * PAGE_BYTES);

/** Pages that have their bytes in the file. */
export class ClaimedPages {
  readonly #disk: Disk;
  readonly #pages = new PageSet();
  /** Chunks before this one had a header page when the file was opened. */
  #chunks: number;

  /**
   * The claims on a file.
   *
   * @param disk The file.
   * @param pageCount How many pages it has.
   */
  constructor(disk: Disk, pageCount: number) {
    this.#disk = disk;
    this.#chunks = chunksOf(pageCount);
  }

  /** Whether a page that was free when the file was opened has its bytes. */
  has(page: number): boolean {
    return this.#pages.has(page);
  }

  /** Notes a page that has its bytes. */
  add(page: number): void {
    this.#pages.add(page);
  }

  /**
   * Writes an empty header page for a chunk that has none; whether it had none.
   *
   * @throws {IoError} The disk is full, which is no more than that, or the write failed.
   */
  claimHeaderPage(chunk: number): boolean {
    const page = chunk * CHUNK_PAGES;
    if (chunk < this.#chunks || this.#pages.has(page)) return false;
    this.#disk.claim(emptyHeaderPage(), 0, PAGE_BYTES, chunk * CHUNK_BYTES);
    this.#pages.add(page);
    return true;
  }

  /**
   * Writes zeros to neighbouring pages that nobody needs the bytes of.
   *
   * @throws {IoError} The disk is full, which is no more than that, or the write failed.
   */
  claim(first: number, count: number): void {
    for (let done = 0; done < count; done += CLAIM_PAGES) {
      const some = Math.min(CLAIM_PAGES, count - done);
      this.#disk.claim(ZEROS, 0, some * PAGE_BYTES, (first + done) * PAGE_BYTES);
      for (let i = 0; i < some; i++) this.#pages.add(first + done + i);
    }
  }

  /** The file was cut: what lay behind is gone. */
  cutAt(pageCount: number): void {
    this.#chunks = Math.min(this.#chunks, chunksOf(pageCount));
    this.#pages.deleteFrom(pageCount);
  }
}
