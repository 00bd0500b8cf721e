/**
 * What is known of the room in the chunks of a file.
 *
 * Two bytes for each chunk (`Summary`) say how long its longest free run is, for branches and for
 * other pages. They are filled in as chunks are examined, in the order of the file; a chunk below
 * the hint is full. What is known of a chunk may be more than it has, until it is read: retired
 * pages, and chunks that the journal will take, have no room then.
 *
 * Invariants:
 * 1. The hint may be too low, but is never too high.
 * 2. What `learnInMemory` does neither reads nor throws: a chunk whose header page is not in memory
 *    counts as empty until a search reads it.
 *
 * It chooses no page.
 */

import {
  type ChunkNumber,
  format,
  type Frame,
  header,
  type Pager,
  type Place,
  type Slot,
} from "../pager/mod.ts";
import { BITS, longestFree, nextTaken, WORDS } from "./bitmap.ts";
import type { RetiredPages } from "./retired_pages.ts";
import { Summary } from "./summary.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_FREE, PAGE_WORD_SHIFT, RUN_PAGES_MAX, SLOT_MASK } = format;

/** From this many chunks on, branches get chunks of their own. */
const SORTED_CHUNKS_MIN = 16;
const FIRST_SLOT = 1;
const ALL_TAKEN = 0xffff_ffff;

/** Knows the room in the chunks of a file. */
export class ChunkRoom {
  /** The free runs for pages other than branches. */
  readonly summary = new Summary();
  /** The free runs for branches, in the chunks that are for branches. */
  readonly branches = new Summary();
  /** Chunks that the journal will take or give back. */
  readonly #reserved = new Set<number>();
  /** Chunks counted as empty, because their header pages were not in memory. */
  readonly #uncounted = new Set<number>();
  /** The slots in use or retired of the chunk examined last, one bit each. */
  readonly taken = new Uint32Array(WORDS);
  /** The lowest chunk that has not been examined. */
  unknown: number;
  readonly #pager: Pager;
  readonly #retired: RetiredPages;

  /**
   * Begins with what the hint of a file says.
   *
   * @param pager The pager of the file.
   * @param retired The pages that are released but not free yet.
   */
  constructor(pager: Pager, retired: RetiredPages) {
    this.#pager = pager;
    this.#retired = retired;
    this.unknown = pager.meta.allocatorHint;
    this.#resize(format.chunksOf(pager.meta.pageCount));
  }

