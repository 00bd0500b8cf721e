/**
 * The workloads of the full bench, in groups that one process runs on one database.
 *
 * To add one: measure it in its group, and give it a target in `plan.ts`.
 */

import { Buffer } from "node:buffer";
import { cpuUsage } from "node:process";
import { type KeyCodec, open, string, tuple } from "../../mod.ts";
import type { Engine, Later, Store } from "../engines/engine.ts";
import { QuireStore } from "../engines/quire.ts";
import { figureOf, timeMs } from "../measure/figures.ts";
import { Keys, Values, xorshift, Zipf } from "../measure/keys.ts";
import { bytesOnDisk, bytesWritten } from "../measure/machine.ts";
import { orderedKey, valueOf } from "../scale/values.ts";
import type { Group, Size } from "./plan.ts";

const MIB = 1024 * 1024;
const CACHE_BYTES = 512 * MIB;
/** The cache for each entry, if the default is too small. */
const CACHE_BYTES_AN_ENTRY = 300;
/** Quire's smallest cache. */
const COLD_CACHE_BYTES = 8 * MIB;
const BATCH = 1000;
const PREFIX_BYTES = 20;
const CONCURRENT = 10_000;
const SINGLE_COMMITS = 200;
const LARGE_VALUE_BYTES = MIB;
const LARGE_VALUES_A_TRANSACTION = 16;
/** The cache, and the values, of a database that is far larger. */
const HUGE_CACHE_BYTES = 256 * MIB;
const HUGE_VALUE_BYTES = 60;

/** The key where a scan of everything begins. */
const FIRST = new Uint8Array(0);

/** The figures of a group: nanoseconds an operation, or as the name says, by workload. */
export type Samples = Record<string, number>;

/** The measurements of a group. */
export interface Measured {
  readonly samples: Samples;
  /** Nanoseconds of processor time an operation, all threads together, by workload. */
  readonly processor: Samples;
}

/** Runs a group on new databases in a folder. */
export async function runGroup(
  group: Group,
  engine: Engine,
  folder: string,
  size: Size,
): Promise<Measured> {
  const samples: Samples = {};
  const processor: Samples = {};
  await RUNNERS[group]({ engine, folder, size, samples, processor, values: new Values() });
  return { samples, processor };
}

interface Run {
  readonly engine: Engine;
  readonly folder: string;
  readonly size: Size;
  readonly samples: Samples;
  readonly processor: Samples;
  readonly values: Values;
}

const RUNNERS: Readonly<Record<Group, (run: Run) => Promise<void>>> = {
  inserted: runInserted,
  loaded: runLoaded,
  keys: runKeys,
  cold: runCold,
  growth: runGrowth,
  open: runOpen,
  huge: runHuge,
};

/** Measures elapsed and processor time of work with a number of operations. */
async function measure(
  { samples, processor }: Run,
  name: string,
  operations: number,
  work: () => Later<unknown>,
): Promise<void> {
  const before = cpuUsage();
  const start = performance.now();
  const later = work();
  if (later instanceof Promise) await later;
  samples[name] = (performance.now() - start) * 1e6 / operations;
  const { user, system } = cpuUsage(before);
  processor[name] = (user + system) * 1000 / operations;
}

async function runInserted(run: Run): Promise<void> {
  const { engine, folder, size, values } = run;
  const keys = new Keys(size.entries + 2 * size.transactions * BATCH);
  const path = `${folder}/inserted.db`;
  const store = await engine.open(path, { cacheBytes: CACHE_BYTES });
  await measure(run, "random insert, one transaction", size.entries, () => {
    return store.write(size.entries, (changes, i) => changes.put(keys.at(i), values.at(i)));
  });
  await measureReads(run, store, keys);
  await measureWrites(run, store, keys);
  await measureMixed(run, store, keys);
  await measureCommits(run, store, keys);
  await store.close();
}

