/**
 * The server bench as a program: its exit codes, the smallest run, and what it leaves behind.
 */

import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { linesOf } from "../tests/support/programs/program.ts";
import { inTempDir } from "../tests/support/temp.ts";
import type { Results } from "./server/results.ts";

const PROGRAM = fromFileUrl(new URL("./server.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("./deno.json", import.meta.url));
const LEAST = ["--engines", "Quire", "--rounds", "1", "--seconds", "0.05", "--entries", "100"];

/** Starts the bench with its folders in `dir`. */
function start(dir: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-check", "--config", CONFIG, PROGRAM, ...args],
    env: { TMPDIR: dir, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function run(dir: string, args: readonly string[]) {
  const { code, stdout, stderr } = await start(dir, args).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

function leftIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

describe("the server bench", () => {
  it("prints its options", () =>
    inTempDir(async (dir) => {
      const { code, out, err } = await run(dir, ["--help"]);
      assertEquals([code, err], [0, ""]);
      assertStringIncludes(out, "Usage: deno task bench:server");
    }));

  it("exits with 2 and a line for wrong options, and creates nothing", () =>
    inTempDir(async (dir) => {
      const { code, out, err } = await run(dir, ["--rounds", "0"]);
      assertEquals([code, out], [2, ""]);
      assertEquals(
        err,
        `Cannot use --rounds: "0" is not a whole number from 1 to 25\n--help lists the options.\n`,
      );
      assertEquals(leftIn(dir), []);
    }));

  it("exits with 2 before it runs where it could not write its results", () =>
    inTempDir(async (dir) => {
      const other = `${dir}/other.json`;
      Deno.writeTextFileSync(other, "{}");
      const add = await run(dir, ["--only", "server", "--json", other]);
      const reason = `Cannot add to ${other}: it has no results of this bench`;
      assertEquals([add.code, add.out, add.err.split("\n")[0]], [2, "", reason]);
      const chart = await run(dir, ["--chart", `${dir}/none/a.svg`]);
      assertEquals([chart.code, chart.out], [2, ""]);
      assertStringIncludes(chart.err, "its folder does not exist");
      assertEquals(leftIn(dir), ["other.json"]);
    }));

  it("measures a server and one process, and removes its folders", () =>
    inTempDir(async (dir) => {
      const [json, chart] = [`${dir}/server.json`, `${dir}/server.svg`];
      const { code, err, out } = await run(dir, [
        ...LEAST,
        ...["--only", "server,small", "--connections", "2", "--writes", "50"],
        ...["--sync-ms", "0", "--sets", "10", "--json", json, "--chart", chart],
      ]);
      assertEquals(code, 0, err);
      assertStringIncludes(out, "Server: 50% writes, syncs + 0 ms");
      const { parts }: Results = JSON.parse(Deno.readTextFileSync(json));
      assertEquals(Object.keys(parts), ["server", "small"]);
      const [cell] = parts["server"]!.cells;
      assertGreater(cell!.rate.median, 0);
      assertGreater(cell!.latency!.worst, 0);
      assertEquals([cell!.engine, cell!.connections, cell!.writePercent], ["Quire", 2, 50]);
      assertEquals(leftIn(dir), ["server.json", "server.svg"]);
    }));

  it(
    "ends its processes and removes its folders when it is interrupted",
    () =>
      inTempDir(async (dir) => {
        const args = [...LEAST, "--only", "server", "--sync-ms", "0"];
        const bench = start(dir, [...args, "--connections", "1", "--seconds", "60"]);
        // The server writes this file before it listens.
        while (!hasFile(dir, /\/db$/)) await new Promise((resolve) => setTimeout(resolve, 20));
        bench.kill("SIGINT");
        const [errors, { code }] = await Promise.all([
          Array.fromAsync(linesOf(bench.stderr)),
          bench.status,
          bench.stdout.cancel(),
        ]);
        assertEquals([code, errors, leftIn(dir)], [130, [], []]);
      }),
    { skip: Deno.build.os === "windows" },
  );
});

function hasFile(folder: string, pattern: RegExp): boolean {
  return Array.from(Deno.readDirSync(folder)).some(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return pattern.test(path) || (isDirectory && hasFile(path, pattern));
  });
}
