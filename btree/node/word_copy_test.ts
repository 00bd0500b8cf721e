// Copies by words equal copies by bytes, at every offset and length, up to the ends of the arrays.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { copyWords } from "./word_copy.ts";

describe("copyWords()", () => {
  it("copies what set() does, wherever it begins and ends", () => {
    const source = Uint8Array.from({ length: 64 }, (_, i) => 200 + i * 37);
    for (let from = 0; from <= source.length; from++) {
      for (let count = 0; from + count <= source.length; count++) {
        const target = new Uint8Array(80).fill(0xee);
        copyWords(new Uint32Array(source.buffer), from, new Uint32Array(target.buffer), 2, count);
        const what = `${count} bytes from ${from}`;
        assertEquals(target.subarray(8, 8 + count), source.subarray(from, from + count), what);
        assertEquals(target.subarray(0, 8), new Uint8Array(8).fill(0xee), what);
        const end = (8 + count + 3) & ~3;
        assertEquals(target.subarray(end), new Uint8Array(80 - end).fill(0xee), what);
      }
    }
  });
});
