/** A process that commits to a mapped file without end, and prints each commit that is durable. */

import { open } from "../../../mod.ts";
import { changesOf } from "./mapped_changes.ts";

const [path, first] = Deno.args as [string, string];
using db = open(path, { io: "map", cacheBytes: 8 * 1024 * 1024, journalBytes: 2 * 1024 * 1024 });
const tree = db.tree("values");
for (let commit = Number(first);; commit++) {
  db.writeSync((tx) => {
    const inside = tx.tree(tree);
    for (const { key, value } of changesOf(commit)) inside.set(key, value);
  });
  console.log(commit);
}
