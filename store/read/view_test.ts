// Views: the bytes of values in place, and the detection of views that are used for too long.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile, openPager } from "../../pager/mod.ts";
import { bytesOf, openOn, sameBytes } from "../../tests/support/databases/database.ts";
import { json, string } from "../codec/mod.ts";
import { Database } from "../database.ts";
import { open } from "../open.ts";
import { Session } from "../write/session.ts";

const FRAME_BYTES = 2 * 1024 * 1024;
const POISON = 0xdb;

describe("getView()", () => {
  it("gives the bytes in a frame, not a copy, of the tree wherever it is read", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    await tree.setMany([["a", bytesOf(1, 100)], ["empty", new Uint8Array(0)]]);
    const check = (view: Uint8Array | undefined) => {
      assertEquals(view, bytesOf(1, 100));
      assertEquals(view?.buffer.byteLength, FRAME_BYTES);
    };
    check(tree.getView("a"));
    assert(tree.getView("a")!.buffer === tree.getView("empty")!.buffer);
    assertEquals(tree.getView("a")!.byteOffset, tree.getView("a")!.byteOffset);
    assertEquals([tree.getView("empty")!.length, tree.getView("none")], [0, undefined]);
    db.writeSync((tx) => check(tx.tree(tree).getView("a")));
    using snapshot = db.snapshot();
    await tree.set("a", bytesOf(2, 100));
    check(snapshot.tree(tree).getView("a"));
    assertNotEquals(tree.getView("a"), bytesOf(1, 100));
    db.close();
  });

  it("gives the bytes of what a codec made, and of values in runs", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree", { key: string, value: json });
    await tree.set("a", { b: [1] });
    assertEquals(new TextDecoder().decode(tree.getView("a")), `{"b":[1]}`);
    const plain = db.tree("plain");
    for (const length of [2048, 2049, 8192, 8193, 300_000, 3_000_000]) {
      await plain.set("large", bytesOf(length, length));
      assert(sameBytes(plain.getView("large"), bytesOf(length, length)), `${length}`);
    }
    db.close();
  });

  it("gives what is stored as it was, where it is stored at once", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("tree");
    await tree.set("a", bytesOf(1, 1500));
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      for (let i = 0; i < 50; i++) inside.set(`copy ${i}`, inside.getView("a")!);
      inside.setMany([["more", inside.getView("a")!]]);
      inside.setIfAbsent("absent", inside.getView("a")!);
      assertEquals(inside.compareAndSet("a", inside.getView("a")!, inside.getView("a")!), true);
      assertEquals(inside.update("updated", () => inside.getView("a")!).length, 1500);
      inside.load([["loaded", inside.getView("a")!]]);
    });
    for (const value of tree.values()) assertEquals(value, bytesOf(1, 1500));
    assertEquals(tree.count(), 55);
    // Into the place where it is, a byte further each time, among entries that come and go.
    const small = db.tree("small");
    db.writeSync((tx) => {
      const inside = tx.tree(small);
      inside.set("a", bytesOf(2, 1500));
      for (let i = 1; i < 1000; i++) {
        inside.set(`other ${i % 7}`, bytesOf(i, i % 900));
        inside.set("a", inside.getView("a")!.subarray(1));
        assertEquals(inside.get("a"), bytesOf(2, 1500).subarray(i));
      }
    });
    db.close();
  });

  it("gives what is a key as it was, where it is used as one at once", () => {
    const db = openOn(new MemoryFile());
    const key = bytesOf(3, 40);
    db.writeSync((tx) => {
      for (const write of ["set", "load"] as const) {
        const inside = tx.tree(write);
        const put = (key: Uint8Array, value: Uint8Array) => {
          if (write === "set") inside.set(key, value);
          else inside.load([[key, value]]);
        };
        // The value is its own key, and its entry is replaced by a larger one.
        inside.set("a", key);
        inside.set(key, key);
        put(inside.getView(key)!, bytesOf(4, 50));
        assertEquals(inside.get(key), bytesOf(4, 50));
        // The page of the view is full, so that its garbage has to go.
        for (let i = 0; i < 72; i++) inside.set(`b ${i}`, bytesOf(i, 100));
        inside.delete("b 3");
        put(inside.getView("a")!.subarray(1), bytesOf(5, 150));
        assertEquals(inside.get(key.subarray(1)), bytesOf(5, 150));
        assertEquals(inside.count(), 74);
      }
    });
    db.close();
  });
});

