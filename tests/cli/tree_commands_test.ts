/**
 * Commands on whole trees: a dump contains every tree with its codecs, and loading it restores the
 * same bytes; `drop`, `rename` and `copy` are all or nothing.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { rawCodec } from "../../cli/form/codecs.ts";
import { codecsFor } from "../../cli/spec/command_spec.ts";
import { json, open, string, structured } from "../../mod.ts";
import { quire } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { inTempDir } from "../support/temp.ts";

/** Arrays in arrays. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** Each tree with its codecs and the bytes of its entries. */
function bytesOf(path: string): unknown {
  using db = open(path, { readOnly: true });
  const raw = codecsFor({ key: rawCodec(), value: rawCodec() });
  return db.trees().map((name) => [name, db.codecsOf(name), [...db.tree(name, raw).entries()]]);
}

/**
 * The sample, with content that a dump could lose: unusual names, codecs and values, an empty tree.
 */
function makeWide(path: string): void {
  makeCliSample(path);
  using db = open(path);
  const odd = { name: "raw:a;b,c", encode: (value: Uint8Array) => value, decode: () => 0 };
  const unnamed = { encode: () => Uint8Array.of(9), decode: () => 0 };
  db.writeSync((tx) => {
    tx.tree('tree, "with";\ttabs', { key: string, value: odd }).set("a", Uint8Array.of(0xff));
    tx.tree("unnamed", { key: string, value: unnamed }).set("a", 0);
    const values = tx.tree("values", { key: string, value: structured });
    values.set("deep", nested(3000));
    values.set("double", 0.5 + 0.5);
    values.set("shared", Array(2).fill({ a: 1 }));
    const empty = tx.tree("empty", { key: string, value: json });
    empty.set("a", 1);
    empty.delete("a");
  });
}

describe("dump and load: trees with their codecs", () => {
  it("a whole file is restored, to the byte", () =>
    inTempDir(async (dir) => {
      const [from, to, all] = [`${dir}/from.quire`, `${dir}/to.quire`, `${dir}/all.ndjson`];
      makeWide(from);
      const before = bytesOf(from);
      const dumped = await quire(["dump", from, "--all", "--output", all]);
      assertEquals([dumped.code, dumped.out], [0, ""], dumped.err);
      assertMatch(dumped.err, /^dumped 24 entries of 10 trees in /);
      // The natural call: the only argument is a file.
      const loaded = await quire(["load", to, all]);
      assertEquals([loaded.code, loaded.out], [0, ""], loaded.err);
      assertMatch(loaded.err, /^loaded 24 entries into 10 trees in /);
      assertEquals(bytesOf(to), before);
    }));

  it("one tree is restored through a pipe under its name or another one, and as CSV", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      makeWide(from);
      for (const [tree, more] of [["numbers", []], ["tuples", ["again"]], ["own", []]] as const) {
        const dumped = await quire(["dump", from, tree]);
        const loaded = await quire(["load", to, ...more, "-"], { input: dumped.out });
        assertEquals(loaded.code, 0, loaded.err);
      }
      const csv = await quire(["dump", from, "numbers", "--format", "csv"]);
      assertMatch(csv.out, /^key:u64,value:u64\r\n1,1\r\n/);
      const again = await quire(["load", to, "csv", "--format", "csv"], { input: csv.out });
      assertEquals(again.code, 0, again.err);
      const renamed = new Map([["again", "tuples"], ["csv", "numbers"]]);
      using source = open(from, { readOnly: true });
      const raw = codecsFor({ key: rawCodec(), value: rawCodec() });
      for (const [name, codecs, entries] of bytesOf(to) as [string, unknown, unknown][]) {
        const of = renamed.get(name) ?? name;
        assertEquals([codecs, entries], [source.codecsOf(of), [...source.tree(of, raw).entries()]]);
      }
    }));

  it("a truncated dump, or one for other codecs, is refused", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      makeCliSample(from);
      const whole = (await quire(["dump", from, "--all"])).out;
      const lines = whole.trimEnd().split("\n");
      const words = lines.findIndex((line) => line.includes('"tree":"words"'));
      const rows: [args: string[], input: string, code: number, says: RegExp][] = [
        [[], lines.slice(0, -1).join("\n"), 5, /tree words has 4 of 5 entries; it was cut/],
        [[], lines.slice(0, words).join("\n"), 5, /has 5 of 6 trees; it was cut/],
        [["t"], whole, 5, /it begins another tree; leave out TREE/],
        [["--number"], whole, 5, /line 1: it begins a dump, which has keys; leave out --key/],
        [["-"], '{"key":1,"value":2}\n', 2, /nothing says into which tree; name it, as in load FI/],
        [["-"], '{"$quire":2}\n', 5, /line 1: Cannot read a dump of version 2/],
        [
          ["-"],
          '{"$quire":1,"tree":"t","key":"json","value":"json"}\n',
          2,
          /Cannot use the codec of keys json: its bytes do not sort/,
        ],
      ];
      for (const [args, input, code, says] of rows) {
        const run = await quire(["load", to, ...args], { input });
        assertEquals([run.code, run.out], [code, ""], `${says} ${run.err}`);
        assertMatch(run.err, says);
      }
      assertEquals([...Deno.readDirSync(dir)].length, 1);
      const numbers = (await quire(["dump", from, "numbers"])).out;
      const other = await quire(["load", from, "words"], { input: numbers });
      assertEquals(other.code, 2);
      assertMatch(
        other.err,
        /tree words: its keys are string, those of the dump u64; name another/,
      );
    }));

  it("every value that the library reads is shown", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeWide(path);
      const [scanned, got] = await Promise.all([
        quire(["scan", path, "values", "--json"]),
        quire(["get", path, "values", "deep"]),
      ]);
      assertEquals([scanned.code, got.code], [0, 0], scanned.err + got.err);
      assertMatch(got.out, /^\{"\$structured":"[\w+/=]{8000,}"\}\n$/);
      const to = `${dir}/to.quire`;
      const loaded = await quire(["load", to, "values", "--codec", "string,structured"], {
        input: scanned.out,
      });
      assertEquals(loaded.code, 0, loaded.err);
      const entries = (of: string) => {
        using db = open(of, { readOnly: true });
        const raw = codecsFor({ key: rawCodec(), value: rawCodec() });
        return [...db.tree("values", raw).entries({ lt: Uint8Array.of(0x64, 0x66) })];
      };
      assertEquals(entries(to), entries(path));
    }));
});

