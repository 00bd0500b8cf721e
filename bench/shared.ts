/**
 * Measures a file that several processes share: reads and durable commits of 1, 2, 4 and 8
 * processes together, beside lmdb-js and node:sqlite with a write-ahead log; and what an
 * uncontended commit costs in a shared database, beside an exclusive one.
 *
 * `deno task bench:shared [--quick] [--only SECTION] [--rounds N]`; sections are reads, commits and
 * cost. Under `server/slow/slow_syncs.c`, preloaded, cost is that of a disk with longer syncs.
 */

import { cpuUsage } from "node:process";
import { type Database, open } from "../mod.ts";
import type { Section } from "./durable/fixture.ts";
import { figureOf, short, tableOf } from "./measure/figures.ts";
import { limitsOf, loadOf, machineOf } from "./measure/machine.ts";
import { namesOf, numberOf, planOrExit } from "./measure/options.ts";
import { inTempFolder } from "./measure/temp_folder.ts";
import { type ChildTask, fill, keyOf, VALUE_BYTES, WARM_COMMITS } from "./shared/child.ts";

const ENGINES: readonly ChildTask["engine"][] = ["quire", "lmdb-js", "node:sqlite"];
const PROCESSES = [1, 2, 4, 8];
const CHILD = new URL("./shared/child.ts", import.meta.url).pathname;
const CONFIG = new URL("./deno.json", import.meta.url).pathname;

/** The entries of its database in the section cost. */
const COST_ENTRIES = 20_000;
/** The fewest rounds of the section cost. */
const COST_ROUNDS_MIN = 8;

/** The size of a run. */
interface Size {
  readonly entries: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Commits for this long, in milliseconds, are not counted. */
  readonly warmMs: number;
  /** Commits of each kind in a round of the section cost. */
  readonly commits: number;
}

const FULL_SIZE: Size = { entries: 100_000, seconds: 2, rounds: 5, warmMs: 2000, commits: 1000 };
const QUICK_SIZE: Size = { entries: 20_000, seconds: 1, rounds: 1, warmMs: 500, commits: 200 };

