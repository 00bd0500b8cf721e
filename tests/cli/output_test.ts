/**
 * The output of the command line: closed pipes, colours, JSON, values of unusual kinds, and
 * completion scripts.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { COMMANDS } from "../../cli/all_commands.ts";
import { folderStore, json, open, restore, string, tuple, u64 } from "../../mod.ts";
import { format } from "../../pager/mod.ts";
import { cliWords, inParallel, installQuire, quire } from "../support/programs/cli.ts";
import { cyclicValue, makeCliSample } from "../support/programs/cli_sample.ts";
import { HANG_MS } from "../support/programs/hang.ts";
import { inTempDir } from "../support/temp.ts";

const LARGE_BYTES = 5_000_000;

/** Runs a line of bash in a folder with `quire` and the sample. */
async function bash(dir: string, line: string, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", line],
    cwd: dir,
    env: { PATH: `${dir}:${Deno.env.get("PATH")}`, ...env },
    stdin: "null",
    signal: AbortSignal.timeout(HANG_MS),
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

function inFolder<T>(body: (dir: string) => Promise<T>): Promise<T> {
  return inTempDir((dir) => {
    makeCliSample(`${dir}/db.quire`);
    installQuire(dir);
    return body(dir);
  });
}

describe("cli: info of a shared file", () => {
  it("lists the processes that share it", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      using one = open(path, { shared: true });
      using _other = open(path, { shared: true });
      await one.tree("a").set("key", new Uint8Array(1));
      one.checkpoint();
      const { out, err } = await quire(["info", path]);
      assertMatch(err, /^Another process has .*db\.quire open/);
      assertMatch(out, /^closed +no: 2 processes share it$/m);
      const rows = out.split("\n").filter((line) => line.trim().startsWith(`${Deno.pid} `));
      assertEquals(rows.length, 2);
    }));
});

describe("cli: copies of a shared file", () => {
  it("are made while others use it: an archive, a backup, a list of changes", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      using db = open(path, { shared: true });
      const tree = db.tree("a", { key: string, value: string });
      await tree.set("key", "1");
      const archiving = ["archive", path, `${dir}/archive`];
      assertEquals((await quire(archiving)).code, 0);
      assertEquals((await quire(["backup", path, `${dir}/copy`])).code, 0);
      await tree.set("key", "2");
      const { out } = await quire(archiving);
      assertMatch(out, /^Archived version 2 to /);
      assertMatch((await quire(["changes", path, "--since", `${dir}/copy`])).out, /^set\ta\t/);
      const found: (string | undefined)[] = [];
      for (const at of [1, 2]) {
        await restore(`${dir}/${at}`, { from: folderStore(`${dir}/archive`), at });
        using restored = open(`${dir}/${at}`);
        found.push(restored.tree("a", { key: string, value: string }).get("key"));
      }
      assertEquals(found, ["1", "2"]);
      assertEquals(tree.get("key"), "2");
    }));
});

describe("cli: changes of a shared file", () => {
  it("are made while others use it, and seen by them", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      using db = open(path, { shared: true });
      await db.tree("a", { key: string, value: string }).set("old", "1");
      for (const words of [["set", path, "a", "new", "2"], ["delete", path, "a", "old"]]) {
        assertEquals((await quire(words)).code, 0, words[0]);
      }
      assertEquals([...db.tree("a", { key: string, value: string })], [["new", "2"]]);
      assertEquals((await quire(["rename", path, "a", "b"])).code, 0);
      assertEquals(db.tree("b", { key: string, value: string }).get("new"), "2");
      assertEquals((await quire(["drop", path, "b"])).code, 3);
      const input = "CREATE TABLE t (a); INSERT INTO t VALUES (1); SELECT * FROM t;";
      assertEquals((await quire(["sql", path], { input })).out, '{"a":1}\n');
      assertEquals(db.tree("sql/table/t", { key: tuple, value: tuple }).count(), 1);
    }));
});

