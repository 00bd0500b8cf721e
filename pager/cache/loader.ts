/**
 * Loads pages from the file into memory, and verifies each page once per load.
 *
 * While the cache has room, a miss reads the whole chunk in one call. If its header page is needed,
 * that is read first, and of a chunk of the journal nothing else. Under pressure a miss reads one
 * header and one page into a pool frame or, during sequential reads in either direction, the rest
 * of the extent. A page is verified at its first use after a load: header sum, version, page sum,
 * and then the structure of its content, by the verifier registered for its kind.
 *
 * A page is not checked again after that: code on the hot path may trust what is in a frame.
 *
 * If headers of a chunk are needed repeatedly, its header page is loaded, which saves every further
 * miss in the chunk a read. The cache keeps and evicts it like any other page.
 *
 * Invariants:
 * 1. A header page that is loaded to serve headers has been checked completely. One that is damaged
 *    or unreadable is not loaded: a damaged header does not hide the pages next to it.
 * 2. A header page in memory is never older than the file's. Headers change in memory first
 *    (`Writer`); code that writes a header page to the file directly also calls
 *    `replaceHeaderPage`.
 */

import type { Disk } from "../file/disk.ts";
import { pageSum } from "../format/checksum.ts";
import { CorruptionError, inFile } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  EXTENT_PAGES,
  FRESH_PAGES,
  HEADER,
  HEADER_WORD_SHIFT,
  KIND_COUNT,
  KIND_FREE,
  KIND_JOURNAL,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { Frame, placeOf, POOL } from "../format/frame.ts";
import {
  checkHeaderPage,
  isOfJournal,
  kindOf,
  lastInUse,
  statedPageSum,
  versionOf,
} from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import {
  checkPage,
  corrupt,
  corruptHeader,
  registerRuns,
  type Verifiers,
} from "../format/page_check.ts";
import type { ChunkNumber, PageNumber, Place, Slot } from "../format/units.ts";
import { type Cache, MISS } from "./cache.ts";
import { FileReads, type LostChunks } from "./file_reads.ts";
import { HeaderPeeks } from "./header_peeks.ts";
import { copyPage } from "./page_copy.ts";
import type { Windows } from "./windows.ts";

const NO_CHUNK = -1;
/** No page is in a run with this one. */
const NO_MISS = -2 * EXTENT_PAGES;
/** Binary logarithm of the entries of `#wanted` for each frame of the cache. */
const WANTED_SHIFT = 2;

/** The pages of the open transaction that are already in the file. */
export interface NewPages {
  /** Whether a page is one of them; its version is that of the transaction. */
  has(page: PageNumber): boolean;
}

/** Judges pages that cannot be used, where another process may be writing the file. */
export interface Judge {
  /** Returns the error to throw for a page, and for the error of a rule that it breaks. */
  refused(page: PageNumber, error: CorruptionError): Error;
}

const NO_PAGES: NewPages = { has: () => false };
const NO_CHUNKS: LostChunks = { mayBeLost: () => false };

/** Loads pages from the file into memory, and verifies them. */
export class Loader {
  /** Structure checks by kind. */
  readonly verifiers: Verifiers = new Array(KIND_COUNT).fill(undefined);
  /** The seed of the file's header sums. */
  readonly seed: number;
  /** Loads so far, by what was read. */
  readonly reads = { windows: 0, chunks: 0, extents: 0, pages: 0, headers: 0 };
  /** Judges pages that break a rule; undefined if they are damaged. */
  judge: Judge | undefined;
  /** Shows chunks of the file instead of reading them; undefined if all pages are read. */
  windows: Windows | undefined;

  readonly #disk: Disk;
  readonly #cache: Cache;
  readonly #meta: MetaFields;
  readonly #newPages: NewPages;
  readonly #file: FileReads;
  readonly #peeks: HeaderPeeks;
  readonly #extent = new Frame(-1, POOL, EXTENT_PAGES + 1);
  /**
   * The chunks from which a header was read recently: four entries per frame, in which chunks
   * displace each other. So a whole header page is read only for a chunk that is used again soon,
   * relative to the size of the cache: on one miss in 250 if the file has a thousand times that.
   */
  readonly #wanted: Int32Array;
  #lastMiss = NO_MISS;

