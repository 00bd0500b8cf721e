// Changes of nodes in place, against a model: an array of entries. After every change the node
// passes its check, its free space is zero, and the adjacent pages are unchanged.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AssertionError } from "../../pager/format/assert.ts";
import { format, type Frame, header } from "../../pager/mod.ts";
import type { Random } from "../../tests/support/random.ts";
import {
  type BranchEntry,
  expectTidyNode,
  type LeafEntry,
  newBranch,
  newLeaf,
  newNode,
  readBranch,
  readLeaf,
  SLOT,
} from "../../tests/support/trees/nodes.ts";
import { bytesOf, eachSeed, nameOf, valueOf } from "../../tests/support/trees/trees.ts";
import {
  BRANCH_WIDTH,
  cellAt,
  cellBytes,
  comparePrefix,
  freeBytesOf,
  gapOf,
  LEAF_WIDTH,
  LeafCell,
  payloadBytes,
  REFERENCE_BYTES,
  REFERENCE_TAG,
  searchBranch,
  searchLeaf,
  usedBytesOf,
} from "./node.ts";
import {
  compactNode,
  copyBytes,
  insertBranchEntry,
  insertLeafEntry,
  makeRoom,
  removeBranchEntry,
  removeLeafEntry,
  startBranch,
} from "./node_edit.ts";

const { FLAG_HOLDS_RUNS, PAGE_BYTES } = format;
const { flagsOf, garbageOf, prefixLengthOf } = header;

/** A key that begins with the node's prefix, most of the time. */
function keyFor(random: Random, prefix: string): Uint8Array {
  const length = random.once(20) ? random.below(1500) : random.below(12);
  const own = String.fromCharCode(...Array.from({ length }, () => random.pick([0, 1, 98, 255])));
  return bytesOf((random.once(10) ? "" : prefix) + own);
}

/** One random change of a leaf and of its model. */
function changeLeaf(random: Random, frame: Frame, model: LeafEntry[], prefix: string): void {
  const key = random.once(2) && model.length > 0 ? random.pick(model).key : keyFor(random, prefix);
  const index = searchLeaf(frame, SLOT, key, key.length);
  if (index >= 0) return changeFound(random, frame, model, index);
  const isReference = random.once(8);
  const bytes = isReference ? REFERENCE_BYTES : random.pick([0, 1, 30, 127, 128, 600, 2048]);
  const value = valueOf({ bytes, salt: random.below(1e6) });
  const tag = isReference ? REFERENCE_TAG : bytes;
  if (comparePrefix(frame, SLOT, key, key.length) !== 0) return;
  const suffix = key.length - prefixLengthOf(frame, SLOT);
  const size = LEAF_WIDTH + cellBytes(suffix, payloadBytes(tag));
  const couldFit = freeBytesOf(frame, SLOT) >= size;
  assertEquals(makeRoom(frame, SLOT, size), couldFit);
  if (!couldFit) return;
  insertLeafEntry(frame, SLOT, ~index, key, key.length, tag, value);
  model.splice(~index, 0, isReference ? { key, value, isReference } : { key, value });
}

function changeFound(random: Random, frame: Frame, model: LeafEntry[], index: number): void {
  const old = model[index]!;
  if (random.once(3)) {
    // As a tree does it: bytes written over others, and nothing else of the page.
    const value = valueOf({ bytes: old.value.length, salt: random.below(1e6) });
    const cell = new LeafCell();
    cell.read(frame.u8, cellAt(frame, SLOT, index));
    frame.u8.set(value, cell.valueAt);
    model[index]! = { ...old, value };
  } else {
    removeLeafEntry(frame, SLOT, index);
    model.splice(index, 1);
  }
}

function expectLeaf(frame: Frame, model: LeafEntry[]): void {
  expectTidyNode(frame);
  assertEquals(readLeaf(frame), model);
  const holdsRuns = (flagsOf(frame, SLOT) & FLAG_HOLDS_RUNS) !== 0;
  assert(holdsRuns || model.every(({ isReference }) => !isReference));
}

describe("node_edit: a leaf", () => {
  for (const prefix of ["", "shared/", "\0\0\0\0\0"]) {
    it(`is as the model after each change, prefix ${JSON.stringify(prefix)}`, () => {
      eachSeed(6, (random) => {
        const model = ["\x01", "\x02"].map((last) => {
          return { key: bytesOf(prefix + last), value: bytesOf("v") };
        });
        const frame = newLeaf(model);
        assertEquals(prefixLengthOf(frame, SLOT), prefix.length);
        for (let step = 0; step < 250; step++) {
          changeLeaf(random, frame, model, prefix);
          if (random.once(40)) compactNode(frame, SLOT);
          if (step % 5 === 0 || step > 240) expectLeaf(frame, model);
        }
        while (model.length > 0) {
          const index = random.below(model.length);
          removeLeafEntry(frame, SLOT, index);
          model.splice(index, 1);
        }
        expectLeaf(frame, []);
        assertEquals([prefixLengthOf(frame, SLOT), usedBytesOf(frame, SLOT)], [0, 0]);
      });
    });
  }

  it("can be filled to its last byte", () => {
    const frame = newNode(true);
    for (let i = 0; i < PAGE_BYTES / 8; i++) {
      const key = new Uint8Array([i >>> 8, i]);
      insertLeafEntry(frame, SLOT, i, key, 2, 0, new Uint8Array(0));
    }
    assertEquals(gapOf(frame, SLOT), 0);
    expectTidyNode(frame);
    assertEquals(makeRoom(frame, SLOT, 1), false);
    assertThrows(
      () => insertLeafEntry(frame, SLOT, 0, bytesOf(""), 0, 0, bytesOf("")),
      AssertionError,
      "room",
    );
    expectTidyNode(frame);
  });
});

