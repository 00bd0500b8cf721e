// Text as keys and values: it is restored exactly, and sorts by code points.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  checkBytes,
  checkOrder,
  checkValue,
  compareTexts,
} from "../../tests/support/databases/codec_laws.ts";
import { string } from "./string.ts";

const LETTERS = fc.oneof(
  fc.constantFrom("\0", "\x01", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000"),
  fc.constantFrom("\ufeff", "\ufffd", "\uffff", "\u{10000}", "\u{10ffff}", "a", "\u00e9"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);
// Beyond what loops do and the runtime does not.
const TEXT = fc.array(LETTERS, { maxLength: 100, size: "large" }).map((all) => all.join(""));
const ASCII = fc.string({ unit: "binary-ascii", maxLength: 100, size: "large" });

describe("string", () => {
  it("keeps every text, and writes it alike in every way", () => {
    fc.assert(fc.property(fc.oneof(TEXT, ASCII), (text) => checkValue(string, text)));
  });

  it("sorts by code points", () => {
    fc.assert(fc.property(TEXT, TEXT, (a, b) => checkOrder(string, a, b, compareTexts(a, b))));
    fc.assert(fc.property(TEXT, TEXT, TEXT, (beginning, a, b) => {
      const [left, right] = [beginning + a, beginning + b];
      checkOrder(string, left, right, compareTexts(left, right));
    }));
    checkOrder(string, "\u{10000}", "\uffff", 1);
  });

  it("keeps a byte order mark", () => {
    assertEquals(string.decode(string.encode("\ufeffa")), "\ufeffa");
    assertEquals(string.decode(string.encode("\ufeff".repeat(99))), "\ufeff".repeat(99));
  });

  it("keeps texts of every length around those that loops do", () => {
    for (let length = 0; length < 150; length++) {
      checkValue(string, "x".repeat(length));
      checkValue(string, `${"x".repeat(length)}\u00e9`);
    }
  });

  it("refuses a lone surrogate wherever it is", () => {
    for (const lone of ["\ud800", "\udbff", "\udc00", "\udfff", "\udc00\ud800"]) {
      for (const [before, after] of [["", ""], ["a", "b"], ["x".repeat(60), "\u{10000}"]]) {
        const text = before + lone + after;
        assertThrows(() => string.encode(text), TypeError, "lone surrogate");
        assertThrows(() => string.encodeInto!(text, new Uint8Array(400)), TypeError, "surrogate");
      }
    }
  });

  it("refuses what is not text", () => {
    for (const value of [undefined, null, 1, {}, ["a"], new Uint8Array(1), new String("a")]) {
      assertThrows(() => string.encode(value as string), TypeError, "is not text");
      const into = new Uint8Array(9);
      assertThrows(() => string.encodeInto!(value as string, into), TypeError, "is not text");
    }
  });

  it("reads bytes as the text they are of, or refuses them", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => checkBytes(string, bytes)));
    const bad = [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0xc3]];
    // One byte beyond ASCII at every place of every length that loops do.
    for (let length = 1; length < 70; length++) {
      for (let at = 0; at < length; at++) {
        const wrong = new Uint8Array(length).fill(0x61);
        wrong[at] = 0xff;
        assertThrows(() => string.decode(wrong), TypeError, "not text in UTF-8");
      }
    }
    for (const bytes of bad) {
      assertThrows(() => string.decode(new Uint8Array(bytes)), TypeError, "not text in UTF-8");
    }
  });
});
