/**
 * A database on which many do different things at once, and which is closed and opened in between,
 * also while they are at work.
 *
 * Whatever runs may end with `ClosedError` where the database is closed meanwhile, and with the
 * errors that its own rule names; any other error is a fault. It checks no content by itself,
 * except after it has opened the database.
 */

import { type Database, open, type OpenOptions, type Transaction } from "../../../mod.ts";
import type { Random } from "../../support/random.ts";
import { differenceOf, type KeySet, type Name, VersionedModel } from "./versioned_model.ts";

const MIB = 1024 * 1024;
const KEYS = 200;

/** One thing that is done to the database, for some turns of the event loop. */
export interface Act {
  readonly name: string;
  /** How often it is chosen, beside others. */
  readonly weight: number;
  /** Whether only one of them runs at a time. */
  readonly isAlone?: boolean;
  /** Errors with which it may end, besides `ClosedError` after a close. */
  readonly errors?: readonly string[];
  /** Does it. */
  run(crowd: Crowd): Promise<void>;
}

/** A database that many use at once. */
export class Crowd {
  /** A folder of its own. */
  readonly dir: string;
  /** Chooses everything. */
  readonly random: Random;
  /** What its trees hold. */
  readonly model = new VersionedModel();
  /** The database, which each opening replaces. */
  db: Database;
  /** What was wrong. */
  readonly faults: string[] = [];
  /** How often each act has ended, by its name and error. */
  readonly counts: Record<string, number> = {};

  readonly #running = new Map<Promise<void>, Act>();
  #options: OpenOptions = {};
  #isClosing = false;
  #closes = 0;
  #files = 0;

  /**
   * Opens a new database.
   *
   * @param dir A folder of its own.
   * @param random Chooses everything.
   */
  constructor(dir: string, random: Random) {
    this.dir = dir;
    this.random = random;
    this.db = this.#open();
  }

  /** The path of the database. */
  get path(): string {
    return `${this.dir}/db`;
  }

  /** A new path in the folder. */
  newPath(): string {
    return `${this.dir}/file-${this.#files++}`;
  }

  /** A key, long ones among them. */
  key(): string {
    const { random } = this;
    return `k${1000 + random.below(KEYS)}${"x".repeat(random.once(10) ? random.below(300) : 0)}`;
  }

  /** A value of any of the lengths that are stored in different ways. */
  value(): Uint8Array {
    const { random } = this;
    const most = random.pick([
      200,
      200,
      200,
      3000,
      3000,
      40_000,
      random.once(4) ? 400_000 : 40_000,
    ]);
    return new Uint8Array(random.below(most)).fill(random.below(256));
  }

  /** Notes that something is wrong. */
  fault(text: string): void {
    this.faults.push(`${text} (${JSON.stringify(this.#options)})`);
  }

  /** Whether the database has been closed since a count of closes, or is being closed. */
  isOver(closes: number): boolean {
    return this.#isClosing || closes !== this.#closes;
  }

  /** The number of closes so far. */
  get closes(): number {
    return this.#closes;
  }

  /** Changes the trees in a transaction; the model follows where it commits. */
  async change(body: (tx: Transaction, changes: KeySet[]) => void): Promise<void> {
    await this.db.write((tx) => {
      const changes: KeySet[] = [];
      body(tx, changes);
      // The callback is the last that can fail: no one else has committed before this commits.
      for (const change of changes) this.model.note(this.db.version + 1, change);
    });
  }

  /** Removes a key in a transaction. */
  remove(name: Name, key: string): Promise<void> {
    return this.change((tx, changes) => {
      tx.tree(name).delete(key);
      changes.push({ name, key, value: undefined });
    });
  }

  /** Starts an act, unless it is one that runs alone and does so already. */
  start(act: Act): void {
    if (act.isAlone && [...this.#running.values()].includes(act)) return;
    const closes = this.#closes;
    const running = act.run(this).then(
      () => this.#count(act.name),
      (error: unknown) => this.#judge(act, error, closes),
    ).finally(() => this.#running.delete(running));
    this.#running.set(running, act);
  }

  /** The number of acts that run. */
  get size(): number {
    return this.#running.size;
  }

  /** Resolves when all acts that run have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.keys());
  }

  /** Closes the database, in line or in turns, while acts run, and opens it with other options. */
  async closeAndOpen(): Promise<void> {
    this.#isClosing = true;
    if (this.random.once(2)) this.db.close();
    else await this.db[Symbol.asyncDispose]();
    this.#closes++;
    await this.settled();
    this.#isClosing = false;
    this.#count("close");
    for (const { name } of Deno.readDirSync(this.dir)) {
      if (name.includes(".unfinished")) this.fault(`${name} is left`);
    }
    this.db = this.#open();
    const difference = differenceOf(this.db, this.model.now);
    if (difference !== undefined) this.fault(`after opening: ${difference}`);
  }

  #open(): Database {
    const { random } = this;
    const shared = random.once(3);
    const io = shared || Deno.build.os !== "linux" || !random.once(3) ? "buffered" : "map";
    this.#options = {
      shared,
      io,
      durability: random.pick(["sync", "buffered", "none"]),
      cacheBytes: random.pick([8, 16, 64]) * MIB,
      journalBytes: random.pick([2, 4, 64]) * MIB,
      tornSectors: shared || io === "map" || !random.once(3) ? "whole" : "protect",
    };
    return open(this.path, this.#options);
  }

  #judge(act: Act, error: unknown, closes: number): void {
    const { name } = error instanceof Error ? error : { name: "no error" };
    this.#count(`${act.name}, ${name}`);
    if (name === "ClosedError" && this.isOver(closes)) return;
    if (act.errors?.includes(name)) return;
    this.fault(`${act.name}: ${error instanceof Error ? error.stack : error}`);
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}
