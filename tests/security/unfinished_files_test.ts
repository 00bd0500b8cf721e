/**
 * The creation of files, interrupted by a signal, by `kill -9`, by a full disk or by a missing
 * permission, in real processes. Under the final name there is nothing, the complete file, or a
 * file that another process created meanwhile.
 *
 * A run interrupts each command with one of three signals, other runs with others. QUIRE_FULL=1
 * takes all three, and creates larger files.
 */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { after, describe, it } from "@std/testing/bdd";
import { CorruptionError, open, salvage, string, verify } from "../../mod.ts";
import { cliWords, installQuire, quire } from "../support/programs/cli.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { killIfThere } from "../support/programs/program.ts";
import { inTempDir } from "../support/temp.ts";
import { isInTurn } from "../support/turn.ts";

const IS_FULL = Deno.env.get("QUIRE_FULL") === "1";
const ENTRIES = IS_FULL ? 100_000 : 24_000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const VALUE = "v".repeat(400);
const POLL_MS = 2;
const TRIES = 8;
/** A process is ended after it has written this much. */
const BEGUN_BYTES = 256 * 1024;
const isUnix = Deno.build.os !== "windows";
const MOD = new URL("../../mod.ts", import.meta.url).href;

/** Commands that create a file `to` from `from.quire` or `from.ndjson`. */
const MAKERS: Readonly<Record<string, readonly string[]>> = {
  "salvage": ["salvage", "from.quire", "to"],
  "dump --output": ["dump", "from.quire", "t", "--output", "to"],
  "load": ["load", "to", "t", "from.ndjson"],
  "backup": ["backup", "from.quire", "to"],
  "restore": ["restore", "to", "from.quire"],
};
const CODES: Partial<Record<Deno.Signal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

function keyOf(index: number): string {
  return `key ${String(index).padStart(8, "0")}`;
}

/** A folder with `from.quire` and `from.ndjson`, of the same entries. No test changes them. */
const sources = Deno.makeTempDirSync({ prefix: "quire-test-" });
after(() => Deno.removeSync(sources, { recursive: true }));

function makeSources(): void {
  const rows = Array.from({ length: ENTRIES }, (_, i) => [keyOf(i), VALUE] as const);
  const lines = rows.map(([key, value]) => `${JSON.stringify({ key, value })}\n`).join("");
  Deno.writeTextFileSync(`${sources}/from.ndjson`, lines);
  using db = open(`${sources}/from.quire`);
  db.writeSync((tx) => tx.tree("t", { key: string, value: string }).load(rows));
}

makeSources();

function inSources(body: (dir: string) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    for (const name of ["from.quire", "from.ndjson"]) {
      Deno.linkSync(`${sources}/${name}`, `${dir}/${name}`);
    }
    await body(dir);
  });
}

/** The files in a folder, without the sources. */
function madeIn(dir: string): string[] {
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name);
  return names.filter((name) => !name.startsWith("from.") && name !== "quire").sort();
}

interface Ended {
  readonly code: number;
  readonly err: string;
}

/** Ends a process once it has written part of a file. Returns undefined if it had ended before. */
async function endInTheMiddle(
  command: Deno.Command,
  dir: string,
  signal: Deno.Signal,
  begunBytes: number,
): Promise<Ended | undefined> {
  const child = command.spawn();
  const output = child.output();
  let isRunning = true;
  const ended = child.status.then(() => isRunning = false);
  while (isRunning && !hasBegun(dir, begunBytes)) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  killIfThere(child, signal);
  await ended;
  const { code, success, stderr } = await output;
  return success ? undefined : { code, err: new TextDecoder().decode(stderr) };
}

function hasBegun(dir: string, begunBytes: number): boolean {
  try {
    return madeIn(dir).some((name) => Deno.lstatSync(`${dir}/${name}`).size >= begunBytes);
  } catch {
    // It received its name in between.
    return false;
  }
}

/**
 * As `endInTheMiddle`, earlier each time, until it hits the middle: a signal that comes late may
 * meet a process that has its file, and has not ended.
 *
 * @param isDone Whether a process has its file.
 */
