/**
 * What a watcher hears of: changes, and the commits they are parts of.
 *
 * A change says what was done, not what it came to: of a range delete, a load or a drop the entries
 * are not listed, however many they were. Whoever needs them reads the tree.
 */

import type { KeyRange } from "../read/range.ts";

/** One change of a tree, as it was committed. `R` is what ranges of the tree are. */
export type Change<K = Uint8Array, V = Uint8Array, R = KeyRange<Uint8Array | string, unknown>> =
  /** A key got a value, whether or not it had one, or the same one. */
  | { readonly type: "set"; readonly key: K; readonly value: V }
  /** An entry was removed. */
  | { readonly type: "delete"; readonly key: K }
  /**
   * All entries of a range were removed, `count` of them: some may be outside of what is watched.
   * `range` is as it was given; `{}` is all entries.
   */
  | { readonly type: "deleteRange"; readonly range: R; readonly count: number }
  /**
   * Entries were added or replaced by `load`, `count` of them, anywhere in the tree. Their keys and
   * values are not told, so whoever needs them reads the tree again.
   */
  | { readonly type: "load"; readonly count: number }
  /** The tree was removed with all its entries. */
  | { readonly type: "drop" }
  /** The tree got another name. Those who watch either name hear of it. */
  | { readonly type: "rename"; readonly from: string; readonly to: string };

/** A transaction that is durable, with those of its changes that are watched. */
export interface Commit<
  K = Uint8Array,
  V = Uint8Array,
  R = KeyRange<Uint8Array | string, unknown>,
> {
  /** The version it made. A later commit has a higher one; they need not follow each other. */
  readonly version: number;
  /** At least one, in the order in which they were made. */
  readonly changes: readonly Change<K, V, R>[];
}

/** A change whose key and value are bytes. */
export type RawChange = Change<Uint8Array, Uint8Array, unknown>;

/** A commit whose keys and values are bytes. */
export type RawCommit = Commit<Uint8Array, Uint8Array, unknown>;
