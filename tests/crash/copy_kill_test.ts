/**
 * `kill -9` of a process that compacts its database and makes copies of every kind: every file
 * under a final name is whole, or a replica that goes on.
 *
 * QUIRE_COPY_KILLS=N kills N processes in turn; QUIRE_SEED=N chooses the moments.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { folderStore, open, openReplica, verify } from "../../mod.ts";
import { linesOf } from "../support/programs/program.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { commitsIn } from "./support/numbered_commits.ts";

const KILLS = Number(Deno.env.get("QUIRE_COPY_KILLS") ?? 2);
const FILES_MAX = 8;
const DELAY_MS_MAX = 60;
const CHILD = fromFileUrl(new URL("./children/copy_child.ts", import.meta.url));
/** What the process makes, also what is not complete. */
const MADE = /^(whole|chained|compact|restored|replica)-/;
/** A final name. */
const COPY = new RegExp(`${MADE.source}\\d+-\\d+$`);

/** Starts a process, and kills it some time after it has completed a number of files. */
async function liveAndDie(dir: string, life: number, files: number, delayMs: number) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, dir, `${life}`],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let lines = 0;
  for await (const _ of linesOf(child.stdout)) if (++lines > files) break;
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  child.kill("SIGKILL");
  assertEquals((await child.status).signal, "SIGKILL");
}

/** The commits in a copy, which is whole. A replica that was not promoted follows its archive. */
async function commitsInCopy(dir: string, path: string, isReplica: boolean): Promise<number> {
  if (!isReplica || isDatabase(path)) {
    assertEquals((await verify(path)).findings, [], path);
    using db = open(path, { readOnly: true });
    return commitsIn(db);
  }
  await using replica = await openReplica(path, { from: folderStore(`${dir}/archive`) });
  return commitsIn(replica.db);
}

function isDatabase(path: string): boolean {
  const bytes = new Uint8Array(8);
  using file = Deno.openSync(path);
  file.seekSync(8192, Deno.SeekMode.Start);
  file.readSync(bytes);
  return new TextDecoder().decode(bytes).slice(0, 5) === "QUIRE";
}

describe("kill -9 of a process that makes copies", () => {
  it("leaves nothing under a final name but whole copies, and replicas that go on", () =>
    inTempDir(async (dir) => {
      const random = new Random(Number(Deno.env.get("QUIRE_SEED") ?? 1));
      const kinds = new Set<string>();
      for (let life = 0; life < KILLS; life++) {
        await liveAndDie(dir, life, random.below(FILES_MAX), random.below(DELAY_MS_MAX));
        const db = open(`${dir}/db.quire`);
        const commits = commitsIn(db);
        db.close();
        for (const { name } of [...Deno.readDirSync(dir)]) {
          const kind = COPY.exec(name)?.[1];
          if (kind !== undefined) {
            const copied = await commitsInCopy(dir, `${dir}/${name}`, kind === "replica");
            assert(copied <= commits, `${name}: ${copied} commits, and the source ${commits}`);
            kinds.add(kind);
          }
          if (MADE.test(name)) {
            await Deno.remove(`${dir}/${name}`, { recursive: true });
          }
        }
      }
      console.log(`kill -9: ${KILLS} processes that copy, with ${[...kinds].sort().join(", ")}`);
      assertGreater(kinds.size, 0);
    }));
});
