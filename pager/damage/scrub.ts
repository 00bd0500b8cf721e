/**
 * Reading a file whole, a chunk at a time, and saying of everything in it whether it is as the
 * format has it: superblocks, header pages, bitmaps, the journal's areas, runs, sums, reserved
 * bytes, and the structure of each page by itself.
 *
 * Every broken rule is reported, of each header and each page the first one. Pages come from the
 * file and not from the cache; where a live cache has something newer than the file, its headers
 * count, and the bytes of its dirty pages are left out.
 */

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
import { Frame } from "../format/frame.ts";
import {
  headerPosition,
  headerRule,
  headSumHolds,
  isInUse,
  kindOf,
  runPagesOf,
  treeOf,
} from "../format/header.ts";
import { journalHeaderPage } from "../journal/journal_area.ts";
import type { MetaFields } from "../format/meta.ts";
import { checkPage, corruptHeader, type Verifiers } from "../format/page_check.ts";
import { checkRunReserved, isOfRun } from "../format/run_check.ts";
import { examineSuperblocks, type SuperblockCopies } from "../journal/superblocks.ts";

/** Hears of a broken rule. */
export type Report = (error: CorruptionError) => void;

/** What a scrub reads. */
export interface ScrubSource {
  /** The file. */
  readonly disk: Disk;
  /** What is true of it. */
  readonly meta: MetaFields;
  /** The seed of its head sums. */
  readonly seed: number;
  /** Structure checks by kind. */
  readonly verifiers: Verifiers;
  /** Pages in memory, if some may be newer than the file's. */
  readonly memory?: ScrubMemory;
}

/** Pages in memory that may be newer than the file's. */
export interface ScrubMemory {
  /** Where they are. */
  readonly cache: Cache;
  /** The chunks they are in. */
  readonly dirtyChunks: ReadonlyMap<number, unknown>;
  /** Throws when what the file has of a page may be older than what was written. */
  checkReadable(page: number): void;
}

/** What else a scrub may check. */
export interface ScrubOptions {
  /** Checks by kind beside those of the structure; what they find does not make a page unsound. */
  readonly extra?: Verifiers;
}

/** Of a slot: nothing that belongs to a tree. */
export const SLOT_OTHER = 0;
/** Of a slot: page and header are sound. */
export const SLOT_SOUND = 1;
/** Of a slot: the header is sound, and the page is not. */
export const SLOT_PAGE_LOST = 2;
/** Of a slot: the header is not sound, so nothing is known. */
export const SLOT_LOST = 3;

/** Reads a file a chunk at a time. */
export class Scrub {
  /** The chunk read last. */
  readonly frame: Frame = new Frame(-1, 0);
  /** Of each of its slots, one of `SLOT_...`. */
  readonly states: Uint8Array = new Uint8Array(CHUNK_PAGES);

  readonly #source: ScrubSource;
  readonly #report: Report;
  readonly #extra: Verifiers;
  /** The chunks of the journal, or undefined while no superblock tells. */
  #journals: ReadonlySet<number> | undefined;
  #chunk = 0;
  /** Whether the last chunk's headers in memory are newer than the file's. */
  #isDirty = false;
  #bytes = 0;

  /**
   * A scrub; nothing is read yet.
   *
   * @param source What to read.
   * @param report Hears of broken rules.
   * @param options What else to check.
   * @internal
   */
  constructor(source: ScrubSource, report: Report, options: ScrubOptions = {}) {
    this.#source = source;
    this.#report = report;
    this.#extra = options.extra ?? [];
    this.#readJournals();
  }

