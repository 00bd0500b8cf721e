/** The lag of the event loop, with a clock that the test sets. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LoopLag } from "./loop_lag.ts";

describe("LoopLag", () => {
  it("counts a turn that is read before its timer fires", () => {
    let now = 100;
    using lag = new LoopLag(() => now);
    now = 141;
    assertEquals(lag.read(), { mean: 40, p99: 40, worst: 40 });
  });

  it("is the time after the millisecond in which a timer was due", () => {
    let now = 0;
    using lag = new LoopLag(() => now);
    for (const ms of [3, 11]) {
      now += ms;
      lag.read();
    }
    assertEquals(lag.read(), { mean: 6, p99: 10, worst: 10 });
  });

  it("has the work between two firings, if it has a clock for that", () => {
    let now = 0;
    let work = 0;
    using lag = new LoopLag(() => now, () => work);
    for (const ms of [3, 11]) {
      now += ms;
      work += ms / 2;
      lag.read();
    }
    assertEquals(lag.read().work, { p99: 5.5, worst: 5.5 });
  });

  it("forgets what came before a restart", () => {
    let now = 0;
    using lag = new LoopLag(() => now);
    now = 500;
    lag.read();
    lag.restart();
    assertEquals(lag.read(), { mean: 0, p99: 0, worst: 0 });
  });

  it("notes the firings of its timer", async () => {
    let now = 0;
    using lag = new LoopLag(() => now += 5);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(lag.read().worst, 4);
  });
});
