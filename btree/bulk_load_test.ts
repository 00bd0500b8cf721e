// Bulk loads: sorted entries build trees of every height, equal to trees built by puts, with full
// pages; a refused load leaves nothing after the caller's rollback.

import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, header } from "../pager/mod.ts";
import { CACHE_BYTES_MIN } from "../pager/recovery/options.ts";
import { transact } from "../tests/support/trees/pages.ts";
import { usedPages } from "../tests/support/trees/space.ts";
import type { TreeReport } from "../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bulkLoad,
  bytesOf,
  eachSeed,
  expectSound,
  expectValue,
  KEY_FAMILIES,
  keyOf,
  nameOf,
  plant,
  replant,
  sameBytes,
  valueOf,
} from "../tests/support/trees/trees.ts";
import { cellBytes, LEAF_WIDTH, payloadBytes, usedBytesOf } from "./node/node.ts";

const { KIND_LEAF, PAGE_BYTES } = format;
type Entry = readonly [Uint8Array, Uint8Array];

function entriesOf(count: number, bytes: number): Entry[] {
  return Array.from({ length: count }, (_, i) => [keyOf(i), valueOf({ bytes, salt: i })]);
}

function load(entries: Iterable<Entry>, fill?: number, bed = plant()): Bed {
  transact(bed.pager, () => bulkLoad(bed.tree, entries, fill));
  return bed;
}

/** The tree is sound and has just these entries. */
function expectEntries(bed: Bed, entries: readonly Entry[]): TreeReport {
  const report = expectSound(bed);
  assertEquals([report.entries, bed.tree.count()], [entries.length, entries.length]);
  const cursor = bed.tree.cursor();
  cursor.first();
  for (const [key, value] of entries) {
    if (!sameBytes(cursor.key(), key)) throw new Error(`not the key ${nameOf(key)}`);
    if (!sameBytes(cursor.value()!, value)) throw new Error(`not the value of ${nameOf(key)}`);
    cursor.next();
  }
  assertEquals(cursor.valid, false);
  return report;
}

/** Bytes used in each leaf, in key order. */
function leafBytes({ pager, context, tree }: Bed): number[] {
  const used = new Map<number, [number, number]>();
  let leaf = 0;
  for (const page of usedPages(context)) {
    const place = pager.at(page);
    const frame = pager.frames[place >>> 8]!;
    if (header.kindOf(frame, place & 255) !== KIND_LEAF) continue;
    used.set(page, [usedBytesOf(frame, place & 255), header.linkOf(frame, place & 255)]);
  }
  const cursor = tree.cursor();
  if (!cursor.first()) return [];
  const next = new Set([...used.values()].map(([, link]) => link));
  for (const page of used.keys()) if (!next.has(page)) leaf = page;
  const bytes: number[] = [];
  for (; leaf !== 0; leaf = used.get(leaf)![1]) bytes.push(used.get(leaf)![0]);
  return bytes;
}

