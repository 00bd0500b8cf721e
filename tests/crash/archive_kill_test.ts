/**
 * `kill -9` of a process that archives its database to a folder: the archive can be restored after
 * each kill, to states that never go back, and the next process continues it.
 *
 * QUIRE_ARCHIVE_KILLS=N kills N processes in turn; QUIRE_SEED=N chooses the moments.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { archive, folderStore, open, restore } from "../../mod.ts";
import { linesOf } from "../support/programs/program.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { commitOne, commitsIn } from "./support/numbered_commits.ts";

const KILLS = Number(Deno.env.get("QUIRE_ARCHIVE_KILLS") ?? 4);
const DELAY_MS_MAX = 150;
const CHILD = fromFileUrl(new URL("./children/archive_child.ts", import.meta.url));

/** Starts a process, and kills it some time after a number of commits, or after it has opened. */
async function liveAndDie(dir: string, commits: number, delayMs: number): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, dir],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let lines = 0;
  for await (const _ of linesOf(child.stdout)) if (++lines > commits) break;
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill("SIGKILL");
  assertEquals((await child.status).signal, "SIGKILL");
}

/** The commits in the last state of an archive; 0 if it has none yet. */
async function restoredCommits(dir: string): Promise<number> {
  const store = folderStore(`${dir}/archive`);
  if (!(await store.list()).some((name) => /^base-[^.]*$/.test(name))) return 0;
  await restore(`${dir}/restored`, { from: store });
  const db = open(`${dir}/restored`);
  const commits = commitsIn(db);
  db.close();
  Deno.removeSync(`${dir}/restored`);
  return commits;
}

describe("kill -9 of a process that archives", () => {
  it("leaves an archive that can be restored and continued, any number of times", () =>
    inTempDir(async (dir) => {
      const random = new Random(Number(Deno.env.get("QUIRE_SEED") ?? 1));
      let archived = 0;
      for (let i = 0; i < KILLS; i++) {
        // One in two may die before its first commit.
        const least = i % 2 === 0 ? 3 + random.below(20) : 0;
        await liveAndDie(dir, least, random.below(DELAY_MS_MAX));
        const restored = await restoredCommits(dir);
        assert(restored >= archived, `${restored} >= ${archived}`);
        archived = restored;
      }
      const db = open(`${dir}/db.quire`);
      const commits = commitsIn(db);
      assert(commits >= archived, `${commits} >= ${archived}`);
      {
        await using _shipping = archive(db, folderStore(`${dir}/archive`));
        commitOne(db, commits + 1);
      }
      assertEquals(await restoredCommits(dir), commits + 1);
      db.close();
      console.log(`kill -9: ${KILLS} processes that archive, ${commits} commits`);
      assertGreater(commits, KILLS);
    }));
});
