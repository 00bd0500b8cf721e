/** The tables and the chart of figures. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { figureOf } from "../measure/figures.ts";
import { serverChart } from "./chart.ts";
import { circumstanceLines, tablesOf } from "./report.ts";
import type { Cell } from "./results.ts";

const LAG = { mean: 1.2, p99: 4, worst: 9, work: { p99: 2, worst: 8 } };
const LATENCY = { p50: 0.5, p99: 2, worst: 30 };

/** Cells of two engines with one and 64 connections, two mixes and two slowings. */
const CELLS: readonly Cell[] = ["Quire", "lmdb-js"].flatMap((engine) =>
  [0, 5].flatMap((syncMs) =>
    [100, 50].flatMap((writePercent) =>
      [64, 1].map((connections) => {
        const rate = figureOf([1000 * connections]);
        return { engine, syncMs, writePercent, connections, rate, latency: LATENCY, lag: LAG };
      })
    )
  )
);

describe("tablesOf()", () => {
  it("has one table for each mix and slowing, by connections and engine", () => {
    const tables = tablesOf("server", CELLS);
    assertEquals(tables.match(/^Server: .*$/gm), [
      "Server: 100% writes, syncs + 0 ms",
      "Server: 50% writes, syncs + 0 ms",
      "Server: 100% writes, syncs + 5 ms",
      "Server: 50% writes, syncs + 5 ms",
    ]);
    const rows = tables.split("\n").slice(4, 8).map((row) => row.split("|").slice(1, 4));
    assertEquals(rows.map((cells) => cells.map((cell) => cell.trim())), [
      ["1", "Quire", "1000"],
      ["1", "lmdb-js", "1000"],
      ["64", "Quire", "64000"],
      ["64", "lmdb-js", "64000"],
    ]);
  });

  it("leaves out what a part does not measure", () => {
    const cell: Cell = { engine: "Quire", syncMs: 1, rate: figureOf([7]) };
    const [, row] = tablesOf("small", [cell]).split("| ---").at(-1)!.split("\n");
    assertEquals(row!.replace(/ +/g, " "), "| 1 | Quire | 7.00 | | | | | | | | |");
  });
});

describe("circumstanceLines()", () => {
  it("has a line of medians for each slowing", () => {
    const lines = circumstanceLines([90, 100, 400].map((syncUs) => ({
      syncMs: 0,
      syncUs,
      idle: LAG,
    })));
    assertEquals(lines, [
      "Syncs + 0 ms: a 4 KiB O_DSYNC write takes 100 us;" +
      " an idle loop lags by 1.20 ms, p99 4.00 ms.",
    ]);
  });
});

describe("serverChart()", () => {
  it("has a line of each engine in each panel of rates and of lags", () => {
    const chart = serverChart(CELLS);
    const panels = 2 * 2 * 2;
    assertEquals(chart.match(/<polyline /g)?.length, panels * 2);
    assertStringIncludes(chart, ">50% writes, syncs + 5 ms<");
    assertEquals(chart.includes("NaN"), false);
  });

  it("can be drawn of a single cell without a lag", () => {
    const { engine, syncMs, rate } = CELLS[0]!;
    const chart = serverChart([{ engine, syncMs, rate, connections: 1, writePercent: 0 }]);
    assertEquals(chart.includes("NaN"), false);
  });
});
