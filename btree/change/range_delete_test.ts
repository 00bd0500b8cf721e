// Range deletes against a model: bounds of every kind, in one leaf and across levels, with runs and
// without. No page is lost, and only the headers of removed leaves are read, unless they refer to
// runs.

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CACHE_BYTES_MIN } from "../../pager/recovery/options.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { usedPages } from "../../tests/support/trees/space.ts";
import { checkTree } from "../../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bulkLoad,
  bytesOf,
  eachSeed,
  expectSound,
  KEY_FAMILIES,
  keyOf,
  plant,
  replant,
  TreeModel,
  valueOf,
} from "../../tests/support/trees/trees.ts";

/** A model with keys 0, 10, 20 ...; `bytes` gives the length of each value. */
function tens(count: number, bytes: (index: number) => number): TreeModel {
  const model = new TreeModel(plant());
  model.begin();
  for (let i = 0; i < count; i++) model.put(keyOf(10 * i), bytes(i));
  model.commit();
  return model;
}

/** Removes a range, checks, and puts everything back. */
function tryRange(model: TreeModel, from?: number, to?: number): void {
  model.begin();
  model.deleteRange(bound(from), bound(to));
  expectSound(model.bed);
  assertEquals(model.bed.tree.count(), model.entries.size);
  model.rollback();
}

const bound = (number: number | undefined) => number === undefined ? undefined : keyOf(number);

describe("BTree.deleteRange()", () => {
  it("of an empty tree removes nothing", () => {
    const model = new TreeModel(plant());
    model.begin();
    model.deleteRange();
    model.deleteRange(bytesOf(""), bytesOf("\xff"));
    model.commit();
    model.check();
  });

  it("takes any two bounds in a tree of one leaf", () => {
    const model = tens(8, () => 20);
    for (let from = -5; from <= 85; from += 5) {
      for (let to = -5; to <= 85; to += 5) {
        tryRange(model, from < 0 ? undefined : from, to < 0 ? undefined : to);
      }
    }
    model.check();
  });

  it("takes any two bounds in a tree of two levels", () => {
    const model = tens(90, (i) => i % 7 === 0 ? 3000 : 400);
    assertEquals(model.check().depth, 2);
    const bounds = [-5, 0, 5, 10, 95, 100, 200, 205, 450, 455, 460, 880, 885, 890, 895, 900];
    for (const from of bounds) {
      for (const to of bounds) {
        tryRange(model, from < 0 ? undefined : from, to < 0 ? undefined : to);
      }
    }
    model.check();
  });

  it("takes bounds on both sides of branches, in a tree of three levels", () => {
    const model = tens(7000, (i) => i % 50 === 0 ? 20_000 : 1020);
    assertEquals(model.check().depth, 3);
    const bounds = [undefined, 0, 15, 9990, 15_000, 15_005, 69_985, 69_990, 70_000];
    for (const from of bounds) for (const to of bounds) tryRange(model, from, to);
    for (const [from, to] of [[10, 9000], [20_000, 69_980], [9500, 19_995], [0, 69_990]]) {
      model.begin();
      model.deleteRange(keyOf(from!), keyOf(to!));
      model.commit();
      model.check();
    }
    model.begin();
    model.deleteRange();
    model.commit();
    assertEquals(usedPages(model.bed.context), [model.bed.tree.root]);
  });

  it("removes nothing when the bounds are equal or the wrong way round", () => {
    const model = tens(400, () => 200);
    for (const [from, to] of [[50, 50], [55, 55], [60, 50], [3990, 0], [3000, 1000], [9999, 0]]) {
      model.begin();
      model.deleteRange(keyOf(from!), keyOf(to!));
      model.commit();
      assertEquals(model.entries.size, 400);
    }
    model.check();
  });

  it("takes the empty key as a bound, and refuses what is too long for a key", () => {
    const model = tens(100, () => 200);
    model.begin();
    model.put(bytesOf(""), 5);
    model.deleteRange(undefined, bytesOf(""));
    assertEquals(model.entries.size, 101);
    model.deleteRange(bytesOf(""), bytesOf("\0"));
    assertEquals(model.entries.size, 100);
    const { tree } = model.bed;
    assertThrows(() => tree.deleteRange(new Uint8Array(2049)), RangeError, "2049");
    assertThrows(() => tree.deleteRange(undefined, new Uint8Array(2049)), RangeError, "2049");
    model.deleteRange(bytesOf(""));
    assertEquals(model.entries.size, 0);
    model.commit();
    model.check();
  });

  it("releases runs, of leaves on the bounds and between them", () => {
    const model = tens(200, (i) => i % 3 === 0 ? 300 * 8192 / (1 + i) | 0 : 700);
    const before = usedPages(model.bed.context).length;
    model.begin();
    model.deleteRange(keyOf(500), keyOf(1500));
    model.commit();
    model.check();
    assertLess(usedPages(model.bed.context).length, before);
    model.reopen();
    model.check();
  });

  for (const [name, family] of Object.entries(KEY_FAMILIES)) {
    it(`agrees with a model: ${name}`, () => {
      eachSeed(4, (random) => {
        const model = new TreeModel(plant());
        for (let batch = 0; batch < 4; batch++) {
          model.begin();
          for (let i = 0; i < 150; i++) {
            model.put(family(random), random.pick([0, 10, 100, 700, 1024, 1025, 9000]));
          }
          model.commit();
          const names = model.names();
          for (let i = 0; i < 4; i++) {
            const some = () => {
              const exact = bytesOf(random.pick(names));
              return random.once(6) ? undefined : random.once(2) ? exact : family(random);
            };
            model.begin();
            const [from, to] = [some(), random.once(4) ? some() : bytesOf(random.pick(names))];
            model.deleteRange(from, to);
            if (random.once(3)) model.rollback();
            else model.commit();
            expectSound(model.bed);
          }
          model.check();
        }
      });
    });
  }
});

