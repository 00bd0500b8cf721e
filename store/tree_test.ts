// The public interface of a tree: the operations of a map, iteration while the tree changes, and
// results that belong to the caller.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../pager/mod.ts";
import { bytesOf, change, openOn, utf8 } from "../tests/support/databases/database.ts";
import type { Database } from "./database.ts";
import type { KeyRange } from "./read/range.ts";
import type { Tree } from "./tree.ts";
import type { TransactionTree } from "./write/transaction_tree.ts";

const VALUE = new Uint8Array([1]);

function openTree(): { db: Database; tree: Tree } {
  const db = openOn(new MemoryFile());
  return { db, tree: db.tree("tree") };
}

/** A tree of several leaves, keys "key 1000" and up. */
function openFilled(count = 500): { db: Database; tree: Tree } {
  const { db, tree } = openTree();
  change(db, tree, (inside) => {
    for (let i = 0; i < count; i++) inside.set(keyOf(i), bytesOf(i, 60));
  });
  return { db, tree };
}

function keyOf(i: number): string {
  return `key ${1000 + i}`;
}

function textOf(key: Uint8Array): string {
  return new TextDecoder().decode(key);
}

function textsOf(keys: Iterable<Uint8Array>): string[] {
  return [...keys].map(textOf);
}

describe("Tree", () => {
  it("gets, has, sets and deletes", async () => {
    const { tree } = openTree();
    assertEquals([tree.get("a"), tree.has("a"), tree.count()], [undefined, false, 0]);
    await tree.set("a", VALUE);
    await tree.set(utf8("b"), new Uint8Array(0));
    assertEquals([tree.get(utf8("a")), tree.get("b"), tree.has("c")], [
      VALUE,
      new Uint8Array(0),
      false,
    ]);
    assertEquals([await tree.delete("a"), await tree.delete("a"), tree.count()], [true, false, 1]);
  });

  it("takes the empty key, and keys and values around their limits", async () => {
    const { tree } = openTree();
    const sizes = [0, 1, 2047, 2048];
    const values = [0, 1, 2048, 2049, 4096, 8192, 8193, 3_000_000];
    for (const size of sizes) {
      for (const length of values) {
        const key = bytesOf(size, size);
        await tree.set(key, bytesOf(length, length));
        assert(equal(tree.get(key), bytesOf(length, length)), `${size}, ${length}`);
        assert(equal([...tree.values({ gte: key, lte: key })][0], bytesOf(length, length)));
      }
    }
    assertEquals(tree.count(), sizes.length);
  });

  it("makes a change at once, and keeps it when its promise resolves", async () => {
    const { db, tree } = openTree();
    const promise = tree.set("a", VALUE);
    assertEquals([tree.get("a"), db.version, db.durableVersion], [VALUE, 1, 0]);
    await promise;
    assertEquals(db.durableVersion, 1);
    const promises = [tree.set("b", VALUE), tree.delete("a"), tree.deleteRange({ gte: "b" })];
    assertEquals([tree.count(), db.version], [0, 4]);
    assertEquals(await Promise.all(promises), [undefined, true, 1]);
    assertEquals([await tree.load([["c", VALUE]]), await tree.clear()], [1, 1]);
    db.close();
  });

  it("keeps what it was given, not the caller's buffers", async () => {
    const { db, tree } = openTree();
    for (const length of [10, 5000]) {
      const [key, value] = [utf8("key"), bytesOf(1, length)];
      const promise = tree.set(key, value);
      key.fill(0);
      value.fill(0);
      await promise;
      assertEquals(tree.get("key"), bytesOf(1, length));
      assertEquals([db.trees(), tree.count()], [["tree"], 1]);
    }
  });

  it("is not created by deleting, clearing, reading or failing", async () => {
    const { db, tree } = openTree();
    assertEquals([await tree.delete("a"), await tree.deleteRange({ prefix: "a" })], [false, 0]);
    assertEquals(await tree.clear(), 0);
    assertEquals([...tree.entries(), ...tree.keys({ reverse: true })], []);
    await assertRejects(() => tree.set("a", "b" as unknown as Uint8Array), TypeError);
    await assertRejects(() => tree.load([["b", VALUE], ["a", VALUE]]), RangeError);
    assertEquals([db.trees(), db.version], [[], 0]);
  });

  it("deletes ranges, up to and with the longest key", async () => {
    const longest = new Uint8Array(2048).fill(0xff);
    const { tree } = openTree();
    const keys = [new Uint8Array(0), utf8("a"), longest.subarray(1), longest];
    const fill = () => Promise.all(keys.map((key) => tree.set(key, VALUE)));
    const cases: [Parameters<Tree["deleteRange"]>[0], number][] = [
      [{}, 4],
      [{ lte: longest }, 4],
      [{ lt: longest }, 3],
      [{ gt: longest }, 0],
      [{ gte: longest }, 1],
      [{ gt: longest.subarray(1) }, 1],
      [{ prefix: longest.subarray(1) }, 2],
      [{ gt: "b", lt: "a" }, 0],
      [{ prefix: "a", gt: "a" }, 0],
    ];
    for (const [range, count] of cases) {
      await fill();
      assertEquals([...tree.keys(range)].length, count, JSON.stringify(range));
      assertEquals([...tree.keys({ ...range, reverse: true })].length, count);
      assertEquals(await tree.deleteRange(range), count);
      assertEquals(tree.count(), 4 - count);
    }
  });

  it("refuses to delete a range with a limit or an order", async () => {
    const { tree } = openFilled(3);
    await assertRejects(
      () => tree.deleteRange({ limit: 1 } as KeyRange),
      TypeError,
      "mean nothing",
    );
    await assertRejects(
      () => tree.deleteRange({ reverse: true } as KeyRange),
      TypeError,
      "mean nothing",
    );
    assertEquals(tree.count(), 3);
  });

  it("loads all or nothing, into an empty tree in key order, into others in any", async () => {
    const { tree } = openTree();
    assertEquals(await tree.load([["a", VALUE], ["b", VALUE]]), 2);
    assertEquals(await tree.load([["c", VALUE], ["a", new Uint8Array(3)]]), 2);
    assertEquals([textsOf(tree.keys()), tree.get("a")], [["a", "b", "c"], new Uint8Array(3)]);
    const broken = function* (): Generator<[string, Uint8Array]> {
      yield ["d", VALUE];
      throw new Error("no more");
    };
    await assertRejects(() => tree.load(broken()), Error, "no more");
    await assertRejects(() => tree.load([["e", VALUE], ["\ud800", VALUE]]), TypeError);
    assertEquals(textsOf(tree.keys()), ["a", "b", "c"]);
    await tree.clear();
    await assertRejects(() => tree.load(broken()), Error, "no more");
    await assertRejects(() => tree.load([["a", VALUE], ["a", VALUE]]), RangeError);
    assertEquals(tree.count(), 0);
  });

  it("refuses to load what the entries' own making has changed", () => {
    const { db, tree } = openTree();
    change(db, tree, (inside) => inside.set("x", VALUE));
    change(db, tree, (inside) => inside.clear());
    const meddling = function* (inside: TransactionTree): Generator<[string, Uint8Array]> {
      yield ["a", VALUE];
      inside.set("b", VALUE);
      yield ["c", VALUE];
    };
    assertThrows(
      () => change(db, tree, (inside) => inside.load(meddling(inside))),
      RangeError,
      "Cannot load",
    );
    assertEquals(tree.count(), 0);
  });
});

