/**
 * The child process that `archive_kill_test.ts` kills: it opens a database, archives it to a
 * folder, and commits as fast as it can.
 */

import { archive, folderStore, open } from "../../../mod.ts";
import { commitOne, commitsIn } from "../support/numbered_commits.ts";

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

await main(Deno.args[0]!);
