/**
 * What a database does for itself: checkpoints while nobody writes, trees whose drop was
 * interrupted, and values that streams left unfinished when the file was open last.
 *
 * None of it is anybody's transaction, so nobody hears of its errors. What is damaged stays as it
 * is, and whoever reads it will be told.
 */

import type { Catalog, UnfinishedValues } from "../../btree/mod.ts";
import { CorruptionError, IoError, LimitError, type Pager } from "../../pager/mod.ts";
import { IdleCheckpoint } from "./idle_checkpoint.ts";

/** The database that is looked after. */
export interface Household {
  /** Its pager. */
  readonly pager: Pager;
  /** Its trees. */
  readonly catalog: Catalog;
  /** Its values that streams write in parts. */
  readonly unfinished: UnfinishedValues;
  /** Runs a slice as a transaction of its own, as durable as memory allows. */
  runSlice(slice: () => boolean): boolean;
  /** A name may mean another tree from now on. */
  treesChanged(): void;
}

/** What a database does for itself. */
export class Housekeeping {
  readonly #database: Household;
  readonly #idle: IdleCheckpoint;
  #hasSweptUnfinished = false;
  /** Trees whose drop was interrupted; undefined until the catalog is asked. */
  #dropped: number[] | undefined;

  /**
   * The housekeeping of a database.
   *
   * @param database The database.
   * @param flushed Called after each slice of an idle checkpoint, also one that failed.
   */
  constructor(database: Household, flushed: () => void) {
    this.#database = database;
    this.#idle = new IdleCheckpoint(database.pager, flushed, () => this.#sweepDropped());
  }

  /** Notes that something was committed. */
  wake(): void {
    this.#idle.wake();
  }

  /** Ends for good. */
  stop(): void {
    this.#idle.stop();
  }

  /** Notes a rollback, which may have taken back a slice of a drop. */
  rolledBack(): void {
    this.#dropped = undefined;
  }

  /** Before the first transaction: gives back what was never finished. */
  beforeFirstWrite(): void {
    if (this.#hasSweptUnfinished) return;
    this.#hasSweptUnfinished = true;
    const { catalog, unfinished } = this.#database;
    let numbers: number[] = [];
    unlessDamaged(() => {
      numbers = unfinished.numbers();
    });
    if (numbers.length === 0) return;
    for (const number of numbers) this.#sweepAll(() => unfinished.release(number));
    // Trees that were made for them have been dropped.
    this.#sweepAll(() => catalog.sweep());
    this.#database.treesChanged();
  }

  #sweepAll(slice: () => boolean): void {
    unlessDamaged(() => {
      while (this.#database.runSlice(slice));
    });
  }

  /** Gives back a slice of a tree whose drop was interrupted; whether there may be more. */
  #sweepDropped(): boolean {
    const { catalog } = this.#database;
    let left: number[] = [];
    try {
      left = this.#dropped ?? [...catalog.dropped()];
      if (left.length > 0 && !this.#database.runSlice(() => catalog.sweep(undefined, left[0]))) {
        left.shift();
      }
    } catch (error) {
      if (error instanceof IoError || error instanceof LimitError) return false;
      if (!(error instanceof CorruptionError)) throw error;
      left.shift();
    }
    this.#dropped = left;
    return left.length > 0;
  }
}

function unlessDamaged(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
}
