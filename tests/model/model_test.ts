/**
 * The public API against a model that is simple enough to be correct: a sorted array of entries for
 * each tree.
 *
 * Random operations on several trees, awaited or in nested transactions some of which throw;
 * iterators that run while their tree changes; reopens. Afterwards every tree is checked
 * completely, and every page in use must belong to exactly one of them.
 *
 * Short runs do a little of everything; long runs do 200,000 operations with durability `none`,
 * half of them on a file on disk, half in memory, with checkpoints and reopens in between.
 *
 * A failed run names its seed. QUIRE_SEED=N runs only that seed, QUIRE_SEEDS=N runs the first N,
 * and QUIRE_OPERATIONS=N is the total length of all long runs.
 *
 * Each open has options of its own: sizes from the minimum up, sectors protected or not, and in
 * short runs any durability. Files on disk are opened by each door that the system has.
 *
 * A new operation is one method of `Run`, one line in `#actions` and one weight in each mix.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type DoorOptions,
  type Durability,
  type File,
  MemoryFile,
  openDiskFile,
  type PagerOptions,
} from "../../pager/mod.ts";
import type { Sync } from "../../store/read/argument_checks.ts";
import type { Range } from "../../store/read/range.ts";
import type { ReadTree } from "../../store/read/read_tree.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Tree } from "../../store/tree.ts";
import type { TransactionTree } from "../../store/write/transaction_tree.ts";
import {
  bytesOf,
  checkDatabase,
  openBoth,
  type Opened,
  sameBytes,
  utf8,
} from "../support/databases/database.ts";
import { Model, type ModelTree } from "../support/databases/model.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { TURN } from "../support/turn.ts";

const SEEDS = seeds(Number(Deno.env.get("QUIRE_SEEDS") ?? 14));
const STEPS = 1500;
const OPERATIONS = Number(Deno.env.get("QUIRE_OPERATIONS") ?? 200_000);
const NAMES = ["a", "b", "c", "d"];
const MEBIBYTE = 1024 * 1024;
/** The doors to a file that this system has. */
const DOORS: readonly DoorOptions[] = Deno.build.os === "linux"
  ? [{}, { io: "direct" }, { memory: "huge" }, { io: "map" }, { io: "direct", memory: "huge" }]
  : [{}];
const DURABILITIES: readonly Durability[] = ["sync", "buffered", "none"];

function seeds(count: number): number[] {
  if (Deno.env.has("QUIRE_SEED")) return [TURN];
  return [...Array.from({ length: count }, (_, i) => i + 1), TURN];
}

/** The parameters of a run: its keys, and the lengths of its values. */
interface Style {
  readonly key: (random: Random) => Uint8Array;
  readonly valueBytes: (random: Random) => number;
}

const STYLES: readonly Style[] = [
  {
    key: (random) => utf8(`key ${String(random.below(3000)).padStart(5, "0")}`),
    valueBytes: (random) => random.below(300),
  },
  {
    // Few letters and many lengths: prefixes of each other, the empty key, the bytes 0 and 255.
    key: (random) => Uint8Array.from({ length: random.below(7) }, () => random.pick([0, 97, 255])),
    valueBytes: (random) => random.pick([0, 1, 40, 1024, 1025, 2048, 2600, 3900, 9000]),
  },
  {
    key: (random) => bytesOf(random.below(400), random.pick([1, 8, 200, 1900, 2048])),
    valueBytes: (random) => random.once(40) ? random.below(400_000) : random.below(5000),
  },
];

/** The weight of each operation. */
const MIX = {
  set: 400,
  delete: 120,
  get: 120,
  getMany: 30,
  getView: 40,
  setMany: 40,
  update: 60,
  setIfAbsent: 40,
  compareAndSet: 60,
  entries: 120,
  count: 40,
  countRange: 60,
  edges: 60,
  iterate: 40,
  deleteRange: 30,
  load: 20,
  transaction: 80,
  clear: 5,
  rename: 8,
  drop: 5,
  checkpoint: 6,
  reopen: 6,
};

type Mix = Readonly<Record<keyof typeof MIX, number>>;

/** Mostly operations that are fast in engine and model, so that a million take a minute. */
const LONG_MIX: Mix = {
  set: 4000,
  delete: 4500,
  get: 4000,
  getMany: 100,
  getView: 500,
  setMany: 100,
  update: 800,
  setIfAbsent: 400,
  compareAndSet: 500,
  entries: 50,
  count: 200,
  countRange: 15,
  edges: 15,
  iterate: 30,
  deleteRange: 5,
  load: 10,
  transaction: 400,
  clear: 1,
  rename: 6,
  drop: 1,
  checkpoint: 6,
  reopen: 3,
};

