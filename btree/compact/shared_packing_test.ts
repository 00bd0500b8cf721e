// Packing of shared pages: how many are left after random deletions and replacements, and which of
// them change. Pages are counted.

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format } from "../../pager/mod.ts";
import { Random } from "../../tests/support/random.ts";
import { bytesOf, keyOf, plant, TreeModel } from "../../tests/support/trees/trees.ts";
import { census } from "../inspect/census.ts";
import { Packing } from "./packing.ts";

const COUNT = 1500;
/** Values of this length are in shared pages, shorter ones in their leaves. */
const SHARED_LENGTH = 1025;

/** A tree of values of about a length, of which about half are deleted at random. */
function halved(length: number, spread: number, replaces: boolean, count = COUNT): TreeModel {
  const model = new TreeModel(plant());
  const random = new Random(5);
  model.begin();
  // 7 has no divisor in common with the number of keys.
  for (let i = 0; i < count; i++) model.put(keyOf(7 * i % count), length + random.below(spread));
  model.commit();
  model.begin();
  for (let i = 0; i < count; i++) {
    if (replaces) model.put(keyOf(random.below(count)), length + random.below(spread));
    if (random.once(2)) model.delete(keyOf(i));
  }
  model.commit();
  return model;
}

/** The shared pages of a tree. */
function sharedOf({ bed: { pager } }: TreeModel): number {
  return census(pager).pagesOfKind[format.KIND_SHARED]!;
}

/** The pages that all values of a tree would fill, or those of at least a length. */
function fullPages({ entries }: TreeModel, least = 0): number {
  let bytes = 0;
  for (const value of entries.values()) if (value.bytes >= least) bytes += value.bytes;
  return bytes / format.PAGE_BYTES;
}

function packingOf({ bed: { context, tree } }: TreeModel): Packing {
  const trees = { names: () => ["t"], get: () => tree };
  return new Packing(context, trees, { packsMax: Infinity, from: 0 });
}

/** Packs a tree, a slice a transaction. Returns the most pages that one of them changed. */
function pack(model: TreeModel, pagesMax: number): number {
  const packing = packingOf(model);
  let most = 0;
  for (let isMore = true; isMore;) {
    const before = packing.packed;
    model.begin();
    isMore = packing.slice(Infinity, pagesMax);
    model.commit();
    most = Math.max(most, packing.packed - before);
  }
  return most;
}

describe("SharedPacking", () => {
  for (const [length, spread] of [[2100, 1], [3000, 1], [2060, 1900], [5200, 1500]] as const) {
    for (const replaces of [false, true]) {
      const what = replaces ? "deleted and replaced" : "deleted";
      it(`empties pages of values of ${length} bytes and up to ${spread} more, ${what}`, () => {
        const model = halved(length, spread, replaces);
        const before = sharedOf(model);
        pack(model, Infinity);
        model.check();
        assertLess(sharedOf(model), before);
        assertLess(sharedOf(model), 1.15 * fullPages(model));
        model.reopen();
        model.check();
      });
    }
  }

  for (const pagesMax of [Infinity, 5]) {
    it(`empties pages of a tree that is one leaf, ${pagesMax} in a slice`, () => {
      const model = halved(6000, 1, false, 120);
      assertEquals(census(model.bed.pager).pagesOfKind[format.KIND_BRANCH], 0);
      const before = sharedOf(model);
      assertGreater(before, 1.3 * fullPages(model));
      assertLess(pack(model, pagesMax), pagesMax + 8);
      model.check();
      assertLess(sharedOf(model), 1.15 * fullPages(model));
    });
  }

  it("counts a page that several leaves change once in a slice", () => {
    const model = halved(1030, 1, false);
    const before = sharedOf(model);
    const leaves = census(model.bed.pager).pagesOfKind[format.KIND_LEAF]!;
    assertLess(pack(model, Infinity), before + 1.2 * fullPages(model) + leaves + 1);
    model.check();
  });

  it("changes a bounded number of pages in a slice", () => {
    const model = halved(3000, 1, false);
    const before = sharedOf(model);
    // A slice ends after the page that reaches its bound, or after a group of leaves.
    assertLess(pack(model, 4), 4 + 8);
    assertLess(sharedOf(model), 0.9 * before);
    model.check();
  });

  for (const [length, pagesMax] of [[1030, 48], [1030, 4], [2100, 4], [3000, 1]] as const) {
    it(`ends with values of ${length} bytes where a slice changes ${pagesMax} pages`, () => {
      const model = halved(length, 1, false);
      const packing = packingOf(model);
      let slices = 0;
      for (let isMore = true; isMore; slices++) {
        assertLess(slices, COUNT, "each slice goes on with another value");
        model.begin();
        isMore = packing.slice(Infinity, pagesMax);
        model.commit();
      }
      model.check();
      // Seven values of 1,030 bytes fill a page, and leave an eighth of it.
      assertLess(sharedOf(model), 1.2 * fullPages(model));
    });
  }

  it("goes on where others have released the pages that the last slice filled", () => {
    const model = halved(3000, 1, false);
    const packing = packingOf(model);
    const slice = () => {
      model.begin();
      const isMore = packing.slice(Infinity, 8);
      model.commit();
      return isMore;
    };
    while (slice()) {
      model.begin();
      for (const name of model.names().slice(0, 40)) model.delete(bytesOf(name));
      model.commit();
    }
    assertGreater(packing.packed, 100);
    model.check();
  });

  it("empties half empty pages where few values of each leaf are in some", () => {
    const model = halved(200, 1000, true);
    const full = fullPages(model, SHARED_LENGTH);
    assertGreater(sharedOf(model), 2 * full);
    pack(model, Infinity);
    model.check();
    // Seven values fill a page, and leave up to an eighth of it; some pages are a little emptier.
    assertLess(sharedOf(model), 1.4 * full);
    for (let i = 0; i < 6; i++) console.log("PK", pack(model, Infinity), sharedOf(model), full);
  });

  it("leaves a half empty page as it is where that is the only one", () => {
    const model = new TreeModel(plant());
    model.begin();
    for (let i = 0; i < COUNT; i++) model.put(keyOf(i), i === 9 ? SHARED_LENGTH : 60);
    model.commit();
    assertEquals([sharedOf(model), pack(model, Infinity), sharedOf(model)], [1, 0, 1]);
  });

  it("leaves full pages as they are", () => {
    const model = new TreeModel(plant());
    model.begin();
    for (let i = 0; i < COUNT; i++) model.put(keyOf(i), i < COUNT / 2 ? 60 : 4000);
    model.commit();
    const pages = sharedOf(model);
    assertEquals(pages, COUNT / 4);
    assertEquals(pack(model, Infinity), 0);
    assertEquals(sharedOf(model), pages);
  });

  it("is taken back by a rollback", () => {
    const model = halved(2100, 1, false);
    const before = sharedOf(model);
    const packing = packingOf(model);
    model.begin();
    while (packing.slice(Infinity, Infinity));
    assertGreater(packing.packed, 0);
    model.rollback();
    assertEquals(sharedOf(model), before);
    model.check();
  });
});
