/**
 * Values of the codec `structured` as JSON, both ways.
 *
 * What JSON has is itself. Of the rest, what people write and read has a form of its own, an object
 * with one key that begins with `$`:
 *
 * ```text
 * {"$undefined": true}                     undefined
 * {"$number": "NaN"}                       NaN, Infinity, -Infinity and -0
 * {"$bigint": "123"}                       a bigint
 * {"$date": "2024-02-29T12:00:00.000Z"}    a date; null for an invalid one
 * {"$bytes": "base64"}                     a Uint8Array
 * {"$map": [[key, value], ...]}            a Map
 * {"$set": [value, ...]}                   a Set
 * {"$object": [[key, value], ...]}         an object that has one key, and it begins with $
 * ```
 *
 * A value with anything else in it (another typed array, an error, a hole in an array, an object
 * that is in it twice, a cycle), or one that is nested more than 200 deep, is
 * `{"$structured": "base64"}` as a whole: the bytes of the codec.
 */

import { structured, type ValueCodec } from "../../mod.ts";
import { Refusal } from "../io/exit.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { bigintFromTag, isTagged, numberFromTag, tagOfNumber } from "./tags.ts";

/** The codec reads values whose nesting would not leave room for these calls. */
const DEPTH_MAX = 200;

/** There is no form for part of a value; the whole is kept as bytes. */
const NO_FORM = Symbol("no form");

/**
 * A value with the bytes that are kept of it: encoding it again could give others, and takes more
 * of the stack than decoding does.
 */
export class StructuredValue {
  /** What the codec made of the value. */
  readonly bytes: Uint8Array;

  /** The value of bytes. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The value. */
  decode(): unknown {
    return structured.decode(this.bytes);
  }
}

/** The codec `structured`, whose values keep their bytes; other values are taken too. */
export const keptStructured: ValueCodec<unknown> = {
  name: "structured",
  ordered: false,
  encode: (value) => value instanceof StructuredValue ? value.bytes : structured.encode(value),
  decode: (bytes) => new StructuredValue(bytes),
};

/** What JSON says of a value that can be cloned. */
export function structuredToJson(value: unknown): unknown {
  try {
    return new Writer().write(value instanceof StructuredValue ? value.decode() : value);
  } catch (error) {
    if (error !== NO_FORM && !isTooDeep(error)) throw error;
    return { $structured: encodeBase64(keptStructured.encode(value)) };
  }
}

/** Whether a codec had no more room on the stack. */
function isTooDeep(error: unknown): boolean {
  return error instanceof TypeError && error.cause instanceof RangeError;
}

/** The value of `{"$structured": base64}`, which has to be one. */
function structuredOf(base64: string): StructuredValue {
  const value = new StructuredValue(decodeBase64(base64));
  try {
    value.decode();
  } catch (error) {
    if (!isTooDeep(error)) throw error;
  }
  return value;
}

/**
 * The value that JSON says, for `keptStructured`.
 *
 * @throws {Refusal} A tag is malformed.
 */
export function structuredFromJson(json: unknown): unknown {
  if (isTagged(json, "$structured")) return structuredOf(json.$structured);
  try {
    return read(json);
  } catch (error) {
    // No call here is given a range, so the stack is what ended.
    if (!(error instanceof RangeError)) throw error;
    const rest = 'nested too deeply for JSON; {"$structured": "base64"} takes it';
    throw new Refusal(`Cannot use the value: it is ${rest}`);
  }
}

/** Writes one value, and remembers the objects in it. */
class Writer {
  readonly #seen = new Set<unknown>();
  #depth = 0;

  write(value: unknown): unknown {
    switch (typeof value) {
      case "undefined":
        return { $undefined: true };
      case "bigint":
        return { $bigint: String(value) };
      case "number":
        return tagOfNumber(value);
      case "object":
        return value === null ? null : this.#writeNested(value);
    }
    return value;
  }

  #writeNested(value: object): unknown {
    if (++this.#depth > DEPTH_MAX) throw NO_FORM;
    const json = this.#writeObject(value);
    this.#depth--;
    return json;
  }

