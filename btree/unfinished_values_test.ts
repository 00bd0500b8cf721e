// Values written in parts: appended across transactions, finished into a leaf, read in ranges and
// pieces, released in slices, also after a reopening, and rolled back with transactions and
// savepoints.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, header, LimitError, MemoryFile, Pager } from "../pager/mod.ts";
import { SMALL_CACHE, transact } from "../tests/support/trees/pages.ts";
import { usedPages } from "../tests/support/trees/space.ts";
import { checkTree } from "../tests/support/trees/tree_check.ts";
import { bytesOf, expectValue, sameBytes, valueOf } from "../tests/support/trees/trees.ts";
import { Catalog } from "./catalog.ts";
import { BTree } from "./tree.ts";
import { UnfinishedValues } from "./unfinished_values.ts";
import { PIECE_BYTES, type ValueReader } from "./value/value_reader.ts";
import { TreeContext } from "./walk/tree_context.ts";

const { PAGE_BYTES } = format;
const KEY = bytesOf("key");
const PART = 100 * PAGE_BYTES;

interface Bed {
  file: MemoryFile;
  pager: Pager;
  context: TreeContext;
  catalog: Catalog;
  unfinished: UnfinishedValues;
}

function open(file = new MemoryFile()): Bed {
  const pager = new Pager(file, SMALL_CACHE);
  const context = new TreeContext(pager);
  const catalog = new Catalog(context);
  return { file, pager, context, catalog, unfinished: new UnfinishedValues(context, catalog) };
}

function reopen(bed: Bed): Bed {
  bed.pager.close();
  return open(new MemoryFile(bed.file.content()));
}

function plant(): [Bed, BTree] {
  const bed = open();
  transact(bed.pager, () => bed.catalog.create("main"));
  return [bed, mainOf(bed)];
}

function mainOf({ context, catalog }: Bed): BTree {
  const { id, root } = catalog.get("main")!;
  return new BTree(context, id, root);
}

/** Appends a value in parts, each in a transaction; returns its number. */
function append({ pager, unfinished }: Bed, tree: BTree, value: Uint8Array, part = PART): number {
  const number = unfinished.begin();
  for (let at = 0; at < value.length; at += part) {
    transact(pager, () => unfinished.append(number, at, tree.id, value.subarray(at, at + part)));
  }
  return number;
}

function finish({ pager, unfinished }: Bed, number: number, tree: BTree): boolean {
  return transact(pager, () => unfinished.finish(number, tree, KEY));
}

/** Each page in use is the catalog's, the tree's, or of one value that is not finished. */
function expectNothingLost({ pager, context, catalog, unfinished }: Bed): void {
  const pages = new Set<number>();
  const add = (page: number) => {
    assert(!pages.has(page), `page ${page} is owned twice`);
    pages.add(page);
  };
  checkTree(new BTree(context, 0, pager.meta.catalogRoot)).pages.forEach(add);
  for (const name of catalog.names()) {
    const { id, root } = catalog.get(name)!;
    checkTree(new BTree(context, id, root)).pages.forEach(add);
  }
  for (const [page, tree] of unfinished.pages()) {
    const frame = pager.peek(page);
    assertEquals(header.treeOf(frame, pager.peekedSlot), tree);
    add(page);
  }
  assertEquals(usedPages(context), [...pages].sort((a, b) => a - b));
}

/** The first pages of all runs. */
function headsOf({ pager, context }: Bed): number[] {
  return usedPages(context).filter((page) => {
    return header.kindOf(pager.peek(page), pager.peekedSlot) === format.KIND_RUN;
  });
}

/** Releases all unfinished values. Returns the number of steps. */
function releaseAll({ pager, unfinished }: Bed, runs?: number): number {
  let steps = 0;
  for (const number of unfinished.numbers()) {
    do steps++; while (transact(pager, () => unfinished.release(number, runs)));
  }
  return steps;
}

