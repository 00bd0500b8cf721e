// The public interface of snapshots: unchanged trees, until they are closed or cost too much
// memory.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile, SnapshotTooOldError } from "../pager/mod.ts";
import {
  assertContent,
  bytesOf,
  change,
  checkDatabase,
  type Content,
  contentOf,
  openBoth,
  openOn,
} from "../tests/support/databases/database.ts";
import { collectUntil } from "../tests/support/garbage.ts";
import { Random } from "../tests/support/random.ts";
import { fillSample } from "../tests/support/trees/sample.ts";
import { bytes, json, string, tuple } from "./codec/mod.ts";
import type { Snapshot } from "./snapshot.ts";
import type { TransactionTree } from "./write/transaction_tree.ts";

const VALUE = new Uint8Array([1]);

describe("a snapshot", () => {
  it("shows every tree as it was, whatever is changed, dropped, renamed or made", () => {
    const opened = openBoth(new MemoryFile());
    const { db } = opened;
    fillSample(db);
    const content = contentOf(db);
    using snapshot = db.snapshot();
    const { version } = db;
    const assertSame = () => {
      const found: Content = new Map();
      for (const name of snapshot.trees()) found.set(name, [...snapshot.tree(name)]);
      assertContent(found, content);
      assertEquals([snapshot.version, snapshot.tree("new").count()], [version, 0]);
    };
    change(db, "tall", (tree) => tree.deleteRange({ gt: "key 2" }));
    change(db, "runs", (tree) => tree.set("longer", bytesOf(9, 30_000)));
    change(db, "new", (tree) => tree.set("key", VALUE));
    assertSame();
    db.renameTree("tall", "other");
    db.dropTree("runs");
    for (let i = 0; i < 200; i++) change(db, "new", (tree) => tree.set(`${i}`, bytesOf(i, 5000)));
    assertSame();
    db.checkpoint();
    assertSame();
    assertEquals(db.trees(), ["empty", "new", "other", "short"]);
    assertEquals(snapshot.tree(db.tree("tall")).get("key 7"), bytesOf(7, 400));
    snapshot.close();
    checkDatabase(opened);
    db.close();
  });

  it("can be read inside a transaction, which it does not show", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("key", VALUE));
    using snapshot = db.snapshot();
    change(db, "a", (tree) => {
      tree.set("key", bytesOf(1, 9));
      tree.set("other", VALUE);
      assertEquals([...snapshot.tree("a").values()], [VALUE]);
    });
    assertEquals([...snapshot.tree("a").values()], [VALUE]);
  });

  it("may end inside a transaction, and so may an iterator, whether it is undone or not", () => {
    for (const undone of [true, false]) {
      const opened = openBoth(new MemoryFile());
      const { db } = opened;
      const fill = (tree: TransactionTree, seed: number) => {
        for (let i = 0; i < 500; i++) tree.set(`key ${1000 + i}`, bytesOf(seed + i, 100));
      };
      for (const name of ["a", "b"]) change(db, name, (tree) => fill(tree, 0));
      const before = contentOf(db);
      const snapshot = db.snapshot();
      const iterator = db.tree("a").entries();
      iterator.next();
      const run = () =>
        db.writeSync((tx) => {
          fill(tx.tree("a"), 1);
          snapshot.close();
          iterator.return();
          for (const name of ["b", "new"]) fill(tx.tree(name), 2);
          if (undone) throw new Error("back");
        });
      if (undone) assertThrows(run, Error, "back");
      else run();
      checkDatabase(opened);
      const content = contentOf(db);
      if (undone) assertContent(content, before);
      const later = db.snapshot();
      for (const name of ["a", "b"]) change(db, name, (tree) => fill(tree, 3));
      assertContent(new Map(db.trees().map((name) => [name, [...later.tree(name)]])), content);
      later.close();
      checkDatabase(opened);
      db.close();
    }
  });

  it("is one of several, each of its version, closed in any order", () => {
    const opened = openBoth(new MemoryFile());
    const { db } = opened;
    const snapshots: Snapshot[] = [];
    for (let i = 0; i < 20; i++) {
      change(db, "a", (tree) => tree.set("key", bytesOf(i, 3000)));
      snapshots.push(db.snapshot());
    }
    for (const i of [3, 19, 0, 10, 1, 18]) snapshots[i]!.close();
    for (const [i, snapshot] of snapshots.entries()) {
      if ([3, 19, 0, 10, 1, 18].includes(i)) continue;
      assertEquals([snapshot.version, snapshot.tree("a").get("key")], [i + 1, bytesOf(i, 3000)]);
      snapshot.close();
    }
    checkDatabase(opened);
    db.close();
  });

  it("names the codecs that a tree had, whatever has replaced it", () => {
    const db = openOn(new MemoryFile());
    const [made, again] = [{ key: string, value: json }, { key: tuple, value: bytes }];
    db.writeSync((tx) => tx.tree("a", made).set("key", 1));
    using snapshot = db.snapshot();
    db.dropTree("a");
    db.writeSync((tx) => tx.tree("a", again).set([1], VALUE));
    assertEquals(snapshot.codecsOf("a"), { key: "string", value: "json" });
    assertEquals(db.codecsOf("a"), { key: "tuple", value: "bytes" });
    assertEquals(snapshot.tree("a", made).get("key"), 1);
    assertEquals(snapshot.codecsOf("none"), undefined);
    db.close();
  });

  it("refuses everything once it is closed, and may be closed again", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("key", VALUE));
    const snapshot = db.snapshot();
    const tree = snapshot.tree("a");
    assertEquals(tree.get("key"), VALUE);
    snapshot.close();
    snapshot.close();
    snapshot[Symbol.dispose]();
    const uses: (() => unknown)[] = [
      () => snapshot.tree("a"),
      () => snapshot.trees(),
      () => snapshot.codecsOf("a"),
      () => tree.get("key"),
      () => tree.count(),
      () => tree.keys().next(),
    ];
    for (const use of uses) assertThrows(use, ClosedError, "the snapshot: it is closed");
    db.close();
  });

  it("refuses a tree of another database", () => {
    using db = openOn(new MemoryFile());
    using other = openOn(new MemoryFile());
    using snapshot = db.snapshot();
    assertThrows(() => snapshot.tree(other.tree("a")), TypeError, "of another database");
  });

  it("that the program loses ends, unless it still has one of its trees", async () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("key", VALUE));
    db.snapshot();
    const tree = db.snapshot().tree("a");
    change(db, "a", (inside) => inside.set("key", bytesOf(1, 9)));
    assert(await collectUntil(() => db.stats().snapshots === 1));
    assertEquals(tree.get("key"), VALUE);
    assertEquals(db.stats().snapshots, 1);
    db.close();
  });

  for (const count of [1, 100, 10_000]) {
    it(`bounds the work of a change and a close, with ${count} live snapshots`, () => {
      const { db, session } = openBoth(new MemoryFile(), { maxSnapshotBytes: 2 ** 30 });
      fillSample(db);
      const random = new Random(count);
      const inspection = session.pager.inspection();
      /** The number of images and held pages that a step visits. */
      const visitsOf = (step: () => void) => {
        const before = inspection.snapshotVisits;
        step();
        return inspection.snapshotVisits - before;
      };
      const set = () =>
        change(db, "tall", (tree) => tree.set(`key ${random.below(500)}`, bytesOf(count, 400)));
      const live: Snapshot[] = [];
      for (let i = 0; i < count; i++) {
        live.push(db.snapshot());
        set();
      }
      for (let i = 0; i < 20; i++) {
        live.push(db.snapshot());
        const sets = visitsOf(set);
        const closes = visitsOf(() => live.splice(random.below(live.length), 1)[0]!.close());
        assert(sets <= 60 && closes <= 60, `${sets} visits of a set, ${closes} of a close`);
      }
      const all = visitsOf(() => live.forEach((snapshot) => snapshot.close()));
      assert(all <= 20 * (count + 20), `${all} visits to close all`);
      assertEquals([db.stats().snapshots, db.stats().snapshotBytes], [0, 0]);
      db.close();
    });
  }

  it("ends with a SnapshotTooOldError, the oldest first, when it costs too much memory", () => {
    const db = openOn(new MemoryFile(), { maxSnapshotBytes: 2 * 1024 * 1024 });
    const fill = (seed: number) =>
      change(db, "a", (tree) => {
        for (let i = 0; i < 2000; i++) tree.set(`key ${1000 + i}`, bytesOf(seed + i, 1500));
      });
    fill(0);
    using old = db.snapshot();
    for (let round = 1; round <= 4; round++) fill(round);
    using young = db.snapshot();
    assertThrows(() => [...old.tree("a")], SnapshotTooOldError);
    const values = [...young.tree("a").values()];
    assert(values.every((value, i) => value.length === 1500 && value[0] === bytesOf(4 + i, 1)[0]));
    assertEquals(db.tree("a").count(), 2000, "the database goes on");
  });
});