  /**
   * Creates the loader of one file.
   *
   * @param disk The file.
   * @param cache The cache to load into.
   * @param meta Has the page count and the version of the file.
   * @param seed The seed of the file's header sums.
   * @param newPages The pages that the open transaction wrote to the file.
   * @param lostChunks The chunks whose last write may be lost.
   */
  constructor(
    disk: Disk,
    cache: Cache,
    meta: MetaFields,
    seed: number,
    newPages: NewPages = NO_PAGES,
    lostChunks: LostChunks = NO_CHUNKS,
  ) {
    this.#disk = disk;
    this.#newPages = newPages;
    this.#cache = cache;
    this.#meta = meta;
    this.seed = seed;
    this.#file = new FileReads(disk, cache, lostChunks, this.reads);
    this.#peeks = new HeaderPeeks(this.#file, cache, meta, seed);
    this.#wanted = new Int32Array(cache.limit << WANTED_SHIFT).fill(NO_CHUNK);
    registerRuns(this.verifiers);
  }

  /**
   * Loads and verifies a page that `Cache.lookup` did not find; returns its place.
   *
   * @throws {CorruptionError} The page is not in use, or does not match its header.
   */
  load(page: PageNumber): Place {
    try {
      return this.#load(page);
    } catch (error) {
      throw this.#judged(page, error);
    }
  }

  /** The error to throw for an error of a page. */
  #judged(page: PageNumber, error: unknown): unknown {
    const named = inFile(error, this.#disk.path);
    if (this.judge === undefined || !(named instanceof CorruptionError)) return named;
    return this.judge.refused(page, named);
  }

