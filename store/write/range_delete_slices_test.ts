// Range delete in slices: several turns, each atomic, and nothing but the range removed.

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile } from "../../pager/mod.ts";
import { openOn } from "../../tests/support/databases/database.ts";
import { Random } from "../../tests/support/random.ts";
import { string } from "../codec/string.ts";
import type { Database } from "../database.ts";
import type { Tree } from "../tree.ts";

type Words = Tree<string, string, string, string, string>;

const ENTRIES = 20_000;
/** Ends a turn after one step. */
const options = { budgetMs: 1e-9 };

function keyOf(entry: number): string {
  return `key ${String(entry).padStart(8, "0")}`;
}

/** A database with a tree of about 310 leaves. */
function opened(): { db: Database; words: Words } {
  const db = openOn(new MemoryFile());
  const words = db.tree("words", { key: string, value: string });
  const value = "x".repeat(100);
  db.writeSync((tx) => {
    tx.tree(words).load(Array.from({ length: ENTRIES }, (_, i) => [keyOf(i), value]));
  });
  return { db, words };
}

/** The ways in which a tree can end, and the tree that then has its name or its entries. */
const ENDS: Record<string, (db: Database) => Promise<Words | undefined>> = {
  dropped: (db) => {
    db.dropTree("words");
    return Promise.resolve(undefined);
  },
  replaced: async (db) => {
    db.dropTree("words");
    const again: Words = db.tree("words", { key: string, value: string });
    await again.set("mark", "kept");
    return again;
  },
  renamed: (db) => {
    db.renameTree("words", "others");
    return Promise.resolve(db.tree("others", { key: string, value: string }));
  },
};

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The counts of a tree, one for each turn of the event loop, until a promise resolves. */
async function countsDuring(
  words: { count(): number },
  promise: Promise<unknown>,
): Promise<number[]> {
  const counts: number[] = [];
  let isOver = false;
  const over = promise.finally(() => isOver = true);
  while (!isOver) {
    counts.push(words.count());
    await nextTurn();
  }
  await over;
  return counts;
}

describe("deleteRange() with a budget", () => {
  it("removes all in several turns, from the beginning, and returns the number", async () => {
    const { db, words } = opened();
    const { version } = db;
    const promise = words.clear(options);
    const counts = await countsDuring(words, promise);
    assertEquals([await promise, words.count()], [ENTRIES, 0]);
    assert(new Set(counts).size >= 4, `counts ${counts}`);
    assertEquals(counts, counts.toSorted((a, b) => b - a));
    assert(db.version - version >= 4);
    assertEquals(db.durableVersion, db.version);
    assert((await db.verify()).ok);
    db.close();
  });

  it("removes exactly the range, whatever its bounds", async () => {
    const random = new Random(1);
    for (let round = 0; round < 4; round++) {
      const { db, words } = opened();
      const [a, b] = [random.below(ENTRIES), random.below(ENTRIES)];
      const range = { gt: keyOf(Math.min(a, b)), lte: keyOf(Math.max(a, b)) };
      const expected = words.keys().toArray().filter((key) => key <= range.gt || key > range.lte);
      assertEquals(await words.deleteRange(range, options), ENTRIES - expected.length);
      assertEquals(words.keys().toArray(), expected);
      db.close();
    }
  });

  it("keeps what is set meanwhile in the part already removed", async () => {
    const { db, words } = opened();
    const promise = words.clear(options);
    await nextTurn();
    await words.set(keyOf(0), "kept");
    await promise;
    assertEquals([...words], [[keyOf(0), "kept"]]);
    db.close();
  });

  it("reports each part to watchers, so that a copy that they keep is the same", async () => {
    const { db, words } = opened();
    const copy = new Map(words);
    const watcher = words.watch({});
    const range = { prefix: "key 0001" };
    const promise = words.deleteRange(range, options);
    await nextTurn();
    await words.set("key 00010000", "new");
    await promise;
    await words.set("last", "");
    let parts = 0;
    read: for await (const { changes } of watcher) {
      for (const change of changes) {
        if (change.type === "set") copy.set(change.key, change.value);
        if (change.type === "set" && change.key === "last") break read;
        if (change.type !== "deleteRange") continue;
        const { prefix = "", gte = "", lt = "z" } = change.range as typeof range & {
          gte?: string;
          lt?: string;
        };
        parts++;
        for (const key of [...copy.keys()]) {
          if (key.startsWith(prefix) && key >= gte && key < lt) copy.delete(key);
        }
      }
    }
    assertEquals(new Map([...copy].toSorted()), new Map(words));
    assert(parts >= 2);
    db.close();
  });

  for (const [what, end] of Object.entries(ENDS)) {
    it(`rejects when the tree was ${what} meanwhile, and removes nothing else`, async () => {
      const { db, words } = opened();
      const promise = words.clear(options);
      const rejected = assertRejects(() => promise, RangeError, "words was dropped or renamed");
      await nextTurn();
      const left = words.count();
      const survivor = await end(db);
      await rejected;
      assertEquals([left > 0, survivor?.count() ?? left], [true, survivor?.get("mark") ? 1 : left]);
      assert((await db.verify()).ok);
      db.close();
    });
  }

  it("refuses the rest if another tree with other codecs has the name", async () => {
    const { db, words } = opened();
    const promise = words.clear(options);
    const rejected = assertRejects(() => promise, TypeError, "its keys are bytes, not string");
    await nextTurn();
    db.dropTree("words");
    await db.tree("words").set("key", new Uint8Array(1));
    await rejected;
    assertEquals(db.tree("words").count(), 1);
    db.close();
  });

  it("releases at most a step of pages between two looks at the clock", async () => {
    const db = openOn(new MemoryFile());
    const words = db.tree("words", { key: string });
    // One leaf refers to all values, of 17 pages each.
    await words.setMany(Array.from({ length: 100 }, (_, i) => [keyOf(i), new Uint8Array(135_000)]));
    const counts = new Set(await countsDuring(words, words.clear(options)));
    assertEquals([...counts].slice(0, 4), [98, 96, 94, 92]);
    db.close();
  });

  it("removes from a tree that does not exist nothing, and does not create it", async () => {
    const db = openOn(new MemoryFile());
    assertEquals(await db.tree("none").clear(options), 0);
    assertEquals([db.trees(), db.version], [[], 0]);
    db.close();
  });

  it("rejects when the database is closed, and refuses invalid budgets", async () => {
    const { db, words } = opened();
    await assertRejects(() => words.clear({ budgetMs: 0 }), RangeError, "is not above 0");
    await assertRejects(() => words.clear({ budget: 1 } as never), TypeError, "unknown option");
    const promise = words.clear(options);
    db.close();
    await assertRejects(() => promise, ClosedError);
  });
});
