// Values as JSON: those restored unchanged, those restored in another form, and those refused.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { checkEncodeInto, checkValue } from "../../tests/support/databases/codec_laws.ts";
import { json } from "./json.ts";

describe("json", () => {
  it("keeps what JSON can say", () => {
    fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      // Without what JSON changes: -0 is written as 0.
      const plain = JSON.parse(JSON.stringify(value));
      checkValue(json, plain);
    }));
  });

  it("is JSON text in UTF-8", () => {
    assertEquals(
      json.encode({ a: ["\u00e9", null] }),
      new TextEncoder().encode('{"a":["\u00e9",null]}'),
    );
  });

  it("keeps lone surrogates, which JSON writes as escapes", () => {
    checkValue(json, "a\ud800");
    checkValue(json, { "\udc00": "\udc00\ud800" });
  });

  it("changes what JSON changes", () => {
    const value = [NaN, -Infinity, -0, new Date(0), new Map([[1, 2]]), { a: undefined }];
    const changed = [null, null, 0, "1970-01-01T00:00:00.000Z", {}, {}];
    assertEquals(json.decode(json.encode(value)), changed);
    checkEncodeInto(json, value);
  });

  it("refuses what JSON has no text for", () => {
    const cycle: Record<string, unknown> = {};
    cycle["cycle"] = cycle;
    const refused = [undefined, () => 1, Symbol("a"), 1n, [1n], cycle];
    for (const value of [...refused, { toJSON: () => undefined }]) {
      assertThrows(() => json.encode(value), TypeError, "Cannot encode: ");
      assertThrows(() => json.encodeInto!(value, new Uint8Array(99)), TypeError, "Cannot encode: ");
    }
  });

  it("says why it refuses, with the cause", () => {
    assertThrows(() => json.encode(undefined), TypeError, "JSON has no undefined");
    const mine = new RangeError("mine");
    const error = assertThrows(() =>
      json.encode({
        toJSON() {
          throw mine;
        },
      }), TypeError);
    assertStrictEquals(error.cause, mine);
  });

  it("reads bytes as JSON, or refuses them", () => {
    for (const text of ["", "{", "[1,]", "nul", "1 2", "\ufeff1"]) {
      const bytes = new TextEncoder().encode(text);
      assertThrows(() => json.decode(bytes), TypeError, "Cannot decode: ");
    }
    assertThrows(() => json.decode(new Uint8Array([0x22, 0xff, 0x22])), TypeError, "UTF-8");
    fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      try {
        json.decode(bytes);
      } catch (error) {
        assertEquals(error instanceof TypeError, true);
      }
    }));
  });

  it("is the same codec under another type", () => assertStrictEquals(json.as<string>(), json));
});