describe("Tree.entries()", () => {
  it("gives keys and values, in both orders, and as many as the limit says", () => {
    const { tree } = openFilled();
    const keys = Array.from({ length: 500 }, (_, i) => keyOf(i));
    assertEquals(textsOf(tree.keys()), keys);
    assertEquals(textsOf(tree.keys({ reverse: true })), keys.toReversed());
    for (const limit of [0, 1, 90, 91, 499, 500, 501, Infinity]) {
      assertEquals(textsOf(tree.keys({ limit })), keys.slice(0, limit));
      const last = keys.toReversed().slice(0, limit);
      assertEquals(textsOf(tree.keys({ limit, reverse: true })), last);
    }
    assertEquals([...tree].map(([key]) => textOf(key)), keys);
    assertEquals([...tree.values({ gt: keyOf(7), limit: 1 })], [bytesOf(8, 60)]);
  });

  it("checks its range at once, before the first step", () => {
    const { tree } = openTree();
    assertThrows(() => tree.entries({ limit: -1 }), RangeError);
    assertThrows(() => tree.keys({ gt: 1 } as never), TypeError);
    assertThrows(() => tree.values({ until: "a" } as never), TypeError);
  });

  it("may run several at a time, and be left early", () => {
    const { tree } = openFilled();
    const [a, b] = [tree.keys(), tree.keys({ reverse: true })];
    for (let i = 0; i < 200; i++) {
      assertEquals(textOf(a.next().value!), keyOf(i));
      assertEquals(textOf(b.next().value!), keyOf(499 - i));
      for (const key of tree.keys({ gt: keyOf(i) })) {
        assertEquals(textOf(key), keyOf(i + 1));
        break;
      }
    }
    a.return();
    assertEquals(textOf(b.next().value!), keyOf(299));
    assertEquals(tree.keys({ limit: 1 }).next().done, false);
  });

  for (const reverse of [false, true]) {
    const order = reverse ? "backward" : "forward";
    it(`inside a transaction gives what is there when its turn comes, ${order}`, () => {
      const { db, tree } = openFilled();
      const seen: string[] = [];
      change(db, tree, (inside) => {
        for (const key of inside.keys({ reverse })) {
          const text = textOf(key);
          seen.push(text);
          const number = Number(text.slice(4)) - 1000;
          // Changes ahead of the iterator are seen; changes behind it are not.
          if (number % 50 === 0 && !text.includes("+")) {
            for (let i = 0; i < 20; i++) inside.set(`${text}+${10 + i}`, bytesOf(i, 500));
            inside.delete(keyOf(reverse ? number - 1 : number + 1));
          }
        }
      });
      const sorted = [...seen].sort();
      assertEquals(seen, reverse ? sorted.toReversed() : sorted, "in order, each once");
      assertEquals(seen.filter((key) => key.includes("+")).length, reverse ? 0 : 200);
      assertEquals(seen.filter((key) => !key.includes("+")).length, reverse ? 491 : 490);
    });

    it(`shows one version, whatever changes meanwhile, ${order}`, async () => {
      const { db, tree } = openFilled();
      let at = reverse ? 499 : 0;
      for (const [key, value] of tree.entries({ reverse })) {
        assertEquals([textOf(key), value], [keyOf(at), bytesOf(at, 60)]);
        if (at % 50 === 0) {
          for (let i = 0; i < 20; i++) void tree.set(`${keyOf(at)}+${10 + i}`, bytesOf(i, 500));
          await tree.delete(keyOf(reverse ? at - 1 : at + 1));
        }
        if (at % 120 === 0) db.checkpoint();
        at += reverse ? -1 : 1;
      }
      assertEquals([at, tree.count()], [reverse ? -1 : 500, reverse ? 691 : 690]);
      db.close();
    });

    it(`deletes each entry as it comes, ${order}`, async () => {
      const { tree } = openFilled();
      let count = 0;
      for (const key of tree.keys({ reverse })) {
        assertEquals(await tree.delete(key), true);
        count++;
      }
      assertEquals([count, tree.count()], [500, 0]);
    });

    it(`deletes each entry as it comes, inside a transaction, ${order}`, () => {
      const { db, tree } = openFilled();
      let count = 0;
      change(db, tree, (inside) => {
        for (const key of inside.keys({ reverse })) {
          assertEquals(inside.delete(key), true);
          count++;
        }
      });
      assertEquals([count, tree.count()], [500, 0]);
    });
  }

  it("shows one version when the tree is looked up anew between two steps", () => {
    const { db, tree } = openFilled();
    const keys = tree.keys();
    keys.next();
    // The first makes lookups necessary, the second does one, the third is not to be seen.
    change(db, "other", (other) => other.set("a", VALUE));
    assertEquals(tree.has(keyOf(1)), true);
    change(db, tree, (inside) => inside.deleteRange({ gte: keyOf(1) }));
    assertEquals([...keys].length, 499);
    db.close();
  });

  it("inside a transaction sees changes after another tree came into being", () => {
    const { db, tree } = openFilled();
    const seen: string[] = [];
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      for (const key of inside.keys()) {
        seen.push(textOf(key));
        if (seen.length !== 10) continue;
        tx.tree("other").set("a", VALUE);
        // Many entries before, so that the leaf that is being read splits.
        for (let i = 0; i < 100; i++) inside.set(`key 0${100 + i}`, bytesOf(i, 500));
        inside.deleteRange({ gte: keyOf(10), lt: keyOf(400) });
      }
    });
    const expected = Array.from({ length: 500 }, (_, i) => keyOf(i));
    expected.splice(10, 390);
    assertEquals(seen, expected);
  });

  for (const within of ["outside", "inside"]) {
    it(`goes on after a rollback, with what is there again, ${within} a transaction`, () => {
      const { db, tree } = openFilled();
      const seen: string[] = [];
      const scan = (keys: Iterable<Uint8Array>) => {
        for (const key of keys) {
          seen.push(textOf(key));
          if (seen.length % 100 !== 10) continue;
          const undone = () =>
            change(db, tree, (inner) => {
              inner.deleteRange({ gt: key });
              throw new Error("back");
            });
          assertThrows(undone, Error, "back");
        }
      };
      if (within === "outside") scan(tree.keys());
      else change(db, tree, (inside) => scan(inside.keys()));
      assertEquals(seen, Array.from({ length: 500 }, (_, i) => keyOf(i)));
    });
  }

  const ends: [string, (db: Database, tree: Tree) => void][] = [
    ["cleared", (db, tree) => change(db, tree, (inside) => inside.clear())],
    ["dropped", (db) => db.dropTree("tree")],
    ["renamed away", (db) => db.renameTree("tree", "other")],
  ];
  for (const [what, end] of ends) {
    it(`inside a transaction ends where the tree is ${what}, outside it goes on`, () => {
      const { db, tree } = openFilled();
      const outside = tree.keys();
      outside.next();
      db.writeSync((tx) => {
        const inside = tx.tree(tree).keys();
        inside.next();
        end(db, tree);
        assertEquals([...inside], []);
      });
      assertEquals([...outside].length, 499);
      assertEquals(tree.count(), 0);
      db.close();
    });
  }

  it("inside a transaction goes on in a new tree of the name", () => {
    const { db, tree } = openFilled();
    db.writeSync((tx) => {
      const keys = tx.tree(tree).keys();
      keys.next();
      db.dropTree("tree");
      tx.tree(tree).set("key 2", VALUE);
      assertEquals(textsOf(keys), ["key 2"]);
    });
  });
});

