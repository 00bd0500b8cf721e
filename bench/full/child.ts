/**
 * Runs one group of workloads with one engine in its own process, so that engines share neither
 * memory nor compiled code. Prints the measurements as one line of JSON.
 *
 * The group first runs once at a small size, unmeasured, for every engine.
 */

import { loadEngines } from "../engines/all_engines.ts";
import { peakMemory } from "../measure/machine.ts";
import { inTempFolder } from "../measure/temp_folder.ts";
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
  await inTempFolder((folder) => runGroup(group as Group, engine, folder, WARM_UP));
  const measured = await inTempFolder((folder) => runGroup(group as Group, engine, folder, own));
  console.log(JSON.stringify({ about: engine.about, ...measured, peakMemory: peakMemory() }));
}
