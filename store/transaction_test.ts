// Transactions as users meet them: trees of a `tx`, its end, and what may not be done beside it.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile } from "../pager/mod.ts";
import { change, openOn } from "../tests/support/database.ts";
import type { Transaction, TransactionTree } from "./transaction.ts";

const VALUE = new Uint8Array([1]);

describe("a transaction", () => {
  it("gives trees by name or by handle, one object a name", () => {
    const db = openOn(new MemoryFile());
    db.writeSync((tx) => {
      const tree = tx.tree("a");
      assertEquals([tx.tree("a") === tree, tx.tree(db.tree("a")) === tree], [true, true]);
      tree.set("key", VALUE);
      assertEquals([tree.get("key"), db.tree("a").get("key"), tree.count()], [VALUE, VALUE, 1]);
      assertEquals([tree.delete("key"), tree.delete("key"), tree.load([["b", VALUE]])], [
        true,
        false,
        1,
      ]);
      assertEquals([tree.deleteRange({ gte: "b" }), tree.clear()], [1, 0]);
    });
    db.close();
  });

  it("refuses a tree of another database, and a bad name", () => {
    const db = openOn(new MemoryFile());
    const other = openOn(new MemoryFile());
    db.writeSync((tx) => {
      assertThrows(() => tx.tree(other.tree("a")), TypeError, "of another database");
      assertThrows(() => tx.tree(""), RangeError);
      assertThrows(() => tx.tree(1 as unknown as string), TypeError);
    });
    db.close();
    other.close();
  });

  it("is over when its callback has ended, well or not, and so are its trees", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("key", VALUE));
    for (const fails of [false, true]) {
      const left: { tx?: Transaction; tree?: TransactionTree } = {};
      const run = (tx: Transaction) => {
        Object.assign(left, { tx, tree: tx.tree("a") });
        left.tree!.get("key");
        if (fails) throw new Error("back");
      };
      if (fails) assertThrows(() => db.writeSync(run), Error, "back");
      else db.writeSync(run);
      const tree = left.tree!;
      const uses: (() => unknown)[] = [
        () => left.tx!.tree("a"),
        () => tree.get("key"),
        () => tree.has("key"),
        () => tree.count(),
        () => tree.keys().next(),
        () => tree.set("key", VALUE),
        () => tree.delete("key"),
        () => tree.deleteRange(),
        () => tree.clear(),
        () => tree.load([]),
      ];
      for (const use of uses) {
        assertThrows(use, ClosedError, "the transaction: it has ended", use.toString());
        // Not even inside the next transaction.
        db.writeSync(() => assertThrows(use, ClosedError));
      }
    }
    assertEquals(db.tree("a").get("key"), VALUE);
    db.close();
  });

  it("of a savepoint is over before the one around it", () => {
    const db = openOn(new MemoryFile());
    db.writeSync((outer) => {
      const inner = db.writeSync((tx) => tx.tree("a"));
      assertThrows(() => inner.set("key", VALUE), ClosedError);
      outer.tree("a").set("key", VALUE);
    });
    assertEquals(db.tree("a").count(), 1);
    db.close();
  });
});

describe("Database.write()", () => {
  it("runs at once, and resolves with what the callback returned", async () => {
    const db = openOn(new MemoryFile());
    const promise = db.write((tx) => {
      tx.tree("a").set("key", VALUE);
      return 7;
    });
    assertEquals([db.tree("a").count(), db.version, db.durableVersion], [1, 1, 0]);
    assertEquals([await promise, db.durableVersion], [7, 1]);
    db.close();
  });

  it("rejects with what the callback threw, and nothing of it has happened", async () => {
    const db = openOn(new MemoryFile());
    const error = new Error("back");
    const thrown = await assertRejects(() =>
      db.write((tx) => {
        tx.tree("a").set("key", VALUE);
        throw error;
      })
    );
    assertEquals([thrown === error, db.trees(), db.version], [true, [], 0]);
    db.close();
  });

  it("inside a transaction is a savepoint of it", async () => {
    const db = openOn(new MemoryFile());
    const promises: Promise<unknown>[] = [];
    db.writeSync((outer) => {
      outer.tree("a").set("kept", VALUE);
      promises.push(db.write((tx) => tx.tree("a").set("too", VALUE)));
      const failed = db.write((tx) => {
        tx.tree("a").clear();
        throw new Error("back");
      });
      promises.push(assertRejects(() => failed, Error, "back"));
    });
    await Promise.all(promises);
    assertEquals([db.tree("a").count(), db.version], [2, 1]);
    db.close();
  });

  it("refuses a durability that there is not", async () => {
    const db = openOn(new MemoryFile());
    const options = { durability: "maybe" } as never;
    assertThrows(() => db.writeSync(() => {}, options), TypeError, "no durability is called maybe");
    await assertRejects(async () => await db.write(() => {}, options), TypeError, "maybe");
    db.close();
  });
});