async function measureReads(run: Run, store: Store, keys: Keys): Promise<void> {
  const { size } = run;
  if (store.getView !== undefined) {
    await measure(run, "random get, view", size.reads, () => viewMany(store, keys, size));
  }
  await measure(run, "random get, owned", size.reads, () => getMany(store, keys, size));
  await measureKeysAtOnce(run, store, keys);
  await measure(run, "range of 10", size.ranges, () => rangeMany(store, keys, size));
  const visited = { scan: store.visit?.bind(store) ?? store.scan.bind(store) };
  await measure(run, "range of 10, visit", size.ranges, () => rangeMany(visited, keys, size));
  await measure(run, "full scan, visit", size.entries, async () => {
    const bytes = await visited.scan(FIRST, Infinity);
    check(bytes, size.entries * (keys.keyBytes + Values.bytes));
  });
  await measure(run, "full scan, owned", size.entries, async () => {
    const bytes = await store.scan(FIRST, Infinity);
    check(bytes, size.entries * (keys.keyBytes + Values.bytes));
  });
  await measureCount(run, store);
}

/** The median of five counts, or a single one if that takes long. */
async function measureCount({ samples, size }: Run, store: Store): Promise<void> {
  const times: number[] = [];
  for (let spent = 0; times.length < 5 && spent < 100; spent += times.at(-1)!) {
    times.push(await timeMs(async () => check(await store.count(), size.entries)));
  }
  samples["count, whole"] = figureOf(times).median * 1e6;
}

async function getMany(store: Store, keys: Keys, { reads, entries }: Size): Promise<void> {
  let bytes = 0;
  for (let i = 0; i < reads; i++) {
    const found = store.get(keys.at(keys.shuffled(i) % entries));
    bytes += (found instanceof Promise ? await found : found)?.length ?? 0;
  }
  check(bytes, reads * Values.bytes);
}

function viewMany(store: Store, keys: Keys, { reads, entries }: Size): void {
  let bytes = 0;
  for (let i = 0; i < reads; i++) {
    bytes += store.getView!(keys.at(keys.shuffled(i) % entries))?.length ?? 0;
  }
  check(bytes, reads * Values.bytes);
}

/** Gets of a thousand keys in one call. */
async function measureKeysAtOnce(run: Run, store: Store, keys: Keys): Promise<void> {
  if (store.getMany === undefined) return;
  const { reads, entries } = run.size;
  const some = Array.from({ length: BATCH }, () => new Uint8Array(keys.keyBytes));
  const getAll = async () => {
    let bytes = 0;
    for (let from = 0; from < reads; from += BATCH) {
      for (let i = 0; i < BATCH; i++) some[i]!.set(keys.at(keys.shuffled(from + i) % entries));
      for (const value of await store.getMany!(some)) bytes += value?.length ?? 0;
    }
    check(bytes, reads * Values.bytes);
  };
  // Quire runs other code on the small tree of the warm-up.
  await getAll();
  await measure(run, "get of 1,000 keys, a key", reads, getAll);
}

async function rangeMany(
  store: Pick<Store, "scan">,
  keys: Keys,
  { ranges, entries }: Size,
): Promise<void> {
  let bytes = 0;
  for (let i = 0; i < ranges; i++) {
    const later = store.scan(keys.at(keys.shuffled(i) % entries), 10);
    bytes += later instanceof Promise ? await later : later;
  }
  // The last keys have fewer after them.
  if (bytes > ranges * 10 * (keys.keyBytes + Values.bytes)) throw new Error("too many entries");
}

