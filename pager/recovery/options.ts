/**
 * How a pager can be opened, and the bounds of what can be asked for.
 */

import type { DiskFileOptions } from "../file/disk_file.ts";
import { CHUNK_BYTES } from "../format/format.ts";

/** `cacheBytes` unless said otherwise. */
export const CACHE_BYTES = 256 * 1024 * 1024;
const CACHE_FRAMES_MIN = 4;
/** `maxSnapshotBytes` unless said otherwise. */
export const SNAPSHOT_BYTES = 256 * 1024 * 1024;
/** `journalBytes` unless said otherwise. */
export const JOURNAL_BYTES = 32 * 1024 * 1024;
/** `maxTransactionBytes` unless said otherwise. */
export const TRANSACTION_BYTES = 1024 * 1024 * 1024;
const TRANSACTION_BYTES_MIN = 1024 * 1024;
const JOURNAL_BYTES_MAX = 512 * 1024 * 1024;

/** The least that `cacheBytes` can be: 8 MiB. */
export const CACHE_BYTES_MIN: number = CACHE_FRAMES_MIN * CHUNK_BYTES;

/** The most that `cacheBytes` can be: 16 GiB. */
export const CACHE_BYTES_MAX: number = 16 * 1024 * 1024 * 1024;

const MODE_MAX = 0o777;
/** What the owner needs of a file to use it. */
const MODE_OWNER = 0o600;

/** How to open a pager. */
export interface PagerOptions extends DiskFileOptions {
  /** The most memory for pages, in bytes; 8 MiB to 16 GiB. Default 256 MiB. Taken as needed. */
  cacheBytes?: number | undefined;
  /**
   * How long each of the two journal areas may become, in bytes, before commits wait for a
   * checkpoint; at least 2 MiB. Default 32 MiB.
   */
  journalBytes?: number | undefined;
  /**
   * How much memory old pages may take that snapshots still see, in bytes; above it the oldest
   * snapshot ends. Default 256 MiB.
   */
  maxSnapshotBytes?: number | undefined;
  /**
   * How much memory the pages may take that one transaction changes, in bytes, with their old
   * images; at least 1 MiB. Words saved of small changes come on top, at most 2 KiB a page. New
   * pages beyond `cacheBytes` go to the file and do not count. Default 1 GiB.
   */
  maxTransactionBytes?: number | undefined;
  /**
   * What a sector may hold whose write was cut: `"whole"` = its old or its new bytes, `"protect"` =
   * anything, against which pages are logged whole once a checkpoint. Default `"whole"`.
   */
  tornSectors?: "whole" | "protect" | undefined;
  /** Log commits. Without it nothing outlives the handle: for memory. Default true. */
  journal?: boolean | undefined;
}

/**
 * Throws when a size or the mode is out of its bounds.
 *
 * @throws {RangeError} It is.
 */
export function checkSizes(options: PagerOptions): void {
  const { cacheBytes = CACHE_BYTES, journalBytes = JOURNAL_BYTES } = options;
  const { maxSnapshotBytes = SNAPSHOT_BYTES, maxTransactionBytes = TRANSACTION_BYTES } = options;
  checkSize("cacheBytes", cacheBytes, CACHE_BYTES_MIN, CACHE_BYTES_MAX);
  checkSize("journalBytes", journalBytes, CHUNK_BYTES, JOURNAL_BYTES_MAX);
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
