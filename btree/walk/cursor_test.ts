// Cursors, against the sorted keys of a model: both directions, seeks at, between, before and after
// keys, and changes of the tree during iteration.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { transact } from "../../tests/support/trees/pages.ts";
import { checkTree } from "../../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bytesOf,
  eachSeed,
  expectValue,
  KEY_FAMILIES,
  keyOf,
  nameOf,
  plant,
  TreeModel,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import type { Cursor } from "./cursor.ts";

const VALUE_BYTES = 300;

/** A tree with even numbers as keys, on several levels where there are many or large values. */
function evens(count: number, bytes = VALUE_BYTES): Bed {
  const bed = plant();
  transact(bed.pager, () => {
    for (let i = 0; i < count; i++) bed.tree.put(keyOf(2 * i), valueOf({ bytes, salt: 2 * i }));
  });
  return bed;
}

const numberOf = (cursor: Cursor) => {
  const key = cursor.key();
  return new DataView(key.buffer, key.byteOffset, 4).getUint32(0);
};
const here = (found: boolean, cursor: Cursor) => found ? numberOf(cursor) : undefined;

/** The numbers from where the cursor is to the end. */
function rest(cursor: Cursor, found: boolean, forward: boolean): number[] {
  const numbers: number[] = [];
  while (found) {
    numbers.push(numberOf(cursor));
    found = forward ? cursor.next() : cursor.previous();
  }
  return numbers;
}

const evenNumbers = (from: number, end: number) =>
  Array.from({ length: (end - from) / 2 }, (_, i) => from + 2 * i);

