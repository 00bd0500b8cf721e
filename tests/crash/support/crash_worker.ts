/**
 * A worker that runs workloads of the crash tests, one for each message, in parallel with others.
 */

import { assertGreaterOrEqual } from "@std/assert";
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
  /** Chooses cuts, where fewer than four images of each are to be tried. */
  readonly turn: number;
}

/** The result. */
export type CrashResult =
  | { readonly report: CrashReport }
  | { readonly failure: string };

/** Those with all or nothing on the medium, and two others. Small runs leave out cuts instead. */
const IMAGES_MIN = 4;
/** Cuts during a recovery are rarer in small runs, but not so rare that most runs have none. */
const RARER_MAX = 8;

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
  const images = Math.max(IMAGES_MIN, Math.ceil(limit * scale));
  const every = Math.max(1, Math.round(images / (limit * scale)));
  const rarer = Math.min(RARER_MAX, 1 / scale);
  const options = {
    name,
    seed,
    limit: images,
    killEvery: Math.ceil(rare.killEvery * rarer),
    nestedEvery: Math.ceil(rare.nestedEvery * rarer),
    sample: { every, seed: turn },
  };
  const report = crash(quireEngine, make(seed, { tornSectors }), options);
  assertGreaterOrEqual(report.cuts, Math.floor(report.operations / every));
  assertGreaterOrEqual(report.distinct, report.cuts / 4);
  return report;
}
