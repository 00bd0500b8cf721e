// Compares the set of page numbers with a `Set`.

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { bytesMade } from "../../tests/support/memory.ts";
import { Random } from "../../tests/support/random.ts";
import { PageSet } from "./page_set.ts";

describe("PageSet", () => {
  it("says of each page whether it was new, as a Set does", () => {
    const random = new Random(1);
    const pages = new PageSet();
    const model = new Set<number>();
    const edges = [0, 1, 31, 32, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_fffd];
    for (let i = 0; i < 20_000; i++) {
      const page = random.once(4) ? random.pick(edges) : random.below(3000);
      assertEquals(pages.has(page), model.has(page), `page ${page}`);
      if (random.once(5)) {
        pages.delete(page);
        model.delete(page);
      } else {
        assertEquals(pages.add(page), !model.has(page), `page ${page}`);
        model.add(page);
      }
      assertEquals(pages.size, model.size);
    }
  });

  it("has none of the pages from one on once these are removed", () => {
    const pages = [0, 7, 255, 256, 300, 511, 512, 9000, 0xffff_fffd];
    for (const end of [0, 1, 256, 300, 301, 512, 9001, 0xffff_ffff]) {
      const set = new PageSet();
      for (const page of pages) set.add(page);
      set.deleteFrom(end);
      assertEquals(pages.filter((page) => set.has(page)), pages.filter((page) => page < end));
      assertEquals(set.size, pages.filter((page) => page < end).length);
    }
  });

  it("counts those that remain where many are side by side", () => {
    const random = new Random(2);
    for (let round = 0; round < 50; round++) {
      const set = new PageSet();
      const pages = Array.from({ length: 200 }, () => 16_384 + random.below(700) - 350);
      for (const page of pages) set.add(page);
      const end = 16_384 + random.below(800) - 400;
      set.deleteFrom(end);
      const left = new Set(pages.filter((page) => page < end));
      assertEquals(set.size, left.size);
      assertEquals(pages.filter((page) => set.has(page)), pages.filter((page) => page < end));
    }
  });

  it("is empty once cleared", () => {
    const pages = new PageSet();
    assertEquals([pages.add(300), pages.add(300)], [true, false]);
    pages.clear();
    assertEquals([pages.size, pages.has(300)], [0, false]);
    assertEquals([pages.add(300), pages.add(300)], [true, false]);
  });

  it("takes one bit a page where pages are side by side", () => {
    const pages = new PageSet();
    const made = bytesMade(() => {
      for (let page = 0; page < 100_000; page++) pages.add(page);
    });
    assertLess(made, 100_000 / 8 + 2048);
  });
});
