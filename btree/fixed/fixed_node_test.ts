// Fixed nodes alone, on a frame without a pager: the layout byte by byte, searches and changes
// against an array, and every rule of the verifier.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { CorruptionError, format, Frame, header } from "../../pager/mod.ts";
import * as node from "./fixed_node.ts";

const { KIND_FIXED_BRANCH, KIND_FIXED_LEAF } = format;
const POOL = -1;
/** Slot 0 of a frame is where headers stand. */
const LEFT = 1;
const RIGHT = 2;
const U64_MAX = 2n ** 64n - 1n;

type Entry = [key: bigint, value: bigint];

/** Keys that differ in their low words, in their high words, and at the seams between. */
const someKey = fc.oneof(
  fc.bigInt({ min: 0n, max: 20n }),
  fc.bigInt({ min: 2n ** 32n - 4n, max: 2n ** 32n + 4n }),
  fc.bigInt({ min: 2n ** 53n - 4n, max: 2n ** 53n + 4n }),
  fc.bigInt({ min: 2n ** 63n - 4n, max: 2n ** 63n + 4n }),
  fc.bigInt({ min: U64_MAX - 4n, max: U64_MAX }),
  fc.bigInt({ min: 0n, max: U64_MAX }),
);
const someEntries = fc.uniqueArray(fc.tuple(someKey, someKey), {
  selector: ([key]) => key,
  maxLength: 60,
}).map((entries) => entries.sort(([a], [b]) => a < b ? -1 : 1));

function inFlight(key: bigint, value = 0n): Uint32Array {
  return new Uint32Array(BigUint64Array.of(key, value).buffer);
}

function makeFrame(): Frame {
  const frame = new Frame(0, POOL, 3);
  for (const slot of [LEFT, RIGHT]) header.formatHeader(frame, slot, KIND_FIXED_LEAF, 0, 7);
  return frame;
}

/** A leaf in the left slot, or a branch, whose key 0 must be zero. */
function makeNode(entries: readonly Entry[], level = 0, slot = LEFT): Frame {
  const frame = makeFrame();
  fillNode(frame, slot, entries);
  header.setShape(frame, slot, node.kindOfLevel(level), level);
  return frame;
}

function fillNode(frame: Frame, slot: number, entries: readonly Entry[]): void {
  entries.forEach(([key, value], index) =>
    node.insertEntry(frame, slot, index, inFlight(key, value))
  );
}

function longsOf(frame: Frame, slot: number): BigUint64Array {
  return new BigUint64Array(frame.u8.buffer, slot * 8192, 1024);
}

function entriesOf(frame: Frame, slot: number): Entry[] {
  const longs = longsOf(frame, slot);
  return Array.from(
    { length: header.entriesOf(frame, slot) },
    (_, i): Entry => [longs[i]!, longs[512 + i]!],
  );
}

function ascending(count: number, from = 0): Entry[] {
  return Array.from({ length: count }, (_, i): Entry => [BigInt(from + i), BigInt(i + 1)]);
}

function verify(frame: Frame): void {
  node.verifyFixedNode(frame, LEFT, 9);
}

describe("fixed node: layout", () => {
  it("puts key i at byte 8i and its value at byte 4096 + 8i, low byte first", () => {
    const frame = makeNode([[1n, 2n], [0x0102_0304_0506_0708n, 0x1112_1314_1516_1718n]]);
    assertEquals([...frame.u8.subarray(8192 + 8, 8192 + 16)], [8, 7, 6, 5, 4, 3, 2, 1]);
    const value = frame.u8.subarray(8192 + 4096 + 8, 8192 + 4096 + 16);
    assertEquals([...value], [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
    assertEquals(header.entriesOf(frame, LEFT), 2);
  });

  it("has room for exactly 512 entries in 8192 bytes", () => {
    assertEquals(node.CAPACITY, 512);
    const frame = makeNode(ascending(512));
    verify(frame);
    assertEquals(longsOf(frame, LEFT)[511], 511n);
    assertEquals(longsOf(frame, LEFT)[1023], 512n);
    assertEquals(longsOf(frame, RIGHT).every((long) => long === 0n), true);
  });
});

describe("fixed node: search", () => {
  it("lowerBound() finds the first key that is not less", () => {
    fc.assert(fc.property(someEntries, someKey, (entries, key) => {
      const frame = makeNode(entries);
      const found = entries.findIndex(([other]) => other >= key);
      const expected = found < 0 ? entries.length : found;
      const index = node.lowerBound(frame, LEFT, inFlight(key));
      assertEquals(index, expected);
      assertEquals(node.holdsKey(frame, LEFT, index, inFlight(key)), entries[index]?.[0] === key);
    }));
  });

  it("childIndex() finds the last key that is not greater, or the leftmost child", () => {
    fc.assert(fc.property(someEntries, someKey, (entries, key) => {
      const branch: Entry[] = [[0n, 1n], ...entries.filter(([other]) => other > 0n)];
      const frame = makeNode(branch, 1);
      assertEquals(
        node.childIndex(frame, LEFT, inFlight(key)),
        branch.findLastIndex(([other]) => other <= key),
      );
    }));
  });
});

describe("fixed node: changes", () => {
  it("insertEntry() and removeEntry() do as an array does, and leave no word behind", () => {
    const operation = fc.tuple(someKey, someKey, fc.boolean());
    fc.assert(fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const frame = makeFrame();
      const model: Entry[] = [];
      for (const [key, value, isInsert] of operations) {
        const index = node.lowerBound(frame, LEFT, inFlight(key));
        const isThere = node.holdsKey(frame, LEFT, index, inFlight(key));
        if (isInsert && !isThere) {
          node.insertEntry(frame, LEFT, index, inFlight(key, value));
          model.splice(index, 0, [key, value]);
        } else if (model.length > 0) {
          const removed = Math.min(index, model.length - 1);
          node.removeEntry(frame, LEFT, removed);
          model.splice(removed, 1);
        }
        assertEquals(entriesOf(frame, LEFT), model);
        verify(frame);
      }
    }));
  });

  it("divideEntries() moves either way and keeps order, whatever the counts", () => {
    const count = fc.integer({ min: 0, max: 512 });
    fc.assert(fc.property(count, count, count, (inLeft, inRight, wanted) => {
      const frame = makeFrame();
      fillNode(frame, LEFT, ascending(inLeft));
      fillNode(frame, RIGHT, ascending(inRight, inLeft));
      const all = [...entriesOf(frame, LEFT), ...entriesOf(frame, RIGHT)];
      const most = Math.min(512, all.length);
      const leftEntries = Math.max(all.length - 512, Math.min(wanted, most));
      node.divideEntries(frame, LEFT, frame, RIGHT, leftEntries);
      assertEquals(entriesOf(frame, LEFT), all.slice(0, leftEntries));
      assertEquals(entriesOf(frame, RIGHT), all.slice(leftEntries));
      node.verifyFixedNode(frame, LEFT, 9);
      node.verifyFixedNode(frame, RIGHT, 10);
    }));
  });

  it("copyNode() copies every word", () => {
    const frame = makeNode(ascending(512));
    node.copyNode(frame, LEFT, frame, RIGHT);
    assertEquals(longsOf(frame, RIGHT), longsOf(frame, LEFT));
  });
});

