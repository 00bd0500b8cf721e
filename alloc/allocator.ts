/**
 * Which pages are free, and which of them to take.
 *
 * The truth is the bitmap in slot 0 of each chunk's header page. In memory there are two bytes a
 * chunk (`Summary`), filled in as chunks are looked at, and a hint below which every chunk is full;
 * so opening reads nothing, and a page is found without scanning the file.
 *
 * Where a page goes: near its neighbour; else into the first chunk known to have room; else into
 * one of up to 8 chunks not looked at yet; else at the end of the file. Once the file has 16
 * chunks, branches get chunks of their own, so that they stay together in memory.
 *
 * Where a run goes: like a page, but of the first 8 chunks known to have room it takes the one
 * whose longest free run is the shortest, and one of 64 pages and more has no neighbour. A large
 * value takes several pieces before it makes the file longer. So space between runs is used again
 * whatever their lengths, and the file stays within a fifth of its pages in use.
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
import { BITS, findFree, longestFree, nextTaken, WORDS } from "./bitmap.ts";
import { Holds } from "./holds.ts";
import { Summary } from "./summary.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_FREE, KIND_RUN } = format;
const { KIND_RUN_CONTINUED, KIND_SUPERBLOCK, PAGE_WORD_SHIFT, RUN_PAGES_MAX, SLOT_MASK } = format;

const LOOKS_MAX = 8;
/** How many chunks with room are compared for a run. */
const CANDIDATES_MAX = 8;
const LARGE_RUN_PAGES = 64;
/** A piece has this many pages, and this part of what is wanted, or the file grows instead. */
const PIECE_PAGES_MIN = 8;
const PIECE_PART_SHIFT = 3;
/** From this size on, branches get chunks of their own. */
const SORTED_CHUNKS_MIN = 16;
const FIRST_SLOT = 1;
const HEADER_WORDS = format.HEADER_BYTES / 4;
/** One less than the format could number, so that no page has a number with a meaning. */
const CHUNKS_MAX = 2 ** 24 - 1;

/** What pages are for. Branches have chunks of their own; the first page in use tells which. */
const SINGLES = 0;
const BRANCHES = 1;
const RUNS = 2;