/** A database that overwrites stale views, with a tree "tree" of a small and a large value. */
function openGuarded(): Database {
  const db = new Database(new Session(openPager(":memory:", {}), "sync", true));
  db.writeSync((tx) => {
    const inside = tx.tree("tree");
    for (let i = 0; i < 10; i++) inside.set(`key ${i}`, bytesOf(i, 50));
    inside.set("large", bytesOf(7, 20_000));
  });
  return db;
}

describe("the option debugViews", () => {
  const uses: Record<string, (db: Database) => unknown> = {
    "get": (db) => db.tree("tree").get("key 1"),
    "get of what is not there": (db) => db.tree("tree").get("none"),
    "has": (db) => db.tree("tree").has("key 1"),
    "getMany": (db) => db.tree("tree").getMany(["key 1"]),
    "getView": (db) => db.tree("tree").getView("key 1"),
    "count": (db) => db.tree("tree").count(),
    "first": (db) => db.tree("tree").first(),
    "an iterator's first step": (db) => db.tree("tree").keys().next(),
    "set": (db) => db.tree("tree").set("key 1", new Uint8Array(1)),
    "delete": (db) => db.tree("tree").delete("none"),
    "update": (db) => db.tree("tree").update("key 1", () => undefined),
    "another tree": (db) => db.tree("other").get("a"),
    "write": (db) => db.write(() => {}),
    "writeSync": (db) => db.writeSync(() => {}),
    "snapshot": (db) => db.snapshot().close(),
    "checkpoint": (db) => db.checkpoint(),
    "tree": (db) => db.tree("new"),
    "trees": (db) => db.trees(),
    "stats": (db) => db.stats(),
    "census": (db) => db.census(),
    "renameTree": (db) => db.renameTree("tree", "moved"),
    "dropTree": (db) => db.dropTree("tree"),
  };
  for (const [what, use] of Object.entries(uses)) {
    it(`overwrites views at the next call: ${what}`, async () => {
      const db = openGuarded();
      const tree = db.tree("tree");
      for (const [key, value] of [["key 3", bytesOf(3, 50)], ["large", bytesOf(7, 20_000)]]) {
        if (tree.count() === 0) continue;
        const view = tree.getView(key as string)!;
        assertEquals(view, value);
        await use(db);
        assert(view.every((byte) => byte === POISON), `${key}`);
      }
      if (what !== "dropTree" && what !== "renameTree") {
        assertEquals(tree.get("key 3"), bytesOf(3, 50), "the value itself is as it was");
      }
      db.close();
    });
  }

  it("overwrites views at the next step of an iterator, and at any call in a transaction", () => {
    const db = openGuarded();
    const tree = db.tree("tree");
    const keys = tree.keys();
    keys.next();
    const view = tree.getView("key 3")!;
    keys.next();
    assertEquals(view[0], POISON);
    keys.return();
    using snapshot = db.snapshot();
    const old = snapshot.tree(tree).getView("key 3")!;
    assertEquals(old, bytesOf(3, 50));
    snapshot.tree(tree).has("key 3");
    assertEquals(old[0], POISON);
    db.writeSync((tx) => {
      const inside = tx.tree(tree);
      for (const use of [() => inside.set("a", new Uint8Array(1)), () => tx.tree("b")]) {
        const held = inside.getView("key 3")!;
        use();
        assertEquals(held[0], POISON, String(use));
      }
    });
    db.close();
  });

  it("overwrites views at the end of the turn of the event loop", async () => {
    const db = openGuarded();
    const view = db.tree("tree").getView("key 3")!;
    await Promise.resolve();
    assertEquals(view, bytesOf(3, 50), "still the same turn");
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(view[0], POISON);
    db.close();
  });

  it("is off unless it is asked for, and can be by open()", () => {
    for (const debugViews of [true, false, undefined]) {
      using db = open(":memory:", debugViews === undefined ? {} : { debugViews });
      db.writeSync((tx) => tx.tree("tree").set("a", bytesOf(1, 9)));
      const view = db.tree("tree").getView("a")!;
      db.tree("tree").has("a");
      assertEquals(view[0] === POISON, debugViews === true);
    }
  });
});
