/**
 * Scrubs a file: reads all of it, a chunk at a time, and checks everything against the format:
 * superblocks, header pages, bitmaps, journal areas, runs, sums, reserved bytes, and the structure
 * of each page by itself. So it also finds rotten pages that no reader would reach.
 *
 * It reports the first broken rule of every header and every page. Pages are read from the file,
 * not from the cache. Where a live cache is newer than the file, the headers of the cache are
 * checked instead, and its dirty pages are skipped.
 */

import { journalHeaderPage } from "../batch/journal_area.ts";
import type { Cache } from "../cache/cache.ts";
import type { Disk } from "../file/disk.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  chunksOf,
  FRESH_PAGES,
  HEADER,
  HEADER_WORD_SHIFT,
  KIND_COUNT,
  KIND_FREE,
  KIND_JOURNAL,
  KIND_RUN,
  KIND_RUN_CONTINUED,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import {
  headerPosition,
  headerRule,
  headerSumHolds,
  isInUse,
  kindOf,
  runPagesOf,
  treeOf,
} from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import { checkPage, corruptHeader, type Verifiers } from "../format/page_check.ts";
import { checkRunReserved, isOfRun } from "../format/run_check.ts";
import type { ChunkNumber, PageNumber, Slot } from "../format/units.ts";
import { examineSuperblocks, type SuperblockCopies } from "../journal/superblocks.ts";
import { giveSpareFrameBack, takeSpareFrame } from "../native/spare_frames.ts";

/** Is called for each broken rule. */
export type Report = (error: CorruptionError) => void;

/** The file that a scrub reads. */
export interface ScrubSource {
  /** The file. */
  readonly disk: Disk;
  /** The facts about the whole file. */
  readonly meta: MetaFields;
  /** The seed of its header sums. */
  readonly seed: number;
  /** The checks of structure, by kind. */
  readonly verifiers: Verifiers;
  /** The pages in memory, if some may be newer than the file's. */
  readonly memory?: ScrubMemory;
  /**
   * In a file that other processes write too: runs a read while none of them writes. What is found
   * without that may be their doing.
   */
  readonly alone?: (<T>(read: () => T) => T) | undefined;
}

/** The pages in memory that may be newer than the file's. */
export interface ScrubMemory {
  /** The cache that has them. */
  readonly cache: Cache;
  /** The chunks they are in. */
  readonly dirtyChunks: ReadonlyMap<number, unknown>;
  /** Throws if a page in the file may be older than its last write. */
  checkReadable(page: PageNumber): void;
  /** Whether the journal is taking a chunk or giving it back: its header page may be either. */
  isMoving(chunk: ChunkNumber): boolean;
}

/** Further checks of a scrub. */
export interface ScrubOptions {
  /** Checks by kind, besides those of structure. A page that fails them still counts as intact. */
  readonly extra?: Verifiers;
}

/** The slot has nothing that belongs to a tree. */
export const SLOT_OTHER = 0;
/** The page and header in the slot are intact. */
export const SLOT_INTACT = 1;
/** The header of the slot is intact, but the page is not. */
export const SLOT_PAGE_LOST = 2;
/** The header of the slot is not intact, so nothing is known of the page. */
export const SLOT_LOST = 3;

/** Reads and checks a file, a chunk at a time. */
export class Scrub {
  /** The chunk read last. */
  readonly frame: Frame = takeSpareFrame();
  /** The state of each slot of that chunk, one of `SLOT_...`. */
  readonly states: Uint8Array = new Uint8Array(CHUNK_PAGES);

  readonly #source: ScrubSource;
  readonly #report: Report;
  readonly #extra: Verifiers;
  /** The chunks of the journal; undefined without a superblock. */
  #journals: ReadonlySet<number> | undefined;
  #chunk = 0;
  /** Whether the headers in memory of the last chunk are newer than the file's. */
  #isDirty = false;
  #bytes = 0;
  /** What was found in the chunk that is checked. */
  #found: CorruptionError[] = [];

  /**
   * Creates a scrub; it reads only the superblocks.
   *
   * @param source The file to read.
   * @param report Called for each broken rule.
   * @param options Further checks.
   * @internal
   */
  constructor(source: ScrubSource, report: Report, options: ScrubOptions = {}) {
    this.#source = source;
    this.#report = report;
    this.#extra = options.extra ?? [];
    this.#readJournals();
  }

