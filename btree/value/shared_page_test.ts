// Values in shared pages: the space that they take, replacement in place, release, rollback,
// snapshots, range deletion, and damaged references and pages.

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { WORDS_SAVED } from "../../pager/format/frame.ts";
import { CorruptionError, format, type Frame, header } from "../../pager/mod.ts";
import { Random } from "../../tests/support/random.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { usedPages } from "../../tests/support/trees/space.ts";
import { checkTree } from "../../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bulkLoad,
  bytesOf,
  expectSound,
  expectValue,
  keyOf,
  plant,
  replant,
  type Value,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import { removeLeafEntry } from "../node/node_edit.ts";
import { decodeReference, type Reference } from "./reference.ts";

const { HEADER, HEADER_SHIFT, KIND_SHARED, PAGE_BYTES, PAGE_SHIFT } = format;

function put({ pager, tree }: Bed, key: Uint8Array, value: Value): void {
  transact(pager, () => tree.put(key, valueOf(value)));
}

function remove({ pager, tree }: Bed, key: Uint8Array): void {
  transact(pager, () => tree.delete(key));
}

/** Puts values of a length for keys of numbers in random order. */
function fill(bed: Bed, count: number, bytes: number): void {
  const random = new Random(7);
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [numbers[i], numbers[other]] = [numbers[other]!, numbers[i]!];
  }
  transact(bed.pager, () => {
    for (const i of numbers) bed.tree.put(keyOf(i), valueOf({ bytes, salt: i }));
  });
}

/** The reference to the value of a key. */
function referenceOf({ tree }: Bed, key: Uint8Array): Reference {
  const { bytes, at, length } = tree.find(key)!;
  assertEquals(length, -1, "the value is not inline");
  return decodeReference(bytes, at);
}

function sharedPages({ pager, context }: Bed): number[] {
  return usedPages(context).filter((page) => {
    return header.kindOf(pager.peek(page), pager.peekedSlot) === KIND_SHARED;
  });
}

