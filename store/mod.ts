/**
 * The exports of the store, for `mod.ts`, `inspect.ts` and the command line.
 *
 * @module
 */

export type { Change, Commit } from "./watch/change.ts";
export type { BackupOptions, BackupResult } from "./backup/backup.ts";
export { Archive, archive, type ArchiveOptions, type ArchiveWaitOptions } from "./archive.ts";
export { replicate, type ReplicateOptions } from "./archive.ts";
export type { ArchiveStore } from "./archive/archive_store.ts";
export { folderStore } from "./archive/folder_store.ts";
export type { ArchiveRestoreResult } from "./archive/restore_archive.ts";
export type { ArchiveStats } from "./watch/shipping.ts";
export { openReplica, Replica, type ReplicaOptions, type ReplicaStats } from "./replica.ts";
export type { StreamOpener } from "./stream/stream_source.ts";
export { restore, type RestoreSource } from "./restore.ts";
export { restoreChain, type RestoreResult } from "./backup/restore.ts";
export type { KeyChange } from "./changes/changes.ts";
export type { ChangesOptions } from "./list_changes.ts";
export { Database } from "./database.ts";
export type { DatabaseMaintenance } from "./database_maintenance.ts";
export type { Participant, SharingState } from "../pager/mod.ts";
export type { DatabaseStats, TreeStats } from "./inspect/stats.ts";
export {
  bytes,
  type Codec,
  json,
  type JsonCodec,
  keyBytes,
  type KeyCodec,
  string,
  structured,
  type StructuredCodec,
  tuple,
  type TupleCodec,
  type TuplePart,
  type TuplePrefix,
  u64,
  type ValueCodec,
} from "./codec/mod.ts";
export type { Finding } from "./verify/findings.ts";
export type {
  CacheState,
  FileState,
  FrameState,
  HeaderState,
  Lookup,
  LookupStep,
  PageLoad,
  PageState,
  Trace,
  TracedPage,
  TreeState,
} from "./inspect/inspection_types.ts";
export { Inspector } from "./inspect/inspector.ts";
export { open } from "./open.ts";
export type { OpenOptions, WriteOptions } from "./options.ts";
export type { LoadOptions } from "./write/tree_load.ts";
export type { PrefetchOptions } from "./read/prefetch.ts";
export type { DeleteRangeOptions } from "./write/range_delete_slices.ts";
export type { KeyRange, Range } from "./read/range.ts";
export { headerState, pageState } from "./inspect/page_state.ts";
export { ReadTree } from "./read/read_tree.ts";
export type { Visitor } from "./read/visit.ts";
export type { EntryView, ViewVisitor } from "./read/visit_views.ts";
export {
  salvage,
  type SalvagedTree,
  type SalvageGap,
  type SalvageOptions,
  type SalvageReport,
} from "./verify/salvage.ts";
export type { Sync } from "./read/argument_checks.ts";
export { Snapshot } from "./snapshot.ts";
export { Transaction } from "./transaction.ts";
export type { CompactOptions, CompactReport } from "./maintenance/compact.ts";
export { TransactionTree } from "./write/transaction_tree.ts";
export { Tree } from "./tree.ts";
export type { Progress, ProgressOptions } from "./maintenance/slices.ts";
export {
  verify,
  type VerifyFileOptions,
  type VerifyOptions,
  type VerifyReport,
} from "./verify/verify.ts";
export { type Codecs, namesIn } from "./read/tree_format.ts";
export type { Watcher, WatchOptions } from "./watch/watcher.ts";
