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
 * Throws when a size is out of its bounds.
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
}

function checkSize(name: string, bytes: number, least: number, most: number): void {
  if (Number.isSafeInteger(bytes) && bytes >= least && bytes <= most) return;
  throw new RangeError(`Cannot open: ${name} ${bytes} is not in ${least}..${most}`);
}
