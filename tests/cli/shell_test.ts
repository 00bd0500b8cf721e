/**
 * The shell in its own process: scripts through a pipe, with transactions and traces, and a prompt
 * on a terminal, if the system has `script`.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { json, open, string } from "../../mod.ts";
import { cliWords, inParallel, type Outcome, quire } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { Terminal, whyNoTerminal } from "../support/programs/terminal.ts";
import { inTempDir } from "../support/temp.ts";

const CTRL_C = "\x03";
const CTRL_D = "\x04";
const UP = "\x1b[A";

type Script = readonly [what: string, lines: readonly string[], out: string, err: RegExp, number];

const NOTHING = /^$/;
const SCRIPTS: readonly Script[] = [
  [
    "runs statements in order",
    ["set t a 1", "set t b 2", "scan t", "count t"],
    "a\t1\nb\t2\n2\n",
    NOTHING,
    0,
  ],
  [
    "skips comments, blank lines and semicolons",
    ["# one", "", "count words;", "keys words ;"],
    "5\nant\nbee\ncat\ncow\ndog\n",
    NOTHING,
    0,
  ],
  [
    "continues a statement on the next line",
    ['set t "a b" {"x": [1,', '"}"]}', "get t 'a b'", "get \\", "words ant"],
    '{"x":[1,"}"]}\n{"word":"ant"}\n',
    NOTHING,
    0,
  ],
  [
    "commits",
    ["begin", "set t a 1", "delete words ant bee", "commit", "count t", "count words"],
    "removed 2 entries\n1\n3\n",
    NOTHING,
    0,
  ],
  [
    "rolls back",
    [
      "begin",
      "set t a 1",
      "delete words --all",
      "count words",
      "rollback",
      "count words",
      "trees --names",
    ],
    "removed 5 entries\n0\n5\nnumbers\nodd\nown\nraw\ntuples\nwords\n",
    NOTHING,
    0,
  ],
  [
    "shows a transaction its changes",
    ["begin", `set words ant '"new"'`, "get words ant", "scan words --limit 1", "commit"],
    '"new"\nant\t"new"\n',
    NOTHING,
    0,
  ],
  [
    "reports a missing key, and continues",
    ["get words emu", "count words", "delete words emu"],
    "5\nremoved 0 entries\n",
    /^Cannot find key emu: [^\n]+\n$/,
    0,
  ],
  [
    "takes a tree with any codecs at any time",
    ["keys numbers --limit 1", "keys numbers --limit 1 --key-codec raw --json"],
    '1\n"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0001"\n',
    NOTHING,
    0,
  ],
  ["exits at .exit", ["count words", ".exit", "count raw"], "5\n", NOTHING, 0],
  [
    "stops at an error",
    ["count words", "", "nonsense", "count raw"],
    "5\n",
    /^line 3: Cannot run nonsense: unknown command[^\n]*\n$/,
    2,
  ],
  [
    "stops at an error, and rolls the transaction back",
    ["begin", "set words ant 1", "set words bee", "commit"],
    "",
    /^line 3: Cannot set: the shell reads [^\n]*\n$/,
    2,
  ],
  [
    "stops at a value that is malformed",
    ["set words ant {x}"],
    "",
    /^line 1: Cannot use \{x\}: it is not JSON/,
    2,
  ],
  [
    "rolls back a transaction that is open at the end",
    ["begin", "set words ant 1"],
    "",
    /^line 2: Cannot end: a transaction is open, and nothing of it has happened/,
    2,
  ],
  [
    "refuses an unfinished statement at the end",
    ["count words", "set words ant '"],
    "5\n",
    /^line 2: Cannot end: a statement is unfinished\n$/,
    2,
  ],
  [
    "refuses begin inside begin",
    ["begin", "begin"],
    "",
    /^line 2: Cannot begin: a transaction is open/,
    2,
  ],
  [
    "refuses commit without begin",
    ["commit"],
    "",
    /^line 1: Cannot commit: no transaction is open/,
    2,
  ],
  [
    "refuses to inspect pages inside a transaction",
    ["begin", "set t a 1", "map"],
    "",
    /^line 3: Cannot inspect: a transaction is open/,
    2,
  ],
  [
    "refuses rollback without begin",
    ["rollback now"],
    "",
    /^line 1: Cannot rollback: no transaction/,
    2,
  ],
  [
    "refuses an unknown dot command",
    [".tables"],
    "",
    /^line 1: Cannot run .tables: there is no such statement/,
    2,
  ],
  ["refuses a trace that is neither on nor off", [".trace maybe"], "", /give on or off\n$/, 2],
  [
    "has no commands besides its statements",
    ["verify"],
    "",
    /unknown command 'verify'/,
    2,
  ],
];

/** The results of the scripts, which run together when the first one is requested. */
let runs: Promise<readonly Run[]> | undefined;

