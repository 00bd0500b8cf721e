/**
 * The permissions of files that Quire creates: no copy has wider permissions than its source, the
 * umask narrows them further, `open` takes a mode for new files, and the history of the shell is
 * private.
 *
 * All modes are tried with one command, and a few with each other one, which create their files in
 * the same way. QUIRE_FULL=1 tries all modes with each.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LockedError, open, salvage } from "../../mod.ts";
import { cliWords, installQuire, quire, quireAll } from "../support/programs/cli.ts";
import { inTempDir } from "../support/temp.ts";

const isUnix = Deno.build.os !== "windows";
const IS_FULL = Deno.env.get("QUIRE_FULL") === "1";
/** The modes tried with a command other than the first. */
const FEW = 3;
const OTHER_GROUP = 54_321;
const MOD = new URL("../../mod.ts", import.meta.url).href;

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o7777).toString(8);
}

/** Sources of a mode, and perhaps of another group, in a new folder. */
async function makeSources(dir: string, mode: number, group?: number): Promise<void> {
  Deno.mkdirSync(dir);
  installQuire(dir);
  const sources = [`${dir}/from.quire`, `${dir}/from.ndjson`];
  {
    using db = open(sources[0]!);
    await db.tree("t").set("key", new Uint8Array(10));
  }
  Deno.writeTextFileSync(sources[1]!, '{"key":"key","value":1}\n');
  for (const path of sources) {
    if (group !== undefined) Deno.chownSync(path, null, group);
    Deno.chmodSync(path, mode);
  }
}

/** Runs a callback with sources of a mode. */
function inSources(mode: number, body: (dir: string) => Promise<void>): Promise<void> {
  return inTempDir(async (dir) => {
    await makeSources(`${dir}/sources`, mode);
    await body(`${dir}/sources`);
  });
}

/** Command lines that create a file `to`. */
const MAKERS: Readonly<Record<string, string>> = {
  "salvage": "salvage from.quire to",
  "backup": "backup from.quire to",
  "restore": "restore to from.quire",
  "dump": "dump from.quire t --output to",
  "load": "load to t from.ndjson",
  "load of a file as standard input": "load to t < from.ndjson",
};

/** The rows that a command is tried with. */
function rowsFor<Row>(maker: string, rows: readonly Row[]): readonly Row[] {
  return IS_FULL || maker === Object.keys(MAKERS)[0] ? rows : rows.slice(0, FEW);
}

/** Sources, a umask, and the mode that a file made of them must have. */
type Row = readonly [mode: number, umask: string, made: string];

/** Fails unless a command creates files of the right modes, from sources perhaps of a group. */
async function assertMakes(maker: string, rows: readonly Row[], group?: number): Promise<void> {
  const line = MAKERS[maker]!;
  await inTempDir(async (dir) => {
    const folders = rows.map((_, i) => `${dir}/${i}`);
    for (const [i, [mode]] of rows.entries()) await makeSources(folders[i]!, mode, group);
    if (line.includes("<")) {
      for (const [i, [, umask]] of rows.entries()) {
        await bash(folders[i]!, `./quire ${line}`, umask);
      }
    } else {
      const lines = rows.map(([, umask], i) => {
        return { words: line.split(" "), cwd: folders[i]!, umask: Number.parseInt(umask, 8) };
      });
      for (const { code, err } of await quireAll(lines)) assertEquals(code, 0, err);
    }
    for (const [i, [mode, umask, made]] of rows.entries()) {
      const what = `${mode.toString(8)}, umask ${umask}: ${line}`;
      assertEquals(modeOf(`${folders[i]}/to`), made, what);
    }
  });
}

