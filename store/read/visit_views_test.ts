// `visitViews`: that it shows what `entries` shows, how it ends, and that a function which uses the
// database is refused.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile } from "../../pager/mod.ts";
import { bytesOf, openOn } from "../../tests/support/databases/database.ts";
import type { Database } from "../database.ts";
import type { Tree } from "../tree.ts";
import type { Range } from "./range.ts";
import type { ReadTree } from "./read_tree.ts";

const COUNT = 1500;

function valueOf(i: number): Uint8Array {
  return bytesOf(i, i % 100 === 7 ? 5000 : i % 50 === 3 ? 300 : i % 700 === 9 ? 100_000 : i % 40);
}

/** A tree of many leaves, with values in leaves, in fragments and in pages of their own. */
function openTree(options = {}): { db: Database; tree: Tree } {
  const db = openOn(new MemoryFile(), options);
  const tree = db.tree("tree");
  db.writeSync((tx) => {
    const inside = tx.tree(tree);
    for (let i = 0; i < COUNT; i++) inside.set(`key ${10_000 + i}`, valueOf(i));
  });
  return { db, tree };
}

/** Copies of what a visit of views shows. */
function viewed(tree: ReadTree, range: Range): [Uint8Array, Uint8Array][] {
  const entries: [Uint8Array, Uint8Array][] = [];
  const count = tree.visitViews(range, ({ bytes, start, end, key }) => {
    entries.push([key.slice(), bytes.slice(start, end)]);
  });
  assertEquals(count, entries.length);
  return entries;
}

const RANGES: readonly Range[] = [
  {},
  { gt: "key 10100", lte: "key 11300" },
  { gte: "key 10107", limit: 10 },
  { lt: "key 10300", reverse: true, limit: 77 },
  { prefix: "key 112" },
  { prefix: "none" },
  { gt: "key 2" },
  { gt: "b", lt: "a" },
];

describe("visitViews()", () => {
  it("shows what entries() shows, in trees, transactions and snapshots", () => {
    for (const options of [{}, { debugViews: true }]) {
      const { db, tree } = openTree(options);
      const snapshot = db.snapshot();
      for (const range of RANGES) {
        const expected = [...tree.entries(range)];
        assertEquals(viewed(tree, range), expected);
        db.writeSync((tx) => {
          const inside = tx.tree(tree);
          inside.set("key 10500", bytesOf(1, 7));
          inside.delete("key 10900");
          assertEquals(viewed(inside, range), [...inside.entries(range)]);
        });
        assertEquals(viewed(snapshot.tree(tree), range), [...snapshot.tree(tree).entries(range)]);
      }
      assertEquals(viewed(db.tree("none"), {}), []);
      snapshot.close();
      db.close();
    }
  });

  it("ends at the bound that it was given, although the function changes its bytes", () => {
    const { db, tree } = openTree();
    for (const reverse of [false, true]) {
      const gte = new TextEncoder().encode("key 10100");
      const lt = new TextEncoder().encode("key 11300");
      const count = tree.visitViews({ gte, lt, reverse }, () => {
        gte.fill(reverse ? 0 : 0xff);
        lt.fill(reverse ? 0 : 0xff);
      });
      assertEquals(count, 1200);
    }
    db.close();
  });

  it("ends where the function returns false or throws", () => {
    const { db, tree } = openTree();
    let seen = 0;
    assertEquals(tree.visitViews({}, () => ++seen < 5), 5);
    assertThrows(
      () =>
        tree.visitViews({}, () => {
          throw new Error("enough");
        }),
      Error,
      "enough",
    );
    const later = (async () => {}) as unknown as () => void;
    assertThrows(() => tree.visitViews({}, later), TypeError, "asynchronous");
    db.close();
  });

  it("refuses a function that changes the tree, drops it, or closes the database", () => {
    const refused = (use: (db: Database, tree: Tree) => void, error: typeof TypeError) => {
      const { db, tree } = openTree();
      assertThrows(() => tree.visitViews({}, () => use(db, tree)), error, "Cannot");
      db.close();
    };
    refused((db, tree) => db.writeSync((tx) => tx.tree(tree).set("a", bytesOf(1, 2))), TypeError);
    refused((db) => db.writeSync((tx) => void tx.tree(db.tree("tree")).clear()), TypeError);
    refused((db) => void db.dropTree("tree"), TypeError);
    refused((db) => db.close(), TypeError);
  });

  it("gives each visit memory for keys, which no function can take away", () => {
    const { db, tree } = openTree();
    const other = db.tree("other");
    db.writeSync((tx) => tx.tree(other).set("an other key", bytesOf(1, 1)));
    const expected = tree.first()![0];
    tree.visitViews({}, ({ key }) => {
      other.visitViews({}, (inner) => void inner.key);
      assertEquals(key, expected);
      assertThrows(() => (key.buffer as ArrayBuffer).transfer(), TypeError);
      return false;
    });
    tree.visitViews({}, ({ key }) => {
      assertEquals(key, expected);
      return false;
    });
    db.close();
  });

  it("is refused once the database or the snapshot is closed", () => {
    const { db, tree } = openTree();
    const snapshot = db.snapshot();
    const inside = snapshot.tree(tree);
    snapshot.close();
    assertThrows(() => inside.visitViews({}, () => {}), ClosedError);
    db.close();
    assertThrows(() => tree.visitViews({}, () => {}), ClosedError);
  });
});
