/**
 * The allocator: tracks free pages, and chooses which of them to use.
 *
 * On disk, the bitmap in slot 0 of each chunk's header page records which pages are in use. Memory
 * holds only two bytes per chunk, filled in as chunks are examined (`ChunkRoom`), and a hint below
 * which every chunk is full. So opening a file reads nothing, and an allocation does not scan it.
 *
 * A page is placed near its neighbour; else in the first chunk known to have room; else in one of
 * up to 8 unexamined chunks; else at the end of the file. Once the file has 16 chunks, branches get
 * chunks of their own, so that they stay together in memory. After the disk was full, free pages
 * that have their bytes in the file come before those near a neighbour that have not.
 *
 * A run is placed like a page, with two differences. Of the first 8 chunks known to have room it
 * takes the one whose longest free run is the shortest, and a run of 64 pages or more is not placed
 * near a neighbour. A large value is split into several runs before it makes the file longer. So
 * the space between runs is reused whatever their lengths, and the file stays at most a fifth
 * larger than its pages in use.
 *
 * Invariants:
 * 1. A page released in a transaction is *retired*: it is not allocated again before the commit.
 * 2. Bits change through the pager, so allocations are part of the transaction and roll back.
 * 3. The end of a transaction or snapshot neither reads nor throws.
 *
 * It knows the kinds of pages, but not what they contain.
 */

import {
  type ChunkNumber,
  corruptHeader,
  format,
  type Frame,
  header,
  type Kept,
  LimitError,
  type PageNumber,
  type Pager,
  type TransactionListener,
} from "../pager/mod.ts";
import { findFree } from "./bitmap.ts";
import { ChunkRoom } from "./chunk_room.ts";
import { RetiredPages } from "./retired_pages.ts";

const { CHUNK_SHIFT, HEADER_WORDS, KIND_BRANCH, KIND_FREE, KIND_RUN } = format;
const { KIND_RUN_CONTINUED, KIND_SUPERBLOCK, RUN_PAGES_MAX, SLOT_MASK } = format;

const LOOKS_MAX = 8;
/** The most chunks with room that are compared when a run is placed. */
const CANDIDATES_MAX = 8;
const LARGE_RUN_PAGES = 64;
/** The most chunks in which claimed pages are sought after the disk was full. */
const CLAIMED_LOOKS_MAX = 64;
/** A short run has at least this many pages and this part of the request; else the file grows. */
const SHORT_RUN_PAGES_MIN = 8;
const SHORT_RUN_PART_SHIFT = 3;
const FIRST_SLOT = 1;
/** One less than the format could number, so that no page has a reserved number. */
const CHUNKS_MAX = 2 ** 24 - 1;

/** The uses of pages. A chunk is one for branches if its first page in use is a branch. */
const SINGLES = 0;
const BRANCHES = 1;
const RUNS = 2;

/** Tracks the free pages of a file, and chooses which of them to use. */
export class Allocator implements TransactionListener {
  /** Pages that may have become free so far: those released, and chunks that others changed. */
  pagesFreed = 0;

  readonly #pager: Pager;
  readonly #retired = new RetiredPages();
  readonly #room: ChunkRoom;
  /** The chunk in which each use was last served. */
  readonly #last = [0, 0, 0];

  /**
   * Creates the allocator of a pager. A pager has only one.
   *
   * @param pager The pager whose pages it allocates.
   */
  constructor(pager: Pager) {
    this.#pager = pager;
    this.#room = new ChunkRoom(pager, this.#retired);
    pager.listen(this);
  }

  /**
   * Allocates a page, zeroed, with the kind and tree in its header.
   *
   * @param near A page that the new one should be close to, or 0.
   * @returns The number of the page.
   */
  allocate(kind: number, tree: number, near: number): PageNumber {
    const page = this.#find(1, near, useOf(kind));
    return this.#allocate(page < 0 ? this.#firstPageOfNewChunk() : page, 1, kind, tree);
  }

  /**
   * Allocates a run of pages, zeroed, with their headers formatted.
   *
   * @param span The number of pages, 1..255.
   * @param near A page that the run should be close to, or 0.
   * @returns The number of the first page.
   * @throws {RangeError} The span is out of range.
   */
  allocateRun(span: number, tree: number, near: number): PageNumber {
    if (!Number.isInteger(span) || span < 1 || span > RUN_PAGES_MAX) {
      throw new RangeError(`Cannot allocate a run: ${span} pages are not 1..${RUN_PAGES_MAX}`);
    }
    const page = this.#find(span, near, RUNS);
    return this.#allocate(page < 0 ? this.#firstPageOfNewChunk() : page, span, KIND_RUN, tree);
  }