describe("values in shared pages", () => {
  for (const bytes of [2049, 2100, 3000, 4000, 5500, 7000, 9000, 12_000, 20_000]) {
    const most = 1.2;
    it(`take at most ${most} times their bytes in any order: ${bytes}`, () => {
      const [sorted, shuffled] = [plant(), plant()];
      const entries = Array.from({ length: 600 }, (_, i): [Uint8Array, Uint8Array] => {
        return [keyOf(i), valueOf({ bytes, salt: i })];
      });
      transact(sorted.pager, () => bulkLoad(sorted.tree, entries));
      fill(shuffled, 600, bytes);
      for (const bed of [sorted, shuffled]) {
        const { pages } = expectSound(bed);
        const taken = pages.size * PAGE_BYTES / (600 * bytes);
        assert(taken <= most, `${taken}`);
        const again = replant(bed);
        for (let i = 0; i < 600; i++) expectValue(again.tree.get(keyOf(i)), { bytes, salt: i });
        expectSound(again);
      }
    });
  }

  it("fill a page to its last byte", () => {
    const bed = plant();
    const bytes = 4096 - 6 - 1 - 1 - 2;
    for (const [i, length] of [bytes, bytes, bytes + 1].entries()) {
      put(bed, keyOf(i), { bytes: length, salt: i });
    }
    assertEquals([0, 1, 2].map((i) => referenceOf(bed, keyOf(i)).secondPage), [0, 0, 0]);
    assertEquals(sharedPages(bed).length, 2);
    for (let i = 0; i < 3; i++) {
      expectValue(bed.tree.get(keyOf(i)), { bytes: i < 2 ? bytes : bytes + 1, salt: i });
    }
    expectSound(replant(bed));
  });

  it("are replaced where they are; a new one of the same length leaves the leaf unchanged", () => {
    const bed = plant();
    for (let i = 0; i < 3; i++) put(bed, keyOf(i), { bytes: 2100, salt: i });
    const before = referenceOf(bed, keyOf(1));
    const version = header.versionOf(bed.pager.peek(bed.tree.root), bed.pager.peekedSlot);
    const { changes } = bed.tree.nodes;
    put(bed, keyOf(1), { bytes: 2100, salt: 77 });
    assertEquals(header.versionOf(bed.pager.peek(bed.tree.root), bed.pager.peekedSlot), version);
    assert(bed.tree.nodes.changes > changes, "cursors look again");
    for (const bytes of [2060, 3000, 2500, 3600]) {
      put(bed, keyOf(1), { bytes, salt: bytes });
      assertEquals(referenceOf(bed, keyOf(1)), { ...before, length: bytes });
      expectValue(bed.tree.get(keyOf(1)), { bytes, salt: bytes });
      expectSound(bed);
    }
    // With the others it no longer fits.
    put(bed, keyOf(1), { bytes: 4000, salt: 4 });
    assert(referenceOf(bed, keyOf(1)).page !== before.page);
    for (const [i, bytes, salt] of [[0, 2100, 0], [1, 4000, 4], [2, 2100, 2]] as const) {
      expectValue(bed.tree.get(keyOf(i)), { bytes, salt });
    }
    expectSound(replant(bed));
  });

  it("leave their neighbours where they are when they get shorter", () => {
    const bed = plant();
    for (let i = 0; i < 3; i++) put(bed, keyOf(i), { bytes: 2600, salt: i });
    const { page } = referenceOf(bed, keyOf(1));
    const offsets = () => {
      const place = bed.pager.at(page);
      const start = (place & 255) << (PAGE_SHIFT - 1);
      return [...bed.pager.frames[place >>> 8]!.u16.slice(start + 6, start + 9)];
    };
    const before = offsets();
    for (const bytes of [2599, 2300, 2049]) {
      put(bed, keyOf(1), { bytes, salt: bytes });
      assertEquals(offsets(), before);
      for (const i of [0, 2]) expectValue(bed.tree.get(keyOf(i)), { bytes: 2600, salt: i });
      expectValue(bed.tree.get(keyOf(1)), { bytes, salt: bytes });
      expectSound(bed);
    }
    put(bed, keyOf(1), { bytes: 2620, salt: 5 });
    expectValue(bed.tree.get(keyOf(1)), { bytes: 2620, salt: 5 });
    expectSound(replant(bed));
  });

  it("go in slices, each sound", () => {
    const bed = plant();
    fill(bed, 100, 2500);
    for (let from = 0; from < 100; from += 7) {
      transact(bed.pager, () => bed.tree.deleteRange(keyOf(from), keyOf(from + 7)));
      expectSound(bed);
      for (let i = from + 7; i < 100; i++) {
        expectValue(bed.tree.get(keyOf(i)), { bytes: 2500, salt: i });
      }
    }
    assertEquals(usedPages(bed.context), [bed.tree.root]);
  });

  it("give their pages back, and their numbers to later values", () => {
    const bed = plant();
    const empty = usedPages(bed.context);
    for (let i = 0; i < 3; i++) put(bed, keyOf(i), { bytes: 2100, salt: i });
    assertEquals([0, 1, 2].map((i) => referenceOf(bed, keyOf(i)).number), [1, 2, 3]);
    remove(bed, keyOf(1));
    put(bed, keyOf(9), { bytes: 2200, salt: 9 });
    assertEquals([sharedPages(bed).length, referenceOf(bed, keyOf(9)).number], [1, 2]);
    put(bed, keyOf(0), { bytes: 20, salt: 0 });
    put(bed, keyOf(2), { bytes: 20_000, salt: 2 });
    expectSound(bed);
    for (const i of [0, 2, 9]) remove(bed, keyOf(i));
    assertEquals(usedPages(bed.context), empty);
  });

  it("are removed by a patch of their page, and the last one without a read of it", () => {
    const bed = plant();
    for (let i = 0; i < 3; i++) put(bed, keyOf(i), { bytes: 2100, salt: i });
    // The value put last is the lowest in the page, the one put first the highest.
    for (const i of [2, 0]) {
      const { page } = referenceOf(bed, keyOf(i));
      bed.pager.begin();
      bed.tree.delete(keyOf(i));
      const place = bed.pager.at(page);
      assert(bed.pager.frames[place >>> 8]!.scopes[place & 255]! >= WORDS_SAVED);
      bed.pager.commit();
      expectSound(bed);
    }
    const asked: number[] = [];
    using _observed = {
      [Symbol.dispose]: bed.pager.observe({ asked: (page) => asked.push(page) }),
    };
    remove(bed, keyOf(1));
    assertEquals(new Set(asked), new Set([bed.tree.root]));
    expectSound(bed);
    assertEquals(usedPages(bed.context), [bed.tree.root]);
  });

  it("come back after a rollback, and stay as they are for a snapshot", () => {
    const bed = plant();
    fill(bed, 40, 2500);
    const snapshot = bed.pager.snapshot();
    for (const ends of ["rollback", "commit"] as const) {
      bed.pager.begin();
      for (let i = 0; i < 40; i++) {
        if (i % 3 === 0) bed.tree.delete(keyOf(i));
        else bed.tree.put(keyOf(i), valueOf({ bytes: i % 3 === 1 ? 2500 : 2300, salt: -i }));
      }
      bed.pager[ends]();
      expectSound(bed);
      const old = ends === "rollback" ? bed.tree : bed.tree.readFrom(snapshot);
      for (let i = 0; i < 40; i++) expectValue(old.get(keyOf(i)), { bytes: 2500, salt: i });
    }
    for (let i = 1; i < 40; i += 3) expectValue(bed.tree.get(keyOf(i)), { bytes: 2500, salt: -i });
    snapshot.close();
  });

  it("go with a range: whole pages unchanged, single values at its edges", () => {
    const bed = plant();
    fill(bed, 300, 2100);
    const values = sharedPages(bed).map((page) => {
      return header.entriesOf(bed.pager.peek(page), bed.pager.peekedSlot);
    });
    assertGreater(values.reduce((sum, count) => sum + count), 299);
    transact(bed.pager, () => assertEquals(bed.tree.deleteRange(keyOf(100), keyOf(201)), 101));
    expectSound(bed);
    for (let i = 0; i < 300; i++) {
      if (i < 100 || i > 200) expectValue(bed.tree.get(keyOf(i)), { bytes: 2100, salt: i });
    }
    const images = bed.pager.stats().snapshotBytes;
    transact(bed.pager, () => assertEquals(bed.tree.deleteRange(), 199));
    assertEquals([bed.pager.stats().snapshotBytes, sharedPages(bed)], [images, []]);
    assertEquals(usedPages(bed.context), [bed.tree.root]);
  });
});