async function endOne(
  commandOf: () => Deno.Command,
  dir: string,
  signal: Deno.Signal,
  isDone: () => Promise<boolean>,
) {
  for (let round = 0; round < TRIES; round++) {
    const ended = await endInTheMiddle(commandOf(), dir, signal, BEGUN_BYTES >> (4 * round));
    if (ended !== undefined && !await isDone()) return ended;
    for (const name of madeIn(dir)) Deno.removeSync(`${dir}/${name}`);
  }
  throw new Error("the process was always faster than the signal");
}

function commandIn(dir: string, args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: cliWords(args),
    cwd: dir,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(HANG_MS),
  });
}

function linesOf(path: string): string[] {
  return Deno.readTextFileSync(path).trimEnd().split("\n");
}

/** Whether `to` has everything. */
async function assertWhole(dir: string, maker: string): Promise<void> {
  if (maker === "dump --output") {
    // A comparison of megabytes that prints the difference would exhaust memory.
    const [made, source] = ["to", "from.ndjson"].map((name) => linesOf(`${dir}/${name}`));
    assertEquals(made!.length, source!.length + 1, "its entries, and the line that names the tree");
    assert(made!.slice(1).every((line, at) => line === source![at]), "each entry");
  } else {
    const { ok, entries } = await verify(`${dir}/to`);
    // Verify may or may not count the tree's entry in the catalog.
    assert(ok && entries >= ENTRIES, `${entries} entries`);
  }
}

/** Whether there is a file under the final name; then it has everything. */
async function hasWhole(dir: string, maker: string): Promise<boolean> {
  if (!madeIn(dir).includes("to")) return false;
  await assertWhole(dir, maker);
  return true;
}

describe("a new file, and a signal", { skip: !isUnix }, () => {
  for (const [index, [maker, args]] of Object.entries(MAKERS).entries()) {
    for (const [at, signal] of SIGNALS.entries()) {
      if (!IS_FULL && !isInTurn(index + at, SIGNALS.length)) continue;
      it(`${maker} leaves nothing after ${signal}`, () =>
        inSources(async (dir) => {
          const command = () => commandIn(dir, args);
          const { code, err } = await endOne(command, dir, signal, () => hasWhole(dir, maker));
          assertEquals(code, CODES[signal], err);
          assertMatch(err, new RegExp(`Interrupted by ${signal}: .* is removed\n$`));
          assertEquals(madeIn(dir), []);
        }));
    }

    it(`${maker} leaves nothing under the final name after SIGKILL, and can be repeated`, () =>
      inSources(async (dir) => {
        const command = () => commandIn(dir, args);
        await endOne(command, dir, "SIGKILL", () => hasWhole(dir, maker));
        assertEquals(madeIn(dir), ["to.unfinished"]);
        const left = Deno.readFileSync(`${dir}/to.unfinished`);
        assertEquals((await quire(args, { cwd: dir })).code, 0);
        assertEquals(madeIn(dir), ["to", "to.unfinished"]);
        await assertWhole(dir, maker);
        assertEquals(Deno.readFileSync(`${dir}/to.unfinished`), left);
      }));
  }

  it("dump --output in a shell script leaves nothing, either", () =>
    inSources(async (dir) => {
      installQuire(dir);
      const script = 'exec ./quire shell from.quire <<< "dump t --output to"';
      const command = () =>
        new Deno.Command("bash", { args: ["-c", script], cwd: dir, stderr: "piped" });
      const rows = [["SIGINT", /^line 1: Interrupted/], ["SIGTERM", /^Interrupted/]] as const;
      for (const [signal, says] of rows) {
        const isDone = () => hasWhole(dir, "dump --output");
        const { code, err } = await endOne(command, dir, signal, isDone);
        assertEquals([code, madeIn(dir)], [CODES[signal], []]);
        assertMatch(err, says);
      }
    }));

  it("load ends while it waits for standard input", () =>
    inTempDir(async (dir) => {
      const child = waitingLoad(dir);
      await begun(dir);
      child.kill("SIGTERM");
      assertEquals((await child.status).code, CODES.SIGTERM);
      assertEquals(madeIn(dir), []);
      await child.stdin.abort().catch(() => {});
    }));
});