  /**
   * Allocates a run of at most `span` pages: a shorter one rather than making the file longer.
   *
   * @returns The number of the first page; its header holds the length of the run.
   */
  allocateShortRun(span: number, tree: number, near: number): PageNumber {
    const wanted = Math.min(span, RUN_PAGES_MAX);
    let pages = wanted;
    let page = this.#find(wanted, near, RUNS);
    if (page < 0) {
      const chunk = this.#chunkForShortRun(
        Math.max(SHORT_RUN_PAGES_MIN, wanted >>> SHORT_RUN_PART_SHIFT),
      );
      if (chunk < 0) page = this.#firstPageOfNewChunk();
      else {
        // The chunk may have more room: a search that knew less of it did not find it.
        pages = Math.min(wanted, this.#room.summary.get(chunk));
        page = this.#findIn(chunk, pages, FIRST_SLOT, RUNS);
      }
    }
    return this.#allocate(page, pages, KIND_RUN, tree);
  }

  /**
   * Allocates a page, or a run of at most `span` pages, in the first chunk below `end` with room,
   * whatever that chunk is for.
   *
   * @param end The chunk after the last one to look at. Chunks on the way that were not examined
   * are examined.
   * @returns The number of the first page, or -1 if those chunks have no room.
   */
  allocateBelow(end: ChunkNumber, span: number, kind: number, tree: number): number {
    this.#room.coverFile();
    for (let pages = span; pages >= Math.min(span, SHORT_RUN_PAGES_MIN); pages = pages >>> 1) {
      const page = this.#findBelow(end, pages);
      if (page >= 0) return this.#allocate(page, pages, kind, tree);
    }
    return -1;
  }

