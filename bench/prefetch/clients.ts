/**
 * Clients of a server whose data is larger than its memory, in one process: each pauses for 1 to
 * 3 ms, and gets a random key, with or without a prefetch before.
 */

import * as fs from "node:fs";
import process from "node:process";
import { open, type Tree } from "../../mod.ts";
import { figureOf } from "../measure/figures.ts";
import { Keys, xorshift } from "../measure/keys.ts";
import { LoopLag } from "../server/client/loop_lag.ts";
import { Samples } from "../server/client/samples.ts";
import { type Lag, type Latency, latencyOf } from "../server/results.ts";

const PAUSE_MS_MAX = 3;
const READS = 15;

/** The clients. */
export interface ClientsInput {
  readonly path: string;
  readonly entries: number;
  readonly cacheBytes: number;
  readonly clients: number;
  readonly ms: number;
  /** Whether each client prefetches the key that it gets. */
  readonly prefetches: boolean;
}

/** Their figures. */
export interface ClientsOutput {
  /** Requests a second. */
  readonly rate: number;
  readonly latency: Latency;
  readonly lag: Lag;
  /** Processor time of all threads for each request, the rest of the client included. */
  readonly processorUs: number;
  /** The microseconds of a read from a part of the file that was not read lately. */
  readonly coldReadUs: number;
}

/** Runs clients for some time, after a quarter of it to warm up. */
export async function measureClients(input: ClientsInput): Promise<ClientsOutput> {
  const { path, entries, cacheBytes, ms } = input;
  const coldReadUs = measureColdRead(path);
  using db = open(path, { readOnly: true, cacheBytes });
  const tree = db.tree("a");
  const keys = new Keys(entries);
  await runClients(tree, keys, input, ms / 4);
  using lag = new LoopLag();
  const begin = performance.now();
  const before = process.cpuUsage();
  const times = await runClients(tree, keys, input, ms);
  const rate = times.length / (performance.now() - begin) * 1000;
  const { user, system } = process.cpuUsage(before);
  const processorUs = (user + system) / times.length;
  return { rate, latency: latencyOf(times), lag: lag.read(), processorUs, coldReadUs };
}

/** Runs clients for some time. Returns how long each request took. */
async function runClients(
  tree: Tree,
  keys: Keys,
  { clients, prefetches }: ClientsInput,
  ms: number,
): Promise<Samples> {
  const random = xorshift(2463534242);
  const times = new Samples();
  const end = performance.now() + ms;
  const runClient = async () => {
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 1 + random() % PAUSE_MS_MAX));
      const key = keys.at(random() % keys.count).slice();
      const begin = performance.now();
      if (prefetches) await tree.prefetch([key]);
      if (tree.get(key) === undefined) throw new Error("a key is missing");
      times.add(performance.now() - begin);
    }
  };
  await Promise.all(Array.from({ length: clients }, runClient));
  return times;
}

/** The median time of a read of one byte, each far from the others. */
function measureColdRead(path: string): number {
  const descriptor = fs.openSync(path, "r");
  try {
    const { size } = fs.fstatSync(descriptor);
    const samples = Array.from({ length: READS }, (_, i) => {
      const begin = performance.now();
      fs.readSync(descriptor, new Uint8Array(1), 0, 1, Math.floor(size * i / READS));
      return (performance.now() - begin) * 1000;
    });
    return Math.round(figureOf(samples).median);
  } finally {
    fs.closeSync(descriptor);
  }
}