describe("Cursor", () => {
  it("goes on from its key after a rollback, of a transaction or of a savepoint", () => {
    for (const depth of [1, 2]) {
      const { pager, tree } = evens(300);
      if (depth === 2) pager.begin();
      const [first, second, third] = [tree.cursor(), tree.cursor(), tree.cursor()];
      pager.begin();
      tree.deleteRange(keyOf(0), keyOf(200));
      for (const cursor of [first, second, third]) cursor.seek(keyOf(300));
      pager.rollback();
      expectValue(third.value(), { bytes: VALUE_BYTES, salt: 300 });
      assertEquals(rest(first, first.next(), true), evenNumbers(302, 600));
      assertEquals(rest(second, second.previous(), false), evenNumbers(0, 300).reverse());
      if (depth === 2) pager.rollback();
    }
  });

  it("is on no entry of an empty tree", () => {
    const { tree } = plant();
    const cursor = tree.cursor();
    assertEquals([cursor.valid, cursor.next(), cursor.previous()], [false, false, false]);
    assertEquals([cursor.first(), cursor.last()], [false, false]);
    assertEquals([cursor.seek(bytesOf("a")), cursor.seekBefore(bytesOf("a"))], [false, false]);
    assertEquals([cursor.seek(bytesOf("")), cursor.value()], [false, undefined]);
  });

  for (
    const [count, bytes, depth] of [[1, 300, 1], [20, 300, 1], [2000, 300, 2], [7000, 1020, 3]]
  ) {
    it(`walks ${count} entries on ${depth} levels both ways, and then is on none`, () => {
      const { tree } = evens(count!, bytes);
      assertEquals(checkTree(tree).depth, depth);
      const cursor = tree.cursor();
      const all = evenNumbers(0, 2 * count!);
      assertEquals(rest(cursor, cursor.first(), true), all);
      assertEquals([cursor.valid, cursor.next(), cursor.previous()], [false, false, false]);
      assertEquals(rest(cursor, cursor.last(), false), all.reverse());
      assertEquals([cursor.valid, cursor.next()], [false, false]);
    });
  }

  it("turns round at any entry", () => {
    const { tree } = evens(500);
    const cursor = tree.cursor();
    for (let i = 1; i < 499; i++) {
      assertEquals(here(cursor.seek(keyOf(2 * i)), cursor), 2 * i);
      assertEquals(here(cursor.next(), cursor), 2 * i + 2);
      assertEquals(here(cursor.previous(), cursor), 2 * i);
      assertEquals(here(cursor.previous(), cursor), 2 * i - 2);
      assertEquals(here(cursor.next(), cursor), 2 * i);
    }
  });

  it("seeks at, between, before and after keys", () => {
    const { tree } = evens(1000);
    const cursor = tree.cursor();
    for (let number = 0; number < 2000; number++) {
      const up = number + (number & 1);
      const sought = cursor.seek(keyOf(number));
      assertEquals(here(sought, cursor), up < 2000 ? up : undefined);
      if (sought) expectValue(cursor.value(), { bytes: VALUE_BYTES, salt: up });
      const below = up - 2;
      assertEquals(here(cursor.seekBefore(keyOf(number)), cursor), below < 0 ? undefined : below);
    }
    assertEquals(here(cursor.seek(bytesOf("")), cursor), 0);
    assertEquals(cursor.seekBefore(bytesOf("")), false);
    assertEquals(cursor.seek(bytesOf("\xff")), false);
    assertEquals(here(cursor.seekBefore(bytesOf("\xff".repeat(3000))), cursor), 1998);
    assertEquals(rest(cursor, cursor.seek(keyOf(1901)), true), evenNumbers(1902, 2000));
    assertEquals(rest(cursor, cursor.seekBefore(keyOf(5)), false), [4, 2, 0]);
  });

  it("agrees with a model for keys of every family", () => {
    for (const family of Object.values(KEY_FAMILIES)) {
      eachSeed(2, (random) => {
        const model = new TreeModel(plant());
        model.begin();
        for (let i = 0; i < 300; i++) model.put(family(random), random.below(200));
        model.commit();
        const names = model.names();
        const cursor = model.bed.tree.cursor();
        for (let i = 0; i < 200; i++) {
          const key = random.once(2) ? family(random) : bytesOf(random.pick(names));
          const at = names.filter((name) => name < nameOf(key)).length;
          const now = (found: boolean) => found ? nameOf(cursor.key()) : undefined;
          assertEquals(now(cursor.seek(key)), names[at]);
          assertEquals(now(cursor.seekBefore(key)), names[at - 1]);
        }
      });
    }
  });

  it("reads values in runs", () => {
    const { pager, tree } = plant();
    transact(pager, () => {
      for (let i = 0; i < 5; i++) tree.put(keyOf(i), valueOf({ bytes: 5000 * i, salt: i }));
    });
    const cursor = tree.cursor();
    for (let found = cursor.first(), i = 0; found; found = cursor.next(), i++) {
      expectValue(cursor.value(), { bytes: 5000 * i, salt: i });
    }
  });
});

