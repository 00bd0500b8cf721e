/** The rows of a statement as a table. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { linesOf } from "./result.ts";

describe("the rows of a statement", () => {
  it("are a table, however many there are", () => {
    const columns = [{ name: "n" }] as never;
    const lines = linesOf(
      { columns, rows: Array(200_000).fill([12]), changed: 0 } as never,
      "table",
    );
    assertEquals(lines.slice(0, 3), [" n", "--", "12"]);
    assertEquals(lines.at(-1), "(200,000 rows)");
  });
});
