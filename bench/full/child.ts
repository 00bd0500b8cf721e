/**
 * One group of workloads with one engine, in a process of its own, so that engines share neither
 * memory nor compiled code. Prints what it measured as one line of JSON.
 *
 * The group is run once at a small size before, unmeasured, whatever the engine.
 */

import { loadEngines } from "../engines.ts";
import { peakMemory } from "../machine.ts";
import { FULL, type Group, KV_SHARE, lessOf, QUICK, WARM_UP } from "./plan.ts";
import { runGroup } from "./workloads.ts";

const [name, group, quick] = Deno.args as [string, string, string];
const LMDB_PAGE_BYTES = 8192;

const { present, absent } = await loadEngines([name], LMDB_PAGE_BYTES);
if (absent.length > 0) console.log(JSON.stringify({ absent: absent[0]![1] }));
else {
  const engine = present[0]!;
  const size = quick === "quick" ? QUICK : FULL;
  const own = name === "Deno KV" ? lessOf(size, KV_SHARE) : size;
  await inFolder((folder) => runGroup(group as Group, engine, folder, WARM_UP));
  const measured = await inFolder((folder) => runGroup(group as Group, engine, folder, own));
  console.log(JSON.stringify({ about: engine.about, ...measured, peakMemory: peakMemory() }));
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = Deno.makeTempDirSync({ prefix: "quire-bench-" });
  try {
    return await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
