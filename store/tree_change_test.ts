// The changes that a `Map` lacks: `setMany`, `update`, `setIfAbsent`, `compareAndSet`; and
// `getMany`, `first`, `last` and `count` of ranges, compared with a filter over all entries.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { MemoryFile } from "../pager/mod.ts";
import {
  bytesOf,
  checkDatabase,
  openBoth,
  openOn,
  utf8,
} from "../tests/support/databases/database.ts";
import { ModelTree } from "../tests/support/databases/model.ts";
import { json, string } from "./codec/mod.ts";
import { open } from "./open.ts";
import type { KeyRange } from "./read/range.ts";

const VALUE = new Uint8Array([1]);

function openNumbers() {
  const db = openOn(new MemoryFile());
  return { db, tree: db.tree("tree", { key: string, value: json.as<number>() }) };
}

describe("setMany()", () => {
  it("sets entries in any order, the last of a key counts, and says how many", async () => {
    const { db, tree } = openNumbers();
    assertEquals(await tree.setMany([["b", 1], ["a", 2], ["b", 3]]), 3);
    assertEquals([...tree], [["a", 2], ["b", 3]]);
    assertEquals(await tree.setMany(new Map([["c", 4]])), 1);
    assertEquals([await tree.setMany([]), tree.count(), db.version], [0, 3, 2]);
    db.close();
  });

  it("takes what reads or changes the tree as it goes", async () => {
    const { db, tree } = openNumbers();
    await tree.set("a", 1);
    const others = tree.entries({ lt: "b" }).map(([key, value]) => [`x${key}`, value] as const);
    assertEquals(await tree.setMany(others), 1);
    assertEquals([...tree], [["a", 1], ["xa", 1]]);
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      const entries = function* (): Generator<[string, number]> {
        yield ["b", 1];
        inside.delete("b");
        db.dropTree("tree");
        yield ["c", 2];
      };
      assertEquals(inside.setMany(entries()), 2);
      assertEquals([...inside.keys()], ["c"]);
    });
    assertEquals([...tree], [["c", 2]]);
    db.close();
  });

  it("is one transaction, all or none", async () => {
    const { db, tree } = openNumbers();
    const entries = function* (): Generator<[string, number]> {
      yield ["a", 1];
      throw new Error("no more");
    };
    await assertRejects(() => tree.setMany(entries()), Error, "no more");
    await assertRejects(() => tree.setMany([["a", 1], ["x".repeat(2049), 1]]), RangeError);
    assertEquals([tree.count(), db.version, db.trees()], [0, 0, []]);
    await tree.setMany(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, i] as const));
    assertEquals([tree.count(), db.version], [1000, 1]);
    db.close();
  });
});

