/**
 * The options of a database and of a transaction, and refusing those that are none. What the pager
 * takes it also checks: here are the types, and what only the store knows.
 */

import type { Durability, PagerOptions } from "../pager/mod.ts";
import { ANY, checkOptions, type OptionTypes } from "./read/argument_checks.ts";

/** How to open a database. */
export interface OpenOptions extends Omit<PagerOptions, "journal"> {
  /**
   * How safe a commit is when its call returns or its promise resolves: `"sync"` = on the medium,
   * `"buffered"` = handed to the system, `"none"` = in memory. Default `"sync"`.
   */
  durability?: Durability;
  /** Overwrite what `getView` gave when it is no longer good, to find who uses it still. */
  debugViews?: boolean;
}

/** How to run a transaction. */
export interface WriteOptions {
  /** How safe it is when its call returns or its promise resolves. Default that of the database. */
  durability?: Durability;
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
