/**
 * Runs the large sizes of the tests for a given time: `deno task soak --minutes 60`.
 *
 * Each round runs every part of `soak_parts.ts` in its own process and with a new seed. A part
 * starts only if the remaining time suffices. `--only TEXT` runs the parts whose name contains the
 * text, `--seed N` makes N the first seed, `--list` lists the parts.
 *
 * For each part it prints a command that repeats it and the counts that its tests report, and at
 * the end the totals. A failed part does not stop the others: its output is stored in a file whose
 * name is printed, and the exit code is 1.
 */

import { parseArgs } from "node:util";
import { fromFileUrl } from "@std/path";
import {
  add,
  commandOf,
  countLines,
  type Figures,
  figuresOf,
  type Part,
  PARTS,
  settingsOf,
} from "./soak_parts.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const MINUTE_MS = 60_000;
/** The number of consecutive seeds that a part may use. */
const SEEDS_APART = 1000;
/** The most lines shown of a part. */
const LINES_MAX = 12;

/** The results of all runs of a part. */
interface Total {
  runs: number;
  failures: number;
  seconds: number;
  readonly seeds: number[];
  readonly figures: Figures;
}

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    only: { type: "string", default: "" },
    seed: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
const deadline = performance.now() + Number(options.minutes) * MINUTE_MS;
const totals = new Map<string, Total>();
let nextSeed = Number(options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1);

const parts = PARTS.filter(({ name }) => name.includes(options.only)).filter(isThere);
if (parts.length === 0 || !(Number(options.minutes) > 0)) {
  console.error(
    `no part has "${options.only}" in its name, or ${options.minutes} minutes is not a time`,
  );
  Deno.exit(2);
}
if (options.list) {
  for (const { name, minutes, rhythm } of parts) {
    console.log(`${name}: about ${minutes} minutes, ${rhythm}`);
  }
} else {
  for (let round = 1; await runRound(round); round++);
  report();
}

function isThere({ name, file }: Part): boolean {
  try {
    return Deno.statSync(`${TOP}${file}`).isFile;
  } catch {
    console.log(`left out: ${name}, since there is no ${file}`);
    return false;
  }
}

/** Runs the parts for which there is time. Returns whether any was run. */
async function runRound(round: number): Promise<boolean> {
  let hasRun = false;
  for (const part of parts) {
    if (part.rhythm === "once" && totals.has(part.name)) continue;
    if (performance.now() + part.minutes * MINUTE_MS > deadline) continue;
    await runPart(part, round, nextSeed);
    nextSeed += SEEDS_APART;
    hasRun = true;
  }
  return hasRun;
}

async function runPart(part: Part, round: number, seed: number): Promise<void> {
  console.log(`\n== round ${round}: ${part.name}\n   ${commandOf(part, seed)}`);
  const begin = performance.now();
  const { output, success } = await runTests(part, seed);
  const seconds = (performance.now() - begin) / 1000;
  const lines = countLines(part, output);
  for (const line of lines.slice(0, LINES_MAX)) console.log(`   ${line.trim()}`);
  if (lines.length > LINES_MAX) console.log(`   and ${lines.length - LINES_MAX} more lines`);
  const hasNoCounts = success && lines.length === 0;
  if (!success || hasNoCounts) {
    const kept = Deno.makeTempFileSync({ prefix: "quire-soak-", suffix: ".txt" });
    Deno.writeTextFileSync(kept, output);
    console.log(`   ${hasNoCounts ? "SAID NOTHING OF WHAT IT DID" : "FAILED"}: ${kept}`);
  }
  console.log(`   ${seconds.toFixed(0)} s, ${success ? "all passed" : "not all passed"}`);

  const total = totals.get(part.name) ??
    { runs: 0, failures: 0, seconds: 0, seeds: [], figures: {} };
  totals.set(part.name, total);
  total.runs++;
  if (!success || hasNoCounts) total.failures++;
  total.seconds += seconds;
  total.seeds.push(seed);
  add(total.figures, figuresOf(part, output));
}

async function runTests(part: Part, seed: number): Promise<{ output: string; success: boolean }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", part.file],
    cwd: TOP,
    env: { ...settingsOf(part, seed), NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { stdout, stderr, success } = await child.output();
  const decoder = new TextDecoder();
  return { output: decoder.decode(stdout) + decoder.decode(stderr), success };
}

function report(): void {
  console.log("\n== in all");
  for (const [name, { runs, failures, seconds, seeds, figures }] of totals) {
    const verdict = failures === 0 ? "all passed" : `${failures} FAILED`;
    console.log(`${name}: ${runs} runs, ${verdict}, ${seconds.toFixed(0)} s`);
    console.log(`   seeds ${seeds.join(" ")}`);
    for (const [figure, value] of Object.entries(figures)) console.log(`   ${figure} ${value}`);
  }
  const left = parts.filter(({ name }) => !totals.has(name)).map(({ name }) => name);
  if (left.length > 0) console.log(`no time for: ${left.join(", ")}`);
  const failed = [...totals.values()].reduce((sum, { failures }) => sum + failures, 0);
  if (failed > 0 || totals.size === 0) Deno.exitCode = 1;
}
