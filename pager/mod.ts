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

export { alignedBytes } from "./native/aligned_bytes.ts";
export { assert } from "./format/assert.ts";
export { joinBytes } from "./format/bytes.ts";
export { BuildingFile } from "./file/building_file.ts";
export { CopiedFile, superblockPages } from "./copy/copied_file.ts";
export type { Copies } from "./copy/copies.ts";
export { hasHad, type History } from "./copy/history.ts";
export { CommitApply } from "./copy/commit_apply.ts";
export type { PacketEncoder, PacketHead } from "./copy/commit_packets.ts";
export type { CommitQueue, QueuedCommit } from "./copy/commit_queue.ts";
export { LayeredFile } from "./file/layered_file.ts";
export {
  readReplica,
  type ReplicaState,
  superblockOf,
  writeAsDatabase,
  writeAsReplica,
} from "./copy/replica_superblock.ts";
export { beginCopy, coverChunks, finishCopy } from "./copy/finished_copy.ts";
export type { CopiedChunk, CopyReader, TakePage } from "./copy/copy_reader.ts";
export type { StateSum } from "./copy/state_sum.ts";
export { IncrementApply } from "./copy/increment_apply.ts";
export type { IncrementHead } from "./copy/increment_format.ts";
export {
  IncrementReader,
  type IncrementRecord,
  type IncrementSource,
} from "./copy/increment_reader.ts";
export { IncrementWriter } from "./copy/increment_writer.ts";
export { seedOf } from "./format/checksum.ts";
export { Folder } from "./file/folder.ts";
export { Disk, type DiskFigures, type UnfinishedBytes } from "./file/disk.ts";
export type { Durability } from "./flush/flusher.ts";
export {
  BusyError,
  ClosedError,
  CorruptionError,
  inFile,
  IoError,
  LimitError,
  LockedError,
  SnapshotTooOldError,
} from "./format/errors.ts";
export type { File } from "./file/file.ts";
export {
  type DiskFileOptions,
  openDiskFile,
  openUnnamedDiskFile,
  takeAll,
} from "./file/disk_file.ts";
export { openDamaged, type OpenedDamaged } from "./damage/open_damaged.ts";
export { Frame, IMAGE, NO_PAGE, POOL } from "./format/frame.ts";
/** The format: geometry, kinds, offsets. */
export * as format from "./format/format.ts";
/** Reading and writing page headers in memory. */
export * as header from "./format/header.ts";
export { type HeaderFields, headerFields, kindName } from "./format/header_fields.ts";
export { type LoadFigures, PagerInspection, type Residence } from "./inspection.ts";
export type {
  CheckpointState,
  JournalAreaState,
  JournalState,
  SuperblockState,
} from "./journal/journal_state.ts";
export type { DoorOptions, Io, Memory } from "./native/doors.ts";
export {
  type Advice,
  type FileMapping,
  type Libc,
  type MemoryMapping,
  openLibc,
  whyNoLibc,
} from "./native/libc.ts";
export { MemoryFile } from "./file/memory_file.ts";
export { NewFile, type NewFileOptions } from "./file/new_file.ts";
export { pathOf } from "./file/path.ts";
export { Flights } from "./commit_flights.ts";
export type { Flight } from "./journal/journal.ts";
export { Meta, type MetaFields } from "./format/meta.ts";
export { type PagerOptions } from "./recovery/options.ts";
export type { DamagedPages } from "./damage/damaged_pages.ts";
export { PageSet } from "./cache/page_set.ts";
export type { Page } from "./page.ts";
export type { Prefetch, Prefetches } from "./cache/prefetch.ts";
export type { PageObserver } from "./observer.ts";
export { openPager, openStillFile } from "./open_pager.ts";
export { Pager } from "./pager.ts";
export { ChangedPages } from "./follow/changed_pages.ts";
export type { FollowFigures, Following } from "./follow/follower.ts";
export { MovedError } from "./follow/moved_error.ts";
export type { JournalFigures } from "./journal/journal_state.ts";
export type { PagerStats } from "./stats.ts";
export type { Judge } from "./cache/loader.ts";
export type { Sharing } from "./share/sharing.ts";
export type { FileLock } from "./file/share_files.ts";
export type { SharingState } from "./share/share.ts";
export type { Participant } from "./sidecar/pins.ts";
export type { Superblock } from "./format/superblock.ts";
export { UnlockedPages } from "./damage/unlocked_pages.ts";
export { checkZero } from "./format/run_check.ts";
export {
  type Report,
  Scrub,
  type ScrubOptions,
  SLOT_INTACT,
  SLOT_LOST,
  SLOT_OTHER,
  SLOT_PAGE_LOST,
} from "./damage/scrub.ts";
export type { PageReader } from "./cache/page_reader.ts";
export { PageSnapshot } from "./transaction/snapshot.ts";
export { Kept, type SnapshotState } from "./transaction/snapshot_list.ts";
export { corrupt, corruptHeader, type Verifier, type Verifiers } from "./format/page_check.ts";
export type { RecoveryReport } from "./recovery/recovery.ts";
export type { TransactionListener } from "./journal/commit_hooks.ts";
export type { ChunkNumber, PageNumber, Place, Slot, Version } from "./format/units.ts";
