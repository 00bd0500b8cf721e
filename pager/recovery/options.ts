/**
 * The options for opening a pager, and their bounds.
 */

import type { DiskFileOptions } from "../file/disk_file.ts";
import { CHUNK_BYTES } from "../format/format.ts";
import type { DoorOptions } from "../native/doors.ts";

/** The default of `cacheBytes`. */
export const CACHE_BYTES = 256 * 1024 * 1024;
const CACHE_FRAMES_MIN = 4;
/** The default of `maxSnapshotBytes`. */
export const SNAPSHOT_BYTES = 256 * 1024 * 1024;
/** The default of `journalBytes`. */
export const JOURNAL_BYTES = 32 * 1024 * 1024;
/** The default of `tailBytes`. */
export const TAIL_BYTES = 32 * 1024 * 1024;
/** The default of `replayRecords`. */
export const REPLAY_RECORDS = 1024;
/** The default of `maxTransactionBytes`. */
export const TRANSACTION_BYTES = 1024 * 1024 * 1024;
const TRANSACTION_BYTES_MIN = 1024 * 1024;
const JOURNAL_BYTES_MAX = 512 * 1024 * 1024;

/** The minimum of `cacheBytes`: 8 MiB. */
export const CACHE_BYTES_MIN: number = CACHE_FRAMES_MIN * CHUNK_BYTES;

/** The maximum of `cacheBytes`: 16 GiB. */
export const CACHE_BYTES_MAX: number = 16 * 1024 * 1024 * 1024;

const MODE_MAX = 0o777;
/** The permissions that the owner needs to use a file. */
const MODE_OWNER = 0o600;

/** Options for opening a pager. */
export interface PagerOptions extends DiskFileOptions, DoorOptions {
  /** The most memory for pages, in bytes; 8 MiB to 16 GiB. Default 256 MiB. Taken as needed. */
  cacheBytes?: number | undefined;
  /**
   * The most bytes that each of the two journal areas may hold before commits wait for a
   * checkpoint; at least 2 MiB. In a small file the limit is half the size of its data, but at
   * least 2 MiB; in a shared one the size of the whole file, but at least 4 MiB. Default 32 MiB.
   */
  journalBytes?: number | undefined;
  /**
   * The free bytes in front of the journal, besides as many as the journal has, from which on its
   * areas move behind the data while commits go on. Default 32 MiB.
   */
  tailBytes?: number | undefined;
  /**
   * The most memory for old pages that snapshots still see, in bytes; above it, the oldest
   * snapshot ends. Default 256 MiB.
   */
  maxSnapshotBytes?: number | undefined;
  /**
   * The most memory for the pages that one transaction changes and their old images, in bytes; at
   * least 1 MiB. The words saved for small changes are extra, at most 2 KiB per page. New pages
   * beyond `cacheBytes` go to the file and do not count. Default 1 GiB.
   */
  maxTransactionBytes?: number | undefined;
  /**
   * The bytes that a sector may hold after an interrupted write: `"whole"` = its old or its new
   * bytes; `"protect"` = any bytes, so each page is logged whole once per checkpoint. Default
   * `"whole"`.
   */
  tornSectors?: "whole" | "protect" | undefined;
  /**
   * Follow the file without a lock, while another process may write it. Undefined: only if it is
   * read-only, and such a process cannot be ruled out; with false such a file is refused.
   */
  follow?: boolean | undefined;
  /** Shares the file with other processes that write it. Default false. */
  shared?: boolean | undefined;
  /**
   * The most records that a recovery replays before `open` returns. Of more, pages are replayed
   * when they are used, at idle times and at a checkpoint. Default 1,024.
   */
  replayRecords?: number | undefined;
  /** Log commits. If false, nothing outlives the handle; for files in memory. Default true. */
  journal?: boolean | undefined;
  /** The file is only built, so `cacheBytes` may be as little as 2 MiB. Default false. */
  isBuilt?: boolean | undefined;
}

/**
 * Checks the sizes and the mode.
 *
 * @throws {RangeError} One of them is out of bounds.
 */
export function checkSizes(options: PagerOptions): void {
  const { cacheBytes = CACHE_BYTES, journalBytes = JOURNAL_BYTES } = options;
  const { maxSnapshotBytes = SNAPSHOT_BYTES, maxTransactionBytes = TRANSACTION_BYTES } = options;
  const cacheBytesMin = options.isBuilt === true ? CHUNK_BYTES : CACHE_BYTES_MIN;
  checkSize("cacheBytes", cacheBytes, cacheBytesMin, CACHE_BYTES_MAX);
  checkSize("journalBytes", journalBytes, CHUNK_BYTES, JOURNAL_BYTES_MAX);
  checkSize("tailBytes", options.tailBytes ?? TAIL_BYTES, 0, Number.MAX_SAFE_INTEGER);
  checkSize("maxSnapshotBytes", maxSnapshotBytes, 0, Number.MAX_SAFE_INTEGER);
  const most = Number.MAX_SAFE_INTEGER;
  checkSize("maxTransactionBytes", maxTransactionBytes, TRANSACTION_BYTES_MIN, most);
  checkMode(options.mode ?? MODE_OWNER);
}

function checkMode(mode: number): void {
  const text = `0o${mode.toString(8)}`;
  if (!Number.isInteger(mode) || mode < 0 || mode > MODE_MAX) {
    throw new RangeError(`Cannot open: mode ${text} is not in 0o600..0o777`);
  }
  if ((mode & MODE_OWNER) === MODE_OWNER) return;
  throw new RangeError(`Cannot open: with mode ${text} the owner cannot read and write the file`);
}

function checkSize(name: string, bytes: number, least: number, most: number): void {
  if (Number.isSafeInteger(bytes) && bytes >= least && bytes <= most) return;
  throw new RangeError(`Cannot open: ${name} ${bytes} is not in ${least}..${most}`);
}
