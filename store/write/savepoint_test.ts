// Savepoints: the errors that doom one, and the time at which the promise of a write inside a
// transaction settles.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError, MemoryFile } from "../../pager/mod.ts";
import { openBoth, openOn } from "../../tests/support/databases/database.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { json, string } from "../codec/mod.ts";
import type { Database } from "../database.ts";
import type { Transaction } from "../transaction.ts";
import type { TransactionTree } from "./transaction_tree.ts";

const CODECS = { key: string, value: json };
type Inside = TransactionTree<string, unknown, string, unknown, string>;

/** The ways to fail in the middle of several changes, and to catch the error. */
const DOOMS: Readonly<Record<string, (tree: Inside) => void>> = {
  setMany: (tree) => {
    assertThrows(() => tree.setMany([["half", 1], ["b", 2n]]), TypeError, "BigInt");
  },
  load: (tree) => assertThrows(() => tree.load([["half", 1], ["b", 2n]]), TypeError, "BigInt"),
};

/** Every way to begin a savepoint. */
const NESTED: Readonly<Record<string, (db: Database) => unknown>> = {
  "writeSync()": (db) => db.writeSync(() => {}),
  "writeSync() with a change": (db) => db.writeSync((tx) => insideOf(tx).set("nested", 1)),
  "dropTree()": (db) => db.dropTree("none"),
  "renameTree()": (db) => db.renameTree("tree", "other"),
};

function insideOf(tx: Transaction): Inside {
  return tx.tree("tree", CODECS);
}

/** A database with a tree of one entry. */
function openWithTree(): Database {
  const db = openOn(new MemoryFile());
  db.writeSync((tx) => insideOf(tx).set("kept", 0));
  return db;
}

function assertOnlyKept(db: Database, message: string): void {
  assertEquals([[...db.tree("tree", CODECS).keys()], db.version], [["kept"], 1], message);
}

describe("a transaction that an error has doomed", () => {
  for (const [how, fail] of Object.entries(DOOMS)) {
    for (const [what, nest] of Object.entries(NESTED)) {
      it(`by ${how}() refuses ${what}, and rolls back although both were caught`, () => {
        const db = openWithTree();
        const run = () =>
          db.writeSync((tx) => {
            const tree = insideOf(tx);
            tree.delete("kept");
            fail(tree);
            const refused = assertThrows(() => nest(db), TypeError, "has failed");
            assert(refused.cause instanceof TypeError);
          });
        assertThrows(run, TypeError, "BigInt");
        assertOnlyKept(db, what);
        db.close();
      });
    }

    it(`by ${how}() refuses write(), awaited or not`, async () => {
      const db = openWithTree();
      let inner: Promise<unknown> | undefined;
      const run = (isKept: boolean) =>
        db.write((tx) => {
          fail(insideOf(tx));
          const promise = db.write((nested) => insideOf(nested).set("nested", 1));
          if (isKept) inner = promise;
        });
      await assertRejects(() => run(false), TypeError, "BigInt");
      await assertRejects(() => run(true), TypeError, "BigInt");
      await assertRejects(() => inner!, TypeError, "has failed");
      assertOnlyKept(db, how);
      db.close();
    });

    it(`by ${how}() refuses further changes`, () => {
      const db = openWithTree();
      const changes: ((tree: Inside) => unknown)[] = [
        (tree) => tree.set("a", 1),
        (tree) => tree.setMany([["a", 1]]),
        (tree) => tree.setIfAbsent("a", 1),
        (tree) => tree.update("a", () => 1),
        (tree) => tree.compareAndSet("kept", 0, 1),
        (tree) => tree.delete("kept"),
        (tree) => tree.deleteRange({ lt: "z" }),
        (tree) => tree.clear(),
        (tree) => tree.load([["z", 1]]),
      ];
      const run = () =>
        db.writeSync((tx) => {
          fail(insideOf(tx));
          for (const change of changes) {
            assertThrows(() => change(insideOf(tx)), TypeError, "has failed", change.toString());
          }
        });
      assertThrows(run, TypeError, "BigInt");
      assertOnlyKept(db, how);
      db.close();
    });
  }

  it("is a savepoint alone where the error was in one, and its end is the end of the doom", () => {
    const db = openWithTree();
    for (const [how, fail] of Object.entries(DOOMS)) {
      db.writeSync((outer) => {
        insideOf(outer).set(`before ${how}`, 1);
        const inner = () =>
          db.writeSync((tx) => {
            fail(insideOf(tx));
            assertThrows(() => db.writeSync(() => {}), TypeError, "has failed");
          });
        assertThrows(inner, TypeError, "BigInt");
        db.writeSync((tx) => insideOf(tx).set(`after ${how}`, 1));
      });
    }
    assertEquals([...db.tree("tree", CODECS).keys()], [
      "after load",
      "after setMany",
      "before load",
      "before setMany",
      "kept",
    ]);
    db.close();
  });

  it("rejects with the first error, not with what was refused after it", () => {
    const db = openWithTree();
    const run = () =>
      db.writeSync((tx) => {
        DOOMS["setMany"]!(insideOf(tx));
        assertThrows(() => insideOf(tx).load([["b", 1], ["a", 1]]), TypeError, "has failed");
      });
    assertThrows(run, TypeError, "BigInt");
    assertOnlyKept(db, "the first error");
    db.close();
  });

  it("may be one whose entries came from code that wrote in between", () => {
    const db = openWithTree();
    const entries = function* (): Generator<[string, unknown]> {
      yield ["a", 1];
      assertThrows(() => db.writeSync((tx) => DOOMS["load"]!(insideOf(tx))), TypeError, "BigInt");
      yield ["b", 2n];
    };
    const run = () =>
      db.writeSync((tx) => {
        assertThrows(() => insideOf(tx).setMany(entries()), TypeError, "BigInt");
        assertThrows(() => db.writeSync(() => {}), TypeError, "has failed");
      });
    assertThrows(run, TypeError, "BigInt");
    assertOnlyKept(db, "entries");
    db.close();
  });
});

