// Iterating over a tree by leaves: seeks at, between, before and after keys, and the entries copied
// between bounds.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { transact } from "../../tests/support/trees/pages.ts";
import {
  type Bed,
  bytesOf,
  expectValue,
  keyOf,
  nameOf,
  plant,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import { LeafBatch } from "../node/leaf_batch.ts";
import { LeafCursor } from "./leaf_cursor.ts";

const VALUE_BYTES = 300;

/** A tree with even numbers as keys. */
function evens(count: number): Bed {
  const bed = plant();
  transact(bed.pager, () => {
    for (let i = 0; i < count; i++) {
      bed.tree.put(keyOf(2 * i), valueOf({ bytes: VALUE_BYTES, salt: 2 * i }));
    }
  });
  return bed;
}

const evenNumbers = (from: number, end: number) =>
  Array.from({ length: (end - from) / 2 }, (_, i) => from + 2 * i);

/** The number that the cursor is on, or undefined when it is on none. */
function here(cursor: LeafCursor, found: boolean): number | undefined {
  if (!found) return undefined;
  const batch = new LeafBatch();
  cursor.copyLeaf(batch, true, undefined, 1);
  const key = batch.key(0);
  return new DataView(key.buffer, key.byteOffset, 4).getUint32(0);
}

describe("LeafCursor", () => {
  it("goes to the entry at, after or before any key", () => {
    const { tree } = evens(100);
    const cursor = new LeafCursor(tree.nodes);
    for (let number = 0; number <= 201; number++) {
      const key = keyOf(number);
      const even = number + (number & 1);
      const [at, after] = [even, number + 2 - (number & 1)].map((n) => n < 200 ? n : undefined);
      const before = number === 0 ? undefined : Math.min(198, even - 2);
      assertEquals(here(cursor, cursor.seek(key)), at);
      assertEquals(here(cursor, cursor.seekAfter(key)), after);
      assertEquals(here(cursor, cursor.seekBefore(key)), before);
    }
    assertEquals([here(cursor, cursor.first()), here(cursor, cursor.last())], [0, 198]);
  });

  it("goes through another tree once it is attached to it", () => {
    const cursor = new LeafCursor();
    for (const count of [100, 3, 200]) {
      cursor.attach(evens(count).tree.nodes);
      assertEquals(here(cursor, cursor.last()), 2 * count - 2);
      assertEquals(cursor.leaveLeaf(true), false);
      assertEquals(here(cursor, cursor.first()), 0);
    }
  });

  it("is on no entry of an empty tree", () => {
    const { tree } = plant();
    const cursor = new LeafCursor(tree.nodes);
    assertEquals([cursor.first(), cursor.last()], [false, false]);
    const key = bytesOf("a");
    assertEquals([cursor.seek(key), cursor.seekAfter(key), cursor.seekBefore(key)], [
      false,
      false,
      false,
    ]);
  });
});

describe("LeafCursor.copyLeaf()", () => {
  /** All numbers, leaf by leaf, with values. */
  function copied(bed: Bed, from: number, bound: number, forward: boolean, most: number): number[] {
    const cursor = new LeafCursor(bed.tree.nodes);
    const batch = new LeafBatch();
    const numbers: number[] = [];
    let found = forward ? cursor.seek(keyOf(from)) : cursor.seekBefore(keyOf(from));
    while (found) {
      const goesOn = cursor.copyLeaf(batch, forward, keyOf(bound), most - numbers.length);
      const entries = Array.from({ length: batch.count }, (_, i) => i);
      for (const entry of forward ? entries : entries.reverse()) {
        const key = batch.key(entry);
        const number = new DataView(key.buffer, key.byteOffset, 4).getUint32(0);
        expectValue(batch.value(entry), { bytes: VALUE_BYTES, salt: number });
        numbers.push(number);
      }
      found = goesOn && numbers.length < most && cursor.leaveLeaf(forward);
    }
    return numbers;
  }

  it("copies what is between bounds, leaf by leaf, either way", () => {
    const bed = evens(400);
    for (
      const [from, end] of [[0, 800], [0, 801], [3, 5], [4, 6], [5, 5], [100, 777], [799, 900]]
    ) {
      const expected = evenNumbers(0, 800).filter((number) => number >= from! && number < end!);
      assertEquals(copied(bed, from!, end!, true, 1000), expected);
      assertEquals(copied(bed, end!, from!, false, 1000), expected.toReversed());
      assertEquals(copied(bed, from!, end!, true, 7), expected.slice(0, 7));
      assertEquals(copied(bed, end!, from!, false, 7), expected.toReversed().slice(0, 7));
    }
  });

  it("says that more may follow just when the bound is beyond the leaf", () => {
    const { tree } = evens(20);
    const cursor = new LeafCursor(tree.nodes);
    const batch = new LeafBatch();
    const last = 38;
    cursor.first();
    assertEquals(cursor.copyLeaf(batch, true, keyOf(last), 100), false);
    assertEquals([batch.count, cursor.copyLeaf(batch, true, keyOf(last + 1), 100)], [19, true]);
    cursor.last();
    assertEquals(cursor.copyLeaf(batch, false, keyOf(1), 100), false);
    assertEquals([batch.count, cursor.copyLeaf(batch, false, keyOf(0), 100)], [19, true]);
  });

  it("marks references, and hands out memory of its own", () => {
    const { pager, tree } = plant();
    transact(pager, () => {
      tree.put(bytesOf("a"), bytesOf("inline"));
      tree.put(bytesOf("b"), valueOf({ bytes: 5000, salt: 1 }));
    });
    const cursor = new LeafCursor(tree.nodes);
    cursor.first();
    const batch = new LeafBatch();
    assertEquals(cursor.copyLeaf(batch, true, undefined, 100), true);
    assertEquals([batch.count, ...batch.isReference.subarray(0, 2)], [2, 0, 1]);
    transact(pager, () => tree.put(bytesOf("a"), bytesOf("other!")));
    assertEquals(nameOf(batch.value(0)), "inline");
    for (const entry of [0, 1]) {
      for (const taken of [batch.key(entry), batch.value(entry)]) taken.fill(0xee);
    }
    expectValue(tree.readReferenced(batch.reference(1), 0), { bytes: 5000, salt: 1 });
    const key = new Uint8Array(1);
    assertEquals([batch.copyKey(1, key), nameOf(key)], [1, "b"]);
  });
});
