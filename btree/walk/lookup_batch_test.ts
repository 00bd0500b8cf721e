// Look-ups in step: that they find what single ones find, and take each level together.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format, header, type PageNumber } from "../../pager/mod.ts";
import { transact } from "../../tests/support/trees/pages.ts";
import { type Bed, bytesOf, plant, valueOf } from "../../tests/support/trees/trees.ts";
import { LookupBatch, LOOKUPS_MAX } from "./lookup_batch.ts";

const { CHUNK_SHIFT, HEADER_WORD_SHIFT, SLOT_MASK } = format;
const COUNT = 300;

/** Keys in pairs that differ in their last byte, so separators are long, and the tree is high. */
function keyAt(i: number): Uint8Array {
  const pair = i >> 1;
  return bytesOf(String.fromCharCode(pair >> 8, pair & 0xff) + "x".repeat(600) + (i & 1));
}

/** A tree with three levels, with every second pair of keys. */
function plantHigh(): Bed {
  const bed = plant();
  transact(bed.pager, () => {
    for (let i = 0; i < COUNT; i++) {
      bed.tree.put(keyAt(pairOf(i)), valueOf({ bytes: 1500, salt: i }));
    }
  });
  assertEquals(bed.tree.levels(), 3);
  return bed;
}

function pairOf(i: number): number {
  return (i & ~1) * 2 + (i & 1);
}

function levelAt({ pager }: Bed, page: PageNumber): number {
  const place = pager.at(page);
  return header.levelOf(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
}

/** Looks keys up in step; the values found, or undefined. */
function valuesOf({ tree }: Bed, keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
  const batch = new LookupBatch();
  for (const key of keys) batch.add(key, key.length);
  assertEquals([batch.count, batch.isFull], [keys.length, keys.length === LOOKUPS_MAX]);
  batch.descend(tree.nodes);
  return keys.map((_, index) => {
    const found = tree.findOf(batch, index);
    return found && found.bytes.slice(found.at, found.at + found.length);
  });
}

describe("LookupBatch", () => {
  it("finds what single look-ups find, with keys that are there and keys that are not", () => {
    const bed = plantHigh();
    for (let from = 0; from < 2 * COUNT; from += LOOKUPS_MAX) {
      const keys = Array.from(
        { length: LOOKUPS_MAX },
        (_, i) => keyAt((from + i * 37) % (2 * COUNT)),
      );
      for (const short of [1, 3, 602]) keys[short % 7] = keyAt(from).slice(0, short);
      keys[9] = keys[8]!;
      keys[10] = new Uint8Array(0);
      const expected = keys.map((key) => bed.tree.get(key)?.slice());
      assertEquals(valuesOf(bed, keys), expected);
      assert(expected.some((value) => value !== undefined));
    }
  });

  it("finds keys in a tree that is one leaf, and none in an empty one", () => {
    const bed = plant();
    assertEquals(valuesOf(bed, [bytesOf("a")]), [undefined]);
    transact(bed.pager, () => {
      for (const key of ["a", "ab", "b"]) bed.tree.put(bytesOf(key), bytesOf(key));
    });
    const keys = ["ab", "", "abc", "b", "a"].map(bytesOf);
    const expected = [bytesOf("ab"), undefined, undefined, bytesOf("b"), bytesOf("a")];
    assertEquals(valuesOf(bed, keys), expected);
  });

  it("takes one level with all keys before the next", () => {
    const bed = plantHigh();
    const pages: PageNumber[] = [];
    const end = bed.pager.observe({ asked: (page) => void pages.push(page) });
    valuesOf(bed, Array.from({ length: LOOKUPS_MAX }, (_, i) => keyAt(pairOf(i * 18))));
    end();
    const expected = [2, ...Array(LOOKUPS_MAX).fill(1), ...Array(LOOKUPS_MAX).fill(0)];
    assertEquals(pages.map((page) => levelAt(bed, page)), expected);
  });

  it("refuses a page that is not the node that its parent says", () => {
    const bed = plantHigh();
    const batch = new LookupBatch();
    batch.add(keyAt(0), keyAt(0).length);
    const { tree } = bed;
    const { frame, slot } = tree.nodes.leafFor(keyAt(0), keyAt(0).length);
    const word = (slot << HEADER_WORD_SHIFT) + 1;
    frame.u32[word]! ^= 1;
    assertThrows(() => batch.descend(tree.nodes), CorruptionError, `page of tree ${tree.id}`);
    frame.u32[word]! ^= 1;
    batch.descend(tree.nodes);
    assert(tree.findOf(batch, 0) !== undefined);
  });
});
