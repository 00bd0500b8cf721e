// Lists of entries on their way into new pages: from two nodes and new ones, in any stretch,
// with the longest prefix, without garbage, also into the page they came from; and where to cut
// them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AssertionError } from "../../pager/format/assert.ts";
import { format, type Frame, header } from "../../pager/mod.ts";
import type { Random } from "../../tests/support/random.ts";
import {
  expectTidyNode,
  type LeafEntry,
  newBranch,
  newLeaf,
  newNode,
  readBranch,
  readLeaf,
  SLOT,
} from "../../tests/support/trees/nodes.ts";
import {
  bytesOf,
  eachSeed,
  KEY_FAMILIES,
  nameOf,
  valueOf,
} from "../../tests/support/trees/trees.ts";
import { fitsLeaf } from "../tree.ts";
import { EntryList } from "./entry_list.ts";
import { REFERENCE_BYTES, REFERENCE_TAG, usedBytesOf } from "./node.ts";
import { removeLeafEntry } from "./node_edit.ts";

const { FLAG_HOLDS_RUNS, PAGE_BYTES } = format;
const { entriesOf, flagsOf, garbageOf, linkOf, prefixLengthOf, setLink } = header;

const entry = (key: string, value: string): LeafEntry => {
  return { key: bytesOf(key), value: bytesOf(value) };
};
const namesIn = (frame: Frame) => readLeaf(frame).map(({ key }) => nameOf(key));

function build(list: EntryList, leaf: boolean, from: number, to: number): Frame {
  const frame = newNode(leaf);
  list.build(frame, SLOT, from, to);
  expectTidyNode(frame);
  return frame;
}

/** Entries in order, as large as a leaf takes them. */
function someEntries(random: Random, most: number): LeafEntry[] {
  const family = random.pick(Object.values(KEY_FAMILIES));
  const keys = new Set(
    Array.from({ length: 1 + random.below(most) }, () => nameOf(family(random))),
  );
  return [...keys].sort().map((name, i) => {
    const wanted = random.pick([0, 5, 100, 900, 2048]);
    const bytes = fitsLeaf(name.length, wanted) ? wanted : 10;
    if (!random.once(10)) return { key: bytesOf(name), value: valueOf({ bytes, salt: i }) };
    const value = valueOf({ bytes: REFERENCE_BYTES, salt: i });
    return { key: bytesOf(name), value, isReference: true };
  });
}

function listOf(entries: readonly LeafEntry[]): EntryList {
  const list = new EntryList();
  list.begin(true);
  for (const { key, value, isReference } of entries) {
    list.putLeafEntry(key, key.length, isReference ? REFERENCE_TAG : value.length, value);
  }
  return list;
}