interface Run extends Outcome {
  /** Whether all trees have the same number of entries as before. */
  readonly isUnchanged: boolean;
}

function runScripts(): Promise<readonly Run[]> {
  return inParallel(SCRIPTS, ([, lines]) =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const before = JSON.stringify(countsOf(path));
      const outcome = await quire(["shell", path], { input: lines.join("\n") });
      return { ...outcome, isUnchanged: JSON.stringify(countsOf(path)) === before };
    }));
}

describe("shell: a script", () => {
  for (const [index, [what, , out, err, code]] of SCRIPTS.entries()) {
    it(what, async () => {
      const run = (await (runs ??= runScripts()))[index]!;
      assertEquals([run.code, run.out], [code, out], run.err);
      assertMatch(run.err, err);
      if (code !== 0) assertEquals(run.isUnchanged, true);
    });
  }

  it("loads and dumps inside a transaction", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      Deno.writeTextFileSync(`${dir}/new.ndjson`, '{"id":"emu"}\n{"id":"ewe"}\n');
      Deno.writeTextFileSync(`${dir}/bad.ndjson`, '{"id":"fox"}\n{\n');
      const script = (file: string) => ["begin", `load words ${dir}/${file} --key id`, "commit"];
      const good = [...script("new.ndjson"), "dump words --values --gte e"].join("\n");
      const loaded = await quire(["shell", path], { input: good });
      assertEquals([loaded.code, loaded.out], [0, '{"id":"emu"}\n{"id":"ewe"}\n'], loaded.err);
      const bad = await quire(["shell", path], { input: script("bad.ndjson").join("\n") });
      assertEquals([bad.code, bad.out], [5, ""]);
      assertMatch(bad.err, /^line 2: Cannot load .*bad.ndjson: line 2: it is not JSON/);
      using db = open(path);
      assertEquals(db.tree("words", { key: string, value: json }).count(), 7);
    }));

  it("shows the cost of statements, also in a transaction and at its end", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const lines = [
        ".trace on",
        "get words ant",
        "begin",
        "set words ant 1",
        "commit",
        "get words a",
      ];
      const { code, out } = await quire(["shell", path], {
        input: [...lines, ".trace off", "count words"].join("\n"),
      });
      assertEquals(code, 0);
      const traces = out.split("\n").filter((line) => line.startsWith("-- "));
      // Two lines each for get, set, commit, and the get of a missing key.
      assertEquals(traces.length, 8, out);
      assertMatch(traces[0], /^-- \d+ pages? \(\d+ hits?, [1-9]\d* miss(es)?\): (\d+!? ?)+$/);
      assertMatch(traces[1], /^-- [1-9]\d* reads? of [\d,]+ bytes, 0 writes of 0 bytes, 0 syncs/);
      assertMatch(traces[3], / 0 writes of 0 bytes, 0 syncs, /);
      assertMatch(traces[5], / [1-9]\d* writes? of [\d,]+ bytes, [1-9]\d* syncs?, /);
      assertMatch(traces[6], /^-- \d+ pages? \(\d+ hits?, 0 misses\): /);
      assert(out.endsWith("\n5\n"));
    }));

  it("helps", () =>
    inTempDir(async (dir) => {
      const script = ".help\n.help scan\n.help nothing";
      const { code, out, err } = await quire(["shell", `${dir}/new.quire`], { input: script });
      assertEquals(code, 2);
      for (const name of ["get", "scan", "begin", ".trace on|off", ".exit"]) {
        assertMatch(out, new RegExp(`^${name.replace(/[.|]/g, "\\$&")} {2,}\\S`, "m"));
      }
      assertStringIncludes(out, "Usage: scan [options] [TREE]\n");
      assertStringIncludes(err, "Cannot help with nothing");
    }));
});

/** The number of entries of each tree. */
function countsOf(path: string): [string, number][] {
  using db = open(path);
  using snapshot = db.snapshot();
  const raw = { encode: (value: Uint8Array) => value, decode: (value: Uint8Array) => value };
  return snapshot.trees().map((name) => {
    return [name, snapshot.tree(name, { key: raw, value: raw }).count()];
  });
}

