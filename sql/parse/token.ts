/**
 * The tokens of SQL text, each with its place. Keywords are words here: where a word is a keyword
 * depends on the grammar.
 */

import { refuse } from "../value/error.ts";
import { wholeNumberText } from "../value/number_text.ts";
import type { SqlValue } from "../value/value.ts";

/** The kind of a token. */
export type TokenKind = "word" | "quoted" | "string" | "value" | "parameter" | "sign" | "end";

/** A token. */
export interface Token {
  /** Its kind: a `quoted` one is a name, never a keyword. */
  readonly kind: TokenKind;
  /** A word in upper case, a sign, a name or text without quotes, a parameter with its mark. */
  readonly text: string;
  /** A word as it was written. */
  readonly written: string;
  /** The value of a number or a blob. */
  readonly value: SqlValue;
  /** The offset of its beginning. */
  readonly start: number;
  /** The offset of its end. */
  readonly end: number;
}

const SPACE = /(?:[ \t\n\v\f\r\ufeff]+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))+/y;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER =
  /0[xX][0-9a-fA-F][0-9a-fA-F_]*|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/y;
const QUOTES = `'"\``;
const BRACKETS = /\[[^\]]*\]/y;
const PARAMETER = /\?\d*|[:@$][A-Za-z0-9_$\u0080-\uffff]+/y;
const BLOB = /[xX]'([^']*)'/y;
const SIGN = /->>|->|\|\||<<|>>|<=|>=|<>|!=|==|[-+*/%&|~<>=(),;.]/y;

/** Splits text into tokens; the last one is the end. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += lengthOf(SPACE, text, at);
    if (at >= text.length) break;
    const token = tokenAt(text, at);
    tokens.push(token);
    at = token.end;
  }
  tokens.push({ ...NOTHING, kind: "end", start: text.length, end: text.length });
  return tokens;
}

const NOTHING = { text: "", written: "", value: null };

function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex - at : 0;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  const length = lengthOf(pattern, text, at);
  return length === 0 ? undefined : text.slice(at, at + length);
}

function tokenAt(text: string, start: number): Token {
  const blob = matchAt(BLOB, text, start);
  if (blob !== undefined) return make("value", blob, start, blob, blobOf(blob, start));
  const word = matchAt(WORD, text, start);
  if (word !== undefined) return make("word", word, start, word.toUpperCase());
  const number = matchAt(NUMBER, text, start);
  if (number !== undefined) {
    const end = start + number.length;
    if (lengthOf(WORD, text, end) > 0) refuse(`unrecognized token: "${number}"`, start);
    return make("value", number, start, number, numberOf(number, start));
  }
  const quoted = quotedAt(text, start) ?? matchAt(BRACKETS, text, start);
  if (quoted !== undefined) {
    const kind = quoted[0] === "'" ? "string" : "quoted";
    return make(kind, quoted, start, unquoted(quoted, quoted[0]!));
  }
  const parameter = matchAt(PARAMETER, text, start);
  if (parameter !== undefined) return make("parameter", parameter, start, parameter);
  const sign = matchAt(SIGN, text, start);
  if (sign !== undefined) return make("sign", sign, start, sign);
  return refuse(`unrecognized token: "${text.slice(start, start + 1)}"`, start);
}

/** The text from a quote to its end; two quotes inside it stand for one. */
function quotedAt(text: string, start: number): string | undefined {
  const quote = text[start]!;
  if (!QUOTES.includes(quote)) return undefined;
  // A pattern would need memory of the stack for each pair of quotes.
  let end = text.indexOf(quote, start + 1);
  while (end >= 0 && text[end + 1] === quote) end = text.indexOf(quote, end + 2);
  return end < 0 ? undefined : text.slice(start, end + 1);
}

function make(
  kind: TokenKind,
  written: string,
  start: number,
  text: string,
  value: SqlValue = null,
): Token {
  return { kind, text, written, value, start, end: start + written.length };
}

function unquoted(text: string, quote: string): string {
  const inside = text.slice(1, -1);
  return quote === "[" ? inside : inside.replaceAll(quote + quote, quote);
}

function numberOf(text: string, start: number): SqlValue {
  const isHex = /^0[xX]/.test(text);
  if ((isHex ? /_$|__/ : /_$|__|_[.eE]|[.eE]_/).test(text)) {
    refuse(`unrecognized token: "${text}"`, start);
  }
  if (!isHex) return wholeNumberText(text.replaceAll("_", ""))!;
  const big = BigInt(text.replaceAll("_", ""));
  if (big >= 2n ** 64n) refuse(`hex literal too big: ${text}`, start);
  const signed = BigInt.asIntN(64, big);
  const number = Number(signed);
  return Number.isSafeInteger(number) ? number : signed;
}

function blobOf(text: string, start: number): Uint8Array {
  const digits = text.slice(2, -1);
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) {
    refuse(`unrecognized token: "${text}"`, start);
  }
  return Uint8Array.fromHex(digits);
}

/**
 * Whether text ends with a semicolon after its last statement, outside of quotes and comments.
 *
 * ```ts
 * import { isCompleteSql } from "../mod.ts";
 *
 * console.assert(isCompleteSql("SELECT 1; -- done"));
 * console.assert(!isCompleteSql("SELECT ';"));
 * ```
 */
export function isCompleteSql(text: string): boolean {
  // A quote or a comment that has no end takes the rest of the text.
  const open = text.replace(/'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*/g, " ")
    .replace(/\/\*[\s\S]*?\*\//g, " ");
  if (/['"`]|\/\*/.test(open)) return false;
  // The statements of a trigger end with semicolons of their own.
  const last = open.match(/(?:^|;)\s*(CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?TRIGGER\b[\s\S]*)$/i);
  return last === null ? /;\s*$/.test(open) : /;\s*END\s*;\s*$/i.test(last[1]!);
}
