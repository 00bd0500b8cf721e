/**
 * Imports by URL: `mod.ts` over HTTP provides all of Quire to a program outside the repository,
 * without an import map, and with no permission except the import and one path; and the same
 * program works compiled, after the server has ended.
 *
 * The server is on loopback and serves the sources unchanged. `deno compile` embeds a program in
 * the runtime `denort`, which Deno downloads once for each of its versions. If it is unavailable,
 * the program is compiled but not run, and the reason is printed. DENORT_BIN names a local
 * `denort`.
 *
 * A run in four checks the types of what is imported by URL, which costs as much as all else here.
 * QUIRE_FULL=1 always checks them.
 */

import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";
import { isInTurn } from "../support/turn.ts";

const TOP = new URL("../..", import.meta.url);
const PROGRAM = new URL("./support/url_program.ts", import.meta.url);
const DENORT = Deno.env.get("DENORT_BIN");
const RUNTIME: Record<string, string> = DENORT === undefined ? {} : { DENORT_BIN: DENORT };
const NO_RUNTIME = await whyNoRuntime();
if (NO_RUNTIME !== undefined) console.log(`compiled programs are not run: ${NO_RUNTIME}`);

const CHECKS_TYPES = isInTurn(0, Deno.env.get("QUIRE_FULL") === "1" ? 1 : 4);
/** No runtime is smaller. */
const BINARY_BYTES_MIN = 2 ** 25;

/** The result of a process. */
interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder outside the repository with the program, and the server that it imports from. */
interface Place {
  readonly dir: string;
  readonly program: string;
  readonly database: string;
  /** The server's address, as in a permission. */
  readonly host: string;
  /** The paths requested and served. */
  readonly served: Set<string>;
  /** The paths requested that are not sources. */
  readonly refused: string[];
  /** Ends the server. */
  stop(): Promise<void>;
}

/** Runs a callback with a program that imports the sources by URL; `type` = their media type. */
function inPlace(
  body: (place: Place) => Promise<void>,
  type = "application/typescript; charset=utf-8",
): Promise<void> {
  return inTempDir(async (dir) => {
    const served = new Set<string>();
    const refused: string[] = [];
    const serve = (request: Request) => {
      const { pathname } = new URL(request.url);
      const source = readSource(pathname);
      if (source === undefined) refused.push(pathname);
      else served.add(pathname);
      // A string would be sent with its own type.
      const body = source === undefined ? null : new TextEncoder().encode(source);
      const headers: HeadersInit = type === "" ? {} : { "content-type": type };
      return new Response(body, { status: source ? 200 : 404, headers });
    };
    const onListen = () => {};
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, serve);
    const host = `127.0.0.1:${server.addr.port}`;
    const program = `${dir}/program.ts`;
    const text = Deno.readTextFileSync(PROGRAM);
    assertStringIncludes(text, `"../../../mod.ts"`);
    Deno.writeTextFileSync(program, text.replace(`"../../../mod.ts"`, `"http://${host}/mod.ts"`));
    let stopped: Promise<void> | undefined;
    const stop = () => stopped ??= server.shutdown();
    try {
      await body({ dir, program, database: `${dir}/db.quire`, host, served, refused, stop });
    } finally {
      await stop();
    }
  });
}

/** A source of the repository, or undefined for other paths. */
function readSource(pathname: string): string | undefined {
  if (!pathname.endsWith(".ts") || pathname.startsWith("/tests/")) return undefined;
  try {
    return Deno.readTextFileSync(new URL(`.${pathname}`, TOP));
  } catch {
    return undefined;
  }
}

/** Runs a program in a folder, with only the given environment. */
async function run(
  command: string,
  args: readonly string[],
  dir: string,
  env: Record<string, string> = {},
): Promise<Outcome> {
  const decoder = new TextDecoder();
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: dir,
    clearEnv: true,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", TMPDIR: dir, ...env },
    stdin: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Runs Deno with an empty cache, no configuration, no lock file and no other network. */
function deno(
  place: Place,
  subcommand: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const flags = ["--quiet", "--no-config", "--no-lock", "--no-npm"];
  if (subcommand === "run") flags.push("--no-prompt");
  const cache = { DENO_DIR: `${place.dir}/cache` };
  return run(Deno.execPath(), [subcommand, ...flags, ...args], place.dir, { ...cache, ...env });
}

/** The permissions that the program needs: its import, and one path. */
function permissions({ host, database }: Place): string[] {
  return [`--allow-import=${host}`, `--allow-read=${database}`, `--allow-write=${database}`];
}

const DONE: Outcome = { code: 0, out: "granted everywhere: nothing\ndone\n", err: "" };

/** The files that `mod.ts` reaches according to Deno, and other modules. */
async function reached(entry: string): Promise<{ local: string[]; other: string[] }> {
  const top = fromFileUrl(TOP);
  const { code, out, err } = await run(Deno.execPath(), ["info", "--json", entry], top);
  assertEquals(code, 0, err);
  const { modules } = JSON.parse(out) as { modules: { specifier: string }[] };
  const specifiers = modules.map(({ specifier }) => specifier);
  const isLocal = (specifier: string) => specifier.startsWith(TOP.href);
  return {
    local: specifiers.filter(isLocal).map((specifier) => specifier.slice(TOP.href.length - 1)),
    other: specifiers.filter((specifier) => !isLocal(specifier)),
  };
}

describe("mod.ts, and the entry of each layer", () => {
  for (const entry of ["mod.ts", "inspect.ts", "pager/mod.ts", "alloc/mod.ts", "btree/mod.ts"]) {
    it(`reaches relative files and built-ins of Node only: ${entry}`, async () => {
      const { local, other } = await reached(entry);
      assertGreater(local.length, 2);
      assertEquals(other.filter((specifier) => !specifier.startsWith("node:")), []);
      for (const path of local) assertPlainImports(path);
    });
  }
});

/** Fails if a source imports anything except relative paths and `node:` modules. */
function assertPlainImports(path: string): void {
  const source = Deno.readTextFileSync(new URL(`.${path}`, TOP));
  const code = source.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  const imported = code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g);
  const odd = [...imported].map(([, name]) => name).filter((name) =>
    !/^(\.\.?\/|node:)/.test(name!)
  );
  assertEquals(odd, [], path);
}

