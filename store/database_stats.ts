/**
 * The figures of a database: those of its pager, and where it stands.
 */

import type { RecoveryReport } from "../pager/mod.ts";

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
