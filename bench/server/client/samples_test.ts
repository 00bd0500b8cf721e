/** Series of numbers, and the figures made of them. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { cellOf, latencyOf, merge, type PartRun, type Results } from "../results.ts";
import { Samples } from "./samples.ts";

function samplesOf(values: Iterable<number>): Samples {
  const samples = new Samples();
  for (const value of values) samples.add(value);
  return samples;
}

describe("Samples", () => {
  it("have the mean and the percentiles of numbers in any order, past their first length", () => {
    const samples = samplesOf(Array.from({ length: 5000 }, (_, i) => 5000 - i));
    assertEquals(samples.length, 5000);
    assertEquals(samples.mean(), 2500.5);
    assertEquals(samples.percentiles(0.5, 0.99, 1), [2500, 4950, 5000]);
  });

  it("are zero when there are none", () => {
    const samples = samplesOf([7]);
    samples.clear();
    assertEquals([samples.length, samples.mean()], [0, 0]);
    assertEquals(latencyOf(samples), { p50: 0, p99: 0, worst: 0 });
  });
});

describe("cellOf()", () => {
  const setting = { engine: "Quire", syncMs: 5 };
  const lag = (ms: number) => ({ mean: ms, p99: 2 * ms, worst: 3 * ms });

  it("has the medians of the rounds, and the worst of all rounds", () => {
    const cell = cellOf(setting, [3, 1, 2].map((ms) => ({ rate: 10 * ms, lag: lag(ms) })));
    assertEquals(cell, {
      ...setting,
      rate: { median: 20, least: 10, most: 30, rounds: 3 },
      lag: { mean: 2, p99: 4, worst: 9 },
    });
  });

  it("has reads and writes where some round has both", () => {
    const latency = { p50: 1, p99: 2, worst: 3 };
    const mixed = { rate: 1, latency, reads: latency, writes: latency };
    const { reads, writes } = cellOf(setting, [mixed, { rate: 1, latency }]);
    assertEquals([reads, writes], [latency, latency]);
  });
});

describe("merge()", () => {
  it("keeps the parts that were not run again", () => {
    const results = (engine: string, parts: Record<string, Partial<PartRun>>) =>
      ({ engines: { [engine]: "" }, parts }) as unknown as Results;
    const earlier = results("a", { server: { rounds: 1 }, small: { rounds: 1 } });
    const later = results("b", { small: { rounds: 3 } });
    assertEquals(merge(earlier, later).parts as unknown, {
      server: { rounds: 1 },
      small: { rounds: 3 },
    });
    assertEquals(merge(earlier, later).engines, { a: "", b: "" });
  });
});
