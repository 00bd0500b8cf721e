/**
 * Durations: a wall clock that is set back or stops neither shortens nor prolongs a wait of Quire,
 * and wakes no idle process.
 */

import { setTimeout } from "node:timers/promises";
import { assertEquals, assertGreaterOrEqual, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LockedError, MemoryFile } from "../../pager/mod.ts";
import { open } from "../../store/open.ts";
import { bytesOf, change, openOn } from "../support/databases/database.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";

const DAY_MS = 86_400_000;

/** Runs a callback while `Date.now` returns the true time transformed by `clock`. */
async function withClock<T>(
  clock: (now: number) => number,
  body: () => T | Promise<T>,
): Promise<T> {
  const { now } = Date;
  Date.now = () => clock(now());
  try {
    return await body();
  } finally {
    Date.now = now;
  }
}

/** Counts the waits that begin during a callback. */
async function waitsDuring(body: () => Promise<void>): Promise<number> {
  const { waitAsync } = Atomics;
  let count = 0;
  Atomics.waitAsync = ((...args: Parameters<typeof waitAsync>) => {
    count++;
    return waitAsync(...args);
  }) as typeof waitAsync;
  try {
    await body();
  } finally {
    Atomics.waitAsync = waitAsync;
  }
  return count;
}

describe("a wall clock that is set back", () => {
  for (const [what, ms] of [["an hour", DAY_MS / 24], ["30 days", 30 * DAY_MS]] as const) {
    it(`by ${what} neither delays the idle checkpoint nor adds wake-ups`, async () => {
      const db = openOn(new MemoryFile());
      const waits = await waitsDuring(async () => {
        change(db, "a", (tree) => tree.set("key", bytesOf(1, 100)));
        await withClock((now) => now - ms, async () => {
          const end = performance.now() + HANG_MS;
          while (db.stats().journalUsedBytes > 0 && performance.now() < end) await setTimeout(20);
        });
      });
      assertEquals(db.stats().journalUsedBytes, 0, "a checkpoint was taken");
      // One until it is idle, the rest of a wait that ended early, and one a slice.
      assertLess(waits, 10);
      db.close();
    });
  }

  it("does not change the age of a snapshot", async () => {
    const db = openOn(new MemoryFile());
    using _snapshot = db.snapshot();
    await withClock((now) => now - DAY_MS, () => {
      const { snapshotAgeMs } = db.stats();
      assertGreaterOrEqual(snapshotAgeMs, 0);
      assertLess(snapshotAgeMs, DAY_MS / 2);
    });
    db.close();
  });
});

describe("a wall clock that stops", () => {
  it("does not make lockTimeoutMs last forever", async () => {
    await inTempDir(async (dir) => {
      using _db = open(`${dir}/file`);
      let asked = 0;
      const clock = () => {
        // A wait by this clock would never end.
        if (asked++ > 100) throw new Error("a duration is taken by the wall clock");
        return 0;
      };
      await withClock(clock, () => {
        assertThrows(() => open(`${dir}/file`, { lockTimeoutMs: 30 }), LockedError);
      });
    });
  });
});