describe("EntryList.build()", () => {
  it("joins two nodes and a new entry in the order they are taken", () => {
    const list = new EntryList();
    list.begin(true);
    list.load(
      1,
      newLeaf([entry("ba1", "1"), entry("ba2", "2"), entry("ba3", "3")]),
      SLOT,
    );
    list.load(2, newLeaf([entry("bc1", "7"), entry("bc2", "8")]), SLOT);
    list.take(1, 0, 2);
    list.take(1, 2, 3);
    list.putLeafEntry(bytesOf("bb-not"), 2, 3, bytesOf("new-not"));
    list.take(2, 1, 2);
    assertEquals(list.count, 5);
    const frame = build(list, true, 0, 5);
    assertEquals(readLeaf(frame), [
      entry("ba1", "1"),
      entry("ba2", "2"),
      entry("ba3", "3"),
      entry("bb", "new"),
      entry("bc2", "8"),
    ]);
    assertEquals(prefixLengthOf(frame, SLOT), 1);
    assertEquals(prefixLengthOf(build(list, true, 0, 3), SLOT), 2);
    assertEquals(prefixLengthOf(build(list, true, 4, 5), SLOT), 0);
  });

  it("takes stretches of what a node held before it was overwritten by one", () => {
    const frame = newLeaf(["a", "b", "c", "d", "e"].map((key) => entry(key, key + key)));
    setLink(frame, SLOT, 4711);
    removeLeafEntry(frame, SLOT, 1);
    assert(garbageOf(frame, SLOT) > 0);
    const list = new EntryList();
    list.begin(true);
    list.load(1, frame, SLOT);
    list.take(1, 0, 4);
    list.build(frame, SLOT, 2, 4);
    expectTidyNode(frame);
    assertEquals(readLeaf(frame), [entry("d", "dd"), entry("e", "ee")]);
    assertEquals([garbageOf(frame, SLOT), linkOf(frame, SLOT)], [0, 4711]);
    list.build(frame, SLOT, 0, 2);
    assertEquals(namesIn(frame), ["a", "c"]);
  });

  it("flags a leaf just when an entry refers to runs", () => {
    const value = new Uint8Array(REFERENCE_BYTES).fill(3);
    const list = listOf([entry("a", ""), { key: bytesOf("b"), value, isReference: true }]);
    assertEquals(flagsOf(build(list, true, 0, 1), SLOT), 0);
    assertEquals(flagsOf(build(list, true, 1, 2), SLOT), FLAG_HOLDS_RUNS);
    const both = new EntryList();
    both.begin(true);
    both.load(1, build(list, true, 0, 2), SLOT);
    both.take(1, 0, 2);
    assertEquals(flagsOf(build(both, true, 0, 1), SLOT), 0);
    assertEquals(readLeaf(build(both, true, 1, 2))[0]!.value, value);
  });

  it("keeps every entry of random lists, in any two parts", () => {
    eachSeed(60, (random) => {
      const entries = someEntries(random, 40);
      const list = listOf(entries);
      for (let from = 0; from < entries.length;) {
        let to = from + 1;
        while (to < entries.length && list.fits(from, to + 1)) to++;
        const frame = build(list, true, from, to);
        assertEquals(readLeaf(frame), entries.slice(from, to));
        const prefix = list.prefixLength(from, to);
        assertEquals(usedBytesOf(frame, SLOT), list.bytes(from, to, prefix));
        from = to;
      }
    });
  });

  it("gives a branch's first entry no key, which does not count for the prefix", () => {
    const list = new EntryList();
    list.begin(false);
    list.load(1, newBranch([entry2("", 5), entry2("xa", 6), entry2("xb", 7)]), SLOT);
    list.take(1, 0, 3);
    list.putBranchEntry(bytesOf("xc"), 2, 8);
    list.putBranchEntry(bytesOf("xd"), 2, 9);
    const left = build(list, false, 0, 3);
    assertEquals(readBranch(left), [entry2("", 5), entry2("xa", 6), entry2("xb", 7)]);
    const right = build(list, false, 2, 5);
    assertEquals(readBranch(right), [entry2("", 7), entry2("xc", 8), entry2("xd", 9)]);
    assertEquals([left, right].map((frame) => prefixLengthOf(frame, SLOT)), [1, 1]);
    assertEquals(prefixLengthOf(build(list, false, 3, 5), SLOT), 0);
    assertEquals(list.childOf(1), 6);
    assertEquals(list.childOf(4), 9);
  });

  it("refuses what does not fit", () => {
    const entries = ["a", "b", "c", "d"].map((key) => {
      return { key: bytesOf(key), value: new Uint8Array(2048) };
    });
    const list = listOf(entries);
    assertEquals([list.fits(0, 3), list.fits(0, 4)], [true, false]);
    assertThrows(() => list.build(newNode(true), SLOT, 0, 4), AssertionError, "fits a page");
  });

  it("builds the next page right after one that did not fit", () => {
    const large = Array.from({ length: 3 }, (_, i) => {
      return { key: bytesOf(`large ${i} of three`), value: valueOf({ bytes: 2048, salt: i }) };
    });
    const list = new EntryList();
    list.begin(true);
    list.load(1, build(listOf(large), true, 0, 3), SLOT);
    list.take(1, 0, 3);
    list.take(1, 0, 3);
    assertThrows(() => list.build(newNode(true), SLOT, 0, 6), AssertionError, "fits a page");
    const small = [entry("small 1", "1"), entry("small 2", "2")];
    list.begin(true);
    for (const { key, value } of small) list.putLeafEntry(key, key.length, value.length, value);
    assertEquals(readLeaf(build(list, true, 0, 2)), small);
  });
});

const entry2 = (key: string, child: number) => ({ key: bytesOf(key), child });

describe("EntryList.prefixLength()", () => {
  const lengthOf = (...keys: string[]) => {
    return listOf(keys.map((key) => entry(key, ""))).prefixLength(0, keys.length);
  };

  it("is what all keys begin with, of two or more", () => {
    assertEquals(lengthOf("abcdefgh"), 0);
    assertEquals(lengthOf("abcdefgh", "abcxefgh"), 3);
    assertEquals(lengthOf("abcdefgh", "bbcxefgh"), 0);
  });

  it("is no longer than saves bytes where a page would be too small: a head has four", () => {
    const entries = Array.from({ length: 1024 }, (_, i) => {
      return { key: new Uint8Array([7, 7, i >>> 8, i]), value: new Uint8Array(0) };
    });
    assertEquals(listOf(entries).prefixLength(0, 1023), 2);
    assertEquals(listOf(entries).prefixLength(0, 1024), 0);
    assertEquals(entriesOf(build(listOf(entries), true, 0, 1024), SLOT), 1024);
    const { value } = entries[0]!;
    const [left, right] = [bytesOf("\x07\x07\x00\x00aa"), bytesOf("\x07\x07\x00\x00ab")];
    const longer = [{ key: left, value }, { key: right, value }, ...entries.slice(1, 1022)];
    assertEquals(listOf(longer).prefixLength(0, 1023), 2);
  });
});

