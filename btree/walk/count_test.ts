// Counting: the count equals the model's for any number of levels; in a small cold cache only the
// headers of leaves are read; and damage is detected, including cycles.

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, header, Pager } from "../../pager/mod.ts";
import { CACHE_BYTES_MIN } from "../../pager/recovery/options.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { checkTree } from "../../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bulkLoad,
  bytesOf,
  eachSeed,
  keyOf,
  nameOf,
  plant,
  TreeModel,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import { childAt, childIndex } from "../node/node.ts";
import { BTree } from "../tree.ts";
import { TreeContext } from "./tree_context.ts";

describe("BTree.count()", () => {
  it("is the model's at every size from nothing to three levels and back", () => {
    const model = new TreeModel(plant());
    eachSeed(1, (random) => {
      for (const target of [0, 1, 2, 3, 4, 5, 10, 100, 5000, 500, 20, 3, 1, 0]) {
        model.begin();
        while (model.entries.size < target) model.put(keyOf(random.below(1e6)), 1020);
        const names = model.names();
        while (model.entries.size > target) {
          const [name] = names.splice(random.below(names.length), 1) as [string];
          model.delete(Uint8Array.from(name, (letter) => letter.charCodeAt(0)));
        }
        assertEquals(model.bed.tree.count(), target, "inside the transaction");
        model.commit();
        assertEquals(model.bed.tree.count(), target);
      }
    });
    model.check();
  });

  it("goes back with a rollback", () => {
    const model = new TreeModel(plant());
    model.begin();
    for (let i = 0; i < 100; i++) model.put(keyOf(i), 500);
    model.commit();
    model.begin();
    for (let i = 50; i < 150; i++) model.put(keyOf(i), 100);
    model.deleteRange(keyOf(0), keyOf(70));
    assertEquals(model.bed.tree.count(), 80);
    model.rollback();
    assertEquals(model.bed.tree.count(), 100);
  });

  it("reads headers of leaves, not leaves", () => {
    const bed = plant();
    const entries = Array.from({ length: 40_000 }, (_, i) => {
      return [keyOf(i), valueOf({ bytes: 1020, salt: i })] as const;
    });
    transact(bed.pager, () => bulkLoad(bed.tree, entries));
    const leaves = checkTree(bed.tree).pages.size;
    bed.pager.close();
    const file = new FaultyFile(bed.file);
    const pager = new Pager(file, { cacheBytes: CACHE_BYTES_MIN });
    const tree = new BTree(new TreeContext(pager), bed.tree.id, bed.tree.root);
    // Fills the cache, so that it reads by the page from here on.
    for (let i = 0; i < 8000; i++) tree.has(keyOf(i));
    const before = pager.stats();
    const { bytesRead } = file;
    assertEquals(tree.count(), 40_000);
    const after = pager.stats();
    assert(leaves > 5000, `${leaves} pages`);
    assertEquals(after.chunkReads, before.chunkReads);
    // Two branches may be so near each other that they count as a run.
    assertLess(after.extentReads - before.extentReads, 2);
    assertLess(after.pageReads - before.pageReads, leaves / 50);
    assertLess(file.bytesRead - bytesRead, leaves * 8192 / 50);
  });
});

describe("BTree.count() of a cold tree", () => {
  it("reads the headers of each chunk twice at most, in whatever order its leaves lie", () => {
    const bed = plant();
    const random = new Random(7);
    transact(bed.pager, () => {
      for (let i = 0; i < 16_000; i++) {
        bed.tree.put(keyOf(random.below(1e9)), valueOf({ bytes: 1000, salt: i }));
      }
    });
    const entries = bed.tree.count();
    const chunks = Math.ceil(bed.pager.meta.pageCount / 256);
    bed.pager.close();
    assertGreater(chunks, 6);
    const file = new FaultyFile(bed.file);
    const pager = new Pager(file, { cacheBytes: CACHE_BYTES_MIN });
    const tree = new BTree(new TreeContext(pager), bed.tree.id, bed.tree.root);
    const { pageReads } = pager.stats();
    const { read } = file.counts;
    assertEquals(tree.count(), entries);
    // A branch takes two reads, or three with its chunk's header page.
    const ofBranches = 3 * (pager.stats().pageReads - pageReads);
    assertLess(file.counts.read - read - ofBranches, 2 * chunks + 1);
  });
});