  /** Follows the file: the pager may have added journal chunks, or truncated free ones. */
  coverFile(): void {
    const chunks = format.chunksOf(this.#pager.meta.pageCount);
    if (chunks !== this.summary.size) this.#resize(chunks);
  }

  /** Forgets chunks behind the end of the file. */
  cutToFile(): void {
    const chunks = format.chunksOf(this.#pager.meta.pageCount);
    if (chunks < this.summary.size) this.#resize(chunks);
  }

  #resize(chunks: number): void {
    this.summary.resize(chunks);
    this.branches.resize(chunks);
    this.unknown = Math.min(this.unknown, chunks);
  }

  /** Examines a chunk by a copy of its header page, if all chunks before it were examined. */
  examine(chunk: ChunkNumber, headers: Frame): void {
    this.coverFile();
    if (chunk !== this.unknown || chunk >= this.summary.size) return;
    this.#copyTaken(chunk, headers, 0);
    this.#count(chunk, headers, 0);
    this.unknown++;
  }

  /** Counts a chunk again that the journal took or gave back. */
  chunkChanged(chunk: ChunkNumber): void {
    this.#reserved.delete(chunk);
    this.coverFile();
    if (chunk < this.summary.size) this.learnInMemory(chunk);
  }

  /** Uses no page of a chunk until `chunkChanged`. */
  chunkReserved(chunk: ChunkNumber): void {
    this.#reserved.add(chunk);
    this.coverFile();
    if (chunk < this.summary.size) this.learnInMemory(chunk);
  }

  /** Sets the hint of the file as what is known says. */
  updateHint(): void {
    let known = this.unknown;
    const free = this.summary.first();
    const freeForBranches = this.branches.first();
    if (free >= 0 && free < known) known = free;
    if (freeForBranches >= 0 && freeForBranches < known) known = freeForBranches;
    // Retired pages are free on disk, and so are those of a chunk that the journal has not taken
    // yet: after a crash, or in a copy, a hint above them would lose them.
    if (this.#reserved.size > 0) known = Math.min(known, ...this.#reserved);
    this.#pager.meta.allocatorHint = Math.min(known, this.#retired.lowestChunk);
  }

  /** Whether branches have chunks of their own. */
  get isSorted(): boolean {
    return this.summary.size >= SORTED_CHUNKS_MIN;
  }

  /** Whether a chunk may have a free run of `span` pages, as far as is known. */
  mayHave(chunk: ChunkNumber, span: number): boolean {
    if (chunk >= this.unknown) return true;
    return Math.max(this.summary.get(chunk), this.branches.get(chunk)) >= span;
  }

  /** Reads which slots of a chunk are in use or retired, into `taken`. */
  read(chunk: ChunkNumber): void {
    if (this.#uncounted.has(chunk)) return this.learn(chunk);
    const place = this.#pager.headerPage(chunk);
    this.#copyTaken(chunk, this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
  }

  /** Counts the free pages of the chunk read last as taken that have no bytes in the file. */
  markUnclaimed(chunk: ChunkNumber): void {
    const first = chunk << CHUNK_SHIFT >>> 0;
    for (let slot = FIRST_SLOT; slot < BITS; slot++) {
      if (!this.#pager.isClaimed(first + slot)) this.taken[slot >>> 5]! |= 1 << (slot & 31);
    }
  }

  /** The kind of the first page in use of the chunk read last; `KIND_FREE` if there is none. */
  firstKind(chunk: ChunkNumber): number {
    const place = this.#pager.headerPage(chunk);
    return this.#firstKind(this.#pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
  }

  #firstKind({ u32 }: Frame, headerSlot: Slot): number {
    for (let slot = nextTaken(this.taken, FIRST_SLOT); slot < BITS;) {
      const kind = u32[header.headerWord(headerSlot, slot)]! & 0xff;
      // The header of a retired page says that the page is free.
      if (kind !== KIND_FREE) return kind;
      slot = nextTaken(this.taken, slot + 1);
    }
    return KIND_FREE;
  }

  #copyTaken(chunk: ChunkNumber, { u32 }: Frame, headerSlot: Slot): void {
    const word = headerSlot << PAGE_WORD_SHIFT;
    for (let i = 0; i < WORDS; i++) this.taken[i]! = u32[word + i]!;
    this.#retired.mark(chunk, this.taken);
    if (this.#reserved.has(chunk)) this.taken.fill(ALL_TAKEN);
  }

  /** Examines a chunk that may be behind those known so far. */
  learnNew(chunk: ChunkNumber): void {
    if (chunk >= this.summary.size) this.#resize(chunk + 1);
    this.learn(chunk);
  }

  /** Examines a chunk. */
  learn(chunk: ChunkNumber): void {
    this.#learnFrom(chunk, this.#pager.headerPage(chunk));
  }

  #learnFrom(chunk: ChunkNumber, place: Place): void {
    const frame = this.#pager.frames[place >>> CHUNK_SHIFT]!;
    this.#copyTaken(chunk, frame, place & SLOT_MASK);
    this.#count(chunk, frame, place & SLOT_MASK);
  }

  /** Counts a chunk without reading: as empty if its header page is not in memory. */
  learnInMemory(chunk: ChunkNumber): void {
    const place = this.#pager.lookupHeaderPage(chunk);
    if (place < 0) {
      this.#uncounted.add(chunk);
      this.summary.set(chunk, RUN_PAGES_MAX);
      this.branches.set(chunk, RUN_PAGES_MAX);
    } else {
      this.#learnFrom(chunk, place);
    }
  }

  #count(chunk: ChunkNumber, headers: Frame, headerSlot: Slot): void {
    const longest = longestFree(this.taken);
    const isOfBranches = this.isSorted && this.#firstKind(headers, headerSlot) === KIND_BRANCH;
    this.summary.set(chunk, isOfBranches ? 0 : longest);
    this.branches.set(chunk, isOfBranches ? longest : 0);
    this.#uncounted.delete(chunk);
  }
}
