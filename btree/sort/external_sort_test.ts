// External sorts beside a model: entries of every size in any order, in memory and in runs. Of
// equal keys the last one stays, and no page of a run does, nor after a rollback.

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { usedPages } from "../../tests/support/trees/space.ts";
import { nameOf, plant, sameBytes, valueOf } from "../../tests/support/trees/trees.ts";
import type { TreeContext } from "../walk/tree_context.ts";
import { ExternalSort } from "./external_sort.ts";

const BYTES_MAX = 256 * 1024;
const TREE_ID = 1;

type Entry = readonly [Uint8Array, Uint8Array];

/** Random entries: many keys share a prefix, some are prefixes of others, some are repeated. */
function randomEntries(random: Random, count: number, valueBytes: readonly number[]): Entry[] {
  return Array.from({ length: count }, (_, salt) => {
    const key = new Uint8Array(random.pick([0, 3, 12, 12, 12, 16, 200]));
    // The last bytes differ most, as those of numbered keys do.
    for (let i = Math.max(0, key.length - 3); i < key.length; i++) key[i] = random.below(50);
    if (random.once(3)) key.fill(random.below(3), 0, Math.min(2, key.length));
    return [key, valueOf({ bytes: random.pick(valueBytes), salt })] as const;
  });
}

/** Sorts entries; returns what came out, and the number of runs. */
function sortAll(context: TreeContext, entries: readonly Entry[]): { out: Entry[]; runs: number } {
  const sort = new ExternalSort(context, TREE_ID, BYTES_MAX);
  for (const [key, value] of entries) sort.add(key, key.length, value);
  const { runs } = sort;
  const out: Entry[] = [];
  sort.drain({
    add: (bytes, keyAt, keyLength, values, valueAt, valueLength) => {
      const key = bytes.slice(keyAt, keyAt + keyLength);
      out.push([key, values.slice(valueAt, valueAt + valueLength)]);
    },
  });
  return { out, runs };
}

function expectSorted(out: readonly Entry[], entries: readonly Entry[]): void {
  const model = new Map(entries.map(([key, value]) => [nameOf(key), value]));
  const names = [...model.keys()].sort();
  assertEquals(out.map(([key]) => nameOf(key)), names);
  out.forEach(([key, value]) => assert(sameBytes(value, model.get(nameOf(key))!), nameOf(key)));
}

describe("ExternalSort", () => {
  for (
    const [what, count, valueBytes, runsMin] of [
      ["no entries", 0, [0], 0],
      ["entries that fit in memory", 500, [0, 20, 100], 0],
      ["short values in runs", 20_000, [0, 1, 20, 60], 3],
      ["values of all sizes in runs", 1500, [10, 1_024, 1_025, 2_048, 3_000, 20_000], 10],
      ["values larger than its memory", 8, [10, 300_000], 2],
    ] as const
  ) {
    it(`sorts ${what}`, () => {
      const { pager, context } = plant();
      const before = usedPages(context).length;
      const entries = randomEntries(new Random(count), count, valueBytes);
      pager.begin();
      const { out, runs } = sortAll(context, entries);
      expectSorted(out, entries);
      assertGreater(runs + 1, runsMin);
      pager.commit();
      assertEquals(usedPages(context).length, before);
    });
  }

  it("keeps the last of equal keys, in memory, in one run and in several", () => {
    const { pager, context } = plant();
    const key = Uint8Array.of(7);
    for (const count of [2, 100, 700]) {
      const entries = Array.from({ length: count }, (_, salt) => {
        return [key, valueOf({ bytes: 1_000, salt })] as const;
      });
      expectSorted(transact(pager, () => sortAll(context, entries)).out, entries);
    }
  });

  it("leaves nothing after a rollback", () => {
    const { pager, context } = plant();
    const before = usedPages(context).length;
    pager.begin();
    const sort = new ExternalSort(context, TREE_ID, BYTES_MAX);
    for (const [key, value] of randomEntries(new Random(1), 10_000, [50])) {
      sort.add(key, key.length, value);
    }
    assertGreater(sort.runs, 1);
    pager.rollback();
    assertEquals(usedPages(context).length, before);
  });

  it("sorts more than the cache holds, and reads each block once", () => {
    const { pager, context } = plant({ cacheBytes: 8 * 1024 * 1024 });
    const entries = randomEntries(new Random(2), 9_000, [1_000, 1_900]);
    const before = pager.stats();
    const { out, runs } = transact(pager, () => sortAll(context, entries));
    expectSorted(out, entries);
    const { evictions, chunkReads, extentReads, pageReads } = pager.stats();
    assertGreater(evictions, 0);
    const reads = chunkReads + extentReads + pageReads - before.chunkReads - before.extentReads -
      before.pageReads;
    // Blocks of 64 KiB, the last of each run shorter, each by one call.
    const bytes = entries.reduce((sum, [key, value]) => sum + 6 + key.length + value.length, 0);
    assertLess(reads, bytes / 65_536 + runs + 8);
  });

  it("refuses keys that no tree takes", () => {
    const { pager, context } = plant();
    pager.begin();
    const sort = new ExternalSort(context, TREE_ID);
    const key = new Uint8Array(10_000);
    assertThrows(() => sort.add(key, key.length, key), RangeError, "Cannot use the key");
    pager.rollback();
  });
});
