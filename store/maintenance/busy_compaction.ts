/**
 * Compaction while small commits go on without a pause, in which an idle database would compact.
 *
 * It begins when pages that became free, also those of the journal, may have put the file over its
 * bound (`docs/operations.md`), and more are free than the bound allows. Then a step
 * follows some of the small commits that reached the file, and a checkpoint cuts the file at the
 * end. What moves is in proportion to what was freed, and to what is committed meanwhile. It goes
 * past the journal: it is written once. The journal stays where it is, and nothing is packed.
 *
 * Commits that change much use free pages themselves, so none of them is followed by a step.
 */

import { Compaction, type CompactionBounds } from "../../btree/mod.ts";
import { CorruptionError, format, IoError, LimitError, type PagerStats } from "../../pager/mod.ts";
import type { HousekeepingDatabase } from "./housekeeping_database.ts";

/** The time of a step, in milliseconds, and the pages that it moves. */
const STEP_MS = 2;
const STEP_PAGES = 32;
/** The bytes of pages that move for each byte that commits write to the journal. */
const MOVED_BYTES = 16;
/** Pages are counted again when this many more have become free, and this part of the file. */
const FREED_PAGES = 256;
const FREED_PART = 1 / 32;
/** A commit is small with at most that many bytes of records, and pages that it freed. */
const SMALL_BYTES = 64 * 1024;
const SMALL_FREED = 64;
/** Values of at most 4 MiB move, in files of at most 16 GiB. */
const BOUNDS: CompactionBounds = {
  chunksMax: 8192,
  movesMax: Infinity,
  slicePagesMax: STEP_PAGES,
  alonePagesMax: STEP_PAGES,
  valuePagesMax: 512,
  leavesMax: Infinity,
  packedMax: 0,
  packsMax: 0,
  thinPart: 1,
  thinPages: Infinity,
  slackPages: 256,
  slackPart: 1 / 20,
  journalStays: true,
};

/** What the next step does. */
type Phase = "rest" | "count" | "move" | "cut";

/** Compacts a database between small commits. */
export class BusyCompaction {
  readonly #database: HousekeepingDatabase;
  #phase: Phase = "rest";
  #compaction: Compaction | undefined;
  /** The checkpoints completed when the file will have been cut. */
  #checkpoints = 0;
  /** The allocator's `pagesFreed` when pages were last counted, and those that moved since. */
  #freedAtCount = 0;
  /** The pages that may move for what was committed, at most those of two steps. */
  #pagesDue = 0;
  /** The allocator's `pagesFreed`, and the figures of the journal, after the last look. */
  readonly #last = { freed: 0, bytes: 0, batches: 0 };

  /** Creates the compaction of a database, which has done nothing yet. */
  constructor(database: HousekeepingDatabase) {
    this.#database = database;
  }

  /** Ends it: it begins anew when enough pages have become free since it counted them. */
  rest(): void {
    this.#freedAtCount += this.#compaction?.moved ?? 0;
    this.#phase = "rest";
    this.#compaction = undefined;
  }

  /** After a flush, takes a step if one is due. */
  afterFlush(): void {
    if (this.#phase === "rest" && !this.#isDue) return;
    const { pager } = this.#database;
    if (pager.depth > 0 || pager.isClosed || pager.failure !== undefined) return;
    const stats = pager.stats();
    if (stats.journalBatches === this.#last.batches) return;
    if (this.#isSmall(stats) && stats.snapshots === 0 && this.#isStepDue(stats)) this.#step(stats);
    this.#last.freed = this.#freed;
    this.#last.batches = stats.journalBatches;
    // What a step left pending is written with the next commit.
    this.#last.bytes = stats.journalBytesWritten + pager.pendingBytes;
  }

  get #freed(): number {
    return this.#database.context.allocator.pagesFreed;
  }

  /** Whether enough pages have become free to be worth a count. */
  get #isDue(): boolean {
    const freed = this.#freed - this.#freedAtCount;
    if (freed < FREED_PAGES) return false;
    const { pageCount } = this.#database.pager.meta;
    return freed >= pageCount * FREED_PART && format.chunksOf(pageCount) <= BOUNDS.chunksMax;
  }

  #isSmall({ journalBytesWritten }: PagerStats): boolean {
    if (this.#freed - this.#last.freed > SMALL_FREED) return false;
    return journalBytesWritten - this.#last.bytes <= SMALL_BYTES;
  }

  /** Whether enough was committed for a step; what the one before left to move counts. */
  #isStepDue({ journalBytesWritten }: PagerStats): boolean {
    const bytes = MOVED_BYTES * (journalBytesWritten - this.#last.bytes);
    this.#pagesDue = Math.min(this.#pagesDue + bytes / format.PAGE_BYTES, 2 * STEP_PAGES);
    return this.#pagesDue >= STEP_PAGES;
  }

  /** Takes a step. On a full disk, or at a damaged page, the file stays as it is. */
  #step(stats: PagerStats): void {
    try {
      if (this.#phase === "cut") this.#cut(stats.checkpoints);
      else if (this.#phase === "move") this.#move(stats.checkpoints);
      else this.#count();
    } catch (error) {
      this.rest();
      if (error instanceof CorruptionError || error instanceof LimitError) return;
      // Where the handle has latched, the next write reports it.
      if (!(error instanceof IoError)) throw error;
    }
  }

  #count(): void {
    if (this.#compaction === undefined) this.#begin();
    const compaction = this.#compaction!;
    if (compaction.countSlice(STEP_MS)) return;
    if (compaction.isWorthwhile) this.#phase = "move";
    else this.rest();
  }

  #begin(): void {
    const { context, catalog } = this.#database;
    this.#phase = "count";
    this.#freedAtCount = this.#freed;
    this.#compaction = new Compaction(context, catalog, BOUNDS);
  }

  #move(checkpoints: number): void {
    const { pager } = this.#database;
    // A transaction would take the checkpoint to its end.
    if (pager.isOverdue) return;
    const compaction = this.#compaction!;
    const { moved } = compaction;
    const slice = () => compaction.moveSlice(STEP_MS, true);
    try {
      if (this.#database.runSlice(slice)) return;
      this.#phase = "cut";
      // One that is running has begun before pages moved.
      this.#checkpoints = checkpoints + (pager.flights.isNeeded ? 2 : 1);
    } finally {
      const pages = compaction.moved - moved;
      // A large value has more than those of a step, and delays the next one.
      this.#pagesDue -= Math.max(1, pages);
      // Roots may have moved, even if the flush that followed has failed.
      if (pages > 0) this.#database.treesChanged();
    }
  }

  #cut(checkpoints: number): void {
    if (checkpoints >= this.#checkpoints) this.rest();
    else this.#database.pager.flights.requestCheckpoint();
  }
}
