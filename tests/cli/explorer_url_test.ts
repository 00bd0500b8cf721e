/**
 * The explorer imported by URL: it brings its page and libraries with it, and works offline once it
 * is cached.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";

const TOP = fromFileUrl(new URL("../../", import.meta.url));

/** A program that shows a database, and requests all parts of the page. */
const PROGRAM = (base: string) => `
import { open } from "${base}/mod.ts";
import { explore } from "${base}/cli/mod.ts";

using db = open(":memory:");
const explorer = explore(db);
const [origin, token] = explorer.url.split("/#token=");
const headers = { authorization: "Bearer " + token };
for (const path of ["/", "/style.css", "/browser/app.ts", "/library/preact.js", "/api/file"]) {
  const response = await fetch(origin + path, { headers });
  console.log(path, response.status, (await response.text()).length > 300);
}
await explorer.close();
`;

/** Runs a program with its own cache, which contains this machine's packages. */
async function run(dir: string, program: string, flags: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-lock", "--no-check", ...flags, program],
    cwd: dir,
    env: { DENO_DIR: `${dir}/cache`, NO_COLOR: "1" },
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Copies the packages that this machine has cached to a new cache. */
async function sharePackages(dir: string): Promise<void> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache }: { npmCache: string } = JSON.parse(new TextDecoder().decode(stdout));
  Deno.mkdirSync(`${dir}/cache`);
  Deno.symlinkSync(npmCache, `${dir}/cache/npm`);
}

describe("the explorer by URL", () => {
  it("shows a database, and again after the server has ended", () =>
    inTempDir(async (dir) => {
      await sharePackages(dir);
      const types: Record<string, string> = { ts: "application/typescript", css: "text/css" };
      const server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen: () => {} },
        (request) => {
          const { pathname } = new URL(request.url);
          const type = types[pathname.split(".").at(-1)!] ?? "text/html";
          try {
            const headers = { "content-type": type };
            return new Response(Deno.readTextFileSync(`${TOP}${pathname}`), { headers });
          } catch {
            return new Response(null, { status: 404 });
          }
        },
      );
      const host = `127.0.0.1:${server.addr.port}`;
      const program = `${dir}/program.ts`;
      Deno.writeTextFileSync(program, PROGRAM(`http://${host}`));
      const permissions = ["--allow-net=127.0.0.1", `--allow-import=${host}`];
      let first: Awaited<ReturnType<typeof run>>;
      try {
        first = await run(dir, program, permissions);
      } finally {
        await server.shutdown();
      }
      assertEquals([first.code, first.err], [0, ""]);
      const paths = ["/", "/style.css", "/browser/app.ts", "/library/preact.js", "/api/file"];
      for (const path of paths) assertStringIncludes(first.out, `${path} 200 true\n`);
      assertEquals(await run(dir, program, [...permissions, "--cached-only"]), first);
    }));
});