async function measureWrites(run: Run, store: Store, keys: Keys): Promise<void> {
  const { size, values } = run;
  await measure(
    run,
    "random update, one transaction",
    size.changes,
    () =>
      store.write(size.changes, (changes, i) => {
        changes.put(keys.at(keys.shuffled(i) % size.entries), values.at(i + 1));
      }),
  );
  const written = bytesWritten();
  await measure(run, "random update, 1,000 a transaction", size.transactions * BATCH, async () => {
    for (let batch = 0; batch < size.transactions; batch++) {
      const later = store.write(BATCH, (changes, i) => {
        const at = batch * BATCH + i;
        changes.put(keys.at(keys.shuffled(at) % size.entries), values.at(at + 2));
      });
      if (later instanceof Promise) await later;
    }
  });
  store.checkpoint?.();
  const updates = size.transactions * BATCH;
  note(run, "bytes written an update, 1,000 a transaction", written, updates);
  await measure(run, "random insert, 1,000 a transaction", updates, async () => {
    for (let batch = 0; batch < size.transactions; batch++) {
      const from = size.entries + batch * BATCH;
      const later = store.write(BATCH, (changes, i) => {
        changes.put(keys.at(from + i), values.at(i));
      });
      if (later instanceof Promise) await later;
    }
  });
}

async function measureMixed(run: Run, store: Store, keys: Keys): Promise<void> {
  for (const [name, reads] of [["mixed 50/50, Zipf", 50], ["mixed 95/5, Zipf", 95]] as const) {
    const zipf = new Zipf(run.size.entries);
    const indexes = Array.from({ length: run.size.reads }, () => zipf.next());
    await measure(run, name, indexes.length, () => mix(run, store, keys, indexes, reads));
  }
}

/** Reads and writes, committed durably after every thousand operations. */
async function mix(
  { values }: Run,
  store: Store,
  keys: Keys,
  indexes: readonly number[],
  readsOf100: number,
): Promise<void> {
  const random = xorshift(2463534242);
  const writes: number[] = [];
  let bytes = 0;
  let reads = 0;
  for (let i = 0; i < indexes.length; i++) {
    if (random() % 100 >= readsOf100) writes.push(indexes[i]!);
    else {
      const found = store.get(keys.at(indexes[i]!));
      bytes += (found instanceof Promise ? await found : found)?.length ?? 0;
      reads++;
    }
    if ((i + 1) % BATCH !== 0) continue;
    const later = store.write(writes.length, (changes, at) => {
      changes.put(keys.at(writes[at]!), values.at(i + at));
    });
    if (later instanceof Promise) await later;
    writes.length = 0;
  }
  check(bytes, reads * Values.bytes);
}

async function measureCommits(run: Run, store: Store, keys: Keys): Promise<void> {
  const { size, values } = run;
  await measure(run, "one durable commit", SINGLE_COMMITS, async () => {
    for (let i = 0; i < SINGLE_COMMITS; i++) {
      await store.commit(keys.at(keys.shuffled(i)), values.at(i + 3));
    }
  });
  const count = run.engine.name === "Deno KV" ? CONCURRENT / 10 : CONCURRENT;
  const entries = Array.from({ length: count }, (_, i): [Uint8Array, Uint8Array] => {
    return [keys.at(keys.shuffled(i)).slice(), values.at(i + 4)];
  });
  await measure(run, "10,000 durable sets at once", count, () => store.commitAll(entries));
  await measure(run, "random delete, one transaction", size.changes, () => {
    return store.write(size.changes, (changes, i) => {
      changes.remove(keys.at(keys.shuffled(i) % size.entries));
    });
  });
}

async function runLoaded(run: Run): Promise<void> {
  const { engine, folder, size, values, samples } = run;
  const keys = new Keys(size.entries);
  keys.sorted();
  const path = `${folder}/loaded.db`;
  const store = await engine.open(path, { cacheBytes: CACHE_BYTES });
  const written = bytesWritten();
  await measure(run, "ordered bulk load", size.entries, () => store.load(keys.pairs(values)));
  store.checkpoint?.();
  note(run, "bytes written a loaded entry", written, size.entries);
  await store.close();
  samples["bytes on disk an entry, bulk load"] = bytesOnDisk(folder) / size.entries;
  const start = performance.now();
  const again = await engine.open(path, { cacheBytes: CACHE_BYTES });
  samples["reopen, whole"] = (performance.now() - start) * 1e6;
  await measure(run, "first scan of a loaded file", size.entries, async () => {
    check(await again.scan(new Uint8Array(0), Infinity), size.entries * (16 + Values.bytes));
  });
  await again.close();
}

