/**
 * The superblocks in the file: creates a database, reads the current superblock, writes a new one.
 *
 * A new superblock is written to the slot of its number's parity, then synced, then written to the
 * other slot, then synced. Creation writes everything else first. So a file without a valid
 * superblock is an unfinished creation, whose bytes are known, or not a Quire database.
 */

import { Buffer } from "node:buffer";
import type { Disk } from "../file/disk.ts";
import { seedOf } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  FRESH_PAGES,
  HEADER_SHIFT,
  KIND_SUPERBLOCK,
  PAGE_BYTES,
  SUPERBLOCK_PAGE,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { formatHeader, seal, setInUse } from "../format/header.ts";
import { decodeSuperblock, encodeSuperblock, type Superblock } from "../format/superblock.ts";
import type { PageNumber } from "../format/units.ts";

const FRESH_BYTES = FRESH_PAGES * PAGE_BYTES;

/** Creates an empty database in an empty file, and returns its superblock. */
export function createDatabase(disk: Disk): Superblock {
  const superblock = freshSuperblock();
  const pages = new Uint8Array(FRESH_BYTES);
  pages.set(freshHeaderPage(superblock.databaseId));
  disk.truncate(0);
  disk.write(pages, 0, FRESH_BYTES, 0);
  disk.sync();
  writeSuperblock(disk, superblock);
  return superblock;
}

/** Writes a superblock to both its slots, the one of its parity first. */
export function writeSuperblock(disk: Disk, superblock: Superblock): void {
  for (const turn of [0, 1] as const) {
    writeSuperblockCopy(disk, superblock, turn);
    disk.sync();
  }
}

/**
 * Writes the first or the second copy of a superblock; a sync has to follow each. One that no
 * opening would accept never replaces one that opens, whether a forged file or a fault of ours made
 * it so.
 *
 * @throws {CorruptionError} It breaks a rule. Nothing was written.
 */
