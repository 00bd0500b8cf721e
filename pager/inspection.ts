/**
 * Looking into an open pager without changing it: where pages are, what stands in them, and how
 * far the journal and the checkpoint have come.
 *
 * What is looked at is copied from memory, or read from the file past the cache, so that looking
 * does not move what is looked at. Only `at` of the pager counts as a use.
 */

import type { Cache } from "./cache/cache.ts";
import type { Disk, DiskFigures } from "./file/disk.ts";
import type { CommitPath } from "./journal/commit_path.ts";
import { CHUNK_SHIFT } from "./format/format.ts";
import { type Frame, POOL } from "./format/frame.ts";
import {
  type CheckpointState,
  type JournalState,
  type SuperblockState,
  superblockStates,
} from "./journal/journal_state.ts";
import type { Loader } from "./cache/loader.ts";
import type { Meta } from "./format/meta.ts";
import { checkPage } from "./format/page_check.ts";

/** Where a page is: in a frame that holds its whole chunk, in one of single pages, or in none. */
export type Residence = "chunk" | "page" | "file";

/** What a pager has read, by how much it read at once. */
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

/** Looking into an open pager. Get one by `Pager.inspection`. */
export class PagerInspection {
  readonly #cache: Cache;
  readonly #disk: Disk;
  readonly #loader: Loader;
  readonly #meta: Meta;
  readonly #commitPath: CommitPath | undefined;

  /**
   * Made by `Pager.inspection`.
   *
   * @param parts The parts of the pager.
   * @param commitPath Its journal, if it has one.
   */
  constructor(
    parts: { cache: Cache; disk: Disk; loader: Loader; meta: Meta },
    commitPath: CommitPath | undefined,
  ) {
    this.#cache = parts.cache;
    this.#disk = parts.disk;
    this.#loader = parts.loader;
    this.#meta = parts.meta;
    this.#commitPath = commitPath;
  }

  /** What was asked of the file so far; the figures go on. */
  get diskFigures(): DiskFigures {
    return this.#disk.figures;
  }

  /** What was read so far; the figures go on. */
  get loadFigures(): LoadFigures {
    return this.#loader.reads;
  }

  /** Pages evicted so far. */
  get evictions(): number {
    return this.#cache.evictions;
  }

  /** Where a page is: in memory, used or not, or only in the file. */
  whereIs(page: number): Residence {
    const place = this.#cache.find(page);
    if (place < 0) return "file";
    return this.#cache.frames[place >>> CHUNK_SHIFT]!.chunk === POOL ? "page" : "chunk";
  }

  /**
   * Copies a page and its header to slot 1 of a frame, not verified; what the file does not have
   * is zero.
   */
  copyPage(page: number, into: Frame): void {
    this.#loader.copyPage(page, into, 1);
  }

  /**
   * Checks a page and its header, which stand in a slot, as one that is loaded is checked.
   *
   * @throws {CorruptionError} The first rule that they break.
   */
  checkPage(frame: Frame, slot: number, page: number): void {
    const { seed, verifiers } = this.#loader;
    checkPage(frame, slot, page, seed, this.#meta.version, verifiers);
  }

  /** Both copies of the superblock, as the file has them. */
  superblocks(): SuperblockState[] {
    return superblockStates(this.#disk);
  }

  /** Where the journal stands, or undefined where there is none. */
  journal(): JournalState | undefined {
    return this.#commitPath?.journalState();
  }

  /** Where the checkpoint stands, or undefined where there is none. */
  checkpoint(): CheckpointState | undefined {
    return this.#commitPath?.checkpointState();
  }
}
