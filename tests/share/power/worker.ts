/**
 * A process that shares a database with others while its calls are recorded, for
 * `shared_power_test.ts`: random transactions, checkpoints, openings and closings, until its steps
 * are done or it kills itself at a call.
 *
 * It writes down each attempt, and each number that it knows to be durable: its own commits that
 * were acknowledged, and what a follower and a watcher of others' commits show.
 */

import { BusyError, type Database, LockedError, open, SnapshotTooOldError } from "../../../mod.ts";
import { Random } from "../../support/random.ts";
import { LogWriter } from "./call_log.ts";
import { type Fate, recordCalls, type Recorder } from "./recording_fs.ts";
import { changeState, chooseWrites, numberOf, ORDER } from "./state.ts";

/** What a process is told to do. */
export interface Task {
  /** Where the database is, and the log. */
  readonly path: string;
  readonly log: string;
  /** The number of the process. */
  readonly process: number;
  readonly seed: number;
  readonly steps: number;
  /** The longest that a call that waits for the medium is held up, in milliseconds; 0 = never. */
  readonly pauseMs: number;
  /** When it kills itself, if it does. */
  readonly death?: Death;
}

/** A process kills itself at a call after a moment. */
export interface Death {
  readonly moment: "opening" | "working" | "closing";
  /** The number of the call. */
  readonly call: number;
  readonly fate: Fate;
}

const JOURNAL_BYTES = 2 * 1024 * 1024;
const CACHE_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 10;
const TRIES_MAX = 500;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

class Worker implements Recorder {
  readonly #task: Task;
  readonly #random: Random;
  readonly #times: Random;
  readonly #log: LogWriter;
  #db: Database | undefined;
  #watched: Promise<void> = Promise.resolve();
  #attempts = 0;
  /** Calls left until it dies; negative before the moment has come. */
  #callsLeft = -1;

  constructor(task: Task) {
    this.#task = task;
    this.#random = new Random(task.seed);
    this.#times = new Random(task.seed + 1);
    this.#log = new LogWriter(task.log, task.process);
  }

  fateOf(): Fate {
    if (this.#callsLeft < 0) return "lives";
    return this.#callsLeft-- === 0 ? this.#task.death!.fate : "lives";
  }

  issue(call: Parameters<Recorder["issue"]>[0]): number {
    return this.#log.issue(call);
  }

  done(number: number): void {
    this.#log.done(number);
  }

  pauseMs(): number {
    const { pauseMs } = this.#task;
    return pauseMs === 0 ? 0 : 1 + this.#times.below(pauseMs);
  }

  #begins(moment: Death["moment"]): void {
    const { death } = this.#task;
    if (death?.moment === moment) this.#callsLeft = death.call;
  }

  async run(): Promise<void> {
    recordCalls(this.#task.path, this);
    this.#begins("opening");
    await this.#open();
    this.#begins("working");
    for (let step = 0; step < this.#task.steps; step++) {
      await this.#step();
      if (this.#random.once(3)) await pause(this.#random.below(3));
    }
    this.#begins("closing");
    await this.#close();
  }

  async #open(): Promise<void> {
    for (let tries = 0;; tries++) {
      try {
        const sizes = { journalBytes: JOURNAL_BYTES, cacheBytes: CACHE_BYTES };
        this.#db = open(this.#task.path, { shared: true, ...sizes });
        this.#watched = this.#watch(this.#db);
        return;
      } catch (error) {
        if (!(error instanceof LockedError) || tries > TRIES_MAX) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  async #close(): Promise<void> {
    this.#db!.close();
    await this.#watched;
  }

  /** Watchers hear of durable commits only. One that falls too far behind ends. */
  async #watch(db: Database): Promise<void> {
    try {
      for await (const { changes } of db.tree("order", ORDER).watch({}, { maxPending: 1e6 })) {
        for (const change of changes) {
          if (change.type !== "set") throw new Error("the order of commits has shrunk");
          this.#log.note({ is: "durable", number: Number(change.key) });
        }
      }
    } catch (error) {
      if (!(error instanceof SnapshotTooOldError)) throw error;
    }
  }

  async #step(): Promise<void> {
    const kind = this.#random.below(100);
    if (kind < 45) await this.#write();
    else if (kind < 58) this.#writeSync();
    else if (kind < 74) await this.#writeMany();
    else if (kind < 88) await this.#checkpoint();
    else if (kind < 94) this.#follow();
    else if (kind < 97) await pause(this.#random.below(40));
    else {
      await this.#close();
      await this.#open();
    }
  }

  /** The body of a transaction. */
  #body(id: string): Parameters<Database["write"]>[0] {
    const writes = chooseWrites(this.#random);
    const tell = (number: number) => this.#log.note({ is: "try", id, number, writes });
    return (tx) => changeState(tx, id, writes, tell);
  }

  #newId(): string {
    return `${this.#task.process}.${++this.#attempts}`;
  }

  async #write(): Promise<void> {
    const id = this.#newId();
    // Every level is that of `sync` in a shared file.
    const durability = this.#random.pick(["sync", "sync", "buffered"] as const);
    const number = await this.#db!.write(this.#body(id), { durability }) as number;
    this.#log.note({ is: "durable", number, id });
  }

  #writeSync(): void {
    for (let left = 1 + this.#random.below(4); left > 0; left--) {
      const id = this.#newId();
      const number = this.#db!.writeSync(this.#body(id)) as number;
      this.#log.note({ is: "durable", number, id });
    }
  }

  /** Several transactions of one turn. */
  async #writeMany(): Promise<void> {
    const ids = Array.from({ length: 2 + this.#random.below(5) }, () => this.#newId());
    await Promise.all(ids.map(async (id) => {
      const number = await this.#db!.write(this.#body(id)) as number;
      this.#log.note({ is: "durable", number, id });
    }));
  }

  /** The second step waits for the pins of others, which they move when they read. */
  async #checkpoint(): Promise<void> {
    this.#db!.checkpoint();
    await pause(this.#random.below(10));
    this.#db!.checkpoint();
  }

  /** A follower shows durable commits only. */
  #follow(): void {
    try {
      using follower = open(this.#task.path, { follow: true });
      this.#log.note({ is: "durable", number: numberOf(follower) });
    } catch (error) {
      if (!(error instanceof BusyError || error instanceof SnapshotTooOldError)) throw error;
    }
  }
}

if (import.meta.main) await new Worker(JSON.parse(Deno.args[0]!)).run();
