/**
 * Which pages are free, and which of them to take.
 *
 * The truth is the bitmap in slot 0 of each chunk's header page. In memory there is a byte a chunk
 * (`Summary`), filled in as chunks are looked at, and a hint below which every chunk is full; so
 * opening reads nothing, and a page is found without scanning the file.
 *
 * Where a page goes: near its neighbour; else into the first chunk known to have room; else into
 * one of up to 8 chunks not looked at yet; else at the end of the file. Once the file has 16
 * chunks, branches get chunks of their own, so that they stay together in memory, and so do runs of
 * 64 pages and more. Of a large value any piece will do.
 *
 * Invariants:
 * 1. A page released in a transaction is *held*: it is not acquired again before the commit.
 * 2. The hint may be too low, never too high.
 * 3. Bits change through the pager, so that allocation is part of the transaction and rolls back.
 * 4. Ends of transactions and snapshots neither read nor throw: a chunk whose header page is not in
 *    memory counts as empty until a search reads it.
 *
 * It does not know what the pages are for, beyond their kind.
 */

import {
  corruptHeader,
  format,
  header,
  LimitError,
  type Pager,
  type TransactionListener,
} from "../pager/mod.ts";
import { findFree, longestFree, WORDS } from "./bitmap.ts";
import { Holds } from "./holds.ts";
import { Summary } from "./summary.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_FREE, KIND_RUN } = format;
const { KIND_RUN_CONTINUED, KIND_SUPERBLOCK, PAGE_WORD_SHIFT, RUN_PAGES_MAX, SLOT_MASK } = format;

const LOOKS_MAX = 8;
const LARGE_RUN_PAGES = 64;
const PIECE_PAGES_MIN = 8;
/** From this size on, branches and large runs get chunks of their own. */
const SORTED_CHUNKS_MIN = 16;
const FIRST_SLOT = 1;
const HEADER_WORDS = format.HEADER_BYTES / 4;
/** One less than the format could number, so that no page has a number with a meaning. */
const CHUNKS_MAX = 2 ** 24 - 1;

/** What pages a chunk is for, told by what stands in its first slot. */
const ANY = 0;
const BRANCHES = 1;
const LARGE_RUNS = 2;

/** Which pages are free, and which of them to take. */
export class Allocator implements TransactionListener {
  readonly #pager: Pager;
  readonly #summary = new Summary();
  readonly #holds = new Holds();
  /** Chunks that the summary counts as empty, since their header pages were not in memory. */
  readonly #uncounted = new Set<number>();
  /** Bits in use or held, of the chunk looked at last. */
  readonly #taken = new Uint32Array(WORDS);
  /** The chunk that served each use last. */
  readonly #last = [0, 0, 0];
  /** The chunk where the next search for each use begins. */
  readonly #searchFrom = [0, 0, 0];
  /** The lowest chunk nobody has looked at. */
  #unknown: number;

  /**
   * The allocator of a pager; there is one.
   *
   * @param pager The pager.
   */
  constructor(pager: Pager) {
    this.#pager = pager;
    this.#unknown = pager.meta.allocatorHint;
    this.#summary.resize(format.chunksOf(pager.meta.pageCount));
    pager.listen(this);
  }

  /**
   * Takes a page, zeroed, its header formatted with kind and tree.
   *
   * @param near A page that this one should be close to, or 0.
   * @returns The page.
   */
  acquire(kind: number, tree: number, near: number): number {
    const use = kind === KIND_BRANCH ? BRANCHES : ANY;
    return this.#acquire(1, kind, tree, near, use);
  }

  /**
   * Takes a run of pages, zeroed, their headers formatted.
   *
   * @param span How many pages, 1..255.
   * @param near A page that the run should be close to, or 0.
   * @returns The first page.
   * @throws {RangeError} The span is impossible.
   */
  acquireRun(span: number, tree: number, near: number): number {
    if (!Number.isInteger(span) || span < 1 || span > RUN_PAGES_MAX) {
      throw new RangeError(`Cannot acquire a run: ${span} pages are not 1..${RUN_PAGES_MAX}`);
    }
    return this.#acquire(span, KIND_RUN, tree, near, span >= LARGE_RUN_PAGES ? LARGE_RUNS : ANY);
  }

  /**
   * Takes a run of at most `span` pages: a shorter one rather than making the file longer.
   *
   * @returns The first page; its header says how long the run is.
   */
  acquirePiece(span: number, tree: number, near: number): number {
    const wanted = Math.min(span, RUN_PAGES_MAX);
    const longest = this.#longest();
    const isShort = longest < wanted && longest >= Math.max(PIECE_PAGES_MIN, wanted >>> 2);
    return this.acquireRun(isShort ? longest : wanted, tree, near);
  }

