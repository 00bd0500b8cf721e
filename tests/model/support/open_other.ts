/**
 * The other process in tests of paths that cannot be opened: it opens one path after the other and
 * prints, in one line for each, the number of entries or the error. If opening blocks forever, the
 * line of that path is missing when the process is killed.
 *
 * Arguments: a user id to become first, or "-" to stay, then pairs of a path and options as JSON.
 */

import process from "node:process";
import { open } from "../../../mod.ts";

function attempt(path: string, options: string): string {
  try {
    using db = open(path, JSON.parse(options));
    return `${db.trees().reduce((sum, name) => sum + db.tree(name).count(), 0)} entries`;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

const [user, ...pairs] = Deno.args;
if (user !== "-") {
  process.setegid?.(Number(user));
  process.seteuid?.(Number(user));
}
for (let i = 0; i < pairs.length; i += 2) {
  console.log(attempt(pairs[i]!, pairs[i + 1]!).replaceAll("\n", " "));
}