const NO_TERMINAL = whyNoTerminal();

/** Types statements at a prompt, each after the previous answer. Returns the terminal's output. */
async function type(
  args: readonly string[],
  keys: readonly (readonly [keys: string, until: string])[],
  env: Record<string, string>,
): Promise<{ code: number; shown: string }> {
  const words = cliWords(args, ["--allow-env=HOME,XDG_STATE_HOME"]);
  const terminal = new Terminal([Deno.execPath(), ...words], { env });
  await terminal.waitFor("quire> ");
  for (const [text, until] of keys) await terminal.type(text, until);
  const code = await terminal.end(CTRL_D);
  return { code, shown: terminal.shown };
}

describe("shell: a prompt", () => {
  it(
    "completes, edits, remembers, and continues after errors",
    { skip: NO_TERMINAL ?? false },
    () =>
      inTempDir(async (dir) => {
        const path = `${dir}/db.quire`;
        makeCliSample(path);
        const env = { XDG_STATE_HOME: `${dir}/state`, NO_COLOR: "1" };
        const first = await type(["shell", path], [
          ["coun", "coun"],
          ["\t", "t "],
          ["wor", "wor"],
          ["\t", "ds "],
          ["\r", "\n5\r\n"],
          ["nonsense\r", "unknown command"],
          ["set words emu '\r", "...> "],
          [CTRL_C, "quire> "],
          ["count ra", "count ra"],
          [CTRL_C, "quire> "],
          ["count words\r", "\n5\r\n"],
          ["begin\r", "quire*> "],
          ["delete words ant\r", "removed 1 entry"],
          ["count words\r", "\n4\r\n"],
          ["rollback\r", "quire> "],
          [`${UP}${UP}\r`, "\n5\r\n"],
          ["begin\r", "quire*> "],
          ["delete words --all\r", "removed 5 entries"],
        ], env);
        assertEquals(first.code, 0, first.shown);
        assertStringIncludes(first.shown, "The transaction was not committed");
        assertEquals(countsOf(path).find(([name]) => name === "words"), ["words", 5]);
        const history = `${dir}/state/quire/history`;
        assertEquals(Deno.statSync(history).mode! & 0o777, 0o600);
        const second = await type(
          ["shell", path],
          [[UP, "delete words --all"], [CTRL_C, "quire> "]],
          env,
        );
        assertEquals(second.code, 0, second.shown);
      }),
  );

  it(
    "keeps no values, no mistakes, and nothing that begins with a blank",
    { skip: NO_TERMINAL ?? false },
    () =>
      inTempDir(async (dir) => {
        const path = `${dir}/db.quire`;
        makeCliSample(path);
        const env = { XDG_STATE_HOME: `${dir}/state`, HOME: dir };
        const { code, shown } = await type(["shell", path], [
          ["set words pin '\"secret 1\"'\r", "quire> "],
          ["'set' words pin '\"secret 2\"'\r", "quire> "],
          ["set words pin {\r", "...> "],
          ['"pin": "secret 3"\r', "...> "],
          ["}\r", "quire> "],
          ["sett words pin secret4\r", "unknown command"],
          [" get words ant\r", '"word":"ant"'],
          ["get words ant {\r", "...> "],
          ["}\r", "too many arguments"],
          ["count words\r", "\n6\r\n"],
        ], env);
        assertEquals(code, 0, shown);
        const history = Deno.readTextFileSync(`${dir}/state/quire/history`);
        assertEquals(history, "get words ant {\n}\ncount words\n", shown);
        assertEquals(Deno.statSync(`${dir}/state/quire`).mode! & 0o777, 0o700);
      }),
  );

  it(
    "works where no history can be kept",
    { skip: NO_TERMINAL ?? false },
    () =>
      inTempDir(async (dir) => {
        Deno.writeTextFileSync(`${dir}/file`, "");
        const states = [`${dir}/file`, ""];
        const runs = await inParallel(states, (state) => {
          const path = Deno.makeTempFileSync({ dir });
          Deno.removeSync(path);
          makeCliSample(path);
          return type(["shell", path], [["count words\r", "\n5\r\n"]], {
            XDG_STATE_HOME: state,
            HOME: "",
          });
        });
        assertEquals(runs.map(({ code }) => code), [0, 0]);
      }),
  );
});
