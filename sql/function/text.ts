/**
 * Scalar functions on text and blobs.
 */

import { wholePart } from "../value/arithmetic.ts";
import { lowerAscii, upperAscii } from "../value/compare.ts";
import { SqlError } from "../value/error.ts";
import { numericOf, textOf, textOfReal } from "../value/number_text.ts";
import { escapeOf, glob, like } from "../value/pattern.ts";
import { classOf, Real, type SqlValue, truth, utf8 } from "../value/value.ts";
import { drawn } from "./outside.ts";
import {
  ARGUMENTS_MAX,
  define,
  type ScalarDefinition,
  type ScalarFunction,
  strict,
} from "./types.ts";

type Present = Exclude<SqlValue, null>;

function text(value: SqlValue | undefined): string {
  return textOf(value as Present);
}

function integer(value: SqlValue | undefined): number {
  return Number(wholePart(numericOf(value ?? null) ?? 0));
}

function length(value: SqlValue): SqlValue {
  if (value instanceof Uint8Array) return value.length;
  return codePoints(beforeZero(text(value)));
}

/** Text up to a zero, which ends it in the functions of SQLite that are written for C. */
export function beforeZero(all: string): string {
  const end = all.indexOf("\0");
  return end < 0 ? all : all.slice(0, end);
}

function codePoints(all: string): number {
  let count = all.length;
  for (let i = 0; i < all.length; i++) if ((all.charCodeAt(i) & 0xfc00) === 0xdc00) count--;
  return count;
}

/** The bounds of a part: `start` counts from 1, or from the end if it is negative. */
function partOf(size: number, start: number, given: number | undefined): [number, number] {
  let from = start;
  let count = given ?? size;
  const isNegative = count < 0;
  if (isNegative) count = -count;
  if (from < 0) {
    from += size;
    if (from < 0) {
      count = isNegative ? count : Math.max(0, count + from);
      from = isNegative ? from : 0;
    }
  } else if (from > 0) from--;
  else if (count > 0 && !isNegative && given !== undefined) count--;
  if (isNegative) {
    const end = from;
    from -= count;
    return [Math.max(0, from), Math.max(0, end)];
  }
  return [from, from + count];
}

function substr([value, start, count]: readonly SqlValue[]): SqlValue {
  const given = count === undefined ? undefined : integer(count);
  if (value instanceof Uint8Array) {
    // As in SQLite, where an empty blob is a null pointer.
    if (value.length === 0) return null;
    return value.slice(...partOf(value.length, integer(start), given));
  }
  const all = text(value!);
  if (codePoints(all) === all.length) {
    return all.slice(...partOf(all.length, integer(start), given));
  }
  const [from, to] = partOf(codePoints(all), integer(start), given);
  const begin = unitAt(all, 0, from);
  return all.slice(begin, unitAt(all, begin, to - from));
}

/** The index of the UTF-16 unit that is a number of characters after another one. */
function unitAt(all: string, from: number, characters: number): number {
  let at = from;
  for (let left = characters; left > 0 && at < all.length; left--) {
    at += all.codePointAt(at)! > 0xffff ? 2 : 1;
  }
  return at;
}

/** The first characters of a text. */
export function firstCharacters(all: string, count: number): string {
  return all.slice(0, unitAt(all, 0, count));
}

function instr([where, what]: readonly SqlValue[]): SqlValue {
  if (where instanceof Uint8Array && what instanceof Uint8Array) {
    for (let at = 0; at + what.length <= where.length; at++) {
      if (what.every((byte, i) => where[at + i] === byte)) return at + 1;
    }
    return 0;
  }
  const all = text(where);
  const at = all.indexOf(text(what));
  return at < 0 ? 0 : codePoints(all.slice(0, at)) + 1;
}

function replace([value, from, to]: readonly SqlValue[]): SqlValue {
  const what = text(from);
  return what === "" ? text(value) : text(value).replaceAll(what, () => text(to));
}

/** Removes characters from the ends. */
function trimmed(atStart: boolean, atEnd: boolean): ScalarFunction {
  return ([value, set]) => {
    const characters = new Set(set === undefined ? [" "] : [...text(set)]);
    const all = text(value);
    let from = 0;
    let to = all.length;
    while (atStart && from < to) {
      const character = String.fromCodePoint(all.codePointAt(from)!);
      if (!characters.has(character)) break;
      from += character.length;
    }
    while (atEnd && to > from) {
      const isPair = (all.charCodeAt(to - 1) & 0xfc00) === 0xdc00;
      const character = all.slice(to - (isPair ? 2 : 1), to);
      if (!characters.has(character)) break;
      to -= character.length;
    }
    return all.slice(from, to);
  };
}

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}

function unhex([value, ignored]: readonly SqlValue[]): SqlValue {
  const skip = new Set(ignored === undefined ? "" : text(ignored));
  const all = text(value);
  let digits = all;
  if (/[^\da-f]/i.test(all)) {
    digits = "";
    for (const character of all) {
      if (/[\da-f]/i.test(character)) digits += character;
      else if (!skip.has(character) || digits.length % 2 !== 0) return null;
    }
  }
  return digits.length % 2 === 0 ? Uint8Array.fromHex(digits) : null;
}

/** A value as a literal of SQL. */
export function quoted(value: SqlValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${beforeZero(value).replaceAll("'", "''")}'`;
  if (value instanceof Uint8Array) return `X'${hexOf(value)}'`;
  if (value instanceof Real && !Number.isFinite(value.value)) {
    return value.value > 0 ? "9.0e+999" : "-9.0e+999";
  }
  return value instanceof Real ? textOfReal(value.value) : String(value);
}

