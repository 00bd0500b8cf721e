/**
 * QuireLevel beside classic-level, both through the API of abstract-level with text: alternating
 * rounds in one process, each with a new database. It prints the medians and their ratios.
 *
 * Run it with `deno task bench:level`.
 */

import { QuireLevel } from "../level/mod.ts";
import { alternate, type RoundTimes } from "./measure/alternation.ts";
import { timeMs } from "./measure/figures.ts";
import { planOrExit } from "./measure/options.ts";
import { inTempFolder } from "./measure/temp_folder.ts";

planOrExit("Usage: deno task bench:level", {}, () => undefined);

const ROUNDS = 7;
const ENTRIES = 100_000;
const BATCH = 1000;
const GETS = 20_000;
const PUTS = 2000;
const SYNCED_PUTS = 200;
const VALUE = "v".repeat(100);

/** Not a literal, so that it is resolved only when it is imported. */
const PACKAGE: string = "classic-level";

/** What both databases can do. */
interface Level {
  put(key: string, value: string, options: { sync: boolean }): Promise<void>;
  batch(
    operations: { type: "put"; key: string; value: string }[],
    options: { sync: boolean },
  ): Promise<void>;
  get(key: string): Promise<string | undefined>;
  getSync(key: string): string | undefined;
  getMany(keys: string[]): Promise<(string | undefined)[]>;
  iterator(): Scan;
  open(): Promise<void>;
  close(): Promise<void>;
}

interface Scan extends AsyncIterable<[string, string]> {
  nextv(size: number): Promise<[string, string][]>;
  all(): Promise<[string, string][]>;
  close(): Promise<void>;
}

interface Module {
  ClassicLevel: new (path: string, options: Record<string, unknown>) => Level;
}

const { ClassicLevel }: Module = await import(PACKAGE);
const ENGINES: Readonly<Record<string, (folder: string) => Level>> = {
  QuireLevel: (folder) => new QuireLevel(`${folder}/a.quire`),
  "classic-level": (folder) => new ClassicLevel(`${folder}/a`, { compression: false }),
};

/** Runs some work on a database, and returns how many entries it handled. */
type Work = (db: Level) => Promise<number>;

const WORK: Readonly<Record<string, Work>> = {
  "100 batches of 1,000 puts": (db) => fill(db, false),
  "100 batches of 1,000 puts, `sync: true`": (db) => fill(db, true),
  "`put`, one after another": (db) => putOneByOne(db, PUTS, false),
  "`put`, one after another, `sync: true`": (db) => putOneByOne(db, SYNCED_PUTS, true),
  "1,000 `put` at once, `sync: true`": async (db) => {
    const puts = Array.from({ length: BATCH }, (_, i) => db.put(keyOf(i), VALUE, { sync: true }));
    await Promise.all(puts);
    return BATCH;
  },
  "`get`": async (db) => {
    for (let i = 0; i < GETS; i++) check(await db.get(keyOf(i * 7919)));
    return GETS;
  },
  "`getSync`": (db) => {
    for (let i = 0; i < GETS; i++) check(db.getSync(keyOf(i * 7919)));
    return Promise.resolve(GETS);
  },
  "`getMany` of 100": async (db) => {
    for (let i = 0; i < GETS; i += 100) {
      const keys = Array.from({ length: 100 }, (_, at) => keyOf((i + at) * 7919));
      for (const value of await db.getMany(keys)) check(value);
    }
    return GETS;
  },
  "iterate, `for await`": async (db) => {
    let count = 0;
    for await (const [, value] of db.iterator()) {
      check(value);
      count++;
    }
    return count;
  },
  "iterate, `nextv(1000)`": async (db) => {
    const scan = db.iterator();
    let count = 0;
    for (let some = await scan.nextv(1000); some.length > 0; some = await scan.nextv(1000)) {
      count += some.length;
    }
    await scan.close();
    return count;
  },
  "iterate, `all()`": async (db) => (await db.iterator().all()).length,
};

function keyOf(index: number): string {
  // Multiplication by an odd number permutes the keys, so that batches are not in key order.
  return `key/${String(Math.imul(index % ENTRIES, 48271) >>> 0).padStart(10, "0")}`;
}

function check(value: string | undefined): void {
  if (value !== VALUE) throw new Error("a value is missing");
}

async function fill(db: Level, sync: boolean): Promise<number> {
  for (let at = 0; at < ENTRIES; at += BATCH) {
    const operations = Array.from({ length: BATCH }, (_, i) => {
      return { type: "put" as const, key: keyOf(at + i), value: VALUE };
    });
    await db.batch(operations, { sync });
  }
  return ENTRIES;
}

async function putOneByOne(db: Level, count: number, sync: boolean): Promise<number> {
  for (let i = 0; i < count; i++) await db.put(keyOf(i * 31), VALUE, { sync });
  return count;
}

/** Microseconds per entry of each work on a new database. */
async function runRound(open: (folder: string) => Level): Promise<RoundTimes> {
  return await inTempFolder(async (folder) => {
    const db = open(folder);
    await db.open();
    const times = new Map<string, number>();
    for (const [name, work] of Object.entries(WORK)) {
      let count = 0;
      const ms = await timeMs(async () => count = await work(db));
      times.set(name, ms * 1000 / count);
    }
    await db.close();
    return times;
  });
}

const rounds = Object.entries(ENGINES).map(([name, open]) => [name, () => runRound(open)]);
const table = await alternate(Object.fromEntries(rounds), ROUNDS);
console.log(`${ENTRIES} entries, rounds: ${ROUNDS}, medians in microseconds per entry\n`);
console.log(table);
