// Counting: the count is the model's on every number of levels; with a cold small cache it reads
// the headers of leaves and not the leaves; and it notices damage, also when that leads in
// circles.

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CACHE_BYTES_MIN, CorruptionError, format, header, Pager } from "../pager/mod.ts";
import { FaultyFile } from "../tests/support/faulty_file.ts";
import { transact } from "../tests/support/pages.ts";
import { type Bed, eachSeed, keyOf, plant, TreeModel, valueOf } from "../tests/support/trees.ts";
import { bulkLoad } from "./bulk_load.ts";
import { childAt, childIndex } from "./node.ts";
import { Space } from "./space.ts";
import { Tree } from "./tree.ts";
import { checkTree } from "./tree_check.ts";

describe("Tree.count()", () => {
  it("is the model's at every size from nothing to three levels and back", () => {
    const model = new TreeModel(plant());
    eachSeed(1, (random) => {
      for (const target of [0, 1, 2, 3, 4, 5, 10, 100, 3000, 500, 20, 3, 1, 0]) {
        model.begin();
        while (model.entries.size < target) model.put(keyOf(random.below(1e6)), 2000);
        const names = model.names();
        while (model.entries.size > target) {
          const [name] = names.splice(random.below(names.length), 1);
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
    const entries = Array.from({ length: 20_000 }, (_, i) => {
      return [keyOf(i), valueOf({ bytes: 2020, salt: i })] as const;
    });
    transact(bed.pager, () => bulkLoad(bed.tree, entries));
    const leaves = checkTree(bed.tree).pages.size;
    bed.pager.close();
    const file = new FaultyFile(bed.file);
    const pager = new Pager(file, { cacheBytes: CACHE_BYTES_MIN });
    const tree = new Tree(new Space(pager), bed.tree.id, bed.tree.root);
    // Fills the cache, so that it reads by the page from here on.
    for (let i = 0; i < 4000; i++) tree.has(keyOf(i));
    const before = pager.stats();
    const { bytesRead } = file;
    assertEquals(tree.count(), 20_000);
    const after = pager.stats();
    assert(leaves > 5000, `${leaves} pages`);
    assertEquals([after.chunkReads, after.extentReads], [before.chunkReads, before.extentReads]);
    assertLess(after.pageReads - before.pageReads, leaves / 50);
    assertLess(file.bytesRead - bytesRead, leaves * 8192 / 50);
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
    const child = childAt(bed.pager.frames[place >>> 8], place & 255, 3);
    bed.pager.touch(bed.pager.at(child));
    change(bed, child);
  });
  return bed;
}

describe("Tree.count(): damage", () => {
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
        pager.frames[place >>> 8].u32[word + index] = value;
      });
      assertThrows(() => tree.count(), CorruptionError, "as its parent says");
    }
  });

  it("of a child that is free is CorruptionError", () => {
    const { tree } = damaged(({ space }, child) => space.allocator.release(child, 1));
    assertThrows(() => tree.count(), CorruptionError, "free");
  });

  it("of branches that share their children is CorruptionError before it takes for ever", () => {
    const { pager, space, tree } = plant();
    transact(pager, () => {
      let below = tree.nodes.create(0, 0);
      for (let level = 1; level <= 12; level++) {
        const page = level === 12 ? tree.root : tree.nodes.create(level, 0);
        const place = pager.at(page);
        const frame = pager.frames[place >>> 8];
        pager.touch(place);
        header.setShape(frame, place & 255, format.KIND_BRANCH, level);
        space.list.begin(false);
        for (let i = 0; i < 200; i++) space.list.putBranchEntry(keyOf(i), 4, below);
        space.list.build(frame, place & 255, 0, 200);
        assertEquals(frame.u32[childIndex(place & 255, 200, 7)], below);
        below = page;
      }
    });
    assertThrows(() => tree.count(), CorruptionError, "more pages than the file");
    assertThrows(() => checkTree(tree), CorruptionError);
  });
});
