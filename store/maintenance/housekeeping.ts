/**
 * Housekeeping of a database: idle checkpoints, compaction while it is idle and before a close, and
 * the release of dropped trees and of values that streams left unfinished when the file was last
 * open.
 *
 * A drop releases its first pages at once, and the rest in the next turns of the event loop, a few
 * milliseconds each. Trees whose drop was interrupted wait until the database is idle.
 *
 * A compaction follows the idle checkpoint if enough pages may have become free since the last one,
 * and no snapshot is open. It ends at the next commit, and begins anew when the database is idle
 * again. Without commits it comes to rest, and then nothing is read or written.
 *
 * No caller asks for this work, so its errors are not reported. Damaged pages are left unchanged; a
 * later read of them reports the damage.
 */

import type { CompactionBounds } from "../../btree/mod.ts";
import { CorruptionError, format, IoError, LimitError } from "../../pager/mod.ts";
import { BusyCompaction } from "./busy_compaction.ts";
import { ALONE_PAGES, CompactionRun, SLICE_PAGES } from "./compaction_run.ts";
import type { HousekeepingDatabase } from "./housekeeping_database.ts";
import { IdleCheckpoint } from "./idle_checkpoint.ts";

/** The slices of a drop that run at once: 8 MiB of pages. */
const SLICES_AT_ONCE = 4;
/** The time in which one turn releases pages, in milliseconds. */
const TURN_MS = 4;
/** The time of a step of a compaction in an idle database, in milliseconds. */
const COMPACTION_MS = 2;
/** A database packs by itself where that saves this part: packed leaves have to grow again. */
const THIN_PART = 1 / 8;
/**
 * A compaction before a close, in files of at most 1 GiB: at most 4,096 pages move. It moves more,
 * and packs more than a few, only in proportion to what the session wrote and deleted
 * (`#closeBounds`).
 */
const CLOSE_BOUNDS: CompactionBounds = {
  chunksMax: 512,
  movesMax: 4096,
  slicePagesMax: 256,
  alonePagesMax: ALONE_PAGES,
  valuePagesMax: 4096,
  leavesMax: 4096,
  packedMax: Infinity,
  packsMax: 16_384,
  thinPart: THIN_PART,
  thinPages: 8,
  slackPages: 8,
  slackPart: 1 / 16,
};
/** A close packs this part of the bytes that the session wrote, and moves as many. */
const CLOSE_PART = 1 / 4;
/** And this multiple of the bytes that it deleted: all leaves, if those were half of the data. */
const CLOSE_DELETED = 4;
/** And at least this many pages, 8 MiB, where packing pays. */
const CLOSE_PACKS_MIN = 1024;
/**
 * A compaction in an idle database: values of at most 4 MiB, in files of at most 16 GiB, and thin
 * leaves of at most 1 GiB.
 */
const IDLE_BOUNDS: CompactionBounds = {
  chunksMax: 8192,
  movesMax: Infinity,
  slicePagesMax: SLICE_PAGES,
  alonePagesMax: 0,
  valuePagesMax: 512,
  leavesMax: Infinity,
  packedMax: 131_072,
  packsMax: Infinity,
  thinPart: THIN_PART,
  thinPages: 192,
  slackPages: 192,
  slackPart: 1 / 10,
};

/** Housekeeping of a database. */
export class Housekeeping {
  readonly #database: HousekeepingDatabase;
  readonly #idle: IdleCheckpoint;
  #hasSweptUnfinished = false;
  /** Trees whose drop was interrupted; undefined until the catalog is read. */
  #dropped: number[] | undefined;
  /** Whether the last slice of such a drop was refused, and nothing was committed since. */
  #isRefused = false;
  /** Trees dropped in this session that still have pages. */
  readonly #releasing: number[] = [];
  /** The compaction of the idle database that has begun. */
  #compaction: CompactionRun | undefined;
  /** The compaction while commits go on. */
  readonly #busy: BusyCompaction;
  /** The compactions that a caller asked for and that have not ended. */
  #requested = 0;
  /** The allocator's `pagesFreed` when the last compaction had ended. */
  #freedAtRest = -Infinity;

