/**
 * The inspection of an open pager: the residence and bytes of pages, the state of the journal and
 * the checkpoint, and the figures of all parts.
 *
 * It copies pages from memory, or reads them from the file past the cache, so it neither loads nor
 * evicts a page. Only `Pager.at` counts as a use.
 */

import type { Cache } from "./cache/cache.ts";
import type { Loader } from "./cache/loader.ts";
import type { Writeback } from "./cache/writeback.ts";
import { type Report, Scrub, type ScrubOptions } from "./damage/scrub.ts";
import type { Disk, DiskFigures } from "./file/disk.ts";
import type { PagerFlusher } from "./flush/pager_flusher.ts";
import { CHUNK_BYTES, CHUNK_SHIFT } from "./format/format.ts";
import { type Frame, POOL } from "./format/frame.ts";
import type { Meta } from "./format/meta.ts";
import { checkPage } from "./format/page_check.ts";
import type { ChunkNumber, PageNumber, Slot } from "./format/units.ts";
import {
  type CheckpointState,
  type JournalState,
  NO_JOURNAL,
  type SuperblockState,
  superblockStates,
} from "./journal/journal_state.ts";
import type { VersionPages } from "./share/version_pages.ts";
import type { PagerStats } from "./stats.ts";
import type { VersionStore } from "./transaction/version_store.ts";

/** Where a page is: in a chunk frame, in a pool frame, or only in the file. */
export type Residence = "chunk" | "page" | "file";

/** The reads of a pager, by their size. */
export interface LoadFigures {
  /** Whole chunks. */
  readonly chunks: number;
  /** Extents. */
  readonly extents: number;
  /** Single pages. */
  readonly pages: number;
  /** Headers without their pages. */
  readonly headers: number;
}

/** The inspection of an open pager; `Pager.inspection` creates one. */
export class PagerInspection {
  readonly #cache: Cache;
  readonly #disk: Disk;
  readonly #loader: Loader;
  readonly #meta: Meta;
  readonly #writeback: Writeback;
  readonly #versions: VersionStore;
  readonly #flusher: PagerFlusher | undefined;
  readonly #versionPages: VersionPages | undefined;

  /**
   * Use `Pager.inspection`.
   *
   * @param parts The parts of the pager.
   * @param flusher Takes its commits to the medium, if it has a journal.
   * @param versionPages Pages of earlier versions of a file that processes share, if they share it.
   */
  constructor(
    parts: {
      cache: Cache;
      disk: Disk;
      loader: Loader;
      meta: Meta;
      versions: VersionStore;
      writeback: Writeback;
    },
    flusher: PagerFlusher | undefined,
    versionPages?: VersionPages,
  ) {
    this.#cache = parts.cache;
    this.#disk = parts.disk;
    this.#loader = parts.loader;
    this.#meta = parts.meta;
    this.#writeback = parts.writeback;
    this.#versions = parts.versions;
    this.#flusher = flusher;
    this.#versionPages = versionPages;
  }

  /** The calls to the file so far; the object is live. */
  get diskFigures(): DiskFigures {
    return this.#disk.figures;
  }

  /** The reads so far; the object is live. */
  get loadFigures(): LoadFigures {
    return this.#loader.reads;
  }

  /** Pages evicted so far. */
  get evictions(): number {
    return this.#cache.evictions;
  }

  /** Visits so far of images and held pages, by commits and by the ends of snapshots. */
  get snapshotVisits(): number {
    return this.#versions.snapshots.visits;
  }

  /** Where a page is, whether it was used or not. */
  whereIs(page: PageNumber): Residence {
    const place = this.#cache.find(page);
    if (place < 0) return "file";
    return this.#cache.frames[place >>> CHUNK_SHIFT]!.chunk === POOL ? "page" : "chunk";
  }

  /**
   * Copies a page and its header to slot 1 of a frame, not verified; bytes behind the end of the
   * file are zero.
   */
  copyPage(page: PageNumber, into: Frame): void {
    this.#loader.copyPage(page, into, 1);
  }

  /**
   * Checks the page and header in a slot as a load does.
   *
   * @throws {CorruptionError} A rule is broken; it names the first one.
   */
  checkPage(frame: Frame, slot: Slot, page: PageNumber): void {
    const { seed, verifiers } = this.#loader;
    checkPage(frame, slot, page, seed, this.#meta.version, verifiers);
  }

  /** Both copies of the superblock in the file. */
  superblocks(): SuperblockState[] {
    return superblockStates(this.#disk);
  }

  /** The state of the journal; undefined without one. */
  journal(): JournalState | undefined {
    return this.#flusher?.journalState();
  }

  /** The state of the checkpoint; undefined without a journal. */
  checkpoint(): CheckpointState | undefined {
    return this.#flusher?.checkpointState();
  }

  /** The figures of the pager. */
  stats(): PagerStats {
    const { chunks, extents, pages } = this.#loader.reads;
    const { oldest, snapshotCount } = this.#versions.snapshots;
    return {
      cacheUsedBytes: this.#cache.ownFrames * CHUNK_BYTES,
      cachePeakBytes: this.#cache.peakFrames * CHUNK_BYTES,
      cacheLimitBytes: this.#cache.limit * CHUNK_BYTES,
      mappedBytes: this.#cache.windowCount * CHUNK_BYTES,
      chunkReads: chunks,
      extentReads: extents,
      pageReads: pages,
      evictions: this.#cache.evictions,
      pageWrites: this.#writeback.writes.pages,
      writeCalls: this.#writeback.writes.calls,
      dirtyChunks: this.#writeback.chunkCount,
      ...(this.#flusher?.figures() ?? NO_JOURNAL),
      snapshots: snapshotCount,
      snapshotAgeMs: oldest === undefined ? 0 : performance.now() - oldest.since,
      snapshotBytes: this.#versions.bytes,
    };
  }

  /** Reads the whole file a chunk at a time, and reports each broken rule; see `Scrub`. */
  scrub(report: Report, options?: ScrubOptions): Scrub {
    const { seed, verifiers } = this.#loader;
    const { dirtyChunks } = this.#writeback;
    const checkReadable = (page: PageNumber) => this.#loader.checkReadable(page);
    const isMoving = (chunk: ChunkNumber) => this.#flusher?.isMoving(chunk) ?? false;
    const memory = { cache: this.#cache, dirtyChunks, checkReadable, isMoving };
    const versionPages = this.#versionPages;
    const alone = versionPages && (<T>(read: () => T) => versionPages.underLock(read));
    const source = { disk: this.#disk, meta: this.#meta, seed, verifiers, memory, alone };
    return new Scrub(source, report, options);
  }
}
