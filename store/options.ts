/**
 * The options of a database and of a transaction, and refusing those that are none. What the pager
 * takes it also checks: here are the types, and what only the store knows.
 */

import type { Durability } from "../pager/mod.ts";
import { ANY, checkOptions, type OptionTypes } from "./read/argument_checks.ts";

/** How to open a database. An option that is undefined is as if it were left out. */
export interface OpenOptions {
  /**
   * How safe a commit is when its call returns or its promise resolves: `"sync"` = on the medium,
   * `"buffered"` = handed to the system, `"none"` = in memory. Default `"sync"`.
   */
  durability?: Durability | undefined;
  /**
   * Never write, not even to recover: what recovery would write is in memory. Many such handles can
   * have a file open. Default false.
   */
  readOnly?: boolean | undefined;
  /** Make the file when it is missing, unless it is opened read-only. Default true. */
  create?: boolean | undefined;
  /**
   * The permissions of a file that is made, as in `0o600`; the umask of the process narrows them.
   * Nothing on Windows. Default `0o666`.
   */
  mode?: number | undefined;
  /** How long to wait for another handle to close, in milliseconds; the thread waits. Default 0. */
  lockTimeoutMs?: number | undefined;
  /** The most memory for pages, in bytes; 8 MiB to 16 GiB. Default 256 MiB. Taken as needed. */
  cacheBytes?: number | undefined;
  /**
   * How much memory the pages may take that one transaction changes, in bytes, with their old
   * images; at least 1 MiB. Words saved of small changes come on top, at most 2 KiB a page. New
   * pages beyond `cacheBytes` go to the file and do not count. Default 1 GiB.
   */
  maxTransactionBytes?: number | undefined;
  /**
   * How much memory old pages may take that snapshots still see, in bytes; above it the oldest
   * snapshot ends. Default 256 MiB.
   */
  maxSnapshotBytes?: number | undefined;
  /**
   * How long each of the two journal areas may become, in bytes, before commits wait for a
   * checkpoint; 2 MiB to 512 MiB. Default 32 MiB.
   */
  journalBytes?: number | undefined;
  /**
   * What a sector may hold whose write was cut: `"whole"` = its old or its new bytes, `"protect"` =
   * anything, against which pages are logged whole once a checkpoint. Default `"whole"`.
   */
  tornSectors?: "whole" | "protect" | undefined;
  /**
   * Overwrite what `getView` gave when it is no longer good, to find who uses it still. Default
   * false.
   */
  debugViews?: boolean | undefined;
}

/** How to run a transaction. */
export interface WriteOptions {
  /** How safe it is when its call returns or its promise resolves. Default that of the database. */
  durability?: Durability | undefined;
}

const OPTION_TYPES: OptionTypes = {
  cacheBytes: "number",
  create: "boolean",
  debugViews: "boolean",
  durability: "string",
  journalBytes: "number",
  lockTimeoutMs: "number",
  maxSnapshotBytes: "number",
  maxTransactionBytes: "number",
  mode: "number",
  readOnly: "boolean",
  tornSectors: "string",
};

const DURABILITIES: readonly unknown[] = ["sync", "buffered", "none"];
const TORN_SECTORS: readonly unknown[] = ["whole", "protect"];

/**
 * What options of a transaction say of durability.
 *
 * @throws {TypeError} They are none, or say nonsense.
 */
export function durabilityOf(options: WriteOptions): Durability | undefined {
  checkOptions("write", options, { durability: ANY });
  const { durability } = options;
  if (durability === undefined || DURABILITIES.includes(durability)) return durability;
  throw new TypeError(`Cannot write: no durability is called ${String(durability)}`);
}

/**
 * Refuses options of a database that are none, or out of their range.
 *
 * @throws {TypeError} One is unknown, or of a wrong type.
 * @throws {RangeError} One is out of its range.
 */
export function checkOpenOptions(options: OpenOptions): void {
  checkOptions("open", options, OPTION_TYPES);
  const { durability = "sync", tornSectors = "whole" } = options;
  if (!DURABILITIES.includes(durability)) {
    throw new TypeError(`Cannot open: no durability is called ${durability}`);
  }
  if (!TORN_SECTORS.includes(tornSectors)) {
    throw new TypeError(`Cannot open: tornSectors cannot be ${tornSectors}`);
  }
  const { lockTimeoutMs = 0 } = options;
  if (!(lockTimeoutMs >= 0)) {
    throw new RangeError(`Cannot open: lockTimeoutMs ${lockTimeoutMs} is no time to wait`);
  }
}
