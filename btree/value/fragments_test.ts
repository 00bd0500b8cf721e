// Values in fragments: which values are, changes of all kinds beside a model, what a read and a
// replacement touch, and damaged references, fragments and pointers.

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, header } from "../../pager/mod.ts";
import type { Random } from "../../tests/support/random.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { usedPages } from "../../tests/support/trees/space.ts";
import { checkTree } from "../../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bulkLoad,
  eachSeed,
  expectSound,
  expectValue,
  keyOf,
  plant,
  TreeModel,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import { POINTER_BYTES } from "./body.ts";
import { copyFragments, fitsFragments, placeFragments } from "./fragments.ts";
import { NearbyPages } from "./nearby_pages.ts";
import { decodeReference, type Reference } from "./reference.ts";

const { PAGE_BYTES } = format;

/** A tree of values of some lengths, for keys of their indexes. */
function treeOf(...lengths: number[]): Bed {
  const bed = plant();
  const entries = lengths.map((bytes, i) => [keyOf(i), valueOf({ bytes, salt: i })] as const);
  transact(bed.pager, () => bulkLoad(bed.tree, entries));
  return bed;
}

/** The reference to the value of a number. */
function referenceOf({ tree }: Bed, number: number): Reference {
  const { bytes, at } = tree.find(keyOf(number))!;
  return decodeReference(bytes, at);
}

describe("fitsFragments()", () => {
  it("is true where runs would leave more than an eighth of the value empty", () => {
    const inFragments = [2049, 4096, 7000, 8193, 12_000, 20_000, 50_000];
    const inRuns = [7300, 8192, 16_000, 40_000, 64_000, 65_537, 2 ** 31];
    assertEquals(inFragments.filter((bytes) => !fitsFragments(8, bytes)), []);
    assertEquals(inRuns.filter((bytes) => fitsFragments(8, bytes)), []);
  });

  it("is false for the longest keys, which a number does not fit beside", () => {
    assertEquals([2047, 2048].map((bytes) => fitsFragments(bytes, 2049)), [true, false]);
  });
});

describe("values in fragments", () => {
  it("fill what others leave of a page: the second fragment goes to the next one", () => {
    const bed = treeOf(5500, 5500, 5500);
    const [first, second, third] = [0, 1, 2].map((i) => referenceOf(bed, i));
    assertEquals([first!.secondPage, second!.page], [0, first!.page]);
    assertEquals(second!.secondPage, third!.page);
    assert(second!.secondPage !== first!.page);
    expectSound(bed);
    for (let i = 0; i < 3; i++) expectValue(bed.tree.get(keyOf(i)), { bytes: 5500, salt: i });
  });

  it("are replaced where they are by values of the same length, with or without a body", () => {
    for (const bytes of [5500, 13_000]) {
      const bed = treeOf(bytes, bytes, bytes);
      const before = [0, 1, 2].map((i) => referenceOf(bed, i));
      const pages = usedPages(bed.context).length;
      transact(bed.pager, () => {
        for (let i = 0; i < 3; i++) bed.tree.put(keyOf(i), valueOf({ bytes, salt: -i }));
      });
      assertEquals([0, 1, 2].map((i) => referenceOf(bed, i)), before);
      assertEquals(usedPages(bed.context).length, pages);
      expectSound(bed);
      for (let i = 0; i < 3; i++) expectValue(bed.tree.get(keyOf(i)), { bytes, salt: -i });
    }
  });

  it("keep a first fragment where the second has room for another length", () => {
    const bed = treeOf(5500, 5500, 5500);
    const before = referenceOf(bed, 1);
    for (const bytes of [5400, 5500, 4000, 5600, 13_700]) {
      transact(bed.pager, () => bed.tree.put(keyOf(1), valueOf({ bytes, salt: bytes })));
      assertEquals(referenceOf(bed, 1), { ...before, length: bytes });
      for (const i of [0, 2]) expectValue(bed.tree.get(keyOf(i)), { bytes: 5500, salt: i });
      expectValue(bed.tree.get(keyOf(1)), { bytes, salt: bytes });
      expectSound(bed);
    }
    // The rest would be short, and then too long for its page.
    for (const bytes of [3000, 7000]) {
      transact(bed.pager, () => bed.tree.put(keyOf(1), valueOf({ bytes, salt: bytes })));
      expectValue(bed.tree.get(keyOf(1)), { bytes, salt: bytes });
      expectSound(bed);
    }
  });

  it("are read from one page more at most, in parts too", () => {
    const bed = treeOf(...Array.from({ length: 20 }, (_, i) => 2100 + 930 * i));
    for (let i = 0; i < 20; i++) {
      const bytes = 2100 + 930 * i;
      const expected = valueOf({ bytes, salt: i });
      const asked = new Set<number>();
      using _observed = {
        [Symbol.dispose]: bed.pager.observe({ asked: (page) => asked.add(page) }),
      };
      assertEquals(bed.tree.get(keyOf(i)), expected);
      asked.delete(bed.tree.root);
      assertLess(asked.size, Math.ceil(bytes / PAGE_BYTES) + 2);
      const reader = bed.tree.runsOf(bed.tree.find(keyOf(i))!);
      for (const [start, end] of [[0, bytes], [1, 9], [bytes - 9, bytes], [8000, 8300], [7, 7]]) {
        const to = Math.min(end!, bytes);
        const from = Math.min(start!, to);
        assertEquals(reader.read(from, to), expected.slice(from, to), `${bytes}: ${from} to ${to}`);
      }
      assertEquals(new Uint8Array(Array.from(reader.pieces(), (p) => [...p]).flat()), expected);
    }
  });

  it("are those of a model after changes of all kinds", () => {
    eachSeed(4, (random) => {
      const model = new TreeModel(plant());
      for (let round = 0; round < 12; round++) {
        model.begin();
        for (let i = 0; i < 40; i++) change(model, random);
        if (random.once(3)) model.rollback();
        else model.commit();
        model.check();
        expectSound(model.bed);
      }
      model.reopen();
      model.check();
      model.begin();
      model.deleteRange();
      model.commit();
      assertEquals(usedPages(model.bed.context), [model.bed.tree.root]);
    });
  });
});

