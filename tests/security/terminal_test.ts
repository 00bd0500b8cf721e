/**
 * A stranger's file has no effect on a terminal: every command runs on names, keys and values full
 * of escapes and marks, on a terminal and into a pipe.
 *
 * A terminal receives no control or format character except line ends, tabs, and the program's own
 * colours. Pipes and files receive the bytes unchanged.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { COMMANDS } from "../../cli/all_commands.ts";
import { bytes, json, open, string, structured, tuple } from "../../mod.ts";
import { sql } from "../../sql/mod.ts";
import { batchWords, cliWords, quireAll } from "../support/programs/cli.ts";
import { partsOf } from "../support/programs/cli_batch.ts";
import { Terminal, whyNoTerminal } from "../support/programs/terminal.ts";
import { inTempDir } from "../support/temp.ts";

/** Clears the screen, sets the clipboard, as C0 and as C1; marks of direction and of no width. */
const EVIL = "\x1b[2J\x1b]52;c;aGk=\x07\u009b2J\u009d52;c;aGk=\u009c\x7f\r\x08" +
  "\u202e\u2066\u200b\u200d\ufeff\u00ad\u3164\u2028\u2029\u{e0041}";
const TREE = `t${EVIL}`;
const KEY = `k${EVIL}\n\t`;
const VALUE = { [EVIL]: [`v${EVIL}\n`, "\ud800"] };
/**
 * The control sequences allowed on a terminal: line ends, tabs, the map's colours, progress lines.
 */
