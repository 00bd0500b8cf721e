/**
 * Commits by number. Each changes one of a fixed set of entries, so the state after any number of
 * them is known.
 */

import type { Database, Transaction } from "../../../mod.ts";
import { bytesOf, sameBytes } from "../../support/databases/database.ts";

const KEYS = 61;
/** A value that is written past the journal. */
const LARGE_BYTES = 600_000;
const MEDIUM_BYTES = 30_000;

/** Makes a commit, durable when it returns. */
export function commitOne(db: Database, commit: number): void {
  db.writeSync((tx) => changesOf(tx, commit));
}

/** Makes the changes of a commit. */
export function changesOf(tx: Transaction, commit: number): void {
  const main = tx.tree("main");
  const value = valueOf(commit);
  if (value === undefined) main.delete(keyOf(commit));
  else main.set(keyOf(commit), value);
  tx.tree("last").set("commit", new TextEncoder().encode(`${commit}`));
}

/** Checks a database, and returns how many commits it has seen. */
export function commitsIn(db: Database): number {
  const last = db.tree("last").get("commit");
  const commits = last === undefined ? 0 : Number(new TextDecoder().decode(last));
  let entries = 0;
  for (let commit = Math.max(1, commits - KEYS + 1); commit <= commits; commit++) {
    const value = valueOf(commit);
    if (value !== undefined) entries++;
    const found = db.tree("main").get(keyOf(commit));
    if (value === undefined ? found === undefined : sameBytes(found, value)) continue;
    throw new Error(`commit ${commit} of ${commits} is not there`);
  }
  const count = db.tree("main").count();
  if (count !== entries) throw new Error(`${count} entries instead of ${entries}`);
  return commits;
}

function keyOf(commit: number): string {
  return `key ${commit % KEYS}`;
}

function valueOf(commit: number): Uint8Array | undefined {
  if (commit % 7 === 3) return undefined;
  if (commit % 29 === 0) return bytesOf(commit, LARGE_BYTES);
  return bytesOf(commit, commit % 11 === 0 ? MEDIUM_BYTES : commit * 31 % 900);
}