/** Keys with a shared prefix, and keys of codecs, compared with plain ones. */
async function runKeys(run: Run): Promise<void> {
  for (const prefixBytes of [0, PREFIX_BYTES]) {
    const keys = new Keys(run.size.entries, prefixBytes);
    const path = `${run.folder}/prefix${prefixBytes}.db`;
    const store = await filled(run, path, keys, CACHE_BYTES);
    const name = `random get, ${prefixBytes === 0 ? "no" : "20-byte"} shared prefix`;
    await measure(run, name, run.size.reads, () => getMany(store, keys, run.size));
    await store.close();
  }
  const texts = new Keys(run.size.entries);
  const textAt = (i: number) => Buffer.from(texts.at(i).subarray(0, 8)).toString("hex");
  await measureCodec(run, "random get, string keys", string, textAt);
  await measureCodec(run, "random get, tuple keys", tuple, (i) => [textAt(i), i]);
}

/**
 * Gets by keys of a codec, created beforehand in the order of access: with a million objects
 * in another order, access to the objects would dominate.
 */
async function measureCodec<K, KI>(
  run: Run,
  name: string,
  codec: KeyCodec<K, KI>,
  keyAt: (index: number) => KI,
): Promise<void> {
  const { entries, reads } = run.size;
  const order = new Keys(entries);
  using db = open(`${run.folder}/${name}.db`, { cacheBytes: CACHE_BYTES });
  const tree = db.tree("entries", { key: codec });
  db.writeSync((tx) => {
    const inside = tx.tree(tree);
    for (let i = 0; i < entries; i++) inside.set(keyAt(i), run.values.at(i));
  });
  db.checkpoint();
  const keys = Array.from({ length: reads }, (_, i) => keyAt(order.shuffled(i)));
  await measure(run, name, reads, () => {
    let bytes = 0;
    for (let i = 0; i < reads; i++) bytes += tree.get(keys[i]!)?.length ?? 0;
    check(bytes, reads * Values.bytes);
  });
}

async function runCold(run: Run): Promise<void> {
  const size = { ...run.size, entries: run.size.coldEntries };
  const keys = new Keys(size.entries);
  const path = `${run.folder}/cold.db`;
  await (await filled({ ...run, size }, path, keys, CACHE_BYTES)).close();
  run.samples["bytes on disk an entry, random insert"] = bytesOnDisk(run.folder) / keys.count;
  const store = await run.engine.open(path, { cacheBytes: COLD_CACHE_BYTES });
  await measure(run, "random get, data 16 x cache", size.reads, () => getMany(store, keys, size));
  if (store instanceof QuireStore) {
    run.samples["cache peak at data 16 x cache, bytes"] = store.db.stats().cachePeakBytes;
  }
  await store.close();
}

async function runGrowth(run: Run): Promise<void> {
  for (const entries of run.size.growth) {
    const size = { ...run.size, entries };
    const keys = new Keys(entries + 2 * BATCH * size.transactions);
    const cacheBytes = Math.max(CACHE_BYTES, entries * CACHE_BYTES_AN_ENTRY);
    const store = await filled({ ...run, size }, `${run.folder}/${entries}.db`, keys, cacheBytes);
    await measure(run, `get at ${entries}`, size.reads, () => getMany(store, keys, size));
    const inserts = Math.min(size.transactions * BATCH, entries);
    await measure(run, `insert at ${entries}`, inserts, () => {
      return store.write(inserts, (changes, i) => {
        changes.put(keys.at(entries + i), run.values.at(i));
      });
    });
    await store.close();
  }
}

