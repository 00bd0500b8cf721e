/**
 * The pages of a version of a file that several processes write, from the file and the records of
 * the journal alone, for those that read all of them: copies, and lists of changes.
 *
 * It reads under the write lock, a chunk in each hold, so nobody writes in place meanwhile;
 * and only while nothing newer than the version was ever written in place, as the lock file says.
 * Then what the file has, with the records up to the version over it, is the version: also that a
 * page was free, which no sum could tell. The header of a free page is zero; the others have sums.
 */

import type { Disk } from "../file/disk.ts";
import type { RecordIndex } from "../follow/record_index.ts";
import { seedOf } from "../format/checksum.ts";
import { SnapshotTooOldError } from "../format/errors.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  PAGE_SHIFT,
} from "../format/format.ts";
import type { Frame } from "../format/frame.ts";
import { checkHeaderPage, clearInUse, formatHeader, kindOf, setInUse } from "../format/header.ts";
import type { ChunkNumber, PageNumber, Slot, Version } from "../format/units.ts";
import type { Share } from "./share.ts";

/** What a process has committed in memory, and not written. */
export interface PendingCommits {
  /**
   * Writes the commits that wait for the end of the turn, unless a transaction is open. The lock
   * may be given up then.
   */
  writePending(): void;
}

/** The pages of versions of a file that several processes write. */
export class VersionPages {
  readonly #share: Share;
  readonly #pending: PendingCommits;
  readonly #disk: Disk;
  readonly #index: RecordIndex;
  /** The seed of header sums. */
  readonly #seed: number;

  /**
   * Creates the reader of a share.
   *
   * @param share The share in the file.
   * @param pending Writes the commits of this process.
   */
  constructor(share: Share, pending: PendingCommits) {
    this.#share = share;
    this.#pending = pending;
    this.#disk = share.parts.disk;
    this.#index = share.parts.index;
    this.#seed = seedOf(share.parts.superblock.databaseId);
  }

  /**
   * Runs a body under the write lock, at the end of the journal, which has all commits then: what
   * only waits for its write is in no file.
   */
  underLock<T>(body: () => T): T {
    this.#pending.writePending();
    if (this.#share.isHeld) return body();
    this.#share.enter();
    try {
      return body();
    } finally {
      this.#share.leave();
    }
  }

  /**
   * Copies the header page of a chunk as of a version to slot 0 of a frame, under the lock.
   *
   * @throws {SnapshotTooOldError} The file has newer pages in place.
   * @throws {CorruptionError} A header of the chunk breaks a rule.
   * @throws {IoError} The file cannot be read.
   */
  copyHeaderPage(chunk: ChunkNumber, version: Version, frame: Frame): void {
    if (this.#share.placedVersion() > version) {
      throw new SnapshotTooOldError(
        `Cannot read version ${version}: another process has replaced pages of it`,
      );
    }
    const first = chunk * CHUNK_PAGES;
    this.#read(first, 1, frame, 0);
    const { pageCount } = this.#share.position.superblock;
    const hasRecords = this.#index.hasPartOf(chunk);
    for (let slot = 1; slot < CHUNK_PAGES; slot++) {
      // What the file has behind its page count does not count.
      if (first + slot >= pageCount) formatHeader(frame, slot, KIND_FREE, 0, 0);
      if (hasRecords) this.#index.copyHeader(first + slot, frame, slot, version);
      if (kindOf(frame, slot) === KIND_FREE) clearInUse(frame, 0, slot);
      else setInUse(frame, 0, slot);
    }
    setInUse(frame, 0, 0);
    // A page whose header is damaged must not count as free, or as one of a later version.
    checkHeaderPage(frame, 0, chunk, PAGE_COUNT_MAX, this.#seed);
  }

  /**
   * Copies pages side by side as of a version to their slots of a frame, with their headers, after
   * `copyHeaderPage`, in the same hold of the lock.
   */
  copyPages(page: PageNumber, count: number, version: Version, frame: Frame): void {
    const slot = page % CHUNK_PAGES;
    this.#read(page, count, frame, slot);
    if (!this.#index.hasPartOf(page >>> CHUNK_SHIFT)) return;
    for (let i = 0; i < count; i++) this.#index.apply(page + i, frame, slot + i, version);
  }

  /** Reads pages; bytes past the end of the file are zero. */
  #read(page: PageNumber, count: number, frame: Frame, slot: Slot): void {
    const start = slot << PAGE_SHIFT;
    const end = (slot + count) << PAGE_SHIFT;
    const done = this.#disk.read(frame.u8, start, end - start, page * PAGE_BYTES);
    frame.u8.fill(0, start + done, end);
  }
}
