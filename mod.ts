/**
 * Quire: one ordered key-value file, written in TypeScript.
 *
 * ```ts
 * import { open } from "./mod.ts";
 *
 * using db = open(":memory:");
 * const cities = db.tree("cities");
 *
 * await db.write((tx) => {
 *   const inside = tx.tree(cities);
 *   inside.set("ES/Madrid", new TextEncoder().encode("3 300 000"));
 *   inside.set("PT/Lisboa", new TextEncoder().encode("545 000"));
 * });
 *
 * for (const [key, value] of cities.entries({ prefix: "PT/" })) {
 *   const text = new TextDecoder();
 *   console.assert(text.decode(key) === "PT/Lisboa");
 *   console.assert(text.decode(value) === "545 000");
 * }
 * ```
 *
 * `inspect.ts` beside this file exports the inspector and its types.
 *
 * @module
 */

export { Database, type DatabaseMaintenance, open, type OpenOptions } from "./store/mod.ts";
export { Transaction, TransactionTree, type WriteOptions } from "./store/mod.ts";
export { ReadTree, Snapshot, Tree } from "./store/mod.ts";
export type { KeyRange, PrefetchOptions, Range, Sync, Visitor } from "./store/mod.ts";
export type { EntryView, ViewVisitor } from "./store/mod.ts";
export type { DeleteRangeOptions, LoadOptions } from "./store/mod.ts";
export type { Change, Commit, Watcher, WatchOptions } from "./store/mod.ts";
export { bytes, json, keyBytes, string, structured, tuple, u64 } from "./store/mod.ts";
export type { Codec, Codecs, KeyCodec, ValueCodec } from "./store/mod.ts";
export type { JsonCodec, StructuredCodec } from "./store/mod.ts";
export type { TupleCodec, TuplePart, TuplePrefix } from "./store/mod.ts";
export type { DatabaseStats, Participant, SharingState, TreeStats } from "./store/mod.ts";
export type { CompactOptions, CompactReport, Progress, ProgressOptions } from "./store/mod.ts";
export type { BackupOptions, BackupResult, ChangesOptions, KeyChange } from "./store/mod.ts";
export { restore, type RestoreResult, type RestoreSource } from "./store/mod.ts";
export { type Archive, archive, type ArchiveRestoreResult, folderStore } from "./store/mod.ts";
export type { ArchiveOptions, ArchiveStats, ArchiveStore } from "./store/mod.ts";
export { type ArchiveWaitOptions, openReplica, type Replica, replicate } from "./store/mod.ts";
export type { ReplicaOptions, ReplicaStats, ReplicateOptions, StreamOpener } from "./store/mod.ts";
export { type Finding, verify, type VerifyFileOptions, type VerifyOptions } from "./store/mod.ts";
export { salvage, type SalvagedTree, type SalvageGap, type SalvageOptions } from "./store/mod.ts";
export type { SalvageReport, VerifyReport } from "./store/mod.ts";
export { ClosedError, CorruptionError, IoError, LimitError, LockedError } from "./pager/mod.ts";
export {
  BusyError,
  type Durability,
  type RecoveryReport,
  SnapshotTooOldError,
} from "./pager/mod.ts";
