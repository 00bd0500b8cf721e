/**
 * Random programs of handles that share a simulated file in one thread, with kills at any call to
 * the system, held against the order of commits; and the files that a power cut leaves.
 */

import { bytes, string, type Transaction, u64 } from "../../../mod.ts";
import { MemoryFile, type Pager, SnapshotTooOldError } from "../../../pager/mod.ts";
import { openOnShare } from "../../../pager/open_pager.ts";
import { Database } from "../../../store/database.ts";
import { SharingSession } from "../../../store/follow/sharing_session.ts";
import { openOn } from "../../support/databases/database.ts";
import { makeImage, plansAt } from "../../support/files/crash_images.ts";
import { PowerFile, PowerWalk } from "../../support/files/power_file.ts";
import { Random } from "../../support/random.ts";
import { Killed, type Life, SharedWorld } from "./one_thread.ts";
import { SimulatedArchive } from "./simulated_archive.ts";

const KEYS = 60;
const ORDER = { key: u64, value: string };
const VALUES = { key: string, value: bytes };
const OPTIONS = { cacheBytes: 8 * 1024 * 1024, journalBytes: 2 * 1024 * 1024 };

type Writes = readonly (readonly [string, number])[];

/** A state: the length and the name of each value. */
type State = ReadonlyMap<string, string>;

/** A handle that lives in a simulated process. */
interface Handle {
  readonly life: Life;
  readonly session: SharingSession;
  readonly db: Database;
  /** The last number that it saw. */
  seen: number;
  snapshots: { number: number; snapshot: ReturnType<Database["snapshot"]> }[];
}

/** What a run did. */
export interface RunCounts {
  transactions: number;
  reads: number;
  snapshotReads: number;
  tooOld: number;
  kills: number;
  opens: number;
  images: number;
  /** States restored from the archive. */
  restored: number;
}

/** What a run found wrong. */
export class Wrong extends Error {}