// deno-lint-ignore no-control-regex -- the pattern searches for them
const OWN = /\r+\n|\t|\x1b\[(?:\d+(?:;\d+)*)m|\r[^\r\n\x1b]*\x1b\[K/g;
const UNSHOWN = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

function makeDatabase(path: string): void {
  using db = open(path);
  const raw = new Uint8Array(1);
  db.writeSync((tx) => {
    tx.tree(TREE, { key: string, value: json }).set(KEY, VALUE);
    // Without blanks, so that they can be words of a statement.
    for (const name of ["esc\x1b[31m\x07", "c1\u009b2J", "mark\u202e"]) tx.tree(name).set("k", raw);
    tx.tree("texts", { key: string, value: string }).set("key", EVIL);
    tx.tree("bytes", { key: bytes, value: bytes })
      .set(new TextEncoder().encode(EVIL), new TextEncoder().encode(EVIL));
    tx.tree("tuples", { key: tuple, value: structured }).set([EVIL, 1], new Map([[EVIL, EVIL]]));
    const own = { name: `own${EVIL}`, encode: () => new Uint8Array([7]), decode: () => "own" };
    tx.tree("own", { key: string, value: own }).set("a", "own");
  });
}

/** Fails unless a text is safe for a terminal. */
function assertSafe(shown: string, what: string): void {
  const rest = shown.replace(OWN, "");
  const at = rest.search(UNSHOWN);
  assert(at < 0, `${what}: ${JSON.stringify(rest.slice(Math.max(0, at - 20), at + 20))}`);
}

/** The output of each command on a terminal, with its standard error. */
async function shownOf(lines: readonly (readonly string[])[], cwd: string): Promise<string[]> {
  const words = batchWords(lines.map((words) => ({ words, cwd })));
  const terminal = new Terminal([Deno.execPath(), ...words], { env: { NO_COLOR: "" } });
  await terminal.end("");
  const parts = partsOf(terminal.shown);
  assertEquals(parts.length, lines.length, terminal.shown);
  return parts.map(({ text }) => text);
}

/** Command lines that each show some of the stranger's text. */
const LINES: readonly (readonly string[])[] = [
  ["info", "db.quire"],
  ["info", "db.quire", "--json"],
  ["trees", "db.quire"],
  ["trees", "db.quire", "--names"],
  ["trees", "db.quire", "--json"],
  ["trees", "db.quire", "--words", "bash"],
  ["trees", "db.quire", "--words", "fish"],
  ["stats", "db.quire", TREE],
  ["stats", "db.quire", TREE, "--json"],
  ["map", "db.quire", "--by", "tree"],
  ["page", "db.quire", "3"],
  ["page", "db.quire", "4", "--hex"],
  ["page", "db.quire", "5", "--json"],
  ["chunk", "db.quire", "0"],
  ["get", "db.quire", TREE, KEY],
  ["get", "db.quire", TREE, KEY, "--json"],
  ["get", "db.quire", "texts", "key"],
  ["get", "db.quire", "texts", "key", "--raw"],
  ["get", "db.quire", "bytes", EVIL],
  ["get", "db.quire", "texts", EVIL],
  ["get", "db.quire", EVIL, EVIL],
  ["set", "db.quire", "own", EVIL, EVIL],
  ["delete", "db.quire", "own", EVIL],
  ["keys", "db.quire", TREE],
  ["keys", "db.quire", "bytes", "--json"],
  ["scan", "db.quire", TREE],
  ["scan", "db.quire", "tuples"],
  ["scan", "db.quire", TREE, "--json"],
  ["count", "db.quire", EVIL],
  ["load", "db.quire", "texts", `no ${EVIL}`],
  ["load", "db.quire", "texts", "bad.ndjson"],
  ["dump", "db.quire", TREE],
  ["dump", "db.quire", TREE, "--values"],
  ["dump", "db.quire", TREE, "--format", "csv"],
  ["dump", "db.quire", TREE, "--format", "csv", "--fields", EVIL],
  ["dump", "db.quire", "bytes"],
  ["dump", "db.quire", "--all"],
  ["dump", "db.quire", "texts", "--output", `none/${EVIL}`],
  ["compact", "db.quire"],
  ["verify", "bad.quire"],
  ["verify", `no ${EVIL}`],
  ["salvage", "db.quire", `new${EVIL}.quire`],
  ["salvage", "db.quire", "new.quire", "--json"],
  ["backup", "db.quire", `copy${EVIL}.quire`],
  ["backup", "db.quire", `none/${EVIL}`],
  ["archive", "db.quire", `archive${EVIL}`],
  ["archive", "db.quire", `text.ndjson/${EVIL}`],
  ["restore", `new${EVIL}`, "--from", `none ${EVIL}`],
  ["restore", `new${EVIL}`, "--from", `archive${EVIL}`, "--at", EVIL],
  ["restore", `restored${EVIL}.quire`, `copy${EVIL}.quire`],
  ["restore", `new ${EVIL}`, `no ${EVIL}`],
  ["bench", `no ${EVIL}`],
  ["study", `no ${EVIL}`],
  ["changes", "db.quire", "--since", `no ${EVIL}`],
  ["explore", `no ${EVIL}`],
  ["serve", "db.quire", "--host", `no ${EVIL}`],
  ["serve", "db.quire", "--token-file", `no ${EVIL}`],
  ["migrate", "db.quire", `moved${EVIL}.quire`],
  ["migrate", `no ${EVIL}`, "moved.quire"],
  ["migrate", "db.quire", "http://127.0.0.1:1", "--json"],
  ["completion", EVIL],
  ["copy", "db.quire", TREE, `copy ${EVIL}`],
  ["rename", "db.quire", `copy ${EVIL}`, `name ${EVIL}`],
  ["drop", "db.quire", `name ${EVIL}`],
  ["drop", "db.quire", `none ${EVIL}`],
  [EVIL],
  ["get", `--${EVIL}`],
];

describe("security: a terminal", { skip: whyNoTerminal() ?? false }, () => {
  it("receives no control characters from any command", () =>
    inTempDir(async (dir) => {
      makeDatabase(`${dir}/db.quire`);
      Deno.copyFileSync(`${dir}/db.quire`, `${dir}/bad.quire`);
      using file = Deno.openSync(`${dir}/bad.quire`, { write: true });
      file.seekSync(4 * 8192 + 100, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode(EVIL));
      Deno.writeTextFileSync(`${dir}/bad.ndjson`, `{"key": "${EVIL}`);
      const all = await shownOf(LINES, dir);
      for (const [index, line] of LINES.entries()) {
        const shown = all[index]!;
        assert(
          shown !== "" || ["set", "copy", "rename", "drop"].includes(line[0]!),
          `${line} says something`,
        );
        assertSafe(shown, line.join(" "));
      }
      const tried = new Set(LINES.map(([name]) => name));
      const missing = COMMANDS.filter(({ name }) => !tried.has(name)).map(({ name }) => name);
      // These have their own tests.
      assertEquals(
        missing,
        ["shell", "sql"],
        "tests/security/terminal_test.ts: give it a row in LINES",
      );
    }));

  it("receives equivalent JSON", () =>
    inTempDir(async (dir) => {
      makeDatabase(`${dir}/db.quire`);
      const entry = { key: KEY, value: VALUE };
      const [scanned, dumped, got] = await shownOf([
        ["scan", "db.quire", TREE, "--json"],
        ["dump", "db.quire", TREE],
        ["get", "db.quire", TREE, KEY],
      ], dir);
      const linesOf = (shown: string) => shown.trim().split("\n").map((line) => JSON.parse(line));
      assertEquals(linesOf(scanned!), [entry]);
      // The first line of a dump names the tree and its codecs.
      const [header, ...entries] = linesOf(dumped!);
      assertEquals([header.tree, entries], [TREE, [entry]]);
      assertEquals(JSON.parse(got!), VALUE);
    }));

  it("receives none from completion, errors and values in the shell", () =>
    inTempDir(async (dir) => {
      makeDatabase(`${dir}/db.quire`);
      const words = cliWords(["shell", "db.quire"], ["--allow-env=HOME,XDG_STATE_HOME"]);
      Deno.mkdirSync(`${dir}/state/quire`, { recursive: true });
      Deno.writeTextFileSync(`${dir}/state/quire/history`, `count ${EVIL}\ncount own\n`);
      const terminal = new Terminal([Deno.execPath(), ...words], {
        cwd: dir,
        env: { XDG_STATE_HOME: `${dir}/state`, HOME: dir },
      });
      await terminal.waitFor("quire> ");
      const from = terminal.shown.length;
      // Between statements the system echoes typed text, so the prompt comes first.
      const run = async (statement: string, until: string) => {
        const at = terminal.shown.length;
        const shown = await terminal.type(`${statement}\r`, until);
        await terminal.waitFor("quire> ", at + shown.indexOf(until) + until.length);
      };
      // Completion offers only trees whose names can be shown.
      await terminal.type("get \t\t", "tuples");
      await terminal.type("\x15", "quire> ");
      await run("get nothing here", "Cannot find tree");
      await run("scan tuples", "$map");
      await run("get texts key", "u202e");
      await run("trees", "entries");
      await run(".trace on", "\n");
      await run("dump texts", " ms");
      // Pasted text is drawn without hidden characters, but keeps them.
      await run("get texts 'x\u202e\u009b\u200by'", "Cannot find key");
      await terminal.type("\x1b[A\x1b[A\x1b[A", "dump texts");
      await terminal.end("\x15\x04");
      const shown = terminal.shown.slice(from);
      // deno-lint-ignore no-control-regex -- the line editor writes them
      const drawn = /\x1b\[(?:\d+[GC]|[0-2]?[JK]|\d*[A-D])|\r/g;
      assertSafe(shown.replace(/\r\n/g, "\n").replace(drawn, ""), "the shell");
      assertStringIncludes(shown, "x\\u202e\\u009b\\u200by");
    }));

  it("receives none from tables, rows, plans and errors of SQL", () =>
    inTempDir(async (dir) => {
      {
        using db = open(`${dir}/db.quire`);
        const name = `"t${EVIL}"`;
        sql(db).exec(`CREATE TABLE ${name} ("c${EVIL}" TEXT PRIMARY KEY)`);
        sql(db).prepare(`INSERT INTO ${name} VALUES (?)`).run(`v${EVIL}`);
        sql(db).exec(`CREATE VIEW w AS SELECT * FROM ${name}`);
      }
      const words = cliWords(["sql", "db.quire"], ["--allow-env=HOME,XDG_STATE_HOME"]);
      const terminal = new Terminal([Deno.execPath(), ...words], { cwd: dir, env: { HOME: dir } });
      await terminal.waitFor("sql> ");
      const from = terminal.shown.length;
      const run = async (text: string, until: string) => {
        const at = terminal.shown.length;
        const shown = await terminal.type(`${text}\r`, until);
        await terminal.waitFor("sql> ", at + shown.indexOf(until) + until.length);
      };
      await run(".tables", "u202e");
      await run(".schema", "u202e");
      for (const mode of ["table", "json", "csv"]) {
        await run(`.mode ${mode}`, "\n");
        await run("SELECT * FROM w;", "u202e");
      }
      await run("EXPLAIN QUERY PLAN SELECT * FROM w;", "u202e");
      await run(`SELECT "no\u202e\u009b" FROM w;`, "no\\u202e\\u009b");
      await run(".\u202e", "no such command");
      await terminal.end("\x04");
      const shown = terminal.shown.slice(from);
      // deno-lint-ignore no-control-regex -- the line editor writes them
      const drawn = /\x1b\[(?:\d+[GC]|[0-2]?[JK]|\d*[A-D])|\r/g;
      assertSafe(shown.replace(/\r\n/g, "\n").replace(drawn, ""), "quire sql");
    }));
});

describe("security: a pipe", () => {
  it("receives bytes unchanged", () =>
    inTempDir(async (dir) => {
      makeDatabase(`${dir}/db.quire`);
      const header = { $quire: 1, tree: TREE, key: "string", value: "json", entries: 1 };
      const rows: [words: string[], out: string][] = [
        [["get", "db.quire", "texts", "key"], `${EVIL}\n`],
        [["get", "db.quire", "texts", "key", "--raw"], EVIL],
        [
          ["dump", "db.quire", TREE],
          `${JSON.stringify(header)}\n${JSON.stringify({ key: KEY, value: VALUE })}\n`,
        ],
        [
          ["dump", "db.quire", "texts", "--format", "csv"],
          `key:string,value:string\r\nkey,"${EVIL}"\r\n`,
        ],
      ];
      const runs = await quireAll(rows.map(([words]) => ({ words, cwd: dir })));
      assertEquals(runs.map(({ out }) => out), rows.map(([, out]) => out));
    }));
});
