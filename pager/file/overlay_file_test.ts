// Compares an overlay with a file that is written: the bytes are the same, the base is unchanged.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { always, FaultyFile } from "../../tests/support/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import { MemoryFile } from "./memory_file.ts";
import { OverlayFile } from "./overlay_file.ts";

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
    assertEquals(overlay.contentEnd(), 8 * BLOCK);
    overlay.truncate(10);
    assertEquals(overlay.contentEnd(), 10);
    overlay.truncate(200);
    assertEquals(contentOf(overlay).join(), new Uint8Array(200).join());
  });

  it("closes the base", () => {
    const base = new FaultyFile(new MemoryFile());
    new OverlayFile(base).close();
    assertEquals(base.counts.close, 1);
  });
});
