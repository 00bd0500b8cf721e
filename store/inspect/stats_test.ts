// The figures of a tree equal the counts of a walk over it.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../../pager/mod.ts";
import { bytesOf, change, openOn } from "../../tests/support/databases/database.ts";

describe("Tree.stats()", () => {
  it("tells entries, levels, pages and bytes, of this tree alone", () => {
    const db = openOn(new MemoryFile());
    const none = db.tree("a").stats();
    assertEquals([none.entries, none.levels, none.leafPages], [0, 0, 0]);
    change(db, "a", (tree) => {
      for (let i = 0; i < 100; i++) tree.set(`key ${i}`, bytesOf(i, 1000));
      tree.set("large", bytesOf(7, 24_000));
    });
    change(db, "b", (tree) => tree.set("key", bytesOf(1, 10)));
    const stats = db.tree("a").stats();
    assertEquals([stats.entries, stats.levels, stats.branchPages, stats.runPages], [101, 2, 1, 3]);
    const { leafPages, usedBytes } = stats;
    assertEquals([leafPages >= 13 && leafPages < 30, usedBytes > 120_000], [true, true]);
    const small = db.tree("b").stats();
    assertEquals([small.entries, small.levels, small.leafPages, small.runPages], [1, 1, 1, 0]);
    db.close();
  });

  it("is refused inside a transaction", () => {
    const db = openOn(new MemoryFile());
    db.writeSync((tx) => {
      tx.tree("a").set("key", bytesOf(1, 1));
      assertThrows(() => db.tree("a").stats(), TypeError, "a transaction is open");
    });
    db.close();
  });
});
