/**
 * Headers without their pages: single ones, and copies of whole header pages.
 *
 * The second consecutive header of one chunk reads its header page, which is kept for those that
 * follow. Invariant: what is kept is of a chunk whose header page is not in memory; code that loads
 * or changes one calls `forget`.
 */

import { CorruptionError, IoError } from "../format/errors.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  HEADER,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { checkHeaderPage, headerSumHolds, kindOf } from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import { corruptHeader } from "../format/page_check.ts";
import type { ChunkNumber, PageNumber } from "../format/units.ts";
import type { Cache } from "./cache.ts";
import type { FileReads } from "./file_reads.ts";

const NO_CHUNK = -1;

/** Reads headers without their pages. */
export class HeaderPeeks {
  readonly #file: FileReads;
  readonly #cache: Cache;
  readonly #meta: MetaFields;
  readonly #seed: number;
  /** The chunk of the last header that was read from the file. */
  #peekedChunk = NO_CHUNK;
  /** If `#holdsPeeked`, the header page of `#peekedChunk` from the file, checked completely. */
  readonly #peekedHeaders = new Frame(-1, POOL, 1);
  #holdsPeeked = false;

  /**
   * Begins without a header page.
   *
   * @param file The file.
   * @param cache May have header pages.
   * @param meta Has the page count.
   * @param seed The seed of the file's header sums.
   */
  constructor(file: FileReads, cache: Cache, meta: MetaFields, seed: number) {
    this.#file = file;
    this.#cache = cache;
    this.#meta = meta;
    this.#seed = seed;
  }

  /** Reads one header without its page, into 8 words, and checks it. */
  read(page: PageNumber, into: Frame): void {
    if (!this.#copyPeeked(page, into)) this.#file.readHeaders(page, 1, into, 0);
    if (kindOf(into, 0) === KIND_FREE) corruptHeader(page, 0, "the page is free");
    if (!headerSumHolds(into.u32, 0, page, this.#seed)) {
      corruptHeader(page, HEADER.headerSum, "header sum does not match");
    }
  }

  /**
   * Copies a header from the kept header page; returns false if that is of another chunk. The
   * second consecutive header of one chunk loads its header page.
   */
  #copyPeeked(page: PageNumber, into: Frame): boolean {
    const chunk = page >>> CHUNK_SHIFT;
    if (this.#cache.find(chunk * CHUNK_PAGES) >= 0) return false;
    if (chunk !== this.#peekedChunk) {
      this.#peekedChunk = chunk;
      this.#holdsPeeked = false;
      return false;
    }
    if (!this.#holdsPeeked) this.#holdsPeeked = this.tryCopyHeaderPage(chunk, this.#peekedHeaders);
    if (!this.#holdsPeeked) return false;
    const word = (page & SLOT_MASK) << HEADER_WORD_SHIFT;
    const from = this.#peekedHeaders.u32;
    for (let i = 0; i < 1 << HEADER_WORD_SHIFT; i++) into.u32[i] = from[word + i]!;
    return true;
  }

  /** Call it whenever the header page of a chunk is loaded, or changes in the file. */
  forget(chunk: ChunkNumber): void {
    if (chunk === this.#peekedChunk) this.#peekedChunk = NO_CHUNK;
  }

  /** Like `copyHeaderPage`, but returns false if the header page is damaged or unreadable. */
  tryCopyHeaderPage(chunk: ChunkNumber, into: Frame): boolean {
    try {
      this.copyHeaderPage(chunk, into);
    } catch (error) {
      if (error instanceof CorruptionError || error instanceof IoError) return false;
      throw error;
    }
    this.#file.counts.headers++;
    return true;
  }

  /**
   * Copies a chunk's header page to slot 0 of a frame, from memory or the file, and checks it.
   *
   * @throws {CorruptionError} A header of the chunk breaks a rule.
   */
  copyHeaderPage(chunk: ChunkNumber, into: Frame): void {
    const page = chunk * CHUNK_PAGES;
    const place = this.#cache.find(page);
    if (place >= 0) {
      const start = (place & SLOT_MASK) << PAGE_SHIFT;
      const from = this.#cache.frames[place >>> CHUNK_SHIFT]!.u8;
      into.u8.set(from.subarray(start, start + PAGE_BYTES));
    } else {
      this.#file.readPages(page, 1, into, 0);
    }
    checkHeaderPage(into, 0, chunk, this.#meta.pageCount, this.#seed);
  }
}