describe("a bulk load", () => {
  it("of nothing leaves an empty tree that can be loaded again", () => {
    const bed = load([]);
    expectEntries(bed, []);
    expectEntries(load(entriesOf(3, 5), 1, bed), entriesOf(3, 5));
  });

  it("makes one leaf of one entry, and of exactly a page", () => {
    assertEquals(expectEntries(load(entriesOf(1, 100)), entriesOf(1, 100)).pages.size, 1);
    // Of keys of 4 bytes the prefix takes 3.
    const size = LEAF_WIDTH + cellBytes(1, payloadBytes(1014));
    const entries = entriesOf(8, 1014);
    const [used] = leafBytes(load(entries));
    assertEquals(used, 8 * size + 3);
    const rest = PAGE_BYTES - used!;
    const exact = entries.map(([key, value], i): Entry => {
      return [key, i === 7 ? valueOf({ bytes: value.length + rest, salt: 7 }) : value];
    });
    const full = load(exact);
    assertEquals(leafBytes(full), [PAGE_BYTES]);
    assertEquals(expectEntries(full, exact).pages.size, 1);
  });

  it("makes two leaves and a root of one byte more than a page", () => {
    const entries = entriesOf(8, 1014).map(([key, value], i): Entry => {
      return [key, i === 7 ? valueOf({ bytes: 1020, salt: 7 }) : value];
    });
    const report = expectEntries(load(entries), entries);
    assertEquals([report.pages.size, report.depth], [3, 2]);
  });

  it("makes three levels, and so does reopening them", () => {
    const entries = entriesOf(10_000, 1020);
    const bed = load(entries);
    assertEquals(expectEntries(bed, entries).depth, 3);
    expectEntries(replant(bed), entries);
  });

  it("makes five levels of keys whose separators are long", () => {
    const entries = Array.from({ length: 400 }, (_, i): Entry => {
      // Neighbours differ in their last byte or in their fourth; a leaf has one of each pair.
      const key = new Uint8Array(2048);
      key.set(keyOf((i + 1) >>> 1));
      key[2047] = (i + 1) & 1;
      return [key, valueOf({ bytes: 1900, salt: i })];
    });
    assertEquals(expectEntries(load(entries), entries).depth, 5);
  });

  for (const [name, family] of Object.entries(KEY_FAMILIES)) {
    it(`makes what puts make: ${name}`, () => {
      eachSeed(6, (random) => {
        const names = new Set<string>();
        for (let i = 0; i < 500; i++) names.add(nameOf(family(random)));
        const entries = [...names].sort().map((name, salt): Entry => {
          const bytes = random.pick([0, 1, 9, 80, 80, 300, 1024, 1025, 2049, 9000]);
          return [bytesOf(name), valueOf({ bytes, salt })];
        });
        const bed = load(entries, random.pick([0.5, 0.7, 1]));
        expectEntries(bed, entries);
        const other = plant();
        transact(other.pager, () => entries.forEach(([key, value]) => other.tree.put(key, value)));
        expectEntries(other, entries);
        transact(bed.pager, () => entries.forEach(([key]) => assert(bed.tree.delete(key))));
        expectEntries(bed, []);
      });
    });
  }

  it("fills leaves: within 2% of the least pages for small entries", () => {
    for (const bytes of [0, 8, 33, 60]) {
      const entries = entriesOf(20_000, bytes);
      const report = expectEntries(load(entries), entries);
      const each = LEAF_WIDTH + cellBytes(2, payloadBytes(bytes));
      const ideal = entries.length * each / PAGE_BYTES;
      assertLessOrEqual(report.pages.size, 1 + Math.ceil(ideal * 1.02));
    }
  });

  it("fills every leaf but the last so that its next entry would not fit", () => {
    const entries = entriesOf(3000, 100);
    const bytes = leafBytes(load(entries));
    for (const used of bytes.slice(0, -1)) assert(used > PAGE_BYTES - 115, `${used} bytes`);
  });

  it("keeps to its fill factor", () => {
    const entries = entriesOf(3000, 100);
    for (const fill of [0.5, 0.75, 0.9]) {
      const bytes = leafBytes(load(entries, fill));
      for (const used of bytes.slice(0, -1)) {
        assert(used <= PAGE_BYTES * fill && used > PAGE_BYTES * fill - 115, `${used} bytes`);
      }
    }
    for (const fill of [0, 0.49, 1.01, -1, NaN, Infinity]) {
      const { pager, tree } = plant();
      pager.begin();
      assertThrows(() => bulkLoad(tree, entries, fill), RangeError, "fill");
      pager.rollback();
    }
  });

  it("puts two large entries in a page whatever the fill factor", () => {
    const entries = Array.from({ length: 40 }, (_, i): Entry => {
      const key = new Uint8Array(300);
      key.set(keyOf(i));
      return [key, valueOf({ bytes: 2048, salt: i })];
    });
    const bytes = leafBytes(load(entries, 0.5));
    for (const used of bytes.slice(0, -1)) assert(used > 4096, `${used} bytes`);
  });

  it("takes large values among small ones", () => {
    const sizes = [10, 2049, 255 * PAGE_BYTES, 256 * PAGE_BYTES, 3, 1024 * 1024 + 1, 2048];
    const entries = Array.from({ length: 14 }, (_, i): Entry => {
      return [keyOf(i), valueOf({ bytes: sizes[i % 7]!, salt: i })];
    });
    expectEntries(replant(load(entries)), entries);
  });

  it("works in a small cache, from a generator that reuses its buffers", () => {
    const bed = plant({ cacheBytes: CACHE_BYTES_MIN });
    const key = new Uint8Array(4);
    const count = 16_000;
    load(
      function* () {
        for (let i = 0; i < count; i++) {
          key.set(keyOf(i));
          yield [key, valueOf({ bytes: 1000, salt: i })] as const;
          key.fill(0xff);
        }
      }(),
      1,
      bed,
    );
    assertEquals(expectSound(bed).entries, count);
    for (let i = 0; i < count; i += 7) {
      expectValue(bed.tree.get(keyOf(i)), { bytes: 1000, salt: i });
    }
  });

  it("takes the memory of some 8 MiB of pages, and a rollback undoes what it wrote", () => {
    const MIB = 1024 * 1024;
    const entries = entriesOf(16_000, 1000);
    const bed = plant();
    const peak = bed.pager.stats().cachePeakBytes;
    bed.pager.begin();
    bulkLoad(bed.tree, entries);
    assertLessOrEqual(bed.pager.stats().cachePeakBytes - peak, 14 * MIB);
    bed.pager.rollback();
    assertEquals(bed.tree.count(), 0);
    load(entries, 1, bed);
    assertEquals(replant(bed).tree.count(), entries.length);
  });

  it("is open to puts and deletes afterwards", () => {
    const bed = load(entriesOf(2000, 60));
    transact(bed.pager, () => {
      for (let i = 0; i < 2000; i += 3) bed.tree.put(keyOf(i), valueOf({ bytes: 150, salt: i }));
      for (let i = 1; i < 2000; i += 3) bed.tree.delete(keyOf(i));
    });
    const entries = entriesOf(2000, 60).flatMap(([key, value], i): Entry[] => {
      return i % 3 === 1 ? [] : [[key, i % 3 === 0 ? valueOf({ bytes: 150, salt: i }) : value]];
    });
    expectEntries(bed, entries);
  });
});

