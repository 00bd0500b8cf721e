/**
 * JSON as a tree that keeps numbers and strings as they are written, its parser, and its text. The
 * parser also reads JSON5, as SQLite does, and the text is always plain JSON.
 */

/** A value of JSON. */
export type Json =
  | { readonly kind: "null" | "true" | "false" }
  | { readonly kind: "number"; readonly text: string }
  /** `raw` is how it is written in plain JSON, if it was. */
  | { readonly kind: "string"; readonly text: string; readonly raw?: string | undefined }
  | { readonly kind: "array"; readonly items: readonly Json[] }
  | { readonly kind: "object"; readonly members: readonly (readonly [string, Json])[] };

const DEPTH_MAX = 1000;
const PLAIN_SPACE = /[ \t\n\r]*/y;
const SPACE = /(?:\s|\/\*[^]*?\*\/|\/\/[^\n\r\u2028\u2029]*)*/y;
const PLAIN_NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
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
  return new JsonParser(text, isPlain).parse();
}

/** Where a text stops being JSON: the number of a character, from 1; 0 if it does not. */
export function jsonErrorAt(text: string): number {
  const parser = new JsonParser(text, false);
  if (parser.parse() !== undefined) return 0;
  // As in SQLite, what follows a value is an error of the whole text.
  return parser.isWhole ? 1 : [...text.slice(0, parser.stoppedAt)].length + 1;
}

class JsonParser {
  readonly #text: string;
  readonly #isPlain: boolean;
  #at = 0;
  /** Whether a value was found, whatever follows it. */
  isWhole = false;
  /** Where a string is malformed. */
  #brokenAt: number | undefined;

  constructor(text: string, isPlain: boolean) {
    this.#text = text;
    this.#isPlain = isPlain;
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
    this.#take(this.#isPlain ? PLAIN_SPACE : SPACE);
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
    if (this.#isPlain) return undefined;
    const other = this.#take(STRING);
    if (other !== undefined) return { kind: "string", text: unescaped(other.slice(1, -1)) };
    // An invalid escape is reported at the character after its backslash.
    const start = this.#take(STRING_START);
    if (start !== undefined) this.#brokenAt = this.#at + (this.#isNext("\\") ? 1 : 0);
    return undefined;
  }

  #number(): Json | undefined {
    if (this.#isPlain) {
      const text = this.#take(PLAIN_NUMBER);
      return text === undefined ? undefined : { kind: "number", text };
    }
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
    } while (this.#sign(",") && (this.#isPlain || !this.#isNext("]")));
    return this.#sign("]") ? { kind: "array", items } : undefined;
  }

