/**
 * A program that shows its database in the explorer and continues to work: for each line of its
 * input it commits or opens files, and prints the result.
 */

import { explore } from "../../../cli/mod.ts";
import { open, u64 } from "../../../mod.ts";
import { linesOf } from "../../support/programs/program.ts";

const [path = ""] = Deno.args;
using db = open(path);
const tree = db.tree("commits", { value: u64 });
const explorer = explore(db);
console.log(explorer.url);
let commits = 0n;
for await (const line of linesOf(Deno.stdin.readable)) {
  const [command, count] = line.split(" ");
  if (command === "end") break;
  if (command === "set") await tree.set("count", ++commits);
  for (let i = 0; command === "open" && i < Number(count); i++) Deno.openSync(path);
  console.log(command === "set" ? `set ${tree.get("count")}` : `opened ${count}`);
}
console.log("ends");
await explorer.close();