describe("update()", () => {
  it("sets what the function returns, removes for undefined, and returns it", async () => {
    const { db, tree } = openNumbers();
    assertEquals(await tree.update("a", (value) => (value ?? 10) + 1), 11);
    assertEquals(await tree.update("a", (value) => (value ?? 10) + 1), 12);
    assertEquals([tree.get("a"), db.version], [12, 2]);
    assertEquals(await tree.update("a", () => undefined), undefined);
    assertEquals([tree.has("a"), await tree.update("a", () => undefined)], [false, undefined]);
    db.close();
  });

  it("changes nothing when the function throws or is asynchronous", async () => {
    const { db, tree } = openNumbers();
    await tree.set("a", 1);
    const fail = () => {
      throw new Error("will not");
    };
    const promise = () => Promise.resolve(2) as unknown as number;
    await assertRejects(() => tree.update("a", fail), Error, "will not");
    await assertRejects(() => tree.update("a", promise), TypeError, "is asynchronous");
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      assertThrows(() => inside.update("a", fail), Error, "will not");
      assertThrows(() => inside.update("a", promise), TypeError, "is asynchronous");
      inside.set("b", 2);
    });
    assertEquals([...tree], [["a", 1], ["b", 2]]);
    db.close();
  });

  it("lets the function use the tree, this entry too", async () => {
    const { db, tree } = openNumbers();
    await tree.setMany([["a", 1], ["b", 2]]);
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      const nested = (value = 0): number => {
        inside.set("other key, longer", 5);
        inside.delete("b");
        inside.update("a", (now = 0) => now + 100);
        return value + inside.count() + (inside.get("a") ?? 0);
      };
      assertEquals(inside.update("a", nested), 1 + 2 + 101);
      assertEquals([...inside], [["a", 104], ["other key, longer", 5]]);
      assertEquals(inside.update("a", () => (db.dropTree("tree"), 7)), 7);
      assertEquals([...inside], [["a", 7]]);
      assertEquals(inside.update("a", () => (inside.clear(), undefined)), undefined);
    });
    assertEquals(tree.count(), 0);
    // Outside, the function runs in the transaction of the update: the tree can only be read.
    await tree.set("a", 1);
    const bypass = () => assertThrows(() => tree.set("b", 1), TypeError, "use its tx");
    assertEquals(await tree.update("a", () => (bypass(), tree.count())), 1);
    assertEquals([...tree], [["a", 1]]);
    db.close();
  });

  it("hands over a value that can be kept and changed", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    await tree.set("a", bytesOf(1, 30));
    let kept: Uint8Array | undefined;
    const changed = await tree.update("a", (value) => (kept = value)?.fill(7));
    assertEquals([kept, changed, tree.get("a")], Array(3).fill(new Uint8Array(30).fill(7)));
    db.close();
  });
});

describe("setIfAbsent()", () => {
  it("sets what is not there and nothing else", async () => {
    const { db, tree } = openNumbers();
    assertEquals([await tree.setIfAbsent("a", 1), await tree.setIfAbsent("a", 2)], [true, false]);
    const { version } = db;
    assertEquals([await tree.setIfAbsent("a", 1), tree.get("a"), db.version], [false, 1, version]);
    await assertRejects(() => tree.setIfAbsent("a", 1n as never), TypeError, "BigInt");
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      assertEquals([inside.setIfAbsent("b", 1), inside.setIfAbsent("b", 2)], [true, false]);
      inside.delete("b");
      assertEquals(inside.setIfAbsent("b", 3), true);
    });
    assertEquals(tree.get("b"), 3);
    db.close();
  });
});

describe("compareAndSet()", () => {
  it("compares bytes, of every size, in and out of runs", async () => {
    const opened = openBoth(new MemoryFile());
    const tree = opened.db.tree("tree");
    for (const length of [0, 1, 2048, 2049, 8192, 8193, 100_000, 2_100_000]) {
      const value = bytesOf(length, length);
      assertEquals(await tree.compareAndSet("a", VALUE, value), false, "there is none");
      assertEquals(await tree.compareAndSet("a", undefined, value), true);
      assertEquals(await tree.compareAndSet("a", undefined, value), false, "there is one");
      for (const at of [0, length >> 1, length - 1]) {
        const near = value.slice();
        near[at]! ^= 1;
        const isSame = length === 0;
        assertEquals(await tree.compareAndSet("a", near, value), isSame, `byte ${at} of ${length}`);
      }
      const longer = new Uint8Array(length + 1);
      longer.set(value);
      assertEquals(await tree.compareAndSet("a", longer, VALUE), false);
      assertEquals(await tree.compareAndSet("a", value, longer), true);
      assertEquals(await tree.compareAndSet("a", value, VALUE), false);
      assertEquals(await tree.compareAndSet("a", longer, undefined), true);
      assertEquals([tree.has("a"), await tree.compareAndSet("a", longer, undefined)], [
        false,
        false,
      ]);
      assertEquals(await tree.compareAndSet("a", undefined, undefined), true, "none, as expected");
    }
    checkDatabase(opened);
    opened.db.close();
  });

  it("counts without a lost step where it is tried again", async () => {
    const { db, tree } = openNumbers();
    const add = async () => {
      for (;;) {
        const now = tree.get("n");
        await Promise.resolve();
        if (await tree.compareAndSet("n", now, (now ?? 0) + 1)) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, add));
    assertEquals(tree.get("n"), 20);
    db.close();
  });

  it("compares what the codec makes of a value", async () => {
    const { db } = openNumbers();
    const tree = db.tree("objects", { key: string, value: json });
    await tree.set("a", { x: 1, y: [2] });
    assertEquals(await tree.compareAndSet("a", { y: [3], x: 1 }, 1), false, "another value");
    assertEquals(await tree.compareAndSet("a", { y: [2], x: 1 }, null), true, "another order");
    assertEquals([tree.get("a"), await tree.compareAndSet("a", null, 0)], [null, true]);
    assertEquals(await tree.compareAndSet("a", -0, 1), true, "to JSON they are the same");
    db.close();
  });
});

