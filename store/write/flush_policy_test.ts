// The choice between flushes in line and flights, by what syncs took and whether others waited.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { AdaptivePolicy } from "./flush_policy.ts";

/** Notes flushes as the policy chooses them; returns how many of them were flights. */
function flightsOf(policy: AdaptivePolicy, count: number, ms: number, hasGathered = false): number {
  let flights = 0;
  for (let i = 0; i < count; i++) {
    if (policy.flies) {
      flights++;
      policy.noteFlight(ms + 0.1, hasGathered);
    } else {
      if (policy.yields) policy.noteTurn(false);
      policy.noteInLine(ms);
    }
  }
  return flights;
}

describe("AdaptivePolicy", () => {
  it("begins in line", () => assertEquals(new AdaptivePolicy().flies, false));

  it("serves a lone caller in line, and lets the event loop run once in 2 ms of syncs", () => {
    const policy = new AdaptivePolicy();
    let turns = 0;
    for (let i = 0; i < 160; i++) {
      assertEquals(policy.flies, false);
      if (policy.yields) {
        turns++;
        policy.noteTurn(false);
      }
      policy.noteInLine(0.14);
    }
    assertEquals(turns, 10);
  });

  it("flies after a turn in which others have committed, and yields no more", () => {
    const policy = new AdaptivePolicy();
    while (!policy.yields) policy.noteInLine(0.14);
    policy.noteTurn(true);
    assertEquals([policy.flies, policy.yields], [true, false]);
    assertEquals(flightsOf(policy, 100, 0.14), 32);
  });

  it("serves a lone caller in line where a flight would cost a tenth more", () => {
    const policy = new AdaptivePolicy();
    assertEquals([flightsOf(policy, 100, 0.9), policy.isSyncLong], [0, true]);
    assertEquals(flightsOf(new AdaptivePolicy(), 100, 1.1), 99);
  });

  it("flies always where syncs are long, and no longer once they are short", () => {
    const policy = new AdaptivePolicy();
    assertEquals([flightsOf(policy, 100, 5), policy.isSyncLong], [99, true]);
    flightsOf(policy, 40, 0.1);
    assertEquals(policy.isSyncLong, false);
  });

  it("goes on to fly while flights gather commits, and for some flights after", () => {
    const policy = new AdaptivePolicy();
    flightsOf(policy, 20, 0.14);
    policy.noteFlight(0.2, true);
    assertEquals(flightsOf(policy, 100, 0.14, true), 100);
    assertEquals(flightsOf(policy, 32, 0.14), 32);
    assertEquals(policy.flies, false);
  });
});