describe("cli: pipes", () => {
  it("end quietly when the reader closes the pipe", () =>
    inFolder(async (dir) => {
      using db = open(`${dir}/big.quire`);
      const key = { key: u64, value: string };
      db.writeSync((tx) => {
        tx.tree("t", key).load(Array.from({ length: 50_000 }, (_, i) => [i, "x".repeat(100)]));
      });
      db.close();
      const codes = "; echo ${PIPESTATUS[*]}";
      const lines = [
        `quire scan big.quire | head -1${codes}`,
        `quire dump big.quire t | head -1${codes}`,
        `quire get db.quire words ant | true${codes}`,
        `echo "scan t" | quire shell big.quire | head -1${codes}`,
      ];
      const runs = await inParallel(lines, (line) => bash(dir, line), 1);
      const first = `0\t${"x".repeat(100)}\n`;
      assertEquals(runs[0], { code: 0, out: `${first}0 0\n`, err: "" });
      assertEquals([runs[1]!.err, runs[1]!.out.split("\n")[1]], ["", "0 0"]);
      assertEquals(runs[2], { code: 0, out: "0 0\n", err: "" });
      assertEquals(runs[3], { code: 0, out: `${first}0 0 0\n`, err: "" });
    }));

  it("accept values of any size, and return them to the byte", () =>
    inFolder(async (dir) => {
      const value = new Uint8Array(LARGE_BYTES).map((_, i) => i * 31 >> 3);
      Deno.writeFileSync(`${dir}/large`, value);
      const set = await bash(dir, "quire set db.quire raw large < large");
      assertEquals(set, { code: 0, out: "", err: "" });
      const same = await bash(dir, "quire get db.quire raw large --raw | cmp - large && echo same");
      assertEquals(same, { code: 0, out: "same\n", err: "" });
    }));

  it("accept text for other codecs, without its final newline", () =>
    inFolder(async (dir) => {
      const line = `echo '{"a": 1}' | quire set db.quire words elk && quire get db.quire words elk`;
      assertEquals(await bash(dir, line), { code: 0, out: '{"a":1}\n', err: "" });
      const wrong = await bash(dir, "printf '\\377' | quire set db.quire words elk");
      assertEquals([wrong.code, wrong.out], [2, ""]);
      assertMatch(wrong.err, /standard input is not UTF-8; --value-codec bytes takes bytes\n$/);
    }));

  it("report a full disk", { skip: Deno.build.os !== "linux" }, () =>
    inFolder(async (dir) => {
      const { code, err } = await bash(dir, "quire scan db.quire words > /dev/full");
      assertEquals(code, 3);
      const line = "Cannot write to standard output: no space left on device; " +
        "make room on the disk, and try again\n";
      assertEquals(err, line);
    }));
});

describe("cli: colours", () => {
  const hasScript = Deno.build.os === "linux" && canRun("script");

  function canRun(name: string): boolean {
    try {
      return new Deno.Command(name, { args: ["-qec", "true", "/dev/null"] }).outputSync().code ===
        0;
    } catch {
      return false;
    }
  }

  /** The output on a terminal. */
  function onTerminal(dir: string, args: string[], env: Record<string, string>) {
    const line = [Deno.execPath(), ...cliWords(args)].map((word) => `'${word}'`).join(" ");
    return bash(dir, `script -qec "${line}" /dev/null`, env);
  }

  it("are not in pipes", () =>
    inFolder(async (dir) => {
      const ways = ["kind", "fill", "age", "tree"];
      const runs = await inParallel(ways, (by) =>
        quire(["map", "db.quire", "--by", by], { cwd: dir }));
      for (const { code, out, err } of runs) {
        assertEquals([code, err], [0, ""]);
        assertMatch(out, /^0 [\w.]+\n\n/);
        assert(!out.includes("\x1b"));
      }
    }));

  it(
    "are on terminals, where NO_COLOR is not set",
    { skip: !hasScript },
    () =>
      inFolder(async (dir) => {
        const map = ["map", "db.quire"];
        const [with_, without] = await inParallel([{ NO_COLOR: "" }, { NO_COLOR: "1" }], (env) => {
          return onTerminal(dir, map, { TERM: "xterm", ...env });
        });
        const start = "0 \x1b[37m\u2588\x1b[0m\x1b[31m\u2588\u2588\x1b[0m";
        assertEquals(with_!.out.slice(0, start.length), start);
        assertMatch(without!.out, /^0 HSS[\w.]+\r\n/);
        assert(!without!.out.includes("\x1b"));
      }),
  );

  it(
    "and control characters of values do not reach a terminal",
    { skip: !hasScript },
    () =>
      inFolder(async (dir) => {
        const path = `${dir}/evil.quire`;
        {
          using db = open(path);
          db.writeSync((tx) =>
            tx.tree("t", { key: string, value: string }).set("\x1b[2J", "a\x1b[2J\nb")
          );
        }
        const [scan, keys] = await Promise.all([quire(["scan", path]), quire(["keys", path])]);
        assertEquals(scan.out, "\\u001b[2J\ta\\u001b[2J\\u000ab\n");
        assertEquals(keys.out, "\\u001b[2J\n");
        const get = await onTerminal(dir, ["get", path, "t", "\x1b[2J"], { TERM: "xterm" });
        assertEquals(get.out, "a\\u001b[2J\r\nb\r\n");
        assertEquals((await quire(["get", path, "t", "\x1b[2J"])).out, "a\x1b[2J\nb\n");
      }),
  );
});

