// Splits: a leaf and a full sibling are split into three, and a leaf is split alone where that is
// impossible. After each split the tree is sound and complete, and all other leaves are unchanged.

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, header } from "../../pager/mod.ts";
import { Random } from "../../tests/support/random.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import {
  type Bed,
  bytesOf,
  keyOf,
  nameOf,
  plant,
  TreeModel,
} from "../../tests/support/trees/trees.ts";
import { childIndex, copyKey, freeBytesOf, KEY_BYTES_MAX, usedBytesOf } from "../node/node.ts";
import { TreePath } from "../walk/tree_path.ts";
import { replaceSeparator } from "./separator.ts";

const { CHUNK_SHIFT, PAGE_BYTES, SLOT_MASK } = format;
const { entriesOf, levelOf, linkOf, prefixLengthOf } = header;

interface LeafState {
  readonly page: number;
  readonly keys: readonly string[];
  readonly used: number;
  readonly prefix: number;
}

/** The leaves of a tree, in the order of their links. */
function leavesOf({ tree, pager }: Bed): LeafState[] {
  const leaves: LeafState[] = [];
  const key = new Uint8Array(KEY_BYTES_MAX);
  let { place } = tree.nodes.descendToEdge(new TreePath(), false);
  for (;;) {
    const frame = pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const keys = Array.from({ length: entriesOf(frame, slot) }, (_, index) => {
      return nameOf(key.slice(0, copyKey(frame, slot, index, key)));
    });
    const used = usedBytesOf(frame, slot);
    leaves.push({ page: frame.pages[slot]!, keys, used, prefix: prefixLengthOf(frame, slot) });
    const next = linkOf(frame, slot);
    if (next === 0) return leaves;
    place = pager.at(next);
  }
}

/** The number of children of the root; 0 if it is a leaf. */
function childrenOfRoot({ tree, pager }: Bed): number {
  const place = pager.at(tree.root);
  const frame = pager.frames[place >>> CHUNK_SHIFT]!;
  return levelOf(frame, place & SLOT_MASK) === 0 ? 0 : entriesOf(frame, place & SLOT_MASK);
}

/**
 * A tree of full leaves and a last leaf that is not full. Its keys are even, put in order; some odd
 * ones fill the room that each leaf keeps.
 */
function fullLeaves(count: number, bytes: number): TreeModel {
  const model = new TreeModel(plant());
  model.begin();
  for (let i = 0; childrenOfRoot(model.bed) <= count; i += 2) model.put(keyOf(i), bytes);
  for (const { keys, used, prefix } of leavesOf(model.bed).slice(0, count)) {
    const more = Math.floor((PAGE_BYTES - used) / ((used - prefix) / keys.length));
    for (const name of keys.slice(0, more)) {
      const key = bytesOf(name);
      key[3]! |= 1;
      model.put(key, bytes);
    }
  }
  model.commit();
  return model;
}

/** A key that is not in a leaf of `fullLeaves`, and belongs in its middle. */
function keyWithin(leaf: LeafState): Uint8Array {
  const key = bytesOf(leaf.keys[leaf.keys.length >> 1]!);
  key[3]! |= 1;
  return key;
}

function put(model: TreeModel, key: Uint8Array, bytes: number): void {
  model.begin();
  model.put(key, bytes);
  model.commit();
  model.check();
}

/** Removes every fourth key of a leaf. */
function thin(model: TreeModel, leaf: LeafState): void {
  model.begin();
  leaf.keys.filter((_, i) => i % 4 === 1).forEach((name) => model.delete(bytesOf(name)));
  model.commit();
}

/** The pages of leaves with different keys before and after. */
function changedPages(before: readonly LeafState[], after: readonly LeafState[]): number[] {
  const keysOf = new Map(before.map(({ page, keys }) => [page, keys.join()]));
  return after.filter(({ page, keys }) => keysOf.get(page) !== keys.join()).map(({ page }) => page);
}

function expectThirds(leaves: readonly LeafState[]): void {
  for (const { used } of leaves) {
    assertGreater(used, 0.55 * PAGE_BYTES);
    assertLess(used, 0.8 * PAGE_BYTES);
  }
}