  #object(depth: number): Json | undefined {
    const members: [string, Json][] = [];
    if (this.#sign("}")) return { kind: "object", members };
    do {
      this.#space();
      const key = this.#string()?.text ?? (this.#isPlain ? undefined : this.#take(NAME));
      if (key === undefined || !this.#sign(":")) return undefined;
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      members.push([key, value]);
    } while (this.#sign(",") && (this.#isPlain || !this.#isNext("}")));
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

/** The shortest text of a value. */
export function textOfJson(value: Json): string {
  switch (value.kind) {
    case "number":
      return value.text;
    case "string":
      return value.raw ?? JSON.stringify(value.text);
    case "array":
      return `[${value.items.map(textOfJson).join(",")}]`;
    case "object":
      return `{${
        value.members.map(([key, member]) => `${JSON.stringify(key)}:${textOfJson(member)}`).join(
          ",",
        )
      }}`;
    default:
      return value.kind;
  }
}

/** The text of a value, each item and member on a line of its own. */
export function prettyJson(value: Json, indent: string, before = ""): string {
  const inner = before + indent;
  const lines = value.kind === "array"
    ? value.items.map((item) => inner + prettyJson(item, indent, inner))
    : value.kind === "object"
    ? value.members.map(([key, member]) =>
      `${inner}${JSON.stringify(key)}: ${prettyJson(member, indent, inner)}`
    )
    : [];
  if (lines.length === 0) return textOfJson(value);
  const [open, close] = value.kind === "array" ? "[]" : "{}";
  return `${open}\n${lines.join(",\n")}\n${before}${close}`;
}

/** A step of a path: a key, an index, or an index from the end, where 0 is the end itself. */
export type PathStep =
  | { readonly key: string }
  | { readonly index: number }
  | { readonly fromEnd: number };

const STEP = /\.(?:"((?:[^"\\]|\\.)*)"|([^.[]+))|\[(?:(\d+)|#(?:-(\d+))?)\]/y;

/** The steps of a path; undefined if it is malformed. */
export function parsePath(path: string): PathStep[] | undefined {
  if (!path.startsWith("$")) return undefined;
  const steps: PathStep[] = [];
  for (let at = 1; at < path.length;) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (match === null) return undefined;
    const [whole, quoted, key, index, fromEnd] = match;
    if (quoted !== undefined || key !== undefined) steps.push({ key: quoted ?? key! });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else steps.push({ fromEnd: Number(fromEnd ?? 0) });
    at += whole.length;
  }
  return steps;
}

/** The value at a path; undefined if there is none. */
export function valueAt(value: Json, steps: readonly PathStep[]): Json | undefined {
  let found: Json | undefined = value;
  for (const step of steps) {
    if (found === undefined) return undefined;
    found = stepInto(found, step);
  }
  return found;
}

/** The index that a step means in an array. */
export function indexIn(items: readonly Json[], step: PathStep): number | undefined {
  if ("index" in step) return step.index;
  return "fromEnd" in step ? items.length - step.fromEnd : undefined;
}

function stepInto(value: Json, step: PathStep): Json | undefined {
  if ("key" in step) {
    if (value.kind !== "object") return undefined;
    return value.members.find(([key]) => key === step.key)?.[1];
  }
  return value.kind === "array" ? value.items[indexIn(value.items, step)!] : undefined;
}

/** How a value is changed: at existing places, at missing ones, or at both. */
export interface JsonChange {
  readonly replaces: boolean;
  readonly inserts: boolean;
  /** Whether an inserted item moves those from its place on back by one. */
  readonly shifts?: boolean | undefined;
  /** The new value; undefined removes. */
  readonly value: Json | undefined;
}

/** A value with a change at a path. */
export function changedAt(value: Json, steps: readonly PathStep[], change: JsonChange): Json {
  const [step, ...rest] = steps;
  if (step === undefined) return change.replaces ? change.value ?? { kind: "null" } : value;
  if ("key" in step) return changedMember(value, step.key, rest, change);
  if (value.kind !== "array") return value;
  const index = indexIn(value.items, step)!;
  const items = [...value.items];
  const item = items[index];
  if (item === undefined) {
    const added = index === items.length && change.inserts ? addedAt(rest, change) : undefined;
    if (added !== undefined) items.push(added);
  } else if (rest.length > 0) items[index] = changedAt(item, rest, change);
  else if (change.shifts === true) items.splice(index, 0, change.value!);
  else if (change.replaces) {
    if (change.value === undefined) items.splice(index, 1);
    else items[index] = change.value;
  }
  return { kind: "array", items };
}

function changedMember(
  value: Json,
  key: string,
  rest: readonly PathStep[],
  change: JsonChange,
): Json {
  if (value.kind !== "object") return value;
  const members = [...value.members];
  const index = members.findIndex(([name]) => name === key);
  const member = members[index]?.[1];
  if (member === undefined) {
    const added = change.inserts ? addedAt(rest, change) : undefined;
    if (added !== undefined) members.push([key, added]);
  } else if (rest.length > 0) members[index] = [key, changedAt(member, rest, change)];
  else if (change.replaces) {
    if (change.value === undefined) members.splice(index, 1);
    else members[index] = [key, change.value];
  }
  return { kind: "object", members };
}

/** What is added for the rest of a path, of which nothing exists yet. */
function addedAt(rest: readonly PathStep[], change: JsonChange): Json | undefined {
  const [step, ...more] = rest;
  if (step === undefined) return change.value;
  const inner = addedAt(more, change);
  if (inner === undefined) return undefined;
  if ("key" in step) return { kind: "object", members: [[step.key, inner]] };
  return indexIn([], step) === 0 ? { kind: "array", items: [inner] } : undefined;
}

/** A value merged with a patch, as RFC 7396 defines it. */
export function patched(value: Json, patch: Json): Json {
  if (patch.kind !== "object") return patch;
  const members = value.kind === "object" ? [...value.members] : [];
  for (const [key, change] of patch.members) {
    const index = members.findIndex(([name]) => name === key);
    if (change.kind === "null") {
      if (index >= 0) members.splice(index, 1);
    } else if (index >= 0) members[index] = [key, patched(members[index]![1], change)];
    else members.push([key, patched({ kind: "null" }, change)]);
  }
  return { kind: "object", members };
}
