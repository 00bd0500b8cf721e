/**
 * Measures durability: durable commits, the bytes that they write, their pauses, and a transaction
 * larger than the cache.
 *
 * `deno task bench:durable [--only SECTION] [--quick] [--json FILE]`; sections are commits,
 * concurrent, concurrentLarge, bytes, pauses and large. With `--only`, the other sections of FILE
 * remain.
 */

import { parseArgs } from "node:util";
import { bytesSection } from "./durable/bytes.ts";
import { commitSection, concurrentSection } from "./durable/commits.ts";
import { durableEngines, FULL_SIZE, QUICK_SIZE, type Section } from "./durable/fixture.ts";
import { largeSection } from "./durable/large.ts";
import { pauseSection } from "./durable/pauses.ts";
import { ENGINE_NAMES } from "./engines/all_engines.ts";
import { tableOf } from "./measure/figures.ts";
import { limitsOf, loadOf, machineOf } from "./measure/machine.ts";

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const size = options.quick ? QUICK_SIZE : FULL_SIZE;
const { present, absent } = await durableEngines(ENGINE_NAMES);
const folder = Deno.makeTempDirSync({ prefix: "quire-bench-" });
const results: Record<string, unknown> = {};

const sections: Record<string, () => Promise<Section>> = {
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
  for (const [name, section] of Object.entries(sections)) {
    if (options.only !== undefined && options.only !== name) continue;
    const before = loadOf();
    const { title, heads, rows, notes, data } = await section();
    const load = [before, loadOf()];
    results[name] = { date: new Date().toISOString().slice(0, 10), load, limits, data };
    console.log(`\n${title}\n\n${tableOf(heads, rows)}\n`);
    for (const note of [...notes, `Load: ${load[0]} before, ${load[1]} after.`]) console.log(note);
  }
  if (options.json === undefined) return;
  const engines = present.map(({ name, about }) => ({ name, about }));
  const earlier = options.only === undefined ? {} : readResults(options.json);
  const all = { machine, engines, absent, results: { ...earlier, ...results } };
  Deno.writeTextFileSync(options.json, JSON.stringify(all, null, 2) + "\n");
}

function readResults(path: string): Record<string, unknown> {
  try {
    return JSON.parse(Deno.readTextFileSync(path)).results;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}
