/**
 * The child process that `archive_kill_test.ts` kills: it opens a database, archives it to a
 * folder, and commits as fast as it can. A commit changes one of a fixed set of entries, so the
 * state after any number of commits is known.
 */

import { archive, type Database, folderStore, open } from "../../../mod.ts";
import { bytesOf, sameBytes } from "../../support/databases/database.ts";

const KEYS = 61;
const LARGE = 300_000;

/** Makes one commit, durable when it returns. */
export function commitOne(db: Database, commit: number): void {
  db.writeSync((tx) => {
    tx.tree("main").set(`key ${commit % KEYS}`, valueOf(commit));
    tx.tree("last").set("commit", new TextEncoder().encode(`${commit}`));
  });
}

function valueOf(commit: number): Uint8Array {
  return bytesOf(commit, commit % 17 === 0 ? LARGE : commit * 31 % 900);
}

/** Checks a database, and returns how many commits it has seen. */
export function commitsIn(db: Database): number {
  const last = db.tree("last").get("commit");
  const commits = last === undefined ? 0 : Number(new TextDecoder().decode(last));
  for (let commit = Math.max(1, commits - KEYS + 1); commit <= commits; commit++) {
    if (sameBytes(db.tree("main").get(`key ${commit % KEYS}`), valueOf(commit))) continue;
    throw new Error(`commit ${commit} of ${commits} is not there`);
  }
  return commits;
}

async function main(dir: string): Promise<void> {
  const db = open(`${dir}/db.quire`);
  archive(db, folderStore(`${dir}/archive`), { everyMs: 1, baseEvery: 40, mergeAfter: 15 });
  console.log("open");
  for (let commit = commitsIn(db) + 1;; commit++) {
    commitOne(db, commit);
    console.log(commit);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

if (import.meta.main) await main(Deno.args[0]!);
