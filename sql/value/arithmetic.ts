/**
 * The arithmetic of SQL: integers of 64 bits that become REALs where they overflow, division by
 * zero that is NULL, and bits.
 */

import { clamp, integerPrefix, numericOf, textOf } from "./number_text.ts";
import {
  doubleOf,
  fits,
  type Integer,
  INTEGER_MIN,
  integerOf,
  type Numeric,
  Real,
  realOf,
  type SqlValue,
  TWO_63,
} from "./value.ts";

/** Whether both are numbers and one is a REAL, so the result is a REAL. */
function areDoubles(a: SqlValue, b: SqlValue): boolean {
  if (a instanceof Real) return b instanceof Real || typeof b === "number";
  return typeof a === "number" && b instanceof Real;
}

function toDouble(value: SqlValue): number {
  return value instanceof Real ? value.value : value as number;
}

/** The sum of two values. */
export function add(a: SqlValue, b: SqlValue): SqlValue {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  if (areDoubles(a, b)) return realOf(toDouble(a) + toDouble(b));
  return combine(a, b, (x, y) => x + y, (x, y) => x + y);
}

/** The difference of two values. */
export function subtract(a: SqlValue, b: SqlValue): SqlValue {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  if (areDoubles(a, b)) return realOf(toDouble(a) - toDouble(b));
  return combine(a, b, (x, y) => x - y, (x, y) => x - y);
}

/** The product of two values. */
export function multiply(a: SqlValue, b: SqlValue): SqlValue {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    // An integer is never minus zero.
    if (Number.isSafeInteger(product)) return product === 0 ? 0 : product;
  }
  if (areDoubles(a, b)) return realOf(toDouble(a) * toDouble(b));
  return combine(a, b, (x, y) => x * y, (x, y) => x * y);
}

/** The quotient, truncated between integers; NULL for a division by zero. */
export function divide(a: SqlValue, b: SqlValue): SqlValue {
  const x = numericOf(a);
  const y = numericOf(b);
  if (x === null || y === null || doubleOf(y) === 0) return null;
  if (x instanceof Real || y instanceof Real) return realOf(doubleOf(x) / doubleOf(y));
  if (typeof x === "number" && typeof y === "number") {
    const quotient = Math.trunc(x / y);
    // A quotient of large integers may be rounded up.
    if (Math.abs(x) < 2 ** 50) return quotient === 0 ? 0 : quotient;
  }
  const quotient = BigInt(x) / BigInt(y);
  return fits(quotient) ? integerOf(quotient) : realOf(doubleOf(x) / doubleOf(y));
}

/** The remainder of an integer division, with the dividend's sign; NULL for a division by zero. */
export function remainder(a: SqlValue, b: SqlValue): SqlValue {
  const x = numericOf(a);
  const y = numericOf(b);
  if (x === null || y === null) return null;
  const [dividend, divisor] = [wholeOfOperand(a, x), wholeOfOperand(b, y)];
  if (divisor === 0) return null;
  const rest = typeof dividend === "number" && typeof divisor === "number"
    ? dividend % divisor
    : integerOf(BigInt(dividend) % BigInt(divisor));
  const plain = rest === 0 ? 0 : rest;
  return x instanceof Real || y instanceof Real ? realOf(Number(plain)) : plain;
}

/** The value with its sign reversed. */
export function negate(value: SqlValue): SqlValue {
  const number = numericOf(value);
  if (number === null) return null;
  if (number instanceof Real) return new Real(-number.value);
  return subtract(0, number);
}

function combine(
  a: SqlValue,
  b: SqlValue,
  exact: (a: bigint, b: bigint) => bigint,
  rounded: (a: number, b: number) => number,
): SqlValue {
  const x = numericOf(a);
  const y = numericOf(b);
  if (x === null || y === null) return null;
  if (!(x instanceof Real) && !(y instanceof Real)) {
    const result = exact(BigInt(x), BigInt(y));
    if (fits(result)) return integerOf(result);
  }
  return realOf(rounded(doubleOf(x), doubleOf(y)));
}

/** A number as an integer: a REAL without its fraction, kept in 64 bits. */
export function wholePart(value: Numeric): Integer {
  if (!(value instanceof Real)) return value;
  const whole = Math.trunc(value.value);
  if (Number.isSafeInteger(whole)) return whole === 0 ? 0 : whole;
  if (whole >= TWO_63) return clamp(2n ** 64n);
  return whole < -TWO_63 ? INTEGER_MIN : integerOf(BigInt(whole));
}

/** An operand as an integer: text by the integer that it begins with. */
function wholeOfOperand(value: SqlValue, number: Numeric): Integer {
  if (typeof value === "string") return integerPrefix(value);
  return value instanceof Uint8Array ? integerPrefix(textOf(value)) : wholePart(number);
}

function bitsOf(value: SqlValue): bigint | null {
  const number = numericOf(value);
  return number === null ? null : BigInt(wholeOfOperand(value, number));
}

/** An operator on the bits of two integers. */
export type BitOperator = "&" | "|" | "<<" | ">>";

/** Applies an operator to the bits of two values. */
export function bitwise(operator: BitOperator, a: SqlValue, b: SqlValue): SqlValue {
  const x = bitsOf(a);
  const y = bitsOf(b);
  if (x === null || y === null) return null;
  switch (operator) {
    case "&":
      return integerOf(x & y);
    case "|":
      return integerOf(x | y);
    case "<<":
      return shift(x, y);
    case ">>":
      return shift(x, -y);
  }
}

/** The bits shifted left, or right by a negative number. */
function shift(value: bigint, by: bigint): Integer {
  if (by >= 64n) return 0;
  if (by >= 0n) return integerOf(BigInt.asIntN(64, value << by));
  if (by <= -64n) return value < 0n ? -1 : 0;
  return integerOf(value >> -by);
}

/** The bits inverted. */
export function complement(value: SqlValue): SqlValue {
  const bits = bitsOf(value);
  return bits === null ? null : integerOf(~bits);
}

/** The texts of two values, one after the other. */
export function concatenate(a: SqlValue, b: SqlValue): SqlValue {
  return a === null || b === null ? null : textOf(a) + textOf(b);
}