  #writeObject(value: object): unknown {
    // JSON would make two of it, or never end.
    if (this.#seen.has(value)) throw NO_FORM;
    this.#seen.add(value);
    if (Array.isArray(value)) return this.#writeArray(value);
    if (hasOwnProperties(value)) throw NO_FORM;
    if (value instanceof Date) {
      return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
    }
    if (isPlainBytes(value)) return { $bytes: encodeBase64(value) };
    if (value instanceof Map) return { $map: this.#writePairs(value) };
    if (value instanceof Set) return { $set: Array.from(value, (item) => this.write(item)) };
    if (Object.getPrototypeOf(value) !== Object.prototype) throw NO_FORM;
    return this.#writePlain(value as Record<string, unknown>);
  }

  #writeArray(items: readonly unknown[]): unknown {
    // A hole, or a property beside the items.
    if (Object.keys(items).length !== items.length) throw NO_FORM;
    return items.map((item) => this.write(item));
  }

  #writePlain(value: Record<string, unknown>): unknown {
    const keys = Object.keys(value);
    if (keys.length === 1 && keys[0]!.startsWith("$")) {
      return { $object: this.#writePairs(Object.entries(value)) };
    }
    return objectOf(keys.map((key) => [key, this.write(value[key])]));
  }

  #writePairs(pairs: Iterable<readonly [unknown, unknown]>): unknown[] {
    return Array.from(pairs, ([key, value]) => [this.write(key), this.write(value)]);
  }
}

/** Properties on what is no plain object; the indexes of bytes do not count. */
function hasOwnProperties(value: object): boolean {
  if (Object.getPrototypeOf(value) === Object.prototype) return false;
  return !ArrayBuffer.isView(value) && Object.keys(value).length > 0;
}

/** Bytes as such: a `Buffer` would come back as another thing. */
function isPlainBytes(value: object): value is Uint8Array {
  return value instanceof Uint8Array && Object.getPrototypeOf(value) === Uint8Array.prototype;
}

type Readers = Readonly<Record<string, (given: unknown) => unknown>>;

const READERS: Readers = {
  $undefined: (given) => given === true ? undefined : malformed("$undefined"),
  $number: (given) => numberFromTag(textIn("$number", given)),
  $bigint: (given) => bigintFromTag(textIn("$bigint", given)),
  $date: (given) => given === null ? new Date(NaN) : dateOf(textIn("$date", given)),
  $bytes: (given) => decodeBase64(textIn("$bytes", given)),
  $map: (given) => new Map(pairsIn("$map", given)),
  $set: (given) => new Set(listIn("$set", given).map(read)),
  $object: (given) => objectOf(pairsIn("$object", given) as [string, unknown][]),
};

function read(json: unknown): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(read);
  const entries = Object.entries(json);
  const [tag, given] = entries.length === 1 ? entries[0]! : [""];
  if (!tag.startsWith("$")) return objectOf(entries.map(([key, value]) => [key, read(value)]));
  const reader = Object.hasOwn(READERS, tag) ? READERS[tag] : undefined;
  if (reader !== undefined) return reader(given);
  throw new Refusal(`Cannot use {"${tag}": ...}: there is no such form`);
}

/** An object of entries, whatever their keys: `__proto__` is one like others. */
function objectOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries);
}

function pairsIn(tag: string, given: unknown): [unknown, unknown][] {
  return listIn(tag, given).map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) malformed(tag);
    return [read(pair[0]), read(pair[1])];
  });
}

function listIn(tag: string, given: unknown): unknown[] {
  return Array.isArray(given) ? given : malformed(tag);
}

function textIn(tag: string, given: unknown): string {
  return typeof given === "string" ? given : malformed(tag);
}

function dateOf(text: string): Date {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? malformed("$date") : date;
}

function malformed(tag: string): never {
  throw new Refusal(`Cannot use {"${tag}": ...}: what it holds is malformed`);
}
