/**
 * The other process in tests of locks: it tries to open a file, prints the result as one word, and
 * keeps the file open until it is ended.
 *
 * Arguments: path, "shared" or "exclusive", "hold" or "leave".
 */

import { LockedError, open } from "../../../mod.ts";

const [path, mode, stay] = Deno.args as [string, string, string];
try {
  const db = open(path, { readOnly: mode === "shared" });
  console.log("opened");
  if (stay === "hold") Deno.stdin.readSync(new Uint8Array(1));
  db.close();
} catch (error) {
  console.log(error instanceof LockedError ? "locked" : String(error));
}