describe("a new file, and Ctrl-C on a terminal", { skip: !hasScript() }, () => {
  /** Runs a line of a shell on a terminal. `exec` keeps the shell out of the signal's way. */
  const onTerminal = (dir: string, line: string) => {
    installQuire(dir);
    return new Deno.Command("script", {
      args: ["-qec", line, "/dev/null"],
      cwd: dir,
      env: { TERM: "xterm" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
  };
  const typeInto = (child: Deno.ChildProcess) => {
    const writer = child.stdin.getWriter();
    const type = (keys: string) => writer.write(new TextEncoder().encode(keys));
    return { type, close: () => writer.close() };
  };

  it("load ends while it waits for typed input", () =>
    inTempDir(async (dir) => {
      const child = onTerminal(dir, "exec ./quire load to t -");
      const output = child.output();
      await begun(dir);
      const { type, close } = typeInto(child);
      await type("\x03");
      assertEquals((await output).code, CODES.SIGINT);
      assertEquals(madeIn(dir), []);
      await close().catch(() => {});
    }));

  it("the shell continues after an interrupted statement", () =>
    inSources(async (dir) => {
      for (let round = 0; round < TRIES; round++) {
        const child = onTerminal(dir, "exec ./quire shell from.quire");
        const output = child.output();
        const { type, close } = typeInto(child);
        await type("dump t --output to\r");
        while (!hasBegun(dir, BEGUN_BYTES)) {
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
        await type("\x03");
        await type("count t\r.exit\r");
        const { code, stdout } = await output;
        await close().catch(() => {});
        const shown = new TextDecoder().decode(stdout);
        if (await hasWhole(dir, "dump --output")) {
          Deno.removeSync(`${dir}/to`);
          continue;
        }
        assertMatch(shown, new RegExp(`Interrupted by SIGINT[^]*${ENTRIES}\\r?\\n`));
        assertEquals([code, madeIn(dir)], [0, []]);
        return;
      }
      throw new Error("the statement was always faster than the key");
    }));
});

function hasScript(): boolean {
  try {
    const args = ["-qec", "true", "/dev/null"];
    return Deno.build.os === "linux" && new Deno.Command("script", { args }).outputSync().success;
  } catch {
    return false;
  }
}

/** A load into a new file whose input has not ended. */
function waitingLoad(dir: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: cliWords(["load", "to", "t"]),
    cwd: dir,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Waits until a file is being written. */
async function begun(dir: string): Promise<void> {
  while (madeIn(dir).length === 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

describe("a new file, and another that takes its name meanwhile", () => {
  it("load leaves the other unchanged", () =>
    inTempDir(async (dir) => {
      const child = waitingLoad(dir);
      await begun(dir);
      Deno.writeTextFileSync(`${dir}/to`, "mine");
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode('{"key":"a","value":1}\n'));
      await writer.close();
      assertEquals((await child.status).code, 3);
      assertEquals(madeIn(dir), ["to"]);
      assertEquals(Deno.readTextFileSync(`${dir}/to`), "mine");
    }));

  it("salvage leaves the other unchanged", () =>
    inSources(async (dir) => {
      const onProgress = () => Deno.writeTextFileSync(`${dir}/to`, "mine");
      const run = () => salvage(`${dir}/from.quire`, `${dir}/to`, { onProgress });
      await assertRejects(run, Error, "it already exists");
      assertEquals([madeIn(dir), Deno.readTextFileSync(`${dir}/to`)], [["to"], "mine"]);
    }));
});

describe("a new file, and an error", () => {
  it("load of a malformed line creates no file", () =>
    inTempDir(async (dir) => {
      const input = '{"key":"a","value":1}\n{"key":\n';
      const { code, err } = await quire(["load", "to", "t"], { cwd: dir, input });
      assertEquals([code, madeIn(dir)], [5, []]);
      assertMatch(err, /line 2: .*; nothing was loaded\n$/);
    }));

  const canMount = Deno.build.os === "linux" && canMountTmpfs();

  it(
    "a full disk leaves nothing, and is reported with the path",
    { skip: !canMount },
    () =>
      inSources(async (dir) => {
        Deno.mkdirSync(`${dir}/from.disk`);
        installQuire(dir);
        for (const [maker, args] of Object.entries(MAKERS)) {
          const words = args.map((word) => word === "to" ? "from.disk/to" : word).join(" ");
          const lines = [
            "mount -t tmpfs -o size=4m tmpfs from.disk",
            `./quire ${words}; echo "ends with $?"; ls -A from.disk`,
          ];
          const { stdout, stderr } = await new Deno.Command("unshare", {
            args: ["-rm", "bash", "-c", lines.join("\n")],
            cwd: dir,
          }).output();
          const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
          assertEquals(out, "ends with 3\n", `${maker}: ${err}`);
          assertMatch(err!, /^Cannot .*no space left.*; make room on the disk, and try again\n$/i);
          if (maker === "dump --output") assertMatch(err!, /^Cannot write from\.disk\/to: /);
        }
      }),
  );
});

function canMountTmpfs(): boolean {
  try {
    const args = ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
    return new Deno.Command("unshare", { args }).outputSync().success;
  } catch {
    return false;
  }
}

describe("a program with permission for the final name alone", () => {
  /** Salvages `from.quire` to `to`, with permissions. */
  function salvaging(dir: string, reads: string[], writes: string[]): Deno.Command {
    const program = `${dir}/from.program.ts`;
    Deno.writeTextFileSync(
      program,
      `import { salvage } from "${MOD}";\nawait salvage("from.quire", "to");\n`,
    );
    return new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--no-check"],
        ...[`--allow-read=${reads.join()}`, `--allow-write=${writes.join()}`, program],
      ],
      cwd: dir,
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(HANG_MS),
    });
  }

  /** Whether a file that is written under its final name was complete. */
  function isDatabase(path: string): Promise<boolean> {
    return verify(path).then(({ ok }) => ok, () => false);
  }

  const rows: [reads: string[], writes: string[], killed: string][] = [
    [["from.quire", "to"], ["to"], "to"],
    [["from.quire", "to", "to.unfinished"], ["to", "to.unfinished"], "to.unfinished"],
    [["from.quire", "to", "to.unfinished"], ["to"], "to"],
    [["from.quire", "to"], ["to", "to.unfinished"], "to"],
    [["from.quire", "."], ["."], "to.unfinished"],
  ];

  for (const [reads, writes, killed] of rows) {
    const what = `reads ${reads.join()} and writes ${writes.join()}`;

    it(`salvages where it ${what}`, () =>
      inSources(async (dir) => {
        const { success, stderr } = await salvaging(dir, reads, writes).output();
        assert(success, new TextDecoder().decode(stderr));
        assertEquals(madeIn(dir), ["to"]);
        await assertWhole(dir, "salvage");
      }));

    it(
      `leaves no database to be opened after SIGKILL where it ${what}`,
      { skip: !isUnix },
      () =>
        inSources(async (dir) => {
          const isDone = () => {
            return killed === "to" ? isDatabase(`${dir}/to`) : hasWhole(dir, "salvage");
          };
          await endOne(() => salvaging(dir, reads, writes), dir, "SIGKILL", isDone);
          assertEquals(madeIn(dir), [killed]);
          const path = `${dir}/${killed}`;
          const bytes = Deno.readFileSync(path);
          assertThrows(() => open(path), CorruptionError, "not a Quire database");
          assertThrows(() => open(path, { readOnly: true }), CorruptionError);
          assert(!(await verify(path)).ok);
          assertEquals(Deno.readFileSync(path), bytes);
        }),
    );
  }

  it("says which permission dump and load need, and creates nothing", () =>
    inSources(async (dir) => {
      for (const maker of ["dump --output", "load"]) {
        const flags = ["--deny-write=to.unfinished"];
        const { code, err } = await quire(MAKERS[maker]!, { cwd: dir, flags });
        assertEquals([code, madeIn(dir)], [3, []], maker);
        assertMatch(
          err,
          /^Cannot create to: Requires write access to "to\.unfinished".*-R=PATH -W=PATH\n$/,
        );
      }
    }));
});