describe("a program that imports mod.ts by URL", () => {
  it("completes a round trip with permission for its import and one path", () =>
    inPlace(async (place) => {
      const outcome = await deno(place, "run", [
        ...permissions(place),
        place.program,
        place.database,
      ]);
      assertEquals(outcome, DONE);
      assertEquals(place.refused, []);
      const { local } = await reached("mod.ts");
      assertEquals([...place.served].filter((path) => !local.includes(path)), []);
      const left = [...Deno.readDirSync(place.dir)].map(({ name }) => name).sort();
      assertEquals(left, ["cache", "db.quire", "program.ts"], "no file beside the database");
    }));

  if (CHECKS_TYPES) {
    it("is type-checked with all its imports, as Deno does by default", () =>
      inPlace(async (place) => {
        const allowed = `--allow-import=${place.host}`;
        const { code, err } = await deno(place, "check", ["--all", allowed, place.program]);
        assertEquals({ code, err }, { code: 0, err: "" });
        // Files that have only types are fetched only here.
        const { local } = await reached("mod.ts");
        assertEquals([...place.served].sort(), local.sort());
      }));
  }

  it("is refused without a prompt if a permission is missing", () =>
    inPlace(async (place) => {
      const all = permissions(place);
      for (const missing of all) {
        const rest = all.filter((permission) => permission !== missing);
        // Without this, addresses that Deno trusts by default would be allowed.
        if (missing === all[0]) rest.push("--deny-import");
        const { code, out, err } = await deno(place, "run", [
          ...rest,
          place.program,
          place.database,
        ]);
        assertEquals([code, out], [1, ""], missing);
        assertStringIncludes(err, missing.slice(0, missing.indexOf("=")), missing);
        assertEquals(
          [...Deno.readDirSync(place.dir)].some(({ name }) => name === "db.quire"),
          false,
        );
      }
    }));

  it("can be compiled, and does the same then, with the server gone", () =>
    inPlace(async (place) => {
      // Only the runtime is not fetched again.
      Deno.mkdirSync(`${place.dir}/cache`);
      if (NO_RUNTIME === undefined) {
        Deno.symlinkSync(`${await denoDir()}/dl`, `${place.dir}/cache/dl`);
      }
      // The compilation does not depend on the embedded runtime.
      const runtime = NO_RUNTIME === undefined ? RUNTIME : { DENORT_BIN: Deno.execPath() };
      const binary = await compile(place, runtime);
      assertGreater(Deno.statSync(binary).size, BINARY_BYTES_MIN);
      assertEquals(place.refused, []);
      await place.stop();
      Deno.removeSync(`${place.dir}/cache`, { recursive: true });
      if (NO_RUNTIME !== undefined) return;
      assertEquals(await run(binary, [place.database], place.dir), DONE);
      assertGreater(Deno.statSync(place.database).size, 0);
    }));
});

/** Compiles the program. Returns the path of the binary. */
async function compile(place: Place, env: Record<string, string>): Promise<string> {
  const binary = `${place.dir}/program`;
  // Another test checks its types.
  const args = [
    "--no-prompt",
    "--no-check",
    ...permissions(place),
    "--output",
    binary,
    place.program,
  ];
  const { code, err } = await deno(place, "compile", args, env);
  assertEquals({ code, err }, { code: 0, err: "" });
  return binary;
}

/** The reason why there is no `denort`, or undefined. */
async function whyNoRuntime(): Promise<string | undefined> {
  const dir = Deno.makeTempDirSync({ prefix: "quire-test-" });
  try {
    Deno.writeTextFileSync(`${dir}/empty.ts`, "");
    const env = { ...RUNTIME, DENO_DIR: await denoDir() };
    const args = ["compile", "--quiet", "--no-config", "--output", `${dir}/empty`, "empty.ts"];
    const { code, err } = await run(Deno.execPath(), args, dir, env);
    if (code === 0) return undefined;
    return err.match(/error sending request.*/)?.[0] ?? `deno compile says ${err}`;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Deno's cache folder. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

describe("the types that a server sends the sources as", () => {
  /** Imports sources sent as a media type; a few with types, as Deno judges each by itself. */
  const runAs = (type: string, check: (outcome: Outcome) => void) =>
    inPlace(async (place) => {
      const small = `${place.dir}/small.ts`;
      const source = `import { Frame } from "http://${place.host}/pager/format/frame.ts";`;
      Deno.writeTextFileSync(small, `${source}\nnew Frame(0, 0, 1);\nconsole.log("done");\n`);
      check(await deno(place, "run", [`--allow-import=${place.host}`, small]));
    }, type);

  for (const type of ["video/mp2t", "text/plain", "application/octet-stream", ""]) {
    it(`may be ${type || "none"}`, () =>
      runAs(type, (outcome) => assertEquals(outcome, { code: 0, out: "done\n", err: "" })));
  }

  for (const type of ["text/javascript", "text/html"]) {
    it(`cannot be ${type}`, () => runAs(type, ({ code }) => assertEquals(code, 1)));
  }
});