describe("Splitter: a full leaf beside a full sibling", () => {
  for (const bytes of [0, 20, 100, 500, 2049]) {
    it(`is split with the sibling after it into three: values of ${bytes} bytes`, () => {
      const model = fullLeaves(4, bytes);
      const before = leavesOf(model.bed);
      put(model, keyWithin(before[1]!), bytes);
      const after = leavesOf(model.bed);
      assertEquals(after.length, before.length + 1);
      assertEquals(changedPages(before, after), [before[1]!.page, after[2]!.page, before[2]!.page]);
      expectThirds(after.slice(1, 4));
    });

    it(`is split with the one before where that after it has room: ${bytes} bytes`, () => {
      const model = fullLeaves(4, bytes);
      thin(model, leavesOf(model.bed)[3]!);
      const before = leavesOf(model.bed);
      put(model, keyWithin(before[2]!), bytes);
      const after = leavesOf(model.bed);
      assertEquals(changedPages(before, after), [before[1]!.page, after[2]!.page, before[2]!.page]);
      expectThirds(after.slice(1, 4));
    });
  }

  it("is split with the one before where it is its parent's last", () => {
    const model = fullLeaves(3, 100);
    const last = leavesOf(model.bed)[3]!;
    model.begin();
    for (let i = 1; leavesOf(model.bed)[3]!.used < PAGE_BYTES - 110; i++) {
      model.put(keyOf(3 * PAGE_BYTES + 2 * i), 100);
    }
    model.commit();
    const before = leavesOf(model.bed);
    assertEquals(before.length, 4);
    put(model, keyOf(3 * PAGE_BYTES + 1), 100);
    const after = leavesOf(model.bed);
    assertEquals(changedPages(before, after), [before[2]!.page, after[3]!.page, last.page]);
    expectThirds(after.slice(2, 5));
  });

  it("is split alone where both siblings have room", () => {
    const model = fullLeaves(4, 100);
    for (const index of [1, 3]) thin(model, leavesOf(model.bed)[index]!);
    const before = leavesOf(model.bed);
    put(model, keyWithin(before[2]!), 100);
    const after = leavesOf(model.bed);
    assertEquals(changedPages(before, after), [before[2]!.page, after[3]!.page]);
    for (const { used } of after.slice(2, 4)) assertLess(Math.abs(used - PAGE_BYTES / 2), 200);
  });

  it("is split alone where three leaves would have no room left: three large entries each", () => {
    const model = fullLeaves(4, 2040);
    const random = new Random(1);
    model.begin();
    for (const { keys } of leavesOf(model.bed)) {
      for (const name of keys) {
        model.delete(bytesOf(name));
        model.put(longKey(bytesOf(name), 600), 2040);
      }
    }
    model.commit();
    for (let i = 0; i < 20; i++) {
      const before = leavesOf(model.bed);
      put(model, longKey(keyOf(random.below(40)), 600 + i), 2040);
      assertLess(changedPages(before, leavesOf(model.bed)).length, 3);
    }
  });

  it("is split alone where the sibling has a long prefix of its own", () => {
    const model = new TreeModel(plant());
    model.begin();
    for (const group of [1, 2]) {
      for (let i = 0; i < 68; i += 2) model.put(inGroup(group, 900, i), 200);
    }
    model.commit();
    const before = leavesOf(model.bed);
    assertEquals(before.map(({ prefix }) => prefix > 900), [true, true]);
    put(model, inGroup(1, 900, 31), 200);
    const after = leavesOf(model.bed);
    assertEquals(changedPages(before, after), [before[0]!.page, after[1]!.page]);
  });
});

function longKey(start: Uint8Array, bytes: number): Uint8Array {
  const key = new Uint8Array(bytes);
  key.set(start);
  return key;
}

/** A key of a group. The keys of a group share a prefix that no other keys have. */
function inGroup(group: number, filler: number, number: number): Uint8Array {
  const key = new Uint8Array(filler + 5).fill(0x61);
  key[0] = group;
  key.set(keyOf(number), filler + 1);
  return key;
}