describe("UnfinishedValues: a value in parts", () => {
  for (const bytes of [1, PART - 1, PART, PART + 1, 4 * PART, 7 * PART + 12_345]) {
    it(`of ${bytes} bytes is that of its key when it is finished`, () => {
      const value = { bytes, salt: 1 };
      let [bed, tree] = plant();
      const number = append(bed, tree, valueOf(value));
      assertEquals([tree.has(KEY), bed.unfinished.numbers()], [false, [number]]);
      expectNothingLost(bed);
      assertEquals(finish(bed, number, tree), true);
      assertEquals(bed.unfinished.numbers(), []);
      for (let round = 0; round < 2; round++) {
        expectValue(tree.get(KEY), value);
        assertEquals(tree.lengthOf(KEY), bytes);
        expectNothingLost(bed);
        bed = reopen(bed);
        tree = mainOf(bed);
      }
    });
  }

  it("replaces the value of a key, whose pages are given back", () => {
    const [bed, tree] = plant();
    transact(bed.pager, () => tree.put(KEY, valueOf({ bytes: 300_000, salt: 1 })));
    const number = append(bed, tree, valueOf({ bytes: 3 * PART, salt: 2 }));
    expectValue(tree.get(KEY), { bytes: 300_000, salt: 1 });
    assertEquals(finish(bed, number, tree), false);
    expectValue(tree.get(KEY), { bytes: 3 * PART, salt: 2 });
    expectNothingLost(bed);
    transact(bed.pager, () => tree.delete(KEY));
    expectNothingLost(bed);
  });

  it("is one version in the headers of all its runs", () => {
    const [bed, tree] = plant();
    const number = append(bed, tree, valueOf({ bytes: 5 * PART, salt: 1 }));
    const versions = () => {
      return headsOf(bed).map((page) =>
        header.versionOf(bed.pager.peek(page), bed.pager.peekedSlot)
      );
    };
    assert(new Set(versions()).size > 1);
    finish(bed, number, tree);
    assertEquals(new Set(versions()), new Set([bed.pager.meta.version]));
  });

  it("is independent of others that are written in turns", () => {
    const [bed, tree] = plant();
    const { pager, unfinished } = bed;
    const values = [1, 2, 3].map((salt) => valueOf({ bytes: 4 * PART, salt }));
    const numbers = values.map(() => unfinished.begin());
    assertEquals(new Set(numbers).size, 3);
    for (let at = 0; at < 4 * PART; at += PART) {
      values.forEach((value, i) =>
        transact(pager, () => {
          unfinished.append(numbers[i]!, at, tree.id, value.subarray(at, at + PART));
        })
      );
    }
    expectNothingLost(bed);
    transact(pager, () => unfinished.finish(numbers[0]!, tree, bytesOf("0")));
    transact(pager, () => unfinished.finish(numbers[2]!, tree, bytesOf("2")));
    releaseAll(bed);
    expectValue(tree.get(bytesOf("0")), { bytes: 4 * PART, salt: 1 });
    expectValue(tree.get(bytesOf("2")), { bytes: 4 * PART, salt: 3 });
    expectNothingLost(bed);
  });

  it("goes on after a part, or the end, was rolled back", () => {
    const [bed, tree] = plant();
    const { pager, unfinished } = bed;
    const value = valueOf({ bytes: 3 * PART, salt: 1 });
    const wrong = valueOf({ bytes: PART, salt: 9 });
    const number = unfinished.begin();
    for (let at = 0; at < value.length; at += PART) {
      pager.begin();
      unfinished.append(number, at, tree.id, wrong);
      pager.rollback();
      expectNothingLost(bed);
      pager.begin();
      pager.begin();
      unfinished.append(number, at, tree.id, wrong);
      pager.rollback();
      pager.begin();
      unfinished.append(number, at, tree.id, value.subarray(at, at + PART));
      pager.commit();
      pager.commit();
      expectNothingLost(bed);
    }
    pager.begin();
    unfinished.finish(number, tree, KEY);
    assert(tree.has(KEY));
    pager.rollback();
    assertEquals([tree.has(KEY), unfinished.numbers()], [false, [number]]);
    expectNothingLost(bed);
    finish(bed, number, tree);
    expectValue(tree.get(KEY), { bytes: 3 * PART, salt: 1 });
    expectNothingLost(bed);
  });

  it("can be written and finished in one transaction larger than the cache", () => {
    const [bed, tree] = plant();
    const { pager, unfinished } = bed;
    const value = { bytes: 15 * 1024 * 1024, salt: 1 };
    const bytes = valueOf(value);
    const number = unfinished.begin();
    transact(pager, () => {
      for (let at = 0; at < bytes.length; at += PART) {
        unfinished.append(number, at, tree.id, bytes.subarray(at, at + PART));
      }
      unfinished.finish(number, tree, KEY);
    });
    expectValue(tree.get(KEY), value);
    expectValue(mainOf(reopen(bed)).get(KEY), value);
  });
});

