/**
 * Measures durability: durable commits, the bytes that they write, their pauses, and a transaction
 * larger than the cache.
 *
 * `deno task bench:durable [--only SECTIONS] [--quick] [--json FILE]`; `--help` lists the sections.
 */

import { bytesSection } from "./durable/bytes.ts";
import { commitSection, concurrentSection } from "./durable/commits.ts";
import { durableEngines, FULL_SIZE, QUICK_SIZE, type Section } from "./durable/fixture.ts";
import { largeSection } from "./durable/large.ts";
import { pauseSection } from "./durable/pauses.ts";
import { ENGINE_NAMES } from "./engines/all_engines.ts";
import { tableOf } from "./measure/figures.ts";
import { limitsOf, loadOf, machineOf } from "./measure/machine.ts";
import { namesOf, planOrExit } from "./measure/options.ts";

const SECTIONS = ["large", "commits", "concurrent", "concurrentLarge", "bytes", "pauses"] as const;

const USAGE = `Usage: deno task bench:durable [OPTION]...

Measures durable commits beside the peers: their rate, bytes and pauses, and a large transaction.

  --only SECTIONS  of ${SECTIONS.join(",")}
  --quick          a small size
  --json FILE      write the figures; the sections of FILE that are not run remain
  --help           print this
`;

const OPTIONS = {
  only: { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "string" },
} as const;

const plan = planOrExit(USAGE, OPTIONS, ({ only, quick, json }) => ({
  chosen: namesOf("only", only, SECTIONS),
  size: quick ? QUICK_SIZE : FULL_SIZE,
  json,
}));
const { size } = plan;
const { present, absent } = await durableEngines(ENGINE_NAMES);
const folder = Deno.makeTempDirSync({ prefix: "quire-bench-" });
const results: Record<string, unknown> = {};

const sections: Record<typeof SECTIONS[number], () => Promise<Section>> = {
  large: () => largeSection(folder, size),
  commits: () => commitSection(present, folder, size),
  concurrent: () => concurrentSection(present, folder, size, 20_000),
  concurrentLarge: () => concurrentSection(present, folder, size, size.entries),
  bytes: () => bytesSection(present, folder, size),
  pauses: () => pauseSection(present, folder, size),
};

try {
  await run();
} finally {
  Deno.removeSync(folder, { recursive: true });
}

async function run(): Promise<void> {
  const machine = machineOf();
  const limits = limitsOf(folder);
  for (const [name, reason] of absent) console.log(`Absent: ${name} (${reason})`);
  console.log(JSON.stringify({ machine, limits }, null, 2));
  for (const name of plan.chosen) {
    const before = loadOf();
    const { title, heads, rows, notes, data } = await sections[name]();
    const load = [before, loadOf()];
    results[name] = { date: new Date().toISOString().slice(0, 10), load, limits, data };
    console.log(`\n${title}\n\n${tableOf(heads, rows)}\n`);
    for (const note of [...notes, `Load: ${load[0]} before, ${load[1]} after.`]) console.log(note);
  }
  if (plan.json === undefined) return;
  const engines = present.map(({ name, about }) => ({ name, about }));
  const earlier = plan.chosen.length === SECTIONS.length ? {} : readResults(plan.json);
  const all = { machine, engines, absent, results: { ...earlier, ...results } };
  Deno.writeTextFileSync(plan.json, JSON.stringify(all, null, 2) + "\n");
}

function readResults(path: string): Record<string, unknown> {
  try {
    return JSON.parse(Deno.readTextFileSync(path)).results;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}