function fromCodes(args: readonly SqlValue[]): SqlValue {
  let all = "";
  for (const value of args) {
    const code = integer(value);
    const isCode = code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    all += String.fromCodePoint(isCode ? code : 0xfffd);
  }
  return all;
}

/** The digit of each letter, from A on; 0 for those that `soundex` leaves out. */
const SOUNDS = "01230120022455012623010202";

/** The first letter of a text, and digits for the sounds of the consonants after it. */
function soundex([value]: readonly SqlValue[]): SqlValue {
  const letters = upperAscii(value === null ? "" : text(value));
  const start = letters.search(/[A-Z]/);
  if (start < 0) return "?000";
  const soundAt = (at: number) => SOUNDS[letters.charCodeAt(at) - 65] ?? "0";
  let code = letters[start]!;
  let before = soundAt(start);
  for (let at = start; at < letters.length && code.length < 4; at++) {
    const sound = soundAt(at);
    if (sound !== "0" && sound !== before) code += sound;
    before = sound;
  }
  return code.padEnd(4, "0");
}

const UNICODE_ESCAPE =
  /\\(?:(\\)|u([\da-fA-F]{4})|U([\da-fA-F]{8})|\+([\da-fA-F]{6})|([\da-fA-F]{4})|)/g;

/** Text whose escapes are replaced by the characters that they name. */
function unistr([value]: readonly SqlValue[]): SqlValue {
  const all = text(value).replace(UNICODE_ESCAPE, (_, slash, ...digits: (string | undefined)[]) => {
    if (slash !== undefined) return slash;
    const code = parseInt(digits.slice(0, 4).find((each) => each !== undefined) ?? "", 16);
    if (!(code <= 0x10ffff)) throw new SqlError("VALUE", "invalid Unicode escape");
    return String.fromCodePoint(code);
  });
  return all.toWellFormed();
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0001-\u001f]/;
// deno-lint-ignore no-control-regex
const ESCAPED = /[\u0001-\u001f\\]/g;

/** A value as a literal, whose control characters are escapes of `unistr`. */
function unistrQuoted(value: SqlValue): SqlValue {
  if (typeof value !== "string" || !CONTROL.test(value)) return quoted(value);
  const escaped = value.replace(ESCAPED, (character) => {
    if (character === "\\") return "\\\\";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return `unistr(${quoted(escaped)})`;
}

function zeros([size]: readonly SqlValue[]): SqlValue {
  const bytes = Math.max(0, integer(size!));
  if (bytes > 1_000_000_000) throw new SqlError("VALUE", "string or blob too big");
  return new Uint8Array(bytes);
}

function randomBytes([size]: readonly SqlValue[]): SqlValue {
  const count = Math.max(1, integer(size!));
  if (count > 1_000_000_000) throw new SqlError("VALUE", "string or blob too big");
  return drawn(() => {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < bytes.length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    }
    return bytes;
  });
}

function bytesOf(value: SqlValue): Uint8Array {
  return value instanceof Uint8Array ? value : utf8(text(value));
}

function matches(args: readonly SqlValue[]): SqlValue {
  const [pattern, value, escape] = args;
  const character = escape === undefined ? undefined : escapeOf(text(escape));
  return truth(like(text(pattern), text(value), character));
}

/** The functions on text and blobs. */
export const TEXT_FUNCTIONS: Readonly<Record<string, ScalarDefinition>> = {
  char: define(0, ARGUMENTS_MAX, fromCodes),
  concat: define(
    1,
    ARGUMENTS_MAX,
    (args) => args.map((value) => value === null ? "" : text(value)).join(""),
  ),
  concat_ws: define(
    2,
    ARGUMENTS_MAX,
    ([between, ...args]) =>
      between === null
        ? null
        : args.filter((value) => value !== null).map(text).join(text(between!)),
  ),
  glob: strict(2, 2, ([pattern, value]) => truth(glob(text(pattern), text(value)))),
  hex: define(1, 1, ([value]) => value === null ? "" : hexOf(bytesOf(value!))),
  instr: strict(2, 2, instr),
  length: strict(1, 1, ([value]) => length(value!)),
  like: strict(2, 3, matches),
  lower: strict(1, 1, ([value]) => lowerAscii(text(value))),
  ltrim: strict(1, 2, trimmed(true, false)),
  octet_length: strict(1, 1, ([value]) => bytesOf(value!).length),
  quote: define(1, 1, ([value]) => quoted(value!)),
  randomblob: define(1, 1, randomBytes),
  replace: strict(3, 3, replace),
  rtrim: strict(1, 2, trimmed(false, true)),
  soundex: define(1, 1, soundex),
  substr: strict(2, 3, substr),
  substring: strict(2, 3, substr),
  trim: strict(1, 2, trimmed(true, true)),
  typeof: define(1, 1, ([value]) => classOf(value!)),
  unhex: strict(1, 2, unhex),
  unicode: strict(1, 1, ([value]) => text(value).codePointAt(0) ?? null),
  unistr: strict(1, 1, unistr),
  unistr_quote: define(1, 1, ([value]) => unistrQuoted(value!)),
  upper: strict(1, 1, ([value]) => upperAscii(text(value))),
  zeroblob: define(1, 1, zeros),
};
