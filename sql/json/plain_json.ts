/**
 * Reads plain JSON in one pass over its text: as a tree, or only the value at a path, while the
 * rest is checked and not built. What is not plain JSON, because it is JSON5 or malformed, is left
 * to the parser.
 */

import type { Json, PathStep } from "./json_text.ts";

const DEPTH_MAX = 1000;
const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];
const [MINUS, PLUS, POINT, ZERO, NINE] = [0x2d, 0x2b, 0x2e, 0x30, 0x39];
const [SPACE, TAB, LINE, RETURN] = [0x20, 0x09, 0x0a, 0x0d];
const ESCAPED = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const NO_STEPS: readonly PathStep[] = [];

/** A value that a path leads to; `isPlain` is false if the text is not plain JSON. */
export interface FoundJson {
  readonly isPlain: boolean;
  readonly value: Json | undefined;
}

const NOT_PLAIN: FoundJson = { isPlain: false, value: undefined };
const NOT_FOUND: FoundJson = { isPlain: true, value: undefined };

/** Plain JSON as a tree; undefined if a text is none. */
export function plainJson(text: string): Json | undefined {
  const reader = new PlainReader(text, NO_STEPS);
  const value = reader.tree(0);
  return value !== undefined && reader.isAtEnd() ? value : undefined;
}

/** The value at a path of plain JSON. A path that counts from the end of an array is left out. */
export function plainJsonAt(text: string, steps: readonly PathStep[]): FoundJson {
  if (steps.some((step) => "fromEnd" in step)) return NOT_PLAIN;
  const reader = new PlainReader(text, steps);
  if (!reader.skip(0, 0) || !reader.isAtEnd()) return NOT_PLAIN;
  const { start, end } = reader;
  if (start < 0) return NOT_FOUND;
  return { isPlain: true, value: new PlainReader(text.slice(start, end), NO_STEPS).tree(0) };
}

class PlainReader {
  /** Where the value that the path leads to begins and ends; -1 if there is none. */
  start = -1;
  end = -1;
  readonly #text: string;
  readonly #steps: readonly PathStep[];
  #at = 0;
  /** Whether the string that was read last has an escape. */
  #hasEscape = false;

  constructor(text: string, steps: readonly PathStep[]) {
    this.#text = text;
    this.#steps = steps;
  }

  /** Whether only space follows. */
  isAtEnd(): boolean {
    this.#next();
    return this.#at === this.#text.length;
  }

