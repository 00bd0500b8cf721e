/**
 * Words of a shell: what needs quotes, and how.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isPrintable, shellWord, singleQuoted } from "./shell_words.ts";

describe("shellWord()", () => {
  const rows: [text: string, word: string][] = [
    ["plain-1_2.3/4,5+6@7%", "plain-1_2.3/4,5+6@7%"],
    ["", "$''"],
    ["a b", "a\\ b"],
    ["$(x)", "\\$\\(x\\)"],
    ["\u00e9\u65e5\u{1f600}", "\u00e9\u65e5\u{1f600}"],
    ["a:b=c", "a\\:b\\=c"],
    ["a\nb'c\\d", "$'a\\012b\\'c\\\\d'"],
    ["\x1b\u009b", "$'\\033\\302\\233'"],
    ["\u202e\u{e0041}", "$'\\342\\200\\256\\363\\240\\201\\201'"],
  ];
  for (const [text, word] of rows) {
    it(`quotes ${JSON.stringify(text)}`, () => assertEquals(shellWord(text), word));
  }
});

describe("isPrintable()", () => {
  it("is true of what a terminal shows as it is", () => {
    for (const text of ["", "a b", "~", "\u00e9\u65e5\u{1f600}"]) {
      assertEquals(isPrintable(text), true, text);
    }
    for (const text of ["\t", "\n", "\x7f", "\u009b", "\u00a0", "\u200b", "\u2028", "\ud800"]) {
      assertEquals(isPrintable(text), false, JSON.stringify(text));
    }
  });
});

describe("singleQuoted()", () => {
  it("keeps quotes, as each shell has them", () => {
    assertEquals(singleQuoted("it's \\", "bash"), "'it'\\''s \\'");
    assertEquals(singleQuoted("it's \\", "fish"), "'it\\'s \\\\'");
  });
});
