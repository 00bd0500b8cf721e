/**
 * Processes that share a file: random transactions and reads, kill -9 at random, held against the
 * order of commits. No version goes back in a process, every read is one committed state, and what
 * was acknowledged is seen by whoever asks after it.
 *
 * `QUIRE_FLEETS=N` runs N fleets of up to eight processes instead of a small one.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { TURN } from "../support/turn.ts";
import { runFleet } from "./processes/fleet.ts";

const FLEETS = Number(Deno.env.get("QUIRE_FLEETS") ?? 1);

describe("processes that share a file", () => {
  let folder: string;
  beforeEach(() => void (folder = Deno.makeTempDirSync()));
  afterEach(() => Deno.removeSync(folder, { recursive: true }));

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
