// `visit`: that it shows what `entries` shows, how it ends, what its function may do, and how long
// the bytes are valid.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile } from "../../pager/mod.ts";
import { bytesOf, openOn, sameBytes } from "../../tests/support/databases/database.ts";
import { json, string } from "../codec/mod.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import type { Tree } from "../tree.ts";
import type { Range } from "./range.ts";
import type { ReadTree } from "./read_tree.ts";
import type { Visitor } from "./visit.ts";

const COUNT = 600;

function valueOf(i: number): Uint8Array {
  return bytesOf(i, i % 100 === 7 ? 5000 : i % 50 === 3 ? 300 : i % 40);
}

/** A tree of several leaves, with short, long and large values: "key 1000" and so on. */
function openTree(): { db: Database; tree: Tree } {
  const db = openOn(new MemoryFile());
  const tree = db.tree("tree");
  db.writeSync((tx) => {
    const inside = tx.tree(tree);
    for (let i = 0; i < COUNT; i++) inside.set(`key ${1000 + i}`, valueOf(i));
  });
  return { db, tree };
}

/** Copies of what a visit shows. */
function visited(tree: ReadTree, range: Range = {}): [Uint8Array, Uint8Array][] {
  const entries: [Uint8Array, Uint8Array][] = [];
  const count = tree.visit(range, (key, value) => {
    entries.push([key.slice(), value.slice()]);
  });
  assertEquals(count, entries.length);
  return entries;
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

describe("visit()", () => {
  it("shows what entries() shows, in trees, transactions and snapshots", () => {
    const { db, tree } = openTree();
    using snapshot = db.snapshot();
    const ranges: Range[] = [
      {},
      { reverse: true },
      { gt: "key 1100", lte: "key 1400" },
      { gte: "key 1107", limit: 10 },
      { lt: "key 1300", reverse: true, limit: 77 },
      { prefix: "key 12" },
      { limit: 0 },
      { gt: "key 2" },
      { gt: "b", lt: "a" },
    ];
    for (const range of ranges) {
      const expected = [...tree.entries(range)];
      assertEquals(visited(tree, range), expected);
      assertEquals(visited(snapshot.tree(tree), range), expected);
      db.writeSync((tx) => assertEquals(visited(tx.tree(tree), range), expected));
    }
    assertEquals(visited(db.tree("none")), []);
    db.close();
  });

  it("shows the stored bytes of a tree with codecs", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: string, value: json });
    await tree.setMany([["a", [1]], ["b", { c: 2 }]]);
    const shown: string[] = [];
    tree.visit({ prefix: "b" }, (key, value) => void shown.push(textOf(key), textOf(value)));
    assertEquals(shown, ["b", `{"c":2}`]);
    db.close();
  });

  it("lends the same views again for entries of the same lengths", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      for (let i = 0; i < 2000; i++) inside.set(`key ${1000 + i}`, bytesOf(i, 100));
    });
    const views = new Set<Uint8Array>();
    const count = tree.visit({}, (key, value) => void views.add(key).add(value));
    assert(count === 2000 && views.size <= 2 * 80, `${views.size} views`);
    db.close();
  });

  it("ends where its function returns false, and keeps no version then", () => {
    const { db, tree } = openTree();
    let calls = 0;
    const end = () => ++calls < 400;
    assertEquals(tree.visit({}, end), 400);
    assertEquals([calls, db.stats().snapshots], [400, 0]);
    assertEquals(tree.visit({ limit: 3 }, () => true), 3);
    db.close();
  });

  it("ends where its function throws, with its error, and keeps no version then", () => {
    const { db, tree } = openTree();
    const error = new TypeError("mine");
    const thrown = assertThrows(() => {
      tree.visit({}, (key) => {
        if (textOf(key) === "key 1300") throw error;
      });
    });
    assert(thrown === error && error.message === "mine");
    assertEquals([db.stats().snapshots, visited(tree).length], [0, COUNT]);
    db.close();
  });

  it("shows one version, and whole bytes, while its function writes", () => {
    const { db, tree } = openTree();
    const expected = [...tree.entries()];
    let at = 0;
    tree.visit({}, (key, value) => {
      db.writeSync((tx) => {
        const inside = tx.tree(tree);
        inside.delete(`key ${1000 + at}`);
        inside.set(`key ${1000 + COUNT - at}`, bytesOf(at, 60));
        inside.set(`new ${at}`, bytesOf(at, 60));
      });
      assert(sameBytes(key, expected[at]![0]) && sameBytes(value, expected[at]![1]), `${at}`);
      at++;
    });
    assertEquals([at, db.stats().snapshots], [COUNT, 0]);
    db.close();
  });

  it("follows the changes of its own transaction", () => {
    const { db, tree } = openTree();
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      const shown: string[] = [];
      inside.visit({ lt: "key 1004" }, (key) => {
        shown.push(textOf(key));
        inside.delete("key 1002");
        inside.set("key 1003", bytesOf(1, 70));
        if (shown.length === 1) inside.set("key 1000 b", bytesOf(1, 7));
      });
      assertEquals(shown, ["key 1000", "key 1000 b", "key 1001", "key 1003"]);
    });
    db.close();
  });

  it("throws after its function has closed the database, unless it ends there", () => {
    for (const result of [undefined, false]) {
      const { db, tree } = openTree();
      let calls = 0;
      const visit = () =>
        tree.visit({}, (key, value) => {
          calls++;
          db.close();
          assertEquals([textOf(key), value], ["key 1000", valueOf(0)]);
          return result;
        });
      if (result === false) assertEquals(visit(), 1);
      else assertThrows(visit, ClosedError);
      assertEquals(calls, 1);
    }
  });

  it("may be nested, in the same tree and in others", () => {
    const { db, tree } = openTree();
    let pairs = 0;
    tree.visit({ limit: 100 }, (outer) => {
      const before = outer.slice();
      pairs += tree.visit({ reverse: true, limit: 100 }, (inner) => {
        assert(textOf(inner) > textOf(outer));
      });
      assertEquals(outer, before);
    });
    assertEquals(pairs, 100 * 100);
    db.close();
  });

  it("neither changes the tree nor its own way if its function writes to the bytes", () => {
    const { db, tree } = openTree();
    const expected = [...tree.entries()];
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      let at = 0;
      const count = inside.visit({}, (key, value) => {
        assert(sameBytes(key, expected[at]![0]) && sameBytes(value, expected[at]![1]), `${at}`);
        key.fill(0);
        value.fill(0);
        // A change, so that the next step seeks again.
        if (at++ % 10 === 0) inside.set("a", bytesOf(at, 9));
      });
      assertEquals(count, COUNT);
      inside.delete("a");
    });
    assertEquals([...tree.entries()], expected);
    db.close();
  });

  it("refuses a function that is asynchronous, and one that is none", () => {
    const { db, tree } = openTree();
    const wait = (async () => {}) as unknown as Visitor;
    const message = "Cannot visit: the function is asynchronous";
    assertThrows(() => tree.visit({}, wait), TypeError, message);
    assertThrows(() => tree.visit({}, 7 as never), TypeError, "number is not a function");
    assertEquals(db.stats().snapshots, 0);
    db.close();
  });

  it("works again after its function has detached the bytes", () => {
    const { db, tree } = openTree();
    assertThrows(() => {
      tree.visit({}, (key) => {
        structuredClone(key, { transfer: [key.buffer as ArrayBuffer] });
      });
    });
    assertThrows(() => {
      tree.visit({}, (key, value) => {
        (key.buffer as ArrayBuffer).transfer();
        (value.buffer as ArrayBuffer).transfer();
      });
    }, TypeError);
    assertEquals(visited(tree).length, COUNT);
    db.close();
  });

  it("overwrites the bytes when the function returns, with the option debugViews", () => {
    using db = open(":memory:", { debugViews: true });
    const tree = db.tree("tree");
    db.writeSync((tx) => tx.tree(tree).setMany([["a", bytesOf(1, 9)], ["b", bytesOf(2, 9)]]));
    const held: Uint8Array[] = [];
    tree.visit({}, (key, value) => {
      for (const bytes of held) assert(bytes.every((byte) => byte === 0xdb));
      tree.get("a");
      assertEquals(value, bytesOf(textOf(key) === "a" ? 1 : 2, 9), "also after a read");
      held.push(key, value);
    });
    assert(held.length === 4 && held[3]![0] === 0xdb);
  });
});
