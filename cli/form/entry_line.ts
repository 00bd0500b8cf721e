/**
 * Entries as lines of JSON, both ways, by the bytes that are kept: what is dumped and loaded again
 * has the same bytes.
 *
 * A member `key` or `value` is what the codec's form says. Where the form would not give the same
 * bytes back (a value that V8 has written in another way, or that is nested too deeply), the member
 * is `rawKey` or `rawValue`, and base64 of them. A long value is in parts: each line but its last
 * has `"more": true`, and those after the first have no key.
 */

import { Buffer } from "node:buffer";
import { Refusal } from "../io/exit.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import type { CodecPair, NamedCodec } from "./codecs.ts";
import { bytesForm, jsonForm, stringForm, u64Form } from "./json_form.ts";

const encoder = new TextEncoder();
/** Of these, every value that is read has one way to be written. */
const EXACT_FORMS: ReadonlySet<unknown> = new Set([bytesForm, stringForm, u64Form]);
/** A part of a long value: its line is far from the longest text that there can be. */
const PART_BYTES = 48 * 1024 * 1024;

/** An entry as lines, or a part of one. */
export interface EntryPart {
  /** The bytes of the key, but for a part that goes on. */
  readonly key: Uint8Array | undefined;
  readonly value: Uint8Array;
  /** Whether the value goes on. */
  readonly hasMore: boolean;
}

/** The lines of an entry, without what ends them. */
export function* linesOfEntry(
  { key, value }: CodecPair,
  keyBytes: Uint8Array,
  valueBytes: Uint8Array,
  partBytes: number = PART_BYTES,
): Generator<string, void, undefined> {
  let start = memberOf("key", "rawKey", key, keyBytes);
  if (valueBytes.length <= partBytes) {
    yield `{${start},${memberOf("value", "rawValue", value, valueBytes)}}`;
    return;
  }
  start += ",";
  for (let at = 0; at < valueBytes.length; at += partBytes) {
    const part = encodeBase64(valueBytes.subarray(at, at + partBytes));
    const more = at + partBytes < valueBytes.length ? ',"more":true' : "";
    yield `{${start}"rawValue":"${part}"${more}}`;
    start = "";
  }
}

function memberOf(name: string, rawName: string, codec: NamedCodec, bytes: Uint8Array): string {
  const text = exactJson(codec, bytes);
  return text === undefined ? `"${rawName}":"${encodeBase64(bytes)}"` : `"${name}":${text}`;
}

/** The JSON that is read back as exactly these bytes, or undefined if there is none. */
function exactJson({ codec, form }: NamedCodec, bytes: Uint8Array): string | undefined {
  try {
    const value = codec.decode(bytes);
    const text = JSON.stringify(form.toJson(value));
    if (EXACT_FORMS.has(form)) return text;
    const again = form === jsonForm
      ? encoder.encode(text)
      : codec.encode(form.fromJson(JSON.parse(text)));
    return Buffer.compare(again, bytes) === 0 ? text : undefined;
  } catch (error) {
    // The codec does not read it, or a text of it would be too long or too deep.
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/**
 * What a line has of an entry, or undefined where it is none.
 *
 * @param isFirst Whether an entry begins here, with its key; else a value goes on.
 * @param bytesOf Makes bytes of what the line has, and tells of errors.
 * @throws {Refusal} A member is malformed.
 */
export function entryPartOf(
  json: unknown,
  isFirst: boolean,
  bytesOf: (what: keyof CodecPair, given: unknown) => Uint8Array,
): EntryPart | undefined {
  const line = typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
  if (isFirst !== (Object.hasOwn(line, "key") || Object.hasOwn(line, "rawKey"))) return undefined;
  const read = (what: keyof CodecPair, rawName: string): Uint8Array | undefined => {
    if (Object.hasOwn(line, what)) return bytesOf(what, line[what]);
    return Object.hasOwn(line, rawName) ? rawBytes(rawName, line[rawName]) : undefined;
  };
  const key = read("key", "rawKey");
  const value = read("value", "rawValue");
  const hasMore = Object.hasOwn(line, "more") && line["more"] === true;
  return value === undefined ? undefined : { key, value, hasMore };
}

function rawBytes(name: string, given: unknown): Uint8Array {
  if (typeof given === "string") return decodeBase64(given);
  throw new Refusal(`Cannot use "${name}": it is not in base64`);
}
