/**
 * The superblocks, the journal and the checkpoint as plain data, for inspection and statistics.
 */

import type { Disk } from "../file/disk.ts";
import { CorruptionError } from "../format/errors.ts";
import { PAGE_BYTES, SUPERBLOCK_PAGE } from "../format/format.ts";
import { decodeSuperblock, type Superblock } from "../format/superblock.ts";

/** One of the two copies of the superblock in the file. */
export interface SuperblockState {
  /** Its page. */
  readonly page: number;
  /** Its fields; undefined when it is damaged. */
  readonly content: Readonly<Superblock> | undefined;
  /** The rule that a damaged copy breaks, or undefined. */
  readonly damage: string | undefined;
}

/** One of the two areas of the journal. */
export interface JournalAreaState {
  /** Its chunks, in order. */
  readonly chunks: readonly number[];
  /** Bytes of the batches that a recovery needs. */
  readonly usedBytes: number;
  /** Bytes that its chunks can hold. */
  readonly capacityBytes: number;
  /** Whether the next batch is written here. */
  readonly isCurrent: boolean;
}

/** The state of the journal. */
export interface JournalState {
  /** Both areas. */
  readonly areas: readonly JournalAreaState[];
  /** The generation of the next batch; its parity selects the area. */
  readonly generation: number;
  /** The sequence of the last batch. */
  readonly sequence: number;
  /** Syncs completed. */
  readonly syncCount: number;
  /** Bytes of records that wait in memory. */
  readonly pendingBytes: number;
  /** The last version handed to the system. */
  readonly writtenVersion: number;
  /** The last version that is on the medium. */
  readonly durableVersion: number;
}

/** The state of the checkpoint. */
export interface CheckpointState {
  /** Whether a checkpoint is running. */
  readonly isRunning: boolean;
  /** Chunks that the running checkpoint still has to write. */
  readonly chunksLeft: number;
  /** Chunks with dirty pages. */
  readonly dirtyChunks: number;
  /** Checkpoints completed. */
  readonly completed: number;
}

/** The work of the journal and the checkpoint so far. */
export interface JournalFigures {
  /** Bytes written to the journal. */
  readonly journalBytesWritten: number;
  /** Batches of commits written to the journal. */
  readonly journalBatches: number;
  /** Times that batches were synced to the medium. */
  readonly journalSyncs: number;
  /** Bytes of the journal that the next checkpoint frees. */
  readonly journalUsedBytes: number;
  /** Checkpoints completed. */
  readonly checkpoints: number;
}

/** The figures of a pager without a journal. */
export const NO_JOURNAL: JournalFigures = {
  journalBytesWritten: 0,
  journalBatches: 0,
  journalSyncs: 0,
  journalUsedBytes: 0,
  checkpoints: 0,
};

/** Both copies of the superblock, in the order of their pages. */
export function superblockStates(disk: Disk): SuperblockState[] {
  return [SUPERBLOCK_PAGE, SUPERBLOCK_PAGE + 1].map((page) => {
    const bytes = new Uint8Array(PAGE_BYTES);
    disk.read(bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
    try {
      return { page, content: decodeSuperblock(bytes, page), damage: undefined };
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      return { page, content: undefined, damage: error.rule };
    }
  });
}
