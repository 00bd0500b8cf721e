/**
 * Numbers as text and text as numbers, as SQLite converts them: the longest prefix that is a
 * number, and REALs in the digits that SQLite prints.
 */

import { realDigits } from "./real_digits.ts";
import {
  fits,
  type Integer,
  integerOf,
  isNumeric,
  type Numeric,
  Real,
  type SqlValue,
  textOfBytes,
} from "./value.ts";

const PREFIX = /^[ \t\n\v\f\r]*([+-]?)(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/;
const WHOLE = /^[ \t\n\v\f\r]*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t\n\v\f\r]*$/;
const INTEGER_PREFIX = /^[ \t\n\v\f\r]*([+-]?\d+)/;
const EXPONENT_MIN = -4;
const EXPONENT_MAX = 17;

/** The text of a REAL, which always has a point or an exponent, or is `Inf` or `-Inf`. */
export function textOfReal(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "Inf" : "-Inf";
  if (value === 0) return "0.0";
  const { digits, point } = realDigits(Math.abs(value));
  return (value < 0 ? "-" : "") + placed(digits, point - 1);
}

/** Digits with the point where the exponent puts it. */
function placed(digits: string, exponent: number): string {
  if (exponent < EXPONENT_MIN || exponent >= EXPONENT_MAX) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits[0]}.${digits.slice(1) || "0"}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const before = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${before}.${digits.slice(exponent + 1) || "0"}`;
}

/** The text of a value, as CAST and the operator || make it. NULL has none. */
export function textOf(value: Exclude<SqlValue, null>): string {
  if (typeof value === "string") return value;
  if (value instanceof Real) return textOfReal(value.value);
  return value instanceof Uint8Array ? textOfBytes(value) : String(value);
}

/** The number that text begins with; 0 if there is none. */
export function numberPrefix(text: string): Numeric {
  const match = PREFIX.exec(text);
  return match === null ? 0 : parsed(match[1]! + match[2]!);
}

/** The number that a text is, apart from blanks around it; undefined if it is not one. */
export function wholeNumberText(text: string): Numeric | undefined {
  return WHOLE.test(text) ? parsed(text.trim()) : undefined;
}

/** The integer that text begins with, kept in 64 bits; 0 if there is none. */
export function integerPrefix(text: string): Integer {
  const match = INTEGER_PREFIX.exec(text);
  if (match === null) return 0;
  return integerOf(clamp(BigInt(match[1]!.replace("+", ""))));
}

/** A bigint moved into 64 bits. */
export function clamp(value: bigint): bigint {
  if (fits(value)) return value;
  return value < 0n ? -(2n ** 63n) : 2n ** 63n - 1n;
}

/** A number without blanks around it. */
function parsed(text: string): Numeric {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
    const big = BigInt(text.replace("+", ""));
    return fits(big) ? big : new Real(number);
  }
  return new Real(Number(text));
}

/** A value as a number: text and blobs by their prefix. NULL stays NULL. */
export function numericOf(value: SqlValue): Numeric | null {
  if (value === null || isNumeric(value)) return value;
  return numberPrefix(typeof value === "string" ? value : textOfBytes(value));
}

/** Whether a value is true; undefined for NULL. */
export function isTrue(value: SqlValue): boolean | undefined {
  if (typeof value === "number") return value !== 0;
  const number = numericOf(value);
  if (number === null) return undefined;
  return number instanceof Real ? number.value !== 0 : number != 0;
}