function change(model: TreeModel, random: Random): void {
  const key = keyOf(random.below(60));
  const length = random.pick([40, 2049, 2600, 5500, 5500, 7000, 8193, 12_000, 20_000, 40_000]);
  const kind = random.below(10);
  if (kind < 7) model.put(key, length + random.below(2) * random.below(900));
  else if (kind < 9) model.entries.has(nameOfKey(key)) ? model.delete(key) : model.put(key, length);
  else model.deleteRange(key, keyOf(random.below(60)));
}

function nameOfKey(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

const LENGTHS = [5500, 5500, 5500, 13_000];

/** A tree of four values, the reference to one of which is changed. */
function lying(number: number, change: (view: DataView, bed: Bed) => void): Bed {
  const bed = treeOf(...LENGTHS);
  transact(bed.pager, () => {
    const { bytes, at } = bed.tree.find(keyOf(number))!;
    bed.pager.touch(bed.pager.at(bed.tree.root));
    change(new DataView(bytes.buffer, at, 16), bed);
  });
  return bed;
}

/** Expects that reading, changing, removing and checking a value all report the damage. */
function expectCorrupt({ pager, tree }: Bed, number: number, rule: string): void {
  const key = keyOf(number);
  const bytes = LENGTHS[number]!;
  assertThrows(() => tree.get(key), CorruptionError, rule);
  assertThrows(() => [...tree.runsOf(tree.find(key)!).pieces()], CorruptionError);
  assertThrows(() => checkTree(tree), CorruptionError, rule);
  for (
    const change of [
      () => tree.delete(key),
      () => tree.put(key, valueOf({ bytes: 30, salt: 1 })),
      () => tree.put(key, valueOf({ bytes, salt: 1 })),
      () => tree.put(key, valueOf({ bytes: bytes - 20, salt: 1 })),
    ]
  ) {
    pager.begin();
    assertThrows(change, CorruptionError, rule);
    pager.rollback();
  }
}

describe("fragments that are longer than a page together", () => {
  it("are CorruptionError before they are copied", () => {
    const bed = treeOf(5500);
    const { pager, context, tree } = bed;
    const key = keyOf(7);
    const nearby = new NearbyPages();
    nearby.addPagesOf(referenceOf(bed, 0));
    transact(pager, () => {
      const bytes = new Uint8Array(PAGE_BYTES - 1 + POINTER_BYTES);
      const { allocator } = context;
      const placed = placeFragments(pager, allocator, tree.id, key, key.length, bytes, nearby);
      assert(placed.secondPage !== 0);
      const reference = { ...placed, length: 2 * PAGE_BYTES - 1 };
      const copy = () => copyFragments(pager, tree.id, reference, new Uint8Array(PAGE_BYTES));
      assertThrows(copy, CorruptionError, "as its reference says");
    });
  });
});

describe("a reference to two fragments", () => {
  const swap = (view: DataView) => {
    const [page, number] = [view.getUint32(0, true), view.getUint16(8, true)];
    view.setUint32(0, view.getUint32(12, true), true);
    view.setUint16(8, view.getUint16(10, true), true);
    view.setUint32(12, page, true);
    view.setUint16(10, number, true);
  };
  const cases: [name: string, rule: string, change: (view: DataView, bed: Bed) => void][] = [
    ["without the number of the second", "second fragment", (view) => view.setUint16(10, 0, true)],
    ["without the page of the second", "", (view) => view.setUint32(12, 0, true)],
    ["without the second", "as its reference says", (view) => {
      view.setUint16(10, 0, true);
      view.setUint32(12, 0, true);
    }],
    ["with both in one page", "in one page twice", (view) => {
      view.setUint32(12, view.getUint32(0, true), true);
    }],
    ["in another order", "second fragment", swap],
    ["whose second is a first", "second fragment", (view) => view.setUint16(10, 1, true)],
    ["with an unknown second", "has no value 200", (view) => view.setUint16(10, 200, true)],
    ["with an unknown page", "", (view) => view.setUint32(12, 0xffff_ffff, true)],
    ["with a page of another kind", "not a page of values", (view, bed) => {
      view.setUint32(12, bed.tree.root, true);
    }],
    ["of a longer value", "as its reference says", (view) => view.setUint32(4, 5501, true)],
    ["of a shorter value", "as its reference says", (view) => view.setUint32(4, 5499, true)],
    ["of 4 GiB", "as its reference says", (view) => view.setUint32(4, 0xffff_ffff, true)],
  ];
  for (const [name, rule, change] of cases) {
    it(`${name} is CorruptionError`, () => expectCorrupt(lying(1, change), 1, rule));
  }

  it("of which the second belongs to another entry is found by a check", () => {
    const bed = treeOf(5500, 5500, 5500, 5500);
    const [a, b] = [referenceOf(bed, 1), referenceOf(bed, 2)];
    assert(a.secondPage !== 0 && b.secondPage !== 0);
    transact(bed.pager, () => {
      const { bytes, at } = bed.tree.find(keyOf(1))!;
      bed.pager.touch(bed.pager.at(bed.tree.root));
      const view = new DataView(bytes.buffer, at, 16);
      view.setUint32(12, b.secondPage, true);
      view.setUint16(10, b.secondNumber, true);
    });
    assertThrows(() => checkTree(bed.tree), CorruptionError);
    bed.pager.begin();
    assertThrows(() => bed.tree.delete(keyOf(1)), CorruptionError);
    bed.pager.rollback();
  });
});

describe("a pointer to a body", () => {
  /** A tree whose value in runs and fragments has another pointer. */
  function pointing(change: (view: DataView, bed: Bed) => void): Bed {
    const bed = treeOf(...LENGTHS);
    const { page, number } = referenceOf(bed, 3);
    transact(bed.pager, () => {
      const place = bed.pager.at(page);
      bed.pager.touch(place);
      const { u8 } = bed.pager.frames[place >>> 8]!;
      const start = (place & 255) * PAGE_BYTES;
      const entries = header.entriesOf(bed.pager.frames[place >>> 8]!, place & 255);
      const index = Array.from({ length: entries }, (_, i) => u8[start + 4 * i + 3])
        .indexOf(number);
      const view = new DataView(u8.buffer, u8.byteOffset + start, PAGE_BYTES);
      // The cell: the length of the key, the tag in two bytes, the last byte of the key.
      const cell = view.getUint16(4 * entries + 2 * index, true);
      change(new DataView(u8.buffer, u8.byteOffset + start + cell + 4, 10), bed);
    });
    return bed;
  }

  const cases: [name: string, rule: string, change: (view: DataView, bed: Bed) => void][] = [
    ["to another version", "of another version", (view) => view.setUint8(9, 1)],
    ["to a page of another kind", "not a run of tree 1", (view, bed) => {
      view.setUint32(0, bed.tree.root, true);
    }],
    ["outside the file", "", (view) => view.setUint32(0, 0xffff_ffff, true)],
    ["to the header page", "", (view) => view.setUint32(0, 0, true)],
  ];
  for (const [name, rule, change] of cases) {
    it(`${name} is CorruptionError`, () => expectCorrupt(pointing(change), 3, rule));
  }

  it("that is right leads to the value", () => {
    const bed = pointing(() => {});
    expectValue(bed.tree.get(keyOf(3)), { bytes: 13_000, salt: 3 });
    expectSound(bed);
  });
});
