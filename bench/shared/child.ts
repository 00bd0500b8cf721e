/**
 * A process of `bench:shared`: reads or commits for a time in a database that others use too, and
 * prints how many calls it made. It begins when it receives a line, so all begin together.
 */

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { open, type Tree } from "../../mod.ts";
import type { Store } from "../engines/engine.ts";
import { lmdbEngine } from "../engines/lmdb.ts";
import { sqliteEngine } from "../engines/sqlite.ts";
import { inTempFolder } from "../measure/temp_folder.ts";

/** What a process is told to do. */
export interface ChildTask {
  readonly engine: "quire" | "lmdb-js" | "node:sqlite";
  readonly path: string;
  readonly work: "read" | "commit";
  readonly number: number;
  readonly entries: number;
  readonly seconds: number;
  /** Commits for this long, in milliseconds, are not counted. */
  readonly warmMs: number;
}

/** Reads between two turns of the event loop, as the reads of a request. */
const READS_A_TURN = 100;
/**
 * Each process makes so many commits in a database of its own first: code that runs seldom is not
 * compiled, and of eight processes each makes few commits in two seconds.
 */
export const WARM_COMMITS = 2000;
/** Where that database is, if the system has this: it is to compile code, and not to wait. */
const MEMORY_DISK = "/dev/shm";
/** After so many of them another handle of Quire takes them over, and at times commits. */
const WARM_GROUP = 5;
/** The bytes of a value. */
export const VALUE_BYTES = 100;
const CACHE_BYTES = 256 * 1024 * 1024;
const BUSY_MS = 60_000;

/** The key of an entry. */
export function keyOf(index: number): Uint8Array {
  return new TextEncoder().encode(String(index).padStart(10, "0"));
}

/** The calls that are measured, whatever the engine. */
interface Calls {
  get(key: Uint8Array): unknown;
  commit(key: Uint8Array, value: Uint8Array): unknown;
  close(): unknown;
}

async function callsOf({ engine, path }: ChildTask): Promise<Calls> {
  if (engine === "quire") {
    const db = open(path, { shared: true, cacheBytes: CACHE_BYTES });
    const tree: Tree = db.tree("entries");
    return {
      get: (key) => tree.get(key),
      commit: (key, value) => tree.set(key, value),
      close: () => db.close(),
    };
  }
  if (engine === "lmdb-js") {
    return await (await lmdbEngine(4096)).open(path, { cacheBytes: CACHE_BYTES }) as Store;
  }
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  const get = db.prepare("SELECT value FROM entries WHERE key = ?");
  const put = db.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
  return {
    get: (key) => get.get(key),
    commit: (key, value) => put.run(key, value),
    close: () => db.close(),
  };
}

/** Fills a database, closed at the end. */
export async function fill(
  task: Pick<ChildTask, "engine" | "path" | "entries">,
): Promise<void> {
  const value = new Uint8Array(VALUE_BYTES).fill(7);
  const entries = Array.from({ length: task.entries }, (_, i): [Uint8Array, Uint8Array] => {
    return [keyOf(i), value];
  });
  if (task.engine === "quire") {
    using db = open(task.path);
    await db.tree("entries").load(entries);
    return;
  }
  const engine = task.engine === "lmdb-js" ? await lmdbEngine(4096) : sqliteEngine();
  const store = await engine.open(task.path, { cacheBytes: CACHE_BYTES });
  await store.load(entries);
  await store.close();
}

/** Runs the code of commits in a database of its own, until it is compiled. */
async function warmUp(task: ChildTask): Promise<void> {
  await fill(task);
  const calls = await callsOf(task);
  // Quire runs other code for what other handles have committed.
  const others = task.engine === "quire" ? await callsOf(task) : undefined;
  const value = new Uint8Array(VALUE_BYTES);
  for (let i = 0; i < WARM_COMMITS; i++) {
    const key = keyOf(i * 97 % task.entries);
    await calls.commit(key, value);
    if (others === undefined || i % WARM_GROUP > 0) continue;
    // They look, and get the lock, in another turn of the event loop.
    await turn();
    if (i % (2 * WARM_GROUP) > 0) others.get(key);
    else await others.commit(key, value);
    await turn();
  }
  await others?.close();
  await calls.close();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function run(task: ChildTask): Promise<number> {
  if (task.work === "commit") {
    const dir = existsSync(MEMORY_DISK) ? MEMORY_DISK : undefined;
    await inTempFolder((folder) => warmUp({ ...task, path: `${folder}/warm` }), dir);
  }
  const calls = await callsOf(task);
  const value = new Uint8Array(VALUE_BYTES).fill(task.number);
  let seed = task.number * 7919 + 1;
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return keyOf(seed % task.entries);
  };
  for (let i = 0; i < 2000; i++) calls.get(next());
  console.log("ready");
  await Deno.stdin.read(new Uint8Array(16));
  const begin = performance.now() + (task.work === "commit" ? task.warmMs : 0);
  while (performance.now() < begin) await calls.commit(next(), value);
  const end = performance.now() + task.seconds * 1000;
  let count = 0;
  while (performance.now() < end) {
    if (task.work === "commit") {
      await calls.commit(next(), value);
      count++;
      continue;
    }
    for (let i = 0; i < READS_A_TURN; i++) calls.get(next());
    count += READS_A_TURN;
    await turn();
  }
  await calls.close();
  return count;
}

if (import.meta.main) console.log(await run(JSON.parse(Deno.args[0]!)));