describe("fixed node: verifier", () => {
  const branchOf3: Entry[] = [[0n, 5n], [10n, 6n], [20n, 7n]];
  const leafOf3: Entry[] = [[0n, 5n], [10n, 6n], [20n, 7n]];
  /** Name, level, what to break, where in the file the error points to. */
  const breaks: [string, number, (frame: Frame) => void, number][] = [
    ["a leaf above level 0", 0, (f) => f.u8[32 + 1] = 1, 9 * 32 + 1],
    ["a branch at level 0", 1, (f) => f.u8[32 + 1] = 0, 9 * 32 + 1],
    ["a branch at level 32", 1, (f) => f.u8[32 + 1] = 32, 9 * 32 + 1],
    ["513 entries", 0, (f) => header.setEntries(f, LEFT, 513), 9 * 32 + 2],
    ["65535 entries", 0, (f) => header.setEntries(f, LEFT, 65535), 9 * 32 + 2],
    ["a branch of no child", 1, (f) => node.truncate(f, LEFT, 0), 9 * 32 + 2],
    ["a branch with a link", 1, (f) => header.setLink(f, LEFT, 4), 9 * 32 + 8],
    ["a cell start", 0, (f) => header.setCellStart(f, LEFT, 1), 9 * 32 + 18],
    ["a prefix", 0, (f) => header.setPrefix(f, LEFT, 1, 0), 9 * 32 + 20],
    ["a flag", 1, (f) => header.setPrefix(f, LEFT, 0, 0x8000), 9 * 32 + 20],
    ["garbage", 1, (f) => header.setGarbage(f, LEFT, 1), 9 * 32 + 22],
    ["equal keys", 0, (f) => longsOf(f, LEFT)[1] = 0n, 9 * 8192 + 8],
    ["falling low words", 0, (f) => longsOf(f, LEFT)[1] = 21n, 9 * 8192 + 16],
    ["falling high words", 0, (f) => longsOf(f, LEFT)[1] = 1n << 63n, 9 * 8192 + 16],
    ["a first separator of zero", 1, (f) => longsOf(f, LEFT)[1] = 0n, 9 * 8192 + 8],
    ["a first key in a branch", 1, (f) => longsOf(f, LEFT)[0] = 1n, 9 * 8192],
    [
      "a first key in a branch, high",
      1,
      (f) => longsOf(f, LEFT).set([1n << 32n, 2n << 32n, 3n << 32n]),
      9 * 8192,
    ],
    ["an unused key", 0, (f) => longsOf(f, LEFT)[3] = 1n, 9 * 8192 + 24],
    ["the last unused key", 0, (f) => longsOf(f, LEFT)[511] = 1n << 63n, 9 * 8192 + 4092],
    ["an unused value", 0, (f) => longsOf(f, LEFT)[515] = 1n, 9 * 8192 + 24],
    ["the last unused value", 1, (f) => longsOf(f, LEFT)[1023] = 1n, 9 * 8192 + 4088],
    ["a child of page 0", 1, (f) => longsOf(f, LEFT)[514] = 0n, 9 * 8192 + 4112],
    ["a child past 32 bits", 1, (f) => longsOf(f, LEFT)[512] = 1n << 32n | 5n, 9 * 8192 + 4096],
  ];
  const made = (level: number) => makeNode(level === 0 ? leafOf3 : branchOf3, level);

  it("accepts what the other functions make", () => {
    for (const level of [0, 1, 31]) verify(made(level));
    verify(makeNode([]));
    verify(makeNode([[U64_MAX, U64_MAX]]));
  });

  for (const [name, level, change, offset] of breaks) {
    it(`refuses ${name}`, () => {
      const frame = made(level);
      change(frame);
      const error = assertThrows(() => verify(frame), CorruptionError);
      assertEquals([error.page, error.offset], [9, offset]);
    });
  }

  it("is of the kind that the level asks for", () => {
    assertEquals(node.kindOfLevel(0), KIND_FIXED_LEAF);
    assertEquals(node.kindOfLevel(1), KIND_FIXED_BRANCH);
  });
});
