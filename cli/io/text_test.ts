/**
 * Text for people: foreign text made safe to print, and tables and pairs whose columns are aligned,
 * however many rows there are.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { alignPairs, alignTable, coloured, drawn, forTerminal, oneLine } from "./text.ts";

/** More than one call takes as arguments. */
const MANY = 200_000;

describe("oneLine()", () => {
  it("spells out what would move the cursor or end a line", () => {
    assertEquals(
      oneLine("a\tb\r\n\x1b\u009b\u2028c"),
      "a\\u0009b\\u000d\\u000a\\u001b\\u009b\\u2028c",
    );
  });

  it("keeps everything else, as it is for files too", () => {
    assertEquals(oneLine("\u{1f468}\u200d\u{1f469} \u202e"), "\u{1f468}\u200d\u{1f469} \u202e");
  });
});

describe("forTerminal()", () => {
  const rows: [what: string, text: string, shown: string][] = [
    ["C0 and C1", "\0\x07\x1b\x7f\u0080\u009b", "\\u0000\\u0007\\u001b\\u007f\\u0080\\u009b"],
    ["marks of direction", "\u202e\u2066\u200f", "\\u202e\\u2066\\u200f"],
    ["marks of no width", "\u200b\u200d\ufeff\u00ad", "\\u200b\\u200d\\ufeff\\u00ad"],
    ["fillers and variations", "\u3164\u034f\ufe0f", "\\u3164\\u034f\\ufe0f"],
    ["marks beyond 16 bits", "\u{e0041}", "\\udb40\\udc41"],
    ["separators of lines", "\u2028\u2029", "\\u2028\\u2029"],
    ["lone surrogates", "\ud800x\udc00", "\\ud800x\\udc00"],
    ["a return that ends no line", "a\rb\r", "a\\u000db\\u000d"],
  ];
  for (const [what, text, shown] of rows) {
    it(`spells out ${what}`, () => assertEquals(forTerminal(text), shown));
  }

  it("keeps letters, ends of lines and tabs", () => {
    const text = "a\tb\r\nc\n\u00e9\u0301\u05d0\u65e5\u{1f600}\u00a0";
    assertEquals(forTerminal(text), text);
  });

  it("keeps what JSON says", () => {
    const value = { "\u009b\u202e\u{e0041}": ["\x1b\ud800", "\u2028"] };
    assertEquals(JSON.parse(forTerminal(JSON.stringify(value, undefined, 2))), value);
  });
});

describe("drawn()", () => {
  it("keeps the sequences of the line editor, and leaves out all others", () => {
    assertEquals(drawn("\x1b[1G\x1b[0Jquire> a\x1b[9G\r\n"), "\x1b[1G\x1b[0Jquire> a\x1b[9G\r\n");
    assertEquals(drawn("a\x1b]52;c;x\x07\u009b2J\u202e\x1b[6n\x1b[31m"), "a]52;c;x2J[6n[31m");
  });
});

describe("coloured()", () => {
  it("sets a colour and takes it back", () => {
    assertEquals(coloured({ text: "a", colour: "38;5;52" }), "\x1b[38;5;52ma\x1b[0m");
    assertEquals(coloured({ text: "a" }), "a");
  });
});

describe("alignTable()", () => {
  it("aligns text to the left and numbers to the right", () => {
    const rows = [["tree", "entries"], ["a", "12"], ["longer", "3"]];
    assertEquals(alignTable(rows), ["tree    entries", "a            12", "longer        3"]);
    assertEquals(alignTable([]), []);
  });

  it("takes as many rows as there are", () => {
    const rows = Array.from({ length: MANY }, (_, i) => [`tree ${i}`, String(i)]);
    const lines = alignTable([["tree", "entries"], ...rows]);
    assertEquals([lines.length, lines[1]], [MANY + 1, "tree 0             0"]);
  });
});

describe("alignPairs()", () => {
  it("takes as many pairs as there are", () => {
    const pairs = Array.from({ length: MANY }, (_, i) => [`name ${i}`, "value"] as const);
    const lines = alignPairs(pairs);
    assertEquals([lines.length, lines[0]], [MANY, "name 0       value"]);
    assertEquals(alignPairs([]), []);
  });
});
