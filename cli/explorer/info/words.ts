/**
 * Formats keys and values, and parses keys: by the codec of their tree, as text, or as hexadecimal
 * digits.
 */

import { kvKey, kvMessage, kvRecord, messageOf } from "../../../kv/mod.ts";
import { json, string, structured, tuple, type TuplePart, u64 } from "../../../mod.ts";
import { RefusedError } from "../refusal.ts";

const SHOWN_BYTES = 240;
const SHOWN_CHARACTERS = 160;

/** How a key is given. */
export const KEY_FORMS = ["codec", "text", "hex"] as const;

/** How a key is given. */
export type KeyForm = typeof KEY_FORMS[number];

/** Bytes as a codec decodes them, shortened to one line. */
export function wordsOf(bytes: Uint8Array, codec: string): string {
  return cut(decoded(bytes, codec) ?? textOf(bytes) ?? hexOf(bytes.subarray(0, SHOWN_BYTES)));
}

/** The decoded value as text; undefined if the codec cannot decode the bytes. */
function decoded(bytes: Uint8Array, codec: string): string | undefined {
  try {
    switch (codec) {
      case "tuple":
        return partsOf(tuple.decode(bytes));
      case "kv.key":
        return partsOf(kvKey.decode(bytes) as readonly TuplePart[]);
      case "kv.record":
        return inspected(kvRecord.decode(bytes).value);
      case "kv.message":
        return inspected(messageOf(kvMessage.decode(bytes)));
      case "u64":
        return String(u64.decode(bytes));
      case "string":
        return textOf(bytes) === undefined ? JSON.stringify(string.decode(bytes)) : undefined;
      case "json":
        return JSON.stringify(json.decode(bytes));
      case "structured":
        return inspected(structured.decode(bytes));
      default:
        return undefined;
    }
  } catch {
    // A value that does not decode, such as a patched one, is shown as bytes.
    return undefined;
  }
}

function inspected(value: unknown): string {
  return Deno.inspect(value, { breakLength: Infinity, depth: 4 });
}

function partsOf(parts: readonly TuplePart[]): string {
  return `[${parts.map(partOf).join(", ")}]`;
}

function partOf(part: TuplePart): string {
  if (part instanceof Uint8Array) return `0x${hexOf(part)}`;
  return typeof part === "bigint" ? `${part}n` : JSON.stringify(part) ?? String(part);
}

/** The bytes as text; undefined unless all of them are printable text. */
function textOf(bytes: Uint8Array): string | undefined {
  const whole = bytes.length <= SHOWN_BYTES;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    // A shortened text may end inside a character, which is not an error.
    const text = decoder.decode(bytes.subarray(0, SHOWN_BYTES), { stream: !whole });
    return /^[^\p{C}]*$/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)} ...`;
}

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return bytes.toHex();
}

/**
 * The bytes of a typed key.
 *
 * @param form The form of the text: that of the tree's codec, plain text, or hexadecimal digits.
 * @param codec The codec of the tree's keys.
 * @throws {RefusedError} The text is not a key of this form.
 */
export function keyOf(text: string, form: KeyForm, codec: string): Uint8Array {
  if (form === "hex") return fromHex(text);
  if (form === "text") return new TextEncoder().encode(text);
  try {
    if (codec === "tuple") return tuple.encode(tupleOf(text)).slice();
    if (codec === "kv.key") return kvKey.encode(tupleOf(text));
    if (codec === "u64") return u64.encode(BigInt(text.trim())).slice();
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : "it cannot be encoded");
  }
  return new TextEncoder().encode(text);
}

function tupleOf(text: string): TuplePart[] {
  const parts: unknown = JSON.parse(text);
  if (Array.isArray(parts)) return parts;
  throw new TypeError("a tuple is a JSON array");
}

function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(" ", "").toLowerCase();
  if (/^([0-9a-f]{2})*$/.test(digits)) return Uint8Array.fromHex(digits);
  throw refuse("it is not pairs of hexadecimal digits");
}

function refuse(why: string): RefusedError {
  return new RefusedError(400, `Cannot use the key: ${why.split("\n")[0]}`);
}
