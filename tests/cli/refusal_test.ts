/**
 * The refusals of the command line: each command with each kind of bad input. A refusal is one line
 * on standard error that includes a remedy, nothing on standard output, a documented exit code, and
 * an unchanged file.
 */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { COMMANDS } from "../../cli/all_commands.ts";
import { Refusal } from "../../cli/io/exit.ts";
import { PROGRAM } from "../../cli/program.ts";
import type { CommandSpec, FileUse } from "../../cli/spec/command_spec.ts";
import { parseLine } from "../../cli/spec/parser.ts";
import { archive, folderStore, open } from "../../mod.ts";
import { inParallel, type Outcome, quire, quireAll } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { inTempDir } from "../support/temp.ts";

/** Valid arguments of the commands. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  get: ["words", "ant"],
  set: ["words", "new", "1"],
  delete: ["words", "ant"],
  page: ["0"],
  chunk: ["0"],
  load: ["words", "in.ndjson"],
  salvage: ["to.quire"],
  archive: ["archive"],
  backup: ["to.quire"],
  restore: ["db.quire"],
  migrate: ["to.quire"],
  changes: ["--since", "db.quire"],
  keys: ["words"],
  scan: ["words"],
  count: ["words"],
  drop: ["words"],
  rename: ["words", "other"],
  copy: ["words", "other"],
  dump: ["words"],
};
/** They serve until they are stopped; their own tests run them. */
const SERVERS = ["explore", "serve"];
const ON_FILES = namesWhere(({ name, file }) => file !== "none" && !SERVERS.includes(name));
/** They create the file when it is missing. */
const MAKERS = usersOf("create", "fill", "new");
/** They read the file even if another process has locked it. */
const INSPECTORS = usersOf("inspect");
/** They follow a file that another process has open. */
const FOLLOWERS = usersOf("read");
/** They do not open the file as a database. */
const UNLOCKED = usersOf("unlocked");
/** They do not refuse a file because it is not a database. */
const NO_DATABASE = [...usersOf("unlocked", "new"), "verify"];
/** They refuse a TREE that the file does not have. */
const NEED_TREE = namesWhere(({ name, args }) => {
  return args[0]?.name === "tree" && !MAKERS.includes(name);
});
/** Their last argument takes all remaining words. */
const TAKE_MORE = namesWhere(({ args }) => args.at(-1)?.variadic === true);
/** They choose the only tree when none is named; `stats` then shows the file. */
const CHOOSE_TREE = namesWhere(({ name, args }) => {
  return NEED_TREE.includes(name) && args[0]!.optional === true && name !== "stats";
});

function namesWhere(isWanted: (spec: CommandSpec) => boolean): string[] {
  return COMMANDS.filter(isWanted).map(({ name }) => name);
}

function usersOf(...uses: readonly FileUse[]): string[] {
  return namesWhere(({ file, name }) => uses.includes(file) && !SERVERS.includes(name));
}

/** The arguments of a command after FILE. */
function goodOf(command: string): readonly string[] {
  const needed = COMMANDS.find(({ name }) => name === command)!.args
    .filter(({ optional }) => optional !== true).length;
  const given = GOOD[command] ?? [];
  assert(
    given.length >= needed,
    `tests/cli/refusal_test.ts: GOOD needs the ${needed} arguments of ${command}`,
  );
  return given;
}

function lineOf(command: string, path: string): string[] {
  return [command, path, ...goodOf(command)];
}

