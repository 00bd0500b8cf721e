/**
 * Typical input for `load`, `set` and `dump`: nothing is rounded, misinterpreted or ignored
 * silently.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inParallel, quire } from "../support/programs/cli.ts";
import { makeCliSample } from "../support/programs/cli_sample.ts";
import { inTempDir } from "../support/temp.ts";

type Row = readonly [
  what: string,
  args: readonly string[],
  input: string,
  code: number,
  says: RegExp,
  out?: string,
];

const PAIR = '{"key":"a","value":1}\n';
const KEYS_TWICE = '{"key":"a","value":1}\n{"key":"a","value":2}\n';

const LOADS: readonly Row[] = [
  ["an empty input", ["t"], "", 5, /standard input: it is empty; nothing was loaded\n$/],
  ["blank lines", ["t"], "\n \n", 5, /it is empty/],
  ["- for standard input", ["t", "-"], PAIR, 0, /^loaded 1 entry in /, '{"a":1}'],
  ["a file that is missing", ["data.ndjson"], PAIR, 2, /no such file, and no such tree; check/],
  ["a file without its tree", ["there.csv"], "", 2, /name it, as in load FILE there there\.csv\n$/],
  ["a word that is not a file", ["words"], PAIR, 0, /^loaded 1 entry/, '{"a":1}'],
  [
    "a whole number past 2^53",
    ["t"],
    `${PAIR}{"key":"b","value":{"id":9007199254740993}}\n`,
    5,
    /: line 2, column 26: 9007199254740993 would be rounded to 9007199254740992; .*; nothing was/,
  ],
  ["1e400", ["t"], '{"key":"b","value":[1e400]}\n', 5, /line 1, column 21: 1e400 is past the la/],
  [
    "ids that would become one",
    ["t", "--key", "id", "--key-codec", "u64"],
    '{"id":9007199254740991}\n{"id":9007199254740993}\n',
    5,
    /line 2, column 7: 9007199254740993 would be rounded/,
  ],
  [
    "a number in a cell",
    ["t", "--format", "csv"],
    "key,value\na,[9007199254740993]\n",
    5,
    /line 2: the value of key "a": character 2: 9007199254740993 would be rounded/,
  ],
  [
    "CSV whose lines end with CR",
    ["t", "--format", "csv"],
    "key,value\ra,1\rb,2\r",
    0,
    /^loaded 2 entries/,
    '{"a":1,"b":2}',
  ],
  ["JSON whose lines end with CR", ["t"], `${PAIR.trim()}\r${PAIR.trim()}\r`, 0, /2 read, 1 kept/],
  [
    "CSV with semicolons",
    ["t", "--format", "csv", "--number", "--key-codec", "string"],
    'a;b\n1,5;"x;y"\n',
    0,
    /^loaded 1 entry/,
    '{"1":{"a":"1,5","b":"x;y"}}',
  ],
  [
    "a table with tabs",
    ["t", "table.tsv", "--key", "id"],
    "",
    0,
    /^loaded 1 entry/,
    '{"7":{"id":"7","name":"a,b"}}',
  ],
  [
    "a table with tabs where commas are named",
    ["t", "table.tsv", "--key", "id", "--delimiter", "comma"],
    "",
    5,
    /it has 2 fields, the header 1|no field "id"/,
  ],
  [
    "CSV with other columns",
    ["t", "--format", "csv"],
    "name;worth\na;1\n",
    5,
    /line 1: its columns are not key and value, but name, worth; --key or --number/,
  ],
  [
    "a missing field",
    ["t", "--key", "id"],
    '{"ID":1,"name":"a"}\n',
    5,
    /no field "id", which is to be a key; it has ID, name; nothing/,
  ],
  ["keys that are numbers", ["t"], '{"key":7,"value":1}\n', 5, /text; --key-codec u64 takes keys/],
  ["keys that are fractions", ["t"], '{"key":-7,"value":1}\n', 5, /; --key-codec tuple takes keys/],
  ["keys that are arrays", ["t"], '{"key":[7],"value":1}\n', 5, /; --key-codec tuple takes keys/],
  ["a JSON array", ["t"], `[${PAIR.trim()}]`, 5, /it is a JSON array; .* jq -c '\.\[\]' writes/],
  ["a JSON array of lines", ["t"], `[\n${PAIR}]\n`, 5, /line 1: it is not JSON: .*; newline-delim/],
  ["an array of objects", ["t", "--key", "id"], '[{"id":1}]', 5, /it is a JSON array; newline-del/],
  ["keys that come twice", ["t"], KEYS_TWICE, 0, /; 2 read, 1 kept, as keys came/, '{"a":2}'],
  [
    "a value that its codec refuses",
    ["t", "--codec", "string,u64"],
    '{"key":"a","value":"b"}\n',
    5,
    /line 1: the value of key "a": Cannot use "b": it is not a whole number; nothing/,
  ],
];

describe("load: typical input", () => {
  it("is loaded, or refused with a remedy", () =>
    inTempDir(async (dir) => {
      Deno.writeTextFileSync(`${dir}/there.csv`, "key,value\na,1\n");
      Deno.writeTextFileSync(`${dir}/table.tsv`, "id\tname\n7\ta,b\n");
      const runs = await inParallel([...LOADS.entries()], async ([index, [, args, input]]) => {
        const path = `${dir}/${index}.quire`;
        const run = await quire(["load", path, ...args], { input, cwd: dir });
        return { ...run, path };
      });
      for (const [index, [what, , , code, says, wanted]] of LOADS.entries()) {
        const run = runs[index]!;
        assertEquals([run.code, run.out], [code, ""], `${what}: ${run.err}`);
        assertMatch(run.err, says, what);
        const names = [...Deno.readDirSync(dir)].map(({ name }) => `${dir}/${name}`);
        assertEquals(names.includes(run.path), code === 0, what);
        if (wanted === undefined) continue;
        const { out } = await quire(["scan", run.path, "--json"]);
        const entries = out.trimEnd().split("\n").map((line) => JSON.parse(line));
        const found = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
        assertEquals(found, JSON.parse(wanted), what);
      }
    }));

  it("reports replaced entries", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      await quire(["load", path, "t"], { input: PAIR });
      const again = await quire(["load", path, "t"], {
        input: `${KEYS_TWICE}{"key":"b","value":1}`,
      });
      assertMatch(again.err, /^loaded 3 entries in .*; 3 read, 1 added, 2 replaced\n$/);
    }));
});

describe("set and keys: numbers", () => {
  it("are refused if they would be rounded, and nothing is created or found", () =>
    inTempDir(async (dir) => {
      makeCliSample(`${dir}/db.quire`);
      const rows: [args: string[], says: RegExp][] = [
        [
          ["set", "new.quire", "t", "a", "9007199254740993"],
          /line 1, column 1: 9007199254740993 wo/,
        ],
        [["set", "db.quire", "words", "a", '{\n"a": 1e400}'], /line 2, column 6: 1e400 is past/],
        [["set", "db.quire", "odd", "a", "[9007199254740993]"], /column 2: .*"\$bigint"/],
        [["get", "db.quire", "tuples", "[9007199254740993]"], /column 2: 9007199254740993 would/],
      ];
      for (const [args, says] of rows) {
        const run = await quire(args, { cwd: dir });
        assertEquals([run.code, run.out], [5, ""], run.err);
        assertMatch(run.err, says);
      }
      assertEquals([...Deno.readDirSync(dir)].length, 1);
      const exact = ["set", "db.quire", "numbers", "9007199254740993", "18446744073709551615"];
      assertEquals((await quire(exact, { cwd: dir })).code, 0);
      const got = await quire(["get", "db.quire", "numbers", "9007199254740993"], { cwd: dir });
      assertEquals(got.out, "18446744073709551615\n");
    }));
});

describe("dump: outputs and fields", () => {
  it("writes to devices, and by name to standard output, and refuses unknown fields", () =>
    inTempDir(async (dir) => {
      makeCliSample(`${dir}/db.quire`);
      const dump = (...args: string[]) => quire(["dump", "db.quire", ...args], { cwd: dir });
      const nothing = await dump("words", "--output", "/dev/null");
      assertEquals([nothing.code, nothing.out], [0, ""], nothing.err);
      const named = await dump("words", "--output", "-");
      assertEquals([named.code, named.out.split("\n").length, named.err], [0, 7, ""]);
      const fields = await dump("words", "--fields", "word,nope", "--output", "a.csv");
      assertEquals([fields.code, fields.out], [2, ""]);
      assertMatch(fields.err, /^Cannot use --fields nope: no value has that; .* it has word\n$/);
      const all = await dump("words", "--all");
      assertEquals([all.code, all.out], [2, ""]);
      assertMatch(all.err, /^Cannot dump --all: it is every tree/);
      assertEquals([...Deno.readDirSync(dir)].length, 1);
    }));
});
