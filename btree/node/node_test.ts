// Reading nodes: the bytes of small ones, literally, and search against a model that looks at every
// entry, with keys that tie in their heads, keys of zeros, prefixes, and the empty key.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, type Frame, header } from "../../pager/mod.ts";
import type { Random } from "../../tests/support/random.ts";
import { newBranch, newLeaf, readBranch, readLeaf, SLOT } from "../../tests/support/trees/nodes.ts";
import { bytesOf, eachSeed, KEY_FAMILIES, nameOf } from "../../tests/support/trees/trees.ts";
import {
  cellBytes,
  comparePrefix,
  headOf,
  keyLengthAt,
  LeafCell,
  lengthAt,
  lengthBytes,
  payloadBytes,
  putLength,
  REFERENCE_TAG,
  searchBranch,
  searchLeaf,
  usedBytesOf,
} from "./node.ts";

const { PAGE_BYTES, PAGE_SHIFT } = format;

/** Fails unless a page is `start`, then zeros, then `end`. */
function expectPage(frame: Frame, start: number[], end: number[]): void {
  const page = new Uint8Array(PAGE_BYTES);
  page.set(start);
  page.set(end, PAGE_BYTES - end.length);
  assertEquals(frame.u8.slice(SLOT << PAGE_SHIFT, (SLOT + 1) << PAGE_SHIFT), page);
}

function expectHeader(frame: Frame, expected: number[]): void {
  assertEquals([...frame.u8.subarray(SLOT << 5, (SLOT << 5) + 24)], expected);
}

const entry = (key: string, value: string) => ({ key: bytesOf(key), value: bytesOf(value) });

describe("node: layout", () => {
  it("of a leaf is heads, offsets, cells from the end, and the prefix", () => {
    const frame = newLeaf([entry("abc", "1"), entry("abcdefgh", ""), entry("abd", "xyz")]);
    expectPage(
      frame,
      [
        ...[0, 0, 0, 0x63, 0x66, 0x65, 0x64, 0x63, 0, 0, 0, 0x64],
        ...[0xfb, 0x1f, 0xf7, 0x1f, 0xf2, 0x1f],
      ],
      [1, 3, 0x78, 0x79, 0x7a, 6, 0, 0x67, 0x68, 1, 1, 0x31, 0x61, 0x62],
    );
    expectHeader(frame, [
      ...[1, 0, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, 0, 0, 0xf2, 0x1f, 2, 0, 0, 0],
    ]);
  });

  it("of a leaf with a reference has the tag 0x7fff, 16 bytes, and the flag", () => {
    const value = Uint8Array.from({ length: 16 }, (_, i) => 0x40 + i);
    const frame = newLeaf([{ key: bytesOf("k"), value, isReference: true }]);
    expectPage(frame, [0, 0, 0, 0x6b, 0xed, 0x1f], [1, 0xff, 0xff, ...value]);
    expectHeader(frame, [
      ...[1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, 0, 0, 0xed, 0x1f, 0, 0x80, 0, 0],
    ]);
  });

  it("of a branch has children between heads and offsets, and no first key", () => {
    const keys = ["never seen", "abc", "abdefghi"];
    const frame = newBranch(keys.map((key, i) => ({ key: bytesOf(key), child: 10 + i })));
    expectPage(
      frame,
      [
        ...[0, 0, 0, 0, 0, 0, 0, 0x63, 0x67, 0x66, 0x65, 0x64],
        ...[10, 0, 0, 0, 11, 0, 0, 0, 12, 0, 0, 0],
        ...[0xfd, 0x1f, 0xfc, 0x1f, 0xf9, 0x1f],
      ],
      [6, 0x68, 0x69, 1, 0, 0x61, 0x62],
    );
    expectHeader(frame, [
      ...[2, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, 0, 0, 0xf9, 0x1f, 2, 0, 0, 0],
    ]);
  });

  it("of lengths takes one byte below 128 and two from there on", () => {
    const u8 = new Uint8Array(4);
    for (const length of [0, 1, 127, 128, 255, 256, 2048, REFERENCE_TAG]) {
      assertEquals(putLength(u8, 1, length), 1 + lengthBytes(length));
      assertEquals(lengthAt(u8, 1), length);
    }
    putLength(u8, 1, 2048);
    assertEquals([...u8], [0, 0x88, 0, 0]);
  });

  it("of a cell has the size that cellBytes() and payloadBytes() say", () => {
    for (const keyBytes of [0, 3, 4, 5, 127, 128, 131, 132, 2048]) {
      for (const bytes of [0, 127, 128, 2000]) {
        const value = new Uint8Array(bytes);
        const frame = newLeaf([{ key: new Uint8Array(keyBytes), value }]);
        const size = 6 + cellBytes(keyBytes, payloadBytes(bytes));
        assertEquals(usedBytesOf(frame, SLOT), size);
        assertEquals(readLeaf(frame)[0]!.value, value);
        assertEquals(keyLengthAt(frame, SLOT, 0), keyBytes);
      }
    }
  });
});

describe("LeafCell.read()", () => {
  it("returns the positions of key bytes and value, and the end of the cell", () => {
    const cell = new LeafCell();
    cell.read(bytesOf("..\x06\x02ghxy"), 2);
    assertEquals([cell.suffix, cell.tag, cell.tailAt, cell.valueAt, cell.end], [6, 2, 4, 6, 8]);
    cell.read(bytesOf("\x04\x00"), 0);
    assertEquals([cell.suffix, cell.tag, cell.tailAt, cell.valueAt, cell.end], [4, 0, 2, 2, 2]);
    cell.read(bytesOf("\x81\x00\xff\xff"), 0);
    assertEquals([cell.suffix, cell.tag, cell.valueAt], [256, REFERENCE_TAG, 4 + 252]);
    assertEquals(cell.end, 4 + 252 + 16);
  });
});

