/**
 * What a server asks of an engine, without HTTP, in a process of its own: prints the figures of
 * each part as one line of JSON.
 *
 * - `clients`: each client awaits its own set, and pauses for 1 to 3 ms, so that few sets of
 *   different clients fall into one turn of the event loop.
 * - `sequential`: awaited sets, one after another.
 * - `small` and `large`: many sets at once, among the entries of a small and of a large database.
 * - `checkpoints`: callers that await 20 sets at once, so that the journal of the large database is
 *   filled several times.
 */

import { openFilled } from "../durable/fixture.ts";
import type { Engine, Store } from "../engines/engine.ts";
import { figureOf, timeMs } from "../measure/figures.ts";
import { Keys, Values, xorshift } from "../measure/keys.ts";
import { idleLag, LoopLag } from "./client/loop_lag.ts";
import { Samples } from "./client/samples.ts";
import { threadClock } from "./client/thread_time.ts";
import { isNoEngine, loadServerEngine } from "./no_engine.ts";
import type { Part } from "./plan.ts";
import { type Lag, latencyOf, type Sample } from "./results.ts";
import { syncUs } from "./slow/sync_cost.ts";

const IDLE_MS = 300;
const WARM_UP_MS = 300;
const PAUSE_MS_MAX = 3;
/** Runs of many sets at once, after one more to warm up: the first ones grow a new file. */
const RUNS_AT_ONCE = 15;
/** Deno KV takes many sets at once one by one, so it is given 200 at most. */
const KV_SETS = 200;
/** The callers of `checkpoints`, and the sets of each at once. */
const CALLERS = 32;
const CALLER_SETS = 20;
/** `checkpoints` takes this many times as long as another part. */
const CHECKPOINT_TIMES = 4;

/** What to run. */
export interface InProcessInput {
  readonly engine: string;
  readonly folder: string;
  readonly parts: readonly Part[];
  readonly entries: number;
  readonly largeEntries: number;
  readonly clients: number;
  readonly sets: number;
  /** The time of a measurement, and the most sets in it. */
  readonly ms: number;
  readonly requests: number;
}

/** What the process prints. */
export type InProcessOutput = { readonly absent: string } | {
  readonly about: string;
  /** The microseconds of a write of 4 KiB that syncs, in this process. */
  readonly syncUs: number;
  readonly idle: Lag;
  readonly samples: Readonly<Partial<Record<Part, Sample>>>;
};

if (import.meta.main) console.log(JSON.stringify(await measure(JSON.parse(Deno.args[0]!))));

async function measure(input: InProcessInput): Promise<InProcessOutput> {
  const { present: [engine], absent } = await loadServerEngine(input.engine);
  if (engine === undefined) return { absent: absent[0]![1] };
  const idle = await idleLag(IDLE_MS);
  const samples: Partial<Record<Part, Sample>> = {};
  for (const part of input.parts) {
    // Filling the large database would take Deno KV minutes.
    if (isLarge(part) && engine.name === "Deno KV") continue;
    if (isNoEngine(engine) && part !== "clients") continue;
    samples[part] = await measurePart(part, engine, input);
  }
  return { about: engine.about, syncUs: syncUs(input.folder), idle, samples };
}

function isLarge(part: Part): boolean {
  return part === "large" || part === "checkpoints";
}

async function measurePart(part: Part, engine: Engine, input: InProcessInput): Promise<Sample> {
  const keys = new Keys(isLarge(part) ? input.largeEntries : input.entries);
  const store = await openFilled(engine, `${input.folder}/${part}`, keys, new Values());
  try {
    if (part === "clients") return await measureClients(store, keys, input);
    if (part === "sequential") return await measureSequence(store, keys, input);
    if (part === "checkpoints") return await measureCheckpoints(store, keys, input);
    return await measureAtOnce(
      store,
      keys,
      engine.name === "Deno KV" ? Math.min(KV_SETS, input.sets) : input.sets,
    );
  } finally {
    await store.close();
  }
}

