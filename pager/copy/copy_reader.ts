/**
 * Reads all pages of an open file as of one version, chunk by chunk, past the cache.
 *
 * For each page the version store has an image if the page has changed since; otherwise it is the
 * current page, from memory where that is newer than the file. In a shared file `VersionPages` has
 * the pages, without images. Pages of the journal count as free, and so do pages that were taken
 * into use later. Each page that is handed out has been checked against both of its sums.
 *
 * Invariants:
 * 1. A page is handed out once: in its chunk, or earlier by `take`.
 * 2. A page that was handed out is not read again: its image may be gone.
 * 3. A slice reads one chunk at most, between transactions.
 */

import type { Cache } from "../cache/cache.ts";
import type { Loader } from "../cache/loader.ts";
import { copyPage } from "../cache/page_copy.ts";
import { PageSet } from "../cache/page_set.ts";
import type { Disk } from "../file/disk.ts";
import { LOOKS_MAX } from "../flush/file_end.ts";
import { assert } from "../format/assert.ts";
import { pageSum } from "../format/checksum.ts";
import { inFile, SnapshotTooOldError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  CHUNK_SHIFT,
  chunksOf,
  FRESH_PAGES,
  HEADER,
  HEADER_WORD_SHIFT,
  HEADER_WORDS,
  KIND_FREE,
  KIND_JOURNAL,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import {
  clearInUse,
  headerSumHolds,
  isInUse,
  kindOf,
  setInUse,
  statedPageSum,
  versionOf,
} from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import { corrupt, corruptHeader, NOT_REACHED } from "../format/page_check.ts";
import type { Superblock } from "../format/superblock.ts";
import type { ChunkNumber, PageNumber, Slot, Version } from "../format/units.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import { giveSpareFrameBack, takeSpareFrame } from "../native/spare_frames.ts";
import type { VersionPages } from "../share/version_pages.ts";
import type { SnapshotOwner } from "../transaction/snapshot.ts";
import type { SnapshotState } from "../transaction/snapshot_list.ts";
import type { VersionStore } from "../transaction/version_store.ts";
import { branched } from "./history.ts";
import { StateSum } from "./state_sum.ts";

/** The slot of a page by itself; headers are in slot 0. */
const SCRATCH = 1;

/** The parts of a pager that a copy reads. */
export interface CopySource {
  readonly disk: Disk;
  readonly cache: Cache;
  readonly loader: Loader;
  readonly meta: Meta;
  readonly superblock: CurrentSuperblock;
  readonly versions: VersionStore;
  readonly snapshots: SnapshotOwner;
  /** The pages of versions of a file that other processes write too; undefined otherwise. */
  readonly versionPages: VersionPages | undefined;
}

/** Takes a page, with its header, out of a slot of a frame; both are valid during the call. */
export type TakePage = (page: PageNumber, frame: Frame, slot: Slot) => void;

/** The pages of a chunk, as of the version of a copy. */
export interface CopiedChunk {
  /** The number of the chunk. */
  readonly chunk: ChunkNumber;
  /**
   * The header page in slot 0, and the pages that `wants` names in theirs. The headers of pages
   * that were taken early are zero, although their bits are set.
   */
  readonly frame: Frame;
  /** 1 for each slot whose page is to be copied now. */
  readonly wants: Uint8Array;
  /** 1 for each slot whose page was taken early. */
  readonly early: Uint8Array;
}

/** Reads all pages of an open file as of one version. */
export class CopyReader {
  /** The facts about the whole file at that version; the page count is that of the copy. */
  readonly meta: Meta = new Meta();
  /** The superblock of a closed file with these pages. */
  readonly superblock: Superblock;
  /** The sum of the headers of all pages that were handed out or left out so far. */
  readonly sum: StateSum = new StateSum();
  /** The bytes read from the file. */
  bytesRead = 0;

  readonly #source: CopySource;
  readonly #take: TakePage | undefined;
  readonly #ended: () => void;
  readonly #state: SnapshotState;
  readonly #early = new PageSet();
  readonly #frame = takeSpareFrame();
  readonly #scratch = new Frame(-1, POOL, SCRATCH + 1);
  readonly #wants = new Uint8Array(CHUNK_PAGES);
  /** The slots that `#wants` names, in order: in an increment few chunks have many. */
  readonly #wanted = new Uint8Array(CHUNK_PAGES);
  #wantedCount = 0;
  readonly #isEarly = new Uint8Array(CHUNK_PAGES);
  /** 1 for each slot whose page is in the frame already: an image, or newer in memory. */
  readonly #isPresent = new Uint8Array(CHUNK_PAGES);
  /** The chunk that comes next. */
  #next = 0;
  /** The error of an early page; the next step throws it. */
  #failure: unknown;
  #isOpen = true;

  /**
   * Begins a copy of the last commit; `Copies.begin` does it.
   *
   * @param source The parts of the pager.
   * @param take Takes pages early; see `Copies.begin`.
   * @param ended Is called when the copy is closed.
   */
  constructor(source: CopySource, take: TakePage | undefined, ended: () => void) {
    this.#source = source;
    this.#take = take;
    this.#ended = ended;
    this.meta.assign(source.meta);
    this.#state = source.snapshots.beginState(take !== undefined);
    try {
      this.meta.pageCount = this.#pageCount();
    } catch (error) {
      this.close();
      throw inFile(error, source.disk.path);
    }
    this.meta.allocatorHint = this.#hint();
    this.superblock = branched({
      ...source.superblock.fields,
      ...this.meta,
      open: false,
      journals: [[], []],
    });
  }

  /** The number of chunks of the copy. */
  get chunks(): number {
    return chunksOf(this.meta.pageCount);
  }

  /**
   * Starts a read of the next chunk that does not block the thread, so that `read` finds its bytes
   * in the cache of the system.
   */
  async prepare(): Promise<void> {
    if (!this.#source.disk.startsReads || this.#next >= this.chunks) return;
    const first = this.#next * CHUNK_PAGES;
    const bytes = Math.min(CHUNK_BYTES, (this.meta.pageCount - first) * PAGE_BYTES);
    await this.#source.disk.startRead(first * PAGE_BYTES, bytes);
  }

  /**
   * Starts reads of the header pages of the next chunks in the same way, several at once; of those
   * that are not in memory.
   */
  async prepareHeaders(count: number): Promise<void> {
    const { disk, cache } = this.#source;
    if (!disk.startsReads) return;
    const end = Math.min(this.#next + count, this.chunks);
    const reads: Promise<void>[] = [];
    for (let chunk = this.#next; chunk < end; chunk++) {
      if (cache.find(chunk * CHUNK_PAGES) >= 0) continue;
      reads.push(disk.startRead(chunk * CHUNK_BYTES, PAGE_BYTES));
    }
    await Promise.all(reads);
  }

  /**
   * Reads the next chunk: the pages in use whose version is later than `since`. The result is valid
   * until the next call, or the end of the copy.
   *
   * @throws {CorruptionError} A page does not match its header.
   * @throws {IoError} The file cannot be read, or `take` failed.
   * @throws {SnapshotTooOldError} Others needed the memory.
   */
  read(since: Version): CopiedChunk {
    if (this.#failure !== undefined) throw this.#failure;
    // Without a snapshot the end of the file may have been cut.
    if (this.#state.isTooOld) {
      throw new SnapshotTooOldError("Cannot copy the database: its version is too old");
    }
    assert(this.#isOpen && this.#next < this.chunks, "an open copy reads each chunk once");
    const chunk = this.#next++;
    const before = this.#source.disk.figures.bytesRead;
    const { versionPages } = this.#source;
    try {
      if (versionPages === undefined) this.#read(chunk, since);
      else versionPages.underLock(() => this.#readShared(versionPages, chunk, since));
    } catch (error) {
      throw inFile(error, this.#source.disk.path);
    } finally {
      this.bytesRead += this.#source.disk.figures.bytesRead - before;
    }
    return { chunk, frame: this.#frame, wants: this.#wants, early: this.#isEarly };
  }

  /**
   * Hands out the pages whose images no newer snapshot sees, and gives these up. After a failure it
   * only gives them up: this copy reads nothing more.
   */
  drain(): void {
    if (this.#failure === undefined && this.#source.versionPages === undefined) this.#takeAll();
    this.#source.snapshots.drain(this.#state);
  }

  #takeAll(): void {
    try {
      for (const page of this.#source.versions.pagesOf(this.#state)) this.#takeEarly(page);
    } catch (error) {
      this.#failure = inFile(error, this.#source.disk.path);
    }
  }

  /** Ends the copy, and the last result of `read` with it. A second call does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    giveSpareFrameBack(this.#frame);
    this.#source.snapshots.endState(this.#state);
    this.#ended();
  }

  /** Hands out a page that is about to be forgotten, unless it was handed out before. */
  #takeEarly(page: PageNumber): void {
    if (page >>> CHUNK_SHIFT < this.#next || this.#early.has(page)) return;
    const { versions, loader } = this.#source;
    const frame = this.#scratch;
    const isSeen = versions.copyTo(page, this.#state, frame, SCRATCH);
    assert(isSeen, "a snapshot sees the images that are kept for it");
    checkSums(frame, SCRATCH, page, loader.seed);
    this.#early.add(page);
    this.sum.add(frame.u32, SCRATCH << HEADER_WORD_SHIFT);
    this.#take!(page, frame, SCRATCH);
  }

  #read(chunk: ChunkNumber, since: Version): void {
    const { loader } = this.#source;
    const first = chunk * CHUNK_PAGES;
    loader.checkReadable(first);
    this.#readHeaders(chunk, since);
    this.#copyNewer(first);
    this.#readPages(first);
    for (let i = 0; i < this.#wantedCount; i++) {
      const slot = this.#wanted[i]!;
      checkSums(this.#frame, slot, first + slot, loader.seed);
    }
  }

  /** Reads a chunk of a shared file, under the lock. */
  #readShared(versionPages: VersionPages, chunk: ChunkNumber, since: Version): void {
    const { version } = this.meta;
    const frame = this.#frame;
    const first = chunk * CHUNK_PAGES;
    const { seed } = this.#source.loader;
    versionPages.copyHeaderPage(chunk, version, frame);
    this.#wantedCount = 0;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      this.#wants[slot] = 0;
      if (first + slot >= FRESH_PAGES && this.#keepIfVisible(first + slot, slot)) {
        this.#noteInUse(slot, since);
      }
    }
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const start = slot;
      while (slot < CHUNK_PAGES && this.#wants[slot] === 1) slot++;
      if (slot > start) versionPages.copyPages(first + start, slot - start, version, frame);
      for (let i = start; i < slot; i++) checkSums(frame, i, first + i, seed);
    }
  }

  /** Reads the headers of a chunk, and replaces those that have changed since the version. */
  #readHeaders(chunk: ChunkNumber, since: Version): void {
    const frame = this.#frame;
    this.#source.loader.copyHeaderPage(chunk, frame);
    this.#isPresent.fill(0);
    this.#wantedCount = 0;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const page = chunk * CHUNK_PAGES + slot;
      this.#wants[slot] = this.#isEarly[slot] = 0;
      if (page < FRESH_PAGES) continue;
      if (this.#early.has(page)) {
        this.#isEarly[slot] = 1;
        clearHeader(frame, slot);
        setInUse(frame, 0, slot);
      } else if (this.#seeHeader(page, slot)) {
        this.#noteInUse(slot, since);
      }
    }
  }

  /** Notes a page that was in use, and wants it if its version is later than `since`. */
  #noteInUse(slot: Slot, since: Version): void {
    const frame = this.#frame;
    this.sum.add(frame.u32, slot << HEADER_WORD_SHIFT);
    if (versionOf(frame, slot) <= since) return;
    this.#wants[slot] = 1;
    this.#wanted[this.#wantedCount++] = slot;
  }

  /** Puts the header of a page at the version in its slot; returns whether it was in use. */
  #seeHeader(page: PageNumber, slot: Slot): boolean {
    const frame = this.#frame;
    if (this.#source.versions.copyTo(page, this.#state, frame, slot)) {
      this.#isPresent[slot] = 1;
      setInUse(frame, 0, slot);
      return true;
    }
    return this.#keepIfVisible(page, slot);
  }

  /** Clears the header in a slot if it is not of a page of the version; whether it is. */
  #keepIfVisible(page: PageNumber, slot: Slot): boolean {
    const frame = this.#frame;
    const kind = kindOf(frame, slot);
    if (kind !== KIND_FREE && kind !== KIND_JOURNAL) {
      const version = versionOf(frame, slot);
      if (version <= this.meta.version) return true;
      // Left out, the page of an older superblock would be lost without a word.
      if (version > this.#source.meta.version) corruptHeader(page, HEADER.versionLow, NOT_REACHED);
    }
    clearHeader(frame, slot);
    clearInUse(frame, 0, slot);
    return false;
  }

  /** Copies the wanted pages that memory has newer than the file. */
  #copyNewer(first: PageNumber): void {
    const { cache } = this.#source;
    for (let i = 0; i < this.#wantedCount; i++) {
      const slot = this.#wanted[i]!;
      if (this.#isPresent[slot] === 1) continue;
      const place = cache.find(first + slot);
      if (place < 0) continue;
      const from = cache.frames[place >>> CHUNK_SHIFT]!;
      if (from.dirty[place & SLOT_MASK] === 0) continue;
      copyPage(from, place & SLOT_MASK, this.#frame, slot);
      this.#isPresent[slot] = 1;
    }
  }

  /** Reads the wanted pages of a chunk that are not in the frame yet, neighbours together. */
  #readPages(first: PageNumber): void {
    for (let i = 0; i < this.#wantedCount;) {
      const slot = this.#wanted[i++]!;
      if (this.#isPresent[slot] === 1) continue;
      let end = slot + 1;
      for (; i < this.#wantedCount && this.#wanted[i] === end; i++) {
        if (this.#isPresent[end] === 1) break;
        end++;
      }
      this.#readRun(first, slot, end);
    }
  }

  #readRun(first: PageNumber, slot: Slot, end: Slot): void {
    const { u8 } = this.#frame;
    const start = slot << PAGE_SHIFT;
    const length = (end - slot) * PAGE_BYTES;
    const done = this.#source.disk.read(u8, start, length, (first + slot) * PAGE_BYTES);
    // Pages that no checkpoint has written yet may be past the end of the file.
    u8.fill(0, start + done, start + length);
  }

  /**
   * The page count without free pages, and pages of the journal, at the end of the file; as far as
   * one step looks.
   */
  #pageCount(): number {
    const frame = this.#frame;
    const last = chunksOf(this.meta.pageCount) - 1;
    for (let chunk = last;; chunk--) {
      if (last - chunk === LOOKS_MAX) return (chunk + 1) * CHUNK_PAGES;
      const { versionPages, loader } = this.#source;
      if (versionPages === undefined) loader.copyHeaderPage(chunk, frame);
      else versionPages.copyHeaderPage(chunk, this.meta.version, frame);
      for (let slot = SLOT_MASK; slot > 0; slot--) {
        if (!isInUse(frame, 0, slot) || kindOf(frame, slot) === KIND_JOURNAL) continue;
        return chunk * CHUNK_PAGES + slot + 1;
      }
      assert(chunk > 0, "the superblocks are in use");
    }
  }

  /** The hint of a file in which the chunks of the journal are free. */
  #hint(): ChunkNumber {
    const { allocatorHint } = this.meta;
    const journal = this.#source.superblock.fields.journals.flat();
    return Math.min(allocatorHint, this.chunks, ...journal);
  }
}

/**
 * Checks the sums of the page in a slot.
 *
 * @throws {CorruptionError} One does not match.
 */
export function checkSums(frame: Frame, slot: Slot, page: PageNumber, seed: number): void {
  const word = slot << HEADER_WORD_SHIFT;
  if (!headerSumHolds(frame.u32, word, page, seed)) {
    corruptHeader(page, HEADER.headerSum, "header sum does not match");
  }
  if (pageSum(frame, slot) !== statedPageSum(frame.u32, word)) {
    corrupt(page, 0, "page sum does not match");
  }
}

function clearHeader(frame: Frame, slot: Slot): void {
  const word = slot << HEADER_WORD_SHIFT;
  frame.u32.fill(0, word, word + HEADER_WORDS);
}
