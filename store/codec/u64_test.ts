// Whole numbers of 64 bits: the same bytes from numbers and bigints, in the order of the numbers.

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  checkBytes,
  checkEncodeInto,
  checkOrder,
  checkValue,
} from "../../tests/support/databases/codec_laws.ts";
import { u64 } from "./u64.ts";

const EDGES = [0n, 1n, 255n, 256n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n];
const U64 = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const EXACT = fc.oneof(
  fc.constantFrom(0, -0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
);

describe("u64", () => {
  it("keeps bigints, in their order", () => {
    fc.assert(fc.property(U64, U64, (a, b) => {
      checkValue<bigint, bigint, never>(u64, a);
      checkOrder<bigint>(u64, a, b, a < b ? -1 : Number(a > b));
    }));
  });

  it("keeps numbers as the bigints they are", () => {
    fc.assert(fc.property(EXACT, (value) => {
      assertEquals(u64.encode(value), u64.encode(BigInt(value)));
      checkEncodeInto<number>(u64, value);
    }));
  });

  it("has 8 bytes, the highest first", () => {
    const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    assertEquals(u64.encode(0x0102030405060708n), bytes);
    assertEquals(u64.decode(bytes), 0x0102030405060708n);
    assertEquals(u64.encode(0x10203040506), new Uint8Array([0, 0, 1, 2, 3, 4, 5, 6]));
  });

  it("refuses numbers that are not exact, negative ones and larger ones", () => {
    const refused = [-1, 0.5, NaN, Infinity, 2 ** 53, -1n, 2n ** 64n, -(2n ** 64n)];
    for (const value of refused) {
      assertThrows(() => u64.encode(value), RangeError, "Cannot encode: ");
      assertThrows(() => u64.encodeInto!(value, new Uint8Array(9)), RangeError, "Cannot encode: ");
    }
  });

  it("refuses values that are not numbers", () => {
    for (const value of [undefined, null, "1", true, {}, Object(1n)]) {
      assertThrows(() => u64.encode(value as bigint), TypeError, "neither a bigint nor a number");
    }
  });

  it("reads 8 bytes and refuses more and fewer", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 10 }), (bytes) => {
      checkBytes<bigint, never>(u64, bytes);
    }));
    assertThrows(() => u64.decode(new Uint8Array(7)), TypeError, "7 bytes are not a u64");
    assertThrows(() => u64.decode(new Uint8Array(9)), TypeError, "9 bytes are not a u64");
  });
});
