/**
 * How cost grows with the work: files, bytes written, the longest turn of the event loop, memory,
 * and opening after a kill, each as a series over the work done.
 *
 * `deno task bench:scale [--only TRIALS] [--engines A,B] [--entries N] [--churn N] [--rounds N]
 * [--cache MIB] [--pause MS] [--json FILE] [--chart FILE]`; trials are grow, sets, large, middle,
 * medium, series, removed, index, dropped, buffered and day. Every engine runs in a process of its
 * own, on a database below the system's folder for temporary files, which is removed before the
 * next one.
 *
 * Disk: about 250 bytes for each of the entries, and 2 GB. `--churn` is 1/25 of the entries by
 * default, and the trials other than `grow` grow with the entries up to a bound.
 */

import { fileURLToPath } from "node:url";
import { loadOf, machineOf } from "./measure/machine.ts";
import { namesOf, numberOf, planOrExit } from "./measure/options.ts";
import { inTempFolder } from "./measure/temp_folder.ts";
import { scaleChart } from "./scale/chart.ts";
import { trialTables } from "./scale/report.ts";
import type { ScaleResults, TrialResult, TrialResults } from "./scale/results.ts";
import type { TrialSize } from "./scale/trial.ts";
import { TRIALS } from "./scale/trials.ts";

const CHILD = fileURLToPath(new URL("./scale/child.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("./deno.json", import.meta.url));
const MIB = 2 ** 20;
/** The churn is this part of the entries. */
const CHURN_PART = 25;
/** The trial that ends with a kill. */
const KILLED = "grow";

const ENGINES = ["Quire", "lmdb-js", "node:sqlite"];
const COUNT_MAX = 1_000_000_000;
const CACHE_MIB_MAX = 65_536;
const PAUSE_MS_MAX = 600_000;

const USAGE = `Usage: deno task bench:scale [OPTION]...

Follows files, bytes written, turns and memory as work grows, and opens a file after a kill.

  --only TRIALS    of ${Object.keys(TRIALS).join(",")}
  --engines NAMES  of ${ENGINES.join(",")}
  --entries COUNT  entries of a database; default 1000000
  --churn COUNT    entries that are replaced; default a ${CHURN_PART}th of them
  --rounds COUNT   default 10
  --cache MIB      default 256
  --pause MS       the pause at the end of a trial; default 2500
  --json FILE      write the figures
  --chart FILE     draw them as SVG
  --help           print this
`;

const OPTIONS = {
  only: { type: "string" },
  engines: { type: "string" },
  entries: { type: "string", default: "1000000" },
  churn: { type: "string" },
  rounds: { type: "string", default: "10" },
  cache: { type: "string", default: "256" },
  pause: { type: "string", default: "2500" },
  json: { type: "string" },
  chart: { type: "string" },
} as const;

const options = planOrExit(USAGE, OPTIONS, (given) => {
  const entries = numberOf("entries", given.entries, 1, COUNT_MAX, true);
  const churn = given.churn ?? `${Math.ceil(entries / CHURN_PART)}`;
  const size: TrialSize = {
    entries,
    churn: numberOf("churn", churn, 0, COUNT_MAX, true),
    rounds: numberOf("rounds", given.rounds, 0, COUNT_MAX, true),
    cacheBytes: numberOf("cache", given.cache, 8, CACHE_MIB_MAX, false) * MIB,
    pauseMs: numberOf("pause", given.pause, 0, PAUSE_MS_MAX, false),
  };
  return {
    trials: namesOf("only", given.only, Object.keys(TRIALS)),
    engines: namesOf("engines", given.engines, ENGINES),
    size,
    json: given.json,
    chart: given.chart,
  };
});
const { trials, engines, size } = options;

const results: TrialResults = {};
console.log(JSON.stringify({ machine: machineOf(), size, load: loadOf() }, null, 2));
for (const trial of trials) {
  results[trial] = {};
  for (const engine of engines) {
    results[trial][engine] = await inTempFolder((folder) => run(trial, engine, folder));
    // A long run that ends early keeps what it has.
    write(results);
  }
  console.log(`\n${trial}\n\n${trialTables(results[trial])}`);
}

async function run(trial: string, engine: string, folder: string): Promise<TrialResult> {
  const begin = performance.now();
  const step = trial === KILLED ? "kill" : "trial";
  const printed = JSON.parse(await child(step, trial, engine, folder));
  const seconds = (performance.now() - begin) / 1000;
  if (!Array.isArray(printed)) return { ...printed, points: [], seconds };
  if (trial !== KILLED) return { points: printed, seconds };
  return { points: printed, opening: JSON.parse(await child("open", engine, folder)), seconds };
}

/** The last line that a step prints. */
async function child(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", CONFIG, CHILD, ...args, JSON.stringify(size)],
  }).output();
  if (code !== 0 && args[0] !== "kill") throw new Error(new TextDecoder().decode(stderr));
  const line = new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1) ?? "";
  if (line === "") throw new Error(new TextDecoder().decode(stderr));
  return line;
}

function write(results: TrialResults): void {
  if (options.json !== undefined) {
    const all: ScaleResults = { machine: machineOf(), size, results };
    Deno.writeTextFileSync(options.json, JSON.stringify(all, null, 2) + "\n");
  }
  if (options.chart !== undefined) Deno.writeTextFileSync(options.chart, scaleChart(results));
}
