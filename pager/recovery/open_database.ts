/**
 * From a file to its current superblock: creation where there is nothing yet, recovery where the
 * last session did not close it, repair where a copy of the superblock is not whole.
 */

import type { Disk } from "../file/disk.ts";
import { CorruptionError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { Recovery, type RecoveryReport } from "./recovery.ts";
import type { Superblock } from "../format/superblock.ts";
import {
  createDatabase,
  examineSuperblocks,
  isUnfinishedCreation,
  repairSuperblocks,
} from "../journal/superblocks.ts";

/** What opening found. */
export interface Opened {
  /** The file's current superblock. */
  superblock: Superblock;
  /** What recovery did, if it was needed. */
  report: RecoveryReport | undefined;
}

/** How to open a file. */
export interface OpenDatabaseOptions {
  /** Make a database of an empty file, or of one whose creation was cut. */
  readonly create: boolean;
  /** Repair nothing: a superblock that is in one copy only stays as it is. */
  readonly readOnly: boolean;
  /** Whether a sector whose write was cut may hold anything. */
  readonly protect: boolean;
}

/**
 * The file's current superblock, after creation, recovery or repair where these are needed.
 *
 * @throws {CorruptionError} The file is not a Quire database, or is damaged.
 * @throws {IoError} The system refused.
 */
export function openDatabase(disk: Disk, options: OpenDatabaseOptions): Opened {
  const { readOnly, protect } = options;
  const create = options.create && !readOnly;
  if (create && disk.size() === 0) return { superblock: createDatabase(disk), report: undefined };
  const { current, isInBothCopies, damage } = examineSuperblocks(disk);
  if (current === undefined) {
    if (!create || !isUnfinishedCreation(disk)) throw damage[0]!;
    return { superblock: createDatabase(disk), report: undefined };
  }
  if (current.open) return new Recovery(disk, current, protect).run();
  checkLength(disk, current);
  if (!readOnly && !isInBothCopies) repairSuperblocks(disk, current, protect);
  return { superblock: current, report: undefined };
}

function checkLength(disk: Disk, superblock: Superblock): void {
  const bytes = disk.size();
  if (bytes >= superblock.pageCount * PAGE_BYTES) return;
  const rule = `the file has ${bytes} bytes, and ${superblock.pageCount} pages are in it`;
  throw new CorruptionError(Math.floor(bytes / PAGE_BYTES), bytes, rule);
}
