// Rows of new entries: the inserts that extend a row or end it, and where a row continues after a
// split.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Arrivals } from "./arrivals.ts";

describe("Arrivals", () => {
  it("counts entries of a leaf that were added each after the one before it", () => {
    const arrivals = new Arrivals();
    assertEquals([4, 5, 6, 7].map((index) => arrivals.note(9, index)), [0, 1, 2, 3]);
    assertEquals([8, 6, 9, 3].map((index) => arrivals.note(9, index)), [4, 0, 0, 0]);
  });

  it("counts below zero what was added each before the one before it", () => {
    const arrivals = new Arrivals();
    assertEquals([4, 4, 4, 5, 5].map((index) => arrivals.note(9, index)), [0, -1, -2, 1, -1]);
    arrivals.move(9, 20, 0);
    assertEquals([arrivals.note(20, 0), arrivals.note(20, 0)], [-2, -3]);
  });

  it("counts in several leaves at a time, unless they have the same place", () => {
    const arrivals = new Arrivals();
    const noted = [9, 10, 9, 10, 9].map((page, i) => arrivals.note(page, i >> 1));
    assertEquals(noted, [0, 0, 1, 1, 2]);
    assertEquals(arrivals.note(9 + 4096, 3), 0);
    assertEquals(arrivals.note(9, 3), 0);
  });

  it("goes on in another leaf", () => {
    const arrivals = new Arrivals();
    for (let index = 0; index < 5; index++) arrivals.note(9, index);
    arrivals.move(9, 20, 0);
    assertEquals([arrivals.note(20, 1), arrivals.note(20, 2)], [5, 6]);
  });
});
