/**
 * The command line by URL: run from a server, and installed under its name, without an import map,
 * a configuration or a lock file, and with only the permissions in the documentation.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { linesOf } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";

const TOP = fromFileUrl(new URL("../..", import.meta.url));

/** Serves the sources during a callback. */
async function whileServed(body: (address: string) => Promise<void>): Promise<void> {
  const serve = async (request: Request) => {
    const path = new URL(request.url).pathname;
    const source = await Deno.readTextFile(`${TOP}${path}`).catch(() => undefined);
    const headers = { "content-type": "application/typescript; charset=utf-8" };
    return new Response(source ?? null, { status: source === undefined ? 404 : 200, headers });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, serve);
  try {
    await body(`127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

async function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdin: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** The address of the program, possibly of an earlier server on the same port. */
function flagsFor(host: string): string[] {
  return [
    "--quiet",
    "--no-config",
    "--no-lock",
    `--reload=http://${host}`,
    `--allow-import=${host}`,
  ];
}

describe("cli: by URL", () => {
  it("runs with permission for its files only", () =>
    inTempDir((dir) =>
      whileServed(async (host) => {
        makeCliSample(`${dir}/db.quire`);
        const deno = (permissions: string[], ...args: string[]) => {
          const program = `http://${host}/cli/cli.ts`;
          const flags = [...flagsFor(host), "--no-prompt", "--allow-read=db.quire", ...permissions];
          return run(Deno.execPath(), ["run", ...flags, program, ...args], dir);
        };
        const counted = await deno([], "count", "db.quire", "words");
        assertEquals(counted, { code: 0, out: "5\n", err: "" });
        const write = ["--allow-read=new.quire", "--allow-write=new.quire"];
        const salvaged = await deno(write, "salvage", "db.quire", "new.quire");
        assertEquals([salvaged.code, salvaged.err], [0, ""]);
        const helped = await deno([], "--help");
        assertEquals([helped.code, helped.err], [0, ""]);
      })
    ));

  it("explores with permission to listen", () =>
    inTempDir((dir) =>
      whileServed(async (host) => {
        makeCliSample(`${dir}/db.quire`);
        const narrow = ["--allow-read=db.quire", "--allow-net=127.0.0.1"];
        const flags = [...flagsFor(host), "--no-prompt", ...narrow];
        const child = new Deno.Command(Deno.execPath(), {
          args: ["run", ...flags, `http://${host}/cli/cli.ts`, "explore", "db.quire"],
          cwd: dir,
          stdin: "null",
          stdout: "piped",
          stderr: "null",
          signal: AbortSignal.timeout(HANG_MS),
        }).spawn();
        for await (const line of linesOf(child.stdout)) {
          const response = await fetch(line);
          assertEquals(response.status, 200);
          assertMatch(await response.text(), /<html/);
          child.kill("SIGINT");
        }
        assertEquals((await child.status).code, 0);
      })
    ));

  it("can be installed under its name", () =>
    inTempDir((dir) =>
      whileServed(async (host) => {
        makeCliSample(`${dir}/db.quire`);
        const flags = flagsFor(host).filter((flag) => flag !== "--no-lock");
        const args = ["install", "--global", ...flags, "--root", dir, "-R=.", "-W=."];
        const program = ["--name", "quire", `http://${host}/cli/cli.ts`];
        const installed = await run(Deno.execPath(), [...args, ...program], dir);
        assertEquals(installed.code, 0, installed.err);
        const path = { PATH: `${dir}/bin:${Deno.env.get("PATH")}` };
        const keys = await run(`${dir}/bin/quire`, ["keys", "db.quire", "words"], dir, path);
        assertEquals(keys, { code: 0, out: "ant\nbee\ncat\ncow\ndog\n", err: "" });
        const set = await run(`${dir}/bin/quire`, ["set", "new.quire", "t", "a", "1"], dir, path);
        assertEquals(set, { code: 0, out: "", err: "" });
        const outside = await run(`${dir}/bin/quire`, ["keys", `${TOP}db.quire`], dir, path);
        assertEquals([outside.code, outside.out], [3, ""]);
        assertMatch(outside.err, /Requires read access/);
        const missing = await run(`${dir}/bin/quire`, ["keys", "none.quire"], dir, path);
        assertEquals([missing.code, missing.out], [3, ""]);
        assertMatch(missing.err, /; check the path\n$/);
      })
    ));
});