/** A tree of three levels or more, as its model has it. */
function tall(random: Random): TreeModel {
  const model = new TreeModel(plant());
  model.begin();
  // Where keys of a group part only at their ends, separators are long and branches have few
  // children.
  while (model.entries.size < 900) {
    const key = new Uint8Array(1508).fill(7);
    key.set(keyOf(random.below(60) * 5));
    key.set(keyOf(random.below(1e6) * 4), 1504);
    model.put(key, 500 + random.below(1900));
  }
  model.commit();
  return model;
}

/** Keys at and beside those that the model has, and beside those that tell pages apart. */
function boundNear(random: Random, names: readonly string[]): Uint8Array | undefined {
  if (random.once(6)) return undefined;
  if (random.once(20)) return new Uint8Array(random.below(3));
  const key = bytesOf(random.pick(names));
  const way = random.below(5);
  if (way === 0) key[key.length - 1]!--;
  else if (way === 1) key[key.length - 1]!++;
  else if (way === 2) return key.slice(0, random.pick([3, 4, 900, 1504, 1505, 1507]));
  return key;
}

describe("BTree.count() of a range", () => {
  it("is the model's in three levels, whole, thinned and grown, here and in a snapshot", () => {
    eachSeed(3, (random) => {
      const model = tall(random);
      const { tree, pager, context } = model.bed;
      const assertCounts = (names: readonly string[], counted: BTree) => {
        for (let round = 0; round < 400; round++) {
          const [lower, upper] = [boundNear(random, names), boundNear(random, names)];
          const [from, to] = [lower && nameOf(lower), upper && nameOf(upper)];
          const isIn = (name: string) =>
            (from === undefined || name >= from) && (to === undefined || name < to);
          assertEquals(counted.count(lower, upper), names.filter(isIn).length);
        }
      };
      assertGreater(checkTree(tree).depth, 2);
      const before = model.names();
      assertCounts(before, tree);
      const snapshot = pager.snapshot();
      model.begin();
      for (const name of before) if (!random.once(3)) model.delete(bytesOf(name));
      assertCounts(model.names(), tree);
      model.commit();
      assertCounts(before, new BTree(context, tree.id, tree.root, snapshot));
      model.begin();
      model.deleteRange(bytesOf(before[200]!), bytesOf(before[700]!));
      for (const name of before.slice(300, 400)) model.put(bytesOf(name), random.below(2500));
      assertCounts(model.names(), tree);
      model.rollback();
      assertCounts(model.names(), tree);
      snapshot.close();
      model.check();
    });
  });

  it("parts at every pair of neighbours", () => {
    const model = tall(new Random(5));
    const names = model.names();
    const { tree } = model.bed;
    for (let at = 0; at < names.length; at++) {
      const key = bytesOf(names[at]!);
      const after = new Uint8Array(key.length + 1);
      after.set(key);
      assertEquals([tree.count(undefined, key), tree.count(key)], [at, names.length - at]);
      assertEquals([tree.count(key, after), tree.count(key, key), tree.count(after, key)], [
        1,
        0,
        0,
      ]);
      assertEquals([tree.count(undefined, after), tree.count(after)], [
        at + 1,
        names.length - at - 1,
      ]);
    }
  });

  it("reads only the leaves where it begins and ends", () => {
    const bed = plant();
    const entries = Array.from({ length: 40_000 }, (_, i) => {
      return [keyOf(i), valueOf({ bytes: 1020, salt: i })] as const;
    });
    transact(bed.pager, () => bulkLoad(bed.tree, entries));
    bed.pager.close();
    const file = new FaultyFile(bed.file);
    const pager = new Pager(file, { cacheBytes: CACHE_BYTES_MIN });
    const tree = new BTree(new TreeContext(pager), bed.tree.id, bed.tree.root);
    for (let i = 0; i < 8000; i++) tree.has(keyOf(i));
    const { bytesRead } = file;
    assertEquals(tree.count(keyOf(5001), keyOf(19_998)), 14_997);
    assertLess(file.bytesRead - bytesRead, 5000 * 8192 / 50);
  });
});

