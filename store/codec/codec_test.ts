// The codecs that are accepted for keys, also in code without type checks.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkCodec, checkKeyCodec, type Codec } from "./codec.ts";
import * as codecs from "./mod.ts";

const OWN = {
  encode: (value: string) => new TextEncoder().encode(value),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
};

describe("checkKeyCodec()", () => {
  it("takes the codecs whose bytes sort as values do, and one of the user's own", () => {
    const { bytes, keyBytes, string, tuple, u64 } = codecs;
    for (const codec of [bytes, keyBytes, string, tuple, u64, OWN, { ...OWN, ordered: true }]) {
      checkKeyCodec(codec);
    }
  });

  it("refuses the codecs for values", () => {
    assertThrows(() => checkKeyCodec(codecs.json), TypeError, "Cannot use codec json for keys");
    assertThrows(() => checkKeyCodec(codecs.structured), TypeError, "codec structured for keys");
    const own = { ...OWN, ordered: false } as Codec<unknown>;
    assertThrows(() => checkKeyCodec(own), TypeError, "Cannot use the codec for keys");
  });
});

describe("checkCodec()", () => {
  it("refuses values that are not codecs", () => {
    for (const other of [undefined, null, "json", {}, () => OWN, { encode: OWN.encode }]) {
      assertThrows(() => checkCodec(other as Codec<unknown>), TypeError, "encode and decode");
      assertThrows(() => checkKeyCodec(other as Codec<unknown>), TypeError, "encode and decode");
    }
  });
});

describe("the built-in codecs", () => {
  it("have the names that are kept with trees", () => {
    const { bytes, json, keyBytes, string, structured, tuple, u64 } = codecs;
    assertEquals(
      [bytes, json, keyBytes, string, structured, tuple, u64].map(({ name }) => name),
      ["bytes", "json", "bytes", "string", "structured", "tuple", "u64"],
    );
  });
});
