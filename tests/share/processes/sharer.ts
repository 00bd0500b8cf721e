/**
 * A process that shares a database with others, for `processes_test.ts`: it runs random
 * transactions and reads, and logs what it did and saw, until it is killed or told to close.
 *
 * Each transaction adds one to the number in `head`, names itself there and in the tree `order`,
 * and changes some keys. So the order of all commits is in the database, and each read that saw a
 * number must have seen the state after that many transactions. A log is written by one call a
 * line, before a commit is asked for and after it is acknowledged: it survives the kill.
 *
 * Meanwhile it watches `order`, and sees every number once; and it follows the file by a second
 * handle, which shows states that never go back. Now and then it compacts, verifies, and
 * makes a backup, which must show one state as a snapshot does. It archives the database, or stands
 * by while another process does.
 */

import {
  type Archive,
  archive,
  BusyError,
  bytes,
  type Codec,
  type Database,
  folderStore,
  json,
  LockedError,
  open,
  type ReadTree,
  SnapshotTooOldError,
  string,
  type Transaction,
  u64,
} from "../../../mod.ts";
import { Random } from "../../support/random.ts";
import type { Head, Line, Write } from "./log.ts";

const KEYS = 150;
/** The most transactions of one kind in a step of a burst. */
const BURST_MAX = 500;
/** The codecs of the tree `heads`. */
export const HEADS = { key: string, value: json as Codec<Head> };
const ORDER = { key: u64, value: string };
/** The codecs of the tree `values`. */
export const VALUES = { key: string, value: bytes };

/** What a process is told to do. */
interface Task {
  readonly path: string;
  readonly log: string;
  /** The folder of its archive. */
  readonly archive: string;
  readonly name: string;
  readonly seed: number;
  readonly steps: number;
  /** Whether a step writes up to hundreds of small transactions. */
  readonly isBurst: boolean;
  /** How often its archive takes what was committed. */
  readonly archiveMs: number;
  readonly journalBytes: number;
  readonly cacheBytes: number;
}

/** The bytes of a value: they tell whose they are. */
function valueOf(id: string, key: string, length: number): Uint8Array {
  const text = `${id} ${key} ${length} `;
  const value = new Uint8Array(length);
  for (let i = 0; i < length; i++) value[i] = text.charCodeAt(i % text.length);
  return value;
}

class Sharer {
  readonly #task: Task;
  readonly #random: Random;
  readonly #log: Deno.FsFile;
  #db: Database | undefined;
  #attempts = 0;
  #snapshots: { number: number; snapshot: ReturnType<Database["snapshot"]> }[] = [];
  /** Follows the file. */
  #follower: Database | undefined;
  /** The last number that it showed. */
  #followed = 0;
  #archive: Archive | undefined;
  /** Ends as the watcher of the open database does. */
  #watched: Promise<void> = Promise.resolve();

  constructor(task: Task) {
    this.#task = task;
    this.#random = new Random(task.seed);
    this.#log = Deno.openSync(task.log, { append: true, create: true });
  }

  #note(line: Line): void {
    const text = new TextEncoder().encode(JSON.stringify(line) + "\n");
    if (this.#log.writeSync(text) !== text.length) throw new Error("the log is cut");
  }

