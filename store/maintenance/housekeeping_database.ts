/**
 * The database as its housekeeping and compactions see it.
 */

import type { Catalog, TreeContext, UnfinishedValues } from "../../btree/mod.ts";
import type { Pager } from "../../pager/mod.ts";

/** The database that housekeeping works on. */
export interface HousekeepingDatabase {
  /** Its pager. */
  readonly pager: Pager;
  /** The context of its trees. */
  readonly context: TreeContext;
  /** Its trees. */
  readonly catalog: Catalog;
  /** Its unfinished values. */
  readonly unfinished: UnfinishedValues;
  /**
   * Runs a slice as its own transaction, at durability `"none"`, or in the open one.
   *
   * @param isInLine Whether no flight may take off.
   */
  runSlice(slice: () => boolean, isInLine?: boolean): boolean;
  /** Whether a flight is in the air. */
  readonly isFlying: boolean;
  /** Takes a slice of a checkpoint. Returns whether more may remain. */
  checkpointSlice(): boolean;
  /** Moves the journal behind the data. Returns whether the move is under way. */
  moveJournal(): boolean;
  /** Notes that a name may refer to another tree. */
  treesChanged(): void;
}
