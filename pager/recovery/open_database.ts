/**
 * From a file to its current superblock: creation where there is nothing yet, recovery where the
 * last session did not close it.
 */

import type { Disk } from "../file/disk.ts";
import { CorruptionError } from "../format/errors.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { Recovery, type RecoveryReport } from "./recovery.ts";
import type { Superblock } from "../format/superblock.ts";
import { createDatabase, isUnfinishedCreation, readSuperblock } from "../journal/superblocks.ts";

/** What opening found. */
export interface Opened {
  /** The file's current superblock. */
  superblock: Superblock;
  /** What recovery did, if it was needed. */
  report: RecoveryReport | undefined;
}

/**
 * The file's current superblock, after creation or recovery where these are needed.
 *
 * @param create Make a database of an empty file, or of one whose creation was cut.
 * @param protect Whether a sector whose write was cut may hold anything.
 * @throws {CorruptionError} The file is not a Quire database, or is damaged.
 */
export function openDatabase(disk: Disk, create: boolean, protect: boolean): Opened {
  if (create && disk.size() === 0) return { superblock: createDatabase(disk), report: undefined };
  let superblock: Superblock;
  try {
    superblock = readSuperblock(disk);
  } catch (error) {
    if (!(error instanceof CorruptionError) || !create || !isUnfinishedCreation(disk)) throw error;
    return { superblock: createDatabase(disk), report: undefined };
  }
  if (superblock.open) return new Recovery(disk, superblock, protect).run();
  checkLength(disk, superblock);
  return { superblock, report: undefined };
}

function checkLength(disk: Disk, superblock: Superblock): void {
  const bytes = disk.size();
  if (bytes >= superblock.pageCount * PAGE_BYTES) return;
  const rule = `the file has ${bytes} bytes, and ${superblock.pageCount} pages are in it`;
  throw new CorruptionError(Math.floor(bytes / PAGE_BYTES), bytes, rule);
}
