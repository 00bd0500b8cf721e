/**
 * The figures of a pager: what it has done and what it holds.
 */

/** What the journal and the checkpoint have done. */
export interface JournalFigures {
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

/** The figures of a pager without a journal. */
export const NO_JOURNAL: JournalFigures = {
  journalWrites: 0,
  journalBatches: 0,
  journalSyncs: 0,
  journalBytes: 0,
  checkpoints: 0,
};

/** What a pager has done and holds. */
export interface PagerStats extends JournalFigures {
  /** Memory in frames, in bytes: now, at its highest, and the bound. */
  readonly cacheBytes: number;
  /** The most it ever was. */
  readonly cacheBytesPeak: number;
  /** The bound, passed only while a transaction forces it. */
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
}
