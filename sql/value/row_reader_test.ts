/**
 * Values read in place are those that a reader of parts finds, patterns on bytes match as LIKE
 * does, and bytes that are not a row are refused.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { bytePattern } from "./byte_pattern.ts";
import { PartReader } from "./part_reader.ts";
import { PartWriter } from "./parts.ts";
import { like } from "./pattern.ts";
import { NUMBER_KIND, RowReader } from "./row_reader.ts";
import { INTEGER_MAX, INTEGER_MIN, integerOf, Real, type SqlValue } from "./value.ts";

const anyText = fc.string({ unit: fc.constantFrom("a", "B", "%", "\0", "\u0001", "\u00e9", "k") });

const anyValue: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constant(null),
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.bigInt({ min: INTEGER_MIN, max: INTEGER_MAX }).map(integerOf),
  fc.double({ noNaN: true }).map((value) => new Real(value)),
  anyText,
  fc.uint8Array({ maxLength: 4 }),
);

function rowOf(values: readonly SqlValue[]): Uint8Array {
  const writer = new PartWriter();
  for (const value of values) writer.rowValue(value);
  return writer.take();
}

describe("a row read in place", () => {
  it("has the values that were written, in any order", () => {
    const values = fc.array(anyValue, { maxLength: 6 });
    fc.assert(fc.property(values, fc.array(fc.nat(7), { maxLength: 9 }), (row, order) => {
      const bytes = rowOf(row);
      const around = new Uint8Array(bytes.length + 6).fill(0xff);
      around.set(bytes, 3);
      const reader = new RowReader(8);
      reader.reset(around, 3, 3 + bytes.length);
      const whole = new PartReader();
      whole.reset(bytes);
      const expected = row.map(() => whole.rowValue());
      for (const column of order) {
        const value = expected[column];
        assertEquals(reader.value(column), value);
        const kind = reader.numberKind(column);
        if (typeof value === "number" && Math.abs(value) < 2 ** 48) {
          assertEquals([kind, reader.number], [NUMBER_KIND.integer, value]);
        } else if (value instanceof Real) {
          assertEquals([kind, reader.number], [NUMBER_KIND.real, value.value]);
        } else if (typeof value !== "number") assertEquals(kind, NUMBER_KIND.none);
      }
    }));
  });

  it("matches patterns as LIKE does", () => {
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "K", "%", "_", "\u00e9", "\\") });
    const escape = fc.constantFrom(undefined, "\\");
    fc.assert(
      fc.property(anyText, pattern, escape, (text, given, escaped) => {
        const compiled = bytePattern(given, escaped);
        if (compiled === undefined) return;
        const reader = new RowReader(2);
        const bytes = rowOf([7, text]);
        reader.reset(bytes, 0, bytes.length);
        assertEquals(reader.matches(1, compiled), like(given, text, escaped), `${given} ${text}`);
        assertEquals(reader.matches(0, compiled), undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it("is refused if its bytes are not a row", () => {
    const bytes = rowOf([1000, "text", new Real(0.5)]);
    for (let end = 1; end < bytes.length; end++) {
      const reader = new RowReader(4);
      reader.reset(bytes, 0, end);
      const read = () => [0, 1, 2].map((column) => reader.value(column));
      // A cut between two values leaves a shorter row.
      const cuts = [5, 11];
      if (cuts.includes(end)) assertEquals(read().includes(undefined), true);
      else assertThrows(read, TypeError, "its bytes are not the parts of one");
    }
    const reader = new RowReader(1);
    reader.reset(new Uint8Array([0x99]), 0, 1);
    assertThrows(() => reader.value(1), TypeError);
  });
});