  /** Moves past space, and returns the code of the character there; NaN at the end. */
  #next(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (code === SPACE || code === LINE || code === RETURN || code === TAB) {
      code = this.#text.charCodeAt(++this.#at);
    }
    return code;
  }

  /** Reads a value; undefined if there is none. */
  tree(depth: number): Json | undefined {
    if (depth > DEPTH_MAX) return undefined;
    const code = this.#next();
    const start = this.#at;
    if (code === BRACE) return this.#object(depth);
    if (code === BRACKET) return this.#array(depth);
    if (code === QUOTE) {
      if (!this.#string()) return undefined;
      const raw = this.#text.slice(start, this.#at);
      const text = this.#hasEscape ? JSON.parse(raw) : raw.slice(1, -1);
      return { kind: "string", text, raw };
    }
    if (this.#number(code)) return { kind: "number", text: this.#text.slice(start, this.#at) };
    const kind = this.#word();
    return kind === undefined ? undefined : { kind };
  }

  #array(depth: number): Json | undefined {
    const items: Json[] = [];
    this.#at++;
    if (this.#next() === BRACKET_END) {
      this.#at++;
      return { kind: "array", items };
    }
    for (;;) {
      const item = this.tree(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      const code = this.#next();
      this.#at++;
      if (code === BRACKET_END) return { kind: "array", items };
      if (code !== COMMA) return undefined;
    }
  }

  #object(depth: number): Json | undefined {
    const members: [string, Json][] = [];
    this.#at++;
    if (this.#next() === BRACE_END) {
      this.#at++;
      return { kind: "object", members };
    }
    for (;;) {
      const start = this.#keyStart();
      if (start < 0) return undefined;
      const key = this.#keyFrom(start);
      if (!this.#colon()) return undefined;
      const member = this.tree(depth + 1);
      if (member === undefined) return undefined;
      members.push([key, member]);
      const code = this.#next();
      this.#at++;
      if (code === BRACE_END) return { kind: "object", members };
      if (code !== COMMA) return undefined;
    }
  }

  /** Reads the string of a key, and returns where it begins; -1 if there is none. */
  #keyStart(): number {
    if (this.#next() !== QUOTE) return -1;
    const start = this.#at;
    return this.#string() ? start : -1;
  }

  /** The key whose string begins somewhere and ends here. */
  #keyFrom(start: number): string {
    return this.#hasEscape
      ? JSON.parse(this.#text.slice(start, this.#at))
      : this.#text.slice(start + 1, this.#at - 1);
  }

  #colon(): boolean {
    if (this.#next() !== COLON) return false;
    this.#at++;
    return true;
  }

  /**
   * Moves past a value, and notes where it is if the path leads to it; false if there is none.
   *
   * @param step The number of steps that led here; -1 beside the path.
   */
  skip(depth: number, step: number): boolean {
    if (depth > DEPTH_MAX) return false;
    const code = this.#next();
    const start = this.#at;
    const isValue = code === QUOTE
      ? this.#string()
      : code === BRACE
      ? this.#skipObject(depth, step)
      : code === BRACKET
      ? this.#skipArray(depth, step)
      : this.#number(code) || this.#word() !== undefined;
    if (step === this.#steps.length) {
      this.start = start;
      this.end = this.#at;
    }
    return isValue;
  }

  #skipArray(depth: number, step: number): boolean {
    const wanted = step < 0 ? undefined : this.#steps[step];
    this.#at++;
    if (this.#next() === BRACKET_END) {
      this.#at++;
      return true;
    }
    for (let index = 0;; index++) {
      const isOn = wanted !== undefined && "index" in wanted && wanted.index === index;
      if (!this.skip(depth + 1, isOn ? step + 1 : -1)) return false;
      const code = this.#next();
      this.#at++;
      if (code === BRACKET_END) return true;
      if (code !== COMMA) return false;
    }
  }

  #skipObject(depth: number, step: number): boolean {
    const next = step < 0 ? undefined : this.#steps[step];
    // Of members with the same key the first one counts.
    let wanted = next !== undefined && "key" in next ? next.key : undefined;
    this.#at++;
    if (this.#next() === BRACE_END) {
      this.#at++;
      return true;
    }
    for (;;) {
      const start = this.#keyStart();
      if (start < 0) return false;
      const isOn = wanted !== undefined && this.#isKey(start, wanted);
      if (!this.#colon() || !this.skip(depth + 1, isOn ? step + 1 : -1)) return false;
      if (isOn) wanted = undefined;
      const code = this.#next();
      this.#at++;
      if (code === BRACE_END) return true;
      if (code !== COMMA) return false;
    }
  }

  /** Whether the string that begins somewhere and ends here is a key. */
  #isKey(start: number, key: string): boolean {
    if (this.#hasEscape) return this.#keyFrom(start) === key;
    return this.#at - start - 2 === key.length && this.#text.startsWith(key, start + 1);
  }

  /** Moves past a string; false if it is malformed. */
  #string(): boolean {
    const text = this.#text;
    this.#hasEscape = false;
    for (let at = this.#at + 1;; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (code === BACKSLASH) {
        ESCAPED.lastIndex = at;
        if (!ESCAPED.test(text)) return false;
        at = ESCAPED.lastIndex - 1;
        this.#hasEscape = true;
      } else if (!(code >= SPACE)) return false;
    }
  }

  /** Moves past a number; false if there is none. */
  #number(first: number): boolean {
    let at = first === MINUS ? this.#at + 1 : this.#at;
    const whole = this.#text.charCodeAt(at);
    if (!(whole >= ZERO && whole <= NINE)) return false;
    at = whole === ZERO ? at + 1 : this.#digits(at);
    if (this.#text.charCodeAt(at) === POINT) {
      const end = this.#digits(at + 1);
      if (end === at + 1) return false;
      at = end;
    }
    if ((this.#text.charCodeAt(at) | SPACE) === 0x65) {
      const sign = this.#text.charCodeAt(at + 1);
      const start = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
      at = this.#digits(start);
      if (at === start) return false;
    }
    this.#at = at;
    return true;
  }

  /** Where the digits from a place on end. */
  #digits(start: number): number {
    let at = start;
    for (let code = this.#text.charCodeAt(at); code >= ZERO && code <= NINE;) {
      code = this.#text.charCodeAt(++at);
    }
    return at;
  }

  /** Moves past null, true or false; undefined if there is none of them. */
  #word(): "null" | "true" | "false" | undefined {
    for (const word of ["null", "true", "false"] as const) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return word;
    }
    return undefined;
  }
}