describe("getMany()", () => {
  it("gives a value, or undefined, for each key, in their order", async () => {
    const { db, tree } = openNumbers();
    await tree.setMany([["a", 1], ["b", 2]]);
    assertEquals(tree.getMany(["b", "x", "a", "b"]), [2, undefined, 1, 2]);
    assertEquals(tree.getMany(new Set(["a"])), [1]);
    assertEquals([tree.getMany([]), tree.getMany(tree.keys())], [[], [1, 2]]);
    using snapshot = db.snapshot();
    await tree.clear();
    assertEquals(snapshot.tree(tree).getMany(["a", "b"]), [1, 2]);
    db.close();
  });
});

describe("first(), last() and count() of ranges", () => {
  it("are those of the entries of the range", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    const model = new ModelTree();
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      for (let i = 0; i < 3000; i++) {
        const key = i % 3 === 0 ? bytesOf(i, i % 40) : utf8(`key ${i % 1700}`);
        const value = bytesOf(i, i % 500 === 0 ? 9000 : i % 90);
        inside.set(key, value);
        model.set(key, value);
      }
    });
    const known = fc.nat(model.entries.length - 1).map((at) => model.entries[at]![0]);
    const near = known.map((key) => key.subarray(0, Math.max(0, key.length - 1)).slice());
    const key = fc.oneof(known, near, fc.uint8Array({ maxLength: 12 }));
    const short = fc.oneof(
      fc.uint8Array({ maxLength: 2 }),
      known.map((found) => found.slice(0, 5)),
    );
    const range = fc.record({ prefix: short, gt: key, gte: key, lt: key, lte: key }, {
      requiredKeys: [],
    });
    using snapshot = db.snapshot();
    fc.assert(
      fc.property(range, (given) => {
        const bounds = given as KeyRange;
        const expected = model.range(bounds);
        for (const face of [tree, snapshot.tree(tree)]) {
          assertEquals(face.count(bounds), expected.length);
          assertEquals(face.first(bounds), expected.length ? [...expected[0]!] : undefined);
          assertEquals(face.last(bounds), expected.length ? [...expected.at(-1)!] : undefined);
        }
        assertEquals([...tree.keys(bounds)], expected.map(([found]) => found));
        assertEquals(
          [...tree.keys({ ...bounds, reverse: true })],
          expected.map(([found]) => found).toReversed(),
        );
      }),
      { numRuns: 300 },
    );
    db.close();
  });
});

describe("a load whose source creates trees", () => {
  it("shows its entries to an iterator, whatever trees are created meanwhile", () => {
    using db = open(":memory:");
    const names = Array.from({ length: 300 }, (_, i) => `${1000 + 2 * i}`);
    db.writeSync((tx) => tx.tree("a").setMany(names.map((name) => [name, VALUE] as const)));
    db.writeSync((tx) => {
      const inside = tx.tree("a");
      const seen: string[] = [];
      const entries = function* (): Generator<[string, Uint8Array]> {
        const keys = inside.keys();
        for (let i = 0; i < 10; i++) {
          if (i === 3) tx.tree("another").set("key", VALUE);
          seen.push(new TextDecoder().decode(keys.next().value!));
          yield [`${1000 + 2 * i + 1}`, VALUE];
        }
      };
      inside.load(entries());
      assertEquals(seen, Array.from({ length: 10 }, (_, i) => `${1000 + i}`));
    });
  });
});
