// The choice of segments by their names: bases, forks, gaps, and states that no segment has by
// itself.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ArchiveIndex, type ArchivePoint } from "./archive_index.ts";
import { parsePart, parseSegment, partName, type Segment, segmentName } from "./segment.ts";

const BASE: Segment = { kind: "base", from: 0, to: 10, first: 100, last: 100, after: 0, sum: 1 };
const A: Segment = { kind: "commits", from: 10, to: 20, first: 110, last: 200, after: 1, sum: 2 };
const B: Segment = { kind: "commits", from: 20, to: 30, first: 220, last: 300, after: 2, sum: 3 };
const SECOND: Segment = { ...BASE, to: 20, first: 205, last: 205, after: 2, sum: 4 };
const INCREMENT: Segment = {
  kind: "delta",
  from: 30,
  to: 99,
  first: 400,
  last: 400,
  after: 3,
  sum: 5,
};
/** Follows A too, as a list that came late does not show B. */
const FORK: Segment = { ...INCREMENT, from: 20, to: 50, first: 350, last: 350, after: 2, sum: 6 };

function plan(segments: readonly Segment[], point: ArchivePoint): number[] {
  return new ArchiveIndex(segments.map(segmentName)).plan(point).map(({ sum }) => sum);
}

function refuses(segments: readonly Segment[], point: ArchivePoint, says: string): void {
  assertThrows(() => plan(segments, point), RangeError, says);
}

const at = (time: number) => new Date(time);

describe("the names of an archive", () => {
  it("have all that is known of a segment and of a part", () => {
    const far = { ...A, to: 2 ** 48 - 1, last: Date.UTC(9999, 0), sum: 0xffffffff };
    assertEquals(parseSegment(segmentName(far)), far);
    const part = { from: 0, to: 3, index: 70_000, sum: 0xabcdef };
    assertEquals(parsePart(partName(part)), part);
    for (const name of ["x", segmentName(A) + "0", partName(part), segmentName(A).slice(1)]) {
      assertEquals(parseSegment(name), undefined);
    }
    assertEquals(parsePart(segmentName(A)), undefined);
  });
});

describe("ArchiveIndex", () => {
  it("leads from the newest base to a version, in any order of names", () => {
    const all = [INCREMENT, B, A, BASE, SECOND, B];
    assertEquals(plan(all, 10), [1]);
    assertEquals(plan(all, 15), [1, 2]);
    assertEquals(plan(all, 21), [4, 3]);
    assertEquals(plan(all, 99), [4, 3, 5]);
    assertEquals(plan(all, undefined), [4, 3, 5]);
    assertEquals(plan([BASE, A, B], 30), [1, 2, 3]);
  });

  it("leads to the last commit at a time", () => {
    const all = [BASE, A, SECOND, B, INCREMENT];
    assertEquals(plan(all, at(100)), [1]);
    assertEquals(plan(all, at(109)), [1]);
    assertEquals(plan(all, at(150)), [1, 2]);
    assertEquals(plan(all, at(219)), [1, 2]);
    assertEquals(plan(all, at(220)), [4, 3]);
    assertEquals(plan(all, at(400)), [4, 3, 5]);
    const same = { ...INCREMENT, to: 30 };
    assertEquals(plan([BASE, A, B, same], at(350)), [1, 2, 3]);
  });

  it("refuses what was archived together, and what is outside", () => {
    const all = [BASE, A, SECOND, B, INCREMENT];
    refuses(all, 31, "version 31 is between versions 30 and 99");
    refuses(all, at(399), "Z is between versions 30 and 99, which were archived together");
    refuses(all, 9, "version 9 is not in the archive: it has 10 to 99");
    refuses(all, 100, "version 100 is not in the archive");
    refuses(all, at(99), "is not in the archive: it has 1970-01-01T00:00:00.100Z to");
    refuses(all, at(401), "is not in the archive");
    refuses([A, B], undefined, "the archive has no base");
  });

  it("refuses a gap", () => {
    refuses([BASE, B], 25, "the archive has a gap: no segment leads to version 20");
    refuses([BASE, B], at(230), "the archive has a gap: no segment leads to version 20");
    refuses(
      [BASE, { ...A, sum: 9 }, B],
      25,
      "the archive has a gap: no segment leads to version 20",
    );
    refuses([BASE, B], 15, "version 15 is in it");
  });

  it("goes around a segment that was archived twice", () => {
    const all = [BASE, A, B, FORK];
    assertEquals(plan(all, undefined), [1, 2, 6]);
    assertEquals(plan(all, 25), [1, 2, 3]);
    assertEquals(plan(all, at(250)), [1, 2, 3]);
    refuses(all, at(320), "is between versions 30 and 50");
    assertEquals(plan([BASE, A, FORK, { ...FORK, after: 7, sum: 8 }], 50), [1, 2, 6]);
    const lost = { ...INCREMENT, to: 120, after: 77, sum: 9 };
    assertEquals(plan([...all, lost], undefined), [1, 2, 6], "a tip that no base leads to");
  });
});