  #load(page: PageNumber): Place {
    if (page < FRESH_PAGES || page >= this.#meta.pageCount || (page & SLOT_MASK) === 0) {
      corruptHeader(page, 0, `no page of data can be here, in a file of ${this.#meta.pageCount}`);
    }
    this.#cache.tick();
    let place = this.#cache.find(page);
    if (place < 0) place = this.#fetch(page);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    if (frame.ticks[place & SLOT_MASK] === 0) this.#verify(frame, place & SLOT_MASK, page);
    this.#cache.use(place);
    return place;
  }

  /** Ends a run of sequential reads: the next miss reads one page, not the rest of its extent. */
  endRun(): void {
    this.#lastMiss = NO_MISS;
  }

  /**
   * The place of a chunk's header page, which is loaded and checked completely if necessary.
   *
   * @throws {CorruptionError} A header of the chunk breaks a rule.
   */
  headerPage(chunk: ChunkNumber): Place {
    try {
      return this.#headerPage(chunk);
    } catch (error) {
      throw this.#judged(chunk * CHUNK_PAGES, error);
    }
  }

  #headerPage(chunk: ChunkNumber): Place {
    const page = chunk * CHUNK_PAGES;
    const known = this.#cache.lookup(page);
    if (known >= 0) return known;
    this.#cache.tick();
    let place = this.#cache.find(page);
    if (place < 0) place = this.#showChunk(page);
    if (place < 0) place = this.loadsChunk(chunk) ? this.#loadHeaders(page) : this.#loadPage(page);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    checkHeaderPage(frame, place & SLOT_MASK, chunk, this.#meta.pageCount, this.seed);
    this.#cache.use(place);
    return place;
  }

  /**
   * The last slot of a chunk that is in use; 0 if no other one is. Where memory does not have its
   * header page, that alone is read.
   *
   * @throws {CorruptionError} A header of the chunk breaks a rule.
   */
  lastInUse(chunk: ChunkNumber): Slot {
    const place = this.#cache.lookup(chunk * CHUNK_PAGES);
    if (place >= 0) return lastInUse(this.#cache.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
    this.copyHeaderPage(chunk, this.#extent);
    return lastInUse(this.#extent, 0);
  }

  /** Creates an empty header page in memory, for a chunk past the end of the file. */
  freshHeaderPage(chunk: ChunkNumber): Place {
    this.#peeks.forget(chunk);
    this.#cache.tick();
    this.#cache.reserve(chunk + 1);
    const place = !this.#cache.hasFreeChunk && this.loadsChunk(chunk)
      ? this.#cache.addChunkFrame(chunk).index << CHUNK_SHIFT
      : this.#cache.addPage(chunk * CHUNK_PAGES);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const start = (place & SLOT_MASK) << PAGE_SHIFT;
    frame.u8.fill(0, start, start + PAGE_BYTES);
    frame.u8[start] = 1;
    this.#cache.use(place);
    return place;
  }

  /** Replaces a header page in memory, if it is there, by bytes just written to the file. */
  replaceHeaderPage(chunk: ChunkNumber, bytes: Uint8Array): void {
    this.#peeks.forget(chunk);
    const place = this.#cache.find(chunk * CHUNK_PAGES);
    if (place < 0) return;
    const { u8 } = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    u8.set(bytes, (place & SLOT_MASK) << PAGE_SHIFT);
    this.windows?.touch(chunk);
  }

  /**
   * Returns the place of a page that is in memory and verified. Else it returns -1, and puts the
   * page's checked header in slot 0 of `into`.
   */
  peek(page: PageNumber, into: Frame): number {
    let place = this.#cache.find(page);
    if (place < 0 && this.windows !== undefined) place = this.#showChunk(page);
    const isVerified = place >= 0 &&
      this.#cache.frames[place >>> CHUNK_SHIFT]!.ticks[place & SLOT_MASK] !== 0;
    if (isVerified) return place;
    try {
      this.#peeks.read(page, into);
      // Of a page that another process has placed since, the header alone would look right.
      if (this.judge !== undefined && versionOf(into, 0) > this.#newest(page)) {
        corruptHeader(page, HEADER.versionLow, "the page is newer than the file");
      }
    } catch (error) {
      throw this.#judged(page, error);
    }
    return -1;
  }

  /** The newest version that a page may have. */
  #newest(page: PageNumber): number {
    return this.#newPages.has(page) ? Infinity : this.#meta.version;
  }

  /**
   * The place of a chunk's header page, if it is in memory and checked. If not, it is forgotten:
   * another process has changed the chunk.
   */
  keepHeaderPage(chunk: ChunkNumber): Place {
    const place = this.#cache.lookup(chunk * CHUNK_PAGES);
    if (place < 0) this.forgetHeaderPage(chunk);
    return place;
  }

  /** Forgets the header page of a chunk in memory. For files that another process writes. */
  forgetHeaderPage(chunk: ChunkNumber): void {
    this.#peeks.forget(chunk);
    const place = this.#cache.find(chunk * CHUNK_PAGES);
    if (place >= 0) this.#cache.drop(place);
  }

  /** Forgets a page in memory that is not verified, and the header page of its chunk. */
  forgetUnverified(page: PageNumber): void {
    this.forgetHeaderPage(page >>> CHUNK_SHIFT);
    const place = this.#cache.find(page);
    if (place < 0) return;
    const { ticks } = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    if (ticks[place & SLOT_MASK] === 0) this.#cache.drop(place);
  }

  /** Like `copyHeaderPage`, but returns false if the header page is damaged or unreadable. */
  tryCopyHeaderPage(chunk: ChunkNumber, into: Frame): boolean {
    return this.#peeks.tryCopyHeaderPage(chunk, into);
  }

  /** Copies a chunk's header page to slot 0 of a frame, from memory or the file, and checks it. */
  copyHeaderPage(chunk: ChunkNumber, into: Frame): void {
    try {
      this.#peeks.copyHeaderPage(chunk, into);
    } catch (error) {
      throw this.#judged(chunk * CHUNK_PAGES, error);
    }
  }

  /**
   * Copies a page and its header to a slot of a frame, from memory or the file, for inspection: the
   * page is not verified, not cached, and not marked as used. Bytes past the end of the file are
   * zero. Memory has no bytes of the journal, also where it has the headers of its chunk.
   */
  copyPage(page: PageNumber, into: Frame, slot: Slot): void {
    const place = this.#cache.find(page);
    const from = place < 0 ? undefined : this.#cache.frames[place >>> CHUNK_SHIFT]!;
    if (from !== undefined && kindOf(from, place & SLOT_MASK) !== KIND_JOURNAL) {
      return copyPage(from, place & SLOT_MASK, into, slot);
    }
    const start = slot << PAGE_SHIFT;
    const done = this.#file.read(page, into.u8, start, PAGE_BYTES, page * PAGE_BYTES);
    into.u8.fill(0, start + done, start + PAGE_BYTES);
    this.#file.readHeaders(page, 1, into, slot);
  }

  /**
   * Copies a released page, whose bytes are still in its frame or in the file, to a slot of its
   * own; returns its place.
   *
   * @param header The header that the page had before its release.
   * @throws {CorruptionError} The bytes do not match `header`.
   */
  bringBack(page: PageNumber, header: Uint32Array): number {
    const image = this.#cache.addImage();
    try {
      this.copyBack(page, header, this.#cache.frames[image >>> CHUNK_SHIFT]!, image & SLOT_MASK);
    } catch (error) {
      this.#cache.drop(image);
      throw error;
    }
    return image;
  }

  /** Copies a released page as `bringBack` does, to a slot of a frame outside of the cache. */
  copyBack(page: PageNumber, header: Uint32Array, frame: Frame, slot: Slot): void {
    const place = this.#cache.find(page);
    if (place >= 0) {
      const start = (place & SLOT_MASK) << PAGE_SHIFT;
      const from = this.#cache.frames[place >>> CHUNK_SHIFT]!.u8;
      frame.u8.set(from.subarray(start, start + PAGE_BYTES), slot << PAGE_SHIFT);
    } else {
      this.#file.readPages(page, 1, frame, slot);
    }
    frame.u32.set(header, slot << HEADER_WORD_SHIFT);
    if (pageSum(frame, slot) !== statedPageSum(header, 0)) {
      corrupt(page, 0, "page sum does not match");
    }
  }

  /**
   * Whether a miss in a chunk reads the whole chunk. Where another process writes, a page must be
   * verified when it is read.
   */
  loadsChunk(chunk: ChunkNumber): boolean {
    return this.judge === undefined && this.#cache.hasRoom && !this.#cache.poolHoldsPartOf(chunk);
  }

  /**
   * Checks that a page in the file is not older than its last write.
   *
   * @throws {IoError} It may be older, because of a failed write or sync.
   */
  checkReadable(page: PageNumber): void {
    this.#file.checkReadable(page);
  }

  #fetch(page: PageNumber): number {
    const ahead = page - this.#lastMiss;
    this.#lastMiss = page;
    const shown = this.#showChunk(page);
    if (shown >= 0) return shown;
    if (this.loadsChunk(page >>> CHUNK_SHIFT)) return this.#loadChunk(page);
    const isRun = ahead !== 0 && Math.abs(ahead) <= EXTENT_PAGES;
    return isRun ? this.#loadExtent(page, ahead) : this.#loadPage(page);
  }

  /** Whether a miss in a chunk makes it a window, if its pages may move. */
  showsChunk(chunk: ChunkNumber): boolean {
    return this.windows !== undefined && this.windows.mayShow(chunk);
  }

  /** Makes the chunk of a page that is not in memory a window; -1 if it cannot be one. */
  #showChunk(page: PageNumber): number {
    const chunk = page >>> CHUNK_SHIFT;
    const { windows } = this;
    if (windows === undefined || !windows.mayShow(chunk)) return MISS;
    this.#file.checkReadable(page);
    const frame = windows.show(chunk);
    if (frame === undefined) return MISS;
    this.#peeks.forget(chunk);
    this.reads.windows++;
    return placeOf(frame, page & SLOT_MASK);
  }

  #loadChunk(page: PageNumber): number {
    const frame = this.#addChunkFrame(page >>> CHUNK_SHIFT);
    this.#readChunk(frame, 0);
    return (frame.index << CHUNK_SHIFT) | (page & SLOT_MASK);
  }

  /** Loads a chunk by its header page; nothing else of a chunk of the journal. */
  #loadHeaders(page: PageNumber): number {
    const frame = this.#addChunkFrame(page >>> CHUNK_SHIFT);
    this.#readInto(frame, 0, PAGE_BYTES);
    if (isOfJournal(frame, 0)) this.reads.pages++;
    else this.#readChunk(frame, PAGE_BYTES);
    return frame.index << CHUNK_SHIFT;
  }

  #addChunkFrame(chunk: ChunkNumber): Frame {
    this.#peeks.forget(chunk);
    return this.#cache.addChunkFrame(chunk);
  }

  /** Reads a chunk into its frame, from a byte on. */
  #readChunk(frame: Frame, start: number): void {
    const pages = this.#meta.pageCount - frame.chunk * CHUNK_PAGES;
    this.#readInto(frame, start, Math.min(CHUNK_BYTES, pages * PAGE_BYTES));
    this.reads.chunks++;
  }

  #readInto(frame: Frame, start: number, end: number): void {
    const first = frame.chunk * CHUNK_PAGES;
    try {
      this.#file.read(first, frame.u8, start, end - start, first * PAGE_BYTES + start);
    } catch (error) {
      this.#cache.removeChunkFrame(frame);
      throw error;
    }
  }

  #loadPage(page: PageNumber): number {
    // Do this before the page gets a slot: loading the header page could evict it.
    if ((page & SLOT_MASK) !== 0) this.#wantHeader(page >>> CHUNK_SHIFT);
    else this.#peeks.forget(page >>> CHUNK_SHIFT);
    const place = this.#cache.addPage(page);
    const frame = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    try {
      this.#file.readPages(page, 1, frame, slot);
      if ((page & SLOT_MASK) !== 0) this.#file.readHeaders(page, 1, frame, slot);
    } catch (error) {
      this.#cache.drop(place);
      throw error;
    }
    this.reads.pages++;
    return place;
  }

  /**
   * Loads a page and those after it in its extent, or those before it if `ahead` is negative; of
   * the others it keeps only valid ones.
   */
  #loadExtent(page: PageNumber, ahead: number): number {
    const before = page & (EXTENT_PAGES - 1);
    const first = ahead < 0 ? Math.max(page - before, firstOfData(page)) : page;
    const last = ahead < 0
      ? page
      : Math.min(page - before + EXTENT_PAGES, this.#meta.pageCount) - 1;
    this.#wantHeader(page >>> CHUNK_SHIFT);
    // The headers overlay slot 0 of the frame, so the pages go to slots 1 and up.
    const end = first + this.#file.readPages(first, last - first + 1, this.#extent, 1);
    if (end <= page) corrupt(page, 0, "the file ends before the page");
    this.#file.readHeaders(first, end - first, this.#extent, 1);
    this.reads.extents++;
    for (let other = first; other < end; other++) {
      if (other !== page) this.#keepOther(other, other - first + 1);
    }
    return this.#keep(page, page - first + 1);
  }

  #keepOther(page: PageNumber, slot: Slot): void {
    if (kindOf(this.#extent, slot) === KIND_FREE || this.#cache.find(page) >= 0) return;
    try {
      this.#verify(this.#extent, slot, page);
    } catch (error) {
      if (error instanceof CorruptionError) return;
      throw error;
    }
    this.#cache.use(this.#keep(page, slot));
  }

  #keep(page: PageNumber, from: number): number {
    const place = this.#cache.addPage(page);
    copyPage(this.#extent, from, this.#cache.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
    return place;
  }

  /** Marks a chunk's header page as used; loads it if its headers are needed repeatedly. */
  #wantHeader(chunk: ChunkNumber): void {
    const page = chunk * CHUNK_PAGES;
    if (this.#cache.lookup(page) >= 0) return;
    const entry = chunk % this.#wanted.length;
    const isWantedAgain = this.#wanted[entry] === chunk;
    this.#wanted[entry] = chunk;
    // A header page in memory stays, even if it is unverified, perhaps because it is damaged.
    if (isWantedAgain && this.#cache.find(page) < 0) this.#bringHeaderPage(chunk);
  }

  #bringHeaderPage(chunk: ChunkNumber): void {
    if (!this.tryCopyHeaderPage(chunk, this.#extent)) return;
    this.#peeks.forget(chunk);
    const place = this.#cache.addPage(chunk * CHUNK_PAGES);
    const { u8 } = this.#cache.frames[place >>> CHUNK_SHIFT]!;
    u8.set(this.#extent.u8.subarray(0, PAGE_BYTES), (place & SLOT_MASK) << PAGE_SHIFT);
    this.#cache.use(place);
  }

  #verify(frame: Frame, slot: Slot, page: PageNumber): void {
    checkPage(frame, slot, page, this.seed, this.#newest(page), this.verifiers);
  }
}

/** The first page in the chunk of a page that can have data. */
function firstOfData(page: PageNumber): PageNumber {
  return Math.max(FRESH_PAGES, page - (page & SLOT_MASK) + 1);
}
