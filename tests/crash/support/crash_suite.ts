/**
 * All workloads of the crash tests under one assumption about the medium, several at a time.
 *
 * QUIRE_CRASH=N makes N times as many images of each cut, and N times as many random workloads. By
 * default a run tries fewer images; where that is fewer than four of a cut, it tries only some of
 * the cuts, others in each run. A failure prints the cut and the image, which repeat it.
 * QUIRE_SEED=N starts with that seed instead of 1, and chooses the same cuts each time.
 */

import { after, before, describe, it } from "@std/testing/bdd";
import { TURN } from "../../support/turn.ts";
import { type CrashReport, sumOf } from "./crash_driver.ts";
import type { CrashJob, CrashResult } from "./crash_worker.ts";
import { WORKLOADS } from "./workloads.ts";

const SCALE = Number(Deno.env.get("QUIRE_CRASH") ?? 0.02);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const RANDOM_SEEDS = 16;
/** In a small run, compiling the sources once more costs more than a second worker saves. */
const WORKERS = SCALE < 0.1 ? 1 : Math.min(4, navigator.hardwareConcurrency);

/** Tests every workload, and prints the number of images. */
export function crashSuite(tornSectors: "whole" | "protect"): void {
  describe(`crash(): power cuts at every operation, sectors ${tornSectors}`, () => {
    const jobs = [...jobsOf(tornSectors)];
    const runs = new Runs(jobs);
    const reports: CrashReport[] = [];
    let begin = 0;
    before(() => {
      begin = performance.now();
      runs.start();
    });
    after(() => {
      runs.end();
      const seconds = Math.round((performance.now() - begin) / 1000);
      console.log(`power cuts, ${tornSectors}: ${JSON.stringify(sumOf(reports))}, ${seconds} s`);
    });
    jobs.forEach(({ name, seed }, i) => {
      it(`lose nothing: ${name}, seed ${seed}`, async () => {
        const result = await runs.resultOf(i);
        if ("failure" in result) throw new Error(result.failure);
        reports.push(result.report);
      });
    });
  });
}

function* jobsOf(tornSectors: "whole" | "protect"): Generator<CrashJob> {
  for (const [name, { isHeavy }] of Object.entries(WORKLOADS)) {
    if (isHeavy && SCALE <= 1) continue;
    const seeds = name === "random" ? Math.ceil(RANDOM_SEEDS * SCALE) : 1;
    for (let seed = SEED; seed < SEED + seeds; seed++) {
      yield { name, seed, tornSectors, scale: SCALE, turn: TURN };
    }
  }
}

/** Runs jobs in workers, each as soon as one is free. */
class Runs {
  readonly #jobs: readonly CrashJob[];
  readonly #results: PromiseWithResolvers<CrashResult>[];
  readonly #workers: Worker[] = [];
  #next = 0;

  constructor(jobs: readonly CrashJob[]) {
    this.#jobs = jobs;
    this.#results = jobs.map(() => Promise.withResolvers());
  }

  start(): void {
    for (let i = 0; i < WORKERS; i++) this.#workers.push(this.#startOne());
  }

  resultOf(job: number): Promise<CrashResult> {
    return this.#results[job]!.promise;
  }

  end(): void {
    for (const worker of this.#workers) worker.terminate();
  }

  #startOne(): Worker {
    const worker = new Worker(new URL("crash_worker.ts", import.meta.url), { type: "module" });
    let job = -1;
    const next = () => {
      job = this.#next++;
      if (job < this.#jobs.length) worker.postMessage(this.#jobs[job]);
    };
    worker.onmessage = ({ data }: MessageEvent<CrashResult>) => {
      this.#results[job]!.resolve(data);
      next();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#results[job]!.resolve({ failure: event.message });
    };
    next();
    return worker;
  }
}
