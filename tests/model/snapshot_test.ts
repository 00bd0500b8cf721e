/**
 * Snapshots against a model: random transactions, some rolled back, while snapshots are taken, read
 * and closed and checkpoints run. Each snapshot shows exactly its version, and nothing is lost.
 *
 * A failed run names its seed; QUIRE_SEED=N runs only that seed.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Durability, MemoryFile, Pager } from "../../pager/mod.ts";
import { Database } from "../../store/database.ts";
import type { ReadTree } from "../../store/read/read_tree.ts";
import type { Snapshot } from "../../store/snapshot.ts";
import { Session } from "../../store/write/session.ts";
import type { TransactionTree } from "../../store/write/transaction_tree.ts";
import { checkDatabase, openOn, sameBytes, utf8 } from "../support/databases/database.ts";
import { ModelTree } from "../support/databases/model.ts";
import { Random } from "../support/random.ts";
import { TURN } from "../support/turn.ts";

const MIB = 1024 * 1024;
const STEPS = 200;
const KEYS = 3000;
const NAME = "tree";
const VALUE_BYTES = [0, 10, 100, 1000, 3000, 40_000];

/** The configuration of a run. */
interface Case {
  readonly what: string;
  readonly cacheBytes: number;
  readonly durability: Durability;
}

const CASES: readonly Case[] = [
  { what: "in a large cache, synced", cacheBytes: 64 * MIB, durability: "sync" },
  { what: "in the least cache, synced", cacheBytes: 8 * MIB, durability: "sync" },
  { what: "in a large cache, in memory", cacheBytes: 64 * MIB, durability: "none" },
  { what: "in the least cache, in memory", cacheBytes: 8 * MIB, durability: "none" },
];

class Undo extends Error {}

/** A snapshot, and the entries that it must show. */
interface Kept {
  readonly snapshot: Snapshot;
  readonly entries: ModelTree["entries"];
}

/** A database, its model and its snapshots, and random steps for all. */
class Run {
  comparisons = 0;
  readonly #random: Random;
  readonly #file = new MemoryFile();
  readonly #session: Session;
  readonly #db: Database;
  readonly #model = new ModelTree();
  readonly #kept: Kept[] = [];

  constructor(seed: number, { cacheBytes, durability }: Case) {
    this.#random = new Random(seed);
    const pager = new Pager(this.#file, { cacheBytes, journalBytes: 2 * MIB });
    this.#session = new Session(pager, durability);
    this.#db = new Database(this.#session);
  }

  /** Runs a transaction, and sometimes an operation on snapshots. */
  step(): void {
    const random = this.#random;
    this.#transaction();
    if (random.once(8)) {
      this.#kept.push({ snapshot: this.#db.snapshot(), entries: [...this.#model.entries] });
    }
    if (random.once(10)) this.#closeOne();
    if (random.once(40)) this.#db.checkpoint();
    if (random.once(30)) this.#iterateWhileChanging();
  }

  /**
   * Compares every snapshot and the database, and the database again after a reopen. The last
   * snapshot leaves nothing kept.
   */
  finish(): void {
    while (this.#kept.length > 0) this.#closeOne();
    const { snapshots, snapshotBytes } = this.#db.stats();
    assertEquals([snapshots, snapshotBytes], [0, 0], "after the last snapshot");
    this.#compare(this.#db.tree(NAME), this.#model.entries);
    checkDatabase({ db: this.#db, session: this.#session });
    this.#db.close();
    const again = openOn(this.#file);
    this.#compare(again.tree(NAME), this.#model.entries);
    again.close();
  }

  #transaction(): void {
    const random = this.#random;
    const before = [...this.#model.entries];
    try {
      this.#db.writeSync((tx) => {
        const tree = tx.tree(NAME);
        for (let count = 1 + random.below(30); count > 0; count--) this.#change(tree);
        if (random.once(20)) {
          const range = { gte: this.#key(), lt: this.#key() };
          assertEquals(tree.deleteRange(range), this.#model.deleteRange(range));
        }
        if (random.once(4) && this.#kept.length > 0) this.#compareOne(random.pick(this.#kept));
        if (random.once(6)) throw new Undo();
      });
    } catch (error) {
      if (!(error instanceof Undo)) throw error;
      this.#model.entries = before;
    }
  }

  #key(): Uint8Array {
    return utf8(`key ${this.#random.below(KEYS)}`);
  }

  /** Sets or deletes an entry. */
  #change(tree: TransactionTree): void {
    const key = this.#key();
    if (this.#random.once(3)) {
      assertEquals(tree.delete(key), this.#model.delete(key));
    } else {
      const length = this.#random.pick(VALUE_BYTES);
      const value = new Uint8Array(length).fill(this.#random.below(256));
      tree.set(key, value);
      this.#model.set(key, value);
    }
  }

  #closeOne(): void {
    if (this.#kept.length === 0) return;
    const [kept] = this.#kept.splice(this.#random.below(this.#kept.length), 1) as [Kept];
    this.#compareOne(kept);
    kept.snapshot.close();
  }

  #compareOne({ snapshot, entries }: Kept): void {
    this.#compare(snapshot.tree(NAME), entries, `snapshot of version ${snapshot.version}`);
  }

  #compare(tree: ReadTree, expected: ModelTree["entries"], what = "the database"): void {
    this.comparisons++;
    let at = 0;
    for (const [key, value] of tree) this.#expect(expected[at], key, value, `${at++} of ${what}`);
    assertEquals([at, tree.count()], [expected.length, expected.length], what);
  }

  #expect(
    entry: ModelTree["entries"][number] | undefined,
    key: Uint8Array,
    value: Uint8Array,
    what: string,
  ): void {
    assert(sameBytes(key, entry?.[0]), `key ${what}`);
    assert(sameBytes(value, entry?.[1]), `value ${what}`);
  }

  /** Checks that an iterator shows the state at its beginning. */
  #iterateWhileChanging(): void {
    const expected = [...this.#model.entries];
    let at = 0;
    for (const [key, value] of this.#db.tree(NAME)) {
      this.#expect(expected[at], key, value, `${at} of an iteration`);
      if (++at % 97 === 0) this.#db.writeSync((tx) => this.#change(tx.tree(NAME)));
    }
    assertEquals(at, expected.length, "entries of an iteration");
  }
}

describe("snapshots", () => {
  for (const each of CASES) {
    const seeds = Deno.env.has("QUIRE_SEED") ? [TURN] : [1, TURN];
    for (const seed of seeds) {
      it(`show their version, ${each.what}, seed ${seed}`, () => {
        const run = new Run(seed, each);
        for (let step = 0; step < STEPS; step++) {
          try {
            run.step();
          } catch (error) {
            throw new Error(`seed ${seed}, step ${step}`, { cause: error });
          }
        }
        run.finish();
        console.log(`seed ${seed}: ${run.comparisons} comparisons`);
      });
    }
  }
});
