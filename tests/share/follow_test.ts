/**
 * Followers of a file that other processes write, which are killed, or close it and reopen it: each
 * read is one committed state, versions never go back, and at the end all see the last commit.
 *
 * QUIRE_FOLLOW=N runs N writers in turn, each for 0.7 s; QUIRE_SEED=N chooses what they do.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { killIfThere, linesOf } from "../support/programs/program.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";
import { FOLLOWS, MOVED, type ReaderResult } from "./process/reader.ts";
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
    killIfThere(child);
  }
  for (let next = await lines.next(); next.done !== true; next = await lines.next());
  await child.stdin.close();
  const { success } = await child.status;
  if (killMs === undefined) assertEquals(success, true, `the writer of seed ${seed} failed`);
}

/** A process that reads. */
class Reader {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string>;

  /** Starts it. */
  constructor(path: string, seed: number) {
    this.#child = start("reader", path, seed);
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Waits until it says so. */
  async says(line: string): Promise<void> {
    assertEquals((await this.#lines.next()).value, line, "a follower failed");
  }

  /** Its result, once it has seen a commit and then ended. */
  async result(): Promise<ReaderResult> {
    await this.says(MOVED);
    await this.#child.stdin.close();
    const { value } = await this.#lines.next();
    const { success, code, signal } = await this.#child.status;
    assertEquals(success, true, `a follower failed: code ${code}, signal ${signal}, ${value}`);
    await this.#lines.return(undefined);
    return JSON.parse(value);
  }
}

describe("followers in other processes", () => {
  it("see committed states, in order, whatever becomes of the writer", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/followed.quire`;
      open(path).close();
      const random = new Random(SEED);
      const readers = Array.from({ length: READERS }, () => new Reader(path, random.u32()));
      for (const reader of readers) await reader.says(FOLLOWS);
      let kills = 0;
      for (let i = 0; i < WRITERS; i++) {
        const killMs = i < WRITERS - 1 && random.below(3) > 0 ? random.below(RUN_MS) : undefined;
        if (killMs !== undefined) kills++;
        await write(path, random.u32(), killMs);
      }
      const db = open(path);
      const last = readRegisters(db)?.commit;
      db.close();
      const results = await Promise.all(readers.map((reader) => reader.result()));
      const total = (name: keyof ReaderResult) => {
        return results.reduce((sum, result) => sum + result[name], 0);
      };
      console.log(
        `followers: ${WRITERS} writers, ${kills} killed, ${last} commits, ` +
          `${total("reads")} reads, ${total("moved")} moves, ${total("snapshots")} snapshots, ` +
          `${total("tooOld")} too old, ${total("busy")} busy`,
      );
      for (const { end } of results) assertEquals(end, last);
    }));
});
