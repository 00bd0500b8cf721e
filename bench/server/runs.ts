/**
 * Runs the parts of the server bench: every round runs every engine with every slowing of syncs,
 * each in a process of its own on a new database, and starts with another engine.
 */

import { inTempFolder } from "../measure/temp_folder.ts";
import { runChild, RunningChild } from "./child.ts";
import { GRACE_MS, type LoadInput, WARM_UP_MS } from "./client/load.ts";
import type { InProcessInput, InProcessOutput } from "./in_process.ts";
import type { Part, Plan } from "./plan.ts";
import { type Cell, cellOf, type Circumstance, type Sample, type Setting } from "./results.ts";
import type { ServerInput, ServerOutput } from "./serve.ts";
import { slowEnvironment } from "./slow/slow_syncs.ts";

const SERVE = new URL("./serve.ts", import.meta.url);
const LOAD = new URL("./client/load.ts", import.meta.url);
const IN_PROCESS = new URL("./in_process.ts", import.meta.url);
/** The time to open and fill a database. */
const FILL_MS = 300_000;
/** Parts of `in_process.ts` measure up to seven times, with a database to fill each. */
const PART_MS = 600_000;

/** What a run needs. */
export interface Context {
  readonly plan: Plan;
  /** Stops the bench. */
  readonly signal: AbortSignal;
  /** The library that slows syncs, if there is one. */
  readonly library: string | undefined;
  /** Receives a line after each process. */
  readonly report: (line: string) => void;
}

/** The figures of parts that ran together. */
export interface PartCells {
  readonly cells: ReadonlyMap<Part, readonly Cell[]>;
  readonly notes: Notes;
}

/** What the processes say of their engines and of themselves. */
export interface Notes {
  /** Versions and configurations of engines. */
  readonly engines: Record<string, string>;
  /** The reasons why others are absent. */
  readonly absent: Record<string, string>;
  /** One of each process. */
  readonly circumstances: Circumstance[];
}

/** What a process says of its engine and of itself. */
interface Described extends Omit<Circumstance, "syncMs"> {
  readonly about: string;
}

/** Measures parts that run together: the server alone, or any of the others. */
export async function runParts(context: Context, parts: readonly Part[]): Promise<PartCells> {
  const notes: Notes = { engines: {}, absent: {}, circumstances: [] };
  const cells: ReadonlyMap<Part, readonly Cell[]> = parts.includes("server")
    ? new Map([["server", await runServers(context, notes)]])
    : await runInProcess(context, notes, parts);
  return { cells, notes };
}

/** Measures engines behind HTTP. */
async function runServers(context: Context, notes: Notes): Promise<Cell[]> {
  const cells = new Cells();
  await forEveryProcess(context, notes, async (setting, input, env) => {
    await using server = await RunningChild.start(SERVE, input satisfies ServerInput, {
      signal: context.signal,
      timeoutMs: FILL_MS,
      env,
    });
    const output = server.output as ServerOutput;
    if (isAbsent(output, setting, notes)) return;
    for (const writePercent of context.plan.writePercents) {
      for (const connections of context.plan.connections) {
        const sample = await load(context, output.port, connections, writePercent);
        cells.add({ ...setting, writePercent, connections }, sample);
      }
    }
  });
  return cells.figures();
}

async function load(
  { plan, signal }: Context,
  port: number,
  connections: number,
  writePercent: number,
): Promise<Sample> {
  const ms = plan.seconds * 1000;
  const { entries, requests } = plan;
  const input: LoadInput = { port, connections, writePercent, entries, ms, requests };
  // Its own guard ends it earlier, with the reason.
  const timeoutMs = WARM_UP_MS + ms + 2 * GRACE_MS;
  return await runChild(LOAD, input, { signal, timeoutMs }) as Sample;
}

/** Measures the parts that run inside the process of the engine. */
async function runInProcess(
  context: Context,
  notes: Notes,
  parts: readonly Part[],
): Promise<Map<Part, Cell[]>> {
  const { entries, largeEntries, clients, sets, requests, seconds } = context.plan;
  const cells = new Map(parts.map((part) => [part, new Cells()]));
  await forEveryProcess(context, notes, async (setting, { engine, folder }, env) => {
    const ms = seconds * 1000;
    const sizes = { entries, largeEntries, clients, sets, requests, ms };
    const input: InProcessInput = { engine, folder, parts, ...sizes };
    const timeoutMs = parts.length * (PART_MS + ms);
    const output = await runChild(IN_PROCESS, input, {
      signal: context.signal,
      timeoutMs,
      env,
    }) as InProcessOutput;
    if (isAbsent(output, setting, notes)) return;
    for (const part of parts) {
      const sample = output.samples[part];
      if (sample !== undefined) cells.get(part)!.add(setting, sample);
    }
  });
  return new Map(parts.map((part) => [part, cells.get(part)!.figures()]));
}

/** Calls `work` for each process of all rounds, with a folder that is removed afterwards. */
async function forEveryProcess(
  { plan, library, report }: Context,
  notes: Notes,
  work: (setting: Setting, input: ServerInput, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < plan.rounds; round++) {
    const first = round % plan.engines.length;
    for (const engine of [...plan.engines.slice(first), ...plan.engines.slice(0, first)]) {
      for (const syncMs of plan.syncMs) {
        if (engine in notes.absent || (syncMs > 0 && library === undefined)) continue;
        const env = syncMs > 0 ? slowEnvironment(library!, syncMs) : {};
        await inTempFolder((folder) =>
          work({ engine, syncMs }, { engine, folder, entries: plan.entries }, env)
        );
        report(`round ${round + 1} of ${plan.rounds}: ${engine}, syncs + ${syncMs} ms`);
      }
    }
  }
}

/** Whether an engine cannot run. Adds to the notes, and checks that syncs are slowed. */
function isAbsent<T extends Described>(
  output: { readonly absent: string } | T,
  { engine, syncMs }: Setting,
  notes: Notes,
): output is { readonly absent: string } {
  if ("absent" in output) {
    notes.absent[engine] = output.absent;
    return true;
  }
  const { about, syncUs, idle } = output;
  if (syncUs < syncMs * 1000) {
    throw new Error(`Cannot slow syncs by ${syncMs} ms: a sync took ${syncUs} us`);
  }
  notes.engines[engine] = about;
  notes.circumstances.push({ syncMs, syncUs, idle });
  return false;
}

/** Samples by setting. */
class Cells {
  readonly #samples = new Map<string, { setting: Setting; samples: Sample[] }>();

  /** Adds a sample. */
  add(setting: Setting, sample: Sample): void {
    const key = JSON.stringify(setting);
    const cell = this.#samples.get(key) ?? { setting, samples: [] };
    cell.samples.push(sample);
    this.#samples.set(key, cell);
  }

  /** The figures of each setting. */
  figures(): Cell[] {
    return [...this.#samples.values()].map(({ setting, samples }) => cellOf(setting, samples));
  }
}
