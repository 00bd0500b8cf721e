/**
 * The latency of commits while checkpoints run, and the longest pause of the event loop.
 *
 * There is one commit in each turn of the event loop. A commit during which pages were written to
 * their places contains a slice of a checkpoint, or a whole one.
 */

import { setImmediate } from "node:timers/promises";
import type { Engine, Store } from "../engines/engine.ts";
import { quireEngine, QuireStore } from "../engines/quire.ts";
import { percentile, timeMs } from "../measure/figures.ts";
import { Keys, Values } from "../measure/keys.ts";
import { BareFile } from "../measure/machine.ts";
import { CACHE_BYTES, type DurableSize, type Section } from "./fixture.ts";

const MIB = 1024 * 1024;
const COMMITS_PER_BARE_WRITE = 4;

/** The latencies of steady commits. */
interface Pauses {
  readonly name: string;
  readonly commits: number;
  /** Commits with pages written in place. */
  readonly withCheckpoint: number;
  /** Latency of all commits, in milliseconds. */
  readonly all: Percentiles;
  /** Of those with pages written in place. */
  readonly checkpoint: Percentiles | undefined;
  /** The longest time between two turns of the event loop, in milliseconds. */
  readonly longestTurn: number;
  /** A bare durable write of 4 KiB, once for every few commits. */
  readonly bare: Percentiles;
}

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Commit latency with checkpoints. */
export async function pauseSection(
  engines: readonly Engine[],
  folder: string,
  size: DurableSize,
): Promise<Section> {
  const keys = new Keys(size.entries);
  const data: Pauses[] = [];
  const add = async (engine: Engine, name: string, commits: number) => {
    data.push(await pausesOf(engine, name, `${folder}/pauses${data.length}.db`, keys, commits));
  };
  await add(quireEngine({ journalBytes: 2 * MIB }), "Quire, journal 2 MiB", size.pauseCommits);
  await add(quireEngine(), "Quire, journal 32 MiB", 5 * size.pauseCommits);
  for (const engine of engines) {
    if (engine.name === "Quire" || engine.name === "Deno KV") continue;
    await add(engine, engine.name, size.pauseCommits);
  }
  return {
    title: "Commits while checkpoints run, ms",
    heads: [
      "",
      "p50",
      "p99",
      "max",
      "with checkpoint",
      "their p50",
      "their p99",
      "their max",
      "longest turn",
      "bare write p50",
      "its p99",
      "its max",
    ],
    rows: data.map(({ name, all, checkpoint, withCheckpoint, commits, longestTurn, bare }) => [
      name,
      ...cells(all),
      checkpoint === undefined ? "unknown" : `${withCheckpoint} of ${commits}`,
      ...cells(checkpoint),
      longestTurn.toFixed(2),
      ...cells(bare),
    ]),
    data,
    notes: [
      `Updates of random keys among ${size.entries}, one a turn of the event loop.`,
      "The bare write, 4 KiB on a descriptor with O_DSYNC, shows what the disk did meanwhile.",
    ],
  };
}

function cells(figures: Percentiles | undefined): string[] {
  if (figures === undefined) return ["", "", ""];
  return [figures.p50, figures.p99, figures.max].map((ms) => ms.toFixed(2));
}

async function pausesOf(
  engine: Engine,
  name: string,
  path: string,
  keys: Keys,
  commits: number,
): Promise<Pauses> {
  const values = new Values();
  const store = await engine.open(path, { cacheBytes: CACHE_BYTES });
  await store.load(keys.pairs(values));
  store.checkpoint?.();
  using bare = new BareFile(`${path}-bare`);
  const latencies: number[] = [];
  const checkpoints: number[] = [];
  const bareWrites: number[] = [];
  let longestTurn = 0;
  for (let i = 0; i < commits; i++) {
    const written = pagesWritten(store);
    const start = performance.now();
    await store.commit(keys.at(keys.shuffled(i)), values.at(i + 1));
    const ms = performance.now() - start;
    latencies.push(ms);
    if (pagesWritten(store) !== written) checkpoints.push(ms);
    await setImmediate();
    longestTurn = Math.max(longestTurn, performance.now() - start);
    if (i % COMMITS_PER_BARE_WRITE === 0) {
      bareWrites.push(await timeMs(() => bare.writeThrough()));
    }
  }
  await store.close();
  return {
    name,
    commits,
    withCheckpoint: checkpoints.length,
    all: percentiles(latencies),
    checkpoint: checkpoints.length === 0 ? undefined : percentiles(checkpoints),
    longestTurn,
    bare: percentiles(bareWrites),
  };
}

function pagesWritten(store: Store): number {
  return store instanceof QuireStore ? store.db.stats().pageWrites : 0;
}

function percentiles(samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: sorted.at(-1)! };
}
