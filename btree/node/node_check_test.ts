// The structure check of nodes: each rule, broken alone in a valid node, is reported by name;
// random damage causes no error but CorruptionError, and accepted nodes can be read within their
// page.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, type Frame, header } from "../../pager/mod.ts";
import type { Random } from "../../tests/support/random.ts";
import {
  LAST_SLOT,
  newBranch,
  newLeaf,
  PAGE,
  readBranch,
  readLeaf,
  SLOT,
  verifyNode,
} from "../../tests/support/trees/nodes.ts";
import { bytesOf, eachSeed } from "../../tests/support/trees/trees.ts";
import {
  cellAt,
  childIndex,
  headIndex,
  KEY_BYTES_MAX,
  offsetIndex,
  putLength,
  REFERENCE_BYTES,
  searchBranch,
  searchLeaf,
} from "./node.ts";

const { FLAG_HOLDS_RUNS, PAGE_BYTES, PAGE_SHIFT } = format;
const { entriesOf, setCellStart, setEntries, setGarbage, setPrefix, setShape } = header;

/** A leaf with a prefix, cells of several sizes, long keys and values, and a reference. */
function validLeaf(slot = SLOT): Frame {
  const value = (bytes: number) => new Uint8Array(bytes).fill(0x2e);
  return newLeaf([
    { key: bytesOf("ab"), value: value(100) },
    { key: bytesOf("abc"), value: value(2048) },
    { key: bytesOf("abcdefgh"), value: value(REFERENCE_BYTES), isReference: true },
    { key: bytesOf("abcdefghi"), value: value(0) },
    { key: bytesOf("abd" + "k".repeat(2045)), value: value(300) },
    { key: bytesOf("abe"), value: value(1) },
  ], slot);
}

function validBranch(slot = SLOT): Frame {
  const keys = ["", "ab", "abc", "abcdefgh", "abcdefghi", "abd" + "k".repeat(2045), "abe"];
  return newBranch(keys.map((key, i) => ({ key: bytesOf(key), child: 300 + i })), slot);
}

type Mutation = [rule: string, what: string, change: (frame: Frame) => void];

/** Writes a byte at an offset from the cell of an entry. */
function poke(frame: Frame, index: number, at: number, ...bytes: number[]): void {
  frame.u8.set(bytes, cellAt(frame, SLOT, index) + at);
}

function moveCell(frame: Frame, index: number, leaf: boolean, offset: number): void {
  frame.u16[offsetIndex(SLOT, entriesOf(frame, SLOT), index, leaf)] = offset;
}

function copyHead(frame: Frame, from: number, to: number): void {
  frame.u32[headIndex(SLOT, to)]! = frame.u32[headIndex(SLOT, from)]!;
}

const BOTH: Mutation[] = [
  ["a prefix of 2049 bytes", "too long", (frame) => setPrefix(frame, SLOT, 2049, 0)],
  ["inside the prefix", "a cell start", (frame) => setCellStart(frame, SLOT, PAGE_BYTES - 1)],
  ["inside the prefix", "a cell start past the page", (frame) => setCellStart(frame, SLOT, 0xffff)],
  ["inside the arrays", "a cell start", (frame) => setCellStart(frame, SLOT, 35)],
  ["inside the arrays", "too many entries", (frame) => setEntries(frame, SLOT, 1200)],
  ["do not add up", "garbage that is not there", (frame) => setGarbage(frame, SLOT, 1)],
  ["do not add up", "a cell start too low", (frame) => {
    setCellStart(frame, SLOT, header.cellStartOf(frame, SLOT) - 1);
  }],
];

