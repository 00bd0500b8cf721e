// The entries of leaves in key order: some can be kept, others are lent out of one piece of memory.

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../../pager/mod.ts";
import { bytesOf, change, openBoth } from "../../tests/support/databases/database.ts";
import { KEY_BYTES_MAX } from "../node/node.ts";
import { leafBatches, leafEntries, lendingBatch } from "./leaf_entries.ts";

const COUNT = 400;
const LENGTH = 700;
const decoder = new TextDecoder();

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
    const memory = new Set<Uint8Array>();
    const batch = lendingBatch();
    const key = new Uint8Array(KEY_BYTES_MAX);
    let count = 0;
    for (const { valueMemory } of leafBatches(tree, () => batch)) {
      for (let entry = 0; entry < batch.count; entry++) {
        const at = batch.valueStart(entry);
        const value = valueMemory.subarray(at, at + batch.valueBytes(entry));
        assertEquals(value, bytesOf(count, LENGTH));
        const length = batch.copyKey(entry, key);
        assertEquals(decoder.decode(key.subarray(0, length)), String(count++).padStart(4, "0"));
      }
      memory.add(valueMemory);
    }
    assertEquals(count, COUNT);
    assertGreater(memory.size, 0);
    // One block, which may grow.
    assertLess(memory.size, 3);
    db.close();
  });
});
