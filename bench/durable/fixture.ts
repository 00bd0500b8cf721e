/**
 * Common parts of the durable bench: its sizes, a folder, and filled databases.
 */

import { loadEngines } from "../engines/all_engines.ts";
import type { Engine, Store } from "../engines/engine.ts";
import type { Keys, Values } from "../measure/keys.ts";

/** Bytes of cache for every engine. */
export const CACHE_BYTES = 256 * 1024 * 1024;
/** lmdb-js writes least, and commits fastest, with small pages. */
const LMDB_PAGE_BYTES = 4096;

/** The sizes of the durable bench. */
export interface DurableSize {
  readonly rounds: number;
  /** Commits one after another, in each round. */
  readonly commits: number;
  /** Commits at once, in each round. */
  readonly concurrent: number;
  /** Entries of the databases that are changed. */
  readonly entries: number;
  /** Entries of the transaction that is larger than the cache. */
  readonly largeEntries: number;
  /** Commits among which pauses are looked for; with the large journal five times as many. */
  readonly pauseCommits: number;
}

/** The size for published figures. */
export const FULL_SIZE: DurableSize = {
  rounds: 7,
  commits: 500,
  concurrent: 10_000,
  entries: 1_000_000,
  largeEntries: 500_000,
  pauseCommits: 3200,
};

/** A size for a quick look. */
export const QUICK_SIZE: DurableSize = {
  rounds: 5,
  commits: 200,
  concurrent: 10_000,
  entries: 100_000,
  largeEntries: 200_000,
  pauseCommits: 1000,
};

/** The result of a section: a heading, a table, and the same as data. */
export interface Section {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly data: unknown;
  readonly notes: readonly string[];
}

/** The available and the absent engines. */
export function durableEngines(names: readonly string[]): ReturnType<typeof loadEngines> {
  return loadEngines(names, LMDB_PAGE_BYTES);
}

/** Opens a database and fills it in random order, so that its leaves are as full as usual. */
export async function openFilled(
  engine: Engine,
  path: string,
  keys: Keys,
  values: Values,
  cacheBytes: number = CACHE_BYTES,
): Promise<Store> {
  const store = await engine.open(path, { cacheBytes });
  await store.write(keys.count, (changes, i) => changes.put(keys.at(i), values.at(i)));
  store.checkpoint?.();
  return store;
}
