/** Values as bytes: those of Deno KV, and back. */

import { assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { KvU64 } from "../api/u64.ts";
import { decodeValue, encodeValue, ENCODING } from "./value.ts";

const again = (value: unknown) => {
  const { encoding, data } = encodeValue(value);
  return decodeValue(encoding, data);
};

describe("encodeValue()", () => {
  it("makes the bytes of Deno KV", () => {
    const hexOf = (value: unknown) => encodeValue(value).data.toHex();
    assertEquals(hexOf("abc"), "ff102203616263");
    assertEquals(hexOf(undefined), "ff105f");
    assertEquals(hexOf(new Map([[1, { a: 2 }]])), "ff103b49026f22016149047b013a02");
    assertEquals(hexOf(new KvU64(77n)), "4d00000000000000");
    assertEquals(hexOf(new Uint8Array([9, 8])), "0908");
    const nested = { a: new Uint8Array([1, 2, 3]) };
    assertEquals(hexOf(nested), "ff106f22016142030102035642000300" + "7b01");
  });

  it("is the inverse of decodeValue()", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const values = [null, -0, NaN, 10n, new Date(5), /a/g, new Set([1]), [1, , 3], cycle];
    for (const value of [...values, new Float64Array([1.5]), new KvU64(7n), new Uint8Array([0])]) {
      assertEquals(again(value), value);
    }
  });

  it("refuses what cannot be cloned, in the words of Deno KV", () => {
    assertThrows(() => encodeValue(() => 1), TypeError, "()=>1 could not be cloned.");
    assertThrows(
      () => encodeValue({ a: [Symbol("q")] }),
      TypeError,
      "Symbol(q) could not be cloned.",
    );
    assertThrows(() => encodeValue(new MessageChannel().port1), TypeError, "Unsupported object");
  });

  it("refuses streams and blobs, also inside a value", () => {
    const blob = new Blob(["x"]);
    const values = [
      blob,
      { a: [{ b: blob }] },
      new Map([[1, blob]]),
      new Set([blob]),
      new Error("a", { cause: blob }),
    ];
    for (const value of values) {
      assertThrows(() => encodeValue(value), TypeError, "#<Blob> could not be cloned.");
    }
    const { readable } = new TransformStream();
    assertThrows(() => encodeValue([readable]), TypeError, "Unsupported object type");
    const cycle: Record<string, unknown> = { empty: {}, url: new URL("http://a"), text: "o{\0" };
    cycle["self"] = cycle;
    assertEquals(Object.keys(again(cycle) as object), ["empty", "url", "text", "self"]);
  });

  it("passes the error of a getter", () => {
    const value = {
      get a() {
        throw new RangeError("mine");
      },
    };
    assertThrows(() => encodeValue(value), RangeError, "mine");
  });
});

describe("decodeValue()", () => {
  it("shares no memory with the bytes", () => {
    const bytes = encodeValue(new Uint8Array([1, 2])).data;
    assertNotStrictEquals((decodeValue(ENCODING.bytes, bytes) as Uint8Array).buffer, bytes.buffer);
  });

  it("refuses malformed bytes and unknown encodings", () => {
    assertThrows(() => decodeValue(ENCODING.v8, new Uint8Array([255, 16, 34])), TypeError, "V8");
    assertThrows(() => decodeValue(ENCODING.u64, new Uint8Array(7)), TypeError, "encoding is 2");
    assertThrows(() => decodeValue(9, new Uint8Array(8)), TypeError, "encoding is 9");
  });
});
