/**
 * Records the calls of several real processes that share one database, some of which kill
 * themselves, and has the power cut at moments of the recording.
 */

import { fromFileUrl } from "@std/path";
import { HANG_MS } from "../../support/programs/hang.ts";
import { Random } from "../../support/random.ts";
import type { CutReport, CutTask } from "./cutter.ts";
import type { Death, Task } from "./worker.ts";

const MAP = fromFileUrl(new URL("./import_map.json", import.meta.url));
const WORKER = fromFileUrl(new URL("./worker.ts", import.meta.url));
const CUTTER = fromFileUrl(new URL("./cutter.ts", import.meta.url));
/** The most calls that a process makes after a moment before it dies. */
const CALLS = { opening: 40, working: 80, closing: 30 };

/** How a fleet runs. */
export interface FleetOptions {
  readonly folder: string;
  readonly seed: number;
  /** How many processes there are at a time, and in all. */
  readonly processes: number;
  readonly lives: number;
  readonly steps: number;
  /** One process in this many kills itself; the last never does. */
  readonly killedOneIn: number;
}

/** What was recorded, and where. */
export interface Recorded {
  readonly path: string;
  readonly log: string;
  readonly processes: number;
  readonly kills: number;
}

/** The arguments of Deno that run a program with recorded calls. */
function recordedArgs(program: string, task: unknown): string[] {
  const flags = ["--quiet", "--no-check", "--no-lock", "-A", "--import-map", MAP];
  return ["run", ...flags, program, JSON.stringify(task)];
}

/** Runs the processes. */
export async function recordFleet(options: FleetOptions): Promise<Recorded> {
  const { folder, seed, processes, lives, steps, killedOneIn } = options;
  const random = new Random(seed);
  const [path, log] = [`${folder}/shared.quire`, `${folder}/calls.log`];
  let begun = 0;
  let kills = 0;
  const live = async () => {
    while (begun < lives) {
      const process = begun++;
      const isKilled = process < lives - 1 && random.once(killedOneIn);
      const pauseMs = random.pick([0, 2, 4, 4]);
      const task = { path, log, process, seed: random.u32(), steps, pauseMs };
      const death = isKilled ? { death: deathOf(random) } : {};
      if (await run({ ...task, ...death })) kills++;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: processes }, live));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return { path, log, processes: lives, kills };
}

function deathOf(random: Random): Death {
  const moment = random.pick(["opening", "working", "working", "closing"] as const);
  const fate = random.pick(["before", "half", "after"] as const);
  return { moment, call: random.below(CALLS[moment]), fate };
}

/** Runs a process; whether it killed itself. */
async function run(task: Task): Promise<boolean> {
  const { success, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: recordedArgs(WORKER, task),
    stdout: "inherit",
    stderr: "piped",
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  if (success) return false;
  if (signal === "SIGKILL" && task.death !== undefined) return true;
  throw new Error(`process ${task.process}: ${new TextDecoder().decode(stderr)}`);
}

/** Cuts the power at moments of a recording. */
export async function cutRecording(task: CutTask): Promise<CutReport> {
  const args = recordedArgs(CUTTER, task);
  const signal = AbortSignal.timeout(HANG_MS);
  const command = new Deno.Command(Deno.execPath(), { args, stderr: "inherit", signal });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`it cannot be cut: deno ${args.join(" ")}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
