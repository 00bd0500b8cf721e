/**
 * Compares Quire with its peers at full size: `deno task bench:full`.
 *
 * `[--only GROUPS] [--engines A,B] [--rounds N] [--quick] [--json FILE]`; `--help` lists the
 * groups, of which durable is `durable.ts`. Every round runs every engine once, each in its own
 * process, and starts with the next one. Writes `bench/results/latest.json`, or FILE, and the same
 * data as Markdown and as charts; the groups that are not run remain. `--quick` writes only the
 * file of `--json`.
 */

import { fileURLToPath } from "node:url";
import { ENGINE_NAMES } from "./engines/all_engines.ts";
import { growthChart, ratioChart } from "./full/chart.ts";
import { FULL, type Group, GROUPS, ON_DEMAND, ONCE, QUICK } from "./full/plan.ts";
import { type GroupRun, markdownOf, merge, type Results } from "./full/report.ts";
import type { Measured, Samples } from "./full/workloads.ts";
import { type Figure, figureOf } from "./measure/figures.ts";
import { type Limits, limitsOf, loadOf, machineOf } from "./measure/machine.ts";
import { namesOf, numberOf, planOrExit } from "./measure/options.ts";

/** The output of a process. */
interface Output extends Measured {
  readonly absent?: string;
  readonly about: string;
  readonly peakMemory: number;
}

/** Samples of all rounds by workload and engine. */
type Collected = Record<string, Record<string, number[]>>;

const LATEST = new URL("./results/latest.json", import.meta.url);
const CHILD = new URL("./full/child.ts", import.meta.url);
const DURABLE = new URL("./durable.ts", import.meta.url);

/** The command of a process that finds the peers. */
const RUN = ["run", "-A", "--config", fileURLToPath(new URL("./deno.json", import.meta.url))];

const RUNS = [...Object.keys(GROUPS) as Group[], "durable"] as const;

const USAGE = `Usage: deno task bench:full [OPTION]...

Compares Quire with its peers at full size.

  --only GROUPS    of ${RUNS.join(",")}; default all but ${ON_DEMAND},
                   which takes a quarter of an hour and 30 GB
  --engines NAMES  of ${ENGINE_NAMES.join(",")}
  --rounds COUNT   default ${FULL.rounds}
  --quick          ${QUICK.rounds} rounds of a small size; writes only the file of --json
  --json FILE      write the figures there; the groups of it that are not run remain
  --help           print this

An engine with a space in its name needs quotes.
`;

const OPTIONS = {
  only: { type: "string" },
  engines: { type: "string" },
  rounds: { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "string" },
} as const;

const options = planOrExit(USAGE, OPTIONS, ({ only, engines, rounds, quick, json }) => ({
  runs: namesOf("only", only, RUNS).filter((run) => only !== undefined || run !== ON_DEMAND),
  engines: namesOf("engines", engines, ENGINE_NAMES),
  rounds: numberOf("rounds", rounds ?? `${(quick ? QUICK : FULL).rounds}`, 1, 99, true),
  quick,
  json,
}));
const { rounds } = options;

const samples: Collected = {};
const processor: Collected = {};
const engines: Record<string, string> = {};
const absent: Record<string, string> = {};
const peaks: Record<string, Record<string, number>> = {};

const groups: Record<string, GroupRun> = {};
for (const group of Object.keys(GROUPS) as Group[]) {
  if (!options.runs.includes(group)) continue;
  const count = ONCE.has(group) ? 1 : rounds;
  const before = loadOf();
  const limits = limitsHere();
  for (let round = 0; round < count; round++) {
    for (const engine of turn(GROUPS[group], round)) await runChild(group, engine);
    console.error(`${group}: round ${round + 1} of ${count}, load ${loadOf()}`);
  }
  const date = new Date().toISOString().slice(0, 10);
  groups[group] = { date, rounds: count, load: [before, loadOf()], limits };
  // After each group, so that an interrupted run keeps its figures.
  write(resultsOf());
}
if (Object.keys(groups).length > 0) console.log(markdownOf(resultsOf()));
if (options.runs.includes("durable")) await runDurable();

