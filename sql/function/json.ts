/**
 * The functions of JSON, which is text, or JSONB, its binary form. Whether an argument is JSON or
 * plain text follows from the expression that makes it. A blob is JSONB, or else the bytes of text.
 */

import { jsonErrorAt, parseJson } from "../json/json_parser.ts";
import {
  changedAt,
  type Json,
  parsePath,
  patched,
  type PathStep,
  prettyJson,
  textOfJson,
  valueAt,
} from "../json/json_text.ts";
import { decodeJsonb, encodeJsonb } from "../json/jsonb.ts";
import { plainJsonAt } from "../json/plain_json.ts";
import { wholePart } from "../value/arithmetic.ts";
import { SqlError } from "../value/error.ts";
import { numericOf, textOf, textOfReal, wholeNumberText } from "../value/number_text.ts";
import { Real, type SqlValue, truth } from "../value/value.ts";
import type { AggregateDefinition, AggregateState } from "./aggregate.ts";
import {
  ARGUMENTS_MAX,
  define,
  type FunctionContext,
  type JsonArgument,
  type ScalarDefinition,
  strict,
} from "./types.ts";

function malformed(): SqlError {
  return new SqlError("VALUE", "malformed JSON");
}

/** Parses a value of SQL as JSON. */
export function parsedJson(value: SqlValue): Json {
  const binary = value instanceof Uint8Array ? decodeJsonb(value) : undefined;
  return binary ?? parseJson(textOf(value!)) ?? fail();
}

/** How a function returns JSON: as text, or as JSONB. */
type WriteJson = (json: Json) => SqlValue;

function fail(): never {
  throw malformed();
}

function pathOf(value: SqlValue): readonly PathStep[] {
  return pathOfText(textOf(value!));
}

const PATHS_MAX = 64;
/** The steps of paths that were parsed, as a statement uses few of them. */
const kept = new Map<string, readonly PathStep[]>();

/** The steps of a path. */
export function pathOfText(text: string): readonly PathStep[] {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const steps = parsePath(text);
  if (steps === undefined) throw new SqlError("VALUE", `bad JSON path: '${text}'`);
  if (kept.size >= PATHS_MAX) kept.clear();
  kept.set(text, steps);
  return steps;
}

/** The value at a path; undefined if there is none. */
function foundAt(value: SqlValue, steps: readonly PathStep[]): Json | undefined {
  const found = typeof value === "string" ? plainJsonAt(value, steps) : undefined;
  return found?.isPlain === true ? found.value : valueAt(parsedJson(value), steps);
}

/** A value of SQL as JSON. */
function jsonOf(value: SqlValue, isJson: boolean): Json {
  if (value === null) return { kind: "null" };
  if (value instanceof Uint8Array) {
    const binary = decodeJsonb(value);
    if (binary === undefined) throw new SqlError("VALUE", "JSON cannot hold BLOB values");
    return binary;
  }
  if (typeof value !== "string") {
    const text = value instanceof Real ? textOfReal(value.value) : String(value);
    return { kind: "number", text: text.replace("Inf", "9.0e+999") };
  }
  return isJson ? parsedJson(value) : { kind: "string", text: value };
}

