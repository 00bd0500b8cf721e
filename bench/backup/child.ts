/**
 * A process that backs up a database, and prints its memory: PATH TO KIND.
 */

import { open } from "../../mod.ts";
import { peakMemory, resetPeakMemory } from "../measure/machine.ts";
import { keyAt, treeOf, valueAt } from "./data.ts";

const CACHE_BYTES = 16 * 1024 * 1024;
const COMMITS = 500;
/** The reads that fill the cache, of pages all over the file. */
const READS = 8000;

const [path, to, kind] = Deno.args;
using db = open(path!, { cacheBytes: CACHE_BYTES });
const tree = treeOf(db);
const count = tree.count();
for (let i = 0; i < READS; i++) tree.get(keyAt((i * 48271) % count));
// Lets the commits have their journal.
for (let i = 0; kind === "commits" && i < COMMITS; i++) {
  await tree.set(keyAt((i * 48271) % count), valueAt(i));
}
resetPeakMemory();
const before = peakMemory();
const backup = db.backup(to!, { compact: kind === "compact" });
let isOver = false;
const ended = backup.finally(() => isOver = true);
for (let i = 0; kind === "commits" && !isOver && i < COMMITS; i++) {
  await tree.set(keyAt((i * 69621) % count), valueAt(i));
}
await ended;
console.log(JSON.stringify({ before, after: peakMemory() }));