describe("cli: map", () => {
  /** A digit for a share from 0 to 1. */
  const digit = (share: number) => String(Math.min(9, Math.floor(share * 10)));

  it("shows each page of a short file according to its header", () =>
    inFolder(async (dir) => {
      const path = `${dir}/db.quire`;
      {
        using db = open(path);
        await db.tree("words", { key: string, value: json }).set("elk", 1);
        const rows = Array.from({ length: 1000 }, (_, i) => [i, "x".repeat(100)] as const);
        await db.tree("full", { key: u64, value: string }).load(rows, { fill: 1 });
      }
      using db = open(path, { readOnly: true });
      const [chunk] = db.chunks();
      const { pages, kinds, usedBytes, versions, trees } = chunk!;
      const slots = Array.from({ length: pages }, (_, slot) => slot);
      const used = slots.filter((slot) => versions[slot]! > 0);
      const oldest = Math.min(...used.map((slot) => versions[slot]!));
      const letters = "LBRR";
      const isOfTree = (slot: number) => kinds[slot]! > 0 && kinds[slot]! < format.KIND_JOURNAL;
      const ids = [...new Set(slots.filter(isOfTree).map((slot) => trees[slot]))].sort();
      const wanted: Record<string, (slot: number) => string> = {
        fill: (slot) => isOfTree(slot) ? digit(usedBytes[slot]! / format.PAGE_BYTES) : ".",
        age: (slot) =>
          versions[slot] === 0 ? "." : digit((versions[slot]! - oldest) / (db.version - oldest)),
        tree: (slot) => isOfTree(slot) ? "ABCDEFGH"[ids.indexOf(trees[slot])]! : ".",
        kind: (slot) => {
          if (slot === 0) return "H";
          if (kinds[slot] === format.KIND_SUPERBLOCK) return "S";
          return kinds[slot] === 0 ? "." : letters[kinds[slot]! - 1]!;
        },
      };
      const ways = Object.keys(wanted);
      const runs = await inParallel(ways, (by) => quire(["map", path, "--by", by]));
      for (const [index, by] of ways.entries()) {
        const [row] = runs[index]!.out.split("\n");
        assertEquals(row, `0 ${slots.map(wanted[by]!).join("")}`, by);
      }
      assert(used.some((slot) => wanted["fill"]!(slot) === "9"), "pages that are full");
      assert(used.some((slot) => versions[slot]! < db.version), "pages of several ages");
    }));
});

/** Commands whose JSON the rows below do not cover, and the reasons. */
const OTHER_JSON: Readonly<Record<string, string>> = {
  set: "prints nothing",
  drop: "prints nothing",
  rename: "prints nothing",
  copy: "prints a note alone",
  load: "prints a note alone",
  completion: "prints a script",
  shell: "prints what its statements do",
  sql: "prints what its statements do",
  explore: "serves until it is stopped",
  serve: "serves until it is stopped",
  migrate: "creates a file; tested with its result",
  delete: "changes the file; documented in docs/cli.md, which a test runs",
  salvage: "creates a file; tested with its report",
  backup: "creates a file; tested with its result",
  archive: "creates a folder; tested with its result",
  restore: "creates a file; tested with its result",
  changes: "compares with a copy; tested with its lines",
  bench: "measures the disk",
  study: "measures the disk; tested with its chapters",
};

