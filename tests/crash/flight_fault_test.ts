/**
 * I/O errors while syncs run off the thread: the nth operation of a workload fails, for every n,
 * once or permanently. Promises reject with typed errors, no acknowledged commit is lost, whether
 * the file is opened again or the power fails, and every promise settles.
 *
 * QUIRE_FAULTS=N tries every Nth operation only, 4 by default; each run tries others. The power is
 * cut after one fault in 16, and after every third sync that drops its writes.
 */

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type File, IoError, LimitError, Pager } from "../../pager/mod.ts";
import { Database } from "../../store/database.ts";
import { Session } from "../../store/write/session.ts";
import { FLIES } from "../support/databases/flush_policies.ts";
import { PowerFile } from "../support/files/power_file.ts";
import { TURN } from "../support/turn.ts";
import { crashRecording, verify } from "./support/crash_driver.ts";
import { type Allowed, Recorder } from "./support/crash_recorder.ts";
import { type Change, type State, stateAfter } from "./support/engine.ts";
import { type Fault, type FaultKind, NthFaultFile } from "./support/nth_fault_file.ts";
import { quireEngine } from "./support/quire_engine.ts";
import { set } from "./support/workloads.ts";

const EVERY = Number(Deno.env.get("QUIRE_FAULTS") ?? 4);
const CUT_EVERY = 16;
const OPTIONS = { journalBytes: 2 * 1024 * 1024 };

/** A `PowerFile` whose syncs off the thread end in a later turn. */
class LandingFile extends PowerFile {
  override startSync(): Promise<void> {
    const synced = super.startSync();
    setImmediate(() => this.endSync());
    return synced;
  }
}

/** A run with a fault, and the states that it may leave. */
class FlyingRun {
  readonly inner = new LandingFile();
  readonly file: NthFaultFile;
  errors = 0;
  readonly #states: State[] = [new Map()];
  #acknowledged = 0;
  #settled: Promise<void>[] = [];

  constructor(fault: Fault | undefined, forgets = false) {
    this.file = new NthFaultFile(this.inner, fault);
    if (forgets) this.file.onFailedSync = () => this.inner.forget();
  }

  /** The states that are allowed now. */
  get allowed(): Allowed {
    const attempted = this.#states.length - 1;
    return { states: this.#states, acknowledged: this.#acknowledged, attempted };
  }

  /** Runs to the end of a close in turns; records the close, if asked. */
  async run(record?: (run: FlyingRun) => void): Promise<void> {
    const session = this.#open(this.file);
    if (session === undefined) return;
    const db = new Database(session);
    for (let i = 0; i < 9; i++) {
      this.#commit(db, [set("main", `key ${i % 4}`, i), set("main", "last", i)]);
      if (i % 3 === 1) await new Promise<void>((resolve) => setImmediate(resolve));
      if (i === 4) this.#commit(db, [set("main", "large", i, 600_000)]);
      if (i % 3 === 2) await Promise.all(this.#settled);
      if (i === 5) this.#attempt(() => session.checkpointSlice());
    }
    this.#commit(db, [set("main", "unsettled", 1)]);
    if (record !== undefined) {
      await Promise.all(this.#settled);
      record(this);
    }
    try {
      await db[Symbol.asyncDispose]();
      this.#acknowledged = this.#states.length - 1;
    } catch (error) {
      this.#note(error);
    }
    await Promise.all(this.#settled);
  }

  #open(file: File): Session | undefined {
    let session: Session | undefined;
    this.#attempt(() => session = new Session(new Pager(file, OPTIONS), "sync", false, FLIES));
    return session;
  }

  /** Commits, and acknowledges the commit when its promise resolves. */
  #commit(db: Database, changes: readonly Change[]): void {
    const before = db.version;
    const promise = db.write((tx) => {
      for (const { tree, key, value } of changes) tx.tree(tree).set(key, value!);
    });
    if (db.version > before) this.#states.push(stateAfter(this.#states.at(-1)!, changes));
    const state = this.#states.length - 1;
    const isCommitted = db.version > before;
    this.#settled.push(promise.then(
      () => {
        if (isCommitted) this.#acknowledged = Math.max(this.#acknowledged, state);
      },
      (error) => this.#note(error),
    ));
  }

  #attempt(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#note(error);
    }
  }

  #note(error: unknown): void {
    if (!(error instanceof IoError) && !(error instanceof LimitError)) throw error;
    this.errors++;
  }
}

const totals = { runs: 0, hits: 0, errors: 0, images: 0 };

async function trial(fault: Fault, forgets: boolean): Promise<void> {
  const run = new FlyingRun(fault, forgets);
  await run.run();
  totals.runs++;
  totals.hits += run.file.hits;
  totals.errors += run.errors;
  const recorder = new Recorder(run.inner, run.allowed);
  verify(quireEngine, OPTIONS, run.inner, recorder);
  // Writes that a sync dropped are missed only after a power cut.
  if (!forgets && totals.runs % CUT_EVERY !== 0) return;
  const rare = { limit: 4, nestedEvery: 0, killEvery: 0, isNamed: false };
  const options = { name: "flight fault", seed: fault.nth, ...rare };
  totals.images += crashRecording(quireEngine, OPTIONS, recorder.end(), options).distinct;
}

async function sweep(
  kind: FaultKind,
  count: number,
  forgets = false,
  every = EVERY,
): Promise<void> {
  for (const mode of kind === "write" ? ["EIO", "ENOSPC"] as const : ["EIO"] as const) {
    for (const forEver of [false, true]) {
      for (let nth = 1 + TURN % every; nth <= count; nth += every) {
        try {
          await trial({ kind, nth, mode, forEver }, forgets);
        } catch (cause) {
          const what = `${kind} ${nth} of ${count}: ${mode} ${forEver ? "for ever" : "once"}`;
          const message = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`${what}: ${message}`, { cause });
        }
      }
    }
  }
}

describe("I/O errors while flights are in the air", () => {
  it("do not occur without a fault", async () => {
    const run = new FlyingRun(undefined);
    await run.run();
    const { states, acknowledged } = run.allowed;
    assertEquals([run.errors, acknowledged], [0, states.length - 1]);
    assert(run.inner.operations.filter(({ kind }) => kind === "end").length > 8, "flights");
  });

  it("do not occur, and a power cut in a close in turns loses nothing", async () => {
    const run = new FlyingRun(undefined);
    let recorder: Recorder | undefined;
    await run.run(({ inner, allowed }) => recorder = new Recorder(inner, allowed));
    const often = { limit: 24, nestedEvery: 60, killEvery: 10, isNamed: false };
    const options = { name: "close in turns", seed: 1, ...often };
    const { cuts, distinct } = crashRecording(quireEngine, OPTIONS, recorder!.end(), options);
    console.log(`power cuts in a close in turns: ${cuts} cuts, ${distinct} images`);
    assertGreater(distinct, 50);
  });

  for (const kind of ["read", "write", "through", "truncate", "sync"] as const) {
    it(`of every ${kind} are typed, and lose nothing`, async () => {
      const run = new FlyingRun(undefined);
      await run.run();
      await sweep(kind, run.file.counts[kind]);
    });
  }

  it("of a sync that drops its writes lose nothing", async () => {
    const run = new FlyingRun(undefined);
    await run.run();
    await sweep("sync", run.file.counts.sync, true, 3 * EVERY);
    assertGreater(totals.errors, totals.hits, "each fault is reported to those that wait");
    console.log(`faults in flights: ${JSON.stringify(totals)}`);
  });
});
