/**
 * Several processes that share one database, killed at random and replaced, and what is checked at
 * the end.
 */

import { fromFileUrl } from "@std/path";
import { Random } from "../../support/random.ts";
import { bytes, open, string, u64 } from "../../../mod.ts";
import { type Checked, Checker, parseLog } from "./log.ts";

const SHARER = fromFileUrl(new URL("./sharer.ts", import.meta.url));
const SIDE_FILES = ["", "-lock", "-here", "-shared"];

/** How a fleet runs. */
export interface FleetOptions {
  readonly folder: string;
  readonly seed: number;
  readonly processes: number;
  /** The processes that are begun in all. */
  readonly lives: number;
  /** The steps of each. */
  readonly steps: number;
  /**
   * Every how many of them is killed, about. The last never is: it shows that the others left a
   * file that can be used, also where a machine is so busy that they die before their first step.
   */
  readonly killedOneIn: number;
  readonly journalBytes?: number;
}

/** What came of it. */
export interface FleetResult extends Checked {
  readonly kills: number;
  readonly faults: readonly string[];
}

/** Runs processes, kills some of them, and checks what all of them saw. */
export async function runFleet(options: FleetOptions): Promise<FleetResult> {
  const { folder, seed, lives, processes } = options;
  const path = `${folder}/shared.quire`;
  const random = new Random(seed);
  let kills = 0;
  let begun = 0;
  const faults: string[] = [];
  const live = async () => {
    while (begun < lives && faults.length === 0) {
      const number = begun++;
      const child = spawn(options, path, number, random.below(2 ** 31));
      const isKilled = random.once(options.killedOneIn) && number < lives - 1;
      const wait = random.below(random.once(3) ? 100 : 1500);
      let isOver = false;
      const timer = isKilled
        ? setTimeout(() => {
          if (isOver) return;
          kills++;
          child.kill("SIGKILL");
        }, wait + 150)
        : undefined;
      const { success, signal, stderr } = await child.output();
      isOver = true;
      clearTimeout(timer);
      if (success || signal === "SIGKILL") continue;
      faults.push(`process ${number}: ${new TextDecoder().decode(stderr)}`);
    }
  };
  await Promise.all(Array.from({ length: processes }, live));
  const checked = await check(folder, path, faults);
  return { ...checked, kills, faults };
}

function spawn(options: FleetOptions, path: string, number: number, seed: number) {
  const { folder, steps, journalBytes = 2 * 1024 * 1024 } = options;
  const cacheBytes = 8 * 1024 * 1024;
  const name = `p${number}`;
  const task = { path, log: `${folder}/${name}.log`, name, seed, steps, journalBytes, cacheBytes };
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", SHARER, JSON.stringify(task)],
    stdout: "inherit",
    stderr: "piped",
  }).spawn();
}

/** Opens the file, as the next one does after all were killed, and checks the logs. */
async function check(folder: string, path: string, faults: string[]): Promise<Checked> {
  using db = open(path);
  const order = [...db.tree("order", { key: u64, value: string }).values()];
  const logs = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".log"))
    .map(({ name }) => parseLog(name, Deno.readTextFileSync(`${folder}/${name}`)));
  const checker = new Checker(order, logs);
  faults.push(...checker.faults);
  const count = db.tree("values", { key: string, value: bytes }).count();
  const { size } = checker.last();
  if (count !== size) faults.push(`the file has ${count} values, not ${size}`);
  const { ok, findings } = await db.verify();
  if (!ok) faults.push(`verify: ${JSON.stringify(findings.slice(0, 3))}`);
  return checker.checked;
}

/** Removes a database with the files beside it. */
export function removeShared(path: string): void {
  for (const end of SIDE_FILES) {
    try {
      Deno.removeSync(path + end);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

if (import.meta.main) {
  const [processes = "4", lives = "12", steps = "400", seed = "1", one = "2"] = Deno.args;
  const folder = Deno.makeTempDirSync();
  const begin = performance.now();
  const result = await runFleet({
    folder,
    seed: Number(seed),
    processes: Number(processes),
    lives: Number(lives),
    steps: Number(steps),
    killedOneIn: Number(one),
  });
  console.log(folder, JSON.stringify(result), `${Math.round(performance.now() - begin)} ms`);
  if (result.faults.length === 0) Deno.removeSync(folder, { recursive: true });
}
