/**
 * The pager alone: a file of 8 KiB pages in 2 MiB chunks, each page with a 32-byte header outside
 * it, cached, verified, and changed in transactions.
 *
 * ```ts
 * import { openPager } from "./mod.ts";
 *
 * const pager = openPager(":memory:");
 * console.assert(pager.meta.pageCount === 3);
 * pager.close();
 * ```
 *
 * @module
 */

export { assert, AssertionError } from "./assert.ts";
export type { DiskFigures } from "./disk.ts";
export type { Durability } from "./durability.ts";
export {
  ClosedError,
  CorruptionError,
  IoError,
  LimitError,
  LockedError,
  SnapshotTooOldError,
} from "./errors.ts";
export type { File } from "./file.ts";
export { createDiskFile, type DiskFileOptions, openDiskFile, removeDiskFile } from "./disk_file.ts";
export { examine, type Examined } from "./examine.ts";
export { Frame, IMAGE, NO_PAGE, POOL } from "./frame.ts";
/** The format: geometry, kinds, offsets. */
export * as format from "./format.ts";
/** Reading and writing page headers in memory. */
export * as header from "./header.ts";
export { type HeaderFields, headerFields, kindName } from "./header_fields.ts";
export { type LoadFigures, PagerInspection, type Residence } from "./inspection.ts";
export type {
  CheckpointState,
  JournalAreaState,
  JournalState,
  SuperblockState,
} from "./journal_state.ts";
export { MemoryFile } from "./memory_file.ts";
export { Meta, type MetaFields } from "./meta.ts";
export { CACHE_BYTES_MAX, CACHE_BYTES_MIN, type PagerOptions } from "./options.ts";
export type { PageFile } from "./page_file.ts";
export { PageSet } from "./page_set.ts";
export type { Page } from "./page.ts";
export type { PageObserver } from "./observer.ts";
export { openPager, Pager } from "./pager.ts";
export type { JournalFigures, PagerStats } from "./stats.ts";
export type { Superblock } from "./superblock.ts";
export { UnlockedFile } from "./unlocked_file.ts";
export { checkZero } from "./run_check.ts";
export {
  type Report,
  Scrub,
  type ScrubOptions,
  SLOT_LOST,
  SLOT_OTHER,
  SLOT_PAGE_LOST,
  SLOT_SOUND,
} from "./scrub.ts";
export { type PageReader, PageSnapshot } from "./snapshot.ts";
export { corrupt, corruptHeader, type Verifier, type Verifiers } from "./page_check.ts";
export type { RecoveryReport } from "./recovery.ts";
export type { TransactionListener } from "./commit_log.ts";
