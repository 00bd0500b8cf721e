/**
 * `format`, also called `printf`.
 */

import { wholePart } from "../value/arithmetic.ts";
import { exponentText, fixedText, generalText } from "../value/decimal_text.ts";
import { numericOf, textOf } from "../value/number_text.ts";
import { doubleOf, integerOf, type SqlValue } from "../value/value.ts";
import { firstCharacters } from "./text.ts";
import { ARGUMENTS_MAX, define, type ScalarDefinition } from "./types.ts";

const DIRECTIVE = /%([-+ 0,#!]*)(\*|\d+)?(?:\.(\*|\d*))?(?:ll|l|h)?([a-zA-Z%])/g;
const SIZE_BITS = 0x7fffffffn;
const PRECISION_MAX = 100_000_000;
/** The significant digits of a double that are shown, without and with the flag `!`. */
const DIGITS_SHOWN = 16;
const DIGITS_ALL = 18;

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
    // As in SQLite, a number of 31 bits and a sign.
    text === "*"
      ? Number(wholePart(numericOf(next()) ?? 0)) | 0
      : Number(BigInt(text ?? 0) & SIZE_BITS);
  return textOf(first).replace(DIRECTIVE, (_, flags, width, precision, code) => {
    if (code === "%") return "%";
    const given = count(width);
    const directive: Directive = {
      flags: given < 0 ? `${flags}-` : flags,
      width: Math.abs(given),
      precision: precision === undefined ? undefined : Math.abs(count(precision)),
      code,
    };
    return padded(directive, converted(directive, next()));
  });
}

function padded({ flags, width, code }: Directive, text: string): string {
  if (flags.includes("-")) return text.padEnd(width);
  // An integer has its zeros already, among its digits.
  if (!flags.includes("0") || !"eEfFgG".includes(code)) return text.padStart(width);
  const sign = /^[-+ ]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function converted(directive: Directive, value: SqlValue): string {
  const { code, precision } = directive;
  switch (code) {
    case "d":
    case "i":
      return integer(directive, value);
    case "u":
      return integer(
        { ...directive, flags: directive.flags.replace(/[+ ]/g, "") },
        integerOf(unsigned(value)),
      );
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
      return firstCharacters(textIn(value), 1).repeat(Math.max(1, precision ?? 1));
    case "s":
    case "z":
      return cut(textIn(value), precision);
    case "q":
      return cut(textIn(value, "(NULL)"), precision).replaceAll("'", "''");
    case "Q":
      return value === null
        ? cut("NULL", precision)
        : `'${cut(textIn(value), precision).replaceAll("'", "''")}'`;
    case "w":
      return cut(textIn(value, "(NULL)"), precision).replaceAll('"', '""');
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
function digitsOf(directive: Directive, bits: bigint): string {
  const { code, flags } = directive;
  const digits = bits.toString(code === "o" ? 8 : 16).padStart(leastDigits(directive, ""), "0");
  const hasMark = flags.includes("#") && bits !== 0n && code !== "p";
  const text = hasMark ? (code === "o" ? "0" : "0x") + digits : digits;
  return code === "X" || code === "p" ? text.toUpperCase() : text;
}

/** The minimum number of digits of an integer: the precision, or a width filled with zeros. */
function leastDigits({ code, flags, width, precision = 0 }: Directive, sign: string): number {
  const ending = code === "r" ? 2 : 0;
  return flags.includes("0") ? Math.max(precision, width - sign.length - ending) : precision;
}

/** The first characters of a text. */
function cut(text: string, precision: number | undefined): string {
  if (precision === undefined || text.length <= precision) return text;
  return firstCharacters(text, precision);
}

function textIn(value: SqlValue, otherwise = ""): string {
  return value === null ? otherwise : textOf(value);
}

function signed(flags: string, text: string): string {
  if (text.startsWith("-")) return text;
  return flags.includes("+") ? `+${text}` : flags.includes(" ") ? ` ${text}` : text;
}

function integer(directive: Directive, value: SqlValue): string {
  const { flags } = directive;
  const text = String(wholePart(numericOf(value) ?? 0));
  const size = text.startsWith("-") ? text.slice(1) : text;
  const sign = signed(flags, text).slice(0, -size.length);
  const digits = size.padStart(leastDigits(directive, sign), "0");
  return sign + (flags.includes(",") ? digits.replace(/\B(?=(\d{3})+$)/g, ",") : digits);
}

function real({ flags, precision = 6, code }: Directive, value: SqlValue): string {
  const number = doubleOf(numericOf(value) ?? 0);
  if (!Number.isFinite(number)) return signed(flags, number > 0 ? "Inf" : "-Inf");
  const lower = code.toLowerCase();
  // As in SQLite, which bounds the memory for digits.
  const digits = Math.min(precision, PRECISION_MAX);
  const most = flags.includes("!") ? DIGITS_ALL : DIGITS_SHOWN;
  let text = lower === "f"
    ? fixedText(number, digits, most)
    : lower === "e"
    ? exponentText(number, digits, most)
    : generalText(number, digits || 1, most, flags.includes("#"));
  if (flags.includes("#") && !/[1-9]/.test(text)) text = text.replace("-", "");
  if (flags.includes("!")) text = shortened(text);
  else if (flags.includes("#") && !text.includes(".")) text = text.replace(/^-?\d+/, "$&.");
  if (flags.includes(",")) {
    text = text.replace(
      /^(-?)(\d+)/,
      (_, sign, whole) => sign + whole.replace(/\B(?=(\d{3})+$)/g, ","),
    );
  }
  return signed(flags, code === lower ? text : text.toUpperCase());
}

/** The text of a double without trailing zeros, but with a point. */
function shortened(text: string): string {
  const [, whole, part = "", power] = /^(-?\d+)(?:\.(\d*))?(e.*)?$/.exec(text)!;
  return `${whole}.${part.replace(/0+$/, "") || "0"}${power ?? ""}`;
}

/** The functions of formats. */
export const FORMAT_FUNCTIONS: Readonly<Record<string, ScalarDefinition>> = {
  format: define(0, ARGUMENTS_MAX, format),
  printf: define(0, ARGUMENTS_MAX, format),
};
