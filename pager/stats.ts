/**
 * The figures of a pager: its work so far, and the memory and snapshots it holds.
 */

import type { JournalFigures } from "./journal/journal_state.ts";

/** The figures of a pager. */
export interface PagerStats extends JournalFigures {
  /** Memory in frames, in bytes. */
  readonly cacheUsedBytes: number;
  /** The most bytes that frames have taken. */
  readonly cachePeakBytes: number;
  /** The bound on `cacheUsedBytes`, exceeded only while a transaction needs more. */
  readonly cacheLimitBytes: number;
  /** Bytes of the file that windows of it show, with `io: "map"`. */
  readonly mappedBytes: number;
  /** Whole chunks read. */
  readonly chunkReads: number;
  /** Extents read. */
  readonly extentReads: number;
  /** Single pages read. */
  readonly pageReads: number;
  /** Pages evicted. */
  readonly evictions: number;
  /** Pages written, including header pages. */
  readonly pageWrites: number;
  /** Calls that wrote pages. */
  readonly writeCalls: number;
  /** Chunks with dirty pages. */
  readonly dirtyChunks: number;
  /** Live snapshots, including those of iterators. */
  readonly snapshots: number;
  /** The age of the oldest snapshot in milliseconds; 0 without one. */
  readonly snapshotAgeMs: number;
  /** Images kept for snapshots, in bytes. */
  readonly snapshotBytes: number;
}