/** A tree of two levels, one of whose pages is changed behind its back. */
function damaged(change: (bed: Bed, child: number) => void): Bed {
  const bed = plant();
  transact(bed.pager, () => {
    for (let i = 0; i < 200; i++) bed.tree.put(keyOf(i), new Uint8Array(500));
  });
  transact(bed.pager, () => {
    const place = bed.pager.at(bed.tree.root);
    bed.pager.touch(place);
    const child = childAt(bed.pager.frames[place >>> 8]!, place & 255, 3);
    bed.pager.touch(bed.pager.at(child));
    change(bed, child);
  });
  return bed;
}

describe("BTree.count(): damage", () => {
  it("of a child that is of another tree, level or kind is CorruptionError", () => {
    const changes = [
      (word: number) => ({ word, value: 9, index: 1 }),
      (word: number) => ({ word, value: format.KIND_BRANCH | 256, index: 0 }),
      (word: number) => ({ word, value: format.KIND_LEAF | 256, index: 0 }),
    ];
    for (const make of changes) {
      const { tree } = damaged(({ pager }, child) => {
        const place = pager.at(child);
        const { word, value, index } = make((place & 255) << 3);
        pager.frames[place >>> 8]!.u32[word + index] = value;
      });
      assertThrows(() => tree.count(), CorruptionError, "as its parent says");
    }
  });

  it("of a child that is free is CorruptionError", () => {
    const { tree } = damaged(({ context }, child) => context.allocator.release(child, 1));
    assertThrows(() => tree.count(), CorruptionError, "free");
  });

  it("of branches that share their children is CorruptionError before it takes for ever", () => {
    const { pager, context, tree } = plant();
    transact(pager, () => {
      let below = tree.nodes.create(0, 0);
      for (let level = 1; level <= 12; level++) {
        const page = level === 12 ? tree.root : tree.nodes.create(level, 0);
        const place = pager.at(page);
        const frame = pager.frames[place >>> 8]!;
        pager.touch(place);
        header.setShape(frame, place & 255, format.KIND_BRANCH, level);
        context.list.begin(false);
        for (let i = 0; i < 200; i++) context.list.putBranchEntry(keyOf(i), 4, below);
        context.list.build(frame, place & 255, 0, 200);
        assertEquals(frame.u32[childIndex(place & 255, 200, 7)], below);
        below = page;
      }
    });
    assertThrows(() => tree.count(), CorruptionError, "more pages than the file");
    assertThrows(() => checkTree(tree), CorruptionError);
  });
});

describe("BTree.count() of a range: damage", () => {
  it("below a branch, or where it ends, is CorruptionError", () => {
    const changes = [
      (word: number) => ({ word, value: 9, index: 1 }),
      (word: number) => ({ word, value: format.KIND_BRANCH | 256, index: 0 }),
    ];
    for (const make of changes) {
      const { tree } = damaged(({ pager }, child) => {
        const place = pager.at(child);
        const { word, value, index } = make((place & 255) << 3);
        pager.frames[place >>> 8]!.u32[word + index] = value;
      });
      assertThrows(() => tree.count(keyOf(1)), CorruptionError);
      assertThrows(() => tree.count(undefined, keyOf(199)), CorruptionError);
      assertThrows(() => tree.count(keyOf(0), keyOf(198)), CorruptionError);
    }
  });
});