describe("cli: figures of a file", () => {
  it("are those with a meaning for a file just opened, and all in the shell", () =>
    inFolder(async (dir) => {
      const path = `${dir}/db.quire`;
      const table = await quire(["stats", path]);
      const line = await quire(["stats", path, "--json"]);
      const session = await quire(["shell", path], { input: "stats --json\n" });
      const names = ["version", "pageCount", "fileBytes", "cacheLimitBytes"];
      assertEquals(Object.keys(JSON.parse(line.out)), names);
      assert(!/^(chunkReads|evictions|journalSyncs|snapshots) /m.test(table.out), table.out);
      assertEquals(typeof JSON.parse(session.out).journalSyncs, "number");
    }));
});

describe("cli: JSON", () => {
  it("is printed by every command that supports it", () =>
    inFolder(async (dir) => {
      const readers: [args: string[], lines: number][] = [
        [["info"], 1],
        [["trees"], 6],
        [["stats"], 1],
        [["stats", "words"], 1],
        [["map"], 1],
        [["page", "3"], 1],
        [["chunk", "0"], -1],
        [["get", "words", "ant"], 1],
        [["keys", "tuples"], 5],
        [["scan", "odd"], 3],
        [["count", "words"], 1],
        [["dump", "words"], 6],
        [["verify"], 1],
      ];
      // A writer locks the file for itself.
      const writers: [args: string[], lines: number][] = [[["compact"], 1]];
      const rows = [...readers, ...writers];
      const shown = new Set(rows.map(([[name]]) => name));
      for (const { name } of COMMANDS) {
        assert(
          shown.has(name) !== Object.hasOwn(OTHER_JSON, name),
          `tests/cli/output_test.ts: name ${name} either in these rows or in OTHER_JSON`,
        );
      }
      const run = ([[name, ...args]]: [string[], number]) =>
        quire([name!, `${dir}/db.quire`, ...args, "--json"]);
      const runs = [...await inParallel(readers, run), ...await inParallel(writers, run, 1)];
      for (const [index, [args, lines]] of rows.entries()) {
        const { code, out, err } = runs[index]!;
        assertEquals([code, err], [0, ""], args.join(" "));
        const values = out.trimEnd().split("\n").map((line) => JSON.parse(line));
        if (lines > 0) assertEquals(values.length, lines, args.join(" "));
      }
      const salvaged = await quire(["salvage", `${dir}/db.quire`, `${dir}/new.quire`, "--json"]);
      assertEquals([salvaged.code, JSON.parse(salvaged.out).trees.length], [0, 6]);
      const [copy, restored] = [`${dir}/copy.quire`, `${dir}/restored.quire`];
      const { version, pages } = JSON.parse(
        (await quire(["backup", `${dir}/db.quire`, copy, "--json"])).out,
      );
      const restoring = await quire(["restore", restored, copy, "--json"]);
      assertEquals(JSON.parse(restoring.out), { version, pages });
      const archiving = await quire(["archive", `${dir}/db.quire`, `${dir}/archive`, "--json"]);
      assertEquals(JSON.parse(archiving.out).version, version);
      const again = `${dir}/again.quire`;
      const from = await quire(["restore", again, "--from", `${dir}/archive`, "--json"]);
      assertEquals(JSON.parse(from.out).version, version);
      await quire(["set", `${dir}/db.quire`, "words", "new", "1"]);
      await quire(["drop", `${dir}/db.quire`, "odd"]);
      const listed = await quire(["changes", `${dir}/db.quire`, "--since", copy, "--json"]);
      const lines = listed.out.trimEnd().split("\n").map((line) => JSON.parse(line));
      assertEquals(lines.length, 4, listed.err);
      assert(lines.slice(0, 3).every(({ tree, deleted }) => tree === "odd" && deleted === true));
      assertEquals(lines[3], { tree: "words", key: "new", value: 1 });
      const text = await quire(["changes", `${dir}/db.quire`, "--since", copy]);
      assertEquals(text.out.split("\n").at(-2), "set\twords\tnew\t1");
    }));

  it("describes a page as the inspector does", () =>
    inFolder(async (dir) => {
      const path = `${dir}/db.quire`;
      using db = open(path, { readOnly: true });
      const inspector = db.inspect();
      const { root } = inspector.trees().find(({ name }) => name === "words")!;
      const { header, contents, bytes } = inspector.page(root);
      const { out } = await quire(["page", path, String(root), "--json"]);
      const shown = JSON.parse(out);
      assertEquals(shown.header, JSON.parse(JSON.stringify(header)));
      assertEquals(shown.cells.map(({ key }: { key: string }) => key), [
        "ant",
        "bee",
        "cat",
        "cow",
        "dog",
      ]);
      assertEquals(shown.cells.length, contents!.cells.length);
      assertEquals(Uint8Array.fromBase64(shown.bytes), bytes);
      const hex = (await quire(["page", path, String(root), "--hex"])).out;
      const rows = hex.split("\n").filter((line) => /^[0-9a-f]{8} {2}/.test(line));
      assertStringIncludes(
        rows.at(-1)!,
        `${(format.PAGE_BYTES - 16).toString(16).padStart(8, "0")}  `,
      );
    }));

  it("represents values as a program reads them", () =>
    inFolder(async (dir) => {
      const get = (tree: string, key: string) => {
        return quire(["get", `${dir}/db.quire`, tree, key, "--json"]);
      };
      const [number, tuple, cycle] = await Promise.all([
        get("numbers", "18446744073709551615"),
        get("tuples", '["a",{"$bigint":"36893488147419103232"}]'),
        get("odd", "cycle"),
      ]);
      assertEquals(number.out, '{"$bigint":"18446744073709551615"}\n');
      assertEquals(tuple.out, '"2, \\"quoted\\"\\r\\n"\n');
      assertMatch(cycle.out, /^\{"\$structured":"[\w+/=]+"\}\n$/);
      assertEquals((cyclicValue() as { name: string }).name, "cycle");
    }));
});

