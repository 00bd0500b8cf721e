// Compares the bitmap searches with simple loops over an array of booleans.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { BITS, findFree, longestFree, nextFree, nextTaken, WORDS } from "./bitmap.ts";

const SPANS = [1, 7, 8, 9, 63, 64, 65, 254, 255, 256];

function wordsOf(taken: readonly boolean[]): Uint32Array {
  const words = new Uint32Array(WORDS);
  taken.forEach((isTaken, slot) => {
    if (isTaken) words[slot >>> 5]! |= 1 << (slot & 31);
  });
  return words;
}

function naiveFind(taken: readonly boolean[], span: number, from: number): number {
  for (let slot = from; slot + span <= BITS; slot++) {
    if (!taken.slice(slot, slot + span).includes(true)) return slot;
  }
  return -1;
}

function naiveNext(taken: readonly boolean[], from: number, wanted: boolean): number {
  const slot = taken.indexOf(wanted, from);
  return slot < 0 ? BITS : slot;
}

function naiveLongest(taken: readonly boolean[]): number {
  let longest = 0;
  let length = 0;
  for (const isTaken of taken) {
    length = isTaken ? 0 : length + 1;
    longest = Math.max(longest, length);
  }
  return longest;
}

/** Bitmaps made of a few runs, so that long free runs are as likely as short ones. */
const bitmaps = fc.array(fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 255 }), fc.boolean()), {
  maxLength: 12,
}).map((runs) => {
  const taken = new Array<boolean>(BITS).fill(false);
  for (const [start, length, value] of runs) taken.fill(value, start, start + length);
  return taken;
});

/** Bitmaps of single bits. */
const speckled = fc.array(fc.boolean(), { minLength: BITS, maxLength: BITS });

/** A bitmap with one gap, of `length` free slots at `start`. */
function gap(start: number, length: number): Uint32Array {
  return wordsOf(Array.from({ length: BITS }, (_, i) => i < start || i >= start + length));
}

describe("bitmap", () => {
  it("has 256 bits in 8 words", () => {
    assertEquals([BITS, WORDS], [256, 8]);
  });

  for (const span of SPANS) {
    it(`findFree finds ${span} slots where exactly that many are free`, () => {
      for (let start = 0; start + span <= BITS; start++) {
        assertEquals(findFree(gap(start, span), span, 0), start);
        assertEquals(findFree(gap(start, span), span, start), start);
        assertEquals(findFree(gap(start, span), span, start + 1), -1);
        if (span > 1) assertEquals(findFree(gap(start, span - 1), span, 0), -1);
      }
    });
  }

  it("findFree agrees with the model", () => {
    const anySpan = fc.oneof(fc.constantFrom(...SPANS), fc.integer({ min: 1, max: 256 }));
    fc.assert(
      fc.property(fc.oneof(bitmaps, speckled), anySpan, fc.nat(BITS), (taken, span, from) => {
        assertEquals(findFree(wordsOf(taken), span, from), naiveFind(taken, span, from));
      }),
      { numRuns: 2000 },
    );
  });

  it("longestFree agrees with the model", () => {
    fc.assert(fc.property(fc.oneof(bitmaps, speckled), (taken) => {
      assertEquals(longestFree(wordsOf(taken)), naiveLongest(taken));
    }));
  });

  it("nextTaken and nextFree agree with the model from every slot", () => {
    fc.assert(fc.property(fc.oneof(bitmaps, speckled), (taken) => {
      const words = wordsOf(taken);
      for (let from = 0; from <= BITS; from++) {
        assertEquals(nextTaken(words, from), naiveNext(taken, from, true));
        assertEquals(nextFree(words, from), naiveNext(taken, from, false));
      }
    }));
  });

  it("an empty and a full bitmap are the ends of every answer", () => {
    const empty = new Uint32Array(WORDS);
    const full = new Uint32Array(WORDS).fill(0xffff_ffff);
    assertEquals([longestFree(empty), nextTaken(empty, 0)], [256, 256]);
    assertEquals([longestFree(full), nextFree(full, 0)], [0, 256]);
    for (const span of SPANS) {
      assertEquals(findFree(empty, span, 0), 0);
      assertEquals(findFree(full, span, 0), -1);
    }
  });

  it("longestFree of one gap is its length, wherever it lies", () => {
    for (const length of SPANS) {
      for (let start = 0; start + length <= BITS; start++) {
        assertEquals(longestFree(gap(start, length)), length);
      }
    }
  });
});
