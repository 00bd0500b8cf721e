/**
 * Quire's KV beside Deno's own, both through the interface of `Deno.Kv`, in one process and in
 * short turns. Then Quire's KV beside the same KV behind a server in another process, reached by
 * Deno's client. It prints the medians, and the ratios of turns beside each other.
 *
 * Run it with `deno task bench:kv`, or `deno task bench:kv --quick`.
 */

import { openKv } from "../kv/mod.ts";
import { serveFile } from "./kv/served_file.ts";
import { planOrExit } from "./measure/options.ts";
import { inTempFolder } from "./measure/temp_folder.ts";
import { type Step, tableOfTurns, takeTurns, type Turns, type TurnTimes } from "./measure/turns.ts";

const USAGE = "Usage: deno task bench:kv [--quick]";
const OPTIONS = { quick: { type: "boolean", default: false } } as const;
const IS_QUICK = planOrExit(USAGE, OPTIONS, ({ quick }) => quick);
const ENTRIES = IS_QUICK ? 2000 : 20_000;
const PER_COMMIT = 500;
const TURNS: Turns = IS_QUICK ? { count: 1, warmUp: 0, ms: 1 } : { count: 31, warmUp: 4, ms: 60 };
/** Each turn is a commit, until all entries are there. */
const FILL_TURNS: Turns = { count: ENTRIES / PER_COMMIT, warmUp: 0, ms: 0 };
/** The calls, sets or messages of a step. */
const GETS = 20;
const SETS = 10;
const CALLERS = 64;
const MESSAGES = 100;

/** A database, and how to end what serves it. */
interface Opened {
  readonly kv: Deno.Kv;
  end?(): Promise<void>;
}

/** Opens a new database in a folder. */
type Opener = (folder: string) => Promise<Opened>;

const quire: Opener = async (folder) => ({ kv: await openKv(`${folder}/a.quire`) });
const deno: Opener = async (folder) => ({ kv: await Deno.openKv(`${folder}/a.sqlite`) });
const served: Opener = async (folder) => {
  const { url, end } = await serveFile(`${folder}/b.quire`);
  return { kv: await Deno.openKv(url), end };
};

/** Begins some work on a database. */
type Work = (kv: Deno.Kv) => Step;

const FILL = "operations of 500 sets, per set";
const WORK: Readonly<Record<string, Work>> = {
  [FILL]: (kv) => async (step) => {
    const operation = kv.atomic();
    const from = step * PER_COMMIT;
    for (let i = from; i < from + PER_COMMIT; i++) operation.set(["users", i], userOf(i));
    await operation.commit();
    return PER_COMMIT;
  },
  "`get`": (kv) => async (step) => {
    for (let i = 0; i < GETS; i++) await kv.get(["users", ((step * GETS + i) * 7919) % ENTRIES]);
    return GETS;
  },
  "`list` of 100, per list": (kv) => (step) => list(kv, step, 100),
  "`list` of 1,000, per list": (kv) => (step) => list(kv, step, 1000),
  "`set`, one caller": (kv) => async (step) => {
    for (let i = 0; i < SETS; i++) await kv.set(["one", step, i], userOf(i));
    return SETS;
  },
  "`set`, 64 callers, per set": (kv) => async (step) => {
    const calls = Array.from({ length: CALLERS }, (_, i) => kv.set(["many", step, i], userOf(i)));
    await Promise.all(calls);
    return CALLERS;
  },
  "operation of 10 sets": (kv) => async (step) => {
    const operation = kv.atomic();
    for (let i = 0; i < 10; i++) operation.set(["ten", step, i], userOf(i));
    await operation.commit();
    return 1;
  },
  "`watch`, from a set to its state": watch,
};

/** What ends only when the database is closed. */
const LAST_WORK: Readonly<Record<string, Work>> = { "queue, per message": deliver };

function userOf(id: number): unknown {
  return { name: `user ${id}`, age: id % 90, tags: ["a", "b"] };
}

async function list(kv: Deno.Kv, step: number, length: number): Promise<number> {
  const start = (step * 7919) % (ENTRIES - length);
  const selector = { start: ["users", start], end: ["users", start + length] };
  let count = 0;
  for await (const _ of kv.list(selector, { batchSize: 500 })) count++;
  if (count !== length) throw new Error(`${count} entries instead of ${length}`);
  return 1;
}

/** The stream ends with the database. */
function watch(kv: Deno.Kv): Step {
  const key = ["watched"];
  const reader = kv.watch([key]).getReader();
  const begun = reader.read();
  return async () => {
    await begun;
    for (let i = 0; i < SETS; i++) {
      const state = reader.read();
      await Promise.all([kv.set(key, i), state]);
    }
    return SETS;
  };
}

function deliver(kv: Deno.Kv): Step {
  let left = 0;
  let all = Promise.withResolvers<void>();
  const ended = kv.listenQueue(() => {
    if (--left === 0) all.resolve();
  });
  ended.catch((error) => all.reject(error));
  return async () => {
    left = MESSAGES;
    all = Promise.withResolvers();
    const operation = kv.atomic();
    for (let i = 0; i < MESSAGES; i++) operation.enqueue(i);
    await operation.commit();
    await all.promise;
    return MESSAGES;
  };
}

/** Runs some work on new databases of both engines. */
async function compare(
  [first, second]: readonly [Opener, Opener],
  works: Readonly<Record<string, Work>>,
): Promise<ReadonlyMap<string, TurnTimes>> {
  return await inTempFolder(async (folder) => {
    const databases = [await first(folder), await second(folder)] as const;
    const times = new Map<string, TurnTimes>();
    for (const [name, begin] of Object.entries(works)) {
      const steps = [begin(databases[0].kv), begin(databases[1].kv)] as const;
      times.set(name, await takeTurns(steps, name === FILL ? FILL_TURNS : TURNS));
    }
    for (const { kv, end } of databases) {
      kv[Symbol.dispose]();
      await end?.();
    }
    return times;
  });
}

console.log(
  `${ENTRIES} entries, turns: ${TURNS.count} of ${TURNS.ms} ms, medians in microseconds\n`,
);
const beside = await compare([quire, deno], { ...WORK, ...LAST_WORK });
console.log(tableOfTurns(["Quire", "Deno KV"], beside));
// The protocol has no queues.
const behind = await compare([quire, served], WORK);
console.log(`\n${tableOfTurns(["Quire", "served"], behind)}`);
// The client of a server keeps looking for it.
Deno.exit();
