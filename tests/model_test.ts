/**
 * The public face against a model that is simple enough to be right: a sorted array of entries a
 * tree.
 *
 * Random operations on several trees, awaited or in nested transactions some of which throw,
 * iterators that run while their tree changes, reopening. Afterwards every tree is checked whole,
 * and every page in use has to belong to exactly one of them.
 *
 * A run that fails names its seed; QUIRE_SEED=n in the environment runs that one alone, and
 * QUIRE_SEEDS=n runs the first n.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../pager/mod.ts";
import type { Range } from "../store/range.ts";
import type { ReadTree } from "../store/read_tree.ts";
import type { Transaction, TransactionTree } from "../store/transaction.ts";
import type { Tree } from "../store/tree.ts";
import {
  bytesOf,
  checkDatabase,
  openBoth,
  type Opened,
  sameBytes,
  utf8,
} from "./support/database.ts";
import { Model, type ModelTree } from "./support/model.ts";
import { Random } from "./support/random.ts";

const SEEDS = seeds(Number(Deno.env.get("QUIRE_SEEDS") ?? 14));
const STEPS = 1500;
const NAMES = ["a", "b", "c", "d"];

function seeds(count: number): number[] {
  const chosen = Deno.env.get("QUIRE_SEED");
  if (chosen !== undefined) return [Number(chosen)];
  const fixed = Array.from({ length: count }, (_, i) => i + 1);
  // One of them is new each time.
  return [...fixed, crypto.getRandomValues(new Uint32Array(1))[0]];
}

/** What a run is about: which keys, how long the values. */
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
    valueBytes: (random) => random.pick([0, 1, 40, 2048, 2049, 9000]),
  },
  {
    key: (random) => bytesOf(random.below(400), random.pick([1, 8, 200, 1900, 2048])),
    valueBytes: (random) => random.once(40) ? random.below(400_000) : random.below(3000),
  },
];

class Undo extends Error {}

/** A database and the model of it, and random steps for both. */
class Run {
  readonly random: Random;
  readonly style: Style;
  readonly counts: Record<string, number> = {};
  readonly #file = new MemoryFile();
  #opened: Opened;
  #model = new Model();
  readonly #transactions: Transaction[] = [];
  /** What was promised and is not settled yet. */
  #promised: Promise<void>[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.style = STYLES[seed % STYLES.length];
    this.#opened = openBoth(this.#file, { cacheBytes: 8 * 1024 * 1024 });
  }

  /** One random step. */
  step(): void {
    const { random } = this;
    const die = random.below(1000);
    if (die < 400) this.#do("set", () => this.#set());
    else if (die < 520) this.#do("delete", () => this.#delete());
    else if (die < 640) this.#do("get", () => this.#get());
    else if (die < 760) this.#do("entries", () => this.#entries());
    else if (die < 800) this.#do("count", () => this.#count());
    else if (die < 840) this.#do("iterate", () => this.#iterateWhileChanging());
    else if (die < 870) this.#do("deleteRange", () => this.#deleteRange());
    else if (die < 890) this.#do("load", () => this.#load());
    else if (die < 970) this.#do("transaction", () => this.#transaction());
    else if (die < 975) this.#do("clear", () => this.#clear());
    else if (die < 983) this.#do("rename", () => this.#rename());
    else if (die < 988) this.#do("drop", () => this.#drop());
    else if (die < 994) this.#do("checkpoint", () => this.#checkpoint());
    else this.#do("reopen", () => this.#reopen());
  }

  /** Waits for what was promised. */
  async settle(): Promise<void> {
    const promised = this.#promised;
    this.#promised = [];
    await Promise.all(promised);
  }

  /** Compares everything, and checks every page. */
  finish(): number {
    this.#compareAll();
    return checkDatabase(this.#opened);
  }

  #do(what: string, action: () => void): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    action();
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
      assertEquals(this.#db.writeSync((tx) => action(tx.tree(name))), to);
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
    // A few neighbours at a time, so that trees grow in places.
    for (let count = 1 + this.random.below(4); count > 0; count--) {
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

  /** A key that is likely to be there. */
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

  /**
   * In a transaction, what comes is what is there when its turn comes: the model's entry after the
   * one before. Outside, it is what was there at the beginning.
   */
  #iterateWhileChanging(): void {
    const [tree, model, name] = this.#tree();
    const reverse = this.random.once(2);
    const range = this.#range(model);
    // A rollback puts another model in place of this one.
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
    this.#opened = openBoth(this.#file, { cacheBytes: 8 * 1024 * 1024 });
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

describe("the public face", () => {
  for (const seed of SEEDS) {
    it(`does what a sorted map does, seed ${seed}`, async () => {
      const run = new Run(seed);
      for (let step = 0; step < STEPS; step++) {
        try {
          run.step();
          await run.settle();
          if (step % 500 === 499) run.finish();
        } catch (error) {
          throw new Error(`seed ${seed}, step ${step}`, { cause: error });
        }
      }
      const pages = run.finish();
      console.log(`seed ${seed}: ${pages} pages, ${JSON.stringify(run.counts)}`);
    });
  }
});
