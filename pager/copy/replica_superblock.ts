/**
 * The superblock of the file of a replica. It is that of a closed database under another magic, so
 * that no handle opens the file as a database before the replica is promoted: the two histories
 * would share an id. It has the position in the archive in fields that only a journal uses.
 */

import type { Disk } from "../file/disk.ts";
import { CorruptionError } from "../format/errors.ts";
import { MAGIC, PAGE_BYTES, SUPERBLOCK_PAGE } from "../format/format.ts";
import type { MetaFields } from "../format/meta.ts";
import { decodeSuperblock, type Superblock } from "../format/superblock.ts";
import { freshSuperblock } from "../journal/superblocks.ts";
import { superblockPages } from "./copied_file.ts";

/** "QUIRREPL", in place of the magic of a database. */
const REPLICA_MAGIC = [0x51, 0x55, 0x49, 0x52, 0x52, 0x45, 0x50, 0x4c];

/** The state of a replica. */
export interface ReplicaState {
  /** The id of the source. */
  readonly databaseId: Uint8Array;
  /** The facts about the file. */
  readonly meta: MetaFields;
  /** The link of the last segment that was applied. */
  readonly link: number;
  /** The time of the last commit, in milliseconds since 1970. */
  readonly time: number;
}

/** The superblock with which a version of a replica is read as a database. */
export function superblockOf({ databaseId, meta, link, time }: ReplicaState): Superblock {
  const { version, pageCount, catalogRoot, nextTreeId } = meta;
  const facts = { version, pageCount, catalogRoot, nextTreeId, allocatorHint: 0 };
  return {
    ...freshSuperblock(),
    ...facts,
    databaseId,
    replayGeneration: time,
    replaySequence: link,
  };
}

/**
 * Writes a superblock so that the file can be opened as a database.
 *
 * @throws {CorruptionError} It breaks a rule. Nothing was written.
 */
export function writeAsDatabase(disk: Disk, superblock: Superblock): void {
  const bytes = superblockPages(superblock);
  disk.write(bytes, 0, bytes.length, SUPERBLOCK_PAGE * PAGE_BYTES);
}

/**
 * Writes a superblock as that of a replica.
 *
 * @throws {CorruptionError} It breaks a rule. Nothing was written.
 */
export function writeAsReplica(disk: Disk, superblock: Superblock): void {
  const bytes = superblockPages(superblock);
  bytes.set(REPLICA_MAGIC, 0);
  bytes.set(REPLICA_MAGIC, PAGE_BYTES);
  disk.write(bytes, 0, bytes.length, SUPERBLOCK_PAGE * PAGE_BYTES);
}

/**
 * Reads the state of the file of a replica.
 *
 * @throws {CorruptionError} It is not one, or is damaged.
 */
export function readReplica(disk: Disk): ReplicaState {
  const page = new Uint8Array(PAGE_BYTES);
  disk.read(page, 0, PAGE_BYTES, SUPERBLOCK_PAGE * PAGE_BYTES);
  if (REPLICA_MAGIC.some((byte, i) => page[i] !== byte)) {
    const at = SUPERBLOCK_PAGE * PAGE_BYTES;
    throw new CorruptionError(SUPERBLOCK_PAGE, at, "not the file of a replica");
  }
  page.set(MAGIC);
  const superblock = decodeSuperblock(page, SUPERBLOCK_PAGE);
  const { databaseId, replaySequence: link, replayGeneration: time } = superblock;
  if (disk.size() < superblock.pageCount * PAGE_BYTES) {
    throw new CorruptionError(SUPERBLOCK_PAGE, disk.size(), "the file ends before its last page");
  }
  return { databaseId, meta: superblock, link, time };
}
