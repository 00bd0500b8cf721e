/**
 * All workloads of the crash tests, under one assumption about the medium.
 *
 * QUIRE_CRASH=N makes N times as many images of each cut, and N times as many random workloads.
 * QUIRE_SEED=n begins with that seed instead of 1.
 */

import { assertGreater } from "@std/assert";
import { after, describe, it } from "@std/testing/bdd";
import { crash, type CrashReport, sumOf } from "./crash_driver.ts";
import { quireEngine } from "./quire_engine.ts";
import { WORKLOADS } from "./workloads.ts";

const SCALE = Number(Deno.env.get("QUIRE_CRASH") ?? 1);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const RANDOM_SEEDS = 16;

/** Tests every workload, and prints how many images there were. */
export function crashSuite(tornSectors: "whole" | "protect"): void {
  describe(`crash(): power cuts at every operation, sectors ${tornSectors}`, () => {
    const reports: CrashReport[] = [];
    const begin = performance.now();
    after(() => {
      const seconds = Math.round((performance.now() - begin) / 1000);
      console.log(`power cuts, ${tornSectors}: ${JSON.stringify(sumOf(reports))}, ${seconds} s`);
    });
    for (const [name, { isHeavy }] of Object.entries(WORKLOADS)) {
      if (isHeavy && SCALE <= 1) continue;
      const seeds = name === "random" ? Math.ceil(RANDOM_SEEDS * SCALE) : 1;
      for (let seed = SEED; seed < SEED + seeds; seed++) {
        it(`lose nothing: ${name}, seed ${seed}`, () => {
          reports.push(crashOne(name, seed, tornSectors));
        });
      }
    }
  });
}

function crashOne(name: string, seed: number, tornSectors: "whole" | "protect"): CrashReport {
  const { limit, make, rare } = WORKLOADS[name];
  const options = { name, seed, limit: Math.ceil(limit * SCALE), ...rare };
  const report = crash(quireEngine, make(seed, { tornSectors }), options);
  assertGreater(report.distinct, report.operations);
  return report;
}
