// Bytes as keys and values are stored unchanged; keys may also be text, which is stored in UTF-8.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  checkEncodeInto,
  checkOrder,
  checkValue,
  compareLists,
  compareTexts,
} from "../../tests/support/databases/codec_laws.ts";
import { bytes, keyBytes } from "./bytes.ts";

const ANY_BYTES = fc.uint8Array({ maxLength: 12 });
const ANY_TEXT = fc.string({ unit: "binary", maxLength: 12 });

for (const [name, codec] of [["bytes", bytes], ["keyBytes", keyBytes]] as const) {
  describe(name, () => {
    it("keeps bytes, in their order", () => {
      fc.assert(fc.property(ANY_BYTES, ANY_BYTES, (a, b) => {
        checkValue(codec, a);
        checkOrder<Uint8Array>(codec, a, b, compareLists([...a], [...b], (x, y) => x - y));
      }));
    });

    it("copies nothing", () => {
      const value = new Uint8Array([1, 2]);
      assertStrictEquals(codec.encode(value), value);
      assertStrictEquals(codec.decode(value), value);
    });

    it("is kept with a tree as bytes", () => assertEquals(codec.name, "bytes"));
  });
}

describe("bytes", () => {
  it("refuses what is not bytes", () => {
    const values = [
      ...[["a string", "text"], ["undefined", undefined], ["null", null], ["a number", 1]],
      ...[[1], new ArrayBuffer(1), new Uint16Array(1)].map((value) => ["an object", value]),
    ] as const;
    for (const [kind, value] of values) {
      const refused = value as unknown as Uint8Array;
      const message = `Cannot encode: ${String(kind)} is not bytes`;
      assertThrows(() => bytes.encode(refused), TypeError, message);
      assertThrows(() => bytes.encodeInto!(refused, new Uint8Array(9)), TypeError, "not bytes");
    }
  });
});

describe("keyBytes", () => {
  it("keeps text in UTF-8, in the order of code points", () => {
    fc.assert(fc.property(ANY_TEXT, ANY_TEXT, (a, b) => {
      assertEquals(keyBytes.decode(keyBytes.encode(a)), new TextEncoder().encode(a));
      checkEncodeInto<string>(keyBytes, a);
      checkOrder<string>(keyBytes, a, b, compareTexts(a, b));
    }));
  });

  it("refuses a lone surrogate", () => {
    for (const key of ["\ud800", "a\udc00b", "\udc00\ud800", "x".repeat(99) + "\udfff"]) {
      assertThrows(() => keyBytes.encode(key), TypeError, "lone surrogate");
      assertThrows(() => keyBytes.encodeInto!(key, new Uint8Array(400)), TypeError, "surrogate");
    }
  });

  it("refuses what is neither bytes nor text", () => {
    const others = [undefined, null, 1, 1n, true, {}, [1], new ArrayBuffer(1), new Uint16Array(1)];
    for (const key of [...others, Symbol("key"), () => 1, new DataView(new ArrayBuffer(1))]) {
      const refused = key as string;
      assertThrows(() => keyBytes.encode(refused), TypeError, "neither bytes nor text");
      assertThrows(() => keyBytes.encodeInto!(refused, new Uint8Array(9)), TypeError, "neither");
    }
  });
});
