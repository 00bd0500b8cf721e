/**
 * Stored parts: keys sort as SQL compares values, rows keep each class, and tuples read both.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { tuple } from "../../mod.ts";
import { compare, compareBytes } from "./compare.ts";
import { PartReader } from "./part_reader.ts";
import { PartWriter } from "./parts.ts";
import { INTEGER_MAX, INTEGER_MIN, integerOf, Real, type SqlValue } from "./value.ts";

const SPECIAL: SqlValue[] = [
  null,
  0,
  -1,
  255,
  256,
  2 ** 53 - 1,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  INTEGER_MIN,
  INTEGER_MAX,
  new Real(2 ** 53),
  new Real(2 ** 63),
  new Real(-(2 ** 63)),
  new Real(-0),
  new Real(Infinity),
  new Real(0.5),
  "",
  "a\0b",
  "\u00e9\u{1f600}\uffff",
  new Uint8Array(0),
  new Uint8Array([0, 1, 2, 255]),
];

const anyValue: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constantFrom(...SPECIAL),
  fc.bigInt({ min: INTEGER_MIN, max: INTEGER_MAX }).map(integerOf),
  fc.double({ noNaN: true }).map((value) => new Real(value)),
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.uint8Array({ maxLength: 4 }),
);

function keyOf(...values: SqlValue[]): Uint8Array {
  const writer = new PartWriter();
  for (const value of values) writer.keyValue(value, "BINARY");
  return writer.take();
}

describe("stored parts", () => {
  it("of keys sort as values do", () => {
    fc.assert(fc.property(anyValue, anyValue, anyValue, (first, a, b) => {
      const order = Math.sign(compareBytes(keyOf(first, a), keyOf(first, b)));
      assertEquals(order, Math.sign(compare(a, b)));
    }));
  });

  it("of keys are read to their end, whatever follows", () => {
    fc.assert(fc.property(anyValue, fc.integer(), (value, rowid) => {
      const writer = new PartWriter();
      writer.keyValue(value, "BINARY");
      const { length } = writer;
      writer.integer(rowid);
      const reader = new PartReader();
      reader.reset(writer.take());
      reader.skipKeyValue();
      assertEquals([reader.at, reader.rowid()], [length, rowid]);
      reader.reset(writer.take());
      const read = reader.keyValue(value instanceof Real);
      assertEquals([compare(read, value), reader.at], [0, length]);
    }));
  });

  it("of rows keep values and their classes, and are tuples", () => {
    fc.assert(fc.property(fc.array(anyValue, { maxLength: 5 }), (values) => {
      const writer = new PartWriter();
      for (const value of values) writer.rowValue(value);
      const bytes = writer.take();
      const reader = new PartReader();
      reader.reset(bytes);
      assertEquals(values.map(() => reader.rowValue()), values);
      assertEquals(reader.isAtEnd, true);
      assertEquals(tuple.encode(tuple.decode(bytes)), bytes);
    }));
  });

  it("of rows keep integers and texts of each length", () => {
    const sizes = [...Array(7).keys()].flatMap((bytes) => [256 ** bytes - 1, 256 ** bytes]);
    const texts = [0, 1, 3, 4, 7, 12, 13, 48, 49, 511, 512, 513].flatMap((length) =>
      ["", "\0", "\u00e9"].map((last) => "abcdefg".repeat(74).slice(0, length) + last)
    );
    for (const value of [...sizes, ...sizes.map((size) => 0 - size), ...texts]) {
      const bytes = new PartWriter();
      bytes.rowValue(value);
      const reader = new PartReader();
      reader.reset(bytes.take());
      assertEquals(reader.rowValue(), value);
      const [part] = tuple.decode(bytes.take());
      assertEquals(typeof part === "bigint" ? Number(part) : part, value);
      assertEquals(tuple.encode([part!]), bytes.take());
    }
  });

  it("are refused if they are malformed", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (bytes) => {
      const reader = new PartReader();
      reader.reset(bytes);
      try {
        while (!reader.isAtEnd) reader.rowValue();
      } catch (error) {
        assertEquals((error as Error).message.startsWith("Cannot read a row"), true);
      }
    }));
    const reader = new PartReader();
    reader.reset(new Uint8Array([0x40, 0x80]));
    assertThrows(() => reader.rowValue(), TypeError, "Cannot read a row");
  });
});
