/** The values that sum, min and max leave, and the types that they refuse. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { KvU64 } from "../api/u64.ts";
import { NEVER } from "../format/record.ts";
import { decodeValue, encodeValue } from "../value/value.ts";
import { type ArithmeticType, combine } from "./arithmetic.ts";

/** The value after a mutation. */
function after(type: ArithmeticType, before: unknown, operand: unknown): unknown {
  const { encoding } = encodeValue(before);
  const header = { encoding, version: 1, expiresAt: NEVER, ordinal: 0 };
  const record = before === undefined ? undefined : { ...header, value: before };
  const result = combine(type, record, encodeValue(operand));
  return decodeValue(result.encoding, result.data);
}

describe("combine()", () => {
  it("adds and compares integers of 64 bits, modulo 2^64", () => {
    assertEquals(after("sum", new KvU64(5n), new KvU64((1n << 64n) - 2n)), new KvU64(3n));
    assertEquals(after("min", new KvU64(5n), new KvU64(3n)), new KvU64(3n));
    assertEquals(after("max", new KvU64(5n), new KvU64(3n)), new KvU64(5n));
    assertEquals(after("min", undefined, new KvU64(3n)), new KvU64(3n));
  });

  it("adds numbers to numbers, and bigints to bigints and to integers of 64 bits", () => {
    assertEquals(after("sum", 1.5, 2), 3.5);
    assertEquals(after("sum", 1n, -(1n << 70n)), 1n - (1n << 70n));
    assertEquals(after("sum", new KvU64(1n), 2n), new KvU64(3n));
    assertEquals(after("sum", undefined, 7), 7);
  });

  it("refuses types that do not fit", () => {
    assertThrows(() => after("sum", 1, 1n), TypeError, "Cannot sum Number with BigInt");
    assertThrows(() => after("sum", new KvU64(1n), -1n), TypeError, "Cannot sum KvU64 with BigInt");
    assertThrows(() => after("sum", "text", 1), TypeError, "unsupported value type");
    assertThrows(() => after("sum", 1, new KvU64(1n)), TypeError, "non-U64 value in the database");
    assertThrows(() => after("max", new KvU64(1n), 1), TypeError, "non-U64 operand");
    assertThrows(() => after("sum", undefined, "x"), TypeError, "not valid V8 values");
  });
});
