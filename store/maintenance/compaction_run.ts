/**
 * A compaction of an open database, step by step: it counts pages, packs thin leaves and counts
 * again, moves the journal behind the data, moves pages, and lets checkpoints cut the end of the
 * file.
 *
 * A step takes about its budget in time, or moves one large value. The steps that change pages are
 * transactions at durability "none"; no watcher sees a change. Others may commit between steps.
 *
 * While others commit, a step moves few pages, through the journal, so that their commits wait for
 * no more syncs than without it, and each for the pages of one step. While nobody does, pages go
 * past the journal, many in a step; now and then a checkpoint takes them to the medium, so that the
 * next commit has little to wait for.
 *
 * While others commit without a pause, the journal may stay where it is. Then less is cut.
 */

import { Compaction, type CompactionBounds, Packing } from "../../btree/mod.ts";
import type { HousekeepingDatabase } from "./housekeeping_database.ts";

/** A slice with this many pages goes through the journal, and waits for no sync. */
export const SLICE_PAGES = 48;
/** While nobody else commits, a step moves up to this many pages past the journal: 1 MiB. */
export const ALONE_PAGES = 128;
/** After this many steps without a commit of others, nobody else counts as committing. */
const QUIET_STEPS = 32;
/** Past the journal, a checkpoint follows as many pages: 16 MiB. */
const UNSYNCED_PAGES = 2048;
/**
 * The checkpoints that one wait for an empty journal takes at most: one that is running, and for
 * each area one that makes it shorter, one that moves it, and one that cuts the file where it was.
 */
const CHECKPOINTS_MAX = 7;

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** What a run does next. */
type Phase = "count" | "pack" | "make room" | "move" | "cut" | "end";

/** A compaction of an open database. */
export class CompactionRun {
  readonly #database: HousekeepingDatabase;
  readonly #budgetMs: number;
  readonly #bounds: CompactionBounds;
  #compaction: Compaction;
  #packing: Packing | undefined;
  #phase: Phase = "count";
  /** The checkpoints completed when the phase began. */
  #checkpoints = 0;
  #isWaiting = false;
  /** The version after the last change. */
  #version: number;
  /** The steps to come before nobody else commits. */
  #busySteps = 0;
  /** The pages moved, and the checkpoints completed, when one had taken pages to the medium. */
  readonly #synced = { pages: 0, checkpoints: 0 };

  /**
   * Creates a run, which has done nothing yet.
   *
   * @param database The database.
   * @param bounds How far it goes.
   * @param budgetMs The time that a step takes, in milliseconds.
   */
  constructor(database: HousekeepingDatabase, bounds: CompactionBounds, budgetMs: number) {
    this.#database = database;
    this.#budgetMs = budgetMs;
    this.#bounds = bounds;
    this.#version = database.pager.meta.version;
    this.#compaction = new Compaction(database.context, database.catalog, bounds);
  }

  /** The number of pages moved or packed so far. */
  get moved(): number {
    return this.#compaction.moved + (this.#packing?.packed ?? 0);
  }

  /** Whether the next step waits for the flight that is in the air. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** The pages that may move, and how many of them are done. */
  get progress(): { done: number; total: number } {
    return this.#compaction.progress;
  }

  /**
   * Takes a step, between transactions. Returns whether more follow.
   *
   * @throws {CorruptionError} A page breaks a rule. The step has no effect; end the run.
   * @throws {LimitError} A step exceeds a limit. End the run.
   * @throws {IoError} The system refused. End the run.
   */
  step(): boolean {
    if (!this.#countOrPack((slice) => this.#change(slice))) this.#moveOn();
    // Each flight of those who commit carries one slice, so that they do not wait for more.
    this.#isWaiting = this.#database.isFlying && (this.#phase !== "move" || this.#busySteps > 0);
    return this.#phase !== "end";
  }

  /**
   * Where a packing begins that may end early: anywhere, so that several reach all leaves. The
   * golden ratio spreads versions evenly.
   */
  get #from(): number {
    const { packsMax } = this.#bounds;
    return packsMax === Infinity ? 0 : this.#database.pager.meta.version * GOLDEN % 1;
  }

