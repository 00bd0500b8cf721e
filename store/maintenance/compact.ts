/**
 * `Database.compact`: a compaction that the caller asks for, one step per turn of the event loop.
 */

import { setImmediate } from "node:timers";
import type { CompactionBounds } from "../../btree/mod.ts";
import { checkOptions, PROGRESS_TYPES } from "../read/argument_checks.ts";
import { ALONE_PAGES, CompactionRun, SLICE_PAGES } from "./compaction_run.ts";
import type { HousekeepingDatabase } from "./housekeeping_database.ts";
import type { ProgressOptions } from "./slices.ts";

/** The default of `budgetMs`. */
const BUDGET_MS = 2;
/** The pause between two reports of progress. */
const REPORT_MS = 30;
/** With this part, the file ends within a tenth of one into which the entries were loaded. */
const THIN_PART = 1 / 12;
/** Everything that is free or thin, of files and values of any size up to 32 MiB. */
export const COMPACT_BOUNDS: CompactionBounds = {
  chunksMax: Infinity,
  movesMax: Infinity,
  slicePagesMax: SLICE_PAGES,
  alonePagesMax: ALONE_PAGES,
  valuePagesMax: 4096,
  leavesMax: Infinity,
  packedMax: Infinity,
  packsMax: Infinity,
  thinPart: THIN_PART,
  thinPages: 0,
  slackPages: 0,
  slackPart: 0,
};

/** Options of `Database.compact`. */
export interface CompactOptions extends ProgressOptions {
  /**
   * The time that the compaction takes in one turn of the event loop, in milliseconds; a large
   * value takes longer. Default 2.
   */
  budgetMs?: number | undefined;
}

/** The result of a compaction. */
export interface CompactReport {
  /** The number of pages moved or packed. */
  readonly pagesMoved: number;
  /** The size of the file before, in bytes. */
  readonly bytesBefore: number;
  /** The size of the file after, in bytes. */
  readonly bytesAfter: number;
}

/** A database that a caller compacts. */
export interface Compactable extends HousekeepingDatabase {
  /** Throws if it is closed. */
  checkOpen(): void;
  /** Releases a slice of the dropped trees. Returns whether more may remain. */
  sweepSlice(): boolean;
  /** Resolves when the flight that is in the air has landed, or has failed. */
  landed(): Promise<void>;
  /** Runs a body at once; where other processes write the file too, while none of them does. */
  inTurn<T>(body: () => T): T | Promise<T>;
  /** Keeps idle compactions from running until the result is disposed. */
  pauseIdleCompaction(): Disposable;
}

/**
 * Compacts a database; see `Database.compact`.
 *
 * @throws {TypeError} The options are not an object with valid fields.
 * @throws {RangeError} The budget is not above 0.
 */
export async function compact(
  database: Compactable,
  options: CompactOptions,
): Promise<CompactReport> {
  checkOptions("compact", options, { ...PROGRESS_TYPES, budgetMs: "number" });
  const { budgetMs = BUDGET_MS, signal, onProgress } = options;
  if (!(budgetMs > 0)) {
    throw new RangeError(`Cannot compact: budgetMs ${budgetMs} is not above 0`);
  }
  // Refuses a handle that cannot write, even if nothing is to move.
  await database.inTurn(() => database.runSlice(() => false));
  const bytesBefore = database.pager.fileBytes();
  const run = new CompactionRun(database, COMPACT_BOUNDS, budgetMs);
  const report = () => onProgress?.({ phase: "moves", ...run.progress });
  let reported = performance.now();
  using _ = database.pauseIdleCompaction();
  const step = () => database.inTurn(() => database.sweepSlice() || run.step());
  do {
    signal?.throwIfAborted();
    // The thread is free while a sync runs off it.
    if (run.isWaiting) await database.landed();
    await new Promise<void>((resolve) => setImmediate(resolve));
    database.checkOpen();
    if (performance.now() - reported < REPORT_MS) continue;
    report();
    reported = performance.now();
  } while (await step());
  report();
  const bytesAfter = database.pager.fileBytes();
  return { pagesMoved: run.moved, bytesBefore, bytesAfter };
}
