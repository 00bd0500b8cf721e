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
 * @module
 */

export {
  type CheckpointState,
  ClosedError,
  CorruptionError,
  type DiskFigures,
  type Durability,
  type HeaderFields,
  IoError,
  type JournalAreaState,
  type JournalState,
  LimitError,
  type LoadFigures,
  LockedError,
  type RecoveryReport,
  type Residence,
  SnapshotTooOldError,
  type Superblock,
  type SuperblockState,
} from "./pager/mod.ts";
export type {
  Cell,
  Census,
  ChunkCensus,
  LookupTraceStep,
  PageContents,
  Probe,
  Region,
} from "./btree/mod.ts";
export {
  bytes,
  type CacheState,
  type Change,
  type Codec,
  type Codecs,
  type Commit,
  Database,
  type DatabaseStats,
  type FileState,
  type Finding,
  type FrameState,
  type HeaderState,
  Inspector,
  json,
  type JsonCodec,
  keyBytes,
  type KeyCodec,
  type KeyRange,
  type Lookup,
  type LookupStep,
  open,
  type OpenOptions,
  type PageLoad,
  type PageState,
  type Progress,
  type ProgressOptions,
  type Range,
  ReadTree,
  salvage,
  type SalvagedTree,
  type SalvageGap,
  type SalvageOptions,
  type SalvageReport,
  Snapshot,
  string,
  structured,
  type StructuredCodec,
  type Sync,
  type Trace,
  type TracedPage,
  Transaction,
  TransactionTree,
  Tree,
  type TreeState,
  type TreeStats,
  tuple,
  type TupleCodec,
  type TuplePart,
  type TuplePrefix,
  u64,
  type ValueCodec,
  verify,
  type VerifyFileOptions,
  type VerifyOptions,
  type VerifyReport,
  type Watcher,
  type WatchOptions,
  type WriteOptions,
} from "./store/mod.ts";
