/**
 * Measures what `prefetch` does where data is larger than memory, with reads as they are on this
 * machine, and as a slower disk would make them: for clients that get single keys, and for a scan.
 *
 * `deno task bench:prefetch [--quick]`. The data is 16 times the size of the cache.
 * `server/slow_reads.c` slows reads; it needs Linux and a C compiler.
 */

import { open } from "../mod.ts";
import { figureOf, short, tableOf } from "./measure/figures.ts";
import { Keys, Values } from "./measure/keys.ts";
import { loadOf } from "./measure/machine.ts";
import { inTempFolder } from "./measure/temp_folder.ts";
import type { PrefetchInput, PrefetchOutput } from "./prefetch/child.ts";
import { runChild } from "./server/child.ts";
import { compileSlowReads, slowReadEnvironment } from "./server/slow/slow_reads.ts";

const CHILD = new URL("./prefetch/child.ts", import.meta.url);
const CACHE_BYTES = 8 * 1024 * 1024;
/** An entry of 116 bytes takes 159 in leaves that were filled in random order. */
const ENTRIES = Math.ceil(16 * CACHE_BYTES / 159);
const READ_MS = [0, 1];
const FILE = "data.quire";
const TIMEOUT_MS = 60_000;
const EXIT_MISUSE = 2;

/** The size of a run. */
interface Size {
  readonly entries: number;
  readonly scanned: number;
  readonly ms: number;
  readonly rounds: number;
}

const FULL: Size = { entries: ENTRIES, scanned: 60_000, ms: 3000, rounds: 5 };
const QUICK: Size = { entries: 20_000, scanned: 2000, ms: 100, rounds: 1 };

/** A way to read, in all rounds. */
interface Way {
  readonly name: string;
  readonly prefetches: boolean;
  readonly samples: PrefetchOutput[];
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);

/** Runs the bench, and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== "--quick")) {
    console.error("Usage: deno task bench:prefetch [--quick]");
    return EXIT_MISUSE;
  }
  await inTempFolder((folder) => runAll(folder, args.length > 0 ? QUICK : FULL));
  return 0;
}

async function runAll(folder: string, size: Size): Promise<void> {
  const { signal } = new AbortController();
  fill(`${folder}/${FILE}`, size.entries);
  const slow = await compileSlowReads(folder, signal);
  const rows: string[][] = [];
  for (const readMs of READ_MS) {
    if (readMs > 0 && "absent" in slow) {
      console.log(`Absent: slower reads (${slow.absent})`);
      continue;
    }
    const env = "library" in slow && readMs > 0
      ? slowReadEnvironment(slow.library, `/${FILE}`, readMs)
      : {};
    const ways: Way[] = [
      { name: "read", prefetches: false, samples: [] },
      { name: "prefetch, read", prefetches: true, samples: [] },
    ];
    for (let round = 0; round < size.rounds; round++) {
      for (const way of ways) await runWay(way, `${folder}/${FILE}`, size, { signal, env, readMs });
    }
    for (const way of ways) rows.push(rowOf(readMs, way));
  }
  const clients = [
    "requests a second",
    "p50, p99, ms",
    "lag: mean, p99, worst, ms",
    "processor us",
  ];
  const scan = ["a scan, ms", "its longest turn, ms"];
  console.log(tableOf(["reads", "64 clients, a scan", ...clients, ...scan], rows));
  console.log(`load ${loadOf()}`);
}

/** Runs the clients and the scan once. */
async function runWay(
  { prefetches, samples }: Way,
  path: string,
  { entries, scanned, ms }: Size,
  { signal, env, readMs }: { signal: AbortSignal; env: Record<string, string>; readMs: number },
): Promise<void> {
  const input: PrefetchInput = {
    ...{ path, entries, scanned, ms, prefetches },
    ...{ cacheBytes: CACHE_BYTES, clients: 64 },
  };
  const options = { signal, env, timeoutMs: TIMEOUT_MS };
  const output = await runChild(CHILD, input, options) as PrefetchOutput;
  const { coldReadUs } = output.clients;
  if (coldReadUs < readMs * 1000) {
    throw new Error(`Cannot slow reads by ${readMs} ms: a read took ${coldReadUs} us`);
  }
  samples.push(output);
}

/** Creates the database of a run, by sets in random order. */
function fill(path: string, entries: number): void {
  const keys = new Keys(entries);
  const values = new Values();
  using db = open(path);
  for (let at = 0; at < entries;) {
    const end = Math.min(entries, at + 50_000);
    db.writeSync((tx) => {
      for (const tree = tx.tree("a"); at < end; at++) tree.set(keys.at(at), values.at(at));
    });
  }
}

function rowOf(readMs: number, { name, samples }: Way): string[] {
  const median = (valueOf: (sample: PrefetchOutput) => number) =>
    short(figureOf(samples.map(valueOf)).median);
  const worst = (valueOf: (sample: PrefetchOutput) => number) =>
    short(Math.max(...samples.map(valueOf)));
  const latency = [
    median(({ clients }) => clients.latency.p50),
    median(({ clients }) => clients.latency.p99),
  ];
  const lag = [
    median(({ clients }) => clients.lag.mean),
    median(({ clients }) => clients.lag.p99),
    worst(({ clients }) => clients.lag.worst),
  ];
  return [
    `+ ${readMs} ms`,
    name,
    median(({ clients }) => clients.rate),
    latency.join(", "),
    lag.join(", "),
    median(({ clients }) => clients.processorUs),
    median(({ scan }) => scan.elapsed),
    worst(({ scan }) => scan.longest),
  ];
}
