/**
 * Scalar functions on numbers.
 */

import { wholePart } from "../value/arithmetic.ts";
import { compare } from "../value/compare.ts";
import { fixedText } from "../value/decimal_text.ts";
import { SqlError } from "../value/error.ts";
import { numericOf, wholeNumberText } from "../value/number_text.ts";
import {
  doubleOf,
  INTEGER_MIN,
  integerOf,
  isNumeric,
  type Numeric,
  Real,
  realOf,
  type SqlValue,
} from "../value/value.ts";
import { drawn } from "./outside.ts";
import {
  ARGUMENTS_MAX,
  define,
  type FunctionContext,
  type ScalarDefinition,
  strict,
} from "./types.ts";

/** The significant digits of a double that rounding looks at. */
const ROUND_DIGITS_KEPT = 18;
const ROUND_DIGITS_MAX = 30;
const WHOLE_DOUBLES = 2 ** 52;

function number(value: SqlValue | undefined): Numeric {
  return numericOf(value ?? null) ?? 0;
}

function abs([value]: readonly SqlValue[]): SqlValue {
  const given = value!;
  const plain = typeof given === "number" || typeof given === "bigint"
    ? given
    : new Real(doubleOf(number(given)));
  if (plain instanceof Real) return new Real(Math.abs(plain.value));
  if (plain === INTEGER_MIN) throw new SqlError("VALUE", "integer overflow");
  return plain < 0 ? integerOf(-BigInt(plain)) : plain;
}

function round([value, digits]: readonly SqlValue[]): SqlValue {
  const places = digits === undefined ? 0 : Number(wholePart(number(digits)));
  const x = doubleOf(number(value));
  if (!Number.isFinite(x) || Math.abs(x) >= WHOLE_DOUBLES) return realOf(x);
  const kept = Math.min(Math.max(places, 0), ROUND_DIGITS_MAX);
  if (kept === 0) return new Real(Math.trunc(x + (x < 0 ? -0.5 : 0.5)) + 0);
  return new Real(Number(fixedText(x, kept, ROUND_DIGITS_KEPT)));
}

/** The greatest argument, the first of equal ones; NULL if any is NULL. */
function greatest(args: readonly SqlValue[], { collation }: FunctionContext): SqlValue {
  if (args.includes(null)) return null;
  return args.reduce((best, value) => compare(value, best, collation) > 0 ? value : best);
}

/** The least argument, the last of equal ones; NULL if any is NULL. */
function least(args: readonly SqlValue[], { collation }: FunctionContext): SqlValue {
  if (args.includes(null)) return null;
  return args.reduce((best, value) => compare(value, best, collation) <= 0 ? value : best);
}

function randomInteger(): SqlValue {
  return integerOf(drawn(() => crypto.getRandomValues(new BigInt64Array(1))[0]!));
}

/** The argument as a number, or undefined if it is NULL or not a number. */
function given(value: SqlValue | undefined): Numeric | undefined {
  if (value === undefined || value === null) return undefined;
  if (isNumeric(value)) return value;
  return typeof value === "string" ? wholeNumberText(value) : undefined;
}

function sign([value]: readonly SqlValue[]): SqlValue {
  const x = given(value);
  return x === undefined ? null : Math.sign(doubleOf(x)) + 0;
}

/** A function of doubles; NULL for text that is not a number. */
function real(...count: [number, (...x: number[]) => number]): ScalarDefinition {
  const [args, operation] = count;
  return strict(args, args, (values) => {
    const numbers = values.map(given);
    if (numbers.includes(undefined)) return null;
    return realOf(operation(...numbers.map((x) => doubleOf(x!))));
  });
}

/** A function to whole numbers, which keeps integers. */
function whole(operation: (x: number) => number): ScalarDefinition {
  return strict(1, 1, ([value]) => {
    const x = given(value);
    return x instanceof Real ? new Real(operation(x.value)) : x ?? null;
  });
}

const log = strict(1, 2, (args) => {
  const [a, b] = args.map(given);
  if (a === undefined || (args.length === 2 && b === undefined)) return null;
  if (b === undefined) return finite(Math.log10(doubleOf(a)));
  return finite(Math.log(doubleOf(b)) / Math.log(doubleOf(a)));
});

/** A logarithm; NULL for 0 and below, which have none. */
function finite(value: number): SqlValue {
  return Number.isFinite(value) ? new Real(value) : null;
}

function logarithm(operation: (x: number) => number): ScalarDefinition {
  return strict(1, 1, ([value]) => {
    const x = given(value);
    return x === undefined ? null : finite(operation(doubleOf(x)));
  });
}

const power = real(2, Math.pow);

/** The functions on numbers. */
export const MATH_FUNCTIONS: Readonly<Record<string, ScalarDefinition>> = {
  abs: strict(1, 1, abs),
  acos: real(1, Math.acos),
  asin: real(1, Math.asin),
  atan: real(1, Math.atan),
  atan2: real(2, Math.atan2),
  ceil: whole(Math.ceil),
  ceiling: whole(Math.ceil),
  cos: real(1, Math.cos),
  degrees: real(1, (x) => x * (180 / Math.PI)),
  exp: real(1, Math.exp),
  floor: whole(Math.floor),
  ln: logarithm(Math.log),
  log,
  log10: logarithm(Math.log10),
  log2: logarithm(Math.log2),
  max: define(2, ARGUMENTS_MAX, greatest),
  min: define(2, ARGUMENTS_MAX, least),
  mod: real(2, (x, y) => x % y),
  pi: define(0, 0, () => new Real(Math.PI)),
  pow: power,
  power,
  radians: real(1, (x) => x * (Math.PI / 180)),
  random: define(0, 0, randomInteger),
  round: strict(1, 2, round),
  sign: define(1, 1, sign),
  sin: real(1, Math.sin),
  sqrt: real(1, Math.sqrt),
  tan: real(1, Math.tan),
  trunc: whole(Math.trunc),
};