describe("UnfinishedValues.release()", () => {
  it("is released slice by slice, and the rest after a reopening", () => {
    let [bed, tree] = plant();
    const empty = usedPages(bed.context);
    const number = append(bed, tree, valueOf({ bytes: 6 * PART, salt: 1 }));
    const before = usedPages(bed.context).length;
    assertEquals(transact(bed.pager, () => bed.unfinished.release(number, 2)), true);
    assertEquals(before - usedPages(bed.context).length, 200);
    expectNothingLost(bed);
    bed.pager.begin();
    bed.unfinished.release(number, 3);
    bed.pager.rollback();
    expectNothingLost(bed);
    bed = reopen(bed);
    expectNothingLost(bed);
    assert(bed.unfinished.begin() > number);
    const runs = headsOf(bed).length;
    assertEquals(releaseAll(bed, 1), runs);
    assertEquals(usedPages(bed.context), empty);
    tree = mainOf(bed);
    assertEquals([tree.count(), bed.unfinished.numbers()], [0, []]);
  });

  it("does nothing for a number that was used, which is not used again", () => {
    const [bed, tree] = plant();
    const first = append(bed, tree, valueOf({ bytes: PART, salt: 1 }));
    assertEquals(releaseAll(bed), 1);
    const second = append(bed, tree, valueOf({ bytes: PART, salt: 2 }));
    assert(second > first);
    assertEquals(transact(bed.pager, () => bed.unfinished.release(first)), false);
    finish(bed, second, tree);
    expectNothingLost(bed);
  });

  it("drops the tree that was made for a value, unless it has entries or another value", () => {
    for (const sort of ["empty", "entry", "value"]) {
      const [bed, tree] = plant();
      const { pager, unfinished, catalog } = bed;
      const number = unfinished.begin();
      const part = valueOf({ bytes: PART, salt: 1 });
      transact(pager, () => unfinished.append(number, 0, tree.id, part, "main"));
      if (sort === "entry") transact(pager, () => tree.put(KEY, KEY));
      const other = sort === "value" ? append(bed, tree, part) : 0;
      transact(pager, () => unfinished.release(number));
      assertEquals(catalog.names(), sort === "empty" ? [] : ["main"]);
      if (other > 0) transact(pager, () => unfinished.release(other));
      assertEquals(catalog.names(), sort === "entry" ? ["main"] : []);
    }
  });
});

