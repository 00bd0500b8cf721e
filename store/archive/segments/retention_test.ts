// What is deleted from an archive, and what a restore within the time to keep still needs.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { obsoleteNames as keptAndObsolete } from "./retention.ts";
import { partName, type Segment, segmentName } from "./segment.ts";

const named = (kind: Segment["kind"], from: number, to: number, last: number): string =>
  segmentName({ kind, from, to, first: last, last, after: 0, sum: to });
const part = (from: number, to: number): string => partName({ from, to, index: 0, sum: 1 });

const obsoleteNames = (names: readonly string[], time: number): string[] =>
  keptAndObsolete(names, time).obsolete;

const NAMES = [
  named("commits", 0, 10, 10),
  named("base", 0, 5, 5),
  part(0, 5),
  part(5, 10),
  named("delta", 10, 20, 20),
  named("base", 0, 20, 20),
  part(0, 20),
  part(10, 20),
  named("commits", 20, 30, 30),
  part(20, 30),
  named("base", 0, 30, 30),
  part(0, 30),
  part(0, 40),
  "foreign",
];

describe("obsoleteNames()", () => {
  it("are those before the newest base that is old enough, bases first", () => {
    const old = [NAMES[1], NAMES[0], NAMES[4], NAMES[2], NAMES[3], NAMES[7]];
    assertEquals(obsoleteNames([...NAMES, ...NAMES], 20), old);
    assertEquals(obsoleteNames(NAMES, 29), old);
  });

  it("are none while no base is old enough", () => {
    assertEquals(obsoleteNames(NAMES, 4), []);
    assertEquals(obsoleteNames(NAMES, 5), []);
    assertEquals(obsoleteNames([], 99), []);
  });

  it("begin at an older base where a merged segment goes past one", () => {
    const link = { link: 25, made: 1 };
    const times = { first: 10, last: 25 };
    const merged = { kind: "merged", from: 10, to: 25, ...times, after: 0, sum: 7, merged: link };
    const name = segmentName(merged as Segment);
    assertEquals(obsoleteNames([...NAMES, name], 29), []);
    const old = obsoleteNames([...NAMES, name], 30);
    assertEquals([old.includes(name), old.includes(NAMES[4]!)], [true, true]);
  });

  it("leave the last base, and parts of a segment that is being written", () => {
    const old = obsoleteNames(NAMES, 99);
    assertEquals(NAMES.filter((name) => !old.includes(name)), [
      NAMES[10],
      NAMES[11],
      NAMES[12],
      "foreign",
    ]);
  });
});