/** A tree of three values in one page, the reference to the second of which is changed. */
function lying(change: (view: DataView) => void): Bed {
  const bed = plant();
  for (let i = 0; i < 3; i++) put(bed, keyOf(i), { bytes: 2100, salt: i });
  transact(bed.pager, () => {
    const { bytes, at } = bed.tree.find(keyOf(1))!;
    bed.pager.touch(bed.pager.at(bed.tree.root));
    change(new DataView(bytes.buffer, at, 16));
  });
  return bed;
}

/** The same, but the shared page or its header is changed. */
function lyingPage(change: (frame: Frame, slot: number) => void): Bed {
  const bed = lying(() => {});
  const { page } = referenceOf(bed, keyOf(1));
  transact(bed.pager, () => {
    const place = bed.pager.at(page);
    bed.pager.touch(place);
    change(bed.pager.frames[place >>> 8]!, place & 255);
  });
  return bed;
}

/** Expects that reading, changing, removing and checking all report the damage. */
function expectCorrupt({ pager, tree }: Bed, rule: string): void {
  const key = keyOf(1);
  assertThrows(() => tree.get(key), CorruptionError, rule);
  assertThrows(() => checkTree(tree), CorruptionError, rule);
  const changes = [
    () => tree.delete(key),
    () => tree.put(key, bytesOf("new")),
    () => tree.put(key, valueOf({ bytes: 2100, salt: 1 })),
  ];
  for (const change of changes) {
    pager.begin();
    assertThrows(change, CorruptionError, rule);
    pager.rollback();
  }
}

