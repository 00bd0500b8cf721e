/**
 * How cost grows with the work: files, bytes written, the longest turn of the event loop, memory,
 * and opening after a kill.
 *
 * `deno task bench:scale [--only TRIAL] [--engines A,B] [--entries N] [--rounds N] [--cache MIB]
 * [--json FILE]`; trials are sets, churn, large, middle and kill. Every engine runs in a process of
 * its own, on a database below the system's folder for temporary files. 1,000,000 entries and 10
 * rounds need about 3 GB of disk and some minutes.
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadOf, machineOf } from "./machine.ts";
import { tableOf } from "./measure.ts";
import { inTempFolder } from "./temp_folder.ts";
import { type Point, TRIALS, type TrialSize } from "./scale/trials.ts";

/** What `child.ts` says of opening after a kill. */
interface Opening {
  readonly fileBytes: number;
  readonly openMs: number;
  readonly readBytes?: number;
  readonly peakBytes: number;
  readonly closedBytes: number;
}

const CHILD = fileURLToPath(new URL("./scale/child.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("./deno.json", import.meta.url));
const MIB = 2 ** 20;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    engines: { type: "string", default: "Quire,lmdb-js,node:sqlite" },
    entries: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "10" },
    cache: { type: "string", default: "256" },
    json: { type: "string" },
  },
});
const engines = options.engines.split(",");
const size: TrialSize = {
  entries: Math.ceil(Number(options.entries) / 1000) * 1000,
  rounds: Number(options.rounds),
  cacheBytes: Number(options.cache) * MIB,
};
const results: Record<string, Record<string, unknown>> = {};

console.log(JSON.stringify({ machine: machineOf(), size, load: loadOf() }, null, 2));
for (const name of [...Object.keys(TRIALS), "kill"]) {
  if (options.only !== undefined && options.only !== name) continue;
  results[name] = {};
  for (const engine of engines) {
    results[name][engine] = await inTempFolder((dir) => run(name, engine, dir));
  }
  console.log(`\n${name}\n\n${name === "kill" ? openingTable(name) : trialTable(name)}`);
}
if (options.json !== undefined) {
  const all = { machine: machineOf(), size, results };
  Deno.writeTextFileSync(options.json, JSON.stringify(all, null, 2) + "\n");
}

async function run(trial: string, engine: string, folder: string): Promise<unknown> {
  if (trial !== "kill") return JSON.parse(await child("trial", trial, engine, folder));
  await child("kill", engine, folder);
  return JSON.parse(await child("open", engine, folder));
}

/** The last line that a step prints; nothing if it was killed. */
async function child(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", CONFIG, CHILD, ...args, JSON.stringify(size)],
  }).output();
  if (code !== 0 && args[0] !== "kill") throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1) ?? "";
}

function trialTable(name: string): string {
  const heads = [
    "engine",
    "file/live at a fifth",
    "half",
    "the end",
    "closed",
    "written/live",
    "longest turn",
    "memory",
  ];
  const rows = Object.entries(results[name]!).map(([engine, series]) => {
    if (!Array.isArray(series)) return [engine, "absent", ...heads.slice(2).map(() => "")];
    const points: Point[] = series;
    const open = points.filter(({ closed }) => !closed);
    const at = (share: number) => open.find(({ done }) => done >= share) ?? open.at(-1)!;
    const ratio = ({ fileBytes, liveBytes }: Point) => (fileBytes / liveBytes).toFixed(2);
    const last = points.at(-1)!;
    const written = last.writtenBytes === undefined
      ? ""
      : (last.writtenBytes / last.liveBytes).toFixed(1);
    const turn = Math.max(...points.map(({ longestTurnMs }) => longestTurnMs));
    return [
      engine,
      ...[at(0.2), at(0.5), open.at(-1)!, last].map(ratio),
      written,
      `${turn.toFixed(0)} ms`,
      `${Math.round(last.peakBytes / MIB)} MiB`,
    ];
  });
  return tableOf(heads, rows);
}

function openingTable(name: string): string {
  const heads = ["engine", "file", "open", "read", "memory", "closed"];
  const rows = Object.entries(results[name]!).map(([engine, result]) => {
    const { fileBytes, openMs, readBytes, peakBytes, closedBytes } = result as Opening;
    if (openMs === undefined) return [engine, "absent", "", "", "", ""];
    const mib = (bytes: number | undefined) =>
      bytes === undefined ? "" : `${(bytes / MIB).toFixed(1)} MiB`;
    return [
      engine,
      mib(fileBytes),
      `${openMs.toFixed(0)} ms`,
      mib(readBytes),
      mib(peakBytes),
      mib(closedBytes),
    ];
  });
  return tableOf(heads, rows);
}
