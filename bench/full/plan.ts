/**
 * The plan of the full bench: its groups, sizes and targets.
 */

/** The sizes of the workloads. */
export interface Size {
  readonly rounds: number;
  /** Entries of a database. */
  readonly entries: number;
  /** Single reads. */
  readonly reads: number;
  /** Ranges of ten. */
  readonly ranges: number;
  /** Updates and deletes in one transaction. */
  readonly changes: number;
  /** Transactions of a thousand. */
  readonly transactions: number;
  /** Entries of the database that is 16 times the cache. */
  readonly coldEntries: number;
  /** Entries at each point of the growth curve. */
  readonly growth: readonly number[];
  /** Bytes of the database that is opened. */
  readonly openBytes: number;
  /** Entries of the database of `huge`. */
  readonly hugeEntries: number;
}

/** The size for published figures. */
export const FULL: Size = {
  rounds: 5,
  entries: 1_000_000,
  reads: 100_000,
  ranges: 10_000,
  changes: 200_000,
  transactions: 50,
  coldEntries: 1_157_000,
  growth: [10_000, 100_000, 1_000_000, 10_000_000],
  openBytes: 4 * 2 ** 30,
  hugeEntries: 100_000_000,
};

/** A size for a quick look of a minute or two. */
export const QUICK: Size = {
  rounds: 3,
  entries: 50_000,
  reads: 20_000,
  ranges: 2000,
  changes: 10_000,
  transactions: 5,
  coldEntries: 200_000,
  growth: [1000, 10_000, 100_000],
  openBytes: 2 ** 27,
  hugeEntries: 100_000,
};

/** The size of the warm-up of every engine. */
export const WARM_UP: Size = {
  rounds: 1,
  entries: 5000,
  reads: 20_000,
  ranges: 500,
  changes: 2000,
  transactions: 2,
  coldEntries: 5000,
  growth: [5000],
  openBytes: 2 ** 22,
  hugeEntries: 5000,
};

/** A smaller size, for an engine that would take an hour. */
export function lessOf(size: Size, share: number): Size {
  const less = (count: number) => Math.ceil(count / share);
  return {
    ...size,
    entries: less(size.entries),
    reads: less(size.reads),
    ranges: less(size.ranges),
    changes: less(size.changes),
    transactions: less(size.transactions),
    coldEntries: less(size.coldEntries),
    growth: size.growth.map(less),
  };
}

/** The factor by which Deno KV gets less; its figures are still for each operation. */
export const KV_SHARE = 50;

/** Workloads that one process runs after another on one database. */
export type Group = "inserted" | "loaded" | "keys" | "cold" | "growth" | "open" | "huge";

/** The engines that run a group; others have no equivalent, or take too long. */
export const GROUPS: Readonly<Record<Group, readonly string[]>> = {
  inserted: ["Quire", "lmdb-js", "node:sqlite", "classic-level", "Deno KV"],
  cold: ["Quire", "lmdb-js", "node:sqlite", "classic-level"],
  loaded: ["Quire", "lmdb-js", "node:sqlite", "classic-level", "Deno KV"],
  keys: ["Quire"],
  growth: ["Quire", "lmdb-js", "node:sqlite"],
  open: ["Quire"],
  huge: ["Quire", "lmdb-js", "node:sqlite"],
};

/** The groups that run once. */
export const ONCE: ReadonlySet<Group> = new Set(["open", "huge"]);
/** The group that runs only if it is asked for: it takes minutes, and 30 GB of disk. */
export const ON_DEMAND: Group = "huge";

/** The target: how many times faster than a peer Quire should be, by workload. */
export const TARGETS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "random get, view": { "lmdb-js": 2.5, "node:sqlite": 8, "Deno KV": 50 },
  "random get, owned": { "lmdb-js": 2.5 },
  "full scan, owned": { "lmdb-js": 20, "node:sqlite": 20, "classic-level": 20, "Deno KV": 20 },
  "range of 10": { "lmdb-js": 8, "node:sqlite": 8 },
  "range of 10, visit": { "lmdb-js": 8, "node:sqlite": 8 },
  "full scan, visit": { "lmdb-js": 20 },
  "get of 1,000 keys, a key": { "lmdb-js": 5 },
  "random insert, one transaction": { "lmdb-js": 2, "classic-level": 1.2 },
  "random insert, 1,000 a transaction": { "lmdb-js": 3 },
  "ordered bulk load": { "lmdb-js": 8 },
  "random update, one transaction": { "lmdb-js": 2 },
  "random delete, one transaction": { "lmdb-js": 2 },
  "one durable commit": { "lmdb-js": 2, "node:sqlite": 1 },
  "10,000 durable sets at once": { "lmdb-js": 8 },
  "mixed 50/50, Zipf": { "lmdb-js": 2.5 },
  "mixed 95/5, Zipf": { "lmdb-js": 2.5 },
  "random get, data 16 x cache": { "node:sqlite": 1.5 },
};
