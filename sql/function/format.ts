/**
 * `format`, also called `printf`.
 */

import { wholePart } from "../value/arithmetic.ts";
import { numericOf, textOf } from "../value/number_text.ts";
import { doubleOf, integerOf, type SqlValue } from "../value/value.ts";
import { define, type ScalarDefinition } from "./types.ts";

const DIRECTIVE = /%([-+ 0,#!]*)(\*|\d+)?(?:\.(\*|\d+))?(?:ll|l|h)?([a-zA-Z%])/g;
const WIDTH_MAX = 10_000;

/** A directive with its values. */
interface Directive {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly code: string;
}

function format(args: readonly SqlValue[]): SqlValue {
  const [first, ...values] = args;
  if (first === undefined || first === null) return null;
  let at = 0;
  const next = () => values[at++] ?? null;
  const count = (text: string | undefined) =>
    text === "*" ? Number(wholePart(numericOf(next()) ?? 0)) : Number(text ?? 0);
  return textOf(first).replace(DIRECTIVE, (_, flags, width, precision, code) => {
    if (code === "%") return "%";
    const given = count(width);
    const directive: Directive = {
      flags: given < 0 ? `${flags}-` : flags,
      width: Math.min(Math.abs(given), WIDTH_MAX),
      precision: precision === undefined ? undefined : Math.min(count(precision), WIDTH_MAX),
      code,
    };
    return padded(directive, converted(directive, next()));
  });
}

function padded({ flags, width, code }: Directive, text: string): string {
  if (flags.includes("-")) return text.padEnd(width);
  const isNumber = "dixXoupreEfgG".includes(code);
  if (!flags.includes("0") || !isNumber) return text.padStart(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function converted(directive: Directive, value: SqlValue): string {
  const { code, precision } = directive;
  switch (code) {
    case "d":
    case "i":
      return integer(directive, value);
    case "u":
      return integer(directive, integerOf(unsigned(value)));
    case "r":
      return integer(directive, value) + ordinal(value);
    case "x":
    case "X":
    case "o":
    case "p":
      return digitsOf(directive, unsigned(value));
    case "e":
    case "E":
    case "f":
    case "F":
    case "g":
    case "G":
      return real(directive, value);
    case "c":
      return [...textIn(value)][0] ?? "";
    case "s":
    case "z": {
      const text = textIn(value);
      return precision === undefined ? text : [...text].slice(0, precision).join("");
    }
    case "q":
      return textIn(value, "(NULL)").replaceAll("'", "''");
    case "Q":
      return value === null ? "NULL" : `'${textIn(value).replaceAll("'", "''")}'`;
    case "w":
      return textIn(value, "(NULL)").replaceAll('"', '""');
  }
  return "";
}

/** A value as 64 bits without a sign. */
function unsigned(value: SqlValue): bigint {
  return BigInt.asUintN(64, BigInt(wholePart(numericOf(value) ?? 0)));
}

/** The ending of an English ordinal number. */
function ordinal(value: SqlValue): string {
  const size = unsigned(value) % 100n;
  const isTeen = size > 10n && size < 20n;
  return (isTeen ? undefined : ["th", "st", "nd", "rd"][Number(size % 10n)]) ?? "th";
}

/** Digits of base 8 or 16, with the mark of the base for `#`. */
function digitsOf({ code, flags, width }: Directive, bits: bigint): string {
  // The zeros of a width lie behind the mark, which is not part of it.
  const zeros = flags.includes("0") && !flags.includes("-") ? width : 0;
  const digits = bits.toString(code === "o" ? 8 : 16).padStart(zeros, "0");
  const hasMark = flags.includes("#") && bits !== 0n && code !== "p";
  const text = hasMark ? (code === "o" ? "0" : "0x") + digits : digits;
  return code === "X" || code === "p" ? text.toUpperCase() : text;
}

function textIn(value: SqlValue, otherwise = ""): string {
  return value === null ? otherwise : textOf(value);
}

function signed(flags: string, text: string): string {
  if (text.startsWith("-")) return text;
  return flags.includes("+") ? `+${text}` : flags.includes(" ") ? ` ${text}` : text;
}

function integer({ flags, precision }: Directive, value: SqlValue): string {
  const text = String(wholePart(numericOf(value) ?? 0));
  const sign = text.startsWith("-") ? "-" : "";
  let digits = text.slice(sign.length).padStart(precision ?? 0, "0");
  if (flags.includes(",")) digits = digits.replace(/\B(?=(\d{3})+$)/g, ",");
  return signed(flags, sign + digits);
}

function real({ flags, precision = 6, code }: Directive, value: SqlValue): string {
  const number = doubleOf(numericOf(value) ?? 0);
  if (!Number.isFinite(number)) return signed(flags, number > 0 ? "Inf" : "-Inf");
  const digits = Math.min(precision, 100);
  const lower = code.toLowerCase();
  let text: string;
  if (lower === "f") text = fixed(number, digits);
  else if (lower === "e") text = exponent(number.toExponential(digits));
  else text = general(number, digits || 1, flags.includes("#"));
  if (flags.includes(",")) {
    text = text.replace(
      /^(-?)(\d+)/,
      (_, sign, whole) => sign + whole.replace(/\B(?=(\d{3})+$)/g, ","),
    );
  }
  return signed(flags, code === lower ? text : text.toUpperCase());
}

function fixed(number: number, digits: number): string {
  if (Math.abs(number) < 1e21) return number.toFixed(digits);
  const whole = String(BigInt(number));
  return digits === 0 ? whole : `${whole}.${"0".repeat(digits)}`;
}

/** At least two digits of the exponent. */
function exponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function general(number: number, digits: number, keepsZeros: boolean): string {
  if (number === 0) return "0";
  const scientific = number.toExponential(digits - 1);
  const power = Number(scientific.split("e")[1]);
  const isShort = power >= -4 && power < digits;
  const text = isShort ? number.toFixed(Math.max(0, digits - 1 - power)) : exponent(scientific);
  if (keepsZeros || !text.includes(".")) return text;
  return text.replace(/\.?0+(?=e|$)/, "");
}

/** The functions of formats. */
export const FORMAT_FUNCTIONS: Readonly<Record<string, ScalarDefinition>> = {
  format: define(0, 127, format),
  printf: define(0, 127, format),
};