describe("a bulk load: refusals", () => {
  const refused: [string, Entry[]][] = [
    ["not after", [[bytesOf("b"), bytesOf("")], [bytesOf("a"), bytesOf("")]]],
    ["not after", [[bytesOf("b"), bytesOf("")], [bytesOf("b"), bytesOf("")]]],
    ["not after", [[bytesOf(""), bytesOf("")], [bytesOf(""), bytesOf("")]]],
    ["not after", [...entriesOf(3000, 2000), [keyOf(5), bytesOf("")]]],
    ["not after", [...entriesOf(30, 20_000), [keyOf(5), valueOf({ bytes: 9999, salt: 1 })]]],
    ["2049 bytes", [...entriesOf(300, 20), [new Uint8Array(2049).fill(9), bytesOf("")]]],
  ];
  for (const [rule, entries] of refused) {
    it(`entry ${entries.length - 1} is ${rule}; a rollback leaves nothing`, () => {
      const { pager, context, tree } = plant();
      const before = [usedPages(context), pager.meta.pageCount];
      pager.begin();
      assertThrows(() => bulkLoad(tree, entries), RangeError, rule);
      pager.rollback();
      assertEquals([usedPages(context), pager.meta.pageCount], before);
      assertEquals(tree.count(), 0);
    });
  }

  it("a tree that is not empty stays as it is", () => {
    const bed = load(entriesOf(10, 10));
    bed.pager.begin();
    assertThrows(() => bulkLoad(bed.tree, entriesOf(1, 1)), RangeError, "not empty");
    bed.pager.commit();
    expectEntries(bed, entriesOf(10, 10));
  });

  it("a source that puts into the tree itself is refused", () => {
    const { pager, context, tree } = plant();
    pager.begin();
    const source = function* () {
      yield* entriesOf(5, 5);
      tree.put(bytesOf("intruder"), bytesOf(""));
    };
    assertThrows(() => bulkLoad(tree, source()), RangeError, "not empty");
    pager.rollback();
    assertEquals(usedPages(context), [tree.root]);
  });

  it("an error of the source comes through, and a savepoint undoes the load alone", () => {
    const { pager, context, tree } = plant();
    pager.begin();
    tree.put(keyOf(1), bytesOf("kept"));
    tree.delete(keyOf(1));
    pager.begin();
    const source = function* () {
      yield* entriesOf(500, 500);
      throw new TypeError("the source broke");
    };
    assertThrows(() => bulkLoad(tree, source()), TypeError, "the source broke");
    pager.rollback();
    assertEquals(bulkLoad(tree, entriesOf(20, 20)), 20);
    pager.commit();
    expectEntries({ pager, context, tree, file: plant().file }, entriesOf(20, 20));
  });
});
