/**
 * The rows of json_each and json_tree: a value of JSON, its parts, and where each of them is.
 */

import { indexIn, type Json, type PathStep, textOfJson, valueAt } from "../json/json_text.ts";
import { encodeJsonb } from "../json/jsonb.ts";
import { SqlError } from "../value/error.ts";
import { textOf } from "../value/number_text.ts";
import type { SqlValue } from "../value/value.ts";
import { parsedJson, pathOfText, typeOfJson, valueOfJson } from "./json.ts";

/** The columns of the rows. */
export const JSON_COLUMNS: readonly string[] = [
  "key",
  "value",
  "type",
  "atom",
  "id",
  "parent",
  "fullkey",
  "path",
];

/** The largest payload for each number of bytes of its size, which follow one for the type. */
const SIZES = [[11, 0], [0xff, 1], [0xffff, 2], [0xffff_ffff, 4]] as const;

/** A part of JSON and where it is. */
interface Part {
  readonly json: Json;
  readonly key: SqlValue;
  readonly path: string;
  readonly fullKey: string;
  readonly id: number;
  /** Where it begins, after its key. */
  readonly start: number;
  /** The id of what contains it; NULL at the top. */
  readonly parent: number | null;
}

/**
 * The rows of a value and, of json_tree, of all inside it.
 *
 * @param isBinary Whether objects and arrays are JSONB.
 */
export function* jsonRows(
  args: readonly SqlValue[],
  isTree: boolean,
  isBinary: boolean,
): Generator<SqlValue[]> {
  const [value, root] = args;
  if (value === null || value === undefined || root === null) return;
  const top = partAt(parsedJson(value), root === undefined ? "$" : textOf(root), isTree);
  if (top === undefined) return;
  const parts = isTree ? within(top) : isContainer(top.json) ? partsOf(top) : [top];
  for (const { json, key, path, fullKey, id, parent } of parts) {
    const shown = valueOfJson(json, isBinary ? encodeJsonb : textOfJson);
    const atom = isContainer(json) ? null : shown;
    yield [key, shown, typeOfJson(json), atom, id, isTree ? parent : null, fullKey, path];
  }
}

function isContainer({ kind }: Json): boolean {
  return kind === "array" || kind === "object";
}

/** The part at a path, whose own path and key are what SQLite shows. */
function partAt(json: Json, text: string, isTree: boolean): Part | undefined {
  let top: Part = { json, key: null, path: "$", fullKey: "$", id: 0, start: 0, parent: null };
  let isFirst = false;
  for (const step of pathOfText(text)) {
    if (valueAt(top.json, [step]) === undefined) return undefined;
    const next = stepInto(top, step)!;
    isFirst = next.id === top.start + headBytes(top.json);
    top = next;
  }
  const cut = !isTree ? text.length : isFirst ? lastStep(text) : 1;
  const path = text.slice(0, cut);
  return { ...top, key: keyOfPath(text.slice(cut)), path, fullKey: text, parent: null };
}

/** Where the last step of a path begins. */
function lastStep(path: string): number {
  return Math.max(path.lastIndexOf("["), path.lastIndexOf("."));
}

/** The key that the end of a path names; NULL for the whole value. */
function keyOfPath(text: string): SqlValue {
  if (text === "") return null;
  if (text.startsWith("[")) return Number.parseInt(text.slice(1)) || 0;
  return text.startsWith('."') ? text.slice(2, -1) : text.slice(1);
}

function stepInto(part: Part, step: PathStep): Part | undefined {
  const parts = [...partsOf(part)];
  if ("key" in step) return parts.find(({ key }) => key === step.key);
  return part.json.kind === "array" ? parts[indexIn(part.json.items, step)!] : undefined;
}

/** A part and all inside it. */
function* within(part: Part): Generator<Part> {
  yield part;
  for (const inner of partsOf(part)) yield* within(inner);
}

/** The parts directly inside a part. */
function* partsOf({ json, fullKey, id, start: from }: Part): Generator<Part> {
  let at = from + headBytes(json);
  if (json.kind === "array") {
    for (const [index, item] of json.items.entries()) {
      const own = `${fullKey}[${index}]`;
      const place = { path: fullKey, fullKey: own, id: at, start: at, parent: id };
      yield { json: item, key: index, ...place };
      at += bytesOf(item);
    }
  } else if (json.kind === "object") {
    for (const [key, member] of json.members) {
      const own = `${fullKey}.${/^[A-Za-z][A-Za-z0-9]*$/.test(key) ? key : JSON.stringify(key)}`;
      const label = bytesOf({ kind: "string", text: key });
      const place = { path: fullKey, fullKey: own, id: at, start: at + label, parent: id };
      yield { json: member, key, ...place };
      at += label + bytesOf(member);
    }
  }
}

/** The bytes that a value takes in SQLite's binary JSON, whose offsets are its ids. */
function bytesOf(json: Json): number {
  const payload = payloadBytes(json);
  return sizeBytes(payload) + payload;
}

function headBytes(json: Json): number {
  return sizeBytes(payloadBytes(json));
}

/** The bytes before a payload: its type and its size. */
function sizeBytes(payload: number): number {
  const found = SIZES.find(([most]) => payload <= most);
  if (found === undefined) throw new SqlError("VALUE", "string or blob too big");
  return 1 + found[1];
}

/** The payloads of arrays and objects: each level asks for those of all levels inside it. */
const payloads = new WeakMap<Json, number>();

function payloadBytes(json: Json): number {
  switch (json.kind) {
    case "number":
      return json.text.length;
    case "string":
      return new TextEncoder().encode(textOfJson(json)).length - 2;
    case "array":
    case "object": {
      let bytes = payloads.get(json);
      if (bytes === undefined) payloads.set(json, bytes = bytesInside(json));
      return bytes;
    }
    default:
      return 0;
  }
}

function bytesInside(json: Json & { kind: "array" | "object" }): number {
  if (json.kind === "array") return json.items.reduce((sum, item) => sum + bytesOf(item), 0);
  return json.members.reduce(
    (sum, [key, member]) => sum + bytesOf({ kind: "string", text: key }) + bytesOf(member),
    0,
  );
}
