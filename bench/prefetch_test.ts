/**
 * The prefetch bench as a program: its options, the smallest run, and what it leaves behind.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { inTempDir } from "../tests/support/temp.ts";

const PROGRAM = fromFileUrl(new URL("./prefetch.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("./deno.json", import.meta.url));

/** Runs the bench with its folder in `dir`. */
async function run(dir: string, args: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", "--config", CONFIG, PROGRAM, ...args],
    env: { TMPDIR: dir, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

describe("the prefetch bench", () => {
  it("exits with 2 for wrong options", () =>
    inTempDir(async (dir) => {
      const { code, out, err } = await run(dir, ["--fast"]);
      assertEquals([code, out, err], [2, "", "Usage: deno task bench:prefetch [--quick]\n"]);
    }));

  it("measures both ways to read, and removes its folder", () =>
    inTempDir(async (dir) => {
      const { code, out, err } = await run(dir, ["--quick"]);
      assertEquals([code, err], [0, ""]);
      assertStringIncludes(out, "| + 0 ms | read ");
      assertStringIncludes(out, "| + 0 ms | prefetch, read ");
      assertEquals([...Deno.readDirSync(dir)], []);
    }));
});