/** A large tree, loaded sorted and closed; every `nth` leaf or so refers to a run. */
function large(nth: number): Bed {
  const bed = plant();
  transact(bed.pager, () =>
    bulkLoad(
      bed.tree,
      Array.from({ length: 20_000 }, (_, i) => {
        return [keyOf(i), valueOf({ bytes: nth > 0 && i % nth === 0 ? 3000 : 1020, salt: i })];
      }),
    ));
  return replant(bed, { cacheBytes: CACHE_BYTES_MIN });
}

/** Fills the cache with the end of the tree, so that only single pages and extents come in. */
function coolDown({ pager, tree }: Bed): void {
  for (let i = 12_000; i < 20_000; i++) tree.has(keyOf(i));
  assertEquals(pager.stats().cacheUsedBytes, CACHE_BYTES_MIN);
}

function pagesRead({ pager }: Bed, body: () => void): number {
  const before = pager.stats();
  body();
  const after = pager.stats();
  assertEquals(after.chunkReads, before.chunkReads);
  return after.pageReads - before.pageReads + 8 * (after.extentReads - before.extentReads);
}

describe("BTree.deleteRange(): what it reads", () => {
  it("reads no leaf between the bounds when none holds references", () => {
    const bed = large(0);
    coolDown(bed);
    const leaves = checkTreePages(bed);
    assert(leaves > 2500, `${leaves} pages`);
    coolDown(bed);
    bed.pager.begin();
    const read = pagesRead(bed, () => {
      assertEquals(bed.tree.deleteRange(keyOf(50), keyOf(7000)), 6950);
    });
    bed.pager.commit();
    assertLess(read, 100);
    expectSound(bed);
  });

  it("reads the leaves that hold references, and not the others", () => {
    const bed = large(200);
    coolDown(bed);
    bed.pager.begin();
    const read = pagesRead(bed, () => {
      assertEquals(bed.tree.deleteRange(keyOf(50), keyOf(7000)), 6950);
    });
    bed.pager.commit();
    assert(read >= 30, `${read} pages read`);
    assertLess(read, 400);
    expectSound(bed);
  });
});

function checkTreePages({ tree }: Bed): number {
  return checkTree(tree).pages.size;
}