  async run(): Promise<void> {
    await this.#open();
    for (let step = 0; step < this.#task.steps; step++) {
      await Promise.race([this.#step(), this.#watched.then(() => this.#rest())]);
      const pause = this.#random.below(20);
      if (pause < 3) await new Promise((resolve) => setTimeout(resolve, pause));
      else if (pause < 6) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await this.#close();
    this.#follower?.close();
  }

  async #open(): Promise<void> {
    const { path, archiveMs, journalBytes, cacheBytes } = this.#task;
    for (let tries = 0;; tries++) {
      try {
        this.#db = open(path, { shared: true, journalBytes, cacheBytes });
        const times = { everyMs: archiveMs, baseEvery: 300 };
        this.#archive = archive(this.#db, folderStore(this.#task.archive), times);
        this.#watched = this.#watch(this.#db);
        this.#watched.catch(() => {});
        return;
      } catch (error) {
        if (!(error instanceof LockedError) || tries > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  async #close(): Promise<void> {
    this.#note({ is: "closing" });
    this.#snapshots = [];
    // Its last copy may be too old before it is complete: another process continues.
    if (this.#random.once(2)) await this.#archive!.close().catch((error) => this.#tooOld(error));
    this.#db!.close();
    this.#db = undefined;
    await this.#watched;
  }

  /** Never ends: the watcher has ended, and the step goes on. */
  #rest(): Promise<void> {
    return new Promise(() => {});
  }

  /** Sees that each transaction is the next one. */
  async #watch(db: Database): Promise<void> {
    for (let isOver = false; !isOver;) {
      const order = db.tree("order", ORDER);
      const watcher = order.watch({}, { maxPending: 1e6 });
      let last = Number(order.last()?.[0] ?? 0);
      try {
        for await (const { changes } of watcher) {
          for (const change of changes) {
            if (change.type === "set" && change.key === BigInt(last + 1)) last++;
            else throw new Error(`watched ${JSON.stringify(change, shownOf)} after ${last}`);
          }
        }
        isOver = true;
      } catch (error) {
        this.#tooOld(error);
      }
    }
  }

  /** Work on the whole database, while others write. */
  async #maintain(): Promise<void> {
    const db = this.#db!;
    const to = `${this.#task.log}.copy`;
    try {
      const kind = this.#random.below(4);
      if (kind === 0) db.checkpoint();
      else if (kind === 1) await db.compact();
      else if (kind === 2) {
        const { ok, findings } = await db.verify();
        if (!ok) throw new Error(`verify: ${JSON.stringify(findings.slice(0, 3))}`);
      } else {
        await db.backup(to);
        using copy = open(to);
        const number = copy.tree("heads", HEADS).get("head")?.number ?? 0;
        const found = allOf(copy.tree("values", VALUES));
        this.#note({ is: "old", number, isAll: true, found });
      }
    } catch (error) {
      this.#tooOld(error);
    } finally {
      removeIfThere(to);
    }
  }

  async #step(): Promise<void> {
    const kind = this.#random.below(100);
    if (kind < 40) await this.#write();
    else if (kind < 50) this.#writeSync();
    else if (kind < 55) await this.#writeMany();
    else if (kind < 75) this.#read();
    else if (kind < 78) this.#readAll();
    else if (kind < 80) this.#follow();
    else if (kind < 86) this.#takeSnapshot();
    else if (kind < 96) this.#readSnapshot();
    else if (kind < 98) this.#endSnapshot();
    else if (kind < 99) await this.#maintain();
    else {
      await this.#close();
      await this.#open();
    }
  }

  /** The changes of a transaction. */
  #body(tx: Transaction, id: string): number {
    const heads = tx.tree("heads", HEADS);
    const number = (heads.get("head")?.number ?? 0) + 1;
    const writes: Write[] = [];
    const values = tx.tree("values", VALUES);
    for (let i = 1 + this.#random.below(4); i > 0; i--) {
      const key = `key ${this.#random.below(KEYS)}`;
      if (this.#random.once(5)) {
        values.delete(key);
        writes.push([key, -1]);
      } else {
        const length = this.#random.once(this.#task.isBurst ? 120 : 12)
          ? this.#random.below(40_000)
          : this.#random.below(this.#random.once(4) ? 5000 : 300);
        values.set(key, valueOf(id, key, length));
        writes.push([key, length]);
      }
    }
    heads.set("head", { number, id });
    tx.tree("order", ORDER).set(BigInt(number), id);
    this.#note({ is: "try", id, number, writes });
    return number;
  }

  #newId(): string {
    return `${this.#task.name}.${++this.#attempts}`;
  }