const LEAF: Mutation[] = [
  ...BOTH,
  ["not at level 0", "level 1", (frame) => setShape(frame, SLOT, format.KIND_LEAF, 1)],
  ["unknown flags", "0x4000", (frame) => setPrefix(frame, SLOT, 2, FLAG_HOLDS_RUNS | 0x4000)],
  ["does not say so", "no flag", (frame) => setPrefix(frame, SLOT, 2, 0)],
  ["entry 2 is outside", "an offset below the cells", (frame) => {
    moveCell(frame, 2, true, header.cellStartOf(frame, SLOT) - 1);
  }],
  ["entry 2 is outside", "an offset in the prefix", (frame) => {
    moveCell(frame, 2, true, PAGE_BYTES - 2);
  }],
  ["entry 2 is outside", "an offset past the page", (frame) => moveCell(frame, 2, true, 0xffff)],
  ["entry 0 is too long", "a value into the prefix", (frame) => poke(frame, 0, 1, 101)],
  ["value of entry 1 is too long", "2049 bytes", (frame) => {
    putLength(frame.u8, cellAt(frame, SLOT, 1) + 1, 2049);
  }],
  ["key of entry 4 is too long", "2049 bytes", (frame) => {
    putLength(frame.u8, cellAt(frame, SLOT, 4), 2047);
  }],
  ["head of entry 1 is not zero-padded", "a byte after the key", (frame) => {
    frame.u32[headIndex(SLOT, 1)]! |= 0x0100;
  }],
  ["head of entry 0 is not zero-padded", "no key after the prefix", (frame) => {
    frame.u32[headIndex(SLOT, 0)] = 1;
  }],
  ["entry 5 is not after", "a head too small", (frame) => copyHead(frame, 1, 5)],
  ["entry 3 is not after", "tails the wrong way round", (frame) => {
    const [a, b] = [cellAt(frame, SLOT, 2), cellAt(frame, SLOT, 3)];
    moveCell(frame, 2, true, b - (SLOT << PAGE_SHIFT));
    moveCell(frame, 3, true, a - (SLOT << PAGE_SHIFT));
  }],
];

const BRANCH: Mutation[] = [
  ...BOTH,
  ["without entries", "none", (frame) => setEntries(frame, SLOT, 0)],
  ["at level 0", "level 0", (frame) => setShape(frame, SLOT, format.KIND_BRANCH, 0)],
  ["at level 32", "level 32", (frame) => setShape(frame, SLOT, format.KIND_BRANCH, 32)],
  ["unknown flags", "references", (frame) => setPrefix(frame, SLOT, 2, FLAG_HOLDS_RUNS)],
  ["entry 2 is outside", "an offset below the cells", (frame) => moveCell(frame, 2, false, 7)],
  ["entry 2 is outside", "an offset in the prefix", (frame) => {
    moveCell(frame, 2, false, PAGE_BYTES - 1);
  }],
  ["entry 1 is too long", "a key into the prefix", (frame) => poke(frame, 1, 0, 9)],
  ["first entry of a branch has a key", "one byte", (frame) => poke(frame, 0, 0, 1)],
  ["leads to the branch itself", "child", (frame) => {
    frame.u32[childIndex(SLOT, entriesOf(frame, SLOT), 3)] = PAGE;
  }],
  ["key of entry 5 is too long", "2049 bytes", (frame) => {
    putLength(frame.u8, cellAt(frame, SLOT, 5), 2047);
  }],
  ["head of entry 0 is not zero-padded", "a first head", (frame) => {
    frame.u32[headIndex(SLOT, 0)] = 5;
  }],
  ["head of entry 2 is not zero-padded", "a byte after the key", (frame) => {
    frame.u32[headIndex(SLOT, 2)]! |= 1;
  }],
  ["entry 6 is not after", "a head too small", (frame) => copyHead(frame, 2, 6)],
];