describe("cli: arguments", () => {
  it("may begin with a dash after --", () =>
    inFolder(async (dir) => {
      const path = `${dir}/dash.quire`;
      const set = await quire(["set", path, "t", "--", "-k", "-1"]);
      assertEquals(set, { code: 0, out: "", err: "" });
      const [get, scan] = await Promise.all([
        quire(["get", path, "t", "--", "-k"]),
        quire(["scan", path, "--gte=-k", "--lt=-l"]),
      ]);
      assertEquals([get.out, scan.out], ["-1\n", "-k\t-1\n"]);
    }));
});

describe("cli: completion", () => {
  it("prints scripts that shells can parse", () =>
    inFolder(async (dir) => {
      for (const shell of ["bash", "zsh", "fish"]) {
        const { code, out, err } = await quire(["completion", shell]);
        assertEquals([code, err], [0, ""], shell);
        for (const { name } of COMMANDS) assertStringIncludes(out, name);
        Deno.writeTextFileSync(`${dir}/script`, out);
        const parsed = await bash(dir, `! command -v ${shell} > /dev/null || ${shell} -n script`);
        assertEquals(parsed, { code: 0, out: "", err: "" }, shell);
      }
    }));

  it("completes commands, options, choices and trees in bash", () =>
    inFolder(async (dir) => {
      const complete = (...words: string[]) =>
        bash(
          dir,
          `source <(quire completion bash)
          COMP_WORDS=(quire ${words.map((word) => `'${word}'`).join(" ")})
          COMP_CWORD=${words.length}
          _quire; printf '%s\\n' "\${COMPREPLY[@]}"`,
        );
      const rows: [words: string[], found: string[]][] = [
        [["sta"], ["stats"]],
        [["scan", "db.quire", "--re"], ["--reverse"]],
        [["map", "db.quire", "--by", "f"], ["fill"]],
        [["scan", "db.quire", "w"], ["words"]],
        // If nothing is offered, the shell completes file names.
        [["scan", "db."], [""]],
        [["load", "db.quire", "words", "db"], [""]],
      ];
      const runs = await inParallel(rows, ([words]) => complete(...words));
      for (const [index, [words, found]] of rows.entries()) {
        assertEquals(
          runs[index]!.out.trim().split("\n"),
          found,
          words.join(" ") + runs[index]!.err,
        );
      }
    }));
});
