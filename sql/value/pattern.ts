/**
 * LIKE and GLOB. Patterns are compiled once and kept, as a statement uses few of them.
 */

import { upperAscii } from "./compare.ts";

const KEPT_MAX = 64;
const kept = new Map<string, RegExp>();

/** Whether text matches a pattern of LIKE: `%` any text, `_` one character, ASCII in any case. */
export function like(pattern: string, text: string, escape?: string): boolean {
  if (pattern !== lastPattern || escape !== lastEscape) {
    lastCompiled = compiledFor(`L${escape ?? ""}\0${pattern}`, () => likeSource(pattern, escape));
    lastPattern = pattern;
    lastEscape = escape;
  }
  return lastCompiled.test(text);
}

/** The pattern of the last call, as most calls have that of the one before. */
let lastPattern: string | undefined;
let lastEscape: string | undefined;
let lastCompiled = /./;

/** Whether text matches a pattern of GLOB: `*`, `?` and `[...]`, letters as they are. */
export function glob(pattern: string, text: string): boolean {
  return compiledFor(`G${pattern}`, () => globSource(pattern)).test(text);
}

function compiledFor(key: string, source: () => string): RegExp {
  let compiled = kept.get(key);
  if (compiled === undefined) {
    if (kept.size >= KEPT_MAX) kept.clear();
    const text = source();
    // Only a single character needs to know of surrogates, and the search is faster without.
    const isPlain = !/(?<!\\)\.(?!\*)|\[\^|[^\0-\x7f]/.test(text);
    kept.set(key, compiled = new RegExp(text, isPlain ? "s" : "su"));
  }
  return compiled;
}

function likeSource(pattern: string, escape: string | undefined): string {
  let source = "^";
  let isEscaped = false;
  for (const character of pattern) {
    if (isEscaped || (character !== escape && character !== "%" && character !== "_")) {
      source += eitherCase(character);
      isEscaped = false;
    } else if (character === escape) isEscaped = true;
    else source += character === "%" ? ".*" : ".";
  }
  // A pattern that ends in its escape matches nothing.
  if (isEscaped) return "[]";
  // A search that may begin or end anywhere needs no part for what is around it.
  const tail = source.endsWith(".*") && source.length > 3 ? source.slice(0, -2) : `${source}$`;
  return tail.startsWith("^.*") && tail.length > 3 ? tail.slice(3) : tail;
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
  let source = "^";
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (character === "*") source += ".*";
    else if (character === "?") source += ".";
    else if (character !== "[") source += literal(character);
    else {
      const [set, end] = globSet(characters, i + 1);
      if (end < 0) return "[]";
      source += set;
      i = end;
    }
  }
  return `${source}$`;
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
      if (character <= end) set += `${member(character)}-${member(end)}`;
      at += 2;
    }
  }
  return ["", -1];
}