  /**
   * Creates the housekeeping of a database.
   *
   * @param database The database.
   * @param flushed Called after each slice of an idle checkpoint, including failed ones.
   */
  constructor(database: HousekeepingDatabase, flushed: () => void) {
    this.#database = database;
    this.#busy = new BusyCompaction(database);
    this.#idle = new IdleCheckpoint(database.pager, flushed, {
      urgent: () => this.#releaseTurn(),
      // In a shared file these are left to a process that has it alone.
      idle: () => database.pager.sharing === undefined && this.#idleSlice(),
    });
    if (database.pager.hasDeferred) this.#idle.wake();
  }

  /** Notes a commit that was flushed. */
  wake(): void {
    this.#compaction = undefined;
    this.#isRefused = false;
    this.#idle.wake();
    const mayCompact = this.#requested === 0 && this.#database.pager.sharing === undefined;
    if (mayCompact) this.#busy.afterFlush();
  }

  /** Keeps idle compactions from running until the result is disposed. */
  pauseCompaction(): Disposable {
    this.#requested++;
    this.#compaction = undefined;
    return { [Symbol.dispose]: () => void this.#requested-- };
  }

  /** Releases a slice of the dropped trees. Returns whether more may remain. */
  sweepSlice(): boolean {
    return this.#releasing.length > 0 ? this.#releaseTurn() : this.#sweepDropped();
  }

  /**
   * Does a slice of what is left for an idle database. Returns whether more may remain. A drop that
   * was refused is tried again after all else, which may have made room.
   */
  #idleSlice(): boolean {
    if (!this.#isRefused && this.#sweepDropped()) return true;
    if (this.#compactSlice()) return true;
    if (!this.#isRefused) return false;
    this.#isRefused = false;
    return this.#sweepDropped();
  }

  /** Takes a slice of a checkpoint or of a compaction. Returns whether more may remain. */
  #compactSlice(): boolean {
    // A compaction that has begun takes its own checkpoints.
    if (this.#compaction === undefined) {
      if (this.#database.checkpointSlice()) return true;
      if (!this.#mayCompact()) return false;
      this.#busy.rest();
      this.#compaction = new CompactionRun(this.#database, IDLE_BOUNDS, COMPACTION_MS);
    }
    try {
      if (this.#compaction.step()) return true;
    } catch (error) {
      if (!(error instanceof CorruptionError) && !(error instanceof LimitError)) throw error;
    }
    this.#compaction = undefined;
    this.#busy.rest();
    this.#freedAtRest = this.#database.context.allocator.pagesFreed;
    return this.#database.checkpointSlice();
  }

  /** Whether a compaction may gain something. */
  #mayCompact(): boolean {
    const { pager, context } = this.#database;
    const { journalBatches, snapshots } = pager.stats();
    if (journalBatches === 0 || snapshots > 0 || this.#requested > 0) return false;
    return context.allocator.pagesFreed - this.#freedAtRest >= IDLE_BOUNDS.slackPages;
  }

  /**
   * Before the file closes: packs thin leaves, and moves the pages that keep free pages inside the
   * file, if these are many and the session wrote anything, or recovered the file. On a full disk,
   * or at a damaged page, the file stays as it is.
   */
  beforeClose(): void {
    if (!this.#mayCompactBeforeClose) return;
    try {
      // The journal moves only while no flight is in the air.
      this.#database.pager.flights.end();
      new CompactionRun(this.#database, this.#closeBounds, Infinity).finish();
    } catch (error) {
      if (!isRefusal(error) && !(error instanceof CorruptionError)) throw error;
    }
  }

  /** The bounds of a compaction before a close. */
  get #closeBounds(): CompactionBounds {
    const { packsMax, movesMax } = CLOSE_BOUNDS;
    const { pageWrites, journalBytesWritten } = this.#database.pager.stats();
    const written = pageWrites + journalBytesWritten / format.PAGE_BYTES;
    const deleted = this.#database.context.bytesDeleted / format.PAGE_BYTES;
    const part = Math.min(packsMax, Math.floor(CLOSE_PART * written + CLOSE_DELETED * deleted));
    return {
      ...CLOSE_BOUNDS,
      packsMax: Math.max(CLOSE_PACKS_MIN, part),
      movesMax: Math.max(movesMax, part),
    };
  }

  get #mayCompactBeforeClose(): boolean {
    const { pager } = this.#database;
    if (pager.readOnly || pager.sharing !== undefined || pager.depth > 0) return false;
    if (pager.failure !== undefined) return false;
    const { journalBatches, dirtyChunks, snapshots } = pager.stats();
    // Commits at "none" may not have reached the journal.
    const hasWritten = journalBatches > 0 || dirtyChunks > 0;
    return snapshots === 0 && (hasWritten || pager.recovery !== undefined);
  }

  /**
   * Begins to do what `beforeClose` does, in steps. Returns a function that takes a step, and
   * returns whether more follow.
   */
  compactBeforeClose(): () => boolean {
    if (!this.#mayCompactBeforeClose) return () => false;
    // Slices of this size go through the journal, and wait for no sync.
    const bounds = { ...this.#closeBounds, slicePagesMax: SLICE_PAGES };
    const run = new CompactionRun(this.#database, bounds, COMPACTION_MS);
    return () => {
      try {
        return run.step();
      } catch (error) {
        if (!isRefusal(error) && !(error instanceof CorruptionError)) throw error;
        return false;
      }
    };
  }

  /** Ends housekeeping. */
  stop(): void {
    this.#idle.stop();
  }

  /** Notes a rollback, which may have undone a slice of a drop. */
  rolledBack(): void {
    this.#dropped = undefined;
  }

  /** Releases unfinished values, before the first transaction. */
  beforeFirstWrite(): void {
    // Another process may still be writing them.
    if (this.#hasSweptUnfinished || this.#database.pager.sharing !== undefined) return;
    this.#hasSweptUnfinished = true;
    const { catalog, unfinished } = this.#database;
    let numbers: number[] = [];
    unlessDamaged(() => {
      numbers = unfinished.numbers();
    });
    if (numbers.length === 0) return;
    for (const number of numbers) this.#sweepAll(() => unfinished.release(number));
    // Releasing the values dropped the trees that they created.
    this.#sweepAll(() => catalog.sweep());
    this.#database.treesChanged();
  }

  #sweepAll(slice: () => boolean): void {
    unlessDamaged(() => {
      while (this.#database.runSlice(slice));
    });
  }

  /**
   * Releases the pages of a dropped tree: some at once, the rest in the next turns. The tree is
   * dropped already, so its caller hears nothing of damaged pages, or of a slice that was refused.
   */
  releaseTree(id: number): void {
    const left = [id];
    let slices = 0;
    while (left.length > 0 && slices++ < SLICES_AT_ONCE && this.#sweepFirst(left));
    if (left.length === 0) return;
    this.#releasing.push(id);
    this.#idle.hurry();
  }

  /** Releases the rest of the trees dropped in this session. Between transactions only. */
  releaseAll(): void {
    // What is refused now waits for the next session.
    while (this.#releasing.length > 0 && this.#sweepFirst(this.#releasing));
    this.#releasing.length = 0;
  }

  /** Releases pages for the time of a turn. Returns whether more remain. */
  #releaseTurn(): boolean {
    const { pager } = this.#database;
    const left = this.#releasing;
    if (left.length > 0 && pager.isOverdue) {
      // A slice would take the checkpoint to its end.
      this.#database.checkpointSlice();
      return true;
    }
    const end = performance.now() + TURN_MS;
    while (left.length > 0 && performance.now() < end) {
      // Refused trees wait until the database is idle.
      if (!this.#sweepFirst(left)) left.length = 0;
    }
    return left.length > 0;
  }

  /** Releases a slice of a tree whose drop was interrupted. Returns whether more may remain. */
  #sweepDropped(): boolean {
    let left = this.#dropped ?? [];
    if (this.#dropped === undefined) {
      unlessDamaged(() => {
        left = [...this.#database.catalog.dropped()];
      });
    }
    this.#isRefused = !this.#sweepFirst(left);
    if (this.#isRefused) return false;
    this.#dropped = left;
    return left.length > 0;
  }

  /**
   * Releases a slice of the first tree of a list; a tree that is released or damaged leaves it.
   * Returns whether the disk and the limits allowed it.
   */
  #sweepFirst(left: number[]): boolean {
    const [id] = left;
    if (id === undefined) return true;
    const { catalog } = this.#database;
    try {
      if (!this.#database.runSlice(() => catalog.sweep(undefined, id))) left.shift();
    } catch (error) {
      if (isRefusal(error)) return false;
      if (!(error instanceof CorruptionError)) throw error;
      left.shift();
    }
    return true;
  }
}

/** Whether the disk or a limit refused a slice. */
function isRefusal(error: unknown): boolean {
  return error instanceof IoError || error instanceof LimitError;
}

function unlessDamaged(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
}
