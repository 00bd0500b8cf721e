// Handles of trees: one object per name while it is referenced, little memory for each, and none
// after the program has dropped it.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../pager/mod.ts";
import { bytesOf, openBoth } from "../tests/support/databases/database.ts";
import { bytesMade, collectGarbage } from "../tests/support/memory.ts";
import { json, string, tuple } from "./codec/mod.ts";
import { open } from "./open.ts";

const VALUE = new Uint8Array([1]);

describe("handles of trees", () => {
  it("take no buffers of their own, opened, read, changed and iterated", async () => {
    using db = open(":memory:");
    const codecs = { key: tuple, value: json };
    await Promise.all(Array.from({ length: 50 }, (_, i) => db.tree(`${i}`, codecs).set([i], i)));
    // A first use of every sort makes what all trees share.
    const use = (name: string) => {
      const tree = db.tree(name, codecs);
      assertEquals(tree.get([Number(name)]), Number(name));
      assertEquals([...tree].length, 1);
      db.writeSync((tx) => tx.tree(tree).set([Number(name)], Number(name)));
    };
    use("0");
    const bytes = bytesMade(() => {
      for (let i = 1; i < 50; i++) use(`${i}`);
    });
    assert(bytes / 49 < 300, `${bytes / 49} bytes a tree`);
  });

  it("are kept by the program alone, except for the first", async () => {
    using db = open(":memory:");
    for (let i = 0; i < 256; i++) db.tree(`first ${i}`);
    const held = db.tree("held", { key: string, value: json });
    const refs = (() => {
      const trees = Array.from({ length: 1000 }, (_, i) => db.tree(`${i}`));
      for (const tree of trees) assertEquals(tree.get("key"), undefined);
      return trees.map((tree) => new WeakRef(tree));
    })();
    await collectGarbage();
    assertEquals(refs.filter((ref) => ref.deref() !== undefined).length, 0);
    // The registry keeps the first trees, and their codecs with them.
    assertThrows(() => db.tree("first 0", { key: string, value: json }), TypeError, "other codecs");
    assertStrictEquals(db.tree("held", { key: string, value: json }), held);
    assertThrows(() => db.tree("held"), TypeError, "it is open with other codecs");
    // A tree without references is no longer open, so its name can be opened again.
    const again = db.tree("7", { key: string, value: json });
    await collectGarbage();
    assertStrictEquals(db.tree("7", { key: string, value: json }), again);
  });
});

describe("trees of more names than are looked up at once", () => {
  it("show every change, to reads and iterators that were begun before", async () => {
    const { db, session } = openBoth(new MemoryFile());
    const tree = db.tree("a");
    await tree.setMany(Array.from({ length: 900 }, (_, i) => [bytesOf(i, 40), VALUE] as const));
    const sorted = [...tree.keys()];
    const lookUpOthers = () => {
      const before = session.epoch;
      for (let i = 0; i < 5000; i++) assertEquals(session.findTree(`other ${i}`), undefined);
      assert(session.epoch > before);
    };
    const before = tree.keys();
    before.next();
    db.writeSync((tx) => {
      const inside = tx.tree("a");
      const following = inside.keys();
      following.next();
      lookUpOthers();
      for (const key of sorted.slice(1, 800)) inside.delete(key);
      assertEquals([...following], sorted.slice(800));
    });
    lookUpOthers();
    assertEquals([...before], sorted.slice(1));
    assertEquals(tree.count(), 101);
    db.close();
  });
});
