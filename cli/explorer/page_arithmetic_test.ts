// The arithmetic that the explorer's page shows: the offsets of pages, and the cost of other page
// sizes. It is compared with the format, and checked for consistency.

import { assert, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, header } from "../../pager/mod.ts";
import { outcomeOf, PAGE_SIZES } from "../study/page_arithmetic.ts";
import { bytes, count, headText, percent, some } from "./browser/base/figures.ts";
import { fittingShift, largerShift, smallerShift, sumsOf } from "./browser/base/geometry.ts";

const MEASURES = {
  pageBytes: format.PAGE_BYTES,
  chunkPages: format.CHUNK_PAGES,
  extentPages: format.EXTENT_PAGES,
  headerBytes: format.HEADER_BYTES,
};

describe("sumsOf", () => {
  it("has what the format says of any page, and formulas that give it", () => {
    for (const page of [0, 1, 7, 8, 255, 256, 30_000, 2 ** 27 - 1, 2 ** 32 - 3]) {
      const sums = new Map(sumsOf(page, MEASURES).map((sum) => [sum.name, sum]));
      assertEquals(sums.get("chunk")?.result, page >>> format.CHUNK_SHIFT);
      assertEquals(sums.get("slot in the chunk")?.result, page & format.SLOT_MASK);
      assertEquals(sums.get("page begins at byte")?.result, page * format.PAGE_BYTES);
      assertEquals(sums.get("header begins at byte")?.result, header.headerPosition(page));
      for (const { formula, result } of sums.values()) {
        assertEquals(evaluate(formula), result, formula);
      }
    }
  });
});

/** Evaluates a formula from left to right, products first. */
function evaluate(formula: string): number {
  const terms = formula.split(" + ").map((term) => {
    const [first, ...rest] = term.split(" ");
    let value = Number(first);
    for (let i = 0; i < rest.length; i += 2) {
      const by = Number(rest[i + 1]);
      if (rest[i] === "x") value *= by;
      else if (rest[i] === ">>") value = Math.floor(value / 2 ** by);
      else if (rest[i] === "<<") value *= 2 ** by;
      else if (rest[i] === "&") value %= by + 1;
    }
    return value;
  });
  return terms.reduce((sum, term) => sum + term, 0);
}

describe("zooming", () => {
  it("fits any file, and goes from the whole of it to one page and back", () => {
    for (const pages of [3, 1000, 100_000, 2 ** 27, 2 ** 32 - 2]) {
      const fit = fittingShift(pages, 1500);
      assert(Math.ceil(pages / 2 ** fit) <= 1500);
      let shift = fit;
      for (let steps = 0; shift > 0; steps++) {
        const next = smallerShift(shift);
        assertEquals(largerShift(next), shift);
        shift = next;
        assert(steps < 20);
      }
    }
  });
});

describe("outcomeOf", () => {
  const question = { rows: 1_000_000, rowBytes: 200, keyBytes: 20, fill: 0.7, blockBytes: 4096 };

  it("has higher trees with smaller pages, and moves more with larger ones", () => {
    const outcomes = PAGE_SIZES.map((size) => outcomeOf(question, size));
    for (let i = 1; i < outcomes.length; i++) {
      assert(outcomes[i]!.levels <= outcomes[i - 1]!.levels);
      assertGreater(outcomes[i]!.fanOut, outcomes[i - 1]!.fanOut);
      assert(outcomes[i]!.warm.bytesMoved >= outcomes[i - 1]!.warm.bytesMoved);
    }
  });

  it("counts whole blocks, and the header's", () => {
    const { warm, cold, levels } = outcomeOf(question, 8192);
    assertEquals([warm.pages, warm.blocks, warm.bytesMoved], [1, 3, 12_288]);
    assertEquals(warm.bytesAsked, 8224);
    assertEquals([cold.pages, cold.blocks], [levels, 3 * levels]);
    assertEquals(outcomeOf(question, 1024).warm.blocks, 2);
    assertEquals(outcomeOf(question, 65_536).warm.blocks, 17);
  });

  it("gives large values pages of their own", () => {
    const { warm } = outcomeOf({ ...question, rowBytes: 100_000 }, 8192);
    assertEquals(warm.pages, 1 + Math.ceil(100_000 / 8192));
  });

  it("has one level for one row", () => {
    assertEquals(outcomeOf({ ...question, rows: 1 }, 8192).levels, 1);
  });
});

describe("figures", () => {
  it("are in words that suit them", () => {
    assertEquals(bytes(0), "0 bytes");
    assertEquals(bytes(1), "1 byte");
    assertEquals(bytes(1536), "1.5 KiB");
    assertEquals(bytes(2 ** 40), "1 TiB");
    assertEquals(count(1234567), "1,234,567");
    assertEquals([some(1, "page"), some(2, "page")], ["1 page", "2 pages"]);
    assertEquals([percent(1, 3), percent(1, 0)], ["33.3 %", "-"]);
    assertEquals(headText("61620063"), "ab.c");
  });
});
