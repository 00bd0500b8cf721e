/**
 * The memory of a process that copies a database, beside that of one which only opens it.
 */

import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import type { Section } from "../durable/fixture.ts";
import { figureOf } from "../measure/figures.ts";
import type { CopySize } from "./copies.ts";
import { fillQuire } from "./data.ts";

const PROGRAM = fileURLToPath(new URL("./child.ts", import.meta.url));
const MIB = 1024 * 1024;

/** The memory of the process. */
export interface ChildMemory {
  /** The peak before the copy, in bytes. */
  readonly before: number;
  /** The peak at its end. */
  readonly after: number;
}

/** What else a process does while it copies. */
export const KINDS = ["nothing", "commits", "compact"] as const;
const NAMES: Readonly<Record<(typeof KINDS)[number], string>> = {
  nothing: "nobody writes",
  commits: "while others commit",
  compact: "compact",
};

/** The memory of a backup. */
export async function memorySection(folder: string, size: CopySize): Promise<Section> {
  const path = `${folder}/memory`;
  await fillQuire(path, size.entries);
  const rows: string[][] = [];
  const data: Record<string, number> = {};
  for (const kind of KINDS) {
    const more: number[] = [];
    for (let round = 0; round < size.rounds; round++) {
      const { before, after } = await memoryOf(path, `${folder}/to`, kind);
      more.push((after - before) / MIB);
      fs.rmSync(`${folder}/to`);
    }
    data[kind] = figureOf(more).median;
    rows.push([`\`backup\`, ${NAMES[kind]}`, data[kind].toFixed(0)]);
  }
  return {
    title: "Memory of a backup",
    heads: ["", "MiB more than before"],
    rows,
    data,
    notes: ["Peaks, each of its own process, with a cache of 16 MiB that was filled before."],
  };
}

async function memoryOf(path: string, to: string, kind: string): Promise<ChildMemory> {
  const args = ["run", "-A", "-q", "--no-check", PROGRAM, path, to, kind];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
