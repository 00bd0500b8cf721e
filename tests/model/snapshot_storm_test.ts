/**
 * Many snapshots against a fast writer: each reads exactly one committed state, through 100,000
 * commits, or QUIRE_STORM times as many.
 *
 * The model of a state is one array of numbers for each tree: the seed of the value at each key, 0
 * for none. The state is copied when a reader begins, and everything that it reads, in pieces and
 * much later, must match the copy. A failed run names its seed; QUIRE_SEED=N runs only that seed.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Durability,
  MemoryFile,
  Pager,
  type PagerOptions,
  SnapshotTooOldError,
} from "../../pager/mod.ts";
import { Database } from "../../store/database.ts";
import type { ReadTree } from "../../store/read/read_tree.ts";
import type { Snapshot } from "../../store/snapshot.ts";
import type { Transaction } from "../../store/transaction.ts";
import { Session } from "../../store/write/session.ts";
import { checkDatabase, openOn } from "../support/databases/database.ts";
import { Random } from "../support/random.ts";
import { TURN } from "../support/turn.ts";

const MIB = 1024 * 1024;
const SCALE = Number(Deno.env.get("QUIRE_STORM") ?? 0.3);
const KEYS = 2500;
const NAMES = ["a", "b", "c"];
const READERS_MAX = 40;
const WORD_BYTES = 4;
/** Values in runs are rare. */
const VALUE_BYTES = [40, 200, 900, 5000, 2000, 300, 2000, 6000, 100, 1500, 40, 2048, 600, 40, 9000];

/** The configuration of a run. */
interface Storm {
  readonly what: string;
  readonly commits: number;
  readonly durability: Durability;
  readonly options: PagerOptions;
}

const LEAST = { cacheBytes: 8 * MIB, journalBytes: 2 * MIB };
const STORMS: readonly Storm[] = [
  { what: "in the least cache", commits: 70_000 * SCALE, durability: "none", options: LEAST },
  {
    what: "handed to the system, in a large cache",
    commits: 10_000 * SCALE,
    durability: "buffered",
    options: { journalBytes: 4 * MIB },
  },
  {
    what: "with little memory for old pages",
    commits: 40_000 * SCALE,
    durability: "none",
    options: { ...LEAST, maxSnapshotBytes: 2 * MIB },
  },
];

/** The seed of the value at each key; trees that do not exist are absent. */
type State = Map<string, Uint32Array>;

/** A reader of one state, a piece at a time. */
interface Reader {
  readonly state: State;
  readonly snapshot: Snapshot | undefined;
  readonly walks: Walk[];
}

/** An open iterator, and the key that it must yield next, or a bound for it. */
interface Walk {
  readonly entries: ReturnType<ReadTree["entries"]>;
  readonly seeds: Uint32Array | undefined;
  readonly reverse: boolean;
  at: number;
}

class Undo extends Error {}

/** A database with a writer and readers, and the model of the states that they must see. */
class Run {
  readonly counts = { commits: 0, undone: 0, snapshots: 0, entries: 0, tooOld: 0 };
  readonly #random: Random;
  readonly #storm: Storm;
  readonly #file = new MemoryFile();
  readonly #session: Session;
  readonly #db: Database;
  #state: State = new Map();
  #readers: Reader[] = [];
  #lastSeed = 0;

  constructor(seed: number, storm: Storm) {
    this.#random = new Random(seed);
    this.#storm = storm;
    this.#session = new Session(new Pager(this.#file, storm.options), storm.durability);
    this.#db = new Database(this.#session);
  }

