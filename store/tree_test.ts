// A tree as users meet it: the faces of a map, iterating while the tree changes, and that what is
// handed out belongs to whoever gets it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytesOf, openOn, utf8 } from "../tests/support/database.ts";
import { MemoryFile } from "../pager/mod.ts";
import type { Database } from "./database.ts";
import type { Tree } from "./tree.ts";

const VALUE = new Uint8Array([1]);

function openTree(): { db: Database; tree: Tree } {
  const db = openOn(new MemoryFile());
  return { db, tree: db.tree("tree") };
}

/** A tree of several leaves, keys "key 1000" and up. */
function openFilled(count = 500): { db: Database; tree: Tree } {
  const { db, tree } = openTree();
  db.writeSync(() => {
    for (let i = 0; i < count; i++) tree.set(keyOf(i), bytesOf(i, 60));
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
  it("gets, has, sets and deletes", () => {
    const { tree } = openTree();
    assertEquals([tree.get("a"), tree.has("a"), tree.count()], [undefined, false, 0]);
    tree.set("a", VALUE);
    tree.set(utf8("b"), new Uint8Array(0));
    assertEquals([tree.get(utf8("a")), tree.get("b"), tree.has("c")], [
      VALUE,
      new Uint8Array(0),
      false,
    ]);
    assertEquals([tree.delete("a"), tree.delete("a"), tree.count()], [true, false, 1]);
  });

  it("takes the empty key, and keys and values around their limits", () => {
    const { tree } = openTree();
    const sizes = [0, 1, 2047, 2048];
    const values = [0, 1, 2048, 2049, 4096, 8192, 8193, 3_000_000];
    for (const size of sizes) {
      for (const length of values) {
        const key = bytesOf(size, size);
        tree.set(key, bytesOf(length, length));
        assert(equal(tree.get(key), bytesOf(length, length)), `${size}, ${length}`);
        assert(equal([...tree.values({ gte: key, lte: key })][0], bytesOf(length, length)));
      }
    }
    assertEquals(tree.count(), sizes.length);
  });

  it("keeps what it was given, not the caller's buffers", () => {
    const { db, tree } = openTree();
    for (const length of [10, 5000]) {
      const [key, value] = [utf8("key"), bytesOf(1, length)];
      tree.set(key, value);
      key.fill(0);
      value.fill(0);
      assertEquals(tree.get("key"), bytesOf(1, length));
      assertEquals([db.trees(), tree.count()], [["tree"], 1]);
    }
  });

  it("does not come into being by deleting, clearing, reading or failing", () => {
    const { db, tree } = openTree();
    assertEquals([tree.delete("a"), tree.deleteRange({ prefix: "a" })], [false, 0]);
    tree.clear();
    assertEquals([...tree.entries(), ...tree.keys({ reverse: true })], []);
    assertThrows(() => tree.set("a", "b" as unknown as Uint8Array), TypeError);
    assertThrows(() => tree.load([["b", VALUE], ["a", VALUE]]), RangeError);
    assertEquals([db.trees(), db.version], [[], 0]);
  });

  it("deletes ranges, up to and with the longest key", () => {
    const longest = new Uint8Array(2048).fill(0xff);
    const { tree } = openTree();
    const keys = [new Uint8Array(0), utf8("a"), longest.subarray(1), longest];
    const fill = () => keys.forEach((key) => tree.set(key, VALUE));
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
      fill();
      assertEquals([...tree.keys(range)].length, count, JSON.stringify(range));
      assertEquals([...tree.keys({ ...range, reverse: true })].length, count);
      assertEquals(tree.deleteRange(range), count);
      assertEquals(tree.count(), 4 - count);
    }
  });

  it("refuses to delete a range with a limit or an order", () => {
    const { tree } = openFilled(3);
    assertThrows(() => tree.deleteRange({ limit: 1 }), TypeError, "mean nothing");
    assertThrows(() => tree.deleteRange({ reverse: true }), TypeError, "mean nothing");
    assertEquals(tree.count(), 3);
  });

  it("loads all or nothing, into an empty tree in key order, into others in any", () => {
    const { tree } = openTree();
    assertEquals(tree.load([["a", VALUE], ["b", VALUE]]), 2);
    assertEquals(tree.load([["c", VALUE], ["a", new Uint8Array(3)]]), 2);
    assertEquals([textsOf(tree.keys()), tree.get("a")], [["a", "b", "c"], new Uint8Array(3)]);
    const broken = function* (): Generator<[string, Uint8Array]> {
      yield ["d", VALUE];
      throw new Error("no more");
    };
    assertThrows(() => tree.load(broken()), Error, "no more");
    assertThrows(() => tree.load([["e", VALUE], ["\ud800", VALUE]]), TypeError);
    assertEquals(textsOf(tree.keys()), ["a", "b", "c"]);
    tree.clear();
    assertThrows(() => tree.load(broken()), Error, "no more");
    assertThrows(() => tree.load([["a", VALUE], ["a", VALUE]]), RangeError);
    assertEquals(tree.count(), 0);
  });

  it("refuses to load what the entries' own making has changed", () => {
    const { tree } = openTree();
    tree.set("x", VALUE);
    tree.clear();
    const meddling = function* (): Generator<[string, Uint8Array]> {
      yield ["a", VALUE];
      tree.set("b", VALUE);
      yield ["c", VALUE];
    };
    assertThrows(() => tree.load(meddling()), RangeError, "Cannot load");
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
    it(`gives what is there when its turn comes, ${order}`, () => {
      const { tree } = openFilled();
      const seen: string[] = [];
      for (const key of tree.keys({ reverse })) {
        const text = textOf(key);
        seen.push(text);
        const number = Number(text.slice(4)) - 1000;
        // What is behind is not seen any more, what is ahead is.
        if (number % 50 === 0 && !text.includes("+")) {
          for (let i = 0; i < 20; i++) tree.set(`${text}+${10 + i}`, bytesOf(i, 500));
          tree.delete(keyOf(reverse ? number - 1 : number + 1));
        }
      }
      const sorted = [...seen].sort();
      assertEquals(seen, reverse ? sorted.toReversed() : sorted, "in order, each once");
      assertEquals(seen.filter((key) => key.includes("+")).length, reverse ? 0 : 200);
      assertEquals(seen.filter((key) => !key.includes("+")).length, reverse ? 491 : 490);
    });

    it(`deletes each entry as it comes, ${order}`, () => {
      const { tree } = openFilled();
      let count = 0;
      for (const key of tree.keys({ reverse })) {
        assertEquals(tree.delete(key), true);
        count++;
      }
      assertEquals([count, tree.count()], [500, 0]);
    });
  }

  it("sees changes after another tree came into being between two steps", () => {
    const { db, tree } = openFilled();
    const seen: string[] = [];
    for (const key of tree.keys()) {
      seen.push(textOf(key));
      if (seen.length !== 10) continue;
      db.tree("other").set("a", VALUE);
      // Many entries before, so that the leaf that is being read splits.
      for (let i = 0; i < 100; i++) tree.set(`key 0${100 + i}`, bytesOf(i, 500));
      tree.deleteRange({ gte: keyOf(10), lt: keyOf(400) });
    }
    const expected = Array.from({ length: 500 }, (_, i) => keyOf(i));
    expected.splice(10, 390);
    assertEquals(seen, expected);
  });

  it("goes on after a rollback, with what is there again", () => {
    const { db, tree } = openFilled();
    const seen: string[] = [];
    for (const key of tree.keys()) {
      seen.push(textOf(key));
      if (seen.length % 100 !== 10) continue;
      assertThrows(
        () =>
          db.writeSync(() => {
            tree.deleteRange({ gt: key });
            throw new Error("back");
          }),
        Error,
        "back",
      );
    }
    assertEquals(seen, Array.from({ length: 500 }, (_, i) => keyOf(i)));
  });

  it("ends where the tree is cleared, dropped or renamed away, and goes on in a new one", () => {
    const ends: ((db: Database, tree: Tree) => void)[] = [
      (_, tree) => tree.clear(),
      (db) => db.dropTree("tree"),
      (db) => db.renameTree("tree", "other"),
    ];
    for (const end of ends) {
      const { db, tree } = openFilled();
      const keys = tree.keys();
      keys.next();
      end(db, tree);
      assertEquals([...keys], []);
    }
    const { db, tree } = openFilled();
    const keys = tree.keys();
    keys.next();
    db.dropTree("tree");
    tree.set("key 2", VALUE);
    assertEquals(textsOf(keys), ["key 2"]);
  });
});

describe("what a tree hands out", () => {
  it("by get() can be changed without changing the database or other results", () => {
    const { tree } = openFilled();
    const values = Array.from({ length: 500 }, (_, i) => tree.get(keyOf(i))!);
    for (let i = 0; i < 500; i += 2) values[i].fill(0xee);
    for (let i = 0; i < 500; i++) {
      assertEquals(tree.get(keyOf(i)), bytesOf(i, 60));
      if (i % 2 === 1) assertEquals(values[i], bytesOf(i, 60));
    }
  });

  it("stays as it is when the database changes", () => {
    const { tree } = openFilled();
    const value = tree.get(keyOf(3))!;
    const [entry] = tree.entries({ gte: keyOf(3), limit: 1 });
    for (let i = 0; i < 500; i++) tree.set(keyOf(i), bytesOf(i + 1, 60));
    tree.clear();
    assertEquals([value, entry[1], textOf(entry[0])], [bytesOf(3, 60), bytesOf(3, 60), keyOf(3)]);
  });

  it("by entries() can be changed without changing the database or the iteration", () => {
    const { tree } = openFilled();
    let count = 0;
    for (const [key, value] of tree.entries()) {
      assertEquals([textOf(key), value], [keyOf(count), bytesOf(count, 60)]);
      key.fill(0);
      value.fill(0xee);
      // A change makes the iteration look for its place again.
      if (count % 7 === 0) tree.set("key 0", VALUE);
      if (++count > 500) break;
    }
    assertEquals(count, 500);
    assertEquals(tree.get(keyOf(499)), bytesOf(499, 60));
  });

  it("by get() can be posted with a transfer, and takes no other result along", () => {
    const { tree } = openFilled();
    tree.set("large", bytesOf(1, 5000));
    tree.set("empty", new Uint8Array(0));
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
