// Rebalancer where entries stay and their values become shorter: thin leaves merge as they do after
// deletions. Leaves are counted.

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, header } from "../../pager/mod.ts";
import { keyOf, plant, TreeModel } from "../../tests/support/trees/trees.ts";
import { TreePath } from "../walk/tree_path.ts";

const { CHUNK_SHIFT, SLOT_MASK } = format;
const COUNT = 1200;

/** The number of leaves of a tree. */
function leavesOf({ bed: { tree, pager } }: TreeModel): number {
  let { frame, slot } = tree.nodes.descendToEdge(new TreePath(), false);
  for (let leaves = 1;; leaves++) {
    const next = header.linkOf(frame, slot);
    if (next === 0) return leaves;
    const place = pager.at(next);
    [frame, slot] = [pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK];
  }
}

/** A tree whose values were replaced, in any order. */
function replaced(before: number, after: number): TreeModel {
  const model = new TreeModel(plant());
  for (const bytes of [before, after]) {
    model.begin();
    // 7 has no divisor in common with the number of keys.
    for (let i = 0; i < COUNT; i++) model.put(keyOf(7 * i % COUNT), bytes);
    model.commit();
  }
  return model;
}

describe("Rebalancer", () => {
  for (const [before, after] of [[1000, 20], [1020, 1100], [600, 0]] as const) {
    it(`merges leaves whose values of ${before} bytes became ${after} bytes long`, () => {
      const model = replaced(before, after);
      model.check();
      const expected = replaced(after, after);
      assertLess(leavesOf(model), 3 * leavesOf(expected) + 1);
      model.reopen();
      model.check();
    });
  }

  it("is taken back by a rollback", () => {
    const model = replaced(1000, 1000);
    const leaves = leavesOf(model);
    model.begin();
    for (let i = 0; i < COUNT; i++) model.put(keyOf(i), 20);
    assertLess(leavesOf(model), leaves / 8);
    model.rollback();
    assertEquals(leavesOf(model), leaves);
    model.check();
  });
});
