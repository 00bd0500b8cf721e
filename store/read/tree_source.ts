/**
 * The source of a tree: the interface of the session, a transaction and a snapshot for the trees
 * that they return.
 */

import type { BTree } from "../../btree/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import type { Slab } from "../memory/slab.ts";
import type { ViewGuard } from "../memory/view_guard.ts";

/** A tree in the catalog. */
export interface FoundTree {
  /** The tree. */
  readonly entries: BTree;
  /** Its attributes in the catalog: the names of its codecs. */
  readonly attributes: Uint8Array;
  /** The root page of the catalog, for errors. */
  readonly catalogRoot: number;
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
  /** Keeps the current version for an iterator; undefined if none needs to be kept. */
  keepVersion(): PageSnapshot | undefined;
}
