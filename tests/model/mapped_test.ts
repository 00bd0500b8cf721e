/**
 * Databases with `io: "map"`: random programs beside a database of default options, with data of
 * several chunks and a cache that is smaller; and processes that are killed at any moment.
 *
 * QUIRE_SEED=N chooses the program; QUIRE_MAPPED=N runs N of them, and kills N processes.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { type Database, open, type Snapshot, verify } from "../../mod.ts";
import { bytesOf, sameBytes } from "../support/databases/database.ts";
import { killIfThere } from "../support/programs/program.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { changesOf } from "./support/mapped_changes.ts";

const skip = Deno.build.os !== "linux";
const MEBIBYTE = 1024 * 1024;
const OPTIONS = { cacheBytes: 8 * MEBIBYTE, journalBytes: 2 * MEBIBYTE };
const KEYS = 2000;
const STEPS = 150;
const TIMES = Number(Deno.env.get("QUIRE_MAPPED") ?? 1);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const CHILD = fromFileUrl(new URL("./support/mapped_child.ts", import.meta.url));

/** Two databases with the same content; the first one is mapped. */
class Pair {
  #dbs: [Database, Database];
  #snapshots: [Snapshot, Snapshot] | undefined;
  readonly #dir: string;
  readonly #random: Random;
  mappedMost = 0;

  constructor(dir: string, seed: number) {
    this.#dir = dir;
    this.#random = new Random(seed);
    this.#dbs = this.#open();
  }

