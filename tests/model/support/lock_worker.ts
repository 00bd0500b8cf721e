/**
 * The Worker in tests of locks: on `{ path, readOnly }` it tries to open the file and answers with
 * the result as one word. The file stays open until the message "close", or until the Worker is
 * terminated.
 */

import { type Database, LockedError, open } from "../../../mod.ts";

let db: Database | undefined;

/** Opens or closes. Returns the result. */
async function answer(asked: "close" | { path: string; readOnly: boolean }): Promise<string> {
  if (asked === "close") {
    db?.close();
    return "closed";
  }
  try {
    db = open(asked.path, { readOnly: asked.readOnly });
    // Stays in the journal, so that a terminated Worker leaves something to recover.
    if (!asked.readOnly) await db.tree("worker").set("key", new Uint8Array([7]));
    return "opened";
  } catch (error) {
    return error instanceof LockedError ? "locked" : String(error);
  }
}

// Inside a Worker, `self` has the interface of a Worker.
const outside = self as unknown as Worker;
outside.onmessage = async ({ data }) => outside.postMessage(await answer(data));
