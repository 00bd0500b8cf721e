/**
 * Followers of a file that other processes write, which are killed, or close it and reopen it: each
 * read is one committed state, versions never go back, and at the end all see the last commit.
 *
 * QUIRE_FOLLOW=N runs N writers in turn, each for 0.7 s; QUIRE_SEED=N chooses what they do.
 */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import type { ReaderResult } from "./process/reader.ts";
import { readRegisters } from "./process/register.ts";
import { COMMITTED } from "./process/writer.ts";

const WRITERS = Number(Deno.env.get("QUIRE_FOLLOW") ?? 3);
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
const READERS = WRITERS > 10 ? 3 : 2;
const RUN_MS = 700;

/** Starts a program of this folder. */
function start(name: string, ...args: readonly (string | number)[]): Deno.ChildProcess {
  const program = fromFileUrl(new URL(`./process/${name}.ts`, import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...args.map(String)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Runs a writer to its end, or kills it some time after its first commit. */
async function write(path: string, seed: number, killMs: number | undefined): Promise<void> {
  const child = start("writer", path, seed, RUN_MS);
  const lines = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  assertMatch((await lines.next()).value ?? "", RegExp(`^${COMMITTED}`));
  if (killMs !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, killMs));
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  }
  for (let next = await lines.next(); next.done !== true; next = await lines.next());
  await child.stdin.close();
  const { success } = await child.status;
  if (killMs === undefined) assertEquals(success, true, `the writer of seed ${seed} failed`);
}

/** The result of a reader, once it has ended. */
async function resultOf(reader: Deno.ChildProcess): Promise<ReaderResult> {
  await reader.stdin.getWriter().close();
  const { stdout, success } = await reader.output();
  assertEquals(success, true, "a follower failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

describe("followers in other processes", () => {
  it("see committed states, in order, whatever becomes of the writer", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/followed.quire`;
      open(path).close();
      const random = new Random(SEED);
      const readers = Array.from({ length: READERS }, () => start("reader", path, random.u32()));
      let kills = 0;
      for (let i = 0; i < WRITERS; i++) {
        const killMs = i < WRITERS - 1 && random.below(3) > 0 ? random.below(RUN_MS) : undefined;
        if (killMs !== undefined) kills++;
        await write(path, random.u32(), killMs);
      }
      const db = open(path);
      const last = readRegisters(db)?.commit;
      db.close();
      const results = await Promise.all(readers.map(resultOf));
      const total = (name: keyof ReaderResult) => {
        return results.reduce((sum, result) => sum + result[name], 0);
      };
      console.log(
        `followers: ${WRITERS} writers, ${kills} killed, ${last} commits, ` +
          `${total("reads")} reads, ${total("moved")} moves, ${total("snapshots")} snapshots, ` +
          `${total("tooOld")} too old, ${total("busy")} busy`,
      );
      for (const { end } of results) assertEquals(end, last);
      assertGreater(total("moved"), 0);
    }));
});