/** Whether an argument is JSON. */
function isJsonArgument(
  { isJson }: Pick<FunctionContext, "isJson">,
  index: number,
  value: SqlValue,
): boolean {
  const kind = isJson[index];
  if (kind === "maybe") return typeof value === "string" && /^[[{]/.test(value);
  return kind === "always";
}

/** JSON as a value of SQL: objects and arrays as their text, or as JSONB. */
export function valueOfJson(
  json: Json | undefined,
  write: WriteJson = textOfJson,
): SqlValue {
  if (json === undefined) return null;
  switch (json.kind) {
    case "null":
      return null;
    case "true":
      return 1;
    case "false":
      return 0;
    case "string":
      return json.text;
    case "number":
      return wholeNumberText(json.text) ?? null;
  }
  return write(json);
}

function extract(args: readonly SqlValue[], write: WriteJson): SqlValue {
  const [value, ...paths] = args;
  if (args.includes(null)) return null;
  if (paths.length === 1) return valueOfJson(foundAt(value!, pathOf(paths[0]!)), write);
  const json = parsedJson(value!);
  const items = paths.map((path) => valueAt(json, pathOf(path)) ?? { kind: "null" } as const);
  return write({ kind: "array", items });
}

/** The path of the right side of an arrow: a label, an index, or a path. */
function arrowPath(value: SqlValue): readonly PathStep[] {
  if (typeof value === "number") return [value < 0 ? { fromEnd: -value } : { index: value }];
  const text = textOf(value!);
  return text.startsWith("$") ? pathOf(text) : [{ key: text }];
}

function arrow([value, path]: readonly SqlValue[]): SqlValue {
  const found = foundAt(value!, arrowPath(path!));
  return found === undefined ? null : textOfJson(found);
}

function arrowText([value, path]: readonly SqlValue[]): SqlValue {
  return valueOfJson(foundAt(value!, arrowPath(path!)));
}

function array(args: readonly SqlValue[], context: FunctionContext): SqlValue {
  const items = args.map((value, i) => jsonOf(value, isJsonArgument(context, i, value)));
  return textOfJson({ kind: "array", items });
}

function object(args: readonly SqlValue[], context: FunctionContext): SqlValue {
  if (args.length % 2 !== 0) {
    throw new SqlError("VALUE", "json_object() requires an even number of arguments");
  }
  const members: [string, Json][] = [];
  for (let i = 0; i < args.length; i += 2) {
    const key = args[i]!;
    if (typeof key !== "string") throw new SqlError("VALUE", "json_object() labels must be TEXT");
    const value = args[i + 1]!;
    members.push([key, jsonOf(value, isJsonArgument(context, i + 1, value))]);
  }
  return textOfJson({ kind: "object", members });
}

/** A function that changes values at paths. */
function changer(
  name: string,
  { replaces = false, inserts = false, shifts = false },
  write: WriteJson = textOfJson,
): ScalarDefinition {
  return define(1, ARGUMENTS_MAX, (args, context) => {
    if (args.length % 2 === 0) {
      throw new SqlError("VALUE", `${name}() needs an odd number of arguments`);
    }
    if (args[0] === null) return null;
    let json = parsedJson(args[0]!);
    for (let i = 1; i + 1 < args.length; i += 2) {
      if (args[i] === null) return null;
      const given = args[i + 1]!;
      const value = jsonOf(given, isJsonArgument(context, i + 1, given));
      const steps = pathOf(args[i]!);
      if (shifts) refuseMember(steps, args[i]!);
      json = changedAt(json, steps, { replaces, inserts, shifts, value });
    }
    return write(json);
  });
}

/** Refuses a path that does not end in an item of an array. */
function refuseMember(steps: readonly PathStep[], path: SqlValue): void {
  const last = steps.at(-1);
  if (last === undefined || !("key" in last)) return;
  throw new SqlError("VALUE", `not an array element: '${textOf(path!)}'`);
}

function remove(args: readonly SqlValue[], write: WriteJson): SqlValue {
  if (args.includes(null)) return null;
  let json = parsedJson(args[0]!);
  for (const path of args.slice(1)) {
    const steps = pathOf(path);
    if (steps.length === 0) return null;
    json = changedAt(json, steps, { replaces: true, inserts: false, value: undefined });
  }
  return write(json);
}

/** The name of the type of a value. */
export function typeOfJson(json: Json | undefined): SqlValue {
  if (json?.kind === "string") return "text";
  if (json?.kind !== "number") return json?.kind ?? null;
  return /[.eE]/.test(json.text) ? "real" : "integer";
}

function found(args: readonly SqlValue[]): Json | undefined {
  return args.length > 1 ? foundAt(args[0]!, pathOf(args[1]!)) : parsedJson(args[0]!);
}

function arrayLength(args: readonly SqlValue[]): SqlValue {
  const json = found(args);
  if (json === undefined) return null;
  return json.kind === "array" ? json.items.length : 0;
}

/** What has the text of JSON, as JSONB: as SQLite does, it is written as text first. */
function binaryOf(text: SqlValue): SqlValue {
  return text === null ? null : encodeJsonb(parsedJson(text));
}

const PLAIN = 1;
const JSON5 = 2;
const BINARY = 12;

/** Whether a value is JSON of one of the kinds in the flags. */
function isValid(value: SqlValue, given: SqlValue): boolean {
  const flags = Number(wholePart(numericOf(given) ?? 0));
  if (!(flags >= 1 && flags <= 15)) {
    throw new SqlError("VALUE", "FLAGS parameter to json_valid() must be between 1 and 15");
  }
  if (value instanceof Uint8Array && decodeJsonb(value) !== undefined) {
    return (flags & BINARY) !== 0;
  }
  if ((flags & (PLAIN | JSON5)) === 0) return false;
  return parseJson(textOf(value!), (flags & JSON5) === 0) !== undefined;
}

/** The functions of JSON. */
export const JSON_FUNCTIONS: Readonly<Record<string, ScalarDefinition>> = {
  json: strict(1, 1, ([value]) => textOfJson(parsedJson(value!))),
  json_array: define(0, ARGUMENTS_MAX, array),
  json_array_insert: changer("json_array_insert", { inserts: true, shifts: true }),
  json_array_length: strict(1, 2, arrayLength),
  json_arrow: strict(2, 2, arrow),
  json_arrow_text: strict(2, 2, arrowText),
  json_error_position: strict(1, 1, ([value]) => {
    const isBinary = value instanceof Uint8Array && decodeJsonb(value) !== undefined;
    return isBinary ? 0 : jsonErrorAt(textOf(value!));
  }),
  json_extract: define(2, ARGUMENTS_MAX, (args) => extract(args, textOfJson)),
  json_insert: changer("json_insert", { inserts: true }),
  json_object: define(0, 126, object),
  json_patch: strict(
    2,
    2,
    ([value, patch]) => textOfJson(patched(parsedJson(value!), parsedJson(patch!))),
  ),
  json_pretty: define(1, 2, ([value, indent]) => {
    if (value === null || value === undefined) return null;
    const by = indent === undefined || indent === null ? "    " : textOf(indent);
    return prettyJson(parsedJson(value), by);
  }),
  json_quote: define(
    1,
    1,
    ([value], context) => textOfJson(jsonOf(value!, isJsonArgument(context, 0, value!))),
  ),
  json_remove: define(1, ARGUMENTS_MAX, (args) => remove(args, textOfJson)),
  json_replace: changer("json_replace", { replaces: true }),
  json_set: changer("json_set", { replaces: true, inserts: true }),
  json_type: strict(1, 2, (args) => typeOfJson(found(args))),
  json_valid: strict(1, 2, ([value, flags = 1]) => truth(isValid(value!, flags))),
  jsonb: strict(1, 1, ([value]) => encodeJsonb(parsedJson(value!))),
  jsonb_array: define(0, ARGUMENTS_MAX, (args, context) => binaryOf(array(args, context))),
  jsonb_array_insert: changer(
    "jsonb_array_insert",
    { inserts: true, shifts: true },
    encodeJsonb,
  ),
  jsonb_extract: define(2, ARGUMENTS_MAX, (args) => extract(args, encodeJsonb)),
  jsonb_insert: changer("jsonb_insert", { inserts: true }, encodeJsonb),
  jsonb_object: define(0, 126, (args, context) => binaryOf(object(args, context))),
  jsonb_patch: strict(
    2,
    2,
    ([value, patch]) => encodeJsonb(patched(parsedJson(value!), parsedJson(patch!))),
  ),
  jsonb_remove: define(1, ARGUMENTS_MAX, (args) => remove(args, encodeJsonb)),
  jsonb_replace: changer("jsonb_replace", { replaces: true }, encodeJsonb),
  jsonb_set: changer("jsonb_set", { replaces: true, inserts: true }, encodeJsonb),
};

class Collected implements AggregateState {
  readonly hasTaken = false;
  grown = 0;
  readonly #isObject: boolean;
  readonly #isBinary: boolean;
  readonly #isJson: readonly JsonArgument[];
  readonly #parts: string[] = [];

  constructor(isObject: boolean, isBinary: boolean, isJson: readonly JsonArgument[]) {
    this.#isObject = isObject;
    this.#isBinary = isBinary;
    this.#isJson = isJson;
  }

  add(values: readonly SqlValue[], first: number): void {
    if (!this.#isObject) return this.#push(this.#item(values, first, 0));
    if (values[first] === null) return;
    const key = JSON.stringify(textOf(values[first]!));
    this.#push(`${key}:${this.#item(values, first, 1)}`);
  }

  #item(values: readonly SqlValue[], first: number, argument: number): string {
    const value = values[first + argument]!;
    return textOfJson(jsonOf(value, isJsonArgument({ isJson: this.#isJson }, argument, value)));
  }

  #push(part: string): void {
    this.#parts.push(part);
    this.grown += 40 + 2 * part.length;
  }

  save(): SqlValue[] {
    return [...this.#parts];
  }

  restore(parts: readonly SqlValue[]): void {
    for (const part of parts) this.#push(part as string);
  }

  result(): SqlValue {
    const inside = this.#parts.join(",");
    const text = this.#isObject ? `{${inside}}` : `[${inside}]`;
    return this.#isBinary ? binaryOf(text) : text;
  }
}

/** The aggregates of JSON. */
export const JSON_AGGREGATES: Readonly<Record<string, AggregateDefinition>> = {
  json_group_array: collector(false, false),
  json_group_object: collector(true, false),
  jsonb_group_array: collector(false, true),
  jsonb_group_object: collector(true, true),
};

function collector(isObject: boolean, isBinary: boolean): AggregateDefinition {
  const count = isObject ? 2 : 1;
  const make: AggregateDefinition["make"] = (_, isJson) =>
    new Collected(isObject, isBinary, isJson);
  return { least: count, most: count, make };
}
