/**
 * The source of a tree: the interface of the session, a transaction and a snapshot for the trees
 * that they return.
 */

import type { BTree } from "../../btree/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import type { Slab } from "../memory/slab.ts";
import type { ViewGuard } from "../memory/view_guard.ts";
import type { Scan } from "./scan.ts";

/** A tree in the catalog. */
export interface FoundTree {
  /** The tree. */
  readonly btree: BTree;
  /** Its attributes in the catalog: the names of its codecs. */
  readonly attributes: Uint8Array;
  /** The root page of the catalog, for errors. */
  readonly catalogRoot: number;
}

/** The steps through the entries of a range. */
export interface Steps {
  /** The index in the leaf of the scan of the entry stepped to. */
  readonly at: number;
  /**
   * Steps to the next entry, at `at` of the scan. After an error the caller ends the steps.
   *
   * @returns The scan; undefined at the end of the range, or after `end`.
   */
  next(): Scan | undefined;
  /** Ends the steps, and releases what they hold. */
  end(): void;
}

/** The source of a tree. */
export interface TreeSource {
  /** Changes whenever a name may refer to another tree. */
  readonly epoch: number;
  /** Memory for results. */
  readonly slab: Slab;
  /** Overwrites expired views, with the option `debugViews`. */
  readonly views: ViewGuard | undefined;
  /** Throws if the source is closed. */
  checkOpen(): void;
  /** The tree of a name, or undefined. */
  findTree(name: string): FoundTree | undefined;
  /** Whether iterators follow changes, as they do inside a transaction. */
  readonly followsChanges: boolean;
  /**
   * Creates the steps of iterators and visits, if they are others than `ScanSteps`: where another
   * process writes the file, the first step may have to begin anew.
   */
  readonly stepsOf?: ((make: () => Steps) => Steps) | undefined;
  /** Keeps the current version for an iterator; undefined if none needs to be kept. */
  keepVersion(): PageSnapshot | undefined;
}
