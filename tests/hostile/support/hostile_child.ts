/**
 * Runs rows of the table of hostile files in a process of its own, so that the parent can end a row
 * that hangs, and memory can be measured. It prints a line of JSON for each row that begins or
 * ends.
 *
 * Started with `--v8-flags=--expose-gc`, on Linux; elsewhere memory is not measured.
 */

import { makeBases } from "./hostile_bases.ts";
import { JUDGE_CACHE_BYTES } from "./hostile_judge.ts";
import { ROWS } from "./hostile_rows.ts";
import { type RowResult, runRow } from "./hostile_run.ts";

/** A line of its output: a row that begins, or its result. */
export interface Line extends RowResult {
  /** The name of the row that begins. */
  readonly begins?: string;
  /** Its peak memory in bytes. */
  readonly memory: number;
}

const MEBIBYTE = 1024 * 1024;
/** The memory allowed beyond the cache, including the files that the judge keeps. */
const MEMORY_MAX = JUDGE_CACHE_BYTES + 64 * MEBIBYTE;

const isLinux = Deno.build.os === "linux";
const gc = (globalThis as { gc?: () => void }).gc ?? (() => {});

/** Bytes of memory, current and peak since `beginPeak`. */
function memory(): { now: number; peak: number } {
  const status = Deno.readTextFileSync("/proc/self/status");
  const read = (name: string) => 1024 * Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)![1]);
  return { now: read("VmRSS"), peak: read("VmHWM") };
}

function beginPeak(): void {
  Deno.writeTextFileSync("/proc/self/clear_refs", "5");
}

const bases = makeBases();
const [dir, ...names] = Deno.args;
const say = (line: unknown) => console.log(JSON.stringify(line));
for (const row of ROWS.filter(({ name }) => names.includes(name))) {
  for (const sealed of [false, true]) {
    say({ begins: row.name, sealed });
    gc();
    if (isLinux) beginPeak();
    const before = isLinux ? memory().now : 0;
    const result = await runRow(row, sealed, bases, dir!);
    const took = isLinux ? memory().peak - before : 0;
    const complaints = [...result.complaints];
    if (took > MEMORY_MAX) complaints.push(`took ${Math.round(took / MEBIBYTE)} MiB of memory`);
    say({ ...result, complaints, memory: took });
  }
}