describe("registerNodes()", () => {
  it("accepts valid nodes, empty leaves and branches of one entry", () => {
    verifyNode(validLeaf());
    verifyNode(validBranch());
    verifyNode(newLeaf([]));
    verifyNode(newBranch([{ key: bytesOf(""), child: 3 }]));
    verifyNode(validLeaf(LAST_SLOT), LAST_SLOT);
    verifyNode(validBranch(LAST_SLOT), LAST_SLOT);
  });

  for (const [rule, what, change] of LEAF) {
    it(`refuses a leaf: ${rule}: ${what}`, () => expectRefused(validLeaf(), change, rule));
  }
  for (const [rule, what, change] of BRANCH) {
    it(`refuses a branch: ${rule}: ${what}`, () => expectRefused(validBranch(), change, rule));
  }

  it("accepts the longest key behind a prefix, and refuses one byte more", () => {
    const key = (last: string) => bytesOf("p".repeat(2047) + last);
    const frame = newLeaf(["a", "b"].map((last) => ({ key: key(last), value: bytesOf("") })));
    verifyNode(frame);
    expectRefused(frame, (frame) => poke(frame, 0, 0, 2), "key of entry 0 is too long");
  });

  it("refuses equal keys, short and long, in leaf and branch", () => {
    for (const name of ["", "a", "abcd", "abcdefgh"]) {
      const key = bytesOf(name);
      const leaf = newLeaf([{ key, value: bytesOf("1") }, { key, value: bytesOf("2") }]);
      expectRefused(leaf, () => {}, "entry 1 is not after");
      const children = [3, 4, 5].map((child) => ({ key, child }));
      expectRefused(newBranch(children), () => {}, "entry 2 is not after");
    }
  });

  it("throws only CorruptionError for random damage, and what it accepts is readable", () => {
    let accepted = 0;
    eachSeed(4000, (random) => {
      const slot = random.pick([SLOT, LAST_SLOT]);
      const leaf = random.once(2);
      const frame = damaged(random, leaf, slot);
      if (!isAccepted(frame, slot)) return;
      accepted++;
      expectReadable(frame, slot, leaf);
    });
    assert(accepted > 100, `${accepted} nodes were accepted`);
  });
});

function expectRefused(frame: Frame, change: (frame: Frame) => void, rule: string): void {
  change(frame);
  const error = assertThrows(() => verifyNode(frame), CorruptionError, rule);
  assertEquals(error.page, PAGE);
}

const bases = [true, false].map((leaf) => {
  return [SLOT, LAST_SLOT].map((slot) => leaf ? validLeaf(slot) : validBranch(slot));
});

/** A valid node with some bytes changed, of its header and of where its arrays and cells are. */
function damaged(random: Random, leaf: boolean, slot: number): Frame {
  const frame = bases[leaf ? 0 : 1]![slot === SLOT ? 0 : 1]!;
  const fresh = leaf ? validLeaf(slot) : validBranch(slot);
  frame.u8.set(fresh.u8);
  const cellStart = header.cellStartOf(frame, slot);
  for (let count = random.below(3); count >= 0; count--) {
    const place = random.below(4);
    const at = place === 0
      ? (slot << 5) + random.pick([1, 2, 3, 18, 19, 20, 21, 22, 23])
      : (slot << PAGE_SHIFT) + (place === 1
        ? random.below(80)
        : place === 2
        ? PAGE_BYTES - 1 - random.below(140)
        : cellStart + random.below(PAGE_BYTES - cellStart));
    frame.u8[at] = random.once(3) ? frame.u8[at]! ^ (1 << random.below(8)) : random.below(256);
  }
  return frame;
}

function isAccepted(frame: Frame, slot: number): boolean {
  try {
    verifyNode(frame, slot);
    return true;
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return false;
  }
}

/** All cells lie among the cells, keys are short enough, in order, and found again. */
function expectReadable(frame: Frame, slot: number, leaf: boolean): void {
  const start = slot << PAGE_SHIFT;
  const end = start + PAGE_BYTES - header.prefixLengthOf(frame, slot);
  const entries = leaf ? readLeaf(frame, slot) : readBranch(frame, slot);
  entries.forEach(({ key }, index) => {
    const cell = cellAt(frame, slot, index);
    assert(cell >= start + header.cellStartOf(frame, slot));
    assert(cell < end);
    assert(key.length <= KEY_BYTES_MAX);
    if (leaf) assertEquals(searchLeaf(frame, slot, key, key.length), index);
    else if (index > 0) assertEquals(searchBranch(frame, slot, key, key.length), index);
  });
}