  /**
   * Gives back a page, or the whole run whose first page it is.
   *
   * @param span How many pages it has.
   * @throws {RangeError} It is free, held, inside a run, of another length, or no page of data.
   * @throws {CorruptionError} It is a run whose later pages are not its own.
   */
  release(page: number, span: number): void {
    const chunk = page >>> CHUNK_SHIFT;
    this.#checkRelease(page, span);
    const from = this.#oldestVersion(page, span);
    this.#pager.vacate(page, span);
    this.#holds.add(chunk, page & SLOT_MASK, span, from);
    this.#learn(chunk);
    this.#searchFrom.fill(0);
  }

  /** Whether a page is in use. */
  isInUse(page: number): boolean {
    if (page >= this.#pager.meta.pageCount) return false;
    const place = this.#pager.headerPage(page >>> CHUNK_SHIFT);
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    return header.isInUse(frame, place & SLOT_MASK, page & SLOT_MASK);
  }

  /** Ends the holds; for the pager. */
  committed(): void {
    this.#coverFile();
    this.#holds.commit(this.#pager.meta.version);
    this.#endHolds();
    this.#updateHint();
  }

  /** Ends the holds that were for a snapshot; for the pager. */
  snapshotEnded(): void {
    this.#endHolds();
    this.#updateHint();
  }

  #endHolds(): void {
    this.#holds.end(this.#isSeen, this.#holdsEnded);
  }

  readonly #isSeen = (from: number, until: number): boolean => this.#pager.isSeen(from, until);

  readonly #holdsEnded = (chunk: number): void => {
    if (chunk < this.#summary.size) this.#learnInMemory(chunk);
  };

