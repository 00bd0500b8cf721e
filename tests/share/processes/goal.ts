/**
 * Fleets one after the other, each on a new file, until so many transactions were committed and so
 * many processes killed.
 *
 * Some of the files lie on a disk, whose syncs order the processes otherwise; the others, and all
 * logs and archives, in memory where that is a folder, so that more is done in a given time.
 */

import { existsSync } from "node:fs";
import { runFleet, SHARER } from "./fleet.ts";

/** The memory disk of Linux. */
const MEMORY = "/dev/shm";
/** One database in this many lies on the disk. */
const DISK_ONE_IN = 4;
/** The processes that a fleet has in all. */
const LIVES = 60;
/** The steps of those that are not killed. */
const STEPS = 60;

/** Counts that are to be reached. */
export interface Goal {
  readonly transactions: number;
  readonly kills: number;
}

/** The counts of several fleets. */
export type Counts = Record<string, number>;

/** Parses TRANSACTIONS,KILLS. */
export function parseGoal(text: string): Goal {
  const [transactions = NaN, kills = NaN] = text.split(",").map(Number);
  return { transactions, kills };
}

/**
 * Runs fleets until a goal is reached, or one has a fault, whose folder is left and named.
 *
 * @param tell Gets the counts behind each fleet.
 */
export async function runUntil(
  goal: Goal,
  seed: number,
  tell: (text: string) => void,
): Promise<{ counts: Counts; faults: readonly string[] }> {
  const counts: Counts = {};
  const memory = existsSync(MEMORY) ? { dir: MEMORY } : {};
  const program = await bundleOf(SHARER, Deno.makeTempDirSync(memory));
  for (let number = 0; !isReached(goal, counts); number++) {
    const folder = Deno.makeTempDirSync({ prefix: "quire-fleet-", ...memory });
    const onDisk = number % DISK_ONE_IN === DISK_ONE_IN - 1 ? Deno.makeTempDirSync() : undefined;
    const { faults, moments, ...sums } = await runFleet({
      folder,
      program,
      path: `${onDisk ?? folder}/shared.quire`,
      seed: seed + number,
      processes: 2 + number % 3,
      lives: LIVES,
      steps: STEPS,
      killedOneIn: 1,
      isBurst: true,
      isQuick: true,
    });
    add(counts, { files: 1, processes: LIVES, ...sums, ...moments });
    tell(`fleets, seed ${seed + number}, ${onDisk ?? folder}: ${JSON.stringify(counts)}`);
    if (faults.length > 0) return { counts, faults: [folder, ...faults] };
    Deno.removeSync(folder, { recursive: true });
    if (onDisk) Deno.removeSync(onDisk, { recursive: true });
  }
  return { counts, faults: [] };
}

/** A program in one file, which begins in less time; itself where it cannot be made one. */
async function bundleOf(program: string, folder: string): Promise<string> {
  const to = `${folder}/sharer.js`;
  const args = ["bundle", "--quiet", "--output", to, program];
  const { success } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  return success ? to : program;
}

function isReached({ transactions, kills }: Goal, counts: Counts): boolean {
  return (counts["transactions"] ?? 0) >= transactions && (counts["kills"] ?? 0) >= kills;
}

function add(counts: Counts, more: Counts): void {
  for (const [name, value] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + value;
}
