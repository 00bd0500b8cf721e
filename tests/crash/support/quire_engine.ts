/**
 * The adapter of Quire for the crash tests.
 */

import { chunkCensus } from "../../../btree/mod.ts";
import { type File, type Flight, format, Pager } from "../../../pager/mod.ts";
import { Database } from "../../../store/database.ts";
import { COMPACT_BOUNDS } from "../../../store/maintenance/compact.ts";
import { CompactionRun } from "../../../store/maintenance/compaction_run.ts";
import { TreeFormat } from "../../../store/read/tree_format.ts";
import type { Snapshot } from "../../../store/snapshot.ts";
import type { Transaction } from "../../../store/transaction.ts";
import { verifySteps } from "../../../store/verify/verify.ts";
import { Session } from "../../../store/write/session.ts";
import { ownersOf } from "../../support/trees/owners.ts";
import {
  type Change,
  type Durability,
  type Engine,
  type EngineOptions,
  type Handle,
  type State,
  stateKey,
  type StreamEnd,
} from "./engine.ts";

const { CHUNK_PAGES, FRESH_PAGES, KIND_FREE, KIND_JOURNAL, SUPERBLOCK_PAGE } = format;

/** Quire. */
export const quireEngine: Engine = {
  name: "quire",
  rotPages: [SUPERBLOCK_PAGE, SUPERBLOCK_PAGE + 1],
  open: (file: File, options: EngineOptions): Handle => new QuireHandle(file, options),
  verify: expectVerified,
};

/**
 * Fails unless `verify` finds nothing wrong, except in files of zeros, which anything may leave.
 */
function expectVerified(file: File): void {
  const steps = verifySteps(file, { maxFindings: 1 });
  let step = steps.next();
  while (!step.done) step = steps.next();
  const { ok, findings: [first] } = step.value;
  if (ok || holdsZeros(file)) return;
  throw new Error(`verify: page ${first!.page} at byte ${first!.offset}: ${first!.rule}`);
}

/** Whether a file is at most as long as a new database, and holds nothing of one. */
function holdsZeros(file: File): boolean {
  const size = file.size();
  if (size > FRESH_PAGES * format.PAGE_BYTES) return false;
  const bytes = new Uint8Array(size);
  file.readAt(bytes, 0, size, 0);
  return bytes.every((byte) => byte === 0);
}

/** The codecs of all trees. */
const BYTES = new TreeFormat({});

class Undo extends Error {}

/** A pager whose checkpoints advance with flights only, from the first flight on. */
class FlyingPager extends Pager {
  /** Whether there was a flight. */
  hasFlown = false;

  override flush(level: Durability, waits?: boolean): void {
    if (this.hasFlown && level !== "sync") this.flights.write(level);
    else super.flush(level, waits);
  }
}

/** An open database. */
class QuireHandle implements Handle {
  readonly #pager: FlyingPager;
  readonly #session: Session;
  readonly #db: Database;
  readonly #kept: Snapshot[] = [];
  #flight: Flight | undefined;
  #compaction: CompactionRun | undefined;

  constructor(file: File, options: EngineOptions) {
    this.#pager = new FlyingPager(file, { cacheBytes: 2 ** 26, ...options });
    this.#session = new Session(this.#pager);
    this.#db = new Database(this.#session);
  }

  write(changes: readonly Change[], durability: Durability): boolean {
    this.#db.writeSync((tx) => make(tx, changes), { durability });
    return durability === "sync";
  }

