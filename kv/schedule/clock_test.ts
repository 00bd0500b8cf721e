/** The alarm rings once, and never early. */

import { setTimeout } from "node:timers/promises";
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Alarm, now } from "./clock.ts";

describe("Alarm", () => {
  it("rings once, at the earliest of its dates, and never early", async () => {
    const rung = Promise.withResolvers<number>();
    let count = 0;
    const alarm = new Alarm(() => {
      count++;
      rung.resolve(now());
    }, { keepsAlive: true });
    const date = now() + 20;
    alarm.setTo(date + 60_000);
    alarm.setTo(date);
    alarm.setTo(date + 10);
    assertGreaterOrEqual(await rung.promise, date);
    await setTimeout(20);
    assertEquals(count, 1);
  });

  it("rings at a date in the past, in a later turn", async () => {
    let isRung = false;
    new Alarm(() => isRung = true, { keepsAlive: true }).setTo(0);
    assertEquals(isRung, false);
    while (!isRung) await setTimeout(1);
  });

  it("does not ring once it was stopped, and can be set again", async () => {
    let count = 0;
    const alarm = new Alarm(() => count++, { keepsAlive: true });
    alarm.setTo(now() + 5);
    alarm.stop();
    await setTimeout(20);
    assertEquals(count, 0);
    alarm.setTo(now());
    while (count === 0) await setTimeout(1);
  });
});