/** Fails unless a run is a refusal. */
function assertRefusal(what: string, { code, out, err }: Outcome, wanted: number, says: RegExp) {
  assertEquals([code, out], [wanted, ""], `${what}: ${err}`);
  assertMatch(err, /^[^\n]+\n$/, what);
  assertMatch(err, says, what);
  assert(!/\bat \S+ \(/.test(err), `${what} shows a stack`);
}

/** Runs commands in a new folder, with the sample and a file to load. */
async function refuse(
  rows: readonly (readonly [args: readonly string[], code: number, says: RegExp])[],
  prepare: (dir: string) => void = () => {},
): Promise<void> {
  await inTempDir(async (dir) => {
    makeCliSample(`${dir}/db.quire`);
    Deno.writeTextFileSync(`${dir}/in.ndjson`, '{"key":"new","value":1}\n');
    Deno.writeTextFileSync(`${dir}/text.quire`, "This is a text, and no database.\n".repeat(999));
    prepare(dir);
    const files = () => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
    const bytes = () => files().map((name) => [name, Deno.readFileSync(`${dir}/${name}`)] as const);
    const before = bytes();
    const runs = await quireAll(rows.map(([words]) => ({ words, cwd: dir })));
    for (const [index, [args, code, says]] of rows.entries()) {
      assertRefusal(args.join(" "), runs[index]!, code, says);
    }
    assertEquals(bytes(), before, "files are as they were");
  });
}

describe("cli: refusals", () => {
  it("of changes are for a copy that is missing, newer, or not a copy", () =>
    refuse([
      [["changes", "db.quire"], 2, /name an older copy of the file with --since/],
      [["changes", "db.quire", "--since", "none"], 3, /^Cannot open none: .* check the path of/],
      [["changes", "db.quire", "--since", "text.quire"], 4, /Quire database|superblock/],
      [["changes", "db.quire", "--since", "0"], 2, /the pages of version 0 are gone/],
    ]));

  it("are for a missing file", () =>
    refuse(
      ON_FILES.filter((name) => !MAKERS.includes(name)).map((name) =>
        [lineOf(name, "none.quire"), 3, /none\.quire: .*; check the path\n$/] as const
      ),
    ));

  it("are for a file that is not a database", () =>
    refuse(
      ON_FILES.filter((name) => !NO_DATABASE.includes(name)).map((name) =>
        [lineOf(name, "text.quire"), 4, /Quire database|page|superblock/] as const
      ),
    ));

  it("are for a file in a missing folder", () =>
    refuse(MAKERS.map((name) => [lineOf(name, "none/db.quire"), 3, /check the path\n$/] as const)));

  it("are for unknown options and arguments, of every command", () => {
    for (const { name } of COMMANDS) {
      const words = ["completion", "bench"].includes(name) ? [name, "x"] : lineOf(name, "x");
      const parse = (...more: string[]) => parseLine([...words, ...more], COMMANDS, PROGRAM);
      assert("call" in parse(), name);
      assertThrows(() => parse("--nonsense"), Refusal, "unknown option '--nonsense'; 'quire ");
      assertThrows(() => parseLine([name], COMMANDS, PROGRAM), Refusal, "missing required arg");
      if (!TAKE_MORE.includes(name)) {
        assertThrows(() => parse("a", "b", "c"), Refusal, "too many arg");
      }
    }
  });

  it("are for wrong options and arguments", () =>
    refuse([
      [["scan", "db.quire", "--nonsense"], 2, /^Cannot run scan: unknown option '--nonsense'; /],
      [["scan", "db.quire", "words", "--limti", "1"], 2, /did you mean --limit\?\n$/],
      [["info", "db.quire", "more"], 2, /too many arguments/],
      [["get", "db.quire", "words"], 2, /missing required argument 'KEY'/],
      [
        ["delete", "db.quire", "words"],
        2,
        /give either keys, or a range such as --prefix, or --all/,
      ],
      [["delete", "db.quire", "words", "a", "--all"], 2, /give either keys, or a range/],
      // As where a variable of the shell is empty.
      [["delete", "db.quire", "words", "--prefix", ""], 2, /it leaves no entry; --all removes all/],
      [["delete", "db.quire", "words", "--gte", ""], 2, /it leaves no entry; --all removes all/],
    ]));

  it("are for an unknown command, with a suggestion", () =>
    refuse([
      [["scann", "db.quire"], 2, /unknown command 'scann'; did you mean scan\?/],
      [["zzzzzz"], 2, /unknown command 'zzzzzz'; 'quire --help' lists them/],
      [[], 2, /no command; 'quire --help' lists them/],
      [["--nonsense"], 2, /unknown option/],
    ]));

  it("are for an unknown tree", () => {
    const rest = (name: string) => goodOf(name).slice(1);
    return refuse(
      NEED_TREE.map((name) =>
        [
          [name, "db.quire", "wordz", ...rest(name)],
          1,
          /Cannot find tree wordz: there are numb/,
        ] as const
      ),
    );
  });

  it("are for an omitted tree if there are several", () =>
    refuse(
      CHOOSE_TREE.map((name) => [[name, "db.quire"], 2, /there are several; name one/] as const),
    ));

  it("are for unknown codecs, and others than the tree's", () =>
    refuse([
      [["scan", "db.quire", "words", "--key-codec", "text"], 2, /no such codec; there are bytes, /],
      [["scan", "db.quire", "words", "--key-codec", "json"], 2, /its bytes do not sort/],
      [["scan", "db.quire", "words", "--codec", "string"], 2, /give both, as in --codec string,j/],
      [["scan", "db.quire", "words", "--key-codec", "u64"], 2, /keys are string, not u64/],
      [["get", "db.quire", "words", "a", "--value-codec", "u64"], 2, /values are json, not u64/],
      [
        ["set", "db.quire", "words", '["a"]', "1", "--codec", "tuple,json"],
        2,
        /are string, not tuple/,
      ],
      [["set", "db.quire", "own", "a", "1"], 2, /values have the codec own, which is unknown here/],
    ]));

  it("are for malformed ranges, keys and values", () =>
    refuse([
      [
        ["scan", "db.quire", "words", "--limit", "x"],
        2,
        /--limit x: it is not a whole number from 0/,
      ],
      [["scan", "db.quire", "words", "--limit", "-1"], 2, /--limit -1|argument missing/],
      [["keys", "db.quire", "words", "--limit", "1.5"], 2, /--limit 1.5: it is not a whole number/],
      [["count", "db.quire", "words", "--limit", "1"], 2, /unknown option '--limit'/],
      [["scan", "db.quire", "tuples", "--prefix", "a"], 2, /it is not JSON; a tuple is an array/],
      [["scan", "db.quire", "tuples", "--gt", '{"a":1}'], 2, /a tuple is an array, as in/],
      [["count", "db.quire", "numbers", "--gte", "-1"], 2, /argument missing|not a whole number/],
      [
        ["dump", "db.quire", "numbers", "--lt", "many"],
        2,
        /Cannot use many: it is not a whole number/,
      ],
      [["delete", "db.quire", "numbers", "18446744073709551616"], 2, /not within 0\.\.2\^64/],
      [["get", "db.quire", "tuples", "[null]"], 2, /Cannot use null: it is not part of a tuple/],
      [["get", "db.quire", "words", "k".repeat(2049)], 2, /2049 bytes exceed 2048/],
      [["set", "db.quire", "words", "a", "hello"], 2, /it is not JSON; a text has quotes of its/],
      [["set", "db.quire", "odd", "a", '{"$bigint":"x"}'], 2, /it is not a whole number/],
      [["set", "db.quire", "odd", "a", '{"$what":1}'], 2, /there is no such form/],
    ]));

  it("are for invalid page and chunk numbers, and numbers past the end", () =>
    refuse([
      [["page", "db.quire", "x"], 2, /Cannot use page x: it is not a whole number from 0 on/],
      [["page", "db.quire", "99999"], 2, /Cannot show page 99999: the file has \d+ pages, from 0/],
      [["chunk", "db.quire", "-1"], 2, /unknown option '-1'|not a whole number/],
      [["chunk", "db.quire", "1"], 2, /Cannot show chunk 1: the file has 1 chunk, from 0 to 0/],
      [["map", "db.quire", "--from", "7"], 2, /Cannot use --from 7: the file has 1 chunk/],
      [["map", "db.quire", "--chunks", "0"], 2, /it is not a whole number from 1 on/],
      [["map", "db.quire", "--by", "size"], 2, /Allowed choices are kind, fill, age, tree/],
      [["verify", "db.quire", "--max-findings", "x"], 2, /not a whole number/],
      [["bench", "db.quire", "--seconds", "x"], 2, /not a whole number/],
      [["study", "db.quire", "--seconds", "x"], 2, /not a whole number/],
      [["info", "db.quire", "--wait", "soon"], 2, /--wait soon: it is not a number of seconds/],
      [["dump", "db.quire", "words", "--format", "xml"], 2, /Allowed choices are ndjson, csv/],
      [["completion", "sh"], 2, /there is no script for it; there are bash, zsh, fish/],
    ]));

  it("are for paths that are not files", () =>
    refuse([
      [["info", ":memory:"], 2, /it is not a file on disk; give a path/],
      [["scan", ""], 2, /it is not a file on disk; give a path/],
      [["info", "."], 3, /; name a file\n$/],
      [["salvage", "db.quire", "text.quire"], 3, /text\.quire/],
      [["backup", "db.quire", "text.quire"], 3, /text\.quire: it already exists; remove it or/],
      [["backup", "db.quire", "to", "--since", "999"], 2, /since 999 is not a version from 0 to/],
      [["backup", "db.quire", "."], 3, /^Cannot create \.: /],
      [["archive", "db.quire", "text.quire"], 3, /^Cannot list text\.quire.*; name a folder\n$/],
      [["archive", "db.quire", ""], 2, /^Cannot archive: the path of the folder is empty\n$/],
      [["archive", "db.quire", "https://h/b#%zz"], 2, /its prefix is not encoded as in a URL/],
      [["restore", "to"], 2, /name either a BASE, or an archive with --from/],
      [["restore", "to", "db.quire", "--from", "x"], 2, /name either a BASE, or an archive/],
      [["restore", "to", "db.quire", "--at", "1"], 2, /--at needs an archive; name one with/],
      [["restore", "to", "--from", "none"], 2, /the archive has no base/],
      [["restore", "to", "--from", "none", "--at", "soon"], 2, /neither a version nor a time in/],
      [["restore", "text.quire", "db.quire"], 3, /text\.quire: it already exists; remove it or/],
      [["restore", "to", "text.quire"], 4, /not a Quire database; name another file/],
      [
        ["restore", "to", "db.quire", "text.quire"],
        4,
        /text\.quire at byte 0: not an increment .*; name an undamaged copy of it/,
      ],
    ]));

  it("are for a missing key, which is an answer", () =>
    refuse([
      [["get", "db.quire", "words", "emu"], 1, /Cannot find key emu: tree words does not have it/],
      [["get", "db.quire", "words", "emu", "--raw"], 1, /Cannot find key emu/],
    ]));

  it("are for a file locked by another process, except for commands that only read", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      Deno.writeTextFileSync(`${dir}/in.ndjson`, '{"key":"new","value":1}\n');
      using _db = open(path);
      const names = ON_FILES.filter((name) => !UNLOCKED.includes(name));
      const runs = await quireAll(names.map((name) => ({ words: lineOf(name, path), cwd: dir })));
      for (const [index, name] of names.entries()) {
        if (INSPECTORS.includes(name) || FOLLOWERS.includes(name)) {
          assertEquals(runs[index]!.code, 0, name);
          assertMatch(runs[index]!.err, /^Another process has .*db\.quire open: what is shown is/);
          assertEquals(runs[index]!.err.split("\n").length, 2, "one line");
        } else {assertRefusal(
            name,
            runs[index]!,
            3,
            /has it open, in another process or worker; close it there, or wait .*--wait/,
          );}
      }
    }));

  it("are for an archive of a file that another process archives", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      using db = open(path, { shared: true });
      await using _ = archive(db, folderStore(`${dir}/archive`));
      const outcome = await quire(["archive", path, `${dir}/other`]);
      assertRefusal("archive", outcome, 3, /another process archives .*; leave it to that one$/m);
    }));

  it("wait until another process closes the file", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const db = open(path);
      const run = quire(["count", path, "words", "--wait", "30"]);
      await new Promise((resolve) => setTimeout(resolve, 400));
      db.close();
      assertEquals(await run, { code: 0, out: "5\n", err: "" });
    }));

  it("are for a missing permission", () =>
    inTempDir(async (dir) => {
      makeCliSample(`${dir}/db.quire`);
      const flags = ["--deny-write"];
      const outcome = await quire(["set", `${dir}/db.quire`, "words", "a", "1"], { flags });
      assertRefusal(
        "set",
        outcome,
        3,
        /permission to read and write there: deno run -R=PATH -W=PATH\n$/,
      );
    }));

  it("are for damage, and leave the file unchanged", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const bytes = Deno.readFileSync(path);
      bytes.fill(0x55, 3 * 8192);
      Deno.writeFileSync(path, bytes);
      const runs = await inParallel(["scan", "trees"], (name) => quire(lineOf(name, path)));
      for (const run of runs) assertRefusal("damage", run, 4, /'quire verify' tells what else is/);
      const verified = await quire(["verify", path, "--max-findings", "1"]);
      assertEquals([verified.code, verified.err], [1, ""]);
      assertMatch(verified.out, /^page 3 at byte [^]* more; --max-findings shows them\n/);
      assertEquals(Deno.readFileSync(path), bytes);
    }));

  it("are not for a superblock copy that a power cut tore", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const bytes = Deno.readFileSync(path);
      const torn = bytes.slice().fill(0, 2 * 8192, 3 * 8192);
      Deno.writeFileSync(path, torn);
      const verified = await quire(["verify", path]);
      assertEquals([verified.code, verified.err], [0, ""]);
      assertMatch(
        verified.out,
        /^page 2 at byte 16384: .*; opening .* for writing repairs it\nNothing else is wrong: /,
      );
      const { ok, findings, repairable } = JSON.parse(
        (await quire(["verify", path, "--json"])).out,
      );
      assertEquals([ok, findings.length, repairable.length], [true, 0, 1]);
      assertEquals(Deno.readFileSync(path), torn);
      assertEquals((await quire(["set", path, "words", "a", "1"])).code, 0);
      assertMatch((await quire(["verify", path])).out, /^Nothing is wrong: /);
    }));
});