  /** The number of chunks of the file. */
  get chunks(): number {
    return chunksOf(this.#source.meta.pageCount);
  }

  /** Whether the file has a valid superblock. */
  get hasSuperblock(): boolean {
    return this.#journals !== undefined;
  }

  /**
   * Checks both superblocks. If only one is damaged, it returns the damage: no data is lost, and
   * opening the file for writing repairs it. If both are, it reports the damage.
   */
  superblocks(): readonly CorruptionError[] {
    const { alone } = this.#source;
    const read = () => this.#readJournals();
    const { current, damage } = alone === undefined ? read() : alone(read);
    if (current !== undefined) return damage;
    damage.forEach(this.#report);
    return [];
  }

  /** Gives the memory of the scrub back, which is of no use from the call on. */
  close(): void {
    giveSpareFrameBack(this.frame);
  }

  #readJournals(): SuperblockCopies {
    const copies = examineSuperblocks(this.#source.disk);
    this.#journals = copies.current && new Set(copies.current.journals.flat());
    return copies;
  }

  /** Reads a chunk, and checks everything in it. */
  chunk(chunk: ChunkNumber): void {
    const { alone } = this.#source;
    this.#found = [];
    this.#check(chunk);
    if (this.#found.length > 0 && alone !== undefined) {
      this.#found = [];
      alone(() => {
        this.#readJournals();
        this.#check(chunk);
      });
    }
    this.#found.forEach(this.#report);
  }

  #check(chunk: ChunkNumber): void {
    this.#readChunk(chunk);
    // A live journal may have taken or given back chunks since its superblock was read.
    if (this.#source.memory !== undefined && this.#isJournalNow !== this.#isJournalListed) {
      this.#readJournals();
      this.#readChunk(chunk);
    }
    this.#judgeHeaders(this.#note);
    this.#checkHint();
    if (chunk === 0) this.#checkSuperblockHeaders();
    if (this.#checkJournal()) return;
    this.#checkRuns();
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (this.states[slot] === SLOT_INTACT && !this.#isNewerInMemory(slot)) this.#checkPage(slot);
    }
  }

  readonly #note = (error: CorruptionError): void => void this.#found.push(error);

  /** Reads a chunk; of the journal's, only the header page has content that can be checked. */
  #readChunk(chunk: ChunkNumber): void {
    this.#read(chunk, this.#journals?.has(chunk) ? PAGE_BYTES : CHUNK_BYTES);
  }

  /** Whether the chunk read last has headers of a journal chunk. */
  get #isJournalNow(): boolean {
    return kindOf(this.frame, 1) === KIND_JOURNAL;
  }