  /** Commits or rolls back once, and lets a reader continue. */
  step(): void {
    const random = this.#random;
    this.#write();
    if (random.once(25) && this.#readers.length < READERS_MAX) this.#begin();
    if (random.once(4) && this.#readers.length > 0) this.#readSome(random.pick(this.#readers));
    if (random.once(30)) this.#endOne();
    if (random.once(2000)) this.#db.checkpoint();
    if (random.once(400)) this.#reshape();
  }

  /** Reads every state to its end, then the database, and again when it is opened again. */
  finish(): void {
    while (this.#readers.length > 0) this.#endOne(true);
    const opened = { db: this.#db, session: this.#session };
    this.#compareAll((name) => this.#db.tree(name), this.#db.trees(), this.#state);
    checkDatabase(opened);
    assertEquals(this.#session.pager.stats().snapshots, 0);
    this.#db.close();
    const again = openOn(this.#file);
    this.#compareAll((name) => again.tree(name), again.trees(), this.#state);
    again.close();
  }

  /** The number of evicted pages. */
  get evictions(): number {
    return this.#db.stats().evictions;
  }

  #write(): void {
    const before = this.#copy();
    try {
      this.#db.writeSync((tx) => {
        this.#changeSome(tx);
        if (this.#random.once(60)) this.#savepoint();
        if (this.#random.once(50) && this.#readers.length > 0) {
          this.#readSome(this.#random.pick(this.#readers));
        }
        if (this.#random.once(200)) this.#endOne();
        if (this.#random.once(30)) throw new Undo();
      });
      this.counts.commits++;
    } catch (error) {
      if (!(error instanceof Undo)) throw error;
      this.#state = before;
      this.counts.undone++;
    }
  }

  /** A savepoint that is rolled back or kept. */
  #savepoint(): void {
    const before = this.#copy();
    try {
      this.#db.writeSync((inner) => {
        this.#changeSome(inner);
        if (this.#random.once(2)) throw new Undo();
      });
    } catch (error) {
      if (!(error instanceof Undo)) throw error;
      this.#state = before;
    }
  }

  #changeSome(tx: Transaction): void {
    const random = this.#random;
    const name = random.pick(NAMES);
    for (let count = 1 + random.below(3); count > 0; count--) {
      if (random.once(4)) this.#delete(tx, name, random.below(KEYS));
      else this.#set(tx, name, random.below(KEYS));
    }
    if (random.once(150)) this.#deleteRange(tx, name, random.below(KEYS), 1 + random.below(200));
  }

  #set(tx: Transaction, name: string, at: number): void {
    const seed = ++this.#lastSeed;
    tx.tree(name).set(keyAt(at), valueOf(seed));
    let seeds = this.#state.get(name);
    if (seeds === undefined) this.#state.set(name, seeds = new Uint32Array(KEYS));
    seeds[at] = seed;
  }

  #delete(tx: Transaction, name: string, at: number): void {
    const seeds = this.#state.get(name);
    assertEquals(tx.tree(name).delete(keyAt(at)), seeds !== undefined && seeds[at] !== 0);
    if (seeds !== undefined) seeds[at] = 0;
  }

  #deleteRange(tx: Transaction, name: string, from: number, count: number): void {
    const to = Math.min(from + count, KEYS - 1);
    const expected = this.#state.get(name)?.subarray(from, to).filter((seed) => seed !== 0).length;
    const found = tx.tree(name).deleteRange({ gte: keyAt(from), lt: keyAt(to) });
    assertEquals(found, expected ?? 0);
    this.#state.get(name)?.fill(0, from, to);
  }

  /** Drops or renames a tree. */
  #reshape(): void {
    const [from, to] = [this.#random.pick(NAMES), this.#random.pick(NAMES)];
    const seeds = this.#state.get(from);
    if (from === to || this.#random.once(2)) {
      assertEquals(this.#db.dropTree(from), this.#state.delete(from));
    } else if (seeds !== undefined && !this.#state.has(to)) {
      this.#db.renameTree(from, to);
      this.#state.delete(from);
      this.#state.set(to, seeds);
    }
  }

  /** Starts a reader of the current state, with a snapshot or only an iterator. */
  #begin(): void {
    const state = this.#copy();
    if (this.#random.once(3)) {
      const walk = this.#walk(state, (name) => this.#db.tree(name));
      // It begins with its first step.
      this.#readers.push({ state, snapshot: undefined, walks: [walk] });
      this.#advance(walk, 1);
    } else {
      this.counts.snapshots++;
      this.#readers.push({ state, snapshot: this.#db.snapshot(), walks: [] });
    }
  }

