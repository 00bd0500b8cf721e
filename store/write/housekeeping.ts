/**
 * Housekeeping of a database: idle checkpoints, and the release of trees whose drop was interrupted
 * and of values that streams left unfinished when the file was last open.
 *
 * No caller waits for this work, so its errors are not reported. Damaged pages are left unchanged;
 * a later read of them reports the damage.
 */

import type { Catalog, UnfinishedValues } from "../../btree/mod.ts";
import { CorruptionError, IoError, LimitError, type Pager } from "../../pager/mod.ts";
import { IdleCheckpoint } from "./idle_checkpoint.ts";

/** The database that housekeeping works on. */
export interface Household {
  /** Its pager. */
  readonly pager: Pager;
  /** Its trees. */
  readonly catalog: Catalog;
  /** Its unfinished values. */
  readonly unfinished: UnfinishedValues;
  /** Runs a slice as its own transaction, at durability `"none"`. */
  runSlice(slice: () => boolean): boolean;
  /** Notes that a name may refer to another tree. */
  treesChanged(): void;
}

/** Housekeeping of a database. */
export class Housekeeping {
  readonly #database: Household;
  readonly #idle: IdleCheckpoint;
  #hasSweptUnfinished = false;
  /** Trees whose drop was interrupted; undefined until the catalog is read. */
  #dropped: number[] | undefined;

  /**
   * Creates the housekeeping of a database.
   *
   * @param database The database.
   * @param flushed Called after each slice of an idle checkpoint, including failed ones.
   */
  constructor(database: Household, flushed: () => void) {
    this.#database = database;
    this.#idle = new IdleCheckpoint(database.pager, flushed, () => this.#sweepDropped());
  }

  /** Notes a commit. */
  wake(): void {
    this.#idle.wake();
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
    if (this.#hasSweptUnfinished) return;
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

  /** Releases a slice of a tree whose drop was interrupted. Returns whether more may remain. */
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
