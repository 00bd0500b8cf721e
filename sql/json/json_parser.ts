/**
 * The parser of JSON. It also reads JSON5, as SQLite does; plain JSON has a reader of its own,
 * which takes a fraction of the time.
 */

import type { Json } from "./json_text.ts";
import { plainJson } from "./plain_json.ts";

const DEPTH_MAX = 1000;
const SPACE = /(?:\s|\/\*[^]*?\*\/|\/\/[^\n\r\u2028\u2029]*)*/y;
const NUMBER = /([+-]?)(?:(0[xX][\da-fA-F]+)|((?:0|[1-9]\d*)?)(\.\d*)?((?:[eE][+-]?\d+)?))/y;
const ENDLESS = /([+-]?)inf(?:inity)?\b/iy;
const NOT_A_NUMBER = /[+-]?[qs]?nan\b/iy;
// deno-lint-ignore no-control-regex
const PLAIN_STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const ESCAPE =
  "\\\\(?:\r\n|u[\\da-fA-F]{4}|x[\\da-fA-F]{2}|0(?!\\d)|[bfnrtv'\"\\\\/\n\r\u2028\u2029])";
const STRING = new RegExp(`"(?:[^"\\\\\\0]|${ESCAPE})*"|'(?:[^'\\\\\\0]|${ESCAPE})*'`, "y");
const STRING_START = new RegExp(`"(?:[^"\\\\\\0]|${ESCAPE})*|'(?:[^'\\\\\\0]|${ESCAPE})*`, "y");
const NAME = /[$_\p{L}\p{Nl}][$\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}\u200c\u200d]*/uy;

/** Parses JSON; undefined if the text is not JSON. */
export function parseJson(text: string, isPlain = false): Json | undefined {
  return plainJson(text) ?? (isPlain ? undefined : new JsonParser(text).parse());
}

/** Where a text stops being JSON: the number of a character, from 1; 0 if it does not. */
export function jsonErrorAt(text: string): number {
  const parser = new JsonParser(text);
  if (parser.parse() !== undefined) return 0;
  // As in SQLite, what follows a value is an error of the whole text.
  return parser.isWhole ? 1 : [...text.slice(0, parser.stoppedAt)].length + 1;
}

class JsonParser {
  readonly #text: string;
  #at = 0;
  /** Whether a value was found, whatever follows it. */
  isWhole = false;
  /** Where a string is malformed. */
  #brokenAt: number | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Json | undefined {
    const value = this.#value(0);
    this.isWhole = value !== undefined;
    this.#space();
    return this.#at === this.#text.length ? value : undefined;
  }

  /** Where parsing stopped. */
  get stoppedAt(): number {
    return this.#brokenAt ?? this.#at;
  }

  #space(): void {
    this.#take(SPACE);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #isNext(sign: string): boolean {
    this.#space();
    return this.#text.startsWith(sign, this.#at);
  }

  #sign(sign: string): boolean {
    if (!this.#isNext(sign)) return false;
    this.#at += sign.length;
    return true;
  }

  #value(depth: number): Json | undefined {
    if (depth > DEPTH_MAX) return undefined;
    if (this.#sign("{")) return this.#object(depth);
    if (this.#sign("[")) return this.#array(depth);
    for (const kind of ["null", "true", "false"] as const) if (this.#sign(kind)) return { kind };
    return this.#string() ?? this.#number();
  }

  #string(): Json & { kind: "string" } | undefined {
    const raw = this.#take(PLAIN_STRING);
    if (raw !== undefined) return { kind: "string", text: JSON.parse(raw), raw };
    const other = this.#take(STRING);
    if (other !== undefined) return { kind: "string", text: unescaped(other.slice(1, -1)) };
    // An invalid escape is reported at the character after its backslash.
    const start = this.#take(STRING_START);
    if (start !== undefined) this.#brokenAt = this.#at + (this.#isNext("\\") ? 1 : 0);
    return undefined;
  }

  #number(): Json | undefined {
    if (this.#take(NOT_A_NUMBER) !== undefined) return { kind: "null" };
    const endless = this.#take(ENDLESS);
    if (endless !== undefined) {
      return { kind: "number", text: endless.startsWith("-") ? "-9e999" : "9e999" };
    }
    NUMBER.lastIndex = this.#at;
    const [found = "", sign, hex, whole, fraction, power] = NUMBER.exec(this.#text) ?? [];
    const isNumber = hex !== undefined || whole !== "" || (fraction ?? "").length > 1;
    if (!isNumber) return undefined;
    this.#at += found.length;
    const minus = sign === "-" ? "-" : "";
    if (hex !== undefined) return { kind: "number", text: minus + wholeOfHex(hex) };
    const digits = fraction === "." ? ".0" : fraction ?? "";
    return { kind: "number", text: `${minus}${whole || "0"}${digits}${power}` };
  }

  #array(depth: number): Json | undefined {
    const items: Json[] = [];
    if (this.#sign("]")) return { kind: "array", items };
    do {
      const item = this.#value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    } while (this.#sign(",") && !this.#isNext("]"));
    return this.#sign("]") ? { kind: "array", items } : undefined;
  }

  #object(depth: number): Json | undefined {
    const members: [string, Json][] = [];
    if (this.#sign("}")) return { kind: "object", members };
    do {
      this.#space();
      const key = this.#string()?.text ?? this.#take(NAME);
      if (key === undefined || !this.#sign(":")) return undefined;
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      members.push([key, value]);
    } while (this.#sign(",") && !this.#isNext("}"));
    return this.#sign("}") ? { kind: "object", members } : undefined;
  }
}

/** The integer of hexadecimal digits; beyond 64 bits it is infinite. */
function wholeOfHex(digits: string): string {
  const size = BigInt(digits);
  return size < 2n ** 64n ? String(size) : "9e999";
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  0: "\0",
  "\n": "",
  "\r": "",
  "\r\n": "",
  "\u2028": "",
  "\u2029": "",
};

/** The text of what is inside the quotes of a string of JSON5. */
export function unescaped(inside: string): string {
  return inside.replace(/\\(\r\n|u(....)|x(..)|[^])/g, (_, escape: string, four, two) => {
    if (four !== undefined) return String.fromCharCode(parseInt(four, 16));
    if (two !== undefined) return String.fromCharCode(parseInt(two, 16));
    return ESCAPES[escape] ?? escape;
  });
}
