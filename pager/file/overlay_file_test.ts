// Compares an overlay with a file that is written: the bytes are the same, the base is unchanged.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { always, FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import { PAGE_BYTES } from "../format/format.ts";
import { MemoryFile } from "./memory_file.ts";
import { OverlayFile, type PagePatches } from "./overlay_file.ts";

const BLOCK = 65_536;

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

/** The bytes of a file. */
function contentOf(file: OverlayFile): Uint8Array {
  const bytes = new Uint8Array(file.size()).fill(0xee);
  assertEquals(file.readAt(bytes, 0, bytes.length, 0), bytes.length);
  return bytes;
}

describe("OverlayFile", () => {
  for (const half of [false, true]) {
    it(`reads as a file that was written does${half ? ", over short reads" : ""}`, () => {
      const random = new Random(3);
      const first = randomBytes(random, 3 * BLOCK + 777);
      const base = new FaultyFile(new MemoryFile(first));
      if (half) base.fault = always("half", "read");
      const overlay = new OverlayFile(base);
      const model = new MemoryFile(first);
      for (let step = 0; step < 60; step++) {
        const position = random.below(5 * BLOCK);
        const source = randomBytes(random, random.pick([1, 100, 8192, BLOCK + 5]));
        const start = random.below(source.length);
        const length = source.length - start;
        const file = random.once(2) ? overlay.writeAt : overlay.writeThroughAt;
        assertEquals(file.call(overlay, source, start, length, position), length);
        model.writeAt(source, start, length, position);
        assertEquals(overlay.size(), model.size());
      }
      overlay.sync();
      assertEquals(contentOf(overlay).join(), model.content().join());
      const { write, truncate, sync } = base.counts;
      assertEquals([write, truncate, sync], [0, 0, 0]);
    });
  }

  it("extends with zeros, and gives no bytes past a cut back", () => {
    const first = new Uint8Array(2 * BLOCK).fill(7);
    for (const touched of [false, true]) {
      const base = new MemoryFile(first);
      const overlay = new OverlayFile(base);
      const model = new MemoryFile(first);
      for (const file of [overlay, model]) {
        if (touched) file.writeAt(new Uint8Array([9]), 0, 1, 10);
        file.truncate(20);
        assertEquals(file.size(), 20);
        assertEquals(file.readAt(new Uint8Array(100), 0, 100, 15), 5);
        file.truncate(BLOCK + 40);
        file.writeAt(new Uint8Array([8]), 0, 1, BLOCK + 50);
      }
      assertEquals(contentOf(overlay).join(), model.content().join());
      assertEquals(base.content().join(), first.join());
    }
  });

  it("tells where its content ends, past which a longer file is zero", () => {
    const overlay = new OverlayFile(new MemoryFile(new Uint8Array(100)));
    assertEquals(overlay.contentEnd(), 100);
    overlay.truncate(50 * BLOCK);
    assertEquals([overlay.size(), overlay.contentEnd()], [50 * BLOCK, 100]);
    overlay.writeAt(new Uint8Array([9]), 0, 1, 7 * BLOCK + 3);
    assertEquals(overlay.contentEnd(), 7 * BLOCK + PAGE_BYTES);
    overlay.truncate(10);
    assertEquals(overlay.contentEnd(), 10);
    overlay.truncate(200);
    assertEquals(contentOf(overlay).join(), new Uint8Array(200).join());
  });

  const patches = (...pages: number[]): PagePatches => ({
    end: (pages.at(-1)! + 1) * PAGE_BYTES,
    next: (page) => pages.find((other) => other >= page) ?? Infinity,
    apply: (page, { u8 }) => u8[5] = u8[0]! + page,
  });

  it("applies patches at each read, below what is written", () => {
    const base = new MemoryFile(new Uint8Array(2 * BLOCK).fill(7));
    const overlay = new OverlayFile(base);
    overlay.patch(patches(3, 4, 20));
    const expected = new Uint8Array(21 * PAGE_BYTES).fill(7, 0, 2 * BLOCK);
    for (const page of [3, 4, 20]) expected[page * PAGE_BYTES + 5] = page + (page < 16 ? 7 : 0);
    assertEquals([overlay.size(), overlay.contentEnd()], [expected.length, expected.length]);
    assertEquals(contentOf(overlay).join(), expected.join());
    overlay.writeAt(new Uint8Array([1, 2]), 0, 2, 4 * PAGE_BYTES + 100);
    expected.set([1, 2], 4 * PAGE_BYTES + 100);
    const part = new Uint8Array(PAGE_BYTES + 200);
    const start = 4 * PAGE_BYTES - 100;
    assertEquals(overlay.readAt(part, 0, part.length, start), part.length);
    assertEquals(part.join(), expected.subarray(start, start + part.length).join());
    assertEquals(base.content()[3 * PAGE_BYTES + 5], 7);
  });

  it("shows no byte of a patched page that was truncated", () => {
    const overlay = new OverlayFile(new MemoryFile(new Uint8Array(BLOCK).fill(7)));
    overlay.patch(patches(1, 2));
    overlay.truncate(PAGE_BYTES + 3);
    overlay.truncate(BLOCK);
    const expected = new Uint8Array(BLOCK).fill(7, 0, PAGE_BYTES + 3);
    assertEquals(contentOf(overlay).join(), expected.join());
    overlay.writeAt(new Uint8Array([1]), 0, 1, 2 * PAGE_BYTES + 9);
    expected[2 * PAGE_BYTES + 9] = 1;
    assertEquals(contentOf(overlay).join(), expected.join());
  });

  it("closes the base", () => {
    const base = new FaultyFile(new MemoryFile());
    new OverlayFile(base).close();
    assertEquals(base.counts.close, 1);
  });
});
