/**
 * The start and the end of `explore`. Other tests cover what it shows.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { cliWords, inParallel, quire } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { linesOf } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";

const NET = ["--allow-net=127.0.0.1"];

/** Starts it, requests its data, and ends it with SIGINT, as Ctrl-C does. */
async function visit(path: string, ...args: string[]): Promise<{ line: string; code: number }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: cliWords(["explore", path, ...args], NET),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).spawn();
  let line = "";
  for await (line of linesOf(child.stdout)) {
    const url = line.startsWith("{") ? JSON.parse(line).url : line;
    const response = await fetch(url);
    assertEquals(response.status, 200);
    await response.body?.cancel();
    child.kill("SIGINT");
  }
  return { line, code: (await child.status).code };
}

describe("explore", () => {
  it("prints its address, serves it, and ends when it is interrupted", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const before = Deno.readFileSync(path);
      const { line, code } = await visit(path);
      assertMatch(line, /^http:\/\/127\.0\.0\.1:\d+\/\S{16,}$/);
      assertEquals(code, 0);
      assertEquals(Deno.readFileSync(path), before);
    }));

  it("follows the file if another process has it locked, and says so", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      using _db = open(path);
      const { line, code } = await visit(path, "--json");
      const { unsynchronised, followed } = JSON.parse(line);
      assertEquals([unsynchronised, followed, code], [false, true, 0]);
    }));

  it("refuses what it cannot show", () =>
    inTempDir(async (dir) => {
      Deno.writeTextFileSync(`${dir}/text.quire`, "no database\n".repeat(9999));
      makeCliSample(`${dir}/db.quire`);
      using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const port = String(taken.addr.port);
      const rows: [args: string[], code: number, says: RegExp][] = [
        [["none.quire"], 3, /none\.quire: .*; check the path\n$/],
        [["text.quire"], 4, /not a Quire database; name another file/],
        [["db.quire", "--port", "x"], 2, /--port x: it is not a whole number from 1 on\n$/],
        [["db.quire", "--port", "65536"], 2, /there are ports from 1 to 65535\n$/],
        [
          ["db.quire", "--port", port],
          3,
          /^Cannot listen on 127\.0\.0\.1:\d+: another program does; /,
        ],
        [["db.quire", "more"], 2, /too many arguments/],
      ];
      const runs = await inParallel(rows, ([args]) =>
        quire(["explore", ...args], { cwd: dir, flags: NET }));
      for (const [index, [args, code, says]] of rows.entries()) {
        assertEquals([runs[index]!.code, runs[index]!.out], [code, ""], args.join(" "));
        assertMatch(runs[index]!.err, says);
      }
      const denied = await quire(["explore", "db.quire"], { cwd: dir });
      assertEquals([denied.code, denied.out], [3, ""]);
      assertMatch(
        denied.err,
        /run it with permission to listen too: deno run --allow-net=127\.0\.0\.1\n$/,
      );
    }));
});