/** One run. */
export class InterleavedRun {
  readonly counts: RunCounts = {
    transactions: 0,
    reads: 0,
    snapshotReads: 0,
    tooOld: 0,
    kills: 0,
    opens: 0,
    images: 0,
    restored: 0,
  };
  readonly #random: Random;
  readonly #world = new SharedWorld(new PowerFile());
  readonly #handles: Handle[] = [];
  readonly #writes = new Map<string, Writes>();
  /** The states by number, as far as they are known to be committed, and their names. */
  readonly #states: State[] = [new Map()];
  readonly #order: string[] = [];
  /** What was acknowledged, and when: pairs of a count of operations and a number. */
  readonly #acknowledged: [number, number][] = [];
  readonly #archive: SimulatedArchive;
  #attempts = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    const { file } = this.#world;
    this.#archive = new SimulatedArchive(new Random(seed), () => file.operations.length);
    // Some holds of the lock outlast their turn.
    this.#world.stepMs = () => this.#random.below(3);
  }

  /** Runs a number of steps of up to `handlesMax` handles. */
  async run(steps: number, handlesMax: number, callsMax: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      if (
        this.#handles.length === 0 || (this.#handles.length < handlesMax && this.#random.once(8))
      ) {
        this.#open(callsMax);
        continue;
      }
      const handle = this.#random.pick(this.#handles);
      if (this.#random.once(3)) this.#world.beginVisit();
      await this.#mortal(handle, () => this.#step(handle));
      // A turn of the event loop ends, so every handle looks again.
      if (this.#random.once(2)) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    for (const handle of [...this.#handles]) {
      await this.#mortal(handle, () => this.#close(handle));
    }
    const left = new MemoryFile(this.#world.file.snapshot().content());
    this.#checkFile(left, this.#lastNumber(), "the end");
    await this.#checkArchive();
  }

  /** Every segment of the archive leads to a committed state, which no power cut takes back. */
  async #checkArchive(): Promise<void> {
    const shipped: [number, number][] = [];
    for (const { segment: { to }, at } of this.#archive.puts) {
      shipped.push([at, this.#checkArchived(await this.#archive.restore(to), to)]);
    }
    for (let i = 0; i < 4; i++) {
      const version = this.#archive.someVersion();
      if (version === undefined) break;
      try {
        this.#checkArchived(await this.#archive.restore(version), version);
      } catch (error) {
        const isJoined = error instanceof RangeError && /archived together/.test(error.message);
        if (!isJoined) throw error;
      }
    }
    this.#acknowledged.push(...shipped);
  }

  #checkArchived(file: MemoryFile, version: number): number {
    this.counts.restored++;
    using db = openOn(file, { cacheBytes: OPTIONS.cacheBytes });
    if (db.version !== version) throw new Wrong(`the archive has ${db.version} as ${version}`);
    const what = `version ${version} of the archive`;
    const names = this.#checkState(db, 0, what);
    names.forEach((id, i) => {
      if (id !== (this.#order[i] ??= id)) throw new Wrong(`${what}: ${i + 1} is ${id}`);
    });
    return names.length;
  }

  #lastNumber(): number {
    return this.#acknowledged.at(-1)?.[1] ?? 0;
  }

  #open(callsMax: number): void {
    const calls = this.#random.once(2) ? Infinity : 1 + this.#random.below(callsMax);
    const life = this.#world.begin(calls);
    this.counts.opens++;
    let pager: Pager | undefined;
    try {
      pager = openOnShare(life.files(), "simulated", OPTIONS);
      const session = new SharingSession(pager);
      this.#handles.push({ life, session, db: new Database(session), seen: 0, snapshots: [] });
    } catch (error) {
      if (!life.isOver && !isOfKilled(error)) throw error;
      if (life.isOver) this.counts.kills++;
      else life.end();
    }
  }

  async #mortal(handle: Handle, body: () => Promise<void> | void): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (!handle.life.isOver && !isOfKilled(error)) throw error;
    }
    if (!handle.life.isOver) return;
    const index = this.#handles.indexOf(handle);
    if (index < 0) return;
    this.#handles.splice(index, 1);
    this.counts.kills++;
    // Nothing of it goes on, not even its heartbeat.
    try {
      handle.db.close();
    } catch {
      // A dead process closes nothing.
    }
  }

  async #step(handle: Handle): Promise<void> {
    const kind = this.#random.below(100);
    if (kind < 35) this.#writeSync(handle);
    else if (kind < 45) await this.#writeMany(handle);
    else if (kind < 65) this.#read(handle);
    else if (kind < 75) this.#takeSnapshot(handle);
    else if (kind < 84) this.#readSnapshot(handle);
    else if (kind < 87) handle.snapshots.shift()?.snapshot.close();
    else if (kind < 89) handle.db.checkpoint();
    else if (kind < 92) this.#close(handle);
    else await this.#archive.step({ session: handle.session, isOver: () => handle.life.isOver });
  }

  #close(handle: Handle): void {
    this.#handles.splice(this.#handles.indexOf(handle), 1);
    try {
      handle.db.close();
    } catch (error) {
      if (!handle.life.isOver && !isOfKilled(error)) throw error;
      if (handle.life.isOver) this.counts.kills++;
    }
  }

  #body(id: string): (tx: Transaction) => number {
    const writes: [string, number][] = [];
    for (let i = this.#random.below(5); i >= 0; i--) {
      const length = this.#random.once(5)
        ? -1
        : this.#random.below(this.#random.once(6) ? 30_000 : 600);
      writes.push([`key ${this.#random.below(KEYS)}`, length]);
    }
    this.#writes.set(id, writes);
    return (tx) => {
      const order = tx.tree("order", ORDER);
      const number = Number(order.last()?.[0] ?? 0n) + 1;
      const values = tx.tree("values", VALUES);
      for (const [key, length] of writes) {
        if (length < 0) values.delete(key);
        else values.set(key, valueOf(id, length));
      }
      order.set(BigInt(number), id);
      return number;
    };
  }

  #writeSync(handle: Handle): void {
    const id = `t${++this.#attempts}`;
    const body = this.#body(id);
    const number = handle.db.writeSync(body);
    this.#acknowledge(handle, number, id);
  }

  async #writeMany(handle: Handle): Promise<void> {
    const ids = [1, 2].map(() => `t${++this.#attempts}`);
    const promises = ids.map((id) => {
      const body = this.#body(id);
      return handle.db.write(body);
    });
    const fails = this.#body(`t${++this.#attempts}`);
    promises.push(handle.db.write((tx) => {
      fails(tx);
      throw new RangeError("on purpose");
    }));
    const [failed, ...done] = (await Promise.allSettled(promises)).reverse();
    if (failed!.status === "fulfilled" || !(failed!.reason instanceof RangeError)) {
      throw new Wrong("a transaction did not roll back");
    }
    done.reverse().forEach((result, i) => {
      if (result.status === "rejected") throw result.reason;
      this.#acknowledge(handle, result.value, ids[i]!);
    });
  }

  #acknowledge(handle: Handle, number: number, id: string): void {
    this.counts.transactions++;
    if (number <= handle.seen) throw new Wrong(`went back from ${handle.seen} to ${number}`);
    handle.seen = number;
    // Numbers between were committed by processes that died before they knew.
    this.#learn(handle, number);
    if (this.#order[number - 1] !== id) throw new Wrong(`${id} is not transaction ${number}`);
    this.#acknowledged.push([this.#world.file.operations.length, number]);
  }

  /** Learns which transactions were committed, up to a number. */
  #learn({ db }: Handle, number: number): void {
    const order = db.tree("order", ORDER);
    while (this.#order.length < number) {
      const id = order.get(BigInt(this.#order.length + 1));
      if (id === undefined) throw new Wrong(`transaction ${this.#order.length + 1} is missing`);
      this.#order.push(id);
      this.#states.push(after(this.#states.at(-1)!, id, this.#writes.get(id)!));
    }
  }

  #read(handle: Handle): void {
    const { db } = handle;
    const number = Number(db.tree("order", ORDER).last()?.[0] ?? 0n);
    const found = stateOf(db.tree("values", VALUES).entries());
    const again = Number(db.tree("order", ORDER).last()?.[0] ?? 0n);
    this.counts.reads++;
    if (number < handle.seen) throw new Wrong(`went back from ${handle.seen} to ${number}`);
    handle.seen = again;
    this.#learn(handle, again);
    if (number === again) this.#expect(found, number, "a read");
  }

  #takeSnapshot(handle: Handle): void {
    const snapshot = handle.db.snapshot();
    try {
      const number = Number(snapshot.tree("order", ORDER).last()?.[0] ?? 0n);
      this.#learn(handle, number);
      handle.snapshots.push({ number, snapshot });
    } catch (error) {
      this.#tooOld(error);
    }
  }

  #readSnapshot(handle: Handle): void {
    if (handle.snapshots.length === 0) return;
    const { number, snapshot } = this.#random.pick(handle.snapshots);
    try {
      this.#expect(stateOf(snapshot.tree("values", VALUES).entries()), number, "a snapshot");
      this.counts.snapshotReads++;
    } catch (error) {
      this.#tooOld(error);
    }
  }

  #tooOld(error: unknown): void {
    if (!(error instanceof SnapshotTooOldError)) throw error;
    this.counts.tooOld++;
  }

  #expect(found: State, number: number, what: string): void {
    const want = this.#states[number]!;
    if (found.size === want.size && [...found].every(([key, value]) => want.get(key) === value)) {
      return;
    }
    const wrong = [...new Set([...found.keys(), ...want.keys()])]
      .filter((key) => found.get(key) !== want.get(key)).slice(0, 3)
      .map((key) => `${key} is ${found.get(key)}, not ${want.get(key)}`);
    throw new Wrong(`${what} of ${number}: ${wrong.join("; ")}`);
  }

  /** Opens a file as the next process does, and checks that it has one state, and which. */
  #checkFile(file: MemoryFile | PowerFile, least: number, what: string): void {
    using db = openOn(file, { cacheBytes: OPTIONS.cacheBytes });
    this.#checkState(db, least, what);
  }

  /** Checks that a database has one state, and returns the transactions that lead there. */
  #checkState(db: Database, least: number, what: string): string[] {
    const names = [...db.tree("order", ORDER).values()];
    if (names.length < least) throw new Wrong(`${what}: ${names.length} instead of ${least}`);
    let state: State = new Map();
    names.forEach((id, i) => {
      // What nobody was told of may be there or not, and another transaction may take its place.
      if (i < least && id !== this.#order[i]) throw new Wrong(`${what}: ${i + 1} is ${id}`);
      state = after(state, id, this.#writes.get(id)!);
    });
    const found = stateOf(db.tree("values", VALUES).entries());
    const isSame = found.size === state.size &&
      [...found].every(([key, value]) => state.get(key) === value);
    if (!isSame) throw new Wrong(`${what}: the state is not that after ${names.length}`);
    return names;
  }

  /** Checks what a power cut leaves, at one operation in `oneIn`. */
  checkPower(oneIn: number, limit: number): void {
    const { file } = this.#world;
    const walk = new PowerWalk(file.start);
    let told = 0;
    file.operations.forEach((operation, i) => {
      walk.issue(operation);
      if (this.#random.once(oneIn)) {
        const plans = plansAt(walk, { garbage: "none", rotPages: [], limit }, this.#random);
        for (const plan of plans) {
          this.counts.images++;
          this.#checkFile(new PowerFile(makeImage(walk, plan), false), told, `cut ${i}`);
        }
      }
      walk.complete(operation);
      for (const [at, number] of this.#acknowledged) {
        if (at === i + 1) told = Math.max(told, number);
      }
    });
  }
}

function valueOf(id: string, length: number): Uint8Array {
  const value = new Uint8Array(length);
  for (let i = 0; i < length; i++) value[i] = id.charCodeAt(i % id.length) + (i & 15);
  return value;
}

function described(value: Uint8Array): string {
  let sum = value.length;
  for (const byte of value) sum = (Math.imul(sum, 31) + byte) | 0;
  return `${value.length} ${sum}`;
}

function stateOf(entries: Iterable<[string, Uint8Array]>): State {
  const state = new Map<string, string>();
  for (const [key, value] of entries) state.set(key, described(value));
  return state;
}

function after(state: State, id: string, writes: Writes): State {
  const next = new Map(state);
  for (const [key, length] of writes) {
    if (length < 0) next.delete(key);
    else next.set(key, described(valueOf(id, length)));
  }
  return next;
}

/**
 * Whether an error is the death of a process. It meets another one, which goes on, where that ends
 * the hold of the first one: here they have one thread.
 */
function isOfKilled(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof Killed) return true;
  return false;
}

if (import.meta.main) {
  const [seed = "1", runs = "1", steps = "400", handles = "4", calls = "3000"] = Deno.args;
  for (let i = 0; i < Number(runs); i++) {
    const run = new InterleavedRun(Number(seed) + i);
    const begin = performance.now();
    try {
      await run.run(Number(steps), Number(handles), Number(calls));
      run.checkPower(Number(Deno.env.get("ONE_IN") ?? 400), 4);
    } catch (error) {
      console.log(`seed ${Number(seed) + i}`, JSON.stringify(run.counts), error);
      Deno.exit(1);
    }
    console.log(
      Number(seed) + i,
      JSON.stringify(run.counts),
      Math.round(performance.now() - begin),
    );
  }
}
