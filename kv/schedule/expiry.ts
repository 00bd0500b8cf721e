/**
 * Removes entries that have expired: never before their time, in the order of their expiry, those
 * that are due together in slices of one transaction each.
 */

import { ClosedError, type Database } from "../../mod.ts";
import type { KvTrees } from "../format/trees.ts";
import { EntryWriter } from "../write/entry_writer.ts";
import { Alarm, now } from "./clock.ts";
import { Failures } from "./failures.ts";
import { isReadOnly } from "./read_only.ts";

/** The most entries that one transaction removes. */
const SLICE = 1000;
/** The wait after a failure of the database. */
const RETRY_MS = 60_000;
/** The time after which a shared database may have entries of a process that is gone. */
const LOOK_MS = 60_000;

/** Options of the removal. */
export interface ExpiryOptions {
  /** The time after which it looks again in a shared database. Default a minute. */
  readonly lookMs?: number;
}

/** Removes the entries of a database that have expired. */
export class Expiry {
  readonly #db: Database;
  readonly #trees: KvTrees;
  readonly #alarm = new Alarm(() => void this.#sweep(), { keepsAlive: false });
  readonly #failures = new Failures("remove what has expired");
  /** The longest wait, in milliseconds. */
  readonly #lookMs: number;
  #isRunning = false;

  /** Creates it; it does nothing before `start`. */
  constructor(db: Database, trees: KvTrees, { lookMs = LOOK_MS }: ExpiryOptions = {}) {
    this.#db = db;
    this.#trees = trees;
    this.#lookMs = db.stats().sharing === undefined ? Infinity : lookMs;
  }

  /** Waits for the first entry that expires. */
  start(): void {
    this.#isRunning = true;
    this.#alarm.setTo(Math.min(this.#firstDate(), now() + this.#lookMs));
  }

  #firstDate(): number {
    return this.#trees.expiry.first()?.[0][0] ?? Infinity;
  }

  /** Notes that an entry was set that expires at a date. */
  note(date: number): void {
    if (this.#isRunning && date !== Infinity) this.#alarm.setTo(date);
  }

  /** Ends waiting. */
  stop(): void {
    this.#isRunning = false;
    this.#alarm.stop();
  }

  /** Removes a slice of what is due, and waits for what remains. */
  async #sweep(): Promise<void> {
    try {
      const date = now();
      if (this.#firstDate() <= date) await this.#removeDue(date);
      this.#failures.clear();
      if (this.#isRunning) this.start();
    } catch (error) {
      // A closed database has no entries.
      if (!this.#isRunning || error instanceof ClosedError) return;
      // A read-only database keeps expired entries.
      if (error instanceof TypeError && isReadOnly(this.#db)) return;
      // A full disk may have room later.
      this.#failures.note(error);
      this.#alarm.setTo(now() + RETRY_MS);
    }
  }

  #removeDue(date: number): Promise<void> {
    return this.#db.write((tx) => {
      const range = { lt: [date + 1, 0, 0] as const, limit: SLICE };
      const due = tx.tree(this.#trees.expiry).entries(range).toArray();
      if (due.length === 0) return;
      const writer = new EntryWriter(tx, this.#trees);
      for (const [id, key] of due) writer.expire(id, key);
    });
  }
}
