/**
 * The Worker in tests of locks: told `{ path, readOnly }`, it tries to open the file and answers
 * how that went, as one word. What it opened stays open until it is told "close", or terminated.
 */

import { type Database, LockedError, open } from "../../../mod.ts";

let db: Database | undefined;

/** Opens or closes; how that went. */
async function answer(asked: "close" | { path: string; readOnly: boolean }): Promise<string> {
  if (asked === "close") {
    db?.close();
    return "closed";
  }
  try {
    db = open(asked.path, { readOnly: asked.readOnly });
    // Left in the journal, so that a Worker that is terminated leaves something to recover.
    if (!asked.readOnly) await db.tree("worker").set("key", new Uint8Array([7]));
    return "opened";
  } catch (error) {
    return error instanceof LockedError ? "locked" : String(error);
  }
}

// Seen from inside, the other end of a Worker is one too.
const outside = self as unknown as Worker;
outside.onmessage = async ({ data }) => outside.postMessage(await answer(data));