describe("the promise of a write inside a transaction", () => {
  it("resolves with its result when the transaction around it is durable, not before", async () => {
    const db = openOn(new MemoryFile());
    const seen: unknown[] = [];
    let inner: Promise<void> | undefined;
    const outer = db.write((tx) => {
      insideOf(tx).set("outer", 1);
      const promise = db.write((nested) => {
        insideOf(nested).set("inner", 1);
        return 7;
      });
      inner = promise.then((result) => {
        seen.push(result, db.durableVersion);
      });
    });
    assertEquals(db.durableVersion, 0);
    await inner;
    assertEquals(seen, [7, 1]);
    await outer;
    db.close();
  });

  it("rejects with the error that rolls the transaction around it back", async () => {
    const db = openOn(new MemoryFile());
    const error = new Error("back");
    const promises: Promise<unknown>[] = [];
    const outer = db.write((tx) => {
      insideOf(tx).set("outer", 1);
      promises.push(db.write((nested) => insideOf(nested).set("inner", 1)));
      throw error;
    });
    assert(await assertRejects(() => outer) === error);
    assert(await assertRejects(() => promises[0]!) === error);
    assertThrows(() =>
      db.writeSync(() => {
        promises.push(db.write(() => {}));
        throw error;
      })
    );
    assert(await assertRejects(() => promises[1]!) === error);
    assertEquals([db.trees(), db.version], [[], 0]);
    db.close();
  });

  it("may be dropped, if the outer promise reports the rollback", async () => {
    const db = openOn(new MemoryFile());
    const outer = db.write(() => {
      db.write(() => {});
      db.write(() => {
        db.write(() => {});
      });
      throw new Error("back");
    });
    await assertRejects(() => outer, Error, "back");
    db.close();
  });

  it("is bound to the savepoint around it, and to all around that", async () => {
    const db = openOn(new MemoryFile());
    const undone: Promise<unknown>[] = [];
    const done: Promise<unknown>[] = [];
    await db.write(() => {
      done.push(db.write((tx) => insideOf(tx).set("a", 1)));
      const middle = () =>
        db.writeSync(() => {
          const inner = () => undone.push(db.write((tx) => insideOf(tx).set("b", 1)));
          undone.push(db.write(inner));
          throw new Error("middle");
        });
      assertThrows(middle, Error, "middle");
      db.writeSync(() => {
        done.push(db.write((tx) => insideOf(tx).set("c", 1)));
      });
    });
    for (const promise of undone) await assertRejects(() => promise, Error, "middle");
    await Promise.all(done);
    assertEquals([...db.tree("tree", CODECS).keys()], ["a", "c"]);
    db.close();
  });

  it("keeps the durability that it asked for, whatever the transaction around it did", async () => {
    const file = new MemoryFile();
    const { db } = openBoth(file, {}, "none");
    let inner: Promise<unknown> | undefined;
    db.writeSync((tx) => {
      insideOf(tx).set("outer", 1);
      inner = db.write((nested) => insideOf(nested).set("inner", 1), { durability: "sync" });
    });
    assertEquals(db.durableVersion, 0);
    await inner;
    assertEquals(db.durableVersion, 1);
    db.close();
  });

  it("rejects when the transaction around it could not be made durable", async () => {
    const file = new FaultyFile(new MemoryFile());
    const db = openOn(file);
    await db.write((tx) => insideOf(tx).set("before", 1));
    let inner: Promise<unknown> | undefined;
    const outer = db.write((tx) => {
      insideOf(tx).set("outer", 1);
      inner = db.write((nested) => insideOf(nested).set("inner", 1));
      file.fault = (operation) => operation === "write" || operation === "sync" ? "throw" : "none";
    });
    const settled = await Promise.allSettled([outer, inner]);
    for (const each of settled) {
      assert(each.status === "rejected" && each.reason instanceof IoError);
    }
    assertThrows(() => db.close(), IoError);
  });
});
