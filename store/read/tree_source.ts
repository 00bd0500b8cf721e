/**
 * Where a tree is read: the interface that the session, a transaction and a snapshot give to the
 * trees they hand out.
 */

import type { BTree } from "../../btree/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import type { Slab } from "./slab.ts";
import type { ViewGuard } from "./view_guard.ts";

/** A tree in the catalog. */
export interface FoundTree {
  /** The tree. */
  readonly entries: BTree;
  /** What the catalog keeps of its codecs. */
  readonly attributes: Uint8Array;
  /** Where the catalog is. */
  readonly catalogRoot: number;
}

/** Where a tree is read. */
export interface TreeSource {
  /** Goes up whenever a tree found by name may be another one. */
  readonly epoch: number;
  /** Memory for results. */
  readonly slab: Slab;
  /** Finds views that are used for too long, where that was asked for. */
  readonly views: ViewGuard | undefined;
  /** Throws when it cannot be read any more. */
  checkOpen(): void;
  /** The tree of a name, or undefined. */
  findTree(name: string): FoundTree | undefined;
  /** Whether iterators follow changes, as they do inside a transaction. */
  readonly followsChanges: boolean;
  /** Keeps the current version for an iterator; undefined where none has to be kept. */
  keepVersion(): PageSnapshot | undefined;
}