  #walk(state: State, tree: (name: string) => ReadTree): Walk {
    const name = this.#random.pick(NAMES);
    const reverse = this.#random.once(2);
    const seeds = state.get(name);
    return { entries: tree(name).entries({ reverse }), seeds, reverse, at: reverse ? KEYS - 1 : 0 };
  }

  /** Reads a piece of a state. Ends the reader if its snapshot was ended to bound memory. */
  #readSome(reader: Reader): void {
    try {
      this.#readPiece(reader);
    } catch (error) {
      this.#checkTooOld(error);
      this.#readers = this.#readers.filter((other) => other !== reader);
      reader.snapshot?.close();
    }
  }

  #readPiece({ state, snapshot, walks }: Reader): void {
    const random = this.#random;
    if (snapshot !== undefined) {
      for (let count = 5; count > 0; count--) {
        const [name, at] = [random.pick(NAMES), random.below(KEYS)];
        const seed = state.get(name)?.[at] ?? 0;
        const value = snapshot.tree(name).get(keyAt(at));
        if (value === undefined) assertEquals(seed, 0, `no value at ${at} of ${name}`);
        else expectValue(value, seed, at);
      }
      if (walks.length < 3) walks.push(this.#walk(state, (name) => snapshot.tree(name)));
    }
    if (walks.length > 0) this.#advance(random.pick(walks), random.below(60));
  }

  /** Advances an iterator by several steps. */
  #advance(walk: Walk, steps: number): void {
    const step = walk.reverse ? -1 : 1;
    for (; steps > 0; steps--) {
      while (walk.at >= 0 && walk.at < KEYS && !walk.seeds?.[walk.at]) walk.at += step;
      const { value } = walk.entries.next();
      if (value === undefined) {
        assert(walk.at < 0 || walk.at >= KEYS, `an iterator ended before key ${walk.at}`);
        return;
      }
      assert(walk.at >= 0 && walk.at < KEYS, "an iterator gave more than there was");
      this.#expectEntry(value, walk.seeds!, walk.at);
      walk.at += step;
    }
  }

  #expectEntry([key, value]: [Uint8Array, Uint8Array], seeds: Uint32Array, at: number): void {
    this.counts.entries++;
    assertEquals(indexOf(key), at, "the key of an entry");
    expectValue(value, seeds[at]!, at);
  }

  /** Ends a reader, sometimes after comparing everything that it sees. */
  #endOne(whole: boolean = this.#random.once(6)): void {
    if (this.#readers.length === 0) return;
    const reader = this.#readers.splice(this.#random.below(this.#readers.length), 1)[0]!;
    const { snapshot, state, walks } = reader;
    try {
      for (const walk of walks) if (whole) this.#advance(walk, Infinity);
      if (snapshot !== undefined && whole) {
        this.#compareAll((name) => snapshot.tree(name), snapshot.trees(), state);
      }
    } catch (error) {
      this.#checkTooOld(error);
    }
    for (const { entries } of walks) entries.return();
    snapshot?.close();
  }

  #checkTooOld(error: unknown): void {
    const mayBe = this.#storm.options.maxSnapshotBytes !== undefined;
    if (!mayBe || !(error instanceof SnapshotTooOldError)) throw error;
    this.counts.tooOld++;
  }

  #compareAll(tree: (name: string) => ReadTree, names: string[], state: State): void {
    assertEquals(names, [...state.keys()].sort());
    for (const name of NAMES) {
      const seeds = state.get(name) ?? new Uint32Array(KEYS);
      const reverse = this.#random.once(2);
      const walk = { entries: tree(name).entries({ reverse }), seeds, reverse, at: 0 };
      if (reverse) walk.at = KEYS - 1;
      this.#advance(walk, Infinity);
      assertEquals(tree(name).count(), seeds.filter((seed) => seed !== 0).length, name);
    }
  }

  #copy(): State {
    return new Map([...this.#state].map(([name, seeds]) => [name, seeds.slice()]));
  }
}

const keyAt = (at: number) => `key ${10_000 + at}`;

function indexOf(key: Uint8Array): number {
  let index = 0;
  for (const byte of key.subarray("key ".length)) index = index * 10 + byte - 48;
  return index - 10_000;
}

/** The value of a seed: its length and all its bytes depend on it. */
function valueOf(seed: number): Uint8Array {
  const long = seed % 4001 === 0;
  const length = long ? 300_000 : VALUE_BYTES[seed % VALUE_BYTES.length]!;
  const value = new Uint8Array(length).fill(seed % 251);
  new DataView(value.buffer).setUint32(length - WORD_BYTES, seed);
  new DataView(value.buffer).setUint32(0, seed);
  return value;
}

function expectValue(value: Uint8Array, seed: number, at: number): void {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const found = view.getUint32(0);
  assertEquals([found, view.getUint32(value.length - WORD_BYTES)], [seed, seed], `value at ${at}`);
  const long = seed % 4001 === 0;
  assertEquals(value.length, long ? 300_000 : VALUE_BYTES[seed % VALUE_BYTES.length]);
  for (let i = WORD_BYTES; i < value.length - WORD_BYTES; i++) {
    if (value[i] !== seed % 251) assertEquals(value[i], seed % 251, `byte ${i} of value at ${at}`);
  }
}

describe("many snapshots against a fast writer", () => {
  for (const storm of STORMS) {
    it(`each read exactly one committed state, ${storm.what}, seed ${TURN}`, () => {
      const run = new Run(TURN, storm);
      for (let step = 0; run.counts.commits < storm.commits; step++) {
        try {
          run.step();
        } catch (error) {
          throw new Error(`seed ${TURN}, step ${step}`, { cause: error });
        }
      }
      const { evictions } = run;
      run.finish();
      console.log(`seed ${TURN}:`, JSON.stringify({ ...run.counts, evictions }));
      assertGreater(run.counts.snapshots, storm.commits / 200);
      assertEquals(run.counts.tooOld > 0, storm.options.maxSnapshotBytes !== undefined);
      if (storm.options.cacheBytes !== undefined) assertGreater(evictions, 0);
    });
  }
});
