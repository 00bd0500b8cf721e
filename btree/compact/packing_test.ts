// Packing: what leaves hold before and after, in trees that random inserts and deletions leave.
// Fills and leaves are counted.

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, header } from "../../pager/mod.ts";
import { Random } from "../../tests/support/random.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { bytesOf, keyOf, plant, TreeModel } from "../../tests/support/trees/trees.ts";
import { childIndex, usedBytesOf } from "../node/node.ts";
import { TreePath } from "../walk/tree_path.ts";
import { Packing, type PackingBounds } from "./packing.ts";

const { CHUNK_SHIFT, PAGE_BYTES, SLOT_MASK } = format;
const COUNT = 6000;
/** Bounds that leave out nothing. */
const ALL: PackingBounds = { packsMax: Infinity, from: 0 };

/** A tree of random keys, perhaps without two of three. */
function randomTree(bytes: (index: number) => number, thins: boolean): TreeModel {
  const model = new TreeModel(plant());
  const random = new Random(8);
  const keys = Array.from({ length: COUNT }, () => random.u32());
  model.begin();
  keys.forEach((key, i) => model.put(keyOf(key), bytes(i)));
  if (thins) keys.forEach((key, i) => i % 3 > 0 && model.delete(keyOf(key)));
  model.commit();
  return model;
}

/** The number of leaves of a tree, and how full they are. */
function leavesOf({ bed: { tree, pager } }: TreeModel): { leaves: number; fill: number } {
  let [leaves, used] = [0, 0];
  let { frame, slot } = tree.nodes.descendToEdge(new TreePath(), false);
  for (;;) {
    leaves++;
    used += usedBytesOf(frame, slot);
    const next = header.linkOf(frame, slot);
    if (next === 0) return { leaves, fill: used / leaves / PAGE_BYTES };
    const place = pager.at(next);
    [frame, slot] = [pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK];
  }
}

function packingOf({ bed: { context, tree } }: TreeModel, bounds = ALL): Packing {
  return new Packing(context, { names: () => ["t"], get: () => tree }, bounds);
}

/** Packs a tree in one transaction. Returns the leaves that it changed. */
function pack(model: TreeModel): number {
  const packing = packingOf(model);
  model.begin();
  while (packing.slice(Infinity, Infinity));
  model.commit();
  model.check();
  return packing.packed;
}

describe("Packing", () => {
  for (const [length, thins] of [[60, false], [60, true], [300, false]] as const) {
    const what = thins ? "of which most were deleted" : "in any order";
    it(`fills leaves of keys ${what}, with values of ${length} bytes, to nine tenths`, () => {
      const model = randomTree(() => length, thins);
      const before = leavesOf(model);
      assertLess(before.fill, 0.8);
      pack(model);
      const after = leavesOf(model);
      assertGreater(after.fill, 0.85);
      assertLess(after.leaves, before.leaves);
      assertLess(pack(model), after.leaves / 8, "little is left to pack");
    });
  }

  it("keeps values outside of leaves, and empties levels that are not needed", () => {
    const model = randomTree((i) => [10, 600, 2100, 9000][i % 4]!, true);
    const levels = model.bed.tree.levels();
    pack(model);
    assert(model.bed.tree.levels() <= levels);
    model.begin();
    model.deleteRange();
    model.commit();
    model.check();
  });

  it("leaves full leaves as they are", () => {
    const model = new TreeModel(plant());
    model.begin();
    for (let i = 0; i < COUNT; i++) model.put(keyOf(i), 60);
    model.commit();
    assertEquals(pack(model), 0);
  });

  it("changes a bounded number of leaves in a slice, between which others change the tree", () => {
    const model = randomTree(() => 60, true);
    const random = new Random(9);
    const packing = packingOf(model);
    for (let isMore = true; isMore;) {
      const before = packing.packed;
      model.begin();
      isMore = packing.slice(Infinity, 4);
      model.commit();
      assertLess(packing.packed - before, 4 + 8);
      const names = model.names();
      model.begin();
      for (let i = 0; i < 20; i++) model.put(keyOf(random.u32()), 60);
      const from = random.below(names.length - 30);
      names.slice(from, from + 30).forEach((name) => model.delete(bytesOf(name)));
      model.commit();
    }
    model.check();
    assertGreater(packing.packed, 20);
  });

  it("that may change few leaves looks at few, and reaches all from several beginnings", () => {
    const model = randomTree(() => 60, true);
    const { pager, tree } = model.bed;
    const packsMax = 2;
    let peeks = 0;
    const peek = pager.peek.bind(pager);
    pager.peek = (page) => {
      peeks++;
      return peek(page);
    };
    for (let i = 0; i < 60; i++) {
      const packing = packingOf(model, { packsMax, from: i * 0.618 % 1 });
      peeks = 0;
      model.begin();
      while (packing.slice(Infinity, Infinity));
      model.commit();
      assertLess(packing.packed, packsMax + 8);
      // The leaves of at most a step more than it may look at, each with its whole group.
      assertLess(peeks, 8 * (16 * packsMax + 64));
    }
    model.check();
    assertGreater(leavesOf(model).fill, 0.8);
    assert(tree.nodes.rootNode().level > 0);
  });

  it("is taken back by a rollback", () => {
    const model = randomTree(() => 60, true);
    const before = leavesOf(model);
    const packing = packingOf(model);
    model.begin();
    while (packing.slice(Infinity, Infinity));
    assertLess(leavesOf(model).leaves, before.leaves);
    model.rollback();
    assertEquals(leavesOf(model), before);
    model.check();
  });

  it("reports leaves that are out of order", () => {
    const model = randomTree(() => 60, true);
    const { pager, tree } = model.bed;
    transact(pager, () => {
      const root = tree.nodes.rootNode();
      pager.touch(root.place);
      const at = childIndex(root.slot, root.entries, 0);
      const { u32 } = root.frame;
      [u32[at], u32[at + 1]] = [u32[at + 1]!, u32[at]!];
    });
    pager.begin();
    const packing = packingOf(model);
    assertThrows(() => packing.slice(Infinity, Infinity), CorruptionError, "not within");
    pager.rollback();
  });
});