  abort(changes: readonly Change[]): void {
    const half = changes.length >> 1;
    try {
      this.#db.writeSync((tx) => {
        make(tx, changes.slice(0, half));
        this.#db.writeSync((inner) => make(inner, changes.slice(half)));
        throw new Undo();
      });
    } catch (error) {
      if (!(error instanceof Undo)) throw error;
    }
  }

  load(changes: readonly Change[], durability: Durability): boolean {
    this.#db.writeSync((tx) => {
      for (const [tree, loaded] of Map.groupBy(changes, (change) => change.tree)) {
        tx.tree(tree).load(loaded.map(({ key, value }) => [key, value!] as const));
      }
    }, { durability });
    return durability === "sync";
  }

  writeAround(changes: readonly Change[], undone: readonly Change[]): boolean {
    const half = changes.length >> 1;
    this.#db.writeSync((tx) => {
      make(tx, changes.slice(0, half));
      this.abort(undone);
      make(tx, changes.slice(half));
    });
    return true;
  }

  stream({ tree, key, value }: Change, partBytes: number, end: StreamEnd): boolean {
    const { unfinished } = this.#session;
    const number = unfinished.begin();
    for (let at = 0; at < value!.length; at += partBytes) {
      this.#append(number, at, tree, value!.subarray(at, at + partBytes));
    }
    if (end === "finish") {
      this.#session.writeSync(() =>
        unfinished.finish(number, this.#session.openTree(tree, BYTES), key)
      );
    } else if (end === "release") {
      while (this.#session.writeSync(() => unfinished.release(number, 1), "none"));
      this.#session.treesChanged();
    }
    return end === "finish";
  }

  #append(number: number, at: number, tree: string, part: Uint8Array): void {
    this.#session.writeSync(() => {
      const createdTree = this.#session.findTree(tree) === undefined ? tree : "";
      const { id } = this.#session.openTree(tree, BYTES);
      this.#session.unfinished.append(number, at, id, part, createdTree);
    }, "none");
  }

  drop(tree: string): boolean {
    this.#db.dropTree(tree);
    return true;
  }

  checkpoint(): void {
    this.#db.checkpoint();
  }

  checkpointStep(): void {
    // Commits would let it rest, and a workload end before it does.
    this.requestCheckpoint();
    this.#session.pager.checkpointSlice();
  }

  sliceConfirmed(): void {
    this.#pager.flights.writeConfirmed();
  }

  compact(steps: "step" | "all"): void {
    // Steps of the shortest time move one page, or one value; others move as many as they may.
    const budgetMs = steps === "all" ? Infinity : 0;
    const run = this.#compaction ?? new CompactionRun(this.#session, COMPACT_BOUNDS, budgetMs);
    while (run.step() && steps === "all");
    this.#compaction = steps === "all" ? undefined : run;
  }

  takeOff(): Promise<void> {
    this.#pager.hasFlown = true;
    this.#flight ??= this.#pager.flights.takeOff();
    return this.#flight?.synced ?? Promise.resolve();
  }

  get isFlying(): boolean {
    return this.#flight !== undefined;
  }

  land(): void {
    const flight = this.#flight!;
    this.#flight = undefined;
    this.#session.pager.flights.land(flight);
  }

  requestCheckpoint(): void {
    this.#session.pager.flights.requestCheckpoint();
  }

  beginMove(): void {
    this.#pager.flights.beginMove(true);
  }

  get version(): number {
    return this.#db.version;
  }

  get durableVersion(): number {
    return this.#session.pager.durableVersion;
  }

  state(): State {
    return stateOf(this.#db);
  }

  keep(): void {
    this.#kept.push(this.#db.snapshot());
  }

  kept(): State[] {
    return this.#kept.map(stateOf);
  }

  release(): void {
    this.#kept.shift()?.close();
  }

  check(): void {
    // A sweep continues interrupted drops, and releases unfinished values.
    const { unfinished } = this.#session;
    for (const number of unfinished.numbers()) {
      while (this.#session.writeSync(() => unfinished.release(number)));
    }
    this.#session.treesChanged();
    while (this.#session.writeSync(() => this.#session.catalog.sweep()));
    checkPages(this.#session);
    for (const name of this.#db.trees()) this.#checkCount(name);
  }

  close(): void {
    this.#db.close();
  }

  #checkCount(name: string): void {
    const tree = this.#db.tree(name);
    let entries = 0;
    for (const _ of tree.keys()) entries++;
    if (entries !== tree.count()) throw new Error(`tree ${name} does not count ${entries} entries`);
  }
}

function stateOf(reader: Database | Snapshot): State {
  const state = new Map<string, Uint8Array>();
  for (const name of reader.trees()) {
    for (const [key, value] of reader.tree(name).entries()) state.set(stateKey(name, key), value);
  }
  return state;
}

function make(tx: Transaction, changes: readonly Change[]): void {
  for (const { tree, key, value } of changes) {
    if (value === undefined) tx.tree(tree).delete(key);
    else tx.tree(tree).set(key, value);
  }
}

/** Checks all trees, and that each page in use is of the one tree that its header names. */
function checkPages(session: Session): void {
  const owners = ownersOf(session);
  let used = 0;
  for (const { chunk, pages, kinds, trees } of chunkCensus(session.pager)) {
    for (let slot = 1; slot < pages; slot++) {
      const page = chunk * CHUNK_PAGES + slot;
      if (page < FRESH_PAGES || kinds[slot] === KIND_JOURNAL) continue;
      const owner = kinds[slot] === KIND_FREE ? undefined : trees[slot];
      if (owner !== undefined) used++;
      if (owner === owners.get(page)) continue;
      throw new Error(`page ${page} says its tree is ${owner}, and is in tree ${owners.get(page)}`);
    }
  }
  if (used === owners.size) return;
  throw new Error(`${used} pages of trees are in use, and trees have ${owners.size}`);
}
