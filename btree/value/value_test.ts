// Values in runs: sizes around pages and runs, lists of runs, pieces of a fragmented file, and
// damaged references and runs.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, type Frame, header } from "../../pager/mod.ts";
import { journalChunks, transact } from "../../tests/support/trees/pages.ts";
import { usedPages } from "../../tests/support/trees/space.ts";
import { checkTree } from "../../tests/support/trees/tree_check.ts";
import {
  type Bed,
  bytesOf,
  expectSound,
  expectValue,
  keyOf,
  plant,
  replant,
  type Value,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import { fitsLeaf } from "../tree.ts";
import { fitsFragments } from "./fragments.ts";
import { missingInRuns } from "./missing_runs.ts";
import { decodeReference, type Reference, runsReference } from "./reference.ts";
import { checkLength, VALUE_BYTES_MAX } from "./runs.ts";

const { KIND_RUN, PAGE_BYTES } = format;
const MIB = 1024 * 1024;
const SIZES = [
  ...[0, 1, 1024, 1025, 2048, 2049, 8191, 8192, 8193],
  ...[255 * PAGE_BYTES - 1, 255 * PAGE_BYTES, 255 * PAGE_BYTES + 1, 256 * PAGE_BYTES],
  5 * MIB + 3,
];

const KEY = bytesOf("key");

function put({ pager, tree }: Bed, key: Uint8Array, value: Value): void {
  transact(pager, () => tree.put(key, valueOf(value)));
}

/** The lengths of the runs in use, in pages. */
function runsOf({ pager, context }: Bed): number[] {
  return usedPages(context).flatMap((page) => {
    const frame = pager.peek(page);
    const slot = pager.peekedSlot;
    return header.kindOf(frame, slot) === KIND_RUN ? [header.runPagesOf(frame, slot)] : [];
  });
}

/** The number of chunks of the file, without those of the journal. */
const chunksOf = ({ pager }: Bed) => {
  return format.chunksOf(pager.meta.pageCount) - journalChunks(pager).length;
};

describe("writeRuns() and readReferenced()", () => {
  for (const bytes of SIZES) {
    it(`keep a value of ${bytes} bytes, in memory and in the file`, () => {
      let bed = plant();
      put(bed, KEY, { bytes, salt: 1 });
      put(bed, bytesOf("neighbour"), { bytes, salt: 2 });
      for (let round = 0; round < 2; round++) {
        expectValue(bed.tree.get(KEY), { bytes, salt: 1 });
        expectValue(bed.tree.get(bytesOf("neighbour")), { bytes, salt: 2 });
        assertEquals(bed.tree.lengthOf(KEY), bytes);
        expectSound(bed);
        bed = replant(bed);
      }
      const pages = runsOf(bed).reduce((sum, run) => sum + run, 0);
      const part = bytes / PAGE_BYTES;
      const isWhole = bytes > 1024 && !fitsFragments(KEY.length, bytes);
      assertEquals(pages, 2 * (isWhole ? Math.ceil(part) : Math.floor(part)));
    });
  }

  it("use one run up to 255 pages, and full ones before the last, where chunks are clean", () => {
    const bed = plant();
    put(bed, bytesOf("rest of the first chunk"), { bytes: 252 * PAGE_BYTES, salt: 0 });
    put(bed, KEY, { bytes: 255 * PAGE_BYTES, salt: 1 });
    assertEquals(runsOf(bed), [252, 255]);
    put(bed, bytesOf("other"), { bytes: 600 * PAGE_BYTES, salt: 2 });
    assertEquals(runsOf(bed), [252, 255, 255, 255, 90]);
    expectValue(bed.tree.get(bytesOf("other")), { bytes: 600 * PAGE_BYTES, salt: 2 });
  });

  it("give everything back when the value is replaced, deleted or rolled back", () => {
    const bed = plant();
    const empty = usedPages(bed.context);
    const value = { bytes: 300 * PAGE_BYTES, salt: 3 };
    put(bed, KEY, value);
    bed.pager.begin();
    bed.tree.put(KEY, valueOf({ bytes: 24_000, salt: 4 }));
    bed.pager.rollback();
    expectValue(bed.tree.get(KEY), value);
    expectSound(bed);
    put(bed, KEY, { bytes: 24_000, salt: 4 });
    assertEquals(runsOf(bed), [3]);
    put(bed, KEY, { bytes: 20, salt: 5 });
    assertEquals(runsOf(bed), []);
    expectValue(bed.tree.get(KEY), { bytes: 20, salt: 5 });
    put(bed, KEY, value);
    transact(bed.pager, () => bed.tree.delete(KEY));
    assertEquals(usedPages(bed.context), empty);
  });

  it("never change a run: a new value of the same size takes other pages", () => {
    const bed = plant();
    put(bed, KEY, { bytes: 16_000, salt: 1 });
    const before = usedPages(bed.context);
    put(bed, KEY, { bytes: 16_000, salt: 2 });
    const after = usedPages(bed.context);
    assertEquals(after.filter((page) => before.includes(page)), [bed.tree.root]);
  });

  it("take pieces of a fragmented file", () => {
    const bed = plant();
    transact(bed.pager, () => {
      for (let i = 0; i < 32; i++) {
        bed.tree.put(keyOf(i), valueOf({ bytes: 60 * PAGE_BYTES, salt: i }));
      }
    });
    transact(bed.pager, () => {
      for (let i = 0; i < 32; i += 2) bed.tree.delete(keyOf(i));
    });
    const { chunks, runs } = { chunks: chunksOf(bed), runs: runsOf(bed).length };
    const value = { bytes: 240 * PAGE_BYTES - 5, salt: 99 };
    put(bed, KEY, value);
    assert(runsOf(bed).length > runs + 1, "in several runs");
    assertEquals(chunksOf(bed), chunks);
    const again = replant(bed);
    expectValue(again.tree.get(KEY), value);
    for (let i = 1; i < 32; i += 2) {
      expectValue(again.tree.get(keyOf(i)), { bytes: 60 * PAGE_BYTES, salt: i });
    }
    expectSound(again);
  });

  it("are used for a short value whose key leaves no room for two such entries", () => {
    const bed = plant();
    const key = new Uint8Array(2048).fill(7);
    for (const bytes of [2030, 2035, 2040, 2048]) {
      put(bed, key, { bytes, salt: bytes });
      expectValue(bed.tree.get(key), { bytes, salt: bytes });
      assertEquals(runsOf(bed).length, fitsLeaf(2048, bytes) ? 0 : 1);
      expectSound(bed);
    }
    assertEquals([fitsLeaf(2048, 2030), fitsLeaf(2048, 2048)], [true, false]);
  });
});

/** A tree with a value of 600 pages, and a way to change its reference. */
function lying(change: (view: DataView) => void, bytes = 600 * PAGE_BYTES): Bed {
  const bed = plant();
  put(bed, KEY, { bytes, salt: 1 });
  transact(bed.pager, () => {
    const { bytes, at } = bed.tree.find(KEY)!;
    bed.pager.touch(bed.pager.at(bed.tree.root));
    change(new DataView(bytes.buffer, at, 16));
  });
  return bed;
}

/** The same, but the header of its first run is changed. */
function lyingRun(change: (frame: Frame, slot: number, page: number) => void, bytes?: number): Bed {
  const bed = lying(() => {}, bytes);
  const found = bed.tree.find(KEY)!;
  const page = new DataView(found.bytes.buffer, found.at, 16).getUint32(0, true);
  transact(bed.pager, () => {
    const place = bed.pager.at(page);
    const frame = bed.pager.frames[place >>> 8]!;
    const version = header.versionOf(frame, place & 255);
    bed.pager.touch(place);
    header.setVersion(frame, place & 255, version);
    change(frame, place & 255, page);
  });
  return bed;
}

/** The reference to the value. */
function referenceOf({ tree }: Bed): Reference {
  const { bytes, at } = tree.find(KEY)!;
  return decodeReference(bytes, at);
}

/** Expects that reading, releasing and checking all report the damage, and change nothing. */
function expectCorrupt(bed: Bed, rule: string): void {
  const { pager, tree } = bed;
  assertThrows(() => tree.get(KEY), CorruptionError, rule);
  assertThrows(() => checkTree(tree), CorruptionError, rule);
  for (const change of [() => tree.delete(KEY), () => tree.put(KEY, bytesOf("new"))]) {
    pager.begin();
    assertThrows(change, CorruptionError, rule);
    pager.rollback();
  }
}

describe("a reference", () => {
  it("of another version is CorruptionError", () => {
    expectCorrupt(lying((view) => view.setUint16(10, 999, true)), "another version");
    expectCorrupt(lying((view) => view.setUint32(12, 1, true)), "another version");
  });

  it("of another length is CorruptionError", () => {
    const length = 600 * PAGE_BYTES;
    for (const wrong of [length - 1, length + 1, 1, 255 * PAGE_BYTES, 20 * length]) {
      const rule = wrong === 20 * length ? "not in the file" : "do not add up";
      expectCorrupt(lying((view) => view.setUint32(4, wrong, true)), rule);
    }
  });

  it("of a huge length, or of none, is CorruptionError before there is memory for it", () => {
    expectCorrupt(lying((view) => view.setUint16(8, 0xffff, true)), "second fragment");
    expectCorrupt(lying((view) => view.setUint32(4, 0xffffffff, true)), "not in the file");
    expectCorrupt(lying((view) => view.setUint32(4, 0, true)), "not in the file");
  });

  it("to a page that is not the first page of a run of the tree is CorruptionError", () => {
    const bed = lying(() => {});
    const { root } = bed.tree;
    const at = (page: number) => lying((view) => view.setUint32(0, page, true));
    for (const page of [root, root + 2]) expectCorrupt(at(page), "not a run");
    for (const page of [0, 1, 2, bed.pager.meta.pageCount, 0xffffffff]) {
      assertThrows(() => at(page).tree.get(KEY), CorruptionError);
      assertThrows(() => checkTree(at(page).tree), CorruptionError);
    }
  });

  it("after a run of another tree is CorruptionError", () => {
    expectCorrupt(lyingRun((frame, slot) => frame.u32[(slot << 3) + 1] = 2), "not a run of tree");
  });

  it("to runs in a ring is CorruptionError", () => {
    const bed = lyingRun((frame, slot, page) => header.setLink(frame, slot, page));
    assertThrows(() => bed.tree.get(KEY), CorruptionError, "do not add up");
    expectCorrupt(bed, "");
  });

  it("to a run without pages, linked to itself, is CorruptionError and no endless loop", () => {
    const bed = lyingRun((frame, slot, page) => {
      frame.u8[(slot << 5) + 1] = 0;
      header.setRunBytes(frame, slot, 0);
      header.setLink(frame, slot, page);
    });
    expectCorrupt(bed, "a run of 0 pages");
  });

  it("to a run whose pages and bytes disagree is CorruptionError", () => {
    const rule = / run of \d+ pages holds/;
    for (const pages of [1, 2, 4, 250]) {
      const bed = lyingRun((frame, slot) => frame.u8[(slot << 5) + 1] = pages, 3 * PAGE_BYTES);
      assertThrows(() => bed.tree.get(KEY), CorruptionError, `a run of ${pages} pages`);
      expectCorrupt(bed, "a run of");
    }
    for (const bytes of [1, 2 * PAGE_BYTES, 3 * PAGE_BYTES + 1]) {
      const bed = lyingRun((frame, slot) => header.setRunBytes(frame, slot, bytes), 3 * PAGE_BYTES);
      assert(rule.test(assertThrows(() => bed.tree.get(KEY), CorruptionError).rule));
      expectCorrupt(bed, "a run of 3 pages");
    }
  });

  it("to a run that is not full, linked to itself, is CorruptionError", () => {
    const bed = lyingRun((frame, slot, page) => {
      header.setRunBytes(frame, slot, 1);
      header.setLink(frame, slot, page);
    }, PAGE_BYTES);
    expectCorrupt(bed, "is not full");
    const missing = () => missingInRuns(bed.pager, bed.tree.id, referenceOf(bed), () => true);
    assertThrows(missing, CorruptionError, "is not full");
  });

  it("of a wrong length is CorruptionError for a prefetch too", () => {
    const length = 600 * PAGE_BYTES;
    for (const wrong of [length - 1, length + 1, 0xffff_ffff]) {
      const bed = lying((view) => view.setUint32(4, wrong, true));
      const missing = () => missingInRuns(bed.pager, bed.tree.id, referenceOf(bed), () => true);
      const rule = wrong === 0xffff_ffff ? "not in the file" : "do not add up";
      assertThrows(missing, CorruptionError, rule);
    }
  });

  it("of more bytes than a value can have is CorruptionError, however long the file is", () => {
    const reference = runsReference(3, VALUE_BYTES_MAX + 1, 1);
    const { pager } = plant();
    const reader = Object.assign(Object.create(pager), { meta: { pageCount: 2 ** 20 } });
    assertThrows(() => checkLength(reader, reference), CorruptionError, "not in the file");
  });

  it("to a list that ends early is CorruptionError", () => {
    expectCorrupt(lyingRun((frame, slot) => header.setLink(frame, slot, 0)), "do not add up");
  });
});