/** Runs a line of bash under a umask. */
async function bash(dir: string, line: string, umask: string): Promise<void> {
  const args = ["-c", `umask ${umask}; ${line}`];
  const { success, stderr } = await new Deno.Command("bash", { args, cwd: dir }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

describe("a copy", { skip: !isUnix }, () => {
  const rows: Row[] = [
    [0o600, "000", "600"],
    [0o640, "022", "640"],
    [0o666, "000", "666"],
    [0o600, "022", "600"],
    [0o640, "077", "600"],
    [0o644, "022", "644"],
    [0o666, "027", "640"],
    [0o755, "022", "644"],
    [0o660, "007", "660"],
    [0o604, "000", "604"],
  ];
  for (const maker of Object.keys(MAKERS)) {
    it(`by ${maker} has no wider permissions than its source`, () =>
      assertMakes(maker, rowsFor(maker, rows)));
  }

  it("by the library's salvage has no wider permissions than its source", () =>
    inSources(0o600, async (dir) => {
      await salvage(`${dir}/from.quire`, `${dir}/to`);
      assertEquals(modeOf(`${dir}/to`), "600");
    }));

  it("by a salvage with permission for the final name alone has neither", () =>
    inSources(0o600, async (dir) => {
      const program = `import { salvage } from "${MOD}";\nawait salvage("from.quire", "to");\n`;
      Deno.writeTextFileSync(`${dir}/program.ts`, program);
      const args = ["run", "--no-prompt", "--no-check", "--allow-read=from.quire,to"];
      const child = new Deno.Command(Deno.execPath(), {
        args: [...args, "--allow-write=to", "program.ts"],
        cwd: dir,
      });
      assertEquals((await child.output()).code, 0);
      assertEquals(modeOf(`${dir}/to`), "600");
    }));

  it("from a pipe is created like any new file", () =>
    inSources(0o600, async (dir) => {
      await bash(dir, "cat from.ndjson | ./quire load to t", "022");
      assertEquals(modeOf(`${dir}/to`), "644");
    }));

  const isRoot = isUnix && Deno.uid() === 0;

  it("in another group grants it no more than others have", { skip: !isRoot }, async () => {
    const groups: Row[] = [
      [0o640, "000", "600"],
      [0o644, "000", "644"],
      [0o604, "000", "600"],
      [0o660, "000", "600"],
      [0o664, "000", "644"],
    ];
    for (const maker of Object.keys(MAKERS)) {
      await assertMakes(maker, rowsFor(maker, groups), OTHER_GROUP);
    }
  });
});

describe("open() with a mode", { skip: !isUnix }, () => {
  it("creates a file of the mode, narrowed by the umask", () =>
    inTempDir((dir) => {
      for (const mode of [0o600, 0o640, 0o660, 0o666]) {
        const path = `${dir}/${mode}`;
        open(path, { mode }).close();
        assertEquals(modeOf(path), (mode & ~umask()).toString(8));
      }
      open(`${dir}/default`).close();
      assertEquals(modeOf(`${dir}/default`), (0o666 & ~umask()).toString(8));
    }));

  it("leaves the permissions of an existing file", () =>
    inTempDir((dir) => {
      const path = `${dir}/file`;
      open(path, { mode: 0o600 }).close();
      open(path, { mode: 0o666 }).close();
      assertEquals(modeOf(path), "600");
    }));

  it("refuses an invalid mode, or one that locks the owner out, and creates nothing", () =>
    inTempDir((dir) => {
      const path = `${dir}/file`;
      for (const mode of [-1, 0o1000, 1.5, NaN, Infinity]) {
        assertThrows(() => open(path, { mode }), RangeError, "is not in 0o600..0o777");
      }
      for (const mode of [0, 0o400, 0o066, 0o200]) {
        assertThrows(() => open(path, { mode }), RangeError, "the owner cannot read and write");
      }
      assertThrows(() => open(path, { mode: "600" as unknown as number }), TypeError, "mode is");
      assertEquals([...Deno.readDirSync(dir)], []);
    }));
});

/** The umask of this process. */
function umask(): number {
  return inTempDir((dir) => {
    Deno.openSync(`${dir}/probe`, { write: true, createNew: true }).close();
    return 0o666 & ~Deno.statSync(`${dir}/probe`).mode!;
  });
}

describe("what another user can do", { skip: !isUnix }, () => {
  it("includes keeping the owner of a readable file from writing", () =>
    inTempDir((dir) => {
      const path = `${dir}/file`;
      open(path).close();
      const reader = Deno.openSync(path, { read: true });
      reader.lockSync(false);
      assertThrows(() => open(path), LockedError);
      reader.close();
      open(path).close();
    }));
});

describe("the history of the shell", { skip: Deno.build.os !== "linux" }, () => {
  it("is private, and so are the folders created for it", () =>
    inTempDir(async (dir) => {
      const words = cliWords(["shell", `${dir}/db.quire`], [
        "--allow-env=HOME,XDG_STATE_HOME",
      ]);
      const line = [Deno.execPath(), ...words].map((word) => `'${word}'`).join(" ");
      const { success } = await new Deno.Command("bash", {
        args: ["-c", `umask 022; printf 'trees\\n.exit\\n' | script -qec "${line}" /dev/null`],
        env: { XDG_STATE_HOME: `${dir}/state`, TERM: "xterm" },
      }).output();
      if (!success) return;
      assertEquals(modeOf(`${dir}/state/quire`), "700");
      assertEquals(modeOf(`${dir}/state/quire/history`), "600");
      assertEquals((await quire(["trees", `${dir}/db.quire`])).code, 0);
    }));
});
