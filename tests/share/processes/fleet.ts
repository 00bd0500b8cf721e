/**
 * Several processes that share one database, killed at random and replaced, and what is checked at
 * the end.
 *
 * `deno run -A tests/share/processes/fleet.ts PROCESSES LIVES STEPS SEED KILLED_ONE_IN [burst]`
 * runs one, in a folder that it leaves where it found a fault.
 */

import { fromFileUrl } from "@std/path";
import { archive, bytes, folderStore, open, restore, string, u64 } from "../../../mod.ts";
import { parseSegment } from "../../../store/archive/segments/segment.ts";
import { Random } from "../../support/random.ts";
import { chooseKill, type Kill, killAt, type Moment } from "./killing.ts";
import { type Checked, Checker, type Log, parseLog } from "./log.ts";
import { allOf, HEADS, VALUES } from "./sharer.ts";

/** The program of the processes. */
export const SHARER: string = fromFileUrl(new URL("./sharer.ts", import.meta.url));
/** The versions of an archive that are restored. */
const RESTORES = 6;
/** How often an archive takes what was committed. */
const ARCHIVE_MS = 10;
/** How often where processes are killed soon. */
const QUICK_ARCHIVE_MS = 100;
/** The most steps of a process that is killed while it closes the file. */
const QUICK_STEPS = 6;
/** Where processes are killed soon, one in this many is not, and does most of the work. */
const LONG_ONE_IN = 8;

/** How a fleet runs. */
export interface FleetOptions {
  /** Where logs and the archive are. */
  readonly folder: string;
  /** The path of the database, by default in that folder. */
  readonly path?: string;
  /** The file of `sharer.ts`, if it is another. */
  readonly program?: string;
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
  /** Whether nearly all processes are killed soon: at opening, at work or at closing. */
  readonly isQuick?: boolean;
}

/** What came of it. */
export interface FleetResult extends Checked {
  readonly kills: number;
  /** Those of them that hit a process at the moment that was chosen. */
  readonly moments: Readonly<Partial<Record<Moment, number>>>;
  /** The states that were restored from the archive. */
  readonly restored: number;
  readonly faults: readonly string[];
}

/** Runs processes, kills some of them, and checks what all of them saw. */
export async function runFleet(options: FleetOptions): Promise<FleetResult> {
  const { folder, seed, lives, processes, path = `${folder}/shared.quire` } = options;
  const random = new Random(seed);
  const moments: Partial<Record<Moment, number>> = {};
  let kills = 0;
  let begun = 0;
  const faults: string[] = [];
  const live = async () => {
    while (begun < lives && faults.length === 0) {
      const number = begun++;
      const isLast = number === lives - 1;
      const { steps, kill } = isLast ? { steps: options.steps } : chooseLife(options, random);
      const child = spawn({ ...options, steps }, path, number, random.below(2 ** 31));
      const over = child.output();
      if (kill && await killAt(child, `${folder}/p${number}.log`, kill)) {
        kills++;
        moments[kill.moment] = (moments[kill.moment] ?? 0) + 1;
      }
      const { success, signal, stderr } = await over;
      if (success || signal === "SIGKILL") continue;
      faults.push(`process ${number}: ${new TextDecoder().decode(stderr)}`);
    }
  };
  await Promise.all(Array.from({ length: processes }, live));
  const archived = await restoreSome(folder, path, random, faults);
  const checked = await check(folder, path, archived, faults);
  return { ...checked, kills, moments, restored: archived.lines.length, faults };
}

/** The steps of a process, and when it is killed, if it is. */
function chooseLife(options: FleetOptions, random: Random): { steps: number; kill?: Kill } {
  const { steps, isQuick = false, isBurst = false, killedOneIn } = options;
  if (isQuick) {
    if (random.once(LONG_ONE_IN)) return { steps };
    const kill = chooseKill(random);
    return { steps: kill.moment === "closing" ? 1 + random.below(QUICK_STEPS) : steps, kill };
  }
  if (!random.once(killedOneIn)) return { steps };
  const waitMs = random.below(random.once(3) ? 100 : isBurst ? 3000 : 1500);
  return { steps, kill: { moment: "working", logBytes: 0, waitMs } };
}

function spawn(options: FleetOptions, path: string, number: number, seed: number) {
  const { folder, steps, journalBytes = 2 * 1024 * 1024 } = options;
  const { isBurst = false, isQuick = false, program = SHARER } = options;
  const cacheBytes = 8 * 1024 * 1024;
  const name = `p${number}`;
  const [log, archive] = [`${folder}/${name}.log`, `${folder}/archive`];
  const archiveMs = isQuick ? QUICK_ARCHIVE_MS : ARCHIVE_MS;
  const rest = { isBurst, archiveMs, journalBytes, cacheBytes };
  const task = { path, log, archive, name, seed, steps, ...rest };
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", program, JSON.stringify(task)],
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
