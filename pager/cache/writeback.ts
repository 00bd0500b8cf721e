/**
 * Writes dirty pages to the file, a chunk at a time: the chunk's dirty pages, neighbours together,
 * then its header page.
 *
 * Pages that are contiguous in a frame are written directly from it in one call; others are
 * gathered first. No write covers a clean page or a superblock. One chunk can be staged: its pages
 * are copied, and the copy is written once its version is confirmed, in one slice or in several,
 * unless meanwhile the chunk was written, or pages of it that were freed since then were.
 *
 * Write-ahead rule: a page is written only after its version is in the journal on the medium.
 */

import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { assert } from "../format/assert.ts";
import { IoError } from "../format/errors.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { kindOf, versionOf } from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import type { ChunkNumber, PageNumber, Place, Slot, Version } from "../format/units.ts";
import type { FrameMemory } from "../native/frame_memory.ts";
import { Cache, type CacheOwner } from "./cache.ts";
import { StagedChunk } from "./staged_chunk.ts";
import type { Windows } from "./windows.ts";

const GATHER_PAGES = 64;

/** The log that pages follow to the file. */
export interface WriteAheadLog {
  /** Makes a version durable and confirmed, before a page of it is written to the file. */
  confirm(version: Version): void;
  /** Whether a version is not confirmed yet, and will be without a wait; asks for it. */
  isInFlight(version: Version): boolean;
}

/** Chunks whose pages recovery has left in the journal. Memory has none of them. */
export interface DeferredChunks {
  /** The number of them. */
  readonly count: number;
  /** The chunks. */
  chunks(): Iterable<ChunkNumber>;
  /** The most pages that `replay` writes of a chunk; 0 if it is not one of them. */
  pagesOf(chunk: ChunkNumber): number;
  /**
   * Writes the pages of a chunk, if it is one of them.
   *
   * @throws {IoError} The system refused.
   */
  replay(chunk: ChunkNumber): void;
}

/** Writes dirty pages to the file; it owns the cache that holds them. */
export class Writeback implements CacheOwner {
  /** The cache that holds the pages. */
  readonly cache: Cache;
  /** The newest version of each chunk that has a dirty page or a dirty header page. */
  readonly dirtyChunks: Map<number, number> = new Map();
  /** The number of dirty pages in memory, header pages among them. */
  dirtyPages = 0;
  /**
   * Whether it writes pages to the file; if not, dirty pages stay in memory until `forgetDirty`.
   */
  mayPlace = true;
  /** The chunks that recovery has left; undefined if it left none. */
  deferred: DeferredChunks | undefined;
  /** The windows of the file; undefined if it is not mapped. */
  windows: Windows | undefined;
  /** Pages written so far, including header pages, and the calls that wrote them. */
  readonly writes = { pages: 0, calls: 0 };

  readonly #disk: Disk;
  readonly #meta: MetaFields;
  readonly #unsynced: UnsyncedChunks;
  readonly #journal: WriteAheadLog | undefined;
  readonly #staged = new StagedChunk();
  #gathered: Uint8Array | undefined;

  /**
   * Creates the write-back of one file, and its cache.
   *
   * @param disk The file.
   * @param frames The most frames of the cache, and their memory.
   * @param meta Has the page count; a chunk past the end of the file is clean without a write.
   * @param unsynced Collects the chunks that are written.
   * @param journal The write-ahead log; without one, pages are written without logging.
   */
  constructor(
    disk: Disk,
    frames: { limit: number; memory: FrameMemory },
    meta: MetaFields,
    unsynced: UnsyncedChunks,
    journal: WriteAheadLog | undefined,
  ) {
    this.#disk = disk;
    this.#meta = meta;
    this.#unsynced = unsynced;
    this.#journal = journal;
    this.cache = new Cache(frames.limit, this, frames.memory);
  }

  /** Whether dirty pages can be written: no write or sync has failed, and pages may be placed. */
  canClean(): boolean {
    return this.#disk.failure === undefined && this.mayPlace;
  }

  /** Whether to write a chunk now would wait for the medium, and soon will not. */
  isInFlight(chunk: ChunkNumber): boolean {
    return this.#journal?.isInFlight(this.dirtyChunks.get(chunk) ?? 0) ?? false;
  }

  /** Marks the page at a place as newer than the file, as of a version. */
  markDirty(place: Place, page: PageNumber, version: Version): void {
    const { dirty } = this.cache.frames[place >>> CHUNK_SHIFT]!;
    this.dirtyPages += 1 - dirty[place & SLOT_MASK]!;
    dirty[place & SLOT_MASK] = 1;
    this.dirtyChunks.set(page >>> CHUNK_SHIFT, version);
  }

  /** Marks a page as one that the file has. */
  markWritten(frame: Frame, slot: Slot): void {
    this.dirtyPages -= frame.dirty[slot]!;
    frame.dirty[slot] = 0;
  }

  /** The number of chunks that a checkpoint has to write. */
  get chunkCount(): number {
    return this.dirtyChunks.size + (this.deferred?.count ?? 0);
  }

