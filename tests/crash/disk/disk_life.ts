/**
 * The child process of `disk_cut_test.ts`: FOLDER PROMISES LIFE SEED STEPS. In a folder of a disk
 * that is logged it does what programs do: it commits at every level, alone and many at once, with
 * small and large values; it loads and drops trees, makes checkpoints, compacts, closes and opens;
 * it makes copies of every kind, restores some, archives, and makes new databases.
 *
 * It adds a line to the file of promises for each one that Quire gives, when it is given: `WHAT
 * COMMITS`, where WHAT is the name of a file, or of the folder of the archive.
 */

import * as fs from "node:fs";
import {
  archive,
  type Database,
  folderStore,
  open,
  type OpenOptions,
  restore,
} from "../../../mod.ts";
import { bytesOf } from "../../support/databases/database.ts";
import { Random } from "../../support/random.ts";
import { changesOf, commitsIn } from "../support/numbered_commits.ts";

/** The database that lives on. */
export const MAIN = "main.quire";
/** The folder of its archive. */
export const ARCHIVE = "archive";
/** In place of a number of commits: from here on the file may be gone. */
export const GONE = -1;

/** The database is opened in any of these ways, each time in another. */
const WAYS: readonly OpenOptions[] = [
  {},
  { shared: true },
  { tornSectors: "protect" },
  { io: "direct" },
  { io: "map" },
];
const OPTIONS = { journalBytes: 2 * 1024 * 1024, cacheBytes: 8 * 1024 * 1024 };
/** What a restored file is made of. */
const [BASE, INCREMENT] = ["base", "increment"];
/** A tree that is made and dropped. */
const BULK = "bulk";
/** The copies that stay; each new one removes one of those before. */
const KEPT = 3;
/** The most commits of a step. */
const COMMITS = 12;

/** A program with one database. */
class DiskLife {
  readonly #folder: string;
  readonly #promises: number;
  readonly #random: Random;
  readonly #names: string[] = [];
  #db: Database;
  #shipping: ReturnType<typeof archive>;
  readonly #life: string;
  #commits: number;
  #files = 0;

  constructor(folder: string, promises: string, life: string, random: Random) {
    this.#folder = folder;
    this.#promises = fs.openSync(promises, "a");
    this.#life = life;
    this.#random = random;
    for (const left of [BASE, INCREMENT]) fs.rmSync(`${folder}/${left}`, { force: true });
    [this.#db, this.#shipping] = this.#open();
    this.#commits = commitsIn(this.#db);
  }

  /** Does a number of things, one after another. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.#step();
    await this.#close();
  }

  async #step(): Promise<void> {
    switch (this.#random.below(16)) {
      case 0:
        return this.#reopen();
      case 1:
        this.#db.checkpoint();
        return this.#promise(MAIN);
      case 2:
        return this.#compact();
      case 3:
        return this.#copy();
      case 4:
        return this.#create();
      case 5:
        await this.#shipping.flush();
        return this.#promise(ARCHIVE);
      case 6:
        return this.#restore();
      case 7:
        return this.#grow();
      case 8:
        this.#db.dropTree(BULK);
        return this.#promise(MAIN);
      case 9:
        return new Promise((resolve) => setTimeout(resolve, this.#random.below(20)));
      default:
        return this.#commit();
    }
  }

  #open(): [Database, ReturnType<typeof archive>] {
    const db = open(`${this.#folder}/${MAIN}`, { ...OPTIONS, ...this.#random.pick(WAYS) });
    const store = folderStore(`${this.#folder}/${ARCHIVE}`);
    return [db, archive(db, store, { everyMs: 3, baseEvery: 60, mergeAfter: 20, keep: 400 })];
  }

  async #close(): Promise<void> {
    await this.#shipping.close();
    this.#db.close();
    this.#promise(MAIN);
    this.#promise(ARCHIVE);
  }

  async #reopen(): Promise<void> {
    await this.#close();
    [this.#db, this.#shipping] = this.#open();
    if (commitsIn(this.#db) !== this.#commits) throw new Error("the database has other commits");
  }

  /** Commits at some level. Before a durable commit everything is durable. */
  async #commit(): Promise<void> {
    const durability = this.#random.pick(["sync", "sync", "buffered", "none"] as const);
    const isTogether = this.#random.once(2);
    const commits: Promise<unknown>[] = [];
    for (let left = 1 + this.#random.below(COMMITS); left > 0; left--) {
      const commit = ++this.#commits;
      const change = this.#db.write((tx) => changesOf(tx, commit), { durability });
      if (isTogether) commits.push(change);
      else await change;
      if (!isTogether && durability === "sync") this.#promise(MAIN);
    }
    await Promise.all(commits);
    if (durability === "sync") this.#promise(MAIN);
  }

  /** Copies the database in one of the ways, perhaps while commits are made. */
  async #copy(): Promise<void> {
    const [name, commits] = [this.#newName("copy"), this.#commits];
    const copied = this.#db.backup(`${this.#folder}/${name}`, { compact: this.#random.once(3) });
    if (this.#random.once(2)) await this.#commit();
    await copied;
    this.#promise(name, commits);
    // Nothing is durable before what a copy has.
    if (this.#commits === commits) this.#promise(MAIN);
  }

  async #compact(): Promise<void> {
    const compacted = this.#db.compact();
    if (this.#random.once(2)) await this.#commit();
    await compacted;
  }

  /** Adds pages that are written past the journal, and which a drop gives back. */
  async #grow(): Promise<void> {
    const entries = 100 + this.#random.below(4000);
    await this.#db.tree(BULK).load(function* () {
      for (let i = 0; i < entries; i++) yield [`${i}`.padStart(6, "0"), bytesOf(i, 400)] as const;
    }());
    this.#promise(MAIN);
  }

  /** Makes a database of its own. */
  async #create(): Promise<void> {
    const name = this.#newName("new");
    const db = open(`${this.#folder}/${name}`);
    await db.write((tx) => changesOf(tx, 1));
    this.#promise(name, 1);
    if (this.#random.once(2)) return db.close();
    await db.write((tx) => changesOf(tx, 2));
    this.#promise(name, 2);
    await db[Symbol.asyncDispose]();
  }

  /** Restores a copy with its increment. */
  async #restore(): Promise<void> {
    const name = this.#newName("restored");
    const [base, increment] = [`${this.#folder}/${BASE}`, `${this.#folder}/${INCREMENT}`];
    const { version: since } = await this.#db.backup(base);
    await this.#commit();
    await this.#db.backup(increment, { since });
    await restore(`${this.#folder}/${name}`, base, increment);
    this.#promise(name);
    for (const used of [base, increment]) Deno.removeSync(used);
  }

  #newName(kind: string): string {
    if (this.#names.length >= KEPT) {
      const old = this.#names.shift()!;
      this.#gone(old);
      Deno.removeSync(`${this.#folder}/${old}`);
    }
    const name = `${kind}-${this.#life}-${++this.#files}`;
    this.#names.push(name);
    return name;
  }

  #promise(what: string, commits = this.#commits): void {
    fs.writeSync(this.#promises, `${what} ${commits}\n`);
  }

  /** From here on a file may be gone. */
  #gone(name: string): void {
    fs.writeSync(this.#promises, `${name} ${GONE}\n`);
  }
}

if (import.meta.main) {
  const [folder, promises, life, seed, steps] = Deno.args;
  const random = new Random(Number(seed) + Number(life));
  await new DiskLife(folder!, promises!, life!, random).run(Number(steps));
}