  /**
   * Takes into use a page, or a run of at most `span` pages, before a page in use: in a lower
   * chunk, or else in the same one.
   *
   * @returns The number of the first page, or -1 if there is no room.
   */
  allocateBefore(before: PageNumber, span: number, kind: number, tree: number): number {
    const chunk = before >>> CHUNK_SHIFT;
    const below = this.allocateBelow(chunk, span, kind, tree);
    if (below >= 0) return below;
    this.#room.read(chunk);
    for (let pages = span; pages >= Math.min(span, SHORT_RUN_PAGES_MIN); pages = pages >>> 1) {
      const slot = findFree(this.#room.taken, pages, FIRST_SLOT);
      if (slot < 0 || slot > (before & SLOT_MASK)) continue;
      return this.#allocate((chunk << CHUNK_SHIFT >>> 0) + slot, pages, kind, tree);
    }
    return -1;
  }

  /** The first page of the first fit in chunks below `end`, or -1. */
  #findBelow(end: ChunkNumber, span: number): number {
    for (;;) {
      const chunks = [this.#room.summary.find(span, 0), this.#room.branches.find(span, 0)];
      const chunk = Math.min(end, ...chunks.map((found) => found < 0 ? end : found));
      if (this.#room.unknown < chunk) {
        this.#room.learn(this.#room.unknown++);
        continue;
      }
      if (chunk >= end) return -1;
      // It may have less room than was known, and counts as it is from now on.
      this.#room.learn(chunk);
      const slot = findFree(this.#room.taken, span, FIRST_SLOT);
      if (slot >= 0) return (chunk << CHUNK_SHIFT >>> 0) + slot;
    }
  }

  /**
   * Releases a page, or the whole run whose first page it is.
   *
   * @param span The number of pages: 1, or the length of the run.
   * @throws {RangeError} The page is free, retired, inside a run, not a data page, or the run has
   * another length.
   * @throws {CorruptionError} A later page of the run does not belong to it.
   */
  release(page: PageNumber, span: number): void {
    const chunk = page >>> CHUNK_SHIFT;
    this.#checkRelease(page, span);
    const from = this.#oldestVersion(page, span);
    this.#pager.release(page, span);
    this.pagesFreed += span;
    this.#retired.add(chunk, page & SLOT_MASK, span, from, this.#pager.changes);
    this.#room.learn(chunk);
  }

  /** Examines a chunk by a copy of its header page, if all chunks before it were examined. */
  examine(chunk: ChunkNumber, headers: Frame): void {
    this.#room.examine(chunk, headers);
  }

  /** Whether a page is in use. */
  isInUse(page: PageNumber): boolean {
    if (page >= this.#pager.meta.pageCount) return false;
    const place = this.#pager.headerPage(page >>> CHUNK_SHIFT);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    return header.isInUse(frame, place & SLOT_MASK, page & SLOT_MASK);
  }

  /** Frees the released pages that no snapshot sees. The pager calls it after a commit. */
  committed(): void {
    this.#room.coverFile();
    this.#retired.commit(this.#keep);
    this.#learnFreed();
  }

  /** Counts the pages that only the ended snapshot saw. The pager calls it. */
  snapshotEnded(): void {
    this.#learnFreed();
  }

  readonly #keep = (retired: Kept): boolean => this.#pager.keepWhileSeen(retired);

  #learnFreed(): void {
    this.#retired.reportFreed(this.#freed);
    this.#room.updateHint();
  }

  /** Counts a chunk again that the journal took or gave back. The pager calls it. */
  chunkChanged(chunk: ChunkNumber): void {
    this.pagesFreed += format.CHUNK_PAGES;
    this.#room.chunkChanged(chunk);
  }

  /** Uses no page of a chunk until `chunkChanged`. The pager calls it. */
  chunkReserved(chunk: ChunkNumber): void {
    this.#room.chunkReserved(chunk);
  }

  readonly #freed = (chunk: ChunkNumber): void => {
    if (chunk < this.#room.summary.size) this.#room.learnInMemory(chunk);
  };

  /** Counts a chunk again after its bits were restored. The pager calls it. */
  rolledBack(chunk: ChunkNumber): void {
    this.#room.cutToFile();
    this.#retired.rollBack(chunk, this.#pager.changes);
    const chunks = format.chunksOf(this.#pager.meta.pageCount);
    if (chunk < chunks) this.#room.learnInMemory(chunk);
  }

  #allocate(page: PageNumber, span: number, kind: number, tree: number): number {
    this.#pager.allocate(page, span, kind, tree);
    const chunk = page >>> CHUNK_SHIFT;
    this.#last[useOf(kind)] = chunk;
    this.#room.learnNew(chunk);
    return page;
  }

  /** The first page of `span` free ones, or -1 if the file must grow by a chunk. */
  #find(span: number, near: number, use: number): number {
    this.#room.coverFile();
    let page = this.#pager.mayBeFull ? this.#findClaimed(span, near, use) : -1;
    if (page < 0 && span < LARGE_RUN_PAGES) {
      if (near !== 0) page = this.#findIn(near >>> CHUNK_SHIFT, span, near & SLOT_MASK, use);
      if (page < 0) page = this.#findIn(this.#last[use]!, span, FIRST_SLOT, use);
    }
    if (page < 0) page = this.#findKnown(span, use);
    if (page < 0) page = this.#findUnknown(span, use);
    return page < 0 ? this.#findIn(this.#room.summary.size - 1, span, FIRST_SLOT, use) : page;
  }

  /** As `#find`, for pages that need no more room of the disk. It looks at few chunks. */
  #findClaimed(span: number, near: number, use: number): number {
    let chunk = near === 0 ? this.#room.summary.find(span, 0) : near >>> CHUNK_SHIFT;
    let next = near === 0 ? chunk + 1 : 0;
    for (let looks = 0; chunk >= 0 && looks < CLAIMED_LOOKS_MAX; looks++) {
      if (this.#findIn(chunk, span, FIRST_SLOT, use) >= 0) {
        this.#room.markUnclaimed(chunk);
        const slot = findFree(this.#room.taken, span, FIRST_SLOT);
        if (slot >= 0) return (chunk << CHUNK_SHIFT >>> 0) + slot;
      }
      chunk = this.#room.summary.find(span, next);
      next = chunk + 1;
    }
    return -1;
  }

  #firstPageOfNewChunk(): number {
    const chunk = this.#room.summary.size;
    if (chunk >= CHUNKS_MAX) {
      throw new LimitError(`Cannot allocate a page: the file has ${chunk} chunks, the limit`);
    }
    return (chunk << CHUNK_SHIFT >>> 0) + FIRST_SLOT;
  }

