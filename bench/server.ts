/**
 * Measures engines in a server: requests a second, latency, and the lag of the event loop, with
 * syncs as they are on this machine and slowed to those of slower disks.
 *
 * `deno task bench:server [--only PARTS] [--engines A,B] [--quick] [--json FILE] [--chart FILE]`
 * and more options, which `--help` lists. The part `server` is `Deno.serve` on this machine with a
 * load generator in another process; `clients`, `sequential`, `small` and `large` run in the
 * process of the engine. `server/slow_syncs.c` slows syncs; it needs Linux and a C compiler.
 *
 * Wrong options exit with 2. An interrupt ends all processes and removes their folders.
 */

import { dirname, resolve } from "node:path";
import { loadOf, machineOf } from "./measure/machine.ts";
import { UsageError } from "./measure/options.ts";
import { inTempFolder } from "./measure/temp_folder.ts";
import { serverChart } from "./server/chart.ts";
import { type Part, PARTS, type Plan, planOf, USAGE } from "./server/plan.ts";
import { circumstanceLines, tablesOf } from "./server/report.ts";
import { type Cell, merge, type PartRun, type Results } from "./server/results.ts";
import { type Notes, runParts } from "./server/runs.ts";
import { compileSlowSyncs } from "./server/slow/slow_syncs.ts";

/** The exit code of each signal that stops the bench. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const EXIT_MISUSE = 2;

/** The reason of an interrupt. */
class Interrupted extends Error {
  readonly code: number;

  constructor(code: number) {
    super("interrupted");
    this.code = code;
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);

/** Runs the bench, and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const plan = planOf(args);
    if (plan === undefined) console.log(USAGE.trimEnd());
    else await interruptible((signal) => inTempFolder((folder) => runAll(plan, folder, signal)));
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n--help lists the options.`);
      return EXIT_MISUSE;
    }
    if (error instanceof Interrupted) return error.code;
    throw error;
  }
}

/** Runs work with a signal that an interrupt aborts. */
async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const listeners = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = () => controller.abort(new Interrupted(code));
    Deno.addSignalListener(name as Deno.Signal, listener);
    return () => Deno.removeSignalListener(name as Deno.Signal, listener);
  });
  try {
    await work(controller.signal);
  } finally {
    for (const remove of listeners) remove();
  }
}

async function runAll(plan: Plan, folder: string, signal: AbortSignal): Promise<void> {
  const earlier = earlierResults(plan);
  const slow = await compileSlowSyncs(folder, signal);
  const library = "library" in slow ? slow.library : undefined;
  const absent = "absent" in slow ? { "slower syncs": slow.absent } : {};
  const engines = {};
  const machine = machineOf();
  const report = (line: string) => console.error(`${line}, load ${loadOf()}`);
  console.log(JSON.stringify({ machine }, null, 2));
  const parts: Record<string, PartRun> = {};
  for (const step of stepsOf(plan.parts)) {
    const before = loadOf();
    const { cells, notes } = await runParts({ plan, signal, library, report }, step);
    Object.assign(engines, notes.engines);
    Object.assign(absent, notes.absent);
    for (const [part, figures] of cells) {
      parts[part] = partRun(plan, before, notes, figures);
      console.log(`\n${tablesOf(part, figures)}`);
    }
    console.log(`\n${circumstanceLines(notes.circumstances).join("\n")}`);
    // After each step, so that an interrupted run keeps its figures.
    const results = { machine, engines, absent, parts };
    write(plan, earlier === undefined ? results : merge(earlier, results));
  }
  for (const [name, reason] of Object.entries(absent)) {
    console.log(`Absent: ${name} (${reason})`);
  }
}

/** Parts that run together: the server, and those in one process. */
function stepsOf(parts: readonly Part[]): Part[][] {
  const isServer = (part: Part) => part === "server";
  const steps = [parts.filter(isServer), parts.filter((part) => !isServer(part))];
  return steps.filter(({ length }) => length > 0);
}

function partRun(
  { rounds, seconds }: Plan,
  before: number,
  { circumstances }: Notes,
  cells: readonly Cell[],
): PartRun {
  const date = new Date().toISOString().slice(0, 10);
  return { date, rounds, seconds, load: [before, loadOf()], circumstances, cells };
}

function write({ json, chart }: Plan, results: Results): void {
  if (json !== undefined) Deno.writeTextFileSync(json, JSON.stringify(results, null, 2) + "\n");
  const server = results.parts["server"];
  if (chart !== undefined && server !== undefined && server.cells.length > 0) {
    Deno.writeTextFileSync(chart, serverChart(server.cells));
  }
}

/** The results in the file to write, of which some parts will remain. Refuses other files early. */
function earlierResults({ json, chart, parts }: Plan): Results | undefined {
  for (const path of [json, chart]) {
    if (path === undefined || isFolder(dirname(resolve(path)))) continue;
    throw new UsageError(`Cannot write ${path}: its folder does not exist`);
  }
  if (json === undefined || parts.length === PARTS.length) return undefined;
  try {
    const results = JSON.parse(Deno.readTextFileSync(json));
    if (typeof results?.parts === "object") return results;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UsageError(`Cannot add to ${json}: it has no results of this bench`);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
