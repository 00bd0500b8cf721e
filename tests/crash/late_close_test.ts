/**
 * Snapshots and iterators that end after their database was closed. Ending them reads nothing from
 * a file that is no longer open, and whose descriptor may belong to another file by now.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { open } from "../../store/open.ts";
import { bytesOf, change } from "../support/databases/database.ts";
import { inTempDir } from "../support/temp.ts";

/** A database larger than its cache, most of which was deleted after `keep` was called. */
function shrunk<T>(path: string, keep: (db: Database) => T): { db: Database; kept: T } {
  const db = open(path, { cacheBytes: 8 * 1024 * 1024, durability: "buffered" });
  change(db, "tree", (tree) => {
    for (let i = 0; i < 30_000; i++) tree.set(`key ${(i * 7919) % 30_011}`, bytesOf(i, 900));
  });
  const kept = keep(db);
  change(db, "tree", (tree) => tree.deleteRange({ gt: "key 1", lt: "key 29" }));
  for (const _ of db.tree("tree")) { /* Header pages leave the cache. */ }
  return { db, kept };
}

describe("after its database was closed", () => {
  it("a snapshot can be closed", () => {
    inTempDir((dir) => {
      const { db, kept } = shrunk(`${dir}/db`, (db) => db.snapshot());
      db.close();
      kept.close();
      assertThrows(() => kept.tree("tree"), ClosedError);
    });
  });

  it("an iterator can be ended", () => {
    inTempDir((dir) => {
      const { db, kept } = shrunk(`${dir}/db`, (db) => {
        const entries = db.tree("tree").entries();
        entries.next();
        return entries;
      });
      db.close();
      assertEquals(kept.return(), { value: undefined, done: true });
    });
  });
});
