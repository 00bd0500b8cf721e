/**
 * Statistics of a database and of a tree: the types that `stats()` returns, and the census of one
 * tree from which its figures come.
 */

import { type BTree, census } from "../btree/mod.ts";
import { format, type Pager, type RecoveryReport } from "../pager/mod.ts";

const { KIND_BRANCH, KIND_LEAF, KIND_RUN, KIND_RUN_CONTINUED } = format;

/** What a database has done and holds. */
export interface DatabaseStats {
  /** The last committed version. */
  readonly version: number;
  /** The last version that is on the medium. */
  readonly durableVersion: number;
  /** What recovery did when the file was opened, if it had not been closed. */
  readonly recovery: RecoveryReport | undefined;
  /** Pages of the file, of 8192 bytes. */
  readonly pageCount: number;
  /** The size of the file on disk, in bytes. */
  readonly fileBytes: number;
  /** Memory in frames, in bytes. */
  readonly cacheBytes: number;
  /** The most it ever was, in bytes. */
  readonly cacheBytesPeak: number;
  /** Its bound, in bytes; passed only while a transaction forces it. */
  readonly cacheBytesLimit: number;
  /** Whole chunks read. */
  readonly chunkReads: number;
  /** Extents read. */
  readonly extentReads: number;
  /** Single pages read. */
  readonly pageReads: number;
  /** Pages evicted. */
  readonly evictions: number;
  /** Pages written, header pages among them. */
  readonly pageWrites: number;
  /** Calls that wrote them. */
  readonly writeCalls: number;
  /** Chunks with pages that the file does not have yet. */
  readonly dirtyChunks: number;
  /** Live snapshots, those of iterators among them. */
  readonly snapshots: number;
  /** The age of the oldest one, in milliseconds; 0 without any. */
  readonly snapshotAgeMs: number;
  /** Old pages kept for them, in bytes. */
  readonly snapshotBytes: number;
  /** Bytes written to the journal. */
  readonly journalWrites: number;
  /** Batches of commits written to the journal. */
  readonly journalBatches: number;
  /** How often commits were taken to the medium. */
  readonly journalSyncs: number;
  /** Bytes of the journal that the next checkpoint makes free. */
  readonly journalBytes: number;
  /** Checkpoints completed. */
  readonly checkpoints: number;
}

/** How large a tree is and of what it is made. Pages are of 8192 bytes. */
export interface TreeStats {
  /** Entries. */
  readonly entries: number;
  /** Pages on the way from the root to an entry; 0 = there is no tree. */
  readonly levels: number;
  /** Pages that hold entries. */
  readonly leafPages: number;
  /** Pages that lead there. */
  readonly branchPages: number;
  /** Pages of values that are too large for a leaf. */
  readonly runPages: number;
  /** Bytes in use of all these pages. */
  readonly usedBytes: number;
}

/** The figures of a tree that does not exist. */
export const NO_TREE: TreeStats = {
  entries: 0,
  levels: 0,
  leafPages: 0,
  branchPages: 0,
  runPages: 0,
  usedBytes: 0,
};

/** The figures of a tree. */
export function statsOf(pager: Pager, tree: BTree): TreeStats {
  const { pagesOfKind, usedBytesOfKind, entriesOfKind } = census(pager, tree.id);
  return {
    entries: entriesOfKind[KIND_LEAF]!,
    levels: tree.levels(),
    leafPages: pagesOfKind[KIND_LEAF]!,
    branchPages: pagesOfKind[KIND_BRANCH]!,
    runPages: pagesOfKind[KIND_RUN]! + pagesOfKind[KIND_RUN_CONTINUED]!,
    usedBytes: usedBytesOfKind[KIND_LEAF]! + usedBytesOfKind[KIND_BRANCH]! +
      usedBytesOfKind[KIND_RUN]!,
  };
}
