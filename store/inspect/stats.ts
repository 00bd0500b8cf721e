/**
 * Statistics of a database and of a tree: the types that `stats()` returns, and the census of one
 * tree from which its figures come.
 */

import { type BTree, census } from "../../btree/mod.ts";
import { format, type Pager, type RecoveryReport, type SharingState } from "../../pager/mod.ts";
import type { ArchiveStats } from "../watch/shipping.ts";

const { KIND_BRANCH, KIND_LEAF, KIND_RUN, KIND_RUN_CONTINUED, KIND_SHARED } = format;

/** Statistics of a database. Counters begin at 0 when it is opened. */
export interface DatabaseStats {
  /** The last committed version. */
  readonly version: number;
  /** The last version on the medium. */
  readonly durableVersion: number;
  /** The report of the recovery at opening; undefined if the file had been closed. */
  readonly recovery: RecoveryReport | undefined;
  /** Pages of the file, of 8192 bytes. */
  readonly pageCount: number;
  /** The size of the file on disk, in bytes. */
  readonly fileBytes: number;
  /** Memory in frames, in bytes. */
  readonly cacheUsedBytes: number;
  /** The peak of `cacheUsedBytes`. */
  readonly cachePeakBytes: number;
  /** The limit of `cacheUsedBytes`; exceeded only while a transaction requires it. */
  readonly cacheLimitBytes: number;
  /** Bytes of the file that are mapped, with `io: "map"`: the cache of the system has them. */
  readonly mappedBytes: number;
  /** Whole chunks read. */
  readonly chunkReads: number;
  /** Extents read. */
  readonly extentReads: number;
  /** Single pages read. */
  readonly pageReads: number;
  /** Pages evicted. */
  readonly evictions: number;
  /** Pages written, header pages included. */
  readonly pageWrites: number;
  /** Calls that wrote them. */
  readonly writeCalls: number;
  /** Chunks with pages not yet written to the file. */
  readonly dirtyChunks: number;
  /** Live snapshots, those of iterators included. */
  readonly snapshots: number;
  /** The age of the oldest snapshot, in milliseconds; 0 without snapshots. */
  readonly snapshotAgeMs: number;
  /** Old pages kept for them, in bytes. */
  readonly snapshotBytes: number;
  /** Bytes written to the journal. */
  readonly journalBytesWritten: number;
  /** Batches of commits written to the journal. */
  readonly journalBatches: number;
  /** Number of times that commits were made durable. */
  readonly journalSyncs: number;
  /** Bytes of the journal that the next checkpoint frees. */
  readonly journalUsedBytes: number;
  /** Checkpoints completed. */
  readonly checkpoints: number;
  /** The processes that share the file; undefined unless it was opened with `shared`. */
  readonly sharing: SharingState | undefined;
  /** The state of the last archive; undefined without one. */
  readonly archive: ArchiveStats | undefined;
}

/** The size of a tree and its pages by kind. A page has 8192 bytes. */
export interface TreeStats {
  /** Entries. */
  readonly entries: number;
  /** Pages on the path from the root to an entry; 0 = the tree does not exist. */
  readonly levels: number;
  /** Pages that hold entries. */
  readonly leafPages: number;
  /** Pages of branches above the leaves. */
  readonly branchPages: number;
  /** Pages that values too large for a leaf share. */
  readonly sharedPages: number;
  /** Pages of values too large for a shared page. */
  readonly runPages: number;
  /** Bytes in use in all these pages. */
  readonly usedBytes: number;
}

/** The statistics of a tree that does not exist. */
export const NO_TREE: TreeStats = {
  entries: 0,
  levels: 0,
  leafPages: 0,
  branchPages: 0,
  sharedPages: 0,
  runPages: 0,
  usedBytes: 0,
};

/** The statistics of a tree. */
export function statsOf(pager: Pager, tree: BTree): TreeStats {
  const { pagesOfKind, usedBytesOfKind, entriesOfKind } = census(pager, tree.id);
  return {
    entries: entriesOfKind[KIND_LEAF]!,
    levels: tree.levels(),
    leafPages: pagesOfKind[KIND_LEAF]!,
    branchPages: pagesOfKind[KIND_BRANCH]!,
    sharedPages: pagesOfKind[KIND_SHARED]!,
    runPages: pagesOfKind[KIND_RUN]! + pagesOfKind[KIND_RUN_CONTINUED]!,
    usedBytes: usedBytesOfKind[KIND_LEAF]! + usedBytesOfKind[KIND_BRANCH]! +
      usedBytesOfKind[KIND_SHARED]! + usedBytesOfKind[KIND_RUN]!,
  };
}
