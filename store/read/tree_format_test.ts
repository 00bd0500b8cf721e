// The keys of trees without codecs: the accepted types, the refused ones, and the errors.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { TreeFormat } from "./tree_format.ts";

type Key = Uint8Array | string;

const format = new TreeFormat<Uint8Array, Uint8Array, Key, Uint8Array, Key>({});

/** The bytes of a key. */
function encodeKey(key: Key): Uint8Array {
  const length = format.encodeKey(key);
  return length === format.encodedKey.length
    ? format.encodedKey
    : format.encodedKey.slice(0, length);
}

describe("TreeFormat.encodeKey() without codecs", () => {
  it("takes bytes as they are, without a copy", () => {
    const key = new Uint8Array([1, 2]);
    assertStrictEquals(encodeKey(key), key);
    assertEquals(encodeKey(new Uint8Array(0)).length, 0);
    assertEquals(encodeKey(new Uint8Array(2048)).length, 2048);
  });

  it("takes text in UTF-8", () => {
    assertEquals(encodeKey("\u00e9"), new Uint8Array([0xc3, 0xa9]));
    assertEquals(encodeKey("\u{1f600}"), new Uint8Array([0xf0, 0x9f, 0x98, 0x80]));
    assertEquals(encodeKey(""), new Uint8Array(0));
    assertEquals(encodeKey("\ufeff\0").length, 4);
  });

  it("gives different texts different keys, in the order of their code points", () => {
    const text = fc.string({ unit: "binary", maxLength: 8 });
    const pointsOf = (given: string) => [...given].map((c) => c.codePointAt(0)!);
    fc.assert(fc.property(text, text, (a, b) => {
      const [left, right] = [pointsOf(a), pointsOf(b)];
      const [x, y] = [encodeKey(a), encodeKey(b)];
      assertEquals(Math.sign(order(x, y)), Math.sign(order(left, right)));
    }));
  });

  it("refuses more than 2048 bytes, also where the text has fewer letters", () => {
    assertThrows(() => encodeKey(new Uint8Array(2049)), RangeError, "2049 bytes exceed 2048");
    assertThrows(() => encodeKey("x".repeat(2049)), RangeError, "2049 bytes exceed 2048");
    assertThrows(() => encodeKey("\u00e9".repeat(1025)), RangeError, "2050 bytes exceed 2048");
    assertEquals(encodeKey("\u00e9".repeat(1024)).length, 2048);
  });

  it("refuses a lone surrogate", () => {
    for (const key of ["\ud800", "a\udc00b", "\udc00\ud800"]) {
      assertThrows(() => encodeKey(key), TypeError, "lone surrogate");
    }
  });

  it("refuses what is neither bytes nor text", () => {
    const others = [null, 1, 1n, true, {}, [1], new ArrayBuffer(1), new Uint16Array(1)];
    for (const key of [...others, Symbol("key"), () => 1, new DataView(new ArrayBuffer(1))]) {
      assertThrows(() => encodeKey(key as Key), TypeError, "neither bytes nor text");
    }
    assertThrows(() => encodeKey(undefined as never), TypeError, "undefined is not a key");
  });
});

function order(a: ArrayLike<number>, b: ArrayLike<number>): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
