/**
 * The figures of a pager: its work so far, and the memory and snapshots it holds.
 */

/** The work of the journal and the checkpoint so far. */
export interface JournalFigures {
  /** Bytes written to the journal. */
  readonly journalWrites: number;
  /** Batches of commits written to the journal. */
  readonly journalBatches: number;
  /** Times that batches were synced to the medium. */
  readonly journalSyncs: number;
  /** Bytes of the journal that the next checkpoint frees. */
  readonly journalBytes: number;
  /** Checkpoints completed. */
  readonly checkpoints: number;
}

/** The figures of a pager without a journal. */
export const NO_JOURNAL: JournalFigures = {
  journalWrites: 0,
  journalBatches: 0,
  journalSyncs: 0,
  journalBytes: 0,
  checkpoints: 0,
};

/** The figures of a pager. */
export interface PagerStats extends JournalFigures {
  /** Memory in frames, in bytes. */
  readonly cacheBytes: number;
  /** The most bytes that frames have taken. */
  readonly cacheBytesPeak: number;
  /** The bound on `cacheBytes`, exceeded only while a transaction needs more. */
  readonly cacheBytesLimit: number;
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
