/**
 * Carries out the table of hostile files in a process of its own, so that whoever started it can
 * end it when a row hangs, and so that memory can be told: says in a line of JSON each row that
 * begins, and each that is done.
 *
 * Started with `--v8-flags=--expose-gc`, on Linux: elsewhere memory is not looked at.
 */

import { makeBases } from "./hostile_bases.ts";
import { JUDGE_CACHE_BYTES } from "./hostile_judge.ts";
import { ROWS } from "./hostile_rows.ts";
import { type RowResult, runRow } from "./hostile_run.ts";

/** A line of what it says: a row that begins, or what came of it. */
export interface Line extends RowResult {
  /** The name of the row that begins. */
  readonly begins?: string;
  /** Bytes of memory that it took at most. */
  readonly memory: number;
}

const MEBIBYTE = 1024 * 1024;
/** What a file may cost beside the cache: the files that the judge itself keeps are in it. */
const MEMORY_MAX = JUDGE_CACHE_BYTES + 64 * MEBIBYTE;

const isLinux = Deno.build.os === "linux";
const gc = (globalThis as { gc?: () => void }).gc ?? (() => {});

/** Bytes in memory, now and at most since `beginPeak`. */
function memory(): { now: number; peak: number } {
  const status = Deno.readTextFileSync("/proc/self/status");
  const read = (name: string) => 1024 * Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)![1]);
  return { now: read("VmRSS"), peak: read("VmHWM") };
}

function beginPeak(): void {
  Deno.writeTextFileSync("/proc/self/clear_refs", "5");
}

const bases = makeBases();
const dir = Deno.args[0]!;
const say = (line: unknown) => console.log(JSON.stringify(line));
for (const row of ROWS) {
  for (const sealed of [false, true]) {
    say({ begins: row.name, sealed });
    gc();
    if (isLinux) beginPeak();
    const before = isLinux ? memory().now : 0;
    const result = await runRow(row, sealed, bases, dir);
    const took = isLinux ? memory().peak - before : 0;
    const complaints = [...result.complaints];
    if (took > MEMORY_MAX) complaints.push(`took ${Math.round(took / MEBIBYTE)} MiB of memory`);
    say({ ...result, complaints, memory: took });
  }
}
