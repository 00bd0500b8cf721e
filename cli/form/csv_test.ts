/**
 * CSV as RFC 4180 has it, there and back.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { LineError } from "../io/lines.ts";
import { csvHeader, csvLine, csvLineForSpreadsheets, readCsv } from "./csv.ts";

/** The lines of a text, each with what ends it. */
function linesOf(text: string): string[] {
  return text.match(/[^\r\n]*(\r\n|\n|\r)|[^\r\n]+$/g) ?? [];
}

function read(text: string, delimiter?: string): (readonly string[])[] {
  return [...readCsv(linesOf(text), delimiter)].map(({ fields }) => fields);
}

describe("readCsv()", () => {
  it("reads fields with and without quotes", () => {
    assertEquals(read('a,b\n1,"2"\n"x, ""y""",\n'), [["a", "b"], ["1", "2"], ['x, "y"', ""]]);
  });

  it("reads both ends of lines, and keeps those in quotes", () => {
    assertEquals(read('a,b\r\n"1\r\n2","3\n"\r\n'), [["a", "b"], ["1\r\n2", "3\n"]]);
  });

  it("reads lines that end with a CR alone, and keeps it in quotes", () => {
    assertEquals(read('a,b\r1,"2\r3"\r\r4,5'), [["a", "b"], ["1", "2\r3"], ["4", "5"]]);
  });

  it("reads semicolons and tabs where the first line has more of them, or they are named", () => {
    assertEquals(read('a;"b,c,d"\n1,5;2'), [["a", "b,c,d"], ["1,5", "2"]]);
    assertEquals(read("a\tb\n1\t2,3"), [["a", "b"], ["1", "2,3"]]);
    assertEquals(read("a;b\n1;2", ","), [["a;b"], ["1;2"]]);
    assertEquals(read("a,b;c\n1,2", "\t"), [["a,b;c"], ["1,2"]]);
  });

  it("takes nothing in a header of csvHeader() for what parts fields", () => {
    const names = ["key:string", "value:raw:a;b;c\td"];
    assertEquals(read(`${csvHeader(names)}\r\n1,2`), [names, ["1", "2"]]);
  });

  it("passes over lines without a character, but not over empty fields", () => {
    assertEquals(read('\na\n\r\n""\n,\n'), [["a"], [""], ["", ""]]);
  });

  it("tells the line where a record begins", () => {
    const lines = [...readCsv(linesOf('a\n\n"b\nc"\nd'))].map(({ line }) => line);
    assertEquals(lines, [1, 3, 5]);
  });

  it("refuses what is malformed, with its line", () => {
    for (
      const [text, line] of [['a\nb"c', 2], ['a\n"b"c', 2], ['a\n"b\nc', 2], [
        '"a\nb"c',
        2,
      ]] as const
    ) {
      const error = assertThrows(() => read(text), LineError);
      assertEquals(error.line, line, text);
    }
  });

  it("reads what csvLine() writes", () => {
    const unit = fc.constantFrom(...'a",\r\n\u20ac ');
    const record = fc.array(fc.string({ unit }), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(fc.array(record), (records) => {
      // An empty line is not a record.
      const wanted = records.filter((fields) => fields.length > 1 || fields[0] !== "");
      const text = wanted.map((fields) => `${csvLine(fields)}\r\n`).join("");
      assertEquals(read(text, ","), wanted);
    }));
  });
});

describe("csvLineForSpreadsheets()", () => {
  const rows: [cell: string, written: string][] = [
    ["text", '"text"'],
    ["-5", '"-5"'],
    ["+3.5e-7", '"+3.5e-7"'],
    ["a=b", '"a=b"'],
    ["=1+1", `"'=1+1"`],
    ["+1+1", `"'+1+1"`],
    ["-1+cmd|' /C calc'!A0", `"'-1+cmd|' /C calc'!A0"`],
    ["@SUM(A1)", `"'@SUM(A1)"`],
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    [" =1", `"' =1"`],
    ["\t=1", `"'\t=1"`],
    ["\rx", `"'\rx"`],
    ["\uff1d1", `"'\uff1d1"`],
    ["a;=1", '"a;=1"'],
  ];
  for (const [cell, written] of rows) {
    it(`writes ${JSON.stringify(cell)}`, () => {
      assertEquals(csvLineForSpreadsheets([cell, "b"]), `${written},"b"`);
    });
  }
});
