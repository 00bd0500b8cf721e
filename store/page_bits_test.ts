// A set of pages: compared with a `Set`, and at the edges of its bytes.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../tests/support/random.ts";
import { PageBits } from "./page_bits.ts";

describe("PageBits", () => {
  it("holds what was added and nothing else", () => {
    const random = new Random(1);
    const bits = new PageBits(5000);
    const model = new Set<number>();
    for (let i = 0; i < 4000; i++) {
      const page = random.below(5000);
      assertEquals(bits.add(page), !model.has(page));
      model.add(page);
      assertEquals(bits.size, model.size);
    }
    for (let page = 0; page < 5000; page++) assertEquals(bits.has(page), model.has(page));
  });

  it("keeps nothing past its end, and takes pages above 2^31", () => {
    const few = new PageBits(9);
    for (const page of [8, 15, 16, 2 ** 32 - 1]) few.add(page);
    assertEquals([few.has(8), few.has(7), few.has(2 ** 32 - 1)], [true, false, false]);
    const many = new PageBits(2 ** 31 + 8);
    many.add(2 ** 31 + 3);
    assertEquals([many.has(2 ** 31 + 3), many.has(3), many.size], [true, false, 1]);
  });
});