describe("EntryList.thirds()", () => {
  it("cuts into three parts by bytes", () => {
    const cutsOf = (...sizes: number[]) => {
      return listOf(sizes.map((bytes, i) => {
        return { key: bytesOf(`${i}`), value: valueOf({ bytes, salt: i }) };
      })).thirds();
    };
    assertEquals(cutsOf(100, 100, 100, 100, 100, 100), [2, 4]);
    assertEquals(cutsOf(300, 300, 300, 900, 450, 450), [3, 4]);
    assertEquals(cutsOf(10, 10), [1, 1]);
  });
});

describe("EntryList.takeAhead() and drop()", () => {
  it("add the entries of a node before all others, and take them off again", () => {
    const list = new EntryList();
    list.begin(true);
    list.load(1, newLeaf([entry("d", "4"), entry("f", "6")]), SLOT);
    list.load(2, newLeaf([entry("a", "1"), entry("b", "2"), entry("c", "3")]), SLOT);
    list.take(1, 0, 1);
    list.putLeafEntry(bytesOf("e"), 1, 1, bytesOf("5"));
    list.take(1, 1, 2);
    list.takeAhead(2, 3);
    assertEquals(namesIn(build(list, true, 0, 6)), ["a", "b", "c", "d", "e", "f"]);
    assertEquals([1, 2, 3, 4, 5].map((at) => list.ascendsAt(at)), Array(5).fill(true));
    list.drop(0, 3);
    const rest = [entry("d", "4"), entry("e", "5"), entry("f", "6")];
    assertEquals(readLeaf(build(list, true, 0, list.count)), rest);
    list.take(2, 0, 3);
    assertEquals([3, 4].map((at) => list.ascendsAt(at)), [false, true]);
    list.drop(3, 6);
    assertEquals(readLeaf(build(list, true, 0, list.count)), rest);
  });
});

describe("EntryList.middle()", () => {
  it("leaves two parts that fit, of a full page and one entry more with its prefix", () => {
    eachSeed(150, (random) => {
      const entries = someEntries(random, 60);
      let fitting = entries.length;
      while (!listOf(entries).fits(0, fitting)) fitting--;
      if (fitting === entries.length) return;
      const list = listOf(entries.slice(0, fitting + 1));
      const cut = list.middle();
      assert(cut > 0 && cut < list.count);
      if (list.prefixLength(0, list.count) < list.prefixLength(0, list.count - 1)) return;
      assert(list.fits(0, cut), "the left part fits");
      assert(list.fits(cut, list.count), "the right part fits");
    });
  });

  it("cuts at the middle by bytes, not by entries", () => {
    const sizes = [2000, 10, 10, 10, 10, 10, 10, 2000];
    const even = listOf(
      sizes.map((bytes, i) => ({ key: bytesOf(`${i}`), value: valueOf({ bytes, salt: i }) })),
    );
    assertEquals(even.middle(), 4);
    const left = listOf([2000, 2000, 10, 10, 10].map((bytes, i) => {
      return { key: bytesOf(`${i}`), value: valueOf({ bytes, salt: i }) };
    }));
    assertEquals(left.middle(), 1);
    const right = listOf([10, 10, 10, 10, 2000].map((bytes, i) => {
      return { key: bytesOf(`${i}`), value: valueOf({ bytes, salt: i }) };
    }));
    assertEquals(right.middle(), 4);
  });
});

describe("EntryList.dropLast()", () => {
  it("forgets the entry added last, and what comes instead is whole", () => {
    const list = listOf([entry("a", "first"), entry("b", "dropped")]);
    list.dropLast();
    list.putLeafEntry(bytesOf("c"), 1, 4, bytesOf("next"));
    assertEquals(readLeaf(build(list, true, 0, 2)), [entry("a", "first"), entry("c", "next")]);
  });
});

describe("EntryList.bytes()", () => {
  it("is what the entries take in a page, also in one that is full to the last byte", () => {
    const entries = Array.from({ length: 1024 }, (_, i) => {
      return { key: new Uint8Array([i >>> 8, i]), value: new Uint8Array(0) };
    });
    const list = listOf(entries);
    assertEquals(list.bytes(0, 1024, 0), PAGE_BYTES);
    const frame = build(list, true, 0, 1024);
    assertEquals(entriesOf(frame, SLOT), 1024);
    assertEquals(header.cellStartOf(frame, SLOT), 1024 * 6);
  });
});