describe("what a tree hands out", () => {
  it("by get() can be changed without changing the database or other results", () => {
    const { tree } = openFilled();
    const values = Array.from({ length: 500 }, (_, i) => tree.get(keyOf(i))!);
    for (let i = 0; i < 500; i += 2) values[i]!.fill(0xee);
    for (let i = 0; i < 500; i++) {
      assertEquals(tree.get(keyOf(i)), bytesOf(i, 60));
      if (i % 2 === 1) assertEquals(values[i], bytesOf(i, 60));
    }
  });

  it("stays as it is when the database changes", () => {
    const { db, tree } = openFilled();
    const value = tree.get(keyOf(3))!;
    const [entry] = tree.entries({ gte: keyOf(3), limit: 1 });
    change(db, tree, (inside) => {
      for (let i = 0; i < 500; i++) inside.set(keyOf(i), bytesOf(i + 1, 60));
    });
    change(db, tree, (inside) => inside.clear());
    assertEquals([value, entry![1], textOf(entry![0])], [bytesOf(3, 60), bytesOf(3, 60), keyOf(3)]);
  });

  it("by entries() can be changed without changing the database or the iteration", async () => {
    const { tree } = openFilled();
    let count = 0;
    for (const [key, value] of tree.entries()) {
      assertEquals([textOf(key), value], [keyOf(count), bytesOf(count, 60)]);
      key.fill(0);
      value.fill(0xee);
      // A change makes the iteration look for its place again.
      if (count % 7 === 0) await tree.set("key 0", VALUE);
      if (++count > 500) break;
    }
    assertEquals(count, 500);
    assertEquals(tree.get(keyOf(499)), bytesOf(499, 60));
  });

  it("by get() can be posted with a transfer, and takes no other result along", async () => {
    const { tree } = openFilled();
    await tree.set("large", bytesOf(1, 5000));
    await tree.set("empty", new Uint8Array(0));
    const before = tree.get(keyOf(1));
    for (const key of ["empty", keyOf(2), "large"]) {
      const value = tree.get(key)!;
      try {
        structuredClone(value, { transfer: [value.buffer as ArrayBuffer] });
      } catch (error) {
        assert(error instanceof TypeError || error instanceof DOMException);
      }
      assertEquals([before, tree.get(keyOf(3))], [bytesOf(1, 60), bytesOf(3, 60)]);
    }
    assertEquals(tree.get("large"), bytesOf(1, 5000));
  });
});

function equal(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