  /**
   * The first page of a fit in a chunk known to have room, or -1. A chunk that turns out to have
   * none is counted again, so that it does not hide those after it: its pages became free while its
   * header page was not in memory, or it was counted while the file was small.
   */
  #findKnown(span: number, use: number): number {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const chunk = use === BRANCHES ? this.#chunkForBranch() : this.#chunkFor(span, use);
      if (chunk < 0) return -1;
      const page = this.#findIn(chunk, span, FIRST_SLOT, use);
      if (page >= 0) return page;
      this.#room.learn(chunk);
    }
    return -1;
  }

  /** The first chunk of branches with room, or the first empty chunk, or -1. */
  #chunkForBranch(): number {
    const chunk = this.#room.branches.find(1, 0);
    return chunk < 0 ? this.#room.summary.find(this.#room.isSorted ? RUN_PAGES_MAX : 1, 0) : chunk;
  }

  /** The first chunk with room, or -1; for a run, the one with the least room of the first few. */
  #chunkFor(span: number, use: number): number {
    const summary = this.#room.summary;
    let best = summary.find(span, 0);
    if (use !== RUNS) return best;
    let chunk = best;
    for (let seen = 1; chunk >= 0 && seen < CANDIDATES_MAX; seen++) {
      chunk = summary.find(span, chunk + 1);
      if (chunk >= 0 && summary.get(chunk) < summary.get(best)) best = chunk;
    }
    return best;
  }

  /** The chunk with the longest known free run, if that has at least `pages` pages, or -1. */
  #chunkForShortRun(pages: number): number {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const longest = this.#room.summary.longest();
      if (longest < pages) return -1;
      const chunk = this.#room.summary.find(longest, 0);
      if (this.#findIn(chunk, longest, FIRST_SLOT, RUNS) >= 0) return chunk;
      this.#room.learn(chunk);
    }
    return -1;
  }

  #findUnknown(span: number, use: number): number {
    for (
      let looks = 0;
      this.#room.unknown < this.#room.summary.size && looks < LOOKS_MAX;
      looks++
    ) {
      const page = this.#findIn(this.#room.unknown, span, FIRST_SLOT, use);
      this.#room.learn(this.#room.unknown++);
      if (page >= 0) return page;
    }
    return -1;
  }

  /** The first page of the first fit in a chunk, preferably from slot `from` on, or -1. */
  #findIn(chunk: ChunkNumber, span: number, from: number, use: number): number {
    if (chunk >= this.#room.summary.size) return -1;
    if (!this.#room.mayHave(chunk, span)) return -1;
    this.#room.read(chunk);
    if (!this.#suits(chunk, use)) return -1;
    let slot = findFree(this.#room.taken, span, from);
    if (slot < 0) slot = findFree(this.#room.taken, span, FIRST_SLOT);
    return slot < 0 ? -1 : (chunk << CHUNK_SHIFT >>> 0) + slot;
  }

  /** Whether pages of one use may go into the chunk that was read last. */
  #suits(chunk: ChunkNumber, use: number): boolean {
    if (!this.#room.isSorted) return true;
    const kind = this.#room.firstKind(chunk);
    return kind === KIND_FREE || (kind === KIND_BRANCH) === (use === BRANCHES);
  }

  /** The oldest version in the headers of some pages. */
  #oldestVersion(page: PageNumber, span: number): number {
    const place = this.#pager.headerPage(page >>> CHUNK_SHIFT);
    const { u32 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    let word = header.headerWord(place & SLOT_MASK, page & SLOT_MASK);
    let oldest = Infinity;
    for (let index = 0; index < span; index++, word += HEADER_WORDS) {
      oldest = Math.min(oldest, header.versionAt(u32, word));
    }
    return oldest;
  }

  #checkRelease(page: PageNumber, span: number): void {
    const refuse = (state: string): never => {
      throw new RangeError(`Cannot release page ${page}: ${state}`);
    };
    if (!Number.isInteger(page) || page < 0 || page >= this.#pager.meta.pageCount) {
      refuse("it is not in the file");
    }
    if ((page & SLOT_MASK) === 0) refuse("it is a header page");
    const place = this.#pager.headerPage(page >>> CHUNK_SHIFT);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const word = header.headerWord(place & SLOT_MASK, page & SLOT_MASK);
    const kind = frame.u32[word]! & 0xff;
    if (kind === KIND_FREE) refuse("it is free");
    if (kind === KIND_SUPERBLOCK) refuse("it is a superblock");
    if (kind === KIND_RUN_CONTINUED) refuse("it is inside a run");
    const pages = kind === KIND_RUN ? (frame.u32[word]! >>> 8) & 0xff : 1;
    if (pages !== span) refuse(`it has ${pages} pages, not ${span}`);
    for (let index = 1; index < span; index++) {
      const later = word + index * HEADER_WORDS;
      const isLater = (frame.u32[later]! & 0xff) === KIND_RUN_CONTINUED;
      // A run that claims the pages of others is damaged; releasing those would spread the damage.
      if (!isLater || frame.u32[later + 2] !== page) {
        corruptHeader(page + index, 0, `not part of the run at page ${page}`);
      }
    }
  }
}

/** The use of pages of a kind: its pages are kept together. */
function useOf(kind: number): number {
  if (kind === KIND_RUN) return RUNS;
  return kind === KIND_BRANCH ? BRANCHES : SINGLES;
}
