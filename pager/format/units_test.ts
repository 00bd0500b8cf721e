// The types of numbers: none is assignable to another, and plain numbers are assignable to all. The
// type check fails if a line marked as an error is not one.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ChunkNumber, PageNumber, Place, Slot, Version } from "./units.ts";

function slotsFrom(slot: Slot, count: number): number[] {
  return Array.from({ length: count }, (_, i) => slot + i);
}

describe("the types of page numbers, chunks, slots, places and versions", () => {
  it("refuse one kind where another belongs, and take plain numbers", () => {
    const page: PageNumber = 300;
    const [chunk, place, version]: [ChunkNumber, Place, Version] = [1, 260, 7];
    const slot: Slot = page & 255;
    assertEquals(slotsFrom(slot, 2), [44, 45]);
    assertEquals(slotsFrom(page & 255, 1), [44]);
    const others = [
      // @ts-expect-error a page is not a slot
      slotsFrom(page, 1),
      // @ts-expect-error nor is a chunk
      slotsFrom(chunk, 1),
      // @ts-expect-error nor is a place
      slotsFrom(place, 1),
      // @ts-expect-error nor is a version
      slotsFrom(version, 1),
    ];
    assertEquals(others.length, 4);
  });
});