  /** Whether the superblock lists the chunk read last as a journal chunk. */
  get #isJournalListed(): boolean {
    return this.#journals?.has(this.#chunk) ?? false;
  }

  /** Reads only the headers of a chunk, and reports nothing. */
  headers(chunk: ChunkNumber): void {
    this.#read(chunk, PAGE_BYTES);
    this.#judgeHeaders(() => {});
  }

  /** Whether the chunk read last has a header page, judged by the bit that each one has set. */
  get hasHeaderPage(): boolean {
    return isInUse(this.frame, 0, 0);
  }

  #read(chunk: ChunkNumber, most: number): void {
    const { disk, meta, memory } = this.#source;
    const first = chunk * CHUNK_PAGES;
    const { u8 } = this.frame;
    memory?.checkReadable(first);
    const wanted = Math.min(most, (meta.pageCount - first) * PAGE_BYTES);
    this.#bytes = disk.read(u8, 0, wanted, first * PAGE_BYTES);
    u8.fill(0, this.#bytes, most);
    this.#chunk = chunk;
    this.#isDirty = memory?.dirtyChunks.has(chunk) ?? false;
    if (memory === undefined) return;
    const place = this.#isDirty ? memory.cache.find(first) : -1;
    if (place < 0) return;
    const start = (place & SLOT_MASK) << PAGE_SHIFT;
    u8.set(memory.cache.frames[place >>> CHUNK_SHIFT]!.u8.subarray(start, start + PAGE_BYTES));
  }

  #judgeHeaders(report: Report): void {
    const { meta, seed } = this.#source;
    const first = this.#chunk * CHUNK_PAGES;
    for (let slot = 0; slot < CHUNK_PAGES; slot++) {
      const page = first + slot;
      const rule = headerRule(this.frame, 0, this.#chunk, slot, meta.pageCount, seed);
      if (rule !== undefined) report(new CorruptionError(page, headerPosition(page), rule));
      this.states[slot] = this.#stateOf(slot, page);
    }
  }

  /** The state of a slot. It ignores the bitmap, which is redundant with the headers. */
  #stateOf(slot: Slot, page: PageNumber): number {
    const kind = kindOf(this.frame, slot);
    if (slot === 0 || page < FRESH_PAGES || kind === KIND_FREE) return SLOT_OTHER;
    if (page >= this.#source.meta.pageCount || kind >= KIND_COUNT) return SLOT_LOST;
    const word = slot << HEADER_WORD_SHIFT;
    if (!headerSumHolds(this.frame.u32, word, page, this.#source.seed)) return SLOT_LOST;
    return kind === KIND_JOURNAL ? SLOT_OTHER : SLOT_INTACT;
  }

  #checkHint(): void {
    // In a shared file each process has a hint of its own.
    if (this.#source.alone !== undefined) return;
    if (this.#chunk >= this.#source.meta.allocatorHint) return;
    for (let word = 0; word < 8; word++) {
      if (this.frame.u32[word] === 0xffff_ffff) continue;
      this.#find(0, 0, "a chunk below the allocator's hint has a free page");
      return;
    }
  }

  /** Checks that the headers of the superblocks have only a kind. */
  #checkSuperblockHeaders(): void {
    const { u32 } = this.frame;
    for (let slot = 1; slot < FRESH_PAGES; slot++) {
      const word = slot << HEADER_WORD_SHIFT;
      let isPlain = (u32[word]! >>> 8) === 0;
      for (let i = word + 1; i < word + 7; i++) isPlain &&= u32[i] === 0;
      if (!isPlain) this.#find(slot, 1, "the header of a superblock says more than its kind");
    }
  }

  /** Whether the chunk belongs to the journal; if so, its header page is checked. */
  #checkJournal(): boolean {
    if (this.#source.memory?.isMoving(this.#chunk)) {
      this.states.fill(SLOT_OTHER);
      return true;
    }
    if (this.#isJournalListed) {
      const expected = journalHeaderPage(this.#chunk, this.#source.seed);
      if (this.frame.buffer.compare(expected, 0, PAGE_BYTES, 0, PAGE_BYTES) !== 0) {
        const at = expected.findIndex((byte, i) => this.frame.u8[i] !== byte);
        this.#find(at >>> 5, at & 31, "not a header of the journal");
      }
      this.states.fill(SLOT_OTHER);
      return true;
    }
    for (let slot = 1; slot < CHUNK_PAGES && this.#journals !== undefined; slot++) {
      if (kindOf(this.frame, slot) !== KIND_JOURNAL) continue;
      this.#find(slot, HEADER.kind, "a page of the journal outside of its areas");
    }
    return false;
  }

  /** Checks that each run has its later pages, and each later page its run. */
  #checkRuns(): void {
    let first = 0;
    let end = 0;
    // Later pages that follow a lost header may belong to a run that began there.
    let isKnown = true;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const isLost = this.states[slot] === SLOT_LOST;
      if (slot < end) {
        if (!isLost) this.#checkOfRun(slot, first);
        continue;
      }
      const kind = this.states[slot] === SLOT_INTACT ? kindOf(this.frame, slot) : KIND_FREE;
      if (kind === KIND_RUN) {
        first = slot;
        end = slot + runPagesOf(this.frame, slot);
      } else if (kind === KIND_RUN_CONTINUED && isKnown) {
        this.#find(slot, HEADER.link, "a later page of a run that is not there");
      }
      isKnown = !isLost && (isKnown || kind !== KIND_RUN_CONTINUED);
    }
  }

  #checkOfRun(slot: Slot, first: number): void {
    const chunkPage = this.#chunk * CHUNK_PAGES;
    if (isOfRun(this.frame, slot, chunkPage, first)) return;
    this.#find(slot, HEADER.kind, `not part of the run at page ${chunkPage + first}`);
  }

  /** Whether a page in memory is newer than the file's. */
  #isNewerInMemory(slot: Slot): boolean {
    const { memory } = this.#source;
    if (!this.#isDirty || memory === undefined) return false;
    const place = memory.cache.find(this.#chunk * CHUNK_PAGES + slot);
    return place >= 0 && memory.cache.frames[place >>> CHUNK_SHIFT]!.dirty[place & SLOT_MASK] !== 0;
  }

  #checkPage(slot: Slot): void {
    const { meta, seed, verifiers } = this.#source;
    const page = this.#chunk * CHUNK_PAGES + slot;
    if (this.#bytes < (slot + 1) << PAGE_SHIFT) {
      this.states[slot] = SLOT_PAGE_LOST;
      const rule = "the file ends inside the page";
      return this.#note(new CorruptionError(page, page * PAGE_BYTES, rule));
    }
    const isIntact = this.#try(() => {
      checkPage(this.frame, slot, page, seed, meta.version, verifiers);
    });
    if (!isIntact) this.states[slot] = SLOT_PAGE_LOST;
    else this.#try(() => this.#checkMore(slot, page));
  }

  #checkMore(slot: Slot, page: PageNumber): void {
    const tree = treeOf(this.frame, slot);
    const { nextTreeId } = this.#source.meta;
    if (tree >= nextTreeId) {
      corruptHeader(page, HEADER.tree, `of tree ${tree}, and the next one gets ${nextTreeId}`);
    }
    checkRunReserved(this.frame, slot, page);
    this.#extra[kindOf(this.frame, slot)]?.(this.frame, slot, page);
  }

  /** Runs a check, and reports its error; returns whether it passed. */
  #try(check: () => void): boolean {
    try {
      check();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#note(error);
      return false;
    }
  }

  #find(slot: Slot, offset: number, rule: string): void {
    const page = this.#chunk * CHUNK_PAGES + slot;
    this.#note(new CorruptionError(page, headerPosition(page) + offset, rule));
  }
}
