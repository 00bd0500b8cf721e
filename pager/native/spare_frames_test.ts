/**
 * Frames that are used again: each by one user at a time.
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { giveSpareFrameBack, takeSpareFrame } from "./spare_frames.ts";

describe("a spare frame", () => {
  it("is taken again after it was given back, and by one at a time", () => {
    const first = takeSpareFrame();
    const second = takeSpareFrame();
    assertEquals(first === second, false);
    giveSpareFrameBack(first);
    assertStrictEquals(takeSpareFrame(), first);
    assertEquals(takeSpareFrame() === first, false);
  });

  it("holds a chunk, and is in no cache", () => {
    const { index, chunk, u8 } = takeSpareFrame();
    assertEquals([index, chunk, u8.length], [-1, 0, 2 ** 21]);
  });
});