  /** How often a step does what it does once without bursts. */
  #burst(): number {
    return this.#task.isBurst && this.#random.once(2) ? 1 + this.#random.below(BURST_MAX) : 1;
  }

  async #write(): Promise<void> {
    for (let left = this.#burst(); left > 0; left--) await this.#writeOne();
  }

  async #writeOne(): Promise<void> {
    const id = this.#newId();
    const number = await this.#db!.write((tx) => this.#body(tx, id));
    this.#note({ is: "done", id, number, time: now() });
  }

  #writeSync(): void {
    for (let left = this.#burst(); left > 0; left--) this.#writeOneSync();
  }

  #writeOneSync(): void {
    const id = this.#newId();
    const begin = now();
    const number = this.#db!.writeSync((tx) => this.#body(tx, id));
    this.#note({ is: "done", id, number, time: now() });
    // What it has written itself it sees at once, and what others have in the next turn.
    this.#read(begin);
  }

  /** Several transactions of one turn, one of which fails. */
  async #writeMany(): Promise<void> {
    const ids = Array.from({ length: 2 + this.#burst() }, () => this.#newId());
    const failed = this.#newId();
    const promises = ids.map((id) => this.#db!.write((tx) => this.#body(tx, id)));
    const failing = this.#db!.write((tx) => {
      this.#body(tx, failed);
      throw new RangeError("on purpose");
    });
    await failing.catch((error) => {
      if (!(error instanceof RangeError)) throw error;
    });
    const numbers = await Promise.all(promises);
    ids.forEach((id, i) => this.#note({ is: "done", id, number: numbers[i]!, time: now() }));
  }

  #head(): Head | undefined {
    return this.#db!.tree("heads", HEADS).get("head");
  }

  /** Reads some keys in one job, so of one state. */
  #read(begin = now()): void {
    const number = this.#head()?.number ?? 0;
    const values = this.#db!.tree("values", VALUES);
    const found: [string, string | undefined][] = [];
    for (let i = 0; i < 4; i++) {
      const key = `key ${this.#random.below(KEYS)}`;
      found.push([key, described(values.get(key))]);
    }
    // A read may have begun anew at a newer state in between.
    const after = this.#head()?.number ?? 0;
    this.#note({ is: "read", number, after, begin, found });
  }

  #readAll(): void {
    const begin = now();
    const number = this.#head()?.number ?? 0;
    const all = allOf(this.#db!.tree("values", VALUES));
    const after = this.#head()?.number ?? 0;
    this.#note({ is: "all", number, after, begin, found: all });
  }

  /** Reads all by the follower, as one state that may be behind. */
  #follow(): void {
    try {
      const follower = this.#follower ??= open(this.#task.path, { follow: true });
      using snapshot = follower.snapshot();
      const number = snapshot.tree("heads", HEADS).get("head")?.number ?? 0;
      if (number < this.#followed) throw new Error(`went back from ${this.#followed} to ${number}`);
      this.#followed = number;
      this.#note({ is: "old", number, isAll: true, found: allOf(snapshot.tree("values", VALUES)) });
    } catch (error) {
      if (!(error instanceof BusyError)) this.#tooOld(error);
    }
  }

  #takeSnapshot(): void {
    if (this.#snapshots.length >= 3) this.#endSnapshot();
    const snapshot = this.#db!.snapshot();
    try {
      const number = snapshot.tree("heads", HEADS).get("head")?.number ?? 0;
      this.#snapshots.push({ number, snapshot });
    } catch (error) {
      this.#tooOld(error);
      snapshot.close();
    }
  }

  #readSnapshot(): void {
    if (this.#snapshots.length === 0) return;
    const { number, snapshot } = this.#random.pick(this.#snapshots);
    try {
      const values = snapshot.tree("values", VALUES);
      if (this.#random.once(6)) {
        this.#note({ is: "old", number, isAll: true, found: allOf(values) });
        return;
      }
      const key = `key ${this.#random.below(KEYS)}`;
      const found: [string, string | undefined][] = [[key, described(values.get(key))]];
      this.#note({ is: "old", number, isAll: false, found });
    } catch (error) {
      this.#tooOld(error);
    }
  }

  #tooOld(error: unknown): void {
    if (!(error instanceof SnapshotTooOldError)) throw error;
    this.#note({ is: "too old" });
  }

  #endSnapshot(): void {
    this.#snapshots.shift()?.snapshot.close();
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function shownOf(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

/** All values, in short. */
export function allOf(values: ReadTree<string, Uint8Array>): [string, string | undefined][] {
  return [...values.entries()].map(([key, value]) => [key, described(value)]);
}

/** A value in short: whose it is and how long, if its bytes fit that. */
function described(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value.length === 0) return "empty";
  const text = new TextDecoder().decode(value.subarray(0, 40));
  const [id = "?", word = "?", index = "?"] = text.split(" ");
  const expected = valueOf(id, `${word} ${index}`, value.length);
  const isWhole = value.length < 30 || expected.every((byte, i) => byte === value[i]);
  return `${value.length < 30 ? text.slice(0, value.length) : id} ${value.length}` +
    (isWhole ? "" : " broken");
}

/** The clock that all processes have: those of `performance` begin apart on a busy machine. */
function now(): number {
  return Date.now();
}

if (import.meta.main) {
  const task: Task = JSON.parse(Deno.args[0]!);
  try {
    await new Sharer(task).run();
  } catch (error) {
    // What is wrong shows in the file as it is now.
    Deno.copyFileSync(task.path, `${task.log}.file`);
    throw error;
  }
}
