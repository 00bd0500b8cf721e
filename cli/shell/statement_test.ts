/**
 * Splitting statements into words: quotes, JSON, comments, and continued lines.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { splitStatement } from "./statement.ts";

describe("splitStatement()", () => {
  const rows: [text: string, words: string[]][] = [
    ["", []],
    ["  \t", []],
    ["get  t\tk", ["get", "t", "k"]],
    ["get 'a b' \"c 'd'\"", ["get", "a b", "c 'd'"]],
    [`"a \\" \\\\ \\n"`, ['a " \\ \\n']],
    ["a'b c'd", ["ab cd"]],
    ["a\\ b \\'", ["a b", "'"]],
    ["''", [""]],
    ["set t {\"a\": [1, '}']} k", ["set", "t", "{\"a\": [1, '}']}", "k"]],
    ['[1, "]", {"\\"": 2}]x', ['[1, "]", {"\\"": 2}]', "x"]],
    ["a{b c}", ["a{b", "c}"]],
    ["get t k;", ["get", "t", "k"]],
    ["get t k ; ", ["get", "t", "k"]],
    ["get 'k;'", ["get", "k;"]],
    ["a;b", ["a;b"]],
    ["# all", []],
    ["get # rest\nt", ["get", "t"]],
    ["a#b", ["a#b"]],
    ["get \\\n t", ["get", "t"]],
    ["get\\\nt", ["get", "t"]],
    ["'a\nb'", ["a\nb"]],
  ];
  for (const [text, words] of rows) {
    it(`splits ${JSON.stringify(text)}`, () => assertEquals(splitStatement(text), { words }));
  }

  for (const text of ["'a", '"a\\"', "{", '["a]', "a \\", "a 'b' \"", '{"a": [}']) {
    it(`says that ${JSON.stringify(text)} goes on`, () => {
      assertEquals(splitStatement(text), "unfinished");
    });
  }
});