describe("removeLeafEntry()", () => {
  it("gives the lowest cell back at once, and makes garbage of the others", () => {
    const entries = ["a", "b", "c"].map((key) => ({ key: bytesOf(key), value: bytesOf("12345") }));
    const frame = newLeaf(entries);
    removeLeafEntry(frame, SLOT, 0);
    assertEquals(garbageOf(frame, SLOT), 7);
    removeLeafEntry(frame, SLOT, 1); // c, built last, has the lowest cell
    assertEquals(garbageOf(frame, SLOT), 7);
    assertEquals(gapOf(frame, SLOT), PAGE_BYTES - 2 * 7 - 7 - LEAF_WIDTH + 7);
    expectLeaf(frame, [entries[1]!]);
  });
});

describe("compactNode()", () => {
  it("turns all garbage into free space and keeps the entries", () => {
    eachSeed(20, (random) => {
      const model: LeafEntry[] = Array.from({ length: 60 }, (_, i) => {
        const key = new Uint8Array([5, i, ...new Uint8Array(random.below(20))]);
        return { key, value: valueOf({ bytes: random.below(80), salt: i }) };
      });
      const frame = newLeaf(model);
      for (let count = random.below(60); count > 0; count--) {
        const index = random.below(model.length);
        removeLeafEntry(frame, SLOT, index);
        model.splice(index, 1);
      }
      const free = freeBytesOf(frame, SLOT);
      compactNode(frame, SLOT);
      assertEquals([garbageOf(frame, SLOT), gapOf(frame, SLOT)], [0, free]);
      expectLeaf(frame, model);
    });
  });
});

function changeBranch(random: Random, frame: Frame, model: BranchEntry[], prefix: string): void {
  if (random.once(2) && model.length > 1) {
    const index = random.below(model.length);
    removeBranchEntry(frame, SLOT, index);
    model.splice(index, 1);
    if (index === 0) model[0] = { key: new Uint8Array(0), child: model[0]!.child };
    return;
  }
  const key = keyFor(random, prefix);
  if (comparePrefix(frame, SLOT, key, key.length) !== 0) return;
  if (model.some((entry) => nameOf(entry.key) === nameOf(key))) return;
  const size = BRANCH_WIDTH + cellBytes(key.length - prefixLengthOf(frame, SLOT), 0);
  if (!makeRoom(frame, SLOT, size)) return;
  const index = searchBranch(frame, SLOT, key, key.length) + 1;
  const child = random.u32();
  insertBranchEntry(frame, SLOT, index, key, key.length, child);
  model.splice(index, 0, { key, child });
}

describe("node_edit: a branch", () => {
  for (const prefix of ["", "shared/", "\0\0\0\0\0"]) {
    it(`is as the model after each change, prefix ${JSON.stringify(prefix)}`, () => {
      eachSeed(6, (random) => {
        const model: BranchEntry[] = ["", prefix + "\x01", prefix + "\x02"].map((key, child) => {
          return { key: bytesOf(key), child };
        });
        const frame = newBranch(model);
        for (let step = 0; step < 250; step++) {
          changeBranch(random, frame, model, prefix);
          if (random.once(40)) compactNode(frame, SLOT);
          expectTidyNode(frame);
          if (step % 5 === 0) assertEquals(readBranch(frame), model);
        }
      });
    });
  }

  it("begins with one entry, which has no key, and ends empty and zero", () => {
    const frame = newNode(false);
    startBranch(frame, SLOT, 42);
    expectTidyNode(frame);
    assertEquals(readBranch(frame), [{ key: new Uint8Array(0), child: 42 }]);
    removeBranchEntry(frame, SLOT, 0);
    assertEquals(header.entriesOf(frame, SLOT), 0);
    assertEquals(usedBytesOf(frame, SLOT), 0);
  });

  it("takes no entry before its first, nor one without room", () => {
    const frame = newNode(false);
    startBranch(frame, SLOT, 42);
    const add = (index: number, key: Uint8Array) =>
      insertBranchEntry(frame, SLOT, index, key, key.length, 1);
    assertThrows(() => add(0, bytesOf("a")), AssertionError, "first entry");
    for (let i = 0; i < 3; i++) add(i + 1, new Uint8Array(2048).fill(i));
    assertThrows(() => add(4, new Uint8Array(2048).fill(9)), AssertionError, "room");
    expectTidyNode(frame);
  });
});

describe("copyBytes()", () => {
  it("copies any number of bytes from anywhere to anywhere", () => {
    const from = Uint8Array.from({ length: 200 }, (_, i) => i + 1);
    for (const count of [0, 1, 31, 32, 33, 100, 200]) {
      for (const fromAt of count === 200 ? [0] : [0, 1, 100].filter((at) => at + count <= 200)) {
        const to = new Uint8Array(300);
        copyBytes(from, fromAt, to, 7, count);
        const expected = new Uint8Array(300);
        for (let i = 0; i < count; i++) expected[7 + i]! = from[fromAt + i]!;
        assertEquals(to, expected);
      }
    }
  });
});
