/** What `deno task coverage` reads from a report. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { parseLcov, shareOf, sumBy } from "./support/lcov.ts";

const REPORT = `SF:/top/pager/a.ts
FN:1,first
FNDA:3,first
FNF:2
FNH:1
BRDA:7,0,0,4
BRDA:9,1,0,0
BRDA:11,2,0,-
BRF:3
BRH:1
DA:1,3
LH:8
LF:10
end_of_record
SF:/top/pager/b.ts
BRF:1
BRH:1
LH:2
LF:2
end_of_record
`;

describe("parseLcov()", () => {
  it("returns the totals, the counts reached and the missed lines of each file", () => {
    const [a, b] = parseLcov(REPORT, "/top/");
    assertEquals(a, {
      file: "pager/a.ts",
      branches: { found: 3, hit: 1 },
      functions: { found: 2, hit: 1 },
      lines: { found: 10, hit: 8 },
      missed: [9, 11],
    });
    assertEquals([b!.file, b!.branches.hit, b!.missed.length], ["pager/b.ts", 1, 0]);
  });
});

describe("sumBy()", () => {
  it("sums files of one name", () => {
    const [sum, ...others] = sumBy(parseLcov(REPORT, "/top/"), () => "all");
    assertEquals(others, []);
    assertEquals([sum!.file, sum!.branches, sum!.lines], [
      "all",
      { found: 4, hit: 2 },
      { found: 12, hit: 10 },
    ]);
    assertEquals(shareOf(sum!.branches), "2 of 4, 50.0%");
    assertEquals(shareOf({ found: 0, hit: 0 }), "-");
  });
});