  /** The chunks that a checkpoint has to write, in descending order. */
  chunksToWrite(): ChunkNumber[] {
    const chunks = [...this.dirtyChunks.keys(), ...this.deferred?.chunks() ?? []];
    return chunks.sort((a, b) => b - a);
  }

  /**
   * Writes a chunk that recovery has left, if it is one. After a failure the checkpoint could not
   * end, so that is final.
   */
  replay(chunk: ChunkNumber): void {
    const pages = this.deferred?.pagesOf(chunk) ?? 0;
    if (pages === 0) return;
    try {
      this.deferred?.replay(chunk);
    } catch (error) {
      if (error instanceof IoError) this.#disk.latch(error);
      throw error;
    }
    this.writes.pages += pages;
  }

  /**
   * Writes the dirty pages of a chunk. Returns false if the open transaction has touched the header
   * page (and so perhaps pages, which must not reach the file yet), or after a failed write.
   */
  clean(chunk: ChunkNumber): boolean {
    if (!this.canClean()) return false;
    const first = chunk * CHUNK_PAGES;
    const headerPlace = this.cache.find(first);
    assert(headerPlace >= 0, "the header page stays in memory while its chunk is dirty");
    const headerFrame = this.cache.frames[headerPlace >>> CHUNK_SHIFT]!;
    if (headerFrame.scopes[headerPlace & SLOT_MASK] !== 0) return false;
    if (this.#staged.chunk === chunk) this.#staged.drop();
    if (first < this.#meta.pageCount) {
      this.#journal?.confirm(this.dirtyChunks.get(chunk) ?? 0);
      this.#unsynced.add(chunk);
      this.#writeDirtyPages(first);
      this.#write(headerPlace, first, 1, false);
      this.windows?.noteWritten(chunk);
    } else {
      this.windows?.noteUnwritten(chunk);
    }
    this.#markClean(first);
    this.dirtyChunks.delete(chunk);
    return true;
  }

  /**
   * Forgets what a chunk would have written: it has no page in use, and the file has its header
   * page. A page that was given back keeps its mark until then, as a rollback may need it.
   */
  forget(chunk: ChunkNumber): void {
    if (this.#staged.chunk === chunk) this.#staged.drop();
    if (this.dirtyChunks.delete(chunk)) this.#markClean(chunk * CHUNK_PAGES);
  }

  /** Marks all pages clean: their records are where others find them, and make them again. */
  forgetDirty(): void {
    for (const chunk of this.dirtyChunks.keys()) this.#markClean(chunk * CHUNK_PAGES);
    this.dirtyChunks.clear();
  }

  /** The pages that `clean`, `stage` or `replay` write of a chunk, its header page among them. */
  pagesToWrite(chunk: ChunkNumber): number {
    if (!this.dirtyChunks.has(chunk)) return this.deferred?.pagesOf(chunk) ?? 0;
    const first = chunk * CHUNK_PAGES;
    let pages = 1;
    for (let slot = 1; slot < CHUNK_PAGES; slot++) if (this.#isDirty(first + slot)) pages++;
    return pages;
  }

  /** The chunk that is staged, or -1; and the version of its copy. */
  get staged(): { readonly chunk: ChunkNumber; readonly version: Version } {
    return this.#staged;
  }

  /**
   * Copies the dirty pages of a chunk, for `writeStaged`. Between transactions only. Where memory
   * for them is lacking, it takes a part of that instead, and the next call may copy. Returns
   * whether it copied.
   */
  stage(chunk: ChunkNumber): boolean {
    const first = chunk * CHUNK_PAGES;
    if (!this.#staged.prepare(this.pagesToWrite(chunk))) return false;
    this.#staged.begin(chunk, this.dirtyChunks.get(chunk)!);
    for (let slot = 0; slot < CHUNK_PAGES; slot++) {
      if (slot > 0 && !this.#isDirty(first + slot)) continue;
      const place = this.cache.find(first + slot);
      assert(place >= 0, "a dirty page and its header page are in memory");
      this.#staged.copy(slot, this.cache.frames[place >>> CHUNK_SHIFT]!, place);
    }
    return true;
  }

  /** Takes another part of the memory for a copy of a chunk, if more is lacking. Copies nothing. */
  prepareStage(chunk: ChunkNumber): void {
    this.#staged.prepare(this.pagesToWrite(chunk));
  }

  /**
   * Writes the next pages of the staged chunk, if its version is confirmed, and drops it after the
   * last one.
   *
   * @param pagesMax The most pages to write.
   * @returns The chunk, or -1 if none is written whole.
   */
  writeStaged(confirmed: Version, pagesMax: number): ChunkNumber {
    const { chunk, version } = this.#staged;
    if (chunk < 0) return chunk;
    const first = chunk * CHUNK_PAGES;
    // A batch that was on the medium before the confirming one was written takes two flights.
    if (version > confirmed) return -1;
    if (first >= this.#meta.pageCount || !this.canClean()) {
      this.#staged.drop();
      return this.#staged.chunk;
    }
    this.#unsynced.add(chunk);
    const { pagesLeft } = this.#staged;
    this.writes.calls += this.#staged.write(this.#disk, pagesMax);
    this.writes.pages += pagesLeft - this.#staged.pagesLeft;
    if (this.#staged.pagesLeft > 0) return -1;
    this.#staged.drop();
    this.windows?.noteWritten(chunk);
    if (this.dirtyChunks.get(chunk) === version) {
      this.#markClean(first);
      this.dirtyChunks.delete(chunk);
    } else {
      this.#markUnchangedClean(first, version);
    }
    return chunk;
  }

  /**
   * Marks the pages of a chunk clean that have not changed since a version: the journal may be
   * unable to repair them by the time that the others are written.
   */
  #markUnchangedClean(first: number, version: Version): void {
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      const place = this.cache.find(first + slot);
      if (place < 0) continue;
      const frame = this.cache.frames[place >>> CHUNK_SHIFT]!;
      if (versionOf(frame, place & SLOT_MASK) <= version) {
        this.markWritten(frame, place & SLOT_MASK);
      }
    }
  }

  /** Ends the stages of a checkpoint. */
  endStages(): void {
    this.#staged.rest();
  }

  /**
   * Writes new pages, in ascending order, to unused parts of the file.
   *
   * @throws {IoError} The disk is full, which does not latch the disk, or a write failed.
   */
  writeNew(pages: Uint32Array): void {
    for (let start = 0; start < pages.length;) {
      if (pages[start]! >>> CHUNK_SHIFT === this.#staged.chunk) this.#staged.drop();
      let end = start + 1;
      while (end < pages.length && pages[end] === pages[end - 1]! + 1) end++;
      this.#unsynced.add(pages[start]! >>> CHUNK_SHIFT);
      this.#writeRun(pages[start]!, end - start, true);
      start = end;
    }
  }

  #writeDirtyPages(first: number): void {
    let start = 0;
    for (let slot = 1; slot <= CHUNK_PAGES; slot++) {
      const dirty = slot < CHUNK_PAGES && this.#isDirty(first + slot);
      if (dirty && start === 0) start = slot;
      if (!dirty && start !== 0) {
        this.#writeRun(first + start, slot - start, false);
        start = 0;
      }
    }
  }

  /** Whether a page must be written. */
  #isDirty(page: PageNumber): boolean {
    const place = this.cache.find(page);
    if (place < 0) return false;
    const frame = this.cache.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    return frame.dirty[slot] !== 0 && kindOf(frame, slot) !== KIND_FREE;
  }

  /** Marks all pages of a chunk clean, free ones too. Call it only after every write succeeded. */
  #markClean(first: number): void {
    const frame = this.cache.chunkFrame(first >>> CHUNK_SHIFT);
    if (frame !== undefined) return this.#markFrameClean(frame);
    for (let slot = 0; slot < CHUNK_PAGES; slot++) {
      const place = this.cache.find(first + slot);
      if (place < 0) continue;
      this.markWritten(this.cache.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
    }
  }

  #markFrameClean({ dirty }: Frame): void {
    for (let slot = 0; slot < CHUNK_PAGES; slot++) this.dirtyPages -= dirty[slot]!;
    dirty.fill(0);
  }

  /** Writes neighbouring pages: directly from a frame if contiguous in it, else gathered. */
  #writeRun(page: PageNumber, count: number, isNew: boolean): void {
    const place = this.cache.find(page);
    if (this.#standsInOrder(page, count, place)) this.#write(place, page, count, isNew);
    else this.#writeGathered(page, count, isNew);
  }

  #standsInOrder(page: PageNumber, count: number, place: Place): boolean {
    for (let i = 1; i < count; i++) {
      if (this.cache.find(page + i) !== place + i) return false;
    }
    return true;
  }

  #write(place: Place, page: PageNumber, count: number, isNew: boolean): void {
    const { u8 } = this.cache.frames[place >>> CHUNK_SHIFT]!;
    this.#put(u8, (place & SLOT_MASK) << PAGE_SHIFT, page, count, isNew);
  }

  #put(bytes: Uint8Array, start: number, page: PageNumber, count: number, isNew: boolean): void {
    const length = count * PAGE_BYTES;
    if (isNew) this.#disk.claim(bytes, start, length, page * PAGE_BYTES);
    else this.#disk.write(bytes, start, length, page * PAGE_BYTES);
    this.writes.pages += count;
    this.writes.calls++;
  }

  #writeGathered(page: PageNumber, count: number, isNew: boolean): void {
    const gathered = this.#gathered ??= new Uint8Array(GATHER_PAGES * PAGE_BYTES);
    for (let done = 0; done < count; done += GATHER_PAGES) {
      const pages = Math.min(GATHER_PAGES, count - done);
      for (let i = 0; i < pages; i++) this.#gather(gathered, page + done + i, i);
      this.#put(gathered, 0, page + done, pages, isNew);
    }
  }

  #gather(into: Uint8Array, page: PageNumber, index: number): void {
    const place = this.cache.find(page);
    const { u8 } = this.cache.frames[place >>> CHUNK_SHIFT]!;
    const start = (place & SLOT_MASK) << PAGE_SHIFT;
    into.set(u8.subarray(start, start + PAGE_BYTES), index * PAGE_BYTES);
  }
}