const LONG_STYLES: readonly Style[] = [
  {
    key: (random) => utf8(`key ${random.below(5000)}`),
    valueBytes: (random) => random.once(200) ? random.below(20_000) : random.below(150),
  },
  {
    key: (random) => Uint8Array.from({ length: random.below(9) }, () => random.pick([0, 97, 255])),
    valueBytes: (random) => random.pick([0, 1, 40, 300]),
  },
  {
    key: (random) => bytesOf(random.below(800), random.pick([1, 8, 60, 500])),
    valueBytes: (random) => random.once(100) ? 2000 + random.below(100) : random.below(200),
  },
];

/** The configuration of a run. */
interface Plan {
  readonly mix: Mix;
  readonly styles: readonly Style[];
  /** That of each opening, or any. */
  readonly durability: Durability | undefined;
  /** Opens the file, again and again. */
  readonly openFile: () => File;
  /** The doors to it. */
  readonly doors?: DoorOptions;
}

class Undo extends Error {}

/** A database and the model of it, and random steps for both. */
class Run {
  readonly random: Random;
  readonly style: Style;
  readonly counts: Record<string, number> = {};
  /** The number of operations; a step may do several. */
  operations = 0;
  readonly #plan: Plan;
  #opened: Opened;
  #model = new Model();
  readonly #transactions: Transaction[] = [];
  /** Pending promises. */
  #promised: Promise<void>[] = [];
  readonly #actions: Readonly<Record<keyof Mix, () => void>> = {
    set: () => this.#set(),
    delete: () => this.#delete(),
    get: () => this.#get(),
    getMany: () => this.#getMany(),
    getView: () => this.#getView(),
    setMany: () => this.#setMany(),
    update: () => this.#update(),
    setIfAbsent: () => this.#setIfAbsent(),
    compareAndSet: () => this.#compareAndSet(),
    entries: () => this.#entries(),
    count: () => this.#count(),
    countRange: () => this.#countRange(),
    edges: () => this.#edges(),
    iterate: () => this.#iterateWhileChanging(),
    deleteRange: () => this.#deleteRange(),
    load: () => this.#load(),
    transaction: () => this.#transaction(),
    clear: () => this.#clear(),
    rename: () => this.#rename(),
    drop: () => this.#drop(),
    checkpoint: () => this.#checkpoint(),
    reopen: () => this.#reopen(),
  };
  readonly #total: number;

  constructor(seed: number, plan: Plan) {
    this.random = new Random(seed);
    this.style = plan.styles[seed % plan.styles.length]!;
    this.#plan = plan;
    this.#total = Object.values(plan.mix).reduce((sum, weight) => sum + weight, 0);
    this.#opened = this.#open();
  }

  /** One random step. */
  step(): void {
    let die = this.random.below(this.#total);
    for (const [what, weight] of Object.entries(this.#plan.mix) as [keyof Mix, number][]) {
      die -= weight;
      if (die >= 0) continue;
      this.counts[what] = (this.counts[what] ?? 0) + 1;
      this.operations++;
      return this.#actions[what]();
    }
  }

  /** Awaits the pending promises. */
  async settle(): Promise<void> {
    const promised = this.#promised;
    if (promised.length === 0) return;
    this.#promised = [];
    await Promise.all(promised);
  }

  /** Compares everything, and checks every page. */
  finish(): number {
    this.#compareAll();
    return checkDatabase(this.#opened);
  }

  /** Compares everything, checks every page, and closes. */
  close(): number {
    const pages = this.finish();
    this.#db.close();
    return pages;
  }

  #open(): Opened {
    const { openFile, durability = this.random.pick(DURABILITIES) } = this.#plan;
    return openBoth(openFile(), this.#options(), durability);
  }

  #options(): PagerOptions {
    const { random } = this;
    return {
      cacheBytes: MEBIBYTE * random.pick([8, 8, 9, 16, 64]),
      journalBytes: MEBIBYTE * random.pick([2, 2, 3, 32]),
      tornSectors: random.pick(["whole", "protect"]),
      // An iterator of a transaction may be open, whose pages must not be reused.
      maxSnapshotBytes: MEBIBYTE * random.pick([64, 256]),
      ...this.#plan.doors,
    };
  }

  get #db() {
    return this.#opened.db;
  }

  get #depth(): number {
    return this.#transactions.length;
  }

  /** A tree, of the innermost transaction or of the database, and its model, the same name. */
  #tree(): [ReadTree, ModelTree, string] {
    const name = this.random.pick(NAMES);
    const transaction = this.#transactions.at(-1);
    return [(transaction ?? this.#db).tree(name), this.#model.tree(name), name];
  }

  /** Changes a tree in the innermost transaction, or in one of its own, or by a promise. */
  #change<T>(name: string, action: (tree: Tree | TransactionTree) => T | Promise<T>, to: T): void {
    const transaction = this.#transactions.at(-1);
    if (transaction !== undefined) {
      assertEquals(action(transaction.tree(name)), to);
    } else if (this.random.once(2)) {
      assertEquals(this.#db.writeSync((tx) => action(tx.tree(name)) as Sync<T>), to);
    } else {
      const promise = Promise.resolve(action(this.#db.tree(name)));
      this.#promised.push(promise.then((result) => assertEquals(result, to)));
    }
  }

  #value(): Uint8Array {
    return bytesOf(this.random.u32(), this.style.valueBytes(this.random));
  }

  #set(): void {
    const [, model, name] = this.#tree();
    // A few neighbours at a time, so that trees grow locally.
    for (let count = 1 + this.random.below(4); count > 0; count--, this.operations++) {
      const [key, value] = [this.style.key(this.random), this.#value()];
      this.#change<void>(name, (tree) => tree.set(key, value), undefined);
      this.#model.create(name);
      model.set(key, value);
    }
  }

  #delete(): void {
    const [, model, name] = this.#tree();
    const key = this.#someKey(model);
    this.#change(name, (tree) => tree.delete(key), model.delete(key));
  }

  /** A key that is likely to exist. */
  #someKey(model: ModelTree): Uint8Array {
    if (model.entries.length === 0 || this.random.once(4)) return this.style.key(this.random);
    return this.random.pick(model.entries)[0];
  }

  #get(): void {
    const [tree, model] = this.#tree();
    const key = this.#someKey(model);
    assert(sameBytes(tree.get(key), model.get(key)), `get ${key}`);
    assertEquals(tree.has(key), model.get(key) !== undefined);
  }

  #getMany(): void {
    const [tree, model] = this.#tree();
    const keys = Array.from({ length: this.random.below(20) }, () => this.#someKey(model));
    for (const [at, value] of tree.getMany(keys).entries()) {
      assert(sameBytes(value, model.get(keys[at]!)), `get many ${keys[at]}`);
    }
  }

  #getView(): void {
    const [tree, model] = this.#tree();
    const key = this.#someKey(model);
    assert(sameBytes(tree.getView(key), model.get(key)), `get view ${key}`);
  }

  /** Several entries, with some repeated keys. */
  #setMany(): void {
    const [, model, name] = this.#tree();
    const entries = Array.from({ length: this.random.below(12) }, () => {
      return [this.#someKey(model), this.#value()] as const;
    });
    this.#change(name, (tree) => tree.setMany(entries), entries.length);
    if (entries.length > 0) this.#model.create(name);
    for (const [key, value] of entries) model.set(key, value);
  }

  /** Updates to a value that depends on the old one, or deletes. */
  #update(): void {
    const [, model, name] = this.#tree();
    const key = this.#someKey(model);
    const expected = model.get(key);
    const value = this.random.once(4) ? undefined : this.#value();
    const update = (now: Uint8Array | undefined) => {
      assert(sameBytes(now, expected), `update ${key}`);
      // The caller owns it.
      now?.fill(3);
      return value;
    };
    this.#change(name, (tree) => tree.update(key, update), value);
    this.#put(model, name, key, value);
  }

  #setIfAbsent(): void {
    const [, model, name] = this.#tree();
    const [key, value] = [this.#someKey(model), this.#value()];
    const isAbsent = model.get(key) === undefined;
    this.#change(name, (tree) => tree.setIfAbsent(key, value), isAbsent);
    if (isAbsent) this.#put(model, name, key, value);
  }

  /** Compares with the current value, a similar one, or none. */
  #compareAndSet(): void {
    const [, model, name] = this.#tree();
    const key = this.#someKey(model);
    const now = model.get(key);
    const expected = this.random.once(4) ? undefined : now?.slice() ?? this.#value();
    if (expected !== undefined && expected.length > 0 && this.random.once(3)) {
      expected[this.random.below(expected.length)]! ^= 1 << this.random.below(8);
    }
    const value = this.random.once(4) ? undefined : this.#value();
    const isSame = sameBytes(now, expected);
    this.#change(name, (tree) => tree.compareAndSet(key, expected, value), isSame);
    if (isSame) this.#put(model, name, key, value);
  }

  /** Sets the model's value of a key, or removes it. */
  #put(model: ModelTree, name: string, key: Uint8Array, value: Uint8Array | undefined): void {
    if (value === undefined) {
      model.delete(key);
    } else {
      this.#model.create(name);
      model.set(key, value);
    }
  }

  #range(model: ModelTree): Range {
    const { random } = this;
    const range: { -readonly [K in keyof Range]: Range[K] } = {};
    if (random.once(3)) {
      range.prefix = this.#someKey(model).subarray(0, 1 + random.below(4)).slice();
    }
    if (random.once(3)) range[random.pick(["gt", "gte"] as const)] = this.#someKey(model);
    if (random.once(3)) range[random.pick(["lt", "lte"] as const)] = this.#someKey(model);
    return range;
  }

  #entries(): void {
    const [tree, model] = this.#tree();
    const range = this.#range(model);
    const reverse = this.random.once(2);
    const limit = this.random.once(2) ? this.random.below(50) : Infinity;
    const expected = model.range({ ...range, reverse, limit });
    let at = 0;
    for (const [key, value] of tree.entries({ ...range, reverse, limit })) {
      const entry = expected[at++];
      assert(sameBytes(key, entry?.[0]), `key ${at} of a range`);
      assert(sameBytes(value, entry?.[1]), `value ${at} of a range`);
    }
    assertEquals(at, expected.length, "entries of a range");
  }

  #count(): void {
    const [tree, model] = this.#tree();
    assertEquals(tree.count(), model.entries.length);
    assertEquals(this.#db.trees(), this.#model.names());
  }

  #countRange(): void {
    const [tree, model] = this.#tree();
    const range = this.#range(model);
    assertEquals(tree.count(range), model.range(range).length, "count of a range");
  }

  #edges(): void {
    const [tree, model] = this.#tree();
    const range = this.#range(model);
    const entries = model.range(range);
    for (
      const [found, expected] of [
        [tree.first(range), entries[0]],
        [tree.last(range), entries.at(-1)],
      ]
    ) {
      assert(sameBytes(found?.[0], expected?.[0]), "key at an edge of a range");
      assert(sameBytes(found?.[1], expected?.[1]), "value at an edge of a range");
    }
  }

  /**
   * In a transaction, each step yields the current entry: the model's entry after the
   * previous one. Otherwise, it yields the entries at the beginning.
   */
  #iterateWhileChanging(): void {
    const [tree, model, name] = this.#tree();
    const reverse = this.random.once(2);
    const range = this.#range(model);
    // A rollback replaces this model.
    const beginning = new Model().tree(name);
    beginning.entries = [...model.entries];
    const follows = this.#depth > 0;
    const next = (last?: Uint8Array) =>
      (follows ? this.#model.tree(name) : beginning).next(range, reverse, last);
    const changeEvery = 1 + this.random.below(30);
    let last: Uint8Array | undefined;
    let seen = 0;
    for (const [key, value] of tree.entries({ ...range, reverse })) {
      const expected = next(last);
      assert(sameBytes(key, expected?.[0]), `step ${seen} of an iteration`);
      assert(sameBytes(value, expected?.[1]), `value ${seen} of an iteration`);
      last = key.slice();
      // It is the caller's now.
      key.fill(1);
      value.fill(2);
      if (++seen > 120) return;
      if (this.random.below(changeEvery) === 0) this.#changeSomething();
    }
    assertEquals(next(last), undefined, "an iteration ended early");
  }

  #changeSomething(): void {
    const die = this.random.below(20);
    if (die < 10) this.#set();
    else if (die < 15) this.#delete();
    else if (die < 16) this.#deleteRange();
    else if (die < 17) this.#rename();
    else if (die < 18) this.#update();
    else this.#transaction();
  }

  #deleteRange(): void {
    const [, model, name] = this.#tree();
    const range = this.#range(model);
    if (Object.keys(range).length === 0 && !this.random.once(10)) return;
    this.#change(name, (tree) => tree.deleteRange(range), model.deleteRange(range));
  }

  #load(): void {
    const [, model, name] = this.#tree();
    const loaded = new Model().tree("");
    for (let i = this.random.below(200); i >= 0; i--) {
      loaded.set(this.style.key(this.random), this.#value());
    }
    this.#change(name, (tree) => tree.load(loaded.entries), loaded.entries.length);
    this.#model.create(name);
    for (const [key, value] of loaded.entries) model.set(key, value);
  }

  #clear(): void {
    const [, model, name] = this.#tree();
    this.#change(name, (tree) => tree.clear(), model.deleteRange({}));
  }

  #rename(): void {
    const [from, to] = [this.random.pick(NAMES), this.random.pick(NAMES)];
    if (!this.#model.names().includes(from) || this.#model.names().includes(to)) return;
    this.#db.renameTree(from, to);
    this.#model.rename(from, to);
  }

  #drop(): void {
    const name = this.random.pick(NAMES);
    assertEquals(this.#db.dropTree(name), this.#model.drop(name));
  }

  /** Some steps in one transaction, or a savepoint, which may throw at its end. */
  #transaction(): void {
    if (this.#depth >= 4) return;
    const before = this.#model.copy();
    const { version } = this.#db;
    const throws = this.random.once(3);
    try {
      this.#db.writeSync((tx) => {
        this.#transactions.push(tx);
        for (let count = this.random.below(12); count > 0; count--) this.step();
        if (throws) throw new Undo();
      });
    } catch (error) {
      if (!(error instanceof Undo)) throw error;
      this.#model = before;
    } finally {
      this.#transactions.pop();
    }
    if (throws && this.#depth === 0) assertEquals(this.#db.version, version);
    if (throws && this.random.once(4)) this.#compareAll();
  }

  #checkpoint(): void {
    if (this.#depth === 0) this.#db.checkpoint();
  }

  #reopen(): void {
    if (this.#depth > 0) return;
    this.#db.close();
    this.#opened = this.#open();
    this.#compareAll();
  }

  #compareAll(): void {
    assertEquals(this.#db.trees(), this.#model.names());
    for (const name of NAMES) {
      const { entries } = this.#model.tree(name);
      let at = 0;
      for (const [key, value] of this.#db.tree(name)) {
        const entry = entries[at++];
        assert(sameBytes(key, entry?.[0]), `key ${at} of ${name}`);
        assert(sameBytes(value, entry?.[1]), `value ${at} of ${name}`);
      }
      assertEquals([at, this.#db.tree(name).count()], [entries.length, entries.length]);
    }
  }
}

/** Runs steps until the run is long enough. A failure names seed and step. */
async function steps(
  run: Run,
  seed: number,
  isDone: (step: number) => boolean,
  checkEvery: number,
) {
  for (let step = 0; !isDone(step); step++) {
    try {
      run.step();
      await run.settle();
      if (step % checkEvery === checkEvery - 1) run.finish();
    } catch (error) {
      throw new Error(`seed ${seed}, step ${step}`, { cause: error });
    }
  }
}

function inMemory(): () => File {
  const file = new MemoryFile();
  return () => file;
}

describe("the public API", () => {
  for (const seed of SEEDS) {
    it(`behaves like a sorted map, seed ${seed}`, async () => {
      const plan: Plan = { mix: MIX, styles: STYLES, durability: undefined, openFile: inMemory() };
      const run = new Run(seed, plan);
      await steps(run, seed, (step) => step === STEPS, 500);
      const pages = run.close();
      console.log(`seed ${seed}: ${pages} pages, ${JSON.stringify(run.counts)}`);
    });
  }
});

describe("the public API in long runs", () => {
  const runs = seeds(10);
  const operations = Math.ceil(OPERATIONS / runs.length);

  async function runLong(
    seed: number,
    where: string,
    openFile: () => File,
    doors: DoorOptions = {},
  ): Promise<void> {
    const plan: Plan = { mix: LONG_MIX, styles: LONG_STYLES, durability: "none", openFile, doors };
    const run = new Run(seed, plan);
    await steps(run, seed, () => run.operations >= operations, 20_000);
    const pages = run.close();
    const counts = JSON.stringify(run.counts);
    console.log(`seed ${seed} ${where}: ${run.operations} operations, ${pages} pages, ${counts}`);
  }

  for (const seed of runs) {
    if (seed % 2 === 0) {
      it(`behaves like a sorted map in memory, seed ${seed}`, () =>
        runLong(seed, "in memory", inMemory()));
    } else {
      const doors = DOORS[(seed >>> 1) % DOORS.length]!;
      const where = `on disk ${JSON.stringify(doors)}`;
      it(`behaves like a sorted map ${where}, seed ${seed}`, () =>
        inTempDir((dir) => runLong(seed, where, () => openDiskFile(`${dir}/file`, doors), doors)));
    }
  }
});
