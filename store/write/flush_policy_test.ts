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
      policy.noteInLine(ms);
    }
  }
  return flights;
}

describe("AdaptivePolicy", () => {
  it("begins in line", () => assertEquals(new AdaptivePolicy().flies, false));

  it("lets a lone caller fly once in 2 ms of short syncs", () => {
    assertEquals(flightsOf(new AdaptivePolicy(), 160, 0.14), 10);
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
    while (!policy.flies) policy.noteInLine(0.14);
    policy.noteFlight(0.2, true);
    assertEquals(flightsOf(policy, 100, 0.14, true), 100);
    assertEquals(flightsOf(policy, 32, 0.14), 32);
    assertEquals(policy.flies, false);
  });
});
