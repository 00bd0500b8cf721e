/**
 * Processes that share a file: random transactions and reads, kill -9 at random, held against the
 * order of commits. No version goes back in a process, every read is one committed state, and what
 * was acknowledged is seen by whoever asks after it.
 *
 * `QUIRE_FLEETS=N` runs N fleets of up to eight processes instead of a small one.
 * `QUIRE_FLEET_GOAL=TRANSACTIONS,KILLS` runs fleets instead whose processes are killed soon, on one
 * file after the other, until both counts are reached, and prints the counts behind each file.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { TURN } from "../support/turn.ts";
import { runFleet } from "./processes/fleet.ts";
import { parseGoal, runUntil } from "./processes/goal.ts";

const GOAL = Deno.env.get("QUIRE_FLEET_GOAL");
const FLEETS = GOAL === undefined ? Number(Deno.env.get("QUIRE_FLEETS") ?? 1) : 0;

describe("processes that share a file", () => {
  let folder: string;
  beforeEach(() => void (folder = Deno.makeTempDirSync()));
  afterEach(() => Deno.removeSync(folder, { recursive: true }));

  if (GOAL !== undefined) {
    it(`agree until ${GOAL} transactions and kills are reached, from seed ${TURN}`, async () => {
      const { faults } = await runUntil(parseGoal(GOAL), TURN, console.log);
      assertEquals(faults, []);
    });
  }

  for (let i = 0; i < FLEETS; i++) {
    const seed = TURN + i;
    it(`agree on one order of commits, from seed ${seed}`, async () => {
      const processes = FLEETS === 1 ? 3 : 2 + seed % 7;
      const lives = FLEETS === 1 ? 4 : 3 * processes;
      const steps = FLEETS === 1 ? 60 : 220;
      const { faults, ...counts } = await runFleet({
        folder,
        seed,
        processes,
        lives,
        steps,
        killedOneIn: 2,
      });
      console.log(`processes, seed ${seed}: ${JSON.stringify(counts)}`);
      assertEquals(faults, []);
      assertGreater(counts.transactions, 0);
    });
  }
});
