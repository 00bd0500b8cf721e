/**
 * Quire's KV beside Deno's own, both through the interface of `Deno.Kv`: alternating rounds in one
 * process, each with new files. Then Quire's KV beside the same KV behind a server in another
 * process, reached by Deno's client. It prints the medians and their ratios.
 *
 * Run it with `deno task bench:kv`, or `deno task bench:kv --quick`.
 */

import { openKv } from "../kv/mod.ts";
import { serveFile } from "./kv/served_file.ts";
import { alternate, type RoundTimes } from "./measure/alternation.ts";
import { timeMs } from "./measure/figures.ts";
import { inTempFolder } from "./measure/temp_folder.ts";

const IS_QUICK = Deno.args.includes("--quick");
const ROUNDS = IS_QUICK ? 1 : 5;
const ENTRIES = IS_QUICK ? 2000 : 20_000;
const GETS = IS_QUICK ? 500 : 20_000;
/** The entries of all lists of one length. */
const LISTED = IS_QUICK ? 5000 : 100_000;
const SETS = IS_QUICK ? 20 : 200;
const CALLERS = 64;
const MESSAGES = IS_QUICK ? 100 : 500;

/** A database of a round, and how to close it. */
interface Opened {
  readonly kv: Deno.Kv;
  end?(): Promise<void>;
}

/** Opens a new database in a folder. */
type Opener = (folder: string) => Promise<Opened>;

const quire: Opener = async (folder) => ({ kv: await openKv(`${folder}/a.quire`) });
const deno: Opener = async (folder) => ({ kv: await Deno.openKv(`${folder}/a.sqlite`) });
const served: Opener = async (folder) => {
  const { url, end } = await serveFile(`${folder}/a.quire`);
  return { kv: await Deno.openKv(url), end };
};

/** Runs some work on a database, and returns how many calls, entries or messages it handled. */
type Work = (kv: Deno.Kv) => Promise<number>;

const WORK: Readonly<Record<string, Work>> = {
  "operations of 500 sets, per set": fill,
  "`get`": async (kv) => {
    for (let i = 0; i < GETS; i++) await kv.get(["users", (i * 7919) % ENTRIES]);
    return GETS;
  },
  "`list` of 100, per list": (kv) => listMany(kv, 100),
  "`list` of 1,000, per list": (kv) => listMany(kv, 1000),
  "`set`, one caller": async (kv) => {
    for (let i = 0; i < SETS; i++) await kv.set(["one", i], userOf(i));
    return SETS;
  },
  "`set`, 64 callers, per set": async (kv) => {
    for (let i = 0; i < SETS; i += CALLERS) {
      const calls = Array.from({ length: CALLERS }, (_, at) => kv.set(["many", i, at], userOf(i)));
      await Promise.all(calls);
    }
    return Math.ceil(SETS / CALLERS) * CALLERS;
  },
  "operation of 10 sets": async (kv) => {
    for (let i = 0; i < SETS; i++) {
      const operation = kv.atomic();
      for (let at = 0; at < 10; at++) operation.set(["ten", i, at], userOf(at));
      await operation.commit();
    }
    return SETS;
  },
  "`watch`, from a set to its state": watchOne,
};

function userOf(id: number): unknown {
  return { name: `user ${id}`, age: id % 90, tags: ["a", "b"] };
}

async function fill(kv: Deno.Kv): Promise<number> {
  for (let at = 0; at < ENTRIES; at += 500) {
    const operation = kv.atomic();
    for (let i = at; i < at + 500; i++) operation.set(["users", i], userOf(i));
    await operation.commit();
  }
  return ENTRIES;
}

async function listMany(kv: Deno.Kv, length: number): Promise<number> {
  const lists = Math.ceil(LISTED / length);
  for (let i = 0; i < lists; i++) {
    const start = (i * 7919) % (ENTRIES - length);
    const selector = { start: ["users", start], end: ["users", start + length] };
    let count = 0;
    for await (const _ of kv.list(selector, { batchSize: 500 })) count++;
    if (count !== length) throw new Error(`${count} entries instead of ${length}`);
  }
  return lists;
}

async function watchOne(kv: Deno.Kv): Promise<number> {
  const reader = kv.watch([["watched"]]).getReader();
  await reader.read();
  for (let i = 0; i < SETS; i++) {
    const state = reader.read();
    await Promise.all([kv.set(["watched"], i), state]);
  }
  await reader.cancel();
  return SETS;
}

/** Closes the database. */
async function deliver(kv: Deno.Kv): Promise<number> {
  let count = 0;
  const all = Promise.withResolvers<void>();
  const ended = kv.listenQueue(() => {
    if (++count === MESSAGES) all.resolve();
  });
  for (let at = 0; at < MESSAGES; at += 100) {
    const operation = kv.atomic();
    for (let i = at; i < at + 100; i++) operation.enqueue(i);
    await operation.commit();
  }
  await all.promise;
  kv.close();
  await ended;
  return MESSAGES;
}

/** Microseconds of each work on a new database. */
async function runRound(open: Opener, works: Readonly<Record<string, Work>>): Promise<RoundTimes> {
  return await inTempFolder(async (folder) => {
    const { kv, end } = await open(folder);
    const times = new Map<string, number>();
    for (const [name, work] of Object.entries(works)) {
      let count = 0;
      const ms = await timeMs(async () => count = await work(kv));
      times.set(name, ms * 1000 / count);
    }
    kv[Symbol.dispose]();
    await end?.();
    return times;
  });
}

const QUEUE = { "queue, per message": deliver };
console.log(`${ENTRIES} entries, rounds: ${ROUNDS}, medians in microseconds\n`);
const beside = await alternate({
  "Quire": () => runRound(quire, { ...WORK, ...QUEUE }),
  "Deno KV": () => runRound(deno, { ...WORK, ...QUEUE }),
}, ROUNDS);
console.log(beside);
// The protocol has no queues.
const behind = await alternate({
  "Quire": () => runRound(quire, WORK),
  "served": () => runRound(served, WORK),
}, ROUNDS);
console.log(`\n${behind}`);
// The client of a server keeps looking for it.
Deno.exit();
