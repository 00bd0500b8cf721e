/**
 * Everything at once on one database: changes, snapshots, iterators, watchers, followers, backups,
 * increments, lists of changes, compaction and verification, and closes in the middle of them. What
 * each of them shows is what a model has at its version.
 *
 * QUIRE_TOGETHER=N runs N seeds; QUIRE_SEED=N begins with that one.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { verify } from "../../mod.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { TURN } from "../support/turn.ts";
import { CHANGING, checkStreamed, pause } from "./together/changing_acts.ts";
import { type Act, Crowd } from "./together/crowd.ts";
import { KEEPING } from "./together/keeping_acts.ts";
import { READING } from "./together/reading_acts.ts";

const SEEDS = Number(Deno.env.get("QUIRE_TOGETHER") ?? 2);
const STEPS = 80;
const RUNNING_MAX = 30;
const ACTS: readonly Act[] = [...CHANGING, ...READING, ...KEEPING];
const LOTS = ACTS.flatMap((act) => Array.from({ length: act.weight }, () => act));

/** Starts acts, and closes the database now and then. Returns the crowd when all have ended. */
async function runCrowd(dir: string, seed: number): Promise<Crowd> {
  const random = new Random(seed);
  const crowd = new Crowd(dir, random);
  for (let step = 0; step < STEPS && crowd.faults.length === 0; step++) {
    for (let count = random.below(8); count >= 0 && crowd.size < RUNNING_MAX; count--) {
      crowd.start(random.pick(LOTS));
    }
    await pause(random.once(4) ? random.below(10) : 0);
    if (!random.once(40)) continue;
    if (random.once(2)) await crowd.settled();
    await crowd.closeAndOpen();
    checkStreamed(crowd);
  }
  await crowd.settled();
  crowd.db.close();
  return crowd;
}

describe("everything at once", () => {
  for (let seed = TURN; seed < TURN + SEEDS; seed++) {
    it(`shows what was committed, from seed ${seed}`, () =>
      inTempDir(async (dir) => {
        const { faults, counts, path } = await runCrowd(dir, seed);
        console.log(`together, seed ${seed}: ${JSON.stringify(counts)}`);
        assertEquals(faults, []);
        assertGreater(counts["set"] ?? 0, 0);
        assertEquals((await verify(path)).findings, []);
      }));
  }
});