describe("Cursor: changes of the tree", () => {
  it("goes on with the entries around one that was deleted", () => {
    const { pager, tree } = evens(300);
    pager.begin();
    const cursor = tree.cursor();
    for (const number of [0, 100, 598]) {
      cursor.seek(keyOf(number));
      tree.delete(keyOf(number));
      assertEquals([numberOf(cursor), cursor.value()], [number, undefined]);
      assertEquals(here(cursor.next(), cursor), number === 598 ? undefined : number + 2);
    }
    for (const number of [2, 202, 596]) {
      cursor.seek(keyOf(number));
      tree.delete(keyOf(number));
      assertEquals(here(cursor.previous(), cursor), number === 2 ? undefined : number - 2);
    }
    pager.commit();
  });

  it("deletes every entry while it iterates, either way", () => {
    for (const forward of [true, false]) {
      const { pager, tree } = evens(1500);
      pager.begin();
      const cursor = tree.cursor();
      const seen: number[] = [];
      for (let found = forward ? cursor.first() : cursor.last(); found;) {
        seen.push(numberOf(cursor));
        tree.delete(cursor.key());
        found = forward ? cursor.next() : cursor.previous();
      }
      pager.commit();
      assertEquals(forward ? seen : seen.reverse(), evenNumbers(0, 3000));
      assertEquals([tree.count(), checkTree(tree).pages.size], [0, 1]);
    }
  });

  it("goes on after its page is gone, with all pages around it", () => {
    const { pager, tree } = evens(2000);
    pager.begin();
    const cursor = tree.cursor();
    cursor.seek(keyOf(2000));
    tree.deleteRange(keyOf(1000), keyOf(3001));
    assertEquals(cursor.value(), undefined);
    assertEquals(here(cursor.next(), cursor), 3002);
    cursor.seek(keyOf(3100));
    tree.deleteRange(keyOf(998), keyOf(3500));
    assertEquals(here(cursor.previous(), cursor), 996);
    tree.deleteRange();
    assertEquals([cursor.next(), cursor.valid], [false, false]);
    pager.commit();
  });

  it("skips and repeats nothing while its page splits under it", () => {
    for (const forward of [true, false]) {
      const { pager, tree } = evens(400);
      pager.begin();
      const cursor = tree.cursor();
      const seen: number[] = [];
      for (let found = forward ? cursor.first() : cursor.last(); found;) {
        const number = numberOf(cursor);
        seen.push(number);
        // Behind the cursor, so that it is not seen.
        const behind = forward ? number - 1 : number + 1;
        if (number % 2 === 0 && behind >= 0) tree.put(keyOf(behind), new Uint8Array(1000));
        expectValue(cursor.value(), { bytes: VALUE_BYTES, salt: number });
        found = forward ? cursor.next() : cursor.previous();
      }
      pager.commit();
      assertEquals(forward ? seen : seen.reverse(), evenNumbers(0, 800));
      assertEquals(tree.count(), forward ? 799 : 800);
    }
  });

  it("sees what is put ahead of it, and the new value of its own entry", () => {
    const { pager, tree } = evens(100);
    pager.begin();
    const cursor = tree.cursor();
    cursor.seek(keyOf(50));
    tree.put(keyOf(51), valueOf({ bytes: 16_000, salt: 51 }));
    tree.put(keyOf(50), valueOf({ bytes: 1, salt: 50 }));
    expectValue(cursor.value(), { bytes: 1, salt: 50 });
    assertEquals(here(cursor.next(), cursor), 51);
    expectValue(cursor.value(), { bytes: 16_000, salt: 51 });
    assertEquals(here(cursor.next(), cursor), 52);
    pager.commit();
  });

  it("agrees with a model through random changes", () => {
    eachSeed(6, (random) => {
      const model = new TreeModel(plant());
      model.begin();
      for (let i = 0; i < 600; i++) model.put(keyOf(random.below(3000)), random.below(400));
      const cursor = model.bed.tree.cursor();
      let now: string | undefined;
      for (let step = 0; step < 1500; step++) {
        const key = keyOf(random.below(3000));
        const what = random.below(7);
        if (what === 0) model.put(key, random.below(400));
        else if (what === 1) model.delete(cursor.valid && random.once(2) ? cursor.key() : key);
        else if (what === 2 && random.once(20)) model.deleteRange(key, keyOf(random.below(3000)));
        else now = move(random.once(2), cursor, model, now, key);
      }
      model.commit();
    });
  });
});

/** Moves a cursor from a key, or to one when it is on none, and returns the key it then is on. */
function move(
  forward: boolean,
  cursor: Cursor,
  model: TreeModel,
  now: string | undefined,
  key: Uint8Array,
): string | undefined {
  const names = model.names();
  let found: boolean;
  let expected: string | undefined;
  if (now === undefined) {
    found = cursor.seek(key);
    expected = names.find((name) => name >= nameOf(key));
  } else if (forward) {
    found = cursor.next();
    expected = names.find((name) => name > now);
  } else {
    found = cursor.previous();
    expected = names.findLast((name) => name < now);
  }
  assertEquals(found ? nameOf(cursor.key()) : undefined, expected);
  return expected;
}