/** Two full leaves of two groups, and more leaves until their parent has little room left. */
function beneathFullParent(room: number): TreeModel {
  const model = new TreeModel(plant());
  const { pager, tree } = model.bed;
  const free = () => {
    const place = pager.at(tree.root);
    return freeBytesOf(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
  };
  model.begin();
  for (const group of [1, 2]) {
    for (let i = 0; i < 8; i += 2) model.put(inGroup(group, 300, i), 1800);
  }
  model.put(inGroup(3, 300, 0), 1800);
  for (let i = 1; free() > room; i++) model.put(inGroup(3, 300, i), 1800);
  model.commit();
  return model;
}

/** The fill factor of the leaves of a tree after puts of some keys. */
function fillAfter(keys: Iterable<number>, bytes: number): number {
  const model = new TreeModel(plant());
  model.begin();
  for (const key of keys) model.put(keyOf(key), bytes);
  model.commit();
  model.check();
  const leaves = leavesOf(model.bed);
  return leaves.reduce((sum, { used }) => sum + used, 0) / (leaves.length * PAGE_BYTES);
}

/** The numbers of some series in turn, each ascending or descending. */
function* seriesInTurn(series: number, descends: boolean): Generator<number> {
  for (let i = 0; i < 3000; i++) {
    for (let at = 0; at < series; at++) yield at * 1e6 + (descends ? 3000 - i : i);
  }
}

/** Rows of ten numbers at random places. */
function* shortRows(descends: boolean): Generator<number> {
  const random = new Random(5);
  for (let row = 0; row < 1000; row++) {
    const first = random.below(4e8) * 10;
    for (let i = 0; i < 10; i++) yield first + (descends ? 10 - i : i);
  }
}

describe("Splitter: leaves of keys in any order", () => {
  it("are three quarters full", () => {
    const random = new Random(3);
    const keys = Array.from({ length: 20_000 }, () => random.below(4e9));
    assertGreater(fillAfter(keys, 60), 0.74);
  });
});

for (const descends of [false, true]) {
  const order = descends ? "descending" : "ascending";
  describe(`Splitter: keys that arrive in ${order} order`, () => {
    for (const bytes of [20, 300]) {
      const values = `values of ${bytes} bytes`;
      it(`leave full leaves behind: ${values}`, () => {
        assertGreater(fillAfter(seriesInTurn(1, descends), bytes), 0.9);
      });

      it(`leave full leaves behind, in several series in turn: ${values}`, () => {
        assertGreater(fillAfter(seriesInTurn(5, descends), bytes), 0.7);
      });

      it(`leave no thin leaves behind, in short rows at random: ${values}`, () => {
        assertGreater(fillAfter(shortRows(descends), bytes), 0.6);
      });
    }
  });
}

describe("Splitter: the parent of leaves that are split into three", () => {
  it("gets the new separator in place of the old one, which may be shorter", () => {
    const model = beneathFullParent(1000);
    const before = leavesOf(model.bed);
    put(model, inGroup(1, 300, 3), 1800);
    const after = leavesOf(model.bed);
    assertEquals(changedPages(before, after), [before[0]!.page, after[1]!.page, before[1]!.page]);
  });

  it("has no room for it: the leaf is split alone", () => {
    const model = beneathFullParent(290);
    const before = leavesOf(model.bed);
    put(model, inGroup(1, 300, 3), 1800);
    const after = leavesOf(model.bed);
    assertEquals(changedPages(before, after), [before[0]!.page, after[1]!.page]);
    assertEquals(model.bed.tree.levels(), 3);
  });

  it("is split when it has room for the one and not for the other", () => {
    const model = beneathFullParent(500);
    const before = leavesOf(model.bed);
    put(model, inGroup(1, 300, 3), 1800);
    const after = leavesOf(model.bed);
    assertEquals(changedPages(before, after), [before[0]!.page, after[1]!.page, before[1]!.page]);
    assertEquals(model.bed.tree.levels(), 3);
  });
});

describe("Splitter: around a split into three", () => {
  it("a cursor on the sibling goes on with the next key", () => {
    const model = fullLeaves(4, 100);
    const leaves = leavesOf(model.bed);
    const { tree } = model.bed;
    const at = leaves[2]!.keys.length >> 1;
    const cursor = tree.cursor();
    assert(cursor.seek(bytesOf(leaves[2]!.keys[at]!)));
    model.begin();
    model.put(keyWithin(leaves[1]!), 100);
    assert(cursor.next());
    assertEquals(nameOf(cursor.key()), leaves[2]!.keys[at + 1]);
    model.commit();
    assertEquals(leavesOf(model.bed).length, leaves.length + 1);
  });

  it("a rollback takes it back", () => {
    const model = fullLeaves(4, 100);
    const before = leavesOf(model.bed);
    model.begin();
    model.put(keyWithin(before[1]!), 100);
    assertEquals(leavesOf(model.bed).length, before.length + 1);
    model.rollback();
    assertEquals(leavesOf(model.bed), before);
    model.check();
  });

  it("values in runs go where their entries go, and are given back", () => {
    const model = fullLeaves(3, 2049);
    put(model, keyWithin(leavesOf(model.bed)[0]!), 9000);
    model.begin();
    model.deleteRange();
    model.commit();
    model.check();
  });

  it("siblings that are not in the order of their keys are CorruptionError", () => {
    for (const which of [1, 2]) {
      const { bed } = fullLeaves(4, 100);
      const leaves = leavesOf(bed);
      transact(bed.pager, () => {
        const place = bed.pager.at(bed.tree.root);
        bed.pager.touch(place);
        const { u32 } = bed.pager.frames[place >>> CHUNK_SHIFT]!;
        const at = childIndex(place & SLOT_MASK, leaves.length, 0);
        if (which === 1) u32[at + 2]! = u32[at]!;
        else u32[at + 2]! = u32[at + 1]!;
      });
      bed.pager.begin();
      const key = keyWithin(leaves[1]!);
      assertThrows(() => bed.tree.put(key, new Uint8Array(100)), CorruptionError, "not within");
      bed.pager.rollback();
    }
  });

  it("a leaf whose keys are not within what its parent says is CorruptionError", () => {
    const model = fullLeaves(4, 100);
    const { pager, tree } = model.bed;
    const { keys } = leavesOf(model.bed)[1]!;
    thin(model, leavesOf(model.bed)[0]!);
    thin(model, leavesOf(model.bed)[2]!);
    const lower = bytesOf(keys[keys.length - 10]!);
    transact(pager, () => replaceSeparator(pager, tree.nodes.rootNode(), 1, lower, lower.length));
    pager.begin();
    lower[3]! |= 1;
    assertThrows(() => tree.put(lower, new Uint8Array(100)), CorruptionError, "not between");
    pager.rollback();
  });
});
