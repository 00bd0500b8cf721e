/**
 * The start and the end of `serve`, and the sources of its token. Other tests cover what it serves.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { cliWords, inParallel, quire } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { linesOf } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";

const TOKEN = "the-token-of-the-test";
const FLAGS = ["--allow-net=127.0.0.1", "--allow-env=DENO_KV_ACCESS_TOKEN"];

/**
 * A port that was free just now, below those that the system gives to other programs: none of these
 * takes it meanwhile.
 */
function freePort(): string {
  for (;;) {
    const port = 20_000 + crypto.getRandomValues(new Uint16Array(1))[0]! % 10_000;
    try {
      using _ = Deno.listen({ hostname: "127.0.0.1", port });
      return String(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Starts it, requests the metadata, and ends it with a signal. */
async function visit(
  path: string,
  args: readonly string[],
  signal: Deno.Signal,
): Promise<{ lines: string[]; code: number }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: cliWords(["serve", path, "--port", freePort(), ...args], FLAGS),
    env: { DENO_KV_ACCESS_TOKEN: TOKEN },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).spawn();
  const lines: string[] = [];
  for await (const line of linesOf(child.stdout)) {
    lines.push(line);
    const url = line.startsWith("{") ? JSON.parse(line).url : line;
    const headers = { authorization: `Bearer ${TOKEN}` };
    const body = JSON.stringify({ supportedVersions: [3] });
    const { databaseId } = await (await fetch(url, { method: "POST", headers, body })).json();
    assertMatch(databaseId, /^[0-9a-f-]{36}$/);
    child.kill(signal);
  }
  return { lines, code: (await child.status).code };
}

describe("serve", () => {
  it("prints its address, and closes the file when a signal ends it", () =>
    inTempDir(async (dir) => {
      for (const [signal, args] of [["SIGINT", []], ["SIGTERM", ["--json"]]] as const) {
        const path = `${dir}/${signal}.quire`;
        const { lines, code } = await visit(path, args, signal);
        assertEquals([lines.length, code], [1, 0]);
        assertMatch(lines[0]!, /http:\/\/127\.0\.0\.1:\d+/);
        using db = open(path, { readOnly: true });
        assertEquals([db.trees(), db.stats().recovery], [["kv.meta"], undefined]);
      }
    }));

  it("takes the token of a file", () =>
    inTempDir(async (dir) => {
      Deno.writeTextFileSync(`${dir}/token`, `${TOKEN}\n`);
      const path = `${dir}/a.quire`;
      const { code } = await visit(path, ["--token-file", `${dir}/token`], "SIGINT");
      assertEquals(code, 0);
    }));

  it("refuses what it cannot serve, and leaves no new file", () =>
    inTempDir(async (dir) => {
      makeCliSample(`${dir}/db.quire`);
      Deno.writeTextFileSync(`${dir}/text.quire`, "no database\n".repeat(9999));
      Deno.writeTextFileSync(`${dir}/empty`, "\n");
      using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const port = String(taken.addr.port);
      const rows: [args: string[], code: number, says: RegExp][] = [
        [["text.quire"], 4, /not a Quire database; name another file/],
        [["none/new.quire"], 3, /; check the path\n$/],
        [["new1.quire", "--port", "x"], 2, /--port x: it is not a whole number from 1 on\n$/],
        [["new2.quire", "--port", "65536"], 2, /there are ports from 1 to 65535\n$/],
        [["new3.quire", "--port", port], 3, /another program does; name another port\n$/],
        [["new4.quire", "--token-file", "none"], 3, /^Cannot read none: .*; check the path\n$/],
        [["new5.quire", "--token-file", "empty"], 2, /there is no access token; set /],
        [["new6.quire", "more"], 2, /too many arguments/],
      ];
      const runs = await inParallel(rows, ([args]) => {
        const env = { DENO_KV_ACCESS_TOKEN: TOKEN };
        return quire(["serve", ...args], { cwd: dir, flags: FLAGS, env });
      });
      for (const [index, [args, code, says]] of rows.entries()) {
        assertEquals([runs[index]!.code, runs[index]!.out], [code, ""], args.join(" "));
        assertMatch(runs[index]!.err, says);
      }
      const tokens: [token: string, says: RegExp][] = [
        ["", /there is no access token/],
        ["short", /12 or more characters/],
        ["blank in the middle", /without blanks/],
      ];
      for (const [token, says] of tokens) {
        const env = { DENO_KV_ACCESS_TOKEN: token };
        const run = await quire(["serve", "new.quire"], { cwd: dir, flags: FLAGS, env });
        assertEquals(run.code, 2);
        assertMatch(run.err, says);
        assert(token === "" || !run.err.includes(token), "a token is never printed");
      }
      const denied = await quire(["serve", "new.quire"], { cwd: dir });
      assertEquals(denied.code, 2);
      assertMatch(denied.err, /run it with --allow-env=DENO_KV_ACCESS_TOKEN/);
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), [
        "db.quire",
        "empty",
        "text.quire",
      ]);
    }));
});