export function writeSuperblockCopy(disk: Disk, superblock: Superblock, turn: 0 | 1): void {
  const bytes = new Uint8Array(PAGE_BYTES);
  encodeSuperblock(superblock, bytes);
  const page = SUPERBLOCK_PAGE + ((superblock.number + turn) & 1);
  decodeSuperblock(bytes, page);
  disk.write(bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
}

/**
 * Writes the current superblock to both slots. The bytes that were read may be in the system's
 * cache only, after a failed write that the system did not report. So the whole copies are written
 * again and synced before the other copy is touched. With `protect` a cut write could leave garbage
 * in a whole copy, so whole copies are only synced.
 */
export function repairSuperblocks(disk: Disk, current: Superblock, protect: boolean): void {
  const bytes = new Uint8Array(PAGE_BYTES);
  encodeSuperblock(current, bytes);
  const pages = [SUPERBLOCK_PAGE, SUPERBLOCK_PAGE + 1];
  const whole = pages.filter((page) => {
    const copy = tryRead(disk, page);
    return !(copy instanceof CorruptionError) && copy.number === current.number;
  });
  if (!protect) { for (const page of whole) disk.write(bytes, 0, PAGE_BYTES, page * PAGE_BYTES); }
  disk.sync();
  for (const page of pages) {
    if (whole.includes(page)) continue;
    disk.write(bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
    disk.sync();
  }
}

/**
 * Reads the current superblock.
 *
 * @throws {CorruptionError} Neither copy is whole, or the two contradict each other.
 */
export function readSuperblock(disk: Disk): Superblock {
  const { current, damage } = examineSuperblocks(disk);
  if (current === undefined) throw damage[0]!;
  return current;
}

/** The two copies of the superblock. */
export interface SuperblockCopies {
  /** The current superblock; undefined when no copy is whole, or the two contradict each other. */
  readonly current: Superblock | undefined;
  /** Whether both copies hold it. A power cut may leave the other copy older, or torn. */
  readonly isInBothCopies: boolean;
  /** The errors of the copies. With a current superblock, nothing is lost. */
  readonly damage: readonly CorruptionError[];
}

/** Reads both copies of the superblock, and reports their errors instead of throwing. */
export function examineSuperblocks(disk: Disk): SuperblockCopies {
  const copies = [SUPERBLOCK_PAGE, SUPERBLOCK_PAGE + 1].map((page) => tryRead(disk, page));
  const damage = copies.filter((copy) => copy instanceof CorruptionError);
  const [first, second] = copies.flatMap((copy) => {
    return copy instanceof CorruptionError ? [] : [copy];
  });
  if (first === undefined || second === undefined) {
    return { current: first, isInBothCopies: false, damage };
  }
  if (first.number !== second.number) {
    const newer = first.number > second.number ? first : second;
    return { current: newer, isInBothCopies: false, damage };
  }
  if (sameBytes(first, second)) return { current: first, isInBothCopies: true, damage };
  const rule = "two different superblocks have the same number";
  const conflict = new CorruptionError(SUPERBLOCK_PAGE, SUPERBLOCK_PAGE * PAGE_BYTES, rule);
  return { current: undefined, isInBothCopies: false, damage: [conflict] };
}

/**
 * Whether a file without a valid superblock is an unfinished creation: slot 2 is zero, and each
 * other page is as creation writes it, or zero.
 */
export function isUnfinishedCreation(disk: Disk): boolean {
  const size = disk.size();
  if (size > FRESH_BYTES) return false;
  const bytes = new Uint8Array(FRESH_BYTES);
  disk.read(bytes, 0, size, 0);
  const headers = bytes.subarray(0, PAGE_BYTES);
  const isZero = (part: Uint8Array) => part.every((byte) => byte === 0);
  return isZero(bytes.subarray((SUPERBLOCK_PAGE + 1) * PAGE_BYTES)) &&
    (isZero(headers) || looksFresh(headers));
}

function tryRead(disk: Disk, page: PageNumber): Superblock | CorruptionError {
  const bytes = new Uint8Array(PAGE_BYTES);
  disk.read(bytes, 0, PAGE_BYTES, page * PAGE_BYTES);
  try {
    return decodeSuperblock(bytes, page);
  } catch (error) {
    if (error instanceof CorruptionError) return error;
    throw error;
  }
}

function sameBytes(a: Superblock, b: Superblock): boolean {
  return Buffer.compare(encoded(a), encoded(b)) === 0;
}

function encoded(superblock: Superblock): Uint8Array {
  const bytes = new Uint8Array(PAGE_BYTES);
  encodeSuperblock(superblock, bytes);
  return bytes;
}

/** The superblock of an empty database, with an id of its own. */
export function freshSuperblock(): Superblock {
  return {
    // An even number goes to slot 1 first, so that a torn first copy leaves slot 2 zero.
    number: 0,
    open: false,
    databaseId: crypto.getRandomValues(new Uint8Array(16)),
    history: 0,
    origin: 0,
    originVersion: 0,
    version: 0,
    pageCount: FRESH_PAGES,
    catalogRoot: 0,
    nextTreeId: 1,
    allocatorHint: 0,
    replayGeneration: 0,
    replaySequence: 0,
    syncCount: 0,
    journals: [[], []],
  };
}

/** The header page of an empty database. */
export function freshHeaderPage(databaseId: Uint8Array): Uint8Array {
  const frame = new Frame(-1, POOL, 1);
  setInUse(frame, 0, 0);
  for (let page = SUPERBLOCK_PAGE; page < FRESH_PAGES; page++) {
    formatHeader(frame, page, KIND_SUPERBLOCK, 0, 0);
    seal(frame, page, page, 0, seedOf(databaseId));
    setInUse(frame, 0, page);
  }
  return frame.u8;
}

/**
 * Whether the file has the header page that creation writes. It tells an unfinished creation from a
 * file of zeros, which may be the remains of any file.
 */
export function hasFreshHeaders(disk: Disk): boolean {
  const headers = new Uint8Array(PAGE_BYTES);
  disk.read(headers, 0, PAGE_BYTES, 0);
  return looksFresh(headers);
}

/** Whether a header page is as creation writes it, for any database id in its header sums. */
function looksFresh(headers: Uint8Array): boolean {
  const fresh = freshHeaderPage(new Uint8Array(16));
  const headerSumBytes = 4;
  return fresh.every((byte, i) => {
    const slot = i >>> HEADER_SHIFT;
    const inHeaderSum = (i & 31) >= 32 - headerSumBytes;
    const carriesSum = slot >= SUPERBLOCK_PAGE && slot < FRESH_PAGES;
    return (carriesSum && inHeaderSum) || headers[i] === byte;
  });
}
