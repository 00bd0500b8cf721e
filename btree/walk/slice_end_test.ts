// Slices of a tree: they follow each other, cover it, and cost what was asked for.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { usedPages } from "../../tests/support/trees/space.ts";
import { type Bed, keyOf, plant, valueOf } from "../../tests/support/trees/trees.ts";
import { compareKeys } from "../node/key.ts";

/** A tree of 600 entries; of those that `isLarge` names, the value has 1 to 6 pages. */
function planted(isLarge: (entry: number) => boolean): Bed {
  const bed = plant();
  transact(bed.pager, () => {
    for (let i = 0; i < 600; i++) {
      const bytes = isLarge(i) ? 5000 + 8000 * (i % 6) : 300;
      bed.tree.put(keyOf(i), valueOf({ bytes, salt: i }));
    }
  });
  return bed;
}

/** The ends of the slices of a tree. */
function endsOf({ tree }: Bed, pages: number): Uint8Array[] {
  const ends: Uint8Array[] = [];
  for (let end = tree.sliceEnd(undefined, pages); end !== undefined;) {
    const before = ends.at(-1);
    assert(before === undefined || compareKeys(before, before.length, end, end.length) < 0);
    ends.push(end);
    end = tree.sliceEnd(end, pages);
  }
  return ends;
}

describe("BTree.sliceEnd()", () => {
  it("is undefined in a tree of one leaf without runs", () => {
    const bed = plant();
    assertEquals(bed.tree.sliceEnd(undefined, 1), undefined);
    transact(bed.pager, () => bed.tree.put(keyOf(1), valueOf({ bytes: 10, salt: 1 })));
    assertEquals(bed.tree.sliceEnd(undefined, 1), undefined);
    assertEquals(bed.tree.sliceEnd(keyOf(9), 1), undefined);
  });

  it("bounds the pages of a slice, of leaves and of values", () => {
    const random = new Random(1);
    const shapes = [
      () => false,
      () => true,
      (i: number) => i >= 200 && i < 300,
      (i: number) => i % 97 === 0,
    ];
    for (const isLarge of shapes) {
      for (const pages of [1, 3, 16, 1000, 1 + random.below(50)]) {
        const bed = planted(isLarge);
        let used = usedPages(bed.context).length;
        let entries = 0;
        for (const end of [...endsOf(bed, pages), undefined]) {
          entries += transact(bed.pager, () => bed.tree.deleteRange(undefined, end));
          const left = usedPages(bed.context).length;
          // A value has at most 6 pages; a delete may merge a leaf and its branches.
          assertLessOrEqual(used - left, pages + 6 + 4);
          used = left;
        }
        assertEquals([entries, bed.tree.count()], [600, 0]);
      }
    }
  });

  it("divides no finer than asked for, inside a branch", () => {
    for (const isLarge of [() => false, (i: number) => i % 30 === 0]) {
      const bed = planted(isLarge);
      const pages = usedPages(bed.context).length;
      assertLessOrEqual(endsOf(bed, 16).length, Math.ceil(pages / 16));
    }
  });
});
