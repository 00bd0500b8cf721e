/**
 * The data of a watcher: changes, and the commits that contain them.
 *
 * A change describes the operation, not its effect: a range delete, a load or a drop does not list
 * the entries. A consumer that needs them reads the tree.
 */

import type { KeyRange } from "../read/range.ts";

/** One committed change of a tree. `R` is the type of the tree's ranges. */
export type Change<K = Uint8Array, V = Uint8Array, R = KeyRange<Uint8Array | string, unknown>> =
  /** The value of a key was set, whether or not that changed it. */
  | { readonly type: "set"; readonly key: K; readonly value: V }
  /** An entry was removed. */
  | { readonly type: "delete"; readonly key: K }
  /**
   * All entries of a range were removed, `count` of them, some possibly outside the watched range.
   * `range` is as given by the caller; `{}` is all entries.
   */
  | { readonly type: "deleteRange"; readonly range: R; readonly count: number }
  /**
   * `load` added or replaced `count` entries, anywhere in the tree. Their keys and values are not
   * reported: read the tree to get them.
   */
  | { readonly type: "load"; readonly count: number }
  /** The tree was removed with all its entries. */
  | { readonly type: "drop" }
  /** The tree was renamed. Watchers of either name receive it. */
  | { readonly type: "rename"; readonly from: string; readonly to: string };

/** A durable transaction, with its watched changes. */
export interface Commit<
  K = Uint8Array,
  V = Uint8Array,
  R = KeyRange<Uint8Array | string, unknown>,
> {
  /** Its version. Later commits have higher versions, with possible gaps. */
  readonly version: number;
  /** The changes, at least one, in order. */
  readonly changes: readonly Change<K, V, R>[];
}

/** A change whose key and value are bytes. */
export type RawChange = Change<Uint8Array, Uint8Array, unknown>;

/** A commit whose keys and values are bytes. */
export type RawCommit = Commit<Uint8Array, Uint8Array, unknown>;
