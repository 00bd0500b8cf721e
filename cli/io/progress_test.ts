/**
 * The line that shows progress.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { progressLine } from "./progress.ts";

/** A bar of 32 cells. */
function bar(cells: number): string {
  return "\u2588".repeat(cells) + "\u2591".repeat(32 - cells);
}

describe("progressLine()", () => {
  const look = { label: "loading", unit: "entries", total: 2000 };
  const rows: [done: number, seconds: number, line: string][] = [
    [0, 0, `loading ${bar(0)} 0 %  0 a second`],
    [500, 2, `loading ${bar(8)} 25 %  250 a second, 6s left`],
    [500, 200, `loading ${bar(8)} 25 %  3 a second, 10m0s left`],
    [500, 20_000, `loading ${bar(8)} 25 %  0 a second, 16h40m left`],
    [2000, 1, `loading ${bar(32)} 100 %  2,000 a second, 0s left`],
    [3000, 1, `loading ${bar(32)} 100 %  3,000 a second, 0s left`],
  ];
  for (const [done, seconds, line] of rows) {
    it(`shows ${done} after ${seconds} s`, () => {
      assertEquals(progressLine(look, { done, items: done, seconds }), line);
    });
  }

  it("shows what has no end that is known", () => {
    const state = { done: 1234, items: 1234, seconds: 2 };
    const line = progressLine({ ...look, total: undefined }, state);
    assertEquals(line, "loading 1,234 entries, 617 a second");
  });

  it("is full where there is nothing to do", () => {
    const line = progressLine({ ...look, total: 0 }, { done: 0, items: 0, seconds: 1 });
    assertEquals(line, `loading ${bar(32)} 100 %  0 a second, 0s left`);
  });
});
