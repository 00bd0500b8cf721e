/**
 * The prefetch of a tree: its arguments, and its end when the tree is closed or a signal aborts.
 * Finding the tree by its name comes first, and may read pages of the catalog in line.
 */

import { type BTree, prefetchKeys, prefetchRange, type PrefetchScope } from "../../btree/mod.ts";
import { checkOptions, SIGNAL } from "./argument_checks.ts";
import { inEntry } from "./codec_error.ts";
import { boundsOf, type Range } from "./range.ts";
import type { TreeFormat } from "./tree_format.ts";
import type { TreeSource } from "./tree_source.ts";

/** Options of `ReadTree.prefetch`. */
export interface PrefetchOptions {
  /** Ends the prefetch when aborted: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether to bring in values that are stored outside of their leaves: those over 1,024 bytes, or
   * over 2,048 if the key has more than 256. `has`, `keys` and `getStream` do not need them.
   * Default true.
   */
  readonly values?: boolean | undefined;
}

/** The tree of a prefetch. */
export interface Prefetched<KI, P> {
  /** Its name. */
  readonly name: string;
  /** The source of its pages. */
  readonly source: TreeSource;
  /** Its codecs. */
  readonly format: Pick<
    TreeFormat<unknown, unknown, KI, never, P>,
    "keyOf" | "boundOf" | "prefixOf"
  >;
  /** Finds the current tree, or undefined if no tree has the name. */
  find(): BTree | undefined;
}

/**
 * Brings the pages of a range, or of keys, into memory.
 *
 * @returns Whether all of them are there.
 */
export async function prefetch<KI, P>(
  tree: Prefetched<KI, P>,
  what: Range<KI, P> | Iterable<KI>,
  options: PrefetchOptions,
): Promise<boolean> {
  checkOptions("prefetch", options, { signal: SIGNAL, values: "boolean" });
  const keys = isIterable(what) ? encoded(tree, what) : undefined;
  const range = isIterable(what) ? undefined : boundsOf(what, tree.format);
  const scope = scopeOf(tree, options);
  if (scope === undefined) return refuseBadKeys(keys);
  if (keys !== undefined) await prefetchKeys(scope, keys);
  else if (range !== undefined) await prefetchRange(scope, range, range.limit);
  return scope.prefetch.isWhole;
}

/** What to bring in; undefined if nothing has to be. */
function scopeOf<KI, P>(
  { find, source }: Prefetched<KI, P>,
  { signal, values: takesValues = true }: PrefetchOptions,
): PrefetchScope | undefined {
  const btree = find();
  signal?.throwIfAborted();
  if (source.followsChanges) throw new TypeError("Cannot prefetch: a transaction is open");
  if (btree === undefined) return undefined;
  const prefetch = btree.context.pager.prefetches.begin(() => {
    source.checkOpen();
    signal?.throwIfAborted();
  });
  return prefetch && { find, prefetch, takesValues };
}

/** The bytes of keys, encoded one by one. */
function* encoded<KI, P>(
  { name, format }: Prefetched<KI, P>,
  keys: Iterable<KI>,
): Generator<Uint8Array, void, undefined> {
  for (const key of keys) {
    let bytes: Uint8Array;
    try {
      bytes = format.keyOf(key);
    } catch (error) {
      throw inEntry(error, name, key);
    }
    yield bytes;
  }
}

/** Encodes keys that need not be brought in, so that a wrong one is an error everywhere. */
function refuseBadKeys(keys: Iterable<Uint8Array> = []): true {
  for (const _ of keys);
  return true;
}

function isIterable<T>(what: object | Iterable<T>): what is Iterable<T> {
  if (ArrayBuffer.isView(what)) {
    throw new TypeError("Cannot prefetch: bytes are given, not a range or keys");
  }
  return typeof what === "object" && what !== null && Symbol.iterator in what;
}
