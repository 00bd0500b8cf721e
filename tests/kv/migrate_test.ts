/**
 * `migrateKv` between Quire files, Deno KV's own files and servers, in a process with the flag that
 * Deno KV needs; and migrations that are killed, and continue.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../support/programs/hang.ts";
import { linesOf } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));
const CHILD = fromFileUrl(new URL("./support/migrate_child.ts", import.meta.url));
/** The commits after which a migration is killed. */
const KILLED_AFTER = [1, 7];
/** How many more it makes at most, however late the kill comes; there are 16 in all. */
const MORE = 2;

function start(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", "--unstable-kv", CHILD, ...args],
    cwd: TOP,
    env: { NO_COLOR: "1", DENO_KV_ACCESS_TOKEN: "the-token-of-the-test" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(HANG_MS),
  }).spawn();
}

/** Runs a program to its end, and returns its last line. */
async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(args).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
}

/** Kills a migration after some commits, twice, and returns the result of the last run. */
async function migrateKilled(from: string, to: string, kind: string): Promise<unknown> {
  for (const commits of KILLED_AFTER) {
    const child = start(["migrate", from, to, kind, `${commits + MORE}`]);
    let lines = 0;
    for await (const _ of linesOf(child.stdout)) {
      if (++lines === commits) child.kill("SIGKILL");
    }
    await child.stderr.cancel();
    assertEquals((await child.status).signal, "SIGKILL");
  }
  const result = JSON.parse(await run("migrate", from, to, kind));
  assertGreater(result.found, 0);
  assertGreater(result.added, 0);
  return result.difference ?? result.found + result.added;
}

describe("migrateKv() with Deno KV", () => {
  it("copies in all directions, and proves that both sides are equal", () =>
    inTempDir(async (dir) => {
      assertEquals(await run("directions", dir), "56 entries, 6 migrations");
    }));

  it("refuses what the target cannot take, before anything is copied", () =>
    inTempDir(async (dir) => assertEquals(await run("misfits", dir), "refused")));

  it("continues after kill -9, from a file of Deno KV and into one", () =>
    inTempDir(async (dir) => {
      const count = Number(await run("fill", `${dir}/a.sqlite`));
      assertEquals(await migrateKilled(`${dir}/a.sqlite`, `${dir}/b.quire`, "quire"), count);
      assertEquals(await migrateKilled(`${dir}/b.quire`, `${dir}/c.sqlite`, "deno"), count);
    }));
});