describe("headOf()", () => {
  it("takes four bytes, padded with zeros, as an unsigned number", () => {
    assertEquals(headOf(bytesOf("\xff\xfe\xfd\xfc\xfb"), 0, 5), 0xfffefdfc);
    assertEquals(headOf(bytesOf("\xff\xfe\xfd\xfc\xfb"), 3, 5), 0xfcfb0000);
    assertEquals(headOf(bytesOf("abc"), 0, 2), 0x61620000);
    assertEquals(headOf(bytesOf("abc"), 3, 3), 0);
    assertEquals(headOf(bytesOf(""), 0, 0), 0);
  });
});

describe("comparePrefix()", () => {
  it("is below, at or above the keys that begin with it", () => {
    const frame = newLeaf([entry("bbb1", ""), entry("bbb2", "")]);
    const where = (key: string) => Math.sign(comparePrefix(frame, SLOT, bytesOf(key), key.length));
    const found = ["", "a", "bb", "bba", "bbb", "bbb\0", "bbbz", "bbc", "c"].map(where);
    assertEquals(found, [-1, -1, -1, -1, 0, 0, 0, 1, 1]);
  });
});

/** The key, one that is a bit less, one that is a bit more, its beginnings, and what it begins. */
function probesAround(key: Uint8Array): Uint8Array[] {
  const probes = [key, bytesOf(nameOf(key) + "\0"), bytesOf(nameOf(key) + "\xff")];
  if (key.length > 0) {
    probes.push(key.slice(0, -1), key.slice(0, key.length >>> 1));
    for (const step of [1, 255]) {
      const near = key.slice();
      near[near.length - 1]! += step;
      probes.push(near);
    }
  }
  return probes;
}

/** Distinct keys in order, as many as fit a page. */
function someKeys(random: Random, family: (random: Random) => Uint8Array): Uint8Array[] {
  const names = new Set<string>();
  let room = 8000;
  for (let i = random.below(200); i >= 0 && room > 0; i--) {
    const key = family(random);
    room -= key.length + 13;
    if (room > 0) names.add(nameOf(key));
  }
  return [...names].sort().map(bytesOf);
}

const TIES = (random: Random) => {
  const tail = Array.from({ length: random.below(4) }, () => random.pick([0, 1, 0xff]));
  return Uint8Array.from([7, 7, 7, 7, ...tail].slice(random.below(3) * 2));
};
const FAMILIES = { ...KEY_FAMILIES, "keys that tie in their heads": TIES };

describe("searchLeaf()", () => {
  for (const [name, family] of Object.entries(FAMILIES)) {
    it(`agrees with a model that looks at every entry: ${name}`, () => {
      eachSeed(12, (random) => {
        const keys = someKeys(random, family);
        const frame = newLeaf(keys.map((key, i) => ({ key, value: new Uint8Array(i & 3) })));
        const sorted = keys.map(nameOf);
        assertEquals(readLeaf(frame).map(({ key }) => nameOf(key)), sorted);
        const probes = [new Uint8Array(0), ...keys.flatMap(probesAround), family(random)];
        for (const probe of probes) {
          const at = sorted.filter((key) => key < nameOf(probe)).length;
          const expected = sorted[at] === nameOf(probe) ? at : ~at;
          assertEquals(searchLeaf(frame, SLOT, probe, probe.length), expected);
        }
      });
    });
  }

  it("finds nothing in an empty leaf", () => {
    assertEquals(searchLeaf(newLeaf([]), SLOT, bytesOf("a"), 1), ~0);
    assertEquals(searchLeaf(newLeaf([]), SLOT, bytesOf(""), 0), ~0);
  });

  it("looks at the length given, not at that of the buffer", () => {
    const frame = newLeaf([entry("abcdef", "")]);
    assertEquals(searchLeaf(frame, SLOT, bytesOf("abcdefgh"), 6), 0);
    assertEquals(searchLeaf(frame, SLOT, bytesOf("abcdefgh"), 7), ~1);
    assertEquals(searchLeaf(frame, SLOT, bytesOf("abcdefgh"), 3), ~0);
  });
});

describe("searchBranch()", () => {
  for (const [name, family] of Object.entries(FAMILIES)) {
    it(`takes the last entry whose key is not above: ${name}`, () => {
      eachSeed(12, (random) => {
        const keys = someKeys(random, family).filter((key) => key.length > 0);
        const first = { key: bytesOf("not stored"), child: 99 };
        const frame = newBranch([first, ...keys.map((key, i) => ({ key, child: 100 + i }))]);
        const sorted = keys.map(nameOf);
        assertEquals(readBranch(frame).map(({ key }) => nameOf(key)), ["", ...sorted]);
        for (const probe of [new Uint8Array(0), ...keys.flatMap(probesAround)]) {
          const expected = sorted.filter((key) => key <= nameOf(probe)).length;
          assertEquals(searchBranch(frame, SLOT, probe, probe.length), expected);
        }
      });
    });
  }

  it("takes the only entry of a branch that has one", () => {
    const frame = newBranch([{ key: bytesOf(""), child: 5 }]);
    assertEquals(header.entriesOf(frame, SLOT), 1);
    assertEquals(searchBranch(frame, SLOT, bytesOf("z"), 1), 0);
    assertEquals(searchBranch(frame, SLOT, bytesOf(""), 0), 0);
  });
});
