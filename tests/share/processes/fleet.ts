/**
 * Several processes that share one database, killed at random and replaced, and what is checked at
 * the end.
 *
 * `deno run -A tests/share/processes/fleet.ts PROCESSES LIVES STEPS SEED KILLED_ONE_IN [burst]`
 * runs one, in a folder that it leaves where it found a fault.
 */

import { existsSync } from "node:fs";
import { fromFileUrl } from "@std/path";
import { archive, bytes, folderStore, open, restore, string, u64 } from "../../../mod.ts";
import { parseSegment } from "../../../store/archive/segments/segment.ts";
import { Random } from "../../support/random.ts";
import { type Checked, Checker, type Log, parseLog } from "./log.ts";
import { allOf, HEADS, VALUES } from "./sharer.ts";

const SHARER = fromFileUrl(new URL("./sharer.ts", import.meta.url));
/** The versions of an archive that are restored. */
const RESTORES = 6;
/** How often a process is looked for that has not begun its log. */
const POLL_MS = 10;

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
   * About one process in this many is killed. The last never is: it shows that the others left a
   * usable file, even where a machine is so busy that they die before their first step.
   */
  readonly killedOneIn: number;
  readonly journalBytes?: number;
  /** Whether a step writes up to hundreds of small transactions, for counts of millions. */
  readonly isBurst?: boolean;
}

/** What came of it. */
export interface FleetResult extends Checked {
  readonly kills: number;
  /** The states that were restored from the archive. */
  readonly restored: number;
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
      const wait = random.below(random.once(3) ? 100 : options.isBurst ? 3000 : 1500);
      const over = child.output();
      if (isKilled && await killLater(child, `${folder}/p${number}.log`, wait)) kills++;
      const { success, signal, stderr } = await over;
      if (success || signal === "SIGKILL") continue;
      faults.push(`process ${number}: ${new TextDecoder().decode(stderr)}`);
    }
  };
  await Promise.all(Array.from({ length: processes }, live));
  const archived = await restoreSome(folder, path, random, faults);
  const checked = await check(folder, path, archived, faults);
  return { ...checked, kills, restored: archived.lines.length, faults };
}

/** Kills a process some time after it has begun its log, unless it ends before; whether it did. */
async function killLater(child: Deno.ChildProcess, log: string, waitMs: number): Promise<boolean> {
  const over = child.status.then(() => true);
  const pass = (ms: number) => new Promise<false>((resolve) => setTimeout(resolve, ms, false));
  while (!existsSync(log)) if (await Promise.race([over, pass(POLL_MS)])) return false;
  if (await Promise.race([over, pass(waitMs)])) return false;
  child.kill("SIGKILL");
  return (await child.status).signal === "SIGKILL";
}

function spawn(options: FleetOptions, path: string, number: number, seed: number) {
  const { folder, steps, journalBytes = 2 * 1024 * 1024, isBurst = false } = options;
  const cacheBytes = 8 * 1024 * 1024;
  const name = `p${number}`;
  const [log, archive] = [`${folder}/${name}.log`, `${folder}/archive`];
  const task = { path, log, archive, name, seed, steps, isBurst, journalBytes, cacheBytes };
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", SHARER, JSON.stringify(task)],
    stdout: "inherit",
    stderr: "piped",
  }).spawn();
}

/** Continues the archive, and restores the last state and some before it: the log of a reader. */
async function restoreSome(
  folder: string,
  path: string,
  random: Random,
  faults: string[],
): Promise<Log> {
  const store = folderStore(`${folder}/archive`);
  {
    using db = open(path, { shared: true });
    await using _ = archive(db, store);
  }
  const segments = (await store.list()).map(parseSegment).filter((one) => one !== undefined);
  const last = Math.max(...segments.map(({ to }) => to));
  const versions = Array.from({ length: RESTORES }, () => {
    const { kind, from, to } = random.pick(segments);
    return kind === "commits" ? from + 1 + random.below(to - from) : to;
  });
  const lines: Log["lines"][number][] = [];
  let before = 0;
  for (const at of [...versions, last].sort((a, b) => a - b)) {
    const to = `${folder}/restored`;
    try {
      await restore(to, { from: store, at });
    } catch (error) {
      if (error instanceof RangeError && /archived together/.test(error.message)) continue;
      throw error;
    }
    using db = open(to);
    const number = db.tree("heads", HEADS).get("head")?.number ?? 0;
    if (number < before) faults.push(`the archive goes back from ${before} to ${number} at ${at}`);
    before = number;
    lines.push({ is: "old", number, isAll: true, found: allOf(db.tree("values", VALUES)) });
    db.close();
    Deno.removeSync(to);
  }
  return { name: "archive", lines };
}

/** Opens the file, as the next one does after all were killed, and checks the logs. */
async function check(
  folder: string,
  path: string,
  archived: Log,
  faults: string[],
): Promise<Checked> {
  using db = open(path);
  const order = [...db.tree("order", { key: u64, value: string }).values()];
  const logs = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".log"))
    .map(({ name }) => parseLog(name, Deno.readTextFileSync(`${folder}/${name}`)));
  const last = archived.lines.at(-1);
  if (last?.is !== "old" || last.number !== order.length) {
    faults.push(`the archive ends at ${JSON.stringify(last)?.slice(0, 60)}, not ${order.length}`);
  }
  const checker = new Checker(order, [...logs, archived]);
  faults.push(...checker.faults);
  const count = db.tree("values", { key: string, value: bytes }).count();
  const { size } = checker.last();
  if (count !== size) faults.push(`the file has ${count} values, not ${size}`);
  const { ok, findings } = await db.verify();
  if (!ok) faults.push(`verify: ${JSON.stringify(findings.slice(0, 3))}`);
  return checker.checked;
}

if (import.meta.main) {
  const [processes = "4", lives = "12", steps = "400", seed = "1", one = "2", kind] = Deno.args;
  const folder = Deno.makeTempDirSync();
  const begin = performance.now();
  const result = await runFleet({
    folder,
    seed: Number(seed),
    processes: Number(processes),
    lives: Number(lives),
    steps: Number(steps),
    killedOneIn: Number(one),
    isBurst: kind === "burst",
  });
  console.log(folder, JSON.stringify(result), `${Math.round(performance.now() - begin)} ms`);
  if (result.faults.length === 0) Deno.removeSync(folder, { recursive: true });
}
