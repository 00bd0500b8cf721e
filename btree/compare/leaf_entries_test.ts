// The entries of leaves in key order: some can be kept, others are lent out of one piece of memory.

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../../pager/mod.ts";
import { bytesOf, change, openBoth } from "../../tests/support/databases/database.ts";
import { leafEntries } from "./leaf_entries.ts";

const COUNT = 400;
const LENGTH = 700;

function treeOfMany() {
  const { db, session } = openBoth(new MemoryFile());
  change(db, "many", (tree) => {
    for (let i = 0; i < COUNT; i++) tree.set(String(i).padStart(4, "0"), bytesOf(i, LENGTH));
  });
  const { id, root } = session.catalog.get("many")!;
  const { context } = session;
  return { db, tree: { context, reader: context.pager, id, root, matters: () => true } };
}

describe("leafEntries()", () => {
  it("returns entries that can be kept", () => {
    const { db, tree } = treeOfMany();
    const kept = [...leafEntries(tree)];
    assertEquals(kept.length, COUNT);
    kept.forEach(({ stored }, i) => assertEquals(stored, bytesOf(i, LENGTH)));
    db.close();
  });

  it("lends entries out of memory that the next leaf takes again", () => {
    const { db, tree } = treeOfMany();
    const memory = new Set<ArrayBufferLike>();
    let count = 0;
    for (const { key, stored } of leafEntries(tree, true)) {
      assertEquals(stored, bytesOf(count++, LENGTH));
      memory.add(key.buffer);
      memory.add(stored.buffer);
    }
    assertEquals(count, COUNT);
    assertGreater(memory.size, 0);
    // Keys and values have one block each, which may grow.
    assertLess(memory.size, 5);
    db.close();
  });
});
