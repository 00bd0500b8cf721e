/**
 * A child process that fills a disk: it sets values until one is refused, prints how many were
 * acknowledged, and kills itself with the database open.
 *
 * Arguments: path, bytes of a value, the number of the first value.
 */

import { IoError, open } from "../../../mod.ts";

const [path, bytes, first] = Deno.args as [string, string, string];
const db = open(path);
const tree = db.tree("values");
let next = Number(first);
try {
  for (;; next++) {
    const value = new Uint8Array(Number(bytes)).fill(next);
    db.writeSync((tx) => tx.tree(tree).set(new TextEncoder().encode(`${next}`), value));
  }
} catch (error) {
  if (!(error instanceof IoError) || !error.message.includes("No space left")) throw error;
  console.log(next);
}
Deno.kill(Deno.pid, "SIGKILL");