/** The calls a second of each process. */
async function ratesOf(task: Omit<ChildTask, "number">, processes: number): Promise<number[]> {
  const children = Array.from({ length: processes }, (_, i) => {
    const own: ChildTask = { ...task, number: i + 1 };
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", "--config", CONFIG, CHILD, JSON.stringify(own)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  });
  const readers = children.map(({ stdout }) =>
    stdout.pipeThrough(new TextDecoderStream()).getReader()
  );
  for (const reader of readers) await reader.read();
  for (const { stdin } of children) {
    const writer = stdin.getWriter();
    await writer.write(new TextEncoder().encode("go\n"));
    writer.releaseLock();
  }
  return await Promise.all(readers.map(async (reader, i) => {
    const { value } = await reader.read();
    const { success } = await children[i]!.status;
    if (!success) throw new Error(`a process of ${task.engine} failed`);
    await children[i]!.stdin.close().catch(() => {});
    return Number(value) / task.seconds;
  }));
}

async function together(work: ChildTask["work"], folder: string, size: Size): Promise<Section> {
  const samples = new Map<string, number[]>();
  const least = new Map<string, number[]>();
  for (let round = 0; round < size.rounds; round++) {
    for (const engine of ENGINES) {
      for (const processes of PROCESSES) {
        const path = `${folder}/${round}-${processes}-${engine.replace(":", "-")}`;
        const { entries, seconds, warmMs } = size;
        const task = { engine, path, work, entries, seconds, warmMs };
        await fill(task);
        const rates = await ratesOf(task, processes);
        const key = `${engine} ${processes}`;
        const sum = rates.reduce((all, rate) => all + rate, 0);
        samples.set(key, [...samples.get(key) ?? [], sum]);
        least.set(key, [...least.get(key) ?? [], Math.min(...rates) * processes / sum]);
        for (const end of ["", "-lock", "-here", "-shared", "-wal", "-shm"]) {
          await Deno.remove(path + end).catch(() => {});
        }
      }
    }
  }
  const rows = ENGINES.map((engine) => [
    engine,
    ...PROCESSES.map((processes) => {
      const { median } = figureOf(samples.get(`${engine} ${processes}`)!);
      const share = figureOf(least.get(`${engine} ${processes}`)!).median;
      return processes === 1 ? short(median) : `${short(median)} (${short(share)})`;
    }),
  ]);
  const what = work === "read" ? "Reads" : "Durable commits";
  return {
    title: `${what} a second of several processes together`,
    heads: ["engine", ...PROCESSES.map((count) => `${count}`)],
    rows,
    data: [...samples],
    notes: [
      `${size.entries} entries, medians of ${size.rounds} rounds of ${size.seconds} s. In ` +
      "parentheses: what the slowest process got of an equal share." +
      (work === "commit"
        ? ` The commits of ${
          size.warmMs / 1000
        } s before that do not count, nor ${WARM_COMMITS} that ` +
          "each process has made before these in a database of its own."
        : ""),
    ],
  };
}

/** What a turn of the section cost commits, with its name. */
const TURNS: readonly (readonly [name: string, run: (db: Database, turn: number) => unknown])[] = [
  ["awaited set", (db, turn) => setOne(db, turn)],
  ["writeSync", (db, turn) => db.writeSync((tx) => tx.tree("entries").set(keyOf(turn), VALUE))],
  ...[16, 64, 256].map((count) =>
    [
      `${count} sets together`,
      (db: Database, turn: number) =>
        Promise.all(Array.from({ length: count }, (_, i) => setOne(db, turn * count + i))),
    ] as const
  ),
];

const VALUE = new Uint8Array(VALUE_BYTES);

function setOne(db: Database, index: number): Promise<void> {
  return db.tree("entries").set(keyOf(index * 97 % COST_ENTRIES), VALUE);
}

/** The microseconds of a turn that nobody disturbs: by the clock, and of the processor. */
async function costOf(
  path: string,
  shared: boolean,
  run: (typeof TURNS)[number][1],
  turns: number,
): Promise<Micros> {
  using db = open(path, { shared });
  for (let i = 0; i < 50; i++) await run(db, i);
  const used = cpuUsage();
  const begin = performance.now();
  for (let i = 0; i < turns; i++) await run(db, i);
  const clock = (performance.now() - begin) * 1000 / turns;
  const { user, system } = cpuUsage(used);
  return { clock, processor: (user + system) / turns };
}

/** Microseconds by the clock, and of the processor. */
interface Micros {
  readonly clock: number;
  readonly processor: number;
}

async function costSection(folder: string, size: Size): Promise<Section> {
  const path = `${folder}/cost`;
  await fill({ engine: "quire", path, entries: COST_ENTRIES });
  const rounds = Math.max(COST_ROUNDS_MIN, 2 * size.rounds);
  const data: [string, number[]][] = [];
  const rows: string[][] = [];
  for (const [name, run] of TURNS) {
    const samples: Record<"alone" | "shared", Micros[]> = { alone: [], shared: [] };
    const turns = name.includes("together") ? Math.ceil(size.commits / 10) : size.commits;
    for (let round = 0; round < rounds; round++) {
      for (const shared of round % 2 === 0 ? [false, true] : [true, false]) {
        samples[shared ? "shared" : "alone"].push(await costOf(path, shared, run, turns));
      }
    }
    const row = [name];
    for (const what of ["clock", "processor"] as const) {
      const [alone, shared] = [samples.alone, samples.shared].map((all) =>
        all.map((one) => one[what])
      ) as [number[], number[]];
      const ratios = shared.map((micros, i) => micros / alone[i]!);
      row.push(...[alone, shared, ratios].map((all) => short(figureOf(all).median)));
      data.push([`${name} ${what} exclusive`, alone], [`${name} ${what} shared`, shared]);
    }
    rows.push(row);
  }
  const heads = ["by the clock: exclusive", "shared", "ratio", "processor: exclusive", "shared"];
  return {
    title: "A turn of durable commits that nobody disturbs, in microseconds",
    heads: ["turn", ...heads, "ratio"],
    rows,
    data,
    notes: [
      `Medians of ${rounds} rounds of ${size.commits} turns, a tenth of that of many sets; the ` +
      "ratios are those of a round, whose two kinds follow each other.",
    ],
  };
}

const SECTIONS: Readonly<Record<string, (folder: string, size: Size) => Promise<Section>>> = {
  reads: (folder, size) => together("read", folder, size),
  commits: (folder, size) => together("commit", folder, size),
  cost: costSection,
};

const USAGE = `Usage: deno task bench:shared [OPTION]...

Measures reads and commits of several processes on one file, and what a shared commit costs.

  --only SECTIONS  of ${Object.keys(SECTIONS).join(",")}
  --rounds COUNT   default ${FULL_SIZE.rounds}
  --quick          ${QUICK_SIZE.rounds} rounds of a small size
  --help           print this
`;

const OPTIONS = {
  only: { type: "string" },
  quick: { type: "boolean", default: false },
  rounds: { type: "string" },
} as const;

const { sections, chosen } = planOrExit(USAGE, OPTIONS, ({ only, quick, rounds }) => {
  const preset = quick ? QUICK_SIZE : FULL_SIZE;
  const count = numberOf("rounds", rounds ?? `${preset.rounds}`, 1, 99, true);
  const chosen: Size = { ...preset, rounds: count };
  return { sections: namesOf("only", only, Object.keys(SECTIONS)), chosen };
});

await inTempFolder((folder) => {
  console.log(JSON.stringify({ machine: machineOf(), limits: limitsOf(folder) }, null, 2));
  return Promise.resolve();
});
for (const [name, section] of Object.entries(SECTIONS)) {
  if (!sections.includes(name)) continue;
  const before = loadOf();
  const { title, heads, rows, notes } = await inTempFolder((folder) => section(folder, chosen));
  console.log(`\n${title}\n\n${tableOf(heads, rows)}\n`);
  for (const note of [...notes, `Load: ${before} before, ${loadOf()} after.`]) console.log(note);
}
