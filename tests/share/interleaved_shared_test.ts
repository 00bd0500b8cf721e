/**
 * Handles that share a simulated file in one thread: random programs, kills at any call to the
 * system, and power cuts, held against the order of commits.
 *
 * `QUIRE_SHARED=N` runs N programs instead of a sample, `QUIRE_SEED` chooses others.
 */

import { assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { InterleavedRun } from "./processes/interleaved.ts";

const RUNS = Number(Deno.env.get("QUIRE_SHARED") ?? 2);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const STEPS = RUNS > 2 ? 400 : 150;

describe("handles that share a file", () => {
  it(`read committed states, in order, whatever is killed or cut, from seed ${SEED}`, async () => {
    const total = { transactions: 0, reads: 0, snapshotReads: 0, tooOld: 0, kills: 0, opens: 0 };
    let images = 0;
    for (let i = 0; i < RUNS; i++) {
      const run = new InterleavedRun(SEED + i);
      try {
        await run.run(STEPS, 4, 600);
        run.checkPower(200, 4);
      } catch (cause) {
        throw new Error(`QUIRE_SEED=${SEED + i}`, { cause });
      }
      for (const name of Object.keys(total) as (keyof typeof total)[]) {
        total[name] += run.counts[name];
      }
      images += run.counts.images;
    }
    console.log(`shared, seed ${SEED}: ${JSON.stringify({ ...total, images })}`);
    assertGreater(total.transactions, RUNS);
  });
});
