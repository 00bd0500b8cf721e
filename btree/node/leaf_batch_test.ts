// Batch copies of the entries of a leaf: every range of leaves with prefixes, references and
// garbage, compared with the leaf's own reads; and returned copies never change.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { header } from "../../pager/mod.ts";
import { type LeafEntry, newLeaf, readLeaf, SLOT } from "../../tests/support/trees/nodes.ts";
import {
  bytesOf,
  eachSeed,
  KEY_FAMILIES,
  nameOf,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import { LeafBatch } from "./leaf_batch.ts";
import { REFERENCE_BYTES } from "./node.ts";
import { removeLeafEntry } from "./node_edit.ts";

function entriesOf(batch: LeafBatch): LeafEntry[] {
  return Array.from({ length: batch.count }, (_, entry) => {
    const [key, value] = [batch.key(entry).slice(), batch.value(entry).slice()];
    return batch.isReference[entry] === 1 ? { key, value, isReference: true } : { key, value };
  });
}

describe("LeafBatch.fill()", () => {
  it("copies any stretch of any leaf, again and again", () => {
    const batch = new LeafBatch();
    eachSeed(80, (random) => {
      const family = random.pick(Object.values(KEY_FAMILIES));
      const names = new Set(
        Array.from({ length: 1 + random.below(60) }, () => nameOf(family(random))),
      );
      let room = 8000;
      const entries = [...names].sort().flatMap((name, salt): LeafEntry[] => {
        const isReference = random.once(6);
        const bytes = isReference ? REFERENCE_BYTES : random.pick([0, 1, 40, 127, 128, 300]);
        room -= name.length + bytes + 14;
        if (room < 0) return [];
        const entry = { key: bytesOf(name), value: valueOf({ bytes, salt }) };
        return [isReference ? { ...entry, isReference } : entry];
      });
      const frame = newLeaf(entries);
      for (let count = random.below(entries.length); count > 0 && random.once(2); count--) {
        removeLeafEntry(frame, SLOT, random.below(header.entriesOf(frame, SLOT)));
      }
      const left = readLeaf(frame);
      for (let i = 0; i < 12; i++) {
        const from = i === 0 ? 0 : random.below(left.length + 1);
        const to = i === 0 ? left.length : random.below(left.length + 3);
        batch.fill(frame, SLOT, from, to);
        assertEquals(entriesOf(batch), left.slice(from, Math.max(from, to)));
      }
    });
  });

  it("leaves what it handed out as it was, whatever the leaf or the batch does next", () => {
    const frame = newLeaf([
      { key: bytesOf("abc1"), value: bytesOf("one") },
      { key: bytesOf("abc2"), value: bytesOf("two") },
    ]);
    const batch = new LeafBatch();
    batch.fill(frame, SLOT, 0, 2);
    const handed = [batch.key(0), batch.value(0), batch.key(1), batch.value(1)];
    frame.u8.fill(0xee, SLOT << 13);
    batch.fill(newLeaf([{ key: bytesOf("other"), value: bytesOf("entry") }]), SLOT, 0, 1);
    assertEquals(handed.map(nameOf), ["abc1", "one", "abc2", "two"]);
    batch.fill(newLeaf([]), SLOT, 0, 5);
    assertEquals([batch.count, ...handed.map(nameOf)], [0, "abc1", "one", "abc2", "two"]);
  });

  it("lends the same memory for another fill of the same size, whatever the size", () => {
    const batch = new LeafBatch();
    batch.ownsKeys = false;
    for (const prefix of ["", "a", "ab", "abc"]) {
      const key = (end: string) => bytesOf(prefix + end);
      const frame = newLeaf([{ key: key("1"), value: key("") }, { key: key("2"), value: key("") }]);
      for (const count of [1, 2]) {
        batch.fill(frame, SLOT, 0, count);
        const { buffer } = batch.key(0);
        batch.fill(frame, SLOT, 0, count);
        assertStrictEquals(batch.key(0).buffer, buffer, `${count} keys of prefix ${prefix}`);
      }
    }
  });
});