  /**
   * Takes all steps in line, without a flight: the journal would not move while one is in the air.
   * Throws as `step` does.
   */
  finish(): void {
    const change = (slice: () => boolean) => this.#database.runSlice(slice, true);
    while (this.#countOrPack(change));
    if (this.#phase !== "make room" || !this.#database.pager.moveJournalToEnd()) return;
    while (change(() => this.#compaction.moveSlice(this.#budgetMs, true)));
  }

  #begin(phase: Phase): void {
    this.#phase = phase;
    this.#checkpoints = this.#database.pager.stats().checkpoints;
  }

  /** Counts or packs if that is next. Returns whether it was. */
  #countOrPack(change: (slice: () => boolean) => boolean): boolean {
    if (this.#phase === "count") this.#count();
    else if (this.#phase === "pack") this.#pack(change);
    else return false;
    return true;
  }

  #count(): void {
    if (this.#compaction.countSlice(this.#budgetMs)) return;
    const { isThin, isWorthwhile, hasTail } = this.#compaction;
    if (this.#packing === undefined && isThin) this.#begin("pack");
    else if (isWorthwhile) this.#begin("make room");
    else this.#begin(hasTail ? "cut" : "end");
  }

  /** Packs some leaves; after the last ones, counts again what is free now. */
  #pack(change: (slice: () => boolean) => boolean): void {
    const { context, catalog } = this.#database;
    const { packsMax, slicePagesMax } = this.#bounds;
    const packing = this.#packing ??= new Packing(context, catalog, { packsMax, from: this.#from });
    if (change(() => packing.slice(this.#budgetMs, slicePagesMax))) return;
    this.#compaction = new Compaction(context, catalog, this.#bounds);
    this.#begin("count");
  }

  #moveOn(): void {
    if (this.#phase === "move") this.#move();
    else if (this.#phase === "make room") this.#moveJournal("move");
    else if (this.#phase === "cut") this.#moveJournal("end");
  }

  #move(): void {
    const isAlone = this.#isAlone();
    if (isAlone) this.#syncSome();
    if (this.#change(() => this.#compaction.moveSlice(this.#budgetMs, isAlone))) return;
    this.#begin(this.moved > 0 ? "cut" : "end");
  }

  /** Whether nobody else commits. An archive takes what goes through the journal. */
  #isAlone(): boolean {
    const { meta, copies } = this.#database.pager;
    if (meta.version !== this.#version) this.#busySteps = QUIET_STEPS;
    else if (this.#busySteps > 0) this.#busySteps--;
    return this.#busySteps === 0 && !copies.isFollowed;
  }

  /** Takes a slice of a checkpoint if one is due. */
  #syncSome(): void {
    const synced = this.#synced;
    if (this.moved < synced.pages + UNSYNCED_PAGES) return;
    if (this.#database.pager.stats().checkpoints > synced.checkpoints) this.#noteSynced();
    else this.#database.checkpointSlice();
  }

  #noteSynced(): void {
    this.#synced.pages = this.moved;
    this.#synced.checkpoints = this.#database.pager.stats().checkpoints;
  }

  /** Changes some pages. Returns whether more may follow. */
  #change(slice: () => boolean): boolean {
    const { moved } = this;
    if (this.#database.pager.isOverdue) {
      // A slice would take the checkpoint to its end.
      this.#database.checkpointSlice();
      return true;
    }
    try {
      return this.#database.runSlice(slice);
    } finally {
      this.#version = this.#database.pager.meta.version;
      // Roots may have moved, even if the flush that followed has failed.
      if (this.moved > moved) this.#database.treesChanged();
    }
  }

  /**
   * Takes a slice of a checkpoint; after the last one, moves the journal behind the data. Then the
   * tail is cut off.
   */
  #moveJournal(next: Phase): void {
    const { pager } = this.#database;
    if (this.#database.checkpointSlice()) {
      const checkpoints = pager.stats().checkpoints - this.#checkpoints;
      if (pager.hasTail || checkpoints < CHECKPOINTS_MAX) return;
    } else if (this.#database.moveJournal()) return;
    this.#noteSynced();
    this.#begin(next);
  }
}
