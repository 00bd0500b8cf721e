// Memory for results: copies are correct and independent; no change of one affects another.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import { Slab } from "./slab.ts";

/** Sizes around every limit: the copying loop, the slab, a buffer of its own. */
const SIZES = [0, 1, 47, 48, 49, 1000, 4095, 4096, 4097, 16384, 16385, 100_000];
const source = Uint8Array.from({ length: 200_000 }, (_, i) => i * 7);

describe("Slab.copy()", () => {
  it("copies what it is asked to, at every size", () => {
    const slab = new Slab();
    for (const length of SIZES) {
      for (const start of [0, 1, 13]) {
        assertEquals(slab.copy(source, start, length), source.slice(start, start + length));
      }
    }
  });

  it("hands out copies that do not overlap, and writes to none again", () => {
    const slab = new Slab();
    const random = new Random(1);
    const copies: { copy: Uint8Array; fill: number }[] = [];
    for (let i = 0; i < 3000; i++) {
      const copy = slab.copy(
        source,
        random.below(1000),
        random.below(random.pick([40, 500, 5000])),
      );
      copies.push({ copy: copy.fill(i), fill: i & 0xff });
    }
    for (const { copy, fill } of copies) assert(copy.every((byte) => byte === fill));
  });

  it("does not follow its source", () => {
    const from = new Uint8Array([1, 2, 3]);
    const copy = new Slab().copy(from, 0, 3);
    from.fill(9);
    assertEquals(copy, new Uint8Array([1, 2, 3]));
  });

  it("shares a block among values of like lengths, below 4 KiB only", () => {
    const slab = new Slab();
    const blocks: [bytes: number, lengths: number[]][] = [
      [2048, [0, 1, 8, 64]],
      [8192, [65, 256]],
      [16384, [257, 4095]],
    ];
    const all = blocks.map(([bytes, lengths]) => {
      const copies = lengths.map((length) => slab.copy(source, 0, length));
      for (const copy of copies) assertStrictEquals(copy.buffer, copies[0]!.buffer);
      assertEquals(copies[0]!.buffer.byteLength, bytes);
      return copies[0]!.buffer;
    });
    assertEquals(new Set(all).size, 3);
    const own = slab.copy(source, 0, 4096);
    assertEquals(own.buffer.byteLength, 4096);
  });

  it("does not let a transfer take neighbours along, nor break what comes later", () => {
    for (const length of SIZES) {
      const slab = new Slab();
      const [before, copy, after] = [5, length, 5].map((size) => slab.copy(source, 0, size));
      tryTransfer(copy!);
      for (const neighbour of [before, after]) assertEquals(neighbour, source.slice(0, 5));
      assertEquals(slab.copy(source, 3, length), source.slice(3, 3 + length), `after ${length}`);
    }
  });

  it("works after its first copy, an empty one, was transferred", () => {
    const slab = new Slab();
    tryTransfer(slab.copy(source, 0, 0));
    assertEquals(slab.copy(source, 0, 0), new Uint8Array(0));
  });
});

/** Posts bytes as a careless caller would; it may be refused. */
function tryTransfer(bytes: Uint8Array): void {
  try {
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
  } catch (error) {
    assert(error instanceof TypeError || error instanceof DOMException, String(error));
  }
}