describe("drop, rename and copy", () => {
  it("change trees as a whole", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeWide(path);
      const before = bytesOf(path) as [string, unknown, unknown][];
      const of = (name: string) => before.find(([own]) => own === name)!.slice(1);
      const steps: string[][] = [
        ["drop", path, "words"],
        ["rename", path, "own", "mine"],
        ["copy", path, "values", "more"],
        ["copy", path, "empty", "empty too"],
      ];
      for (const step of steps) {
        const run = await quire(step);
        assertEquals([run.code, run.out], [0, ""], run.err);
      }
      const after = new Map(
        (bytesOf(path) as [string, unknown, unknown][]).map(([name, ...rest]) => [name, rest]),
      );
      assertEquals([after.has("words"), after.has("own")], [false, false]);
      assertEquals(after.get("mine"), of("own"));
      assertEquals([after.get("more"), after.get("values")], [of("values"), of("values")]);
      assertEquals(after.get("empty too"), of("empty"));
      assertEquals((await quire(["verify", path])).code, 0);
    }));

  it("refuse to lose a tree, and then change nothing", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const before = bytesOf(path);
      const rows: [args: string[], code: number, says: RegExp][] = [
        [["drop", path, "wordz"], 1, /Cannot find tree wordz: there are numbers, /],
        [["rename", path, "wordz", "a"], 1, /Cannot find tree wordz/],
        [["rename", path, "own", "words"], 2, /Cannot rename to words: there is a tree of that na/],
        [["copy", path, "own", "own"], 2, /Cannot copy to own: there is a tree of that name; drop/],
        [["copy", path, "own"], 2, /missing required argument 'TO'/],
      ];
      for (const [args, code, says] of rows) {
        const run = await quire(args);
        assertEquals([run.code, run.out], [code, ""], run.err);
        assertMatch(run.err, says);
      }
      assertEquals(bytesOf(path), before);
    }));

  it("take part in a transaction of the shell", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      const before = bytesOf(path);
      const script = "begin\ncopy words more\ndrop words\nrename own mine\ncount more\nrollback\n";
      const run = await quire(["shell", path], { input: script });
      assertEquals([run.code, run.out], [0, "5\n"], run.err);
      assertEquals(bytesOf(path), before);
    }));
});