async function filled(run: Run, path: string, keys: Keys, cacheBytes: number): Promise<Store> {
  const store = await run.engine.open(path, { cacheBytes });
  await store.write(run.size.entries, (changes, i) => changes.put(keys.at(i), run.values.at(i)));
  store.checkpoint?.();
  return store;
}

/** Opens a large database and reads one value. */
async function runOpen(run: Run): Promise<void> {
  const { engine, folder, size, samples } = run;
  const path = `${folder}/open.db`;
  const keys = new Keys(size.openBytes / LARGE_VALUE_BYTES);
  const value = new Uint8Array(LARGE_VALUE_BYTES).fill(1);
  const store = await engine.open(path, { cacheBytes: CACHE_BYTES });
  for (let from = 0; from < keys.count; from += LARGE_VALUES_A_TRANSACTION) {
    const count = Math.min(LARGE_VALUES_A_TRANSACTION, keys.count - from);
    await store.write(count, (changes, i) => changes.put(keys.at(from + i), value));
  }
  await store.close();
  const start = performance.now();
  const again = await engine.open(path, { cacheBytes: CACHE_BYTES });
  samples["open a large database, whole"] = (performance.now() - start) * 1e6;
  if (again instanceof QuireStore) {
    samples["cache after opening it, bytes"] = again.db.stats().cacheUsedBytes;
  }
  await measure(run, "first get after opening it", 1, () => again.get(keys.at(0)));
  await again.close();
}

/** A database far larger than the cache, which is loaded in order. */
async function runHuge(run: Run): Promise<void> {
  const { engine, folder, size, samples } = run;
  const { hugeEntries: entries } = size;
  const path = `${folder}/huge.db`;
  const store = await engine.open(path, { cacheBytes: HUGE_CACHE_BYTES });
  await measure(run, `ordered load at ${entries}`, entries, () => store.load(hugePairs(entries)));
  store.checkpoint?.();
  await store.close();
  samples[`bytes on disk an entry, ${entries}`] = bytesOnDisk(folder) / entries;
  let again!: Store;
  await measure(run, `open at ${entries}, whole`, 1, async () => {
    again = await engine.open(path, { cacheBytes: HUGE_CACHE_BYTES });
    await again.get(orderedKey(0, 0));
  });
  const random = xorshift(362436069);
  const getSome = async () => {
    for (let i = 0; i < size.reads; i++) {
      const value = await again.get(orderedKey(0, 2 * (random() % entries)));
      check(value?.length ?? 0, HUGE_VALUE_BYTES);
    }
  };
  await getSome();
  await measure(run, `random get at ${entries}`, size.reads, getSome);
  const inserts = size.transactions * BATCH;
  await measure(run, `random insert at ${entries}, 1,000 a transaction`, inserts, async () => {
    for (let batch = 0; batch < size.transactions; batch++) {
      await again.write(BATCH, (changes, i) => {
        changes.put(orderedKey(0, 2 * (random() % entries) + 1), valueOf(i, HUGE_VALUE_BYTES));
      });
    }
  });
  await measure(run, `count at ${entries}, whole`, 1, async () => {
    const count = await again.count();
    if (count < entries) throw new Error(`${count} entries of ${entries}`);
  });
  if (again instanceof QuireStore) {
    const { db } = again;
    await measure(run, `backup at ${entries}, whole`, 1, () => db.backup(`${folder}/copy.db`));
  }
  await again.close();
}

function* hugePairs(entries: number): Generator<[Uint8Array, Uint8Array]> {
  for (let i = 0; i < entries; i++) yield [orderedKey(0, 2 * i), valueOf(i, HUGE_VALUE_BYTES)];
}

function note(run: Run, name: string, before: number | undefined, operations: number): void {
  const now = bytesWritten();
  if (before !== undefined && now !== undefined) run.samples[name] = (now - before) / operations;
}

function check(actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`read ${actual}, expected ${expected}`);
}
