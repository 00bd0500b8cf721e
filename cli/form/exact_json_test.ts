/**
 * Numbers of JSON that are kept as they are written, and those that are refused.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { parseExact, RoundedNumber } from "./exact_json.ts";

describe("parseExact()", () => {
  it("reads what no number of it makes another one", () => {
    const texts = ["1", "-0", "9007199254740992", "-9007199254740991", "1e23", "1.5e3", "0e999"];
    const more = ["18446744073709551616", "0.1000000000000000055511151231257827", "5e-324"];
    for (const text of [...texts, ...more, '"1e400"', '{"9007199254740993":"\\\\"}', "[1e2]"]) {
      assertEquals(parseExact(text), JSON.parse(text), text);
    }
  });

  it("refuses a number that would be rounded, with its place", () => {
    const rows: [text: string, line: number, column: number][] = [
      ["9007199254740993", 1, 1],
      ["-9007199254740993.0", 1, 1],
      ['{"a":"9007199254740993","\\\\\\"":\n [1, 1e400]}', 2, 6],
      ['["\u{1f30d}",123456789012345678901]', 1, 6],
      ["1e-400", 1, 1],
      ["900719925474099.3e1", 1, 1],
    ];
    for (const [text, line, column] of rows) {
      const error = assertThrows(() => parseExact(text), RoundedNumber);
      assertEquals([error.line, error.column], [line, column], text);
    }
  });

  it("reads every number that JSON.stringify() writes", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    const whole = fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(Number);
    fc.assert(fc.property(fc.array(fc.oneof(number, whole, fc.string())), (values) => {
      const text = JSON.stringify(values);
      assertEquals(parseExact(text), JSON.parse(text));
    }));
  });

  it("refuses just those whole numbers that come back as others", () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n }), (value) => {
      const isKept = BigInt(Number(value)) === value ||
        JSON.stringify(Number(value)) === `${value}`;
      if (isKept) assertEquals(parseExact(`${value}`), Number(value));
      else assertThrows(() => parseExact(`${value}`), RoundedNumber);
    }));
  });
});
