/**
 * A worker that runs workloads of the crash tests, one for each message, in parallel with others.
 */

import { assertGreater } from "@std/assert";
import { crash, type CrashReport } from "./crash_driver.ts";
import { quireEngine } from "./quire_engine.ts";
import { WORKLOADS } from "./workloads.ts";

/** What to run. */
export interface CrashJob {
  readonly name: string;
  readonly seed: number;
  readonly tornSectors: "whole" | "protect";
  /** The factor for the usual number of images. */
  readonly scale: number;
  /** Chooses cuts, where less than one image of each is to be tried. */
  readonly turn: number;
}

/** The result. */
export type CrashResult =
  | { readonly report: CrashReport }
  | { readonly failure: string };

const worker = globalThis as unknown as {
  onmessage: (event: MessageEvent<CrashJob>) => void;
  postMessage: (result: CrashResult) => void;
};

worker.onmessage = ({ data }) => worker.postMessage(resultOf(data));

function resultOf(job: CrashJob): CrashResult {
  try {
    return { report: run(job) };
  } catch (error) {
    return { failure: error instanceof Error ? error.stack ?? error.message : String(error) };
  }
}

function run({ name, seed, tornSectors, scale, turn }: CrashJob): CrashReport {
  const { limit, make, rare = { killEvery: 20, nestedEvery: 200 } } = WORKLOADS[name]!;
  const share = Math.min(1, limit * scale);
  const options = {
    name,
    seed,
    limit: Math.ceil(limit * scale),
    killEvery: Math.ceil(rare.killEvery / scale),
    nestedEvery: Math.ceil(rare.nestedEvery / scale),
    sample: { share, seed: turn },
  };
  const report = crash(quireEngine, make(seed, { tornSectors }), options);
  assertGreater(report.distinct, report.operations * share / 2);
  return report;
}