  /** How many chunks there are. */
  get chunks(): number {
    return chunksOf(this.#source.meta.pageCount);
  }

  /** Whether there is a superblock to tell what is in the file. */
  get hasSuperblock(): boolean {
    return this.#journals !== undefined;
  }

  /**
   * Checks both superblocks. Returns what is wrong with one while the other is whole: no data is
   * lost, and opening the file for writing repairs it. Anything else that is wrong is reported.
   */
  superblocks(): readonly CorruptionError[] {
    const { current, damage } = this.#readJournals();
    if (current !== undefined) return damage;
    damage.forEach(this.#report);
    return [];
  }

  #readJournals(): SuperblockCopies {
    const copies = examineSuperblocks(this.#source.disk);
    this.#journals = copies.current && new Set(copies.current.journals.flat());
    return copies;
  }

  /** Reads a chunk and checks all that is in it. */
  chunk(chunk: number): void {
    // Of a chunk of the journal only the header page is to be as all of them are.
    this.#read(chunk, this.#journals?.has(chunk) ? PAGE_BYTES : CHUNK_BYTES);
    this.#judgeHeaders(this.#report);
    this.#checkHint();
    if (chunk === 0) this.#checkSuperblockHeaders();
    if (this.#checkJournal()) return;
    this.#checkRuns();
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      if (this.states[slot] === SLOT_SOUND && !this.#isNewerInMemory(slot)) this.#checkPage(slot);
    }
  }

  /** Reads only the headers of a chunk, and reports nothing. */
  headers(chunk: number): void {
    this.#read(chunk, PAGE_BYTES);
    this.#judgeHeaders(() => {});
  }

  /** Whether the header page of the chunk read last is one, by the bit that each has set. */
  get hasHeaderPage(): boolean {
    return isInUse(this.frame, 0, 0);
  }

  #read(chunk: number, most: number): void {
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
    // A live journal may have got chunks since.
    this.#readJournals();
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

  /** The bitmap repeats what headers say, so a header is sound whatever its bit is. */
  #stateOf(slot: number, page: number): number {
    const kind = kindOf(this.frame, slot);
    if (slot === 0 || page < FRESH_PAGES || kind === KIND_FREE) return SLOT_OTHER;
    if (page >= this.#source.meta.pageCount || kind >= KIND_COUNT) return SLOT_LOST;
    const word = slot << HEADER_WORD_SHIFT;
    if (!headSumHolds(this.frame.u32, word, page, this.#source.seed)) return SLOT_LOST;
    return kind === KIND_JOURNAL ? SLOT_OTHER : SLOT_SOUND;
  }

  #checkHint(): void {
    if (this.#chunk >= this.#source.meta.allocatorHint) return;
    for (let word = 0; word < 8; word++) {
      if (this.frame.u32[word] === 0xffff_ffff) continue;
      this.#find(0, 0, "a chunk below the allocator's hint has a free page");
      return;
    }
  }

  /** Headers of superblocks say nothing but their kind. */
  #checkSuperblockHeaders(): void {
    const { u32 } = this.frame;
    for (let slot = 1; slot < FRESH_PAGES; slot++) {
      const word = slot << HEADER_WORD_SHIFT;
      let isPlain = (u32[word]! >>> 8) === 0;
      for (let i = word + 1; i < word + 7; i++) isPlain &&= u32[i] === 0;
      if (!isPlain) this.#find(slot, 1, "the header of a superblock says more than its kind");
    }
  }

  /** Whether the chunk is the journal's; then its header page is as all of them are. */
  #checkJournal(): boolean {
    if (this.#journals?.has(this.#chunk)) {
      const expected = journalHeaderPage(this.#chunk, this.#source.seed);
      const at = expected.findIndex((byte, i) => this.frame.u8[i] !== byte);
      if (at >= 0) this.#find(at >>> 5, at & 31, "not a header of the journal");
      this.states.fill(SLOT_OTHER);
      return true;
    }
    for (let slot = 1; slot < CHUNK_PAGES && this.#journals !== undefined; slot++) {
      if (kindOf(this.frame, slot) !== KIND_JOURNAL) continue;
      this.#find(slot, HEADER.kind, "a page of the journal outside of its areas");
    }
    return false;
  }

  /** Each run has its later pages, and each later page its run. */
  #checkRuns(): void {
    let first = 0;
    let end = 0;
    // After a lost header, later pages may be of the run that began there.
    let isKnown = true;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const isLost = this.states[slot] === SLOT_LOST;
      if (slot < end) {
        if (!isLost) this.#checkOfRun(slot, first);
        continue;
      }
      const kind = this.states[slot] === SLOT_SOUND ? kindOf(this.frame, slot) : KIND_FREE;
      if (kind === KIND_RUN) {
        first = slot;
        end = slot + runPagesOf(this.frame, slot);
      } else if (kind === KIND_RUN_CONTINUED && isKnown) {
        this.#find(slot, HEADER.link, "a later page of a run that is not there");
      }
      isKnown = !isLost && (isKnown || kind !== KIND_RUN_CONTINUED);
    }
  }

  #checkOfRun(slot: number, first: number): void {
    const chunkPage = this.#chunk * CHUNK_PAGES;
    if (isOfRun(this.frame, slot, chunkPage, first)) return;
    this.#find(slot, HEADER.kind, `not part of the run at page ${chunkPage + first}`);
  }

  /** The pages of the file are older than the cache's. */
  #isNewerInMemory(slot: number): boolean {
    const { memory } = this.#source;
    if (!this.#isDirty || memory === undefined) return false;
    const place = memory.cache.find(this.#chunk * CHUNK_PAGES + slot);
    return place >= 0 && memory.cache.frames[place >>> CHUNK_SHIFT]!.dirty[place & SLOT_MASK] !== 0;
  }

  #checkPage(slot: number): void {
    const { meta, seed, verifiers } = this.#source;
    const page = this.#chunk * CHUNK_PAGES + slot;
    if (this.#bytes < (slot + 1) << PAGE_SHIFT) {
      this.states[slot] = SLOT_PAGE_LOST;
      const rule = "the file ends inside the page";
      return this.#report(new CorruptionError(page, page * PAGE_BYTES, rule));
    }
    const isSound = this.#try(() => {
      checkPage(this.frame, slot, page, seed, meta.version, verifiers);
    });
    if (!isSound) this.states[slot] = SLOT_PAGE_LOST;
    else this.#try(() => this.#checkMore(slot, page));
  }

  #checkMore(slot: number, page: number): void {
    const tree = treeOf(this.frame, slot);
    const { nextTreeId } = this.#source.meta;
    if (tree >= nextTreeId) {
      corruptHeader(page, HEADER.tree, `of tree ${tree}, and the next one gets ${nextTreeId}`);
    }
    checkRunReserved(this.frame, slot, page);
    this.#extra[kindOf(this.frame, slot)]?.(this.frame, slot, page);
  }

  /** Reports what a check throws; whether it threw nothing. */
  #try(check: () => void): boolean {
    try {
      check();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#report(error);
      return false;
    }
  }

  #find(slot: number, offset: number, rule: string): void {
    const page = this.#chunk * CHUNK_PAGES + slot;
    this.#report(new CorruptionError(page, headerPosition(page) + offset, rule));
  }
}