  #updateHint(): void {
    const free = this.#summary.find(1, 0);
    const known = free < 0 ? this.#unknown : Math.min(free, this.#unknown);
    // What is held is free on disk, and would be lost to a hint above it after a crash.
    this.#pager.meta.allocatorHint = Math.min(known, this.#holds.lowestChunk);
  }

  /** Learns that bits went back to what they were; for the pager. */
  rolledBack(chunk: number): void {
    const chunks = format.chunksOf(this.#pager.meta.pageCount);
    if (chunks < this.#summary.size) this.#summary.resize(chunks);
    this.#unknown = Math.min(this.#unknown, chunks);
    this.#endOpenHolds(chunk);
    if (chunk < chunks) this.#learnInMemory(chunk);
  }

  /**
   * Ends the holds of pages that are in use again, and at the end of the transaction all of its.
   */
  #endOpenHolds(chunk: number): void {
    const endsTransaction = this.#pager.depth === 1;
    const place = this.#pager.lookupHeaderPage(chunk);
    this.#holds.endOpen(chunk, (slot) => {
      if (endsTransaction) return true;
      const frame = this.#pager.frames[place >>> CHUNK_SHIFT];
      return frame !== undefined && header.isInUse(frame, place & SLOT_MASK, slot);
    });
  }

  #acquire(span: number, kind: number, tree: number, near: number, use: number): number {
    const page = this.#find(span, near, use);
    this.#pager.occupy(page, span, kind, tree);
    const chunk = page >>> CHUNK_SHIFT;
    if (chunk >= this.#summary.size) this.#summary.resize(chunk + 1);
    this.#last[use] = chunk;
    this.#learn(chunk);
    return page;
  }

  #find(span: number, near: number, use: number): number {
    this.#coverFile();
    const chunks = this.#summary.size;
    let page = near === 0 ? -1 : this.#findIn(near >>> CHUNK_SHIFT, span, near & SLOT_MASK, use);
    if (page < 0) page = this.#findIn(this.#last[use]!, span, FIRST_SLOT, use);
    if (page < 0) page = this.#findKnown(span, use);
    if (page < 0) page = this.#findUnknown(span, use);
    if (page < 0) page = this.#findIn(chunks - 1, span, FIRST_SLOT, use);
    return page < 0 ? this.#firstPageOfNewChunk() : page;
  }

  /** The pager may have added chunks of its own to the file, or cut what was free at its end. */
  #coverFile(): void {
    const chunks = format.chunksOf(this.#pager.meta.pageCount);
    if (chunks === this.#summary.size) return;
    this.#summary.resize(chunks);
    this.#unknown = Math.min(this.#unknown, chunks);
  }

  #firstPageOfNewChunk(): number {
    const chunk = this.#summary.size;
    if (chunk >= CHUNKS_MAX) throw new LimitError(`Cannot acquire a page: ${chunk} chunks are all`);
    return (chunk << CHUNK_SHIFT >>> 0) + FIRST_SLOT;
  }

  /**
   * The first fit in chunks known to have room, a few of them a call. The next call goes on where
   * this one stopped, so that chunks which do not suit never hide those after them.
   */
  #findKnown(span: number, use: number): number {
    let chunk = this.#summary.find(span, this.#searchFrom[use]!);
    for (let looks = 0; chunk >= 0 && looks < LOOKS_MAX;) {
      // The look that counts a chunk leaves it out of the next search, if it does not suit.
      if (!this.#uncounted.has(chunk)) looks++;
      const page = this.#findIn(chunk, span, FIRST_SLOT, use);
      if (page >= 0) return page;
      chunk = this.#summary.find(span, chunk + 1);
    }
    this.#searchFrom[use] = Math.max(chunk, 0);
    return -1;
  }

  #findUnknown(span: number, use: number): number {
    for (let looks = 0; this.#unknown < this.#summary.size && looks < LOOKS_MAX; looks++) {
      const page = this.#findIn(this.#unknown, span, FIRST_SLOT, use);
      this.#learn(this.#unknown++);
      if (page >= 0) return page;
    }
    return -1;
  }

  /** The first fit in a chunk, after `from` if there is one, or -1. */
  #findIn(chunk: number, span: number, from: number, use: number): number {
    if (chunk >= this.#summary.size) return -1;
    const known = chunk < this.#unknown;
    if (known && this.#summary.get(chunk) < Math.min(span, RUN_PAGES_MAX - 1)) return -1;
    if (this.#uncounted.has(chunk)) this.#learn(chunk);
    else this.#readTaken(chunk);
    if (!this.#suits(chunk, use)) return -1;
    let slot = findFree(this.#taken, span, from);
    if (slot < 0) slot = findFree(this.#taken, span, FIRST_SLOT);
    return slot < 0 ? -1 : (chunk << CHUNK_SHIFT >>> 0) + slot;
  }

  /** Whether pages of one use may go into a chunk. Call after `#readTaken`. */
  #suits(chunk: number, use: number): boolean {
    if (this.#summary.size < SORTED_CHUNKS_MIN) return true;
    const isClean = findFree(this.#taken, RUN_PAGES_MAX, FIRST_SLOT) >= 0;
    if (isClean) return true;
    const place = this.#pager.headerPage(chunk);
    const { u32 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const word = header.headerWord(place & SLOT_MASK, FIRST_SLOT);
    const kind = u32[word]! & 0xff;
    const holdsBranches = kind === KIND_BRANCH;
    if (use === BRANCHES) return holdsBranches;
    if (use === LARGE_RUNS) return kind === KIND_RUN;
    return !holdsBranches;
  }

  /** Reads which slots of a chunk are in use or held. */
  #readTaken(chunk: number): void {
    this.#copyTaken(chunk, this.#pager.headerPage(chunk));
  }

  #copyTaken(chunk: number, place: number): void {
    const { u32 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    const word = (place & SLOT_MASK) << PAGE_WORD_SHIFT;
    for (let i = 0; i < WORDS; i++) this.#taken[i]! = u32[word + i]!;
    this.#holds.mark(chunk, this.#taken);
  }

  #learn(chunk: number): void {
    this.#readTaken(chunk);
    this.#count(chunk);
  }

  /** Learns what a chunk has without reading: if need be, that it may have anything. */
  #learnInMemory(chunk: number): void {
    const place = this.#pager.lookupHeaderPage(chunk);
    if (place < 0) {
      this.#uncounted.add(chunk);
      this.#summary.set(chunk, RUN_PAGES_MAX);
    } else {
      this.#copyTaken(chunk, place);
      this.#count(chunk);
    }
  }

  #count(chunk: number): void {
    this.#summary.set(chunk, longestFree(this.#taken));
    this.#uncounted.delete(chunk);
  }

  /** The longest run that any chunk is known to have, each counted. */
  #longest(): number {
    for (;;) {
      const longest = this.#summary.longest();
      if (this.#uncounted.size === 0) return longest;
      const chunk = this.#summary.find(longest, 0);
      if (!this.#uncounted.has(chunk)) return longest;
      this.#learn(chunk);
    }
  }

  /** The oldest of the versions that wrote pages last, by their headers. */
  #oldestVersion(page: number, span: number): number {
    const place = this.#pager.headerPage(page >>> CHUNK_SHIFT);
    const { u32 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    let word = header.headerWord(place & SLOT_MASK, page & SLOT_MASK);
    let oldest = Infinity;
    for (let index = 0; index < span; index++, word += HEADER_WORDS) {
      oldest = Math.min(oldest, header.versionAt(u32, word));
    }
    return oldest;
  }

  #checkRelease(page: number, span: number): void {
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
      // A run that claims pages of others is damage, and giving those back would spread it.
      if (!isLater || frame.u32[later + 2] !== page) {
        corruptHeader(page + index, 0, `not of the run at page ${page}`);
      }
    }
  }
}