describe("the record of an unfinished value", () => {
  /** Puts bytes over a record, and tries everything that reads it. */
  function expectCorrupt(change: (record: DataView) => void, rule: string): void {
    const [bed, tree] = plant();
    const number = append(bed, tree, valueOf({ bytes: 3 * PART, salt: 1 }));
    const key = new Uint8Array([2, 0, 0, 0, number]);
    const record = bed.catalog.tree()!.get(key)!.slice();
    change(new DataView(record.buffer));
    transact(bed.pager, () => bed.catalog.tree()!.put(key, record));
    const before = usedPages(bed.context);
    for (
      const use of [
        () => bed.unfinished.release(number),
        () => bed.unfinished.finish(number, tree, KEY),
        () => [...bed.unfinished.pages()],
      ]
    ) {
      bed.pager.begin();
      assertThrows(use, CorruptionError, rule);
      bed.pager.rollback();
    }
    assertEquals(usedPages(bed.context), before);
  }

  it("that lies is CorruptionError, and nothing is given back", () => {
    expectCorrupt((view) => view.setUint32(0, 0, true), "for a tree 0");
    expectCorrupt((view) => view.setUint32(0, 77, true), "for a tree 77");
    expectCorrupt((view) => view.setUint32(4, 1, true), "not a run");
    expectCorrupt((view) => view.setUint32(8, 3 * PART - 1, true), "do not add up");
    expectCorrupt((view) => view.setUint32(8, 0, true), "not in the file");
    expectCorrupt((view) => view.setUint16(14, 2, true), "another version");
  });

  it("that is too short, or under a key of another length, is CorruptionError", () => {
    for (const key of [new Uint8Array([2, 0, 0, 0, 1]), new Uint8Array([2, 0]), bytesOf("3")]) {
      const [bed] = plant();
      transact(bed.pager, () => bed.catalog.tree()!.put(key, new Uint8Array(10)));
      assertThrows(() => releaseAll(bed), CorruptionError);
      assertEquals(bed.catalog.names(), ["main"]);
    }
  });
});

describe("UnfinishedValues.begin()", () => {
  it("refuses a value if a record has the last number, as the next would be another's", () => {
    const [bed] = plant();
    transact(bed.pager, () => {
      for (const number of [0, 255]) {
        const key = new Uint8Array([2, number, number, number, number]);
        bed.catalog.tree()!.put(key, new Uint8Array(24));
      }
    });
    assertThrows(() => bed.unfinished.begin(), LimitError, "no number is left");
  });
});

describe("ValueReader", () => {
  const bytes = 700 * PAGE_BYTES - 77;
  const value = valueOf({ bytes, salt: 5 });

  function readerOf(tree: BTree): ValueReader {
    return tree.runsOf(tree.find(KEY)!);
  }

  it("reads any range, across pages and runs", () => {
    const [bed, tree] = plant();
    transact(bed.pager, () => tree.put(KEY, value));
    const edges = [0, 1, 8191, 8192, 8193, 252 * PAGE_BYTES, 255 * PAGE_BYTES, 300 * PAGE_BYTES];
    edges.push(507 * PAGE_BYTES - 1, 507 * PAGE_BYTES + 1, bytes - 1, bytes);
    for (const start of edges) {
      for (const end of edges) {
        if (start > end) continue;
        assert(sameBytes(readerOf(tree).read(start, end), value.subarray(start, end)));
      }
    }
  });

  it("reads the pages of a range and no others", () => {
    let [bed, tree] = plant();
    transact(bed.pager, () => tree.put(KEY, value));
    bed = reopen(bed);
    tree = mainOf(bed);
    const reader = readerOf(tree);
    const { frames } = bed.pager;
    // A miss reads a whole chunk while there is room, so this counts pages used, not pages read.
    const used = () => frames.reduce((sum, frame) => sum + frame.ticks.filter(Boolean).length, 0);
    const before = used();
    reader.read(400 * PAGE_BYTES + 5, 402 * PAGE_BYTES);
    assertEquals(used() - before, 2);
  });

  it("returns pieces that it shares with no other reader", () => {
    const [bed, tree] = plant();
    transact(bed.pager, () => tree.put(KEY, value));
    let at = 0;
    for (const piece of readerOf(tree).pieces()) {
      assert(piece.length > 0 && piece.length <= PIECE_BYTES);
      assert(sameBytes(piece, value.subarray(at, at + piece.length)));
      at += piece.length;
      piece.fill(0);
    }
    assertEquals(at, bytes);
    expectValue(tree.get(KEY), { bytes, salt: 5 });
  });
});
