/**
 * Repeats one crash test, with the arguments that its failure prints.
 *
 * `deno run -A tests/crash/crash_replay.ts --workload random --seed 7 --cut 31 --image 12 --out
 * image.quire`
 *
 * Options: `--engine quire|log`, `--protect`, `--garbage none|changed|any`, `--limit N`, `--nested
 * N`, `--kill N`, `--depth N`. `--near N` begins with the cuts near the Nth commit. `--seeds N`
 * tries N seeds in turn. `--all` continues after a failure, and prints the first failure of each
 * kind.
 *
 * `deno run -A tests/crash/crash_replay.ts --file tests/crash/regressions/NAME.json` takes the
 * options from a stored image (see `support/regressions.ts`).
 */

import type { Garbage } from "../support/files/crash_images.ts";
import { fixChance } from "../support/fixed_chance.ts";
import {
  crash,
  type CrashFailure,
  type CrashOptions,
  type CrashReport,
} from "./support/crash_driver.ts";
import type { Engine } from "./support/engine.ts";
import { type Flaw, logEngine } from "./support/log_engine.ts";
import { quireEngine } from "./support/quire_engine.ts";
import { readRegression } from "./support/regressions.ts";
import { WORKLOADS } from "./support/workloads.ts";

/** Runs a workload with arguments of the command line. */
export function replay(args: readonly string[], more: Partial<CrashOptions> = {}): CrashReport {
  const textOf = (name: string) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? undefined : args[at + 1];
  };
  const name = textOf("workload") ?? "random";
  if (WORKLOADS[name] === undefined) throw new Error(`no workload ${name}`);
  const numbers: Partial<Record<string, number>> = {};
  for (const [option, field] of Object.entries(NUMBERS)) {
    const text = textOf(option);
    if (text !== undefined) numbers[field] = Number(text);
  }
  const seed = Number(textOf("seed") ?? 1);
  const tornSectors = args.includes("--protect") ? "protect" : "whole";
  const workload = WORKLOADS[name].make(seed, { tornSectors });
  const garbage = textOf("garbage") ?? (tornSectors === "protect" ? "any" : "none");
  const options: CrashOptions = {
    name,
    seed,
    limit: WORKLOADS[name].limit,
    ...WORKLOADS[name].rare,
    garbage: garbage as Garbage,
    ...numbers,
    ...more,
  };
  return crash(engineOf(textOf("engine") ?? "quire"), workload, options);
}

const NUMBERS = {
  limit: "limit",
  nested: "nestedEvery",
  kill: "killEvery",
  depth: "depth",
  near: "near",
  cut: "cut",
  image: "image",
};

function engineOf(name: string): Engine {
  if (name === "quire") return quireEngine;
  return logEngine(name === "log" ? undefined : name.replace(/^log-/, "") as Flaw);
}

function main(given: string[]): void {
  fixChance(1);
  const file = given.indexOf("--file");
  const args = file < 0 ? given : [...readRegression(given[file + 1]!).replay.split(" "), ...given];
  const after = (name: string) => args.includes(name) ? Number(args[args.indexOf(name) + 1]) : 1;
  const seeds = after("--seeds");
  const sorts = new Map<string, number>();
  const tell = (failure: CrashFailure) => {
    const sort = failure.message.split("\n")[0]!.replace(/\d+/g, "N");
    sorts.set(sort, (sorts.get(sort) ?? 0) + 1);
    if (sorts.get(sort) === 1) show(failure, args);
    if (!args.includes("--all")) Deno.exit(1);
  };
  for (let i = 0; i < seeds; i++) {
    const own = ["--seed", String(after("--seed") + i), ...args];
    console.log(JSON.stringify(replay(own, { onFailure: tell })));
  }
  for (const [sort, count] of sorts) console.log(`${count} times: ${sort}`);
  if (sorts.size > 0) Deno.exit(1);
}

function show(failure: CrashFailure, args: readonly string[]): void {
  console.log(failure.message);
  console.log(failure.cause);
  const out = args.indexOf("--out");
  if (out >= 0) Deno.writeFileSync(args[out + 1]!, failure.content.content());
}

if (import.meta.main) main(Deno.args);