  #open(): [Database, Database] {
    return [open(`${this.#dir}/a`, { ...OPTIONS, io: "map" }), open(`${this.#dir}/b`, OPTIONS)];
  }

  /** Takes a random step in both. */
  async step(salt: number): Promise<void> {
    const random = this.#random;
    const first = random.below(KEYS);
    const count = 1 + random.below(40);
    const keys = Array.from({ length: count }, (_, i) => keyOf((first + i * 7) % KEYS));
    const valueBytes = random.pick([20, 200, 3000, 12_000, 40_000]);
    const value = (i: number) => bytesOf(salt * KEYS + i, valueBytes);
    switch (random.below(12)) {
      case 0:
        return this.#change((db) => db.tree("values").deleteRange(rangeOf(first, count)));
      case 1:
        return this.#rollBack(keys, value);
      case 2:
        return this.#compareSnapshots();
      case 3:
        return await this.#compact();
      case 4:
        return this.#reopen();
      case 5:
        return this.#compareScan(first);
      case 6:
        return this.#change((db) => db.dropTree("loaded"), (db) => {
          db.writeSync((tx) => {
            const entries = Array.from({ length: 900 }, (_, i) => [keyOf(i), value(i)] as const);
            tx.tree("loaded").load(valueBytes > 3000 ? entries.slice(0, 60) : entries);
          });
        });
      case 7:
        return await this.#setLater(keys, value);
      default:
        this.#change((db) => {
          db.writeSync((tx) => {
            const tree = tx.tree("values");
            keys.forEach((key, i) => i % 9 === 8 ? tree.delete(key) : tree.set(key, value(i)));
          });
        });
    }
  }

  #change(...changes: ((db: Database) => unknown)[]): void {
    for (const db of this.#dbs) {
      for (const change of changes) void change(db);
    }
    const { mappedBytes, cacheUsedBytes } = this.#dbs[0].stats();
    this.mappedMost = Math.max(this.mappedMost, mappedBytes);
    assert(cacheUsedBytes <= OPTIONS.cacheBytes * 2, `${cacheUsedBytes} bytes`);
  }

  #rollBack(keys: readonly string[], value: (i: number) => Uint8Array): void {
    this.#change((db) => {
      try {
        db.writeSync((tx) => {
          keys.forEach((key, i) => tx.tree("values").set(key, value(i)));
          tx.tree("values").deleteRange(rangeOf(100, 50));
          throw new RangeError("roll back");
        });
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    });
  }

  #compareSnapshots(): void {
    if (this.#snapshots === undefined) {
      this.#snapshots = [this.#dbs[0].snapshot(), this.#dbs[1].snapshot()];
      return;
    }
    const [a, b] = this.#snapshots.map((snapshot) => [...snapshot.tree("values")]);
    expectSame(a!, b!);
    this.#closeSnapshots();
  }

  #closeSnapshots(): void {
    for (const snapshot of this.#snapshots ?? []) snapshot.close();
    this.#snapshots = undefined;
  }

  /** Sets values in transactions of their own, whose syncs run off the thread. */
  async #setLater(keys: readonly string[], value: (i: number) => Uint8Array): Promise<void> {
    for (const db of this.#dbs) {
      const tree = db.tree("values");
      await Promise.all(keys.map((key, i) => tree.set(key, value(i))));
      await tree.deleteRange(rangeOf(300, 5), { budgetMs: 5 });
    }
  }

  async #compact(): Promise<void> {
    this.#closeSnapshots();
    await this.#dbs[0].compact();
  }

  #reopen(): void {
    this.#closeSnapshots();
    for (const db of this.#dbs) db.close();
    // What one door wrote, the other reads.
    Deno.renameSync(`${this.#dir}/a`, `${this.#dir}/c`);
    Deno.renameSync(`${this.#dir}/b`, `${this.#dir}/a`);
    Deno.renameSync(`${this.#dir}/c`, `${this.#dir}/b`);
    this.#dbs = this.#open();
  }

  #compareScan(first: number): void {
    const range = rangeOf(first, KEYS);
    const [a, b] = this.#dbs.map((db) => [...db.tree("values").entries(range)]);
    expectSame(a!, b!);
  }

  /** Compares everything, and verifies the mapped file. */
  async end(): Promise<void> {
    this.#closeSnapshots();
    for (const name of ["values", "loaded"]) {
      const [a, b] = this.#dbs.map((db) => [...db.tree(name)]);
      expectSame(a!, b!);
    }
    assertEquals((await this.#dbs[0].verify()).ok, true);
    for (const db of this.#dbs) db.close();
    assertEquals((await verify(`${this.#dir}/a`)).ok, true);
  }

  /** Closes what is open after a failure. */
  [Symbol.dispose](): void {
    this.#closeSnapshots();
    for (const db of this.#dbs) db.close();
  }
}

function keyOf(number: number): string {
  return `key ${String(number).padStart(5, "0")}`;
}

function rangeOf(first: number, count: number): { gte: string; lt: string } {
  return { gte: keyOf(first), lt: keyOf(first + count) };
}

type Entries = readonly (readonly [Uint8Array, Uint8Array])[];

function expectSame(a: Entries, b: Entries): void {
  assertEquals(a.length, b.length);
  for (const [i, [key, value]] of a.entries()) {
    assert(sameBytes(key, b[i]![0]) && sameBytes(value, b[i]![1]), `entry ${i}`);
  }
}

describe("io map beside the default", { skip }, () => {
  for (let seed = SEED; seed < SEED + TIMES; seed++) {
    it(`is the same in a random program, seed ${seed}`, () =>
      inTempDir(async (dir) => {
        using pair = new Pair(dir, seed);
        for (let step = 0; step < STEPS; step++) await pair.step(step);
        await pair.end();
        assertGreater(pair.mappedMost, 2 * MEBIBYTE);
      }));
  }
});

describe("io map in processes that are killed", { skip }, () => {
  it("loses no acknowledged commit", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/mapped.quire`;
      const random = new Random(SEED);
      let next = 0;
      for (let i = 0; i < TIMES; i++) {
        const last = await commitAndDie(path, next, 60 + random.below(60));
        next = expectCommits(path, last);
        assertEquals((await verify(path)).ok, true);
      }
      assertGreater(next, 50 * TIMES);
    }));

  /** Starts a process that commits, and kills it after a number; returns the last reported. */
  async function commitAndDie(path: string, first: number, count: number): Promise<number> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", CHILD, path, String(first)],
      stdout: "piped",
    }).spawn();
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      // What it wrote before it died arrives later.
      if (text.split("\n").length > count) killIfThere(child);
    }
    assertEquals((await child.status).signal, "SIGKILL");
    return Number(text.split("\n").at(-2));
  }

  /** Recovers the file as by default; returns the number of commits in it. */
  function expectCommits(path: string, last: number): number {
    using db = open(path);
    const tree = db.tree("values");
    const isIn = (commit: number) =>
      changesOf(commit).every(({ key, value }) => sameBytes(tree.get(key), value));
    // One may have been made and not reported.
    const count = isIn(last + 1) ? last + 2 : last + 1;
    const expected = new Map<string, Uint8Array>();
    for (let commit = 0; commit < count; commit++) {
      for (const { key, value } of changesOf(commit)) expected.set(key, value);
    }
    assertEquals(tree.count(), expected.size);
    for (const [key, value] of expected) assert(sameBytes(tree.get(key), value), key);
    return count;
  }
});
