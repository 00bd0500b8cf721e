/**
 * LIKE and GLOB. Patterns are compiled once and kept, as a statement uses few of them.
 */

import { upperAscii } from "./compare.ts";
import { SqlError } from "./error.ts";
import type { SqlValue } from "./value.ts";

const KEPT_MAX = 64;
/** The maximum length of a pattern, as in SQLite. */
const LENGTH_MAX = 50_000;
const TOO_COMPLEX = "LIKE or GLOB pattern too complex";
/** What a pattern has before its first wildcard. */
const BEFORE = { glob: /^[^*?[]+/, like: /^[^%_]+/ } as const;
const kept = new Map<string, RegExp>();

/** Whether text matches a pattern of LIKE: `%` any text, `_` one character, ASCII in any case. */
export function like(pattern: string, text: string, escape?: string): boolean {
  if (pattern !== lastPattern || escape !== lastEscape) {
    lastCompiled = compiledFor(`L${escape ?? ""}\0${pattern}`, () => likeSource(pattern, escape));
    lastPattern = pattern;
    lastEscape = escape;
  }
  return isMatch(lastCompiled, text);
}

/** The text of ESCAPE, which must be one character. */
export function escapeOf(text: string): string {
  if ([...text].length === 1) return text;
  throw new SqlError("VALUE", "ESCAPE expression must be a single character");
}

/** The pattern of the last call, which most calls repeat. */
let lastPattern: string | undefined;
let lastEscape: string | undefined;
let lastCompiled = /./;

/** Whether text matches a pattern of GLOB: `*`, `?` and `[...]`, with letters in their case. */
export function glob(pattern: string, text: string): boolean {
  return isMatch(compiledFor(`G${pattern}`, () => globSource(pattern)), text);
}

/** With what all texts begin that match a pattern; empty if with anything. */
export function prefixOfPattern(
  operator: "like" | "glob",
  pattern: SqlValue,
  escape?: SqlValue,
): string {
  if (typeof pattern !== "string") return "";
  if (escape === undefined) return BEFORE[operator].exec(pattern)?.[0] ?? "";
  return typeof escape === "string" ? escapedPrefix(pattern, escape) : "";
}

function escapedPrefix(pattern: string, escape: string): string {
  let prefix = "";
  let isEscaped = false;
  for (const character of pattern) {
    if (!isEscaped && character === escape) {
      isEscaped = true;
      continue;
    }
    if (!isEscaped && (character === "%" || character === "_")) break;
    prefix += character;
    isEscaped = false;
  }
  return prefix;
}

function isMatch(compiled: RegExp, text: string): boolean {
  try {
    return compiled.test(text);
  } catch (error) {
    // The runtime compiles an expression at its first use, for each width of characters.
    if (error instanceof SyntaxError) throw new SqlError("VALUE", TOO_COMPLEX);
    throw error;
  }
}

function compiledFor(key: string, source: () => string): RegExp {
  let compiled = kept.get(key);
  if (compiled === undefined) {
    if (key.length > LENGTH_MAX) throw new SqlError("VALUE", TOO_COMPLEX);
    if (kept.size >= KEPT_MAX) kept.clear();
    const text = source();
    // Only parts that match one character must know surrogates; a search without is faster.
    const isPlain = !/(?<!\\)\.(?!\*)|\[\^|[^\0-\x7f]/.test(text);
    kept.set(key, compiled = new RegExp(text, isPlain ? "s" : "su"));
  }
  return compiled;
}

function likeSource(pattern: string, escape: string | undefined): string {
  const pieces = [""];
  let isEscaped = false;
  for (const character of pattern) {
    if (isEscaped || (character !== escape && character !== "%" && character !== "_")) {
      pieces[pieces.length - 1] += eitherCase(character);
      isEscaped = false;
    } else if (character === escape) isEscaped = true;
    else if (character === "%") pieces.push("");
    else pieces[pieces.length - 1] += ".";
  }
  // A pattern that ends in its escape matches nothing.
  return isEscaped ? "[]" : joined(pieces);
}

/**
 * The source of pieces with any text between them. A piece in the middle matches where it is found
 * first; the lookahead never tries another place, or the time would grow with a power of the number
 * of pieces.
 */
function joined(pieces: readonly string[]): string {
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  if (pieces.length === 1) return `^${first}$`;
  const inner = pieces.slice(1, -1).filter((piece) => piece !== "");
  // A search that may begin or end anywhere needs no expression for the text around it.
  const end = last === "" ? inner.pop() ?? "" : `${last}$`;
  const isAnywhere = first === "" && inner.length === 0;
  if (isAnywhere) return end;
  const middle = inner.map((piece, i) => `(?=(.*?${piece}))\\${i + 1}`).join("");
  return `^${first}${middle}${end === "" ? "" : `.*${last === "" ? "?" : ""}${end}`}`;
}

function eitherCase(character: string): string {
  const upper = upperAscii(character);
  if (upper !== character) return `[${upper}${character}]`;
  return /[A-Z]/.test(character) ? `[${character}${character.toLowerCase()}]` : literal(character);
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

/** A character inside a set. */
function member(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character;
}

function globSource(pattern: string): string {
  const pieces = [""];
  const add = (source: string) => void (pieces[pieces.length - 1] += source);
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (character === "*") pieces.push("");
    else if (character === "?") add(".");
    else if (character !== "[") add(literal(character));
    else {
      const [set, end] = globSet(characters, i + 1);
      if (end < 0) return "[]";
      add(set);
      i = end;
    }
  }
  return joined(pieces);
}

/** A set of GLOB as one of a regular expression, and the index of its end; -1 if it has none. */
function globSet(characters: readonly string[], start: number): [string, number] {
  let at = start;
  const isNegated = characters[at] === "^";
  if (isNegated) at++;
  let set = "";
  const first = at;
  for (; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === "]" && at > first) return [`[${isNegated ? "^" : ""}${set}]`, at];
    const isRange = characters[at + 1] === "-" && (characters[at + 2] ?? "]") !== "]";
    if (!isRange) set += member(character);
    else {
      const end = characters[at + 2]!;
      // A range that ends before its beginning has its beginning only.
      set += character <= end ? `${member(character)}-${member(end)}` : member(character);
      at += 2;
    }
  }
  return ["", -1];
}
