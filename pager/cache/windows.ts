/**
 * Windows: chunk frames that show their chunk of the file instead of having a copy of it.
 *
 * A chunk that is read becomes a window, unless it is at the end of the file. Its pages are
 * verified at their first use, as in any frame. A page that changes gets a private copy from the
 * system. The copies of a chunk are dropped once a checkpoint has written and synced it, and chunks
 * that were created in memory become windows then. So the memory of the process holds what is not
 * in the file yet, and the system's cache the rest.
 *
 * Why a window may show whatever is in the file at the moment:
 * 1. A page that is untouched and clean has the bytes that the file has. A cache may evict such a
 *    page and read it again at any time, so no write to the file gives it other bytes while it is
 *    in use: such writes are for free pages, or have the bytes that it has.
 * 2. A touched or dirty page has copies of all parts that differ from the file. A write of an older
 *    state of it (`StagedChunk`) changes in the file only parts that have changed in memory since,
 *    and so have copies.
 * 3. Bytes whose last write may be lost are never seen through a window: a chunk becomes one, and
 *    loses its copies, only while no write of it waits for a sync. After a failed one the copies
 *    stay.
 * 4. A chunk behind the page count is clean without a write, until the file is cut there. If it was
 *    not written, it keeps its copies.
 * 5. A window is inside the file. Before the file is cut, the windows behind its new end go, or
 *    become memory.
 *
 * The number of windows is bounded, because a system bounds the mappings of a process. The chunks
 * beyond are read page by page, as in a full cache. Other mappings of the process count too, so the
 * system may refuse a window before: then its chunk is copied, and there is no further window until
 * one has gone.
 */

import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { IoError } from "../format/errors.ts";
import { CHUNK_BYTES, CHUNK_PAGES, PAGE_SHIFT } from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import type { MetaFields } from "../format/meta.ts";
import type { ChunkNumber } from "../format/units.ts";
import type { WindowMemory } from "../native/window_memory.ts";
import type { Cache } from "./cache.ts";

/** The most windows: half of the mappings that Linux allows a process by default. */
export const WINDOWS_MAX = 32_768;

/** The chunk frames that show the file. */
export class Windows {
  /** The most pages that may wait for a checkpoint: with their copies they fill the cache. */
  readonly dirtyPagesMax: number;

  readonly #disk: Disk;
  readonly #cache: Cache;
  readonly #memory: WindowMemory;
  readonly #meta: MetaFields;
  readonly #unsynced: UnsyncedChunks;
  readonly #dirtyChunks: ReadonlyMap<ChunkNumber, unknown>;
  /** The chunks that were touched since their copies were dropped. */
  readonly #touched = new Set<ChunkNumber>();
  /** The file has at least these bytes: only `leave` announces that it becomes shorter. */
  #fileBytes = 0;
  /** Those that are clean and were not written: the file has their pages as they were before. */
  readonly #unwritten = new Set<ChunkNumber>();
  /** Whether the system refused the last window. */
  #isRefused = false;

  /**
   * Begins without a window.
   *
   * @param parts The file and its page count, the cache and its memory, and the chunks whose writes
   * are to come, or wait for a sync.
   */
  constructor(
    parts: {
      disk: Disk;
      cache: Cache;
      memory: WindowMemory;
      meta: MetaFields;
      unsynced: UnsyncedChunks;
      dirtyChunks: ReadonlyMap<ChunkNumber, unknown>;
    },
  ) {
    this.#disk = parts.disk;
    this.#cache = parts.cache;
    this.#memory = parts.memory;
    this.#meta = parts.meta;
    this.#unsynced = parts.unsynced;
    this.#dirtyChunks = parts.dirtyChunks;
    this.dirtyPagesMax = parts.cache.limit * CHUNK_PAGES;
  }

