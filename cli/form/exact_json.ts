/**
 * JSON texts whose numbers are kept as they are written, or refused: a number of JavaScript holds
 * whole numbers exactly up to 2^53, and what is past 1.8e308 not at all, so two keys of an input
 * could become one without a word.
 *
 * A whole number is taken where it is exactly the number that is kept, or has the digits that this
 * number is written with (18446744073709552000 for 2^64), so that what Quire has written is read
 * back. Digits of a fraction that no number holds are rounded, as every reader of JSON rounds them.
 */

import { EXIT, Refusal } from "../io/exit.ts";

const QUOTE = '"';
const BACKSLASH = "\\";
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Without one of these every number is kept. */
const MAY_ROUND = /\d{16}|\d[eE]/;
const EXACT_END = 2 ** 53;

/** A number that would come back as another one. */
export class RoundedNumber extends Refusal {
  /** The line of the text where it begins, from 1. */
  readonly line: number;
  /** The character of that line where it begins, from 1. */
  readonly column: number;
  /** What is wrong with it, without its place. */
  readonly reason: string;

  /** A number in a text, and where it begins there. */
  constructor(literal: string, text: string, at: number) {
    const before = text.slice(0, at).split("\n");
    const line = before.length;
    const column = [...before.at(-1)!].length + 1;
    const reason = reasonOf(literal);
    super(`Cannot use the value: line ${line}, column ${column}: ${reason}`, EXIT.malformed);
    this.line = line;
    this.column = column;
    this.reason = reason;
  }
}

/**
 * The value of a JSON text.
 *
 * @throws {SyntaxError} It is none.
 * @throws {RoundedNumber} A number in it would be rounded.
 */
export function parseExact(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (MAY_ROUND.test(text)) checkNumbers(text);
  return value;
}

/** Looks at every number of a text that is JSON. */
function checkNumbers(text: string): void {
  for (let at = 0; at < text.length;) {
    const quote = text.indexOf(QUOTE, at);
    const end = quote < 0 ? text.length : quote;
    for (const { 0: literal, index } of text.slice(at, end).matchAll(NUMBER)) {
      if (isRounded(literal)) throw new RoundedNumber(literal, text, at + index);
    }
    at = quote < 0 ? end : endOfString(text, quote + 1);
  }
}

/** Where a string of JSON ends, from its first character on. */
function endOfString(text: string, start: number): number {
  for (let at = start;;) {
    const quote = text.indexOf(QUOTE, at);
    let first = quote;
    while (text[first - 1] === BACKSLASH) first--;
    if ((quote - first) % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function isRounded(literal: string): boolean {
  const number = Number(literal);
  if (!Number.isFinite(number)) return true;
  const given = decimalOf(literal);
  if (number === 0) return given.digits !== "";
  if (given.exponent < 0 && Math.abs(number) < EXACT_END) return false;
  const kept = decimalOf(String(number));
  if (given.digits === kept.digits && given.exponent === kept.exponent) return false;
  if (given.exponent < 0) return true;
  return BigInt(given.digits) * 10n ** BigInt(given.exponent) !== BigInt(Math.abs(number));
}

/** The digits of a number from the first to the last that is not 0, and the power of the last. */
function decimalOf(literal: string): { readonly digits: string; readonly exponent: number } {
  const [mantissa = "", power = "0"] = literal.split(/[eE]/);
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  return { digits, exponent: Number(power) - fraction.length + all.length - digits.length };
}

function reasonOf(literal: string): string {
  const number = Number(literal);
  const shown = literal.length <= 40 ? literal : `${literal.slice(0, 37)}...`;
  const kept = 'write it as "...", or for u64 and structured as {"$bigint": "..."}';
  return Number.isFinite(number)
    ? `${shown} would be rounded to ${number}; ${kept}`
    : `${shown} is past the largest number; ${kept}`;
}
