// Small transactions on a tree, which save and log only the words that they change: after each,
// every page has the correct sum, and the journal recovers the same tree.

import { crc32 } from "node:zlib";
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, header, MemoryFile, Pager, type PagerOptions } from "../pager/mod.ts";
import type { Random } from "../tests/support/random.ts";
import { usedPages } from "../tests/support/trees/space.ts";
import {
  type Bed,
  bytesOf,
  eachSeed,
  KEY_FAMILIES,
  plant,
  TreeModel,
} from "../tests/support/trees/trees.ts";
import { BTree } from "./tree.ts";
import { TreeContext } from "./walk/tree_context.ts";

const { CHUNK_SHIFT, PAGE_BYTES, SLOT_MASK } = format;
const SIZES = [0, 1, 20, 20, 20, 100, 100, 127, 128, 600, 1024, 1025, 2048, 2600, 3000, 9000];

/** Changes one entry: most of the time one that is there, to a value as long as the one it has. */
function change(model: TreeModel, random: Random, family: (random: Random) => Uint8Array): void {
  const known = [...model.entries];
  if (known.length < 20 || random.once(3)) return model.put(family(random), random.pick(SIZES));
  const [name, { bytes }] = random.pick(known);
  const what = random.below(10);
  if (what < 5) model.put(bytesOf(name), bytes);
  else if (what < 7) model.put(bytesOf(name), random.pick(SIZES));
  else model.delete(bytesOf(name));
}

/** A transaction of a few changes, some of them in a savepoint; each is kept or undone. */
function transaction(
  model: TreeModel,
  random: Random,
  family: (random: Random) => Uint8Array,
  depth = 0,
): void {
  model.begin();
  for (let left = random.pick([1, 1, 1, 2, 4]); left > 0; left--) {
    if (depth < 2 && random.once(6)) transaction(model, random, family, depth + 1);
    else change(model, random, family);
  }
  if (random.once(4)) model.rollback();
  else model.commit();
}

function expectSums({ pager, context }: Bed): void {
  for (const page of usedPages(context)) {
    if (page < format.FRESH_PAGES) continue;
    const place = pager.at(page);
    const { u8, u32 } = pager.frames[place >>> CHUNK_SHIFT]!;
    const slot = place & SLOT_MASK;
    const sum = crc32(u8.subarray(slot * PAGE_BYTES, (slot + 1) * PAGE_BYTES)) | 0;
    assertEquals(header.statedPageSum(u32, slot << format.HEADER_WORD_SHIFT), sum, `page ${page}`);
  }
}

/** The tree as a recovery makes it, of what has reached the file. */
function recovered({ file, pager, tree }: Bed, options: PagerOptions): Bed {
  pager.flush("sync");
  const copy = new MemoryFile(file.content());
  const again = new Pager(copy, options);
  const context = new TreeContext(again);
  return { file: copy, pager: again, context, tree: new BTree(context, tree.id, tree.root) };
}

function live(random: Random, family: (random: Random) => Uint8Array, options: PagerOptions): void {
  const model = new TreeModel(plant(options));
  for (let i = 1; i <= 300; i++) {
    const snapshot = random.once(4) ? model.bed.pager.snapshot() : undefined;
    transaction(model, random, family);
    snapshot?.close();
    if (i % 10 === 0) expectSums(model.bed);
    if (random.once(100)) model.bed.pager.checkpoint();
    if (i % 60 !== 0) continue;
    model.check();
    const again = new TreeModel(recovered(model.bed, options));
    again.entries = model.entries;
    again.check();
    again.bed.pager.close();
  }
  model.bed.pager.close();
}

describe("small transactions on a tree", () => {
  for (const [name, family] of Object.entries(KEY_FAMILIES)) {
    it(`leave every page under its sum, and the same tree to a recovery: ${name}`, () => {
      eachSeed(2, (random) => live(random, family, {}));
      eachSeed(1, (random) => live(random, family, { tornSectors: "protect" }));
    });
  }
});