  /** Whether a chunk that is not in a chunk frame can become a window, if its pages may move. */
  mayShow(chunk: ChunkNumber): boolean {
    if ((chunk + 1) * CHUNK_PAGES > this.#meta.pageCount) return false;
    if (this.#unsynced.has(chunk) || this.#unwritten.has(chunk)) return false;
    if (!this.#disk.showsBytes || this.#isRefused) return false;
    if (this.#cache.windowCount >= WINDOWS_MAX) return false;
    const end = (chunk + 1) * CHUNK_BYTES;
    if (this.#fileBytes < end) this.#fileBytes = this.#disk.size();
    return this.#fileBytes >= end;
  }

  /**
   * The window of a chunk that `mayShow` named, or its frame with a copy if the system refuses one;
   * undefined if a page of it must stay where it is.
   *
   * @throws {IoError} The chunk cannot be read.
   */
  show(chunk: ChunkNumber): Frame | undefined {
    if (!this.#cache.leavePool(chunk)) return undefined;
    const frame = this.#cache.addChunkFrame(chunk);
    this.#show(frame);
    return frame;
  }

  /** Makes a chunk frame a window; if the system refuses, it has a copy of the file's bytes. */
  #show(frame: Frame): void {
    const position = frame.chunk * CHUNK_BYTES;
    try {
      this.#disk.show(frame.u8, position);
      return this.#cache.setWindow(frame, true);
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
    }
    this.#isRefused = true;
    this.#memory.renew(frame.u8);
    try {
      this.#disk.read(frame.u8, 0, CHUNK_BYTES, position);
    } catch (error) {
      this.#cache.removeChunkFrame(frame);
      throw error;
    }
  }

  /** Must be called when a page of a chunk is about to change. */
  touch(chunk: ChunkNumber): void {
    this.#touched.add(chunk);
  }

  /** Must be called when the pages of a chunk, or a copy of them, were written. */
  noteWritten(chunk: ChunkNumber): void {
    this.#unwritten.delete(chunk);
  }

  /** Must be called when a chunk becomes clean without a write. */
  noteUnwritten(chunk: ChunkNumber): void {
    this.#unwritten.add(chunk);
  }

  /** Drops the copies of all pages that are in the file and synced. */
  settle(): void {
    for (const chunk of this.#touched) this.settleChunk(chunk);
  }

  /** Drops the copies of the pages of a chunk that are in the file and synced. */
  settleChunk(chunk: ChunkNumber): void {
    if (this.#unsynced.has(chunk) || this.#unwritten.has(chunk)) return;
    const frame = this.#cache.chunkFrame(chunk);
    // A transaction that touches a page of a chunk touches its header page.
    if (frame === undefined || (frame.scopes[0] === 0 && !this.#dirtyChunks.has(chunk))) {
      this.#touched.delete(chunk);
      if (frame?.isWindow) this.#memory.dropCopies(frame.u8);
      else if (frame !== undefined && this.mayShow(chunk)) this.#show(frame);
    } else if (frame.isWindow) {
      this.#dropCleanCopies(frame);
    }
  }

  /** Drops the copies of the pages of a window that are neither dirty nor touched. */
  #dropCleanCopies(frame: Frame): void {
    for (let start = 0; start < CHUNK_PAGES; start++) {
      let end = start;
      while (end < CHUNK_PAGES && frame.dirty[end] === 0 && frame.scopes[end] === 0) end++;
      if (end === start) continue;
      this.#memory.dropCopies(frame.u8.subarray(start << PAGE_SHIFT, end << PAGE_SHIFT));
      start = end;
    }
  }

  /** Must be called before the file is cut, between transactions. */
  leave(bytes: number): void {
    this.#fileBytes = Math.min(this.#fileBytes, bytes);
    for (const frame of this.#cache.frames.toReversed()) {
      if (!frame.isWindow || (frame.chunk + 1) * CHUNK_BYTES <= bytes) continue;
      const isBehind = frame.chunk * CHUNK_BYTES >= bytes;
      if (isBehind && !this.#dirtyChunks.has(frame.chunk)) {
        this.#unwritten.delete(frame.chunk);
        this.#memory.endWindow(frame.u8);
        this.#isRefused = false;
        this.#cache.removeChunkFrame(frame);
      } else {
        this.#keep(frame);
      }
    }
  }

  /** Makes a window memory of the process with the same bytes. */
  #keep(frame: Frame): void {
    const bytes = frame.u8.slice();
    this.#memory.endWindow(frame.u8);
    this.#isRefused = false;
    frame.u8.set(bytes);
    this.#cache.setWindow(frame, false);
    this.touch(frame.chunk);
  }
}
