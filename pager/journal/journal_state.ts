/**
 * The superblocks, the journal and the checkpoint as plain data, for those who look at a file.
 */

import type { Disk } from "../file/disk.ts";
import { CorruptionError } from "../format/errors.ts";
import { PAGE_BYTES, SUPERBLOCK_PAGE } from "../format/format.ts";
import { decodeSuperblock, type Superblock } from "../format/superblock.ts";

/** One of the two copies of the superblock, as the file has it. */
export interface SuperblockState {
  /** The page where it is. */
  readonly page: number;
  /** What it says, or undefined when it is damaged. */
  readonly content: Readonly<Superblock> | undefined;
  /** The rule that it breaks, or undefined. */
  readonly damage: string | undefined;
}

/** One of the two areas of the journal. */
export interface JournalAreaState {
  /** Its chunks, in order. */
  readonly chunks: readonly number[];
  /** Bytes of batches that a recovery would need. */
  readonly usedBytes: number;
  /** Bytes that it can hold with the chunks it has. */
  readonly capacityBytes: number;
  /** Whether the next batch goes here. */
  readonly isCurrent: boolean;
}

/** Where the journal stands. */
export interface JournalState {
  /** Both areas. */
  readonly areas: readonly JournalAreaState[];
  /** The generation that is being written; its parity tells the area. */
  readonly generation: number;
  /** The number of the last batch. */
  readonly sequence: number;
  /** Syncs completed. */
  readonly epoch: number;
  /** Bytes of records that wait in memory. */
  readonly pendingBytes: number;
  /** The last version that was handed to the system. */
  readonly writtenVersion: number;
  /** The last version that is on the medium. */
  readonly durableVersion: number;
}

/** Where the checkpoint stands. */
export interface CheckpointState {
  /** Whether one has begun and not ended. */
  readonly isRunning: boolean;
  /** Chunks that the running one has still to write. */
  readonly chunksLeft: number;
  /** Chunks with pages that the file does not have yet. */
  readonly dirtyChunks: number;
  /** Checkpoints completed. */
  readonly completed: number;
}

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