function turn(names: readonly string[], round: number): string[] {
  const chosen = names.filter((name) => options.engines.includes(name));
  const first = round % Math.max(1, chosen.length);
  return [...chosen.slice(first), ...chosen.slice(0, first)];
}

async function runChild(group: Group, engine: string): Promise<void> {
  if (engine in absent) return;
  const args = [...RUN, CHILD.href, engine, group];
  if (options.quick) args.push("quick");
  const command = new Deno.Command(Deno.execPath(), { args, stderr: "inherit" });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`${engine} failed in ${group}`);
  const output: Output = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  if (output.absent !== undefined) {
    absent[engine] = output.absent;
    return;
  }
  engines[engine] = output.about;
  collect(samples, engine, output.samples);
  collect(processor, engine, output.processor);
  const groupPeaks = peaks[group] ??= {};
  groupPeaks[engine] = Math.max(groupPeaks[engine] ?? 0, output.peakMemory);
}

async function runDurable(): Promise<void> {
  const args = [...RUN, DURABLE.href];
  if (options.quick) args.push("--quick");
  else args.push("--json", fileURLToPath(new URL("durable.json", LATEST)));
  const command = new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" });
  const { success } = await command.output();
  if (!success) throw new Error("the durable bench failed");
}

function collect(into: Collected, engine: string, samples: Samples): void {
  for (const [name, sample] of Object.entries(samples)) {
    ((into[name] ??= {})[engine] ??= []).push(sample);
  }
}

function figuresOf(collected: Collected): Results["workloads"] {
  const figures: Record<string, Record<string, Figure>> = {};
  for (const [name, byEngine] of Object.entries(collected)) {
    figures[name] = {};
    for (const [engine, all] of Object.entries(byEngine)) figures[name][engine] = figureOf(all);
  }
  return figures;
}

function readResults(path: string | URL): Results | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function limitsHere(): Limits {
  const folder = Deno.makeTempDirSync({ prefix: "quire-bench-" });
  try {
    return limitsOf(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function resultsOf(): Results {
  return {
    machine: machineOf(),
    groups,
    engines: sortedByPlace(engines),
    absent,
    workloads: figuresOf(samples),
    processor: figuresOf(processor),
    peakMemory: peaks,
  };
}

function sortedByPlace(about: Record<string, string>): Record<string, string> {
  const places = GROUPS.inserted;
  return Object.fromEntries(
    Object.entries(about).sort(([a], [b]) => places.indexOf(a) - places.indexOf(b)),
  );
}

/** Writes the measurements; groups of an existing file that were not run remain. */
function write(measured: Results): void {
  if (options.quick && options.json === undefined) return;
  const path = options.json ?? LATEST;
  const earlier = readResults(path);
  const results = earlier === undefined ? measured : merge(earlier, measured);
  Deno.writeTextFileSync(path, JSON.stringify(results, null, 2) + "\n");
  if (options.json !== undefined) return;
  Deno.writeTextFileSync(new URL("latest.md", LATEST), markdownOf(results));
  const peers = Object.keys(results.engines).filter((name) => name !== "Quire");
  const times = Object.entries(results.workloads).filter(([name]) => !/bytes| at |open/.test(name));
  const ratios = ratioChart(Object.fromEntries(times), peers);
  Deno.writeTextFileSync(new URL("latest.svg", LATEST), ratios);
  const growth = Object.entries(results.workloads).filter(([name]) =>
    /^(get|insert) at/.test(name)
  );
  if (growth.length === 0) return;
  const lines = growthChart(Object.fromEntries(growth), ["Quire", "lmdb-js", "node:sqlite"]);
  Deno.writeTextFileSync(new URL("growth.svg", LATEST), lines);
}
