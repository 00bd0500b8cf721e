/**
 * Compares the doors of `open`, `io` and `memory`, beside lmdb-js: look-ups where all data is in
 * the cache, look-ups where it is 16 times the cache, random changes there, and scans right after
 * opening: with the data in the system's cache, and where the system has dropped it. Otherwise all
 * data is in the system's cache, except for reads past it.
 *
 * `deno task bench:doors [--quick]`. It needs Linux.
 */

import * as fs from "node:fs";
import type { OpenOptions } from "../mod.ts";
import { openLibc } from "../pager/mod.ts";
import type { Engine, Store } from "./engines/engine.ts";
import { lmdbEngine } from "./engines/lmdb.ts";
import { quireEngine } from "./engines/quire.ts";
import { figureOf, short, tableOf } from "./measure/figures.ts";
import { Keys, Values } from "./measure/keys.ts";
import { loadOf } from "./measure/machine.ts";
import { inTempFolder } from "./measure/temp_folder.ts";

const MIB = 1024 * 1024;
const LARGE_CACHE_BYTES = 512 * MIB;
const SMALL_CACHE_BYTES = 8 * MIB;
/** An entry of 116 bytes takes 138 in leaves that were filled in order. */
const ENTRY_BYTES = 138;
const EXIT_MISUSE = 2;
const LMDB_PAGE_BYTES = 8192;
/** Reads past the system's cache wait for the disk. */
const DIRECT_SHARE = 20;
const SCANNED_MAX = 100_000;

/** The size of a run. */
interface Size {
  readonly entries: number;
  readonly reads: number;
  readonly rounds: number;
}

const FULL: Size = {
  entries: Math.ceil(16 * SMALL_CACHE_BYTES / ENTRY_BYTES),
  reads: 50_000,
  rounds: 5,
};
const QUICK: Size = { entries: 20_000, reads: 2000, rounds: 1 };

/** An engine with its doors. */
interface Way {
  readonly name: string;
  readonly engine: Engine;
  readonly isDirect: boolean;
  readonly samples: Map<string, number[]>;
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);

/** Runs the bench, and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== "--quick")) {
    console.error("Usage: deno task bench:doors [--quick]");
    return EXIT_MISUSE;
  }
  await inTempFolder((folder) => runAll(folder, args.length > 0 ? QUICK : FULL));
  return 0;
}

async function runAll(folder: string, size: Size): Promise<void> {
  const ways: Way[] = [
    wayOf("buffered", {}),
    wayOf("memory huge", { memory: "huge" }),
    wayOf("io direct", { io: "direct" }),
    wayOf("io map", { io: "map" }),
    {
      name: "lmdb-js",
      engine: await lmdbEngine(LMDB_PAGE_BYTES),
      isDirect: false,
      samples: new Map(),
    },
  ];
  const keys = new Keys(size.entries);
  console.log(`${size.entries} entries; load of the machine ${loadOf()}`);
  for (const way of ways) await fill(pathOf(folder, way), way, keys);
  for (let round = 0; round < size.rounds; round++) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      await runRound(pathOf(folder, way), way, keys, size);
    }
  }
  const works = [...ways[0]!.samples.keys()];
  const rows = works.map((work) => [
    work,
    ...ways.map(({ samples }) => short(figureOf(samples.get(work)!).median)),
  ]);
  console.log(tableOf(["microseconds", ...ways.map(({ name }) => name)], rows));
}

function wayOf(name: string, options: OpenOptions): Way {
  const isDirect = options.io === "direct";
  return { name, engine: quireEngine(options), isDirect, samples: new Map() };
}

/** The doors of Quire share a file. */
function pathOf(folder: string, { engine }: Way): string {
  return `${folder}/${engine.name}`;
}

async function fill(path: string, { engine }: Way, keys: Keys): Promise<void> {
  const store = await engine.open(path, { cacheBytes: LARGE_CACHE_BYTES });
  if (await store.count() === 0) await store.load(keys.pairs(new Values()));
  await store.close();
}

async function runRound(path: string, way: Way, keys: Keys, size: Size): Promise<void> {
  const { engine, isDirect } = way;
  const scanned = Math.min(SCANNED_MAX, keys.count);
  const scan = (store: Store) => store.scan(keys.at(keys.sorted()[0]!), scanned);
  drop(path);
  const cold = await engine.open(path, { cacheBytes: LARGE_CACHE_BYTES });
  await sample(way, "scan of what the system dropped, an entry", scanned, () => scan(cold));
  await cold.close();
  const large = await engine.open(path, { cacheBytes: LARGE_CACHE_BYTES });
  await sample(way, "scan after opening, an entry", scanned, () => scan(large));
  await sample(way, "the same scan again", scanned, () => scan(large));
  await getMany(large, keys, size.reads);
  await sample(way, "random get, data in the cache", size.reads, () => {
    return getMany(large, keys, size.reads);
  });
  await large.close();
  const small = await engine.open(path, { cacheBytes: SMALL_CACHE_BYTES });
  const reads = isDirect ? Math.ceil(size.reads / DIRECT_SHARE) : size.reads;
  await sample(way, "random get, data 16 x the cache", reads, () => getMany(small, keys, reads));
  await sample(way, "the same with other keys", reads, () => getMany(small, keys, reads, reads));
  await small.close();
}

/** Drops the files of a store, which is closed, from the system's cache. */
function drop(path: string): void {
  const libc = openLibc();
  const paths = Deno.statSync(path).isFile
    ? [path]
    : [...Deno.readDirSync(path)].map(({ name }) => `${path}/${name}`);
  for (const one of paths) {
    const descriptor = fs.openSync(one, "r+");
    fs.fsyncSync(descriptor);
    libc.advise(descriptor, "dontNeed");
    fs.closeSync(descriptor);
  }
}

async function getMany(store: Store, keys: Keys, reads: number, first = 0): Promise<void> {
  for (let i = first; i < first + reads; i++) {
    const found = store.get(keys.at(keys.shuffled(i * 7)));
    if (found instanceof Promise) await found;
  }
}

/** Adds the microseconds of one of `count` operations to the samples. */
async function sample(
  { samples }: Way,
  work: string,
  count: number,
  run: () => unknown,
): Promise<void> {
  const start = performance.now();
  await run();
  const us = (performance.now() - start) * 1000 / count;
  if (!samples.has(work)) samples.set(work, []);
  samples.get(work)!.push(us);
}