/** Which pages are free, and which of them to take. */
export class Allocator implements TransactionListener {
  readonly #pager: Pager;
  /** What chunks have for pages other than branches. */
  readonly #summary = new Summary();
  /** What chunks of branches have for branches. */
  readonly #branches = new Summary();
  readonly #holds = new Holds();
  /** Chunks that the summary counts as empty, since their header pages were not in memory. */
  readonly #uncounted = new Set<number>();
  /** Bits in use or held, of the chunk looked at last. */
  readonly #taken = new Uint32Array(WORDS);
  /** The chunk that served each use last. */
  readonly #last = [0, 0, 0];
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
    this.#resize(format.chunksOf(pager.meta.pageCount));
    pager.listen(this);
  }

  /**
   * Takes a page, zeroed, its header formatted with kind and tree.
   *
   * @param near A page that this one should be close to, or 0.
   * @returns The page.
   */
  acquire(kind: number, tree: number, near: number): number {
    const use = kind === KIND_BRANCH ? BRANCHES : SINGLES;
    const page = this.#find(1, near, use);
    return this.#occupy(page < 0 ? this.#firstPageOfNewChunk() : page, 1, kind, tree, use);
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
    const page = this.#find(span, near, RUNS);
    return this.#occupy(page < 0 ? this.#firstPageOfNewChunk() : page, span, KIND_RUN, tree, RUNS);
  }

  /**
   * Takes a run of at most `span` pages: a shorter one rather than making the file longer.
   *
   * @returns The first page; its header says how long the run is.
   */
  acquirePiece(span: number, tree: number, near: number): number {
    const wanted = Math.min(span, RUN_PAGES_MAX);
    let pages = wanted;
    let page = this.#find(wanted, near, RUNS);
    if (page < 0) {
      const chunk = this.#chunkForPiece(Math.max(PIECE_PAGES_MIN, wanted >>> PIECE_PART_SHIFT));
      if (chunk < 0) page = this.#firstPageOfNewChunk();
      else {
        pages = this.#summary.get(chunk);
        page = this.#findIn(chunk, pages, FIRST_SLOT, RUNS);
      }
    }
    return this.#occupy(page, pages, KIND_RUN, tree, RUNS);
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
    let known = this.#unknown;
    for (const summary of [this.#summary, this.#branches]) {
      const free = summary.find(1, 0);
      if (free >= 0) known = Math.min(known, free);
    }
    // What is held is free on disk, and would be lost to a hint above it after a crash.
    this.#pager.meta.allocatorHint = Math.min(known, this.#holds.lowestChunk);
  }

  /** Learns that bits went back to what they were; for the pager. */
  rolledBack(chunk: number): void {
    const chunks = format.chunksOf(this.#pager.meta.pageCount);
    if (chunks < this.#summary.size) this.#resize(chunks);
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

  #occupy(page: number, span: number, kind: number, tree: number, use: number): number {
    this.#pager.occupy(page, span, kind, tree);
    const chunk = page >>> CHUNK_SHIFT;
    if (chunk >= this.#summary.size) this.#resize(chunk + 1);
    this.#last[use] = chunk;
    this.#learn(chunk);
    return page;
  }

  /** The first of `span` free pages, or -1 if the file must grow by a chunk. */
  #find(span: number, near: number, use: number): number {
    this.#coverFile();
    let page = -1;
    if (span < LARGE_RUN_PAGES) {
      if (near !== 0) page = this.#findIn(near >>> CHUNK_SHIFT, span, near & SLOT_MASK, use);
      if (page < 0) page = this.#findIn(this.#last[use]!, span, FIRST_SLOT, use);
    }
    if (page < 0) page = this.#findKnown(span, use);
    if (page < 0) page = this.#findUnknown(span, use);
    return page < 0 ? this.#findIn(this.#summary.size - 1, span, FIRST_SLOT, use) : page;
  }

  /** The pager may have added chunks of its own to the file, or cut what was free at its end. */
  #coverFile(): void {
    const chunks = format.chunksOf(this.#pager.meta.pageCount);
    if (chunks !== this.#summary.size) this.#resize(chunks);
  }

  #resize(chunks: number): void {
    this.#summary.resize(chunks);
    this.#branches.resize(chunks);
    this.#unknown = Math.min(this.#unknown, chunks);
  }

  #firstPageOfNewChunk(): number {
    const chunk = this.#summary.size;
    if (chunk >= CHUNKS_MAX) throw new LimitError(`Cannot acquire a page: ${chunk} chunks are all`);
    return (chunk << CHUNK_SHIFT >>> 0) + FIRST_SLOT;
  }

  /**
   * A fit in a chunk known to have room. A look that finds none counts the chunk anew, so that it
   * does not hide those after it: its holds ended unread, or it was counted in a small file.
   */
  #findKnown(span: number, use: number): number {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const chunk = use === BRANCHES ? this.#chunkForBranch() : this.#chunkFor(span, use);
      if (chunk < 0) return -1;
      const page = this.#findIn(chunk, span, FIRST_SLOT, use);
      if (page >= 0) return page;
      this.#learn(chunk);
    }
    return -1;
  }

  /** The first chunk with room among branches, or the first empty one, or -1. */
  #chunkForBranch(): number {
    const chunk = this.#branches.find(1, 0);
    return chunk < 0 ? this.#summary.find(this.#isSorted ? RUN_PAGES_MAX : 1, 0) : chunk;
  }

  /** The first chunk with room; for a run, of the first few the one that has the least, or -1. */
  #chunkFor(span: number, use: number): number {
    const summary = this.#summary;
    let best = summary.find(span, 0);
    if (use !== RUNS) return best;
    let chunk = best;
    for (let seen = 1; chunk >= 0 && seen < CANDIDATES_MAX; seen++) {
      chunk = summary.find(span, chunk + 1);
      if (chunk >= 0 && summary.get(chunk) < summary.get(best)) best = chunk;
    }
    return best;
  }

  /** The chunk with the longest free run known, if that has at least `pages`, or -1. */
  #chunkForPiece(pages: number): number {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const longest = this.#summary.longest();
      if (longest < pages) return -1;
      const chunk = this.#summary.find(longest, 0);
      if (this.#findIn(chunk, longest, FIRST_SLOT, RUNS) >= 0) return chunk;
      this.#learn(chunk);
    }
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
    const longest = Math.max(this.#summary.get(chunk), this.#branches.get(chunk));
    if (known && longest < span) return -1;
    if (this.#uncounted.has(chunk)) this.#learn(chunk);
    else this.#readTaken(chunk);
    if (!this.#suits(chunk, use)) return -1;
    let slot = findFree(this.#taken, span, from);
    if (slot < 0) slot = findFree(this.#taken, span, FIRST_SLOT);
    return slot < 0 ? -1 : (chunk << CHUNK_SHIFT >>> 0) + slot;
  }

  /** Whether branches have chunks of their own. */
  get #isSorted(): boolean {
    return this.#summary.size >= SORTED_CHUNKS_MIN;
  }

  /** Whether pages of one use may go into a chunk. Call after `#readTaken`. */
  #suits(chunk: number, use: number): boolean {
    if (!this.#isSorted) return true;
    const kind = this.#firstKind(this.#pager.headerPage(chunk));
    return kind === KIND_FREE || (kind === KIND_BRANCH) === (use === BRANCHES);
  }

  /** The kind of the first page in use of the chunk read last, free if there is none. */
  #firstKind(place: number): number {
    const { u32 } = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    for (let slot = nextTaken(this.#taken, FIRST_SLOT); slot < BITS;) {
      const kind = u32[header.headerWord(place & SLOT_MASK, slot)]! & 0xff;
      // A held page is free in its header.
      if (kind !== KIND_FREE) return kind;
      slot = nextTaken(this.#taken, slot + 1);
    }
    return KIND_FREE;
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
    const place = this.#pager.headerPage(chunk);
    this.#copyTaken(chunk, place);
    this.#count(chunk, place);
  }

  /** Learns what a chunk has without reading: if need be, that it may have anything. */
  #learnInMemory(chunk: number): void {
    const place = this.#pager.lookupHeaderPage(chunk);
    if (place < 0) {
      this.#uncounted.add(chunk);
      this.#summary.set(chunk, RUN_PAGES_MAX);
      this.#branches.set(chunk, RUN_PAGES_MAX);
    } else {
      this.#copyTaken(chunk, place);
      this.#count(chunk, place);
    }
  }

  #count(chunk: number, place: number): void {
    const longest = longestFree(this.#taken);
    const isOfBranches = this.#isSorted && this.#firstKind(place) === KIND_BRANCH;
    this.#summary.set(chunk, isOfBranches ? 0 : longest);
    this.#branches.set(chunk, isOfBranches ? longest : 0);
    this.#uncounted.delete(chunk);
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
