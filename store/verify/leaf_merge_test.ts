// The merge of stray leaves: what it yields where they overlap, and in how many steps.

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { registerNodes } from "../../btree/mod.ts";
import { type DamagedPages, MemoryFile, openDamaged } from "../../pager/mod.ts";
import { change, openOn } from "../../tests/support/databases/database.ts";
import { LeafMerge } from "./leaf_merge.ts";
import { type StrayLeaf, Survey } from "./survey.ts";

const CACHE_BYTES = 8 * 1024 * 1024;
const ENTRIES = 40;

const refuse = (error: Error) => {
  throw error;
};
const keyOf = (index: number) => `key ${String(index).padStart(6, "0")}`;

/** Leaves of as many trees, as if of one: each has every nth key, or the same ones. */
function overlapping(
  count: number,
  areSame: boolean,
): { pages: DamagedPages; leaves: StrayLeaf[] } {
  const file = new MemoryFile();
  const db = openOn(file);
  for (let leaf = 0; leaf < count; leaf++) {
    change(db, `tree ${leaf}`, (tree) => {
      for (let i = 0; i < ENTRIES; i++) {
        tree.set(keyOf(areSame ? i : i * count + leaf), new Uint8Array([leaf, i]));
      }
    });
  }
  db.close();
  const pages = openDamaged(file, CACHE_BYTES).pages!;
  registerNodes(pages);
  const survey = new Survey();
  for (const _ of survey.run((report) => pages.scrub(report), refuse));
  const trees = survey.trees.filter(({ id }) => id !== 0);
  return { pages, leaves: trees.flatMap(({ leaves }) => leaves) };
}

function mergeOf(pages: DamagedPages, leaves: StrayLeaf[]): LeafMerge {
  return new LeafMerge(pages, { id: 1, leaves, lost: new Map() }, refuse);
}

describe("LeafMerge", () => {
  it("compares few keys for each entry, however many leaves overlap", () => {
    const LEAVES = 256;
    const { pages, leaves } = overlapping(LEAVES, false);
    assertEquals(leaves.length, LEAVES);
    const newest = Math.max(...leaves.map(({ version }) => version));
    const same = leaves.map((leaf) => ({ ...leaf, version: newest }));
    const merge = mergeOf(pages, same);
    const found = [...merge.entries()].map(({ key }) => new TextDecoder().decode(key));
    // All have one version, so the entries of every leaf but the first that covers a key are older.
    assertEquals(found.length + merge.superseded, LEAVES * ENTRIES);
    assertEquals(found, found.toSorted());
    assertLess(merge.compared, LEAVES * ENTRIES * 40);
  });

  it("yields the entries of the newest of the leaves that cover a key", () => {
    const { pages, leaves } = overlapping(12, true);
    const byVersion = leaves.toSorted((a, b) => a.version - b.version);
    for (
      const shuffled of [leaves, leaves.toReversed(), [...leaves.slice(5), ...leaves.slice(0, 5)]]
    ) {
      const merge = mergeOf(pages, shuffled);
      const found = [...merge.entries()].map(({ value }) => [...value()]);
      assertEquals(found, Array.from({ length: ENTRIES }, (_, i) => [11, i]));
      assertEquals(merge.superseded, 11 * ENTRIES);
    }
    // A newer leaf that ends before an older one no longer covers its last keys.
    const { pages: wide, leaves: interleaved } = overlapping(2, false);
    const [older, newer] = interleaved.toSorted((a, b) => a.version - b.version);
    const last = [...mergeOf(wide, [older!, newer!]).entries()].at(-1)!;
    assertEquals([...last.value()], [1, ENTRIES - 1]);
    const turned = mergeOf(wide, [{ ...older!, version: newer!.version + 1 }, newer!]);
    assertEquals([...turned.entries()].length, ENTRIES + 1);
    assertEquals(byVersion.length, 12);
  });
});