describe("a reference to a shared page", () => {
  it("with another number, length or version is CorruptionError", () => {
    expectCorrupt(lying((view) => view.setUint16(8, 4, true)), "the page has no value 4");
    expectCorrupt(
      lying((view) => view.setUint16(8, 0xffff, true)),
      "begins with a second fragment",
    );
    expectCorrupt(lying((view) => view.setUint16(8, 0, true)), "not a run");
    for (const length of [0, 2099, 2101, 0xffff_ffff]) {
      expectCorrupt(lying((view) => view.setUint32(4, length, true)), "as its reference says");
    }
    expectCorrupt(lying((view) => view.setUint8(15, 1)), "ends with a first one");
  });

  it("to a page of another kind or tree is CorruptionError", () => {
    const root = plant().tree.root;
    expectCorrupt(lying((view) => view.setUint32(0, root, true)), "not a page of values of tree 1");
    expectCorrupt(lyingPage((frame, slot) => frame.u32[(slot << 3) + 1] = 2), "values of tree 1");
    for (const page of [0, 1, 256, 0xffff_ffff]) {
      const bed = lying((view) => view.setUint32(0, page, true));
      const { pager, tree } = bed;
      assertThrows(() => tree.get(keyOf(1)), CorruptionError);
      assertThrows(() => checkTree(tree), CorruptionError);
      const changes = [
        () => tree.delete(keyOf(1)),
        () => tree.put(keyOf(1), valueOf({ bytes: 2100, salt: 1 })),
        () => tree.deleteRange(),
      ];
      for (const change of changes) {
        pager.begin();
        assertThrows(change, CorruptionError);
        pager.rollback();
      }
    }
  });

  it("to the value of another entry is found by a check", () => {
    const bed = lying((view) => view.setUint16(8, 1, true));
    assertThrows(() => checkTree(bed.tree), CorruptionError, "belongs to another key");
  });

  it("to the value of another entry neither changes nor removes that value", () => {
    const { pager, tree } = lying((view) => view.setUint16(8, 1, true));
    const changes = [
      () => tree.delete(keyOf(1)),
      () => tree.put(keyOf(1), valueOf({ bytes: 2100, salt: 7 })),
      () => tree.put(keyOf(1), bytesOf("short")),
      () => tree.deleteRange(keyOf(1), keyOf(2)),
    ];
    for (const change of changes) {
      pager.begin();
      assertThrows(change, CorruptionError, "belongs to another key");
      pager.rollback();
    }
    pager.begin();
    assertThrows(() => tree.deleteRange(), CorruptionError, "two entries refer to value 1");
    pager.rollback();
    expectValue(tree.get(keyOf(0)), { bytes: 2100, salt: 0 });
  });

  it("to the value of a shorter key gets no more room than that value has", () => {
    const bed = plant();
    const { pager, tree } = bed;
    const long = new Uint8Array(1500).fill(9);
    for (const key of [keyOf(0), keyOf(1), long]) put(bed, key, { bytes: 2100, salt: 0 });
    transact(pager, () => {
      const { bytes, at } = tree.find(long)!;
      pager.touch(pager.at(tree.root));
      new DataView(bytes.buffer).setUint16(at + 8, 1, true);
    });
    pager.begin();
    const change = () => tree.put(long, valueOf({ bytes: 2400, salt: 1 }));
    assertThrows(change, CorruptionError, "belongs to another key");
    pager.rollback();
  });

  it("that is missing is found by a check", () => {
    const bed = lying(() => {});
    transact(bed.pager, () => {
      const place = bed.pager.at(bed.tree.root);
      bed.pager.touch(place);
      removeLeafEntry(bed.pager.frames[place >>> 8]!, place & 255, 1);
    });
    const rule = "no entry refers to 1 fragments of the page";
    assertThrows(() => checkTree(bed.tree), CorruptionError, rule);
  });
});

describe("a shared page", () => {
  const rules: [rule: string, change: (frame: Frame, slot: number) => void][] = [
    ["a shared page has a level", (frame, slot) => {
      frame.u8[(slot << HEADER_SHIFT) + HEADER.level] = 1;
    }],
    ["unknown flags", (frame, slot) => header.setPrefix(frame, slot, 0, 0x8000)],
    ["a shared page has a prefix", (frame, slot) => header.setPrefix(frame, slot, 1, 0)],
    ["a page without entries", (frame, slot) => header.setEntries(frame, slot, 0)],
    ["cells and garbage do not add up", (frame, slot) => header.setGarbage(frame, slot, 1)],
    ["the number of value 1 is not after the last", (frame, slot) => {
      frame.u8[(slot << PAGE_SHIFT) + 7] = 1;
    }],
    ["the cell of entry 0 is outside the cells", (frame, slot) => {
      frame.u16[(slot << (PAGE_SHIFT - 1)) + 6] = 20;
    }],
    ["value 2 is a reference", (frame, slot) => {
      const cell = (slot << PAGE_SHIFT) + frame.u16[(slot << (PAGE_SHIFT - 1)) + 8]!;
      frame.u8.set([0xff, 0xff], cell + 1);
    }],
    ["the cell of entry 2 is too long", (frame, slot) => {
      const cell = (slot << PAGE_SHIFT) + frame.u16[(slot << (PAGE_SHIFT - 1)) + 8]!;
      frame.u8.set([0xc0, 0x00], cell + 1);
    }],
  ];
  for (const [rule, change] of rules) {
    it(`is checked when it is loaded: ${rule}`, () => {
      const again = replant(lyingPage(change));
      const error = assertThrows(() => again.tree.get(keyOf(1)), CorruptionError);
      assertEquals(error.rule, rule);
    });
  }
});
