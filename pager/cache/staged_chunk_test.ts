// The copy of a chunk: what one slice uses of fresh memory, and what it writes where.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { CHUNK_BYTES, CHUNK_PAGES, PAGE_BYTES } from "../format/format.ts";
import { Frame } from "../format/frame.ts";
import { PART_PAGES, StagedChunk } from "./staged_chunk.ts";

/** The calls of `prepare` until it is ready. */
function callsToPrepare(staged: StagedChunk, pages: number): number {
  for (let calls = 1;; calls++) if (staged.prepare(pages)) return calls;
}

describe("the memory of a staged chunk", () => {
  it("is used for the first time in parts, a few pages in each slice", () => {
    const staged = new StagedChunk();
    assertEquals(callsToPrepare(staged, PART_PAGES), 2);
    assertEquals(callsToPrepare(staged, CHUNK_PAGES), CHUNK_PAGES / PART_PAGES);
    assertEquals(callsToPrepare(staged, CHUNK_PAGES), 1);
  });

  it("is kept from one checkpoint to the next, until one does without it", () => {
    const staged = new StagedChunk();
    callsToPrepare(staged, CHUNK_PAGES);
    staged.rest();
    assertEquals(callsToPrepare(staged, CHUNK_PAGES), 1);
    staged.rest();
    staged.rest();
    assertEquals(callsToPrepare(staged, CHUNK_PAGES), CHUNK_PAGES / PART_PAGES + 1);
  });
});

describe("a staged chunk", () => {
  /** The bytes of a file after slots of a frame were copied and written, and the calls. */
  function written(
    slots: readonly number[],
    pagesMax: number,
  ): { bytes: Uint8Array; calls: number } {
    const frame = new Frame(0, 1);
    for (let slot = 0; slot < CHUNK_PAGES; slot++) {
      frame.u8.fill(slot || 77, slot * PAGE_BYTES, (slot + 1) * PAGE_BYTES);
    }
    const staged = new StagedChunk();
    callsToPrepare(staged, slots.length);
    staged.begin(1, 7);
    for (const slot of slots) staged.copy(slot, frame, slot);
    frame.u8.fill(0);
    const file = new MemoryFile();
    const disk = new Disk(file);
    let calls = 0;
    for (let left = slots.length; left > 0; left = staged.pagesLeft) {
      assertEquals(file.content()[CHUNK_BYTES + 5] ?? 0, 0, "the header page is the last one");
      calls += staged.write(disk, pagesMax);
      assertEquals(left - staged.pagesLeft, Math.min(left, pagesMax));
    }
    return { bytes: file.content(), calls };
  }

  const all = Array.from({ length: CHUNK_PAGES }, (_, slot) => slot);
  const half = all.filter((slot) => slot % 2 === 0);
  const cases: readonly [string, readonly number[], number, number][] = [
    ["a few", [0, 3, 4, 5, 9, 255], CHUNK_PAGES, 4],
    ["all", all, CHUNK_PAGES, CHUNK_PAGES / PART_PAGES + 1],
    ["every second", half, CHUNK_PAGES, CHUNK_PAGES / 2],
    ["a few, by two", [0, 3, 4, 5, 9, 255], 2, 5],
    ["all, by parts of the memory less the header page", all, PART_PAGES - 1, 16],
    ["every second, by seven", half, 7, CHUNK_PAGES / 2],
    ["the header page", [0], 1, 1],
  ];
  for (const [name, slots, pagesMax, calls] of cases) {
    it(`is written to the places of its pages, neighbours together: ${name}`, () => {
      const found = written(slots, pagesMax);
      assertEquals(found.calls, calls);
      for (let slot = 0; slot < CHUNK_PAGES; slot++) {
        const byte = found.bytes[(CHUNK_PAGES + slot) * PAGE_BYTES + 5] ?? 0;
        assertEquals(byte, slots.includes(slot) ? slot || 77 : 0, `slot ${slot}`);
      }
    });
  }
});
