/**
 * Opens a file up to its current superblock: creates a database in an empty file, recovers a file
 * that the last session did not close, and repairs a damaged copy of the superblock.
 */

import type { Disk } from "../file/disk.ts";
import type { OverlayFile } from "../file/overlay_file.ts";
import { CorruptionError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import type { Superblock } from "../format/superblock.ts";
import {
  createDatabase,
  examineSuperblocks,
  isUnfinishedCreation,
  repairSuperblocks,
} from "../journal/superblocks.ts";
import type { ContinuedState } from "./continuation.ts";
import { Recovery, type RecoveryReport } from "./recovery.ts";

/** The result of opening a file. */
export interface Opened {
  /** The file's current superblock. */
  superblock: Superblock;
  /** The summary of the recovery, if one was needed. */
  report: RecoveryReport | undefined;
  /** How to go on, if the recovery left chunks to be replayed later. */
  continued?: ContinuedState | undefined;
}

/** Options for opening a file. */
export interface OpenDatabaseOptions {
  /** Create a database in an empty file, or in one whose creation was interrupted. */
  readonly create: boolean;
  /**
   * The overlay under the disk, if the file must not change. Then nothing is created or repaired:
   * if only one copy of the superblock is intact, the other stays damaged.
   */
  readonly overlay: OverlayFile | undefined;
  /** Whether a sector may hold any bytes after an interrupted write. */
  readonly protect: boolean;
  /** The most records that a recovery replays at once; see `RecoveryOptions`. */
  readonly recordsMax: number;
}

/**
 * Returns the file's current superblock, after any creation, recovery or repair that is needed.
 *
 * @throws {CorruptionError} The file is not a Quire database, or is damaged.
 * @throws {IoError} The system refused.
 */
export function openDatabase(disk: Disk, options: OpenDatabaseOptions): Opened {
  const { overlay, protect, recordsMax } = options;
  const create = options.create && overlay === undefined;
  if (create && disk.size() === 0) return { superblock: createDatabase(disk), report: undefined };
  const { current, isInBothCopies, damage } = examineSuperblocks(disk);
  if (current === undefined) {
    if (!create || !isUnfinishedCreation(disk)) throw damage[0]!;
    return { superblock: createDatabase(disk), report: undefined };
  }
  if (current.open) {
    return new Recovery(disk, current, { protect, tolerant: false, overlay, recordsMax }).run();
  }
  checkLength(disk, current);
  if (overlay === undefined && !isInBothCopies) repairSuperblocks(disk, current, protect);
  return { superblock: current, report: undefined };
}

function checkLength(disk: Disk, superblock: Superblock): void {
  const bytes = disk.size();
  if (bytes >= superblock.pageCount * PAGE_BYTES) return;
  const rule = `the file has ${bytes} bytes, too few for its ${superblock.pageCount} pages`;
  throw new CorruptionError(Math.floor(bytes / PAGE_BYTES), bytes, rule);
}