async function measureClients(
  store: Store,
  keys: Keys,
  { clients, ms, requests }: InProcessInput,
): Promise<Sample> {
  await runClients(store, keys, clients, WARM_UP_MS, requests);
  using lag = new LoopLag(undefined, threadClock());
  const begin = performance.now();
  const times = await runClients(store, keys, clients, ms, requests);
  const elapsed = performance.now() - begin;
  return {
    rate: times.length / elapsed * 1000,
    latency: latencyOf(times),
    lag: lag.read(),
  };
}

/** Runs clients for some time. Returns how long each set took. */
async function runClients(
  store: Store,
  keys: Keys,
  clients: number,
  ms: number,
  sets: number,
): Promise<Samples> {
  const values = new Values();
  const random = xorshift(2463534242);
  const set = store.commitShared ?? store.commit;
  const times = new Samples();
  const end = performance.now() + ms;
  let left = sets;
  const runClient = async () => {
    await pause(1 + random() % PAUSE_MS_MAX);
    while (performance.now() < end && left-- > 0) {
      const begin = performance.now();
      await set.call(store, keys.at(random() % keys.count).slice(), values.at(random()));
      times.add(performance.now() - begin);
      await pause(1 + random() % PAUSE_MS_MAX);
    }
  };
  await Promise.all(Array.from({ length: clients }, runClient));
  return times;
}

/** The lag is not measured: an engine whose sets are synchronous never lets the loop turn. */
async function measureSequence(
  store: Store,
  keys: Keys,
  { ms, requests }: InProcessInput,
): Promise<Sample> {
  await runSequence(store, keys, WARM_UP_MS, requests);
  const begin = performance.now();
  const times = await runSequence(store, keys, ms, requests);
  const elapsed = performance.now() - begin;
  return { rate: times.length / elapsed * 1000, latency: latencyOf(times) };
}

async function runSequence(store: Store, keys: Keys, ms: number, sets: number): Promise<Samples> {
  const values = new Values();
  const random = xorshift(521288629);
  const times = new Samples();
  const end = performance.now() + ms;
  while (performance.now() < end && times.length < sets) {
    const begin = performance.now();
    const later = store.commit(keys.at(random() % keys.count), values.at(random()));
    if (later instanceof Promise) await later;
    times.add(performance.now() - begin);
  }
  return times;
}

async function measureCheckpoints(
  store: Store,
  keys: Keys,
  { ms }: InProcessInput,
): Promise<Sample> {
  await runCallers(store, keys, WARM_UP_MS);
  using lag = new LoopLag(undefined, threadClock());
  const begin = performance.now();
  const sets = await runCallers(store, keys, CHECKPOINT_TIMES * ms);
  return { rate: sets / (performance.now() - begin) * 1000, lag: lag.read() };
}

/** Runs callers for some time. Returns the number of sets. */
async function runCallers(store: Store, keys: Keys, ms: number): Promise<number> {
  const values = new Values();
  const random = xorshift(88675123);
  const end = performance.now() + ms;
  let sets = 0;
  const runCaller = async () => {
    while (performance.now() < end) {
      await store.commitAll(Array.from({ length: CALLER_SETS }, () => {
        return [keys.at(random() % keys.count).slice(), values.at(random())];
      }));
      sets += CALLER_SETS;
      await pause(0);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, runCaller));
  return sets;
}

async function measureAtOnce(store: Store, keys: Keys, sets: number): Promise<Sample> {
  const values = new Values();
  // All runs are made beforehand, because making one would block the event loop.
  const runs = Array.from(
    { length: 1 + RUNS_AT_ONCE },
    (_, run) =>
      Array.from({ length: sets }, (_, i): [Uint8Array, Uint8Array] => {
        const at = run * sets + i;
        return [keys.at(keys.shuffled(at)).slice(), values.at(at + 1)];
      }),
  );
  await store.commitAll(runs.shift()!);
  await pause(0);
  using lag = new LoopLag(undefined, threadClock());
  const rates: number[] = [];
  for (const entries of runs) {
    rates.push(sets / await timeMs(() => store.commitAll(entries)) * 1000);
    await pause(0);
  }
  return { rate: figureOf(rates).median, lag: lag.read() };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
