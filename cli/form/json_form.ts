/**
 * Values of the codecs as JSON and as text, in both directions, so that a dump loads back exactly.
 *
 * JSON has no bytes, no bigints and no `NaN`. They are objects with one key that begins with `$`:
 *
 * ```text
 * bytes, raw   "text" where the bytes are UTF-8; else {"$bytes": "base64"}
 * string       "text"
 * u64          1 where it is exact as a number; else {"$bigint": "18446744073709551615"}
 * tuple        an array of: "text", 1.5, true, {"$bytes": "base64"}, {"$bigint": "1"}, and
 *              {"$number": "NaN" | "Infinity" | "-Infinity" | "-0"}
 * json         itself; no object in it is interpreted
 * structured   as `structured_form.ts` says
 * kv.key       as `tuple`
 * kv.record, kv.message   as `kv_form.ts` says
 * ```
 *
 * The text of a value is its form on a command line and in a cell of CSV: a string is itself, a u64
 * its digits, bytes the text that they encode, or else their JSON. All others are JSON.
 */

import { Refusal } from "../io/exit.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { parseExact, RoundedNumber } from "./exact_json.ts";
import { structuredFromJson, structuredToJson } from "./structured_form.ts";
import { bigintFromTag, isTagged, numberFromTag, tagOfNumber } from "./tags.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BYTES_TAG = "$bytes";

/** The external forms of the values of a codec. */
export interface Form {
  /** Converts a value to JSON. */
  toJson(value: unknown): unknown;
  /**
   * Converts JSON to a value.
   *
   * @throws {Refusal} It is not a value of this codec.
   */
  fromJson(json: unknown): unknown;
  /** Converts a value to text. */
  toText(value: unknown): string;
  /**
   * Converts text to a value.
   *
   * @throws {Refusal} It is not a value of this codec.
   */
  fromText(text: string): unknown;
}

/** Bytes: text if they are UTF-8. */
export const bytesForm: Form = {
  toJson: (value) => textIn(value as Uint8Array) ?? { [BYTES_TAG]: encodeBase64(bytesOf(value)) },
  fromJson(json) {
    if (typeof json === "string") return bytesOfText(json);
    if (isTagged(json, BYTES_TAG)) return decodeBase64(json[BYTES_TAG]);
    throw new Refusal(`Cannot use ${shown(json)}: bytes are a text or {"$bytes": "base64"}`);
  },
  toText(value) {
    const text = textIn(value as Uint8Array);
    // Text that looks like tagged base64 would be read back as such.
    if (text !== undefined && !text.startsWith(`{"${BYTES_TAG}"`)) return text;
    return JSON.stringify({ [BYTES_TAG]: encodeBase64(bytesOf(value)) });
  },
  fromText(text) {
    return text.startsWith(`{"${BYTES_TAG}"`)
      ? bytesForm.fromJson(parseJson(text))
      : bytesOfText(text);
  },
};

/** Text. */
export const stringForm: Form = {
  toJson: (value) => value,
  fromJson(json) {
    if (typeof json === "string") return json;
    throw new Refusal(`Cannot use ${shown(json)}: it is not a text`);
  },
  toText: String,
  fromText: (text) => text,
};

/** Whole numbers below 2^64. */
export const u64Form: Form = {
  toJson(value) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : { $bigint: String(value) };
  },
  fromJson(json) {
    if (typeof json === "number") return json;
    if (isTagged(json, "$bigint")) return wholeNumber(json.$bigint);
    throw new Refusal(`Cannot use ${shown(json)}: it is not a whole number`);
  },
  toText: String,
  fromText: wholeNumber,
};

/** Arrays of bytes, texts, numbers, bigints and booleans. */
export const tupleForm: Form = {
  toJson: (value) => (value as readonly unknown[]).map(partToJson),
  fromJson(json) {
    if (Array.isArray(json)) return json.map(partFromJson);
    throw new Refusal(`Cannot use ${shown(json)}: a tuple is an array, as in ["ES", 1]`);
  },
  toText: (value) => JSON.stringify(tupleForm.toJson(value)),
  fromText: (text) => tupleForm.fromJson(parseJson(text, `a tuple is an array, as in ["ES", 1]`)),
};

/** JSON values. */
export const jsonForm: Form = {
  toJson: (value) => value,
  fromJson: (json) => json,
  toText: (value) => JSON.stringify(value),
  fromText: (text) => parseJson(text, `a text has quotes of its own, as in '"text"'`),
};

/** Structured-clone values. */
export const structuredForm: Form = {
  toJson: structuredToJson,
  fromJson: structuredFromJson,
  toText: (value) => JSON.stringify(structuredToJson(value)),
  fromText: (text) => structuredFromJson(jsonForm.fromText(text)),
};

/**
 * Parses JSON.
 *
 * @param remedy The remedy for text that is not JSON.
 * @throws {Refusal} The text is not JSON.
 */
function parseJson(text: string, remedy?: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    if (error instanceof RoundedNumber) throw error;
    const rest = remedy === undefined ? "" : `; ${remedy}`;
    throw new Refusal(`Cannot use ${shortened(text)}: it is not JSON${rest}`);
  }
}

function partToJson(part: unknown): unknown {
  if (part instanceof Uint8Array) return { [BYTES_TAG]: encodeBase64(part) };
  if (typeof part === "bigint") return { $bigint: String(part) };
  return typeof part === "number" ? tagOfNumber(part) : part;
}

function partFromJson(json: unknown): unknown {
  if (typeof json !== "object") return json;
  if (isTagged(json, BYTES_TAG)) return decodeBase64(json[BYTES_TAG]);
  if (isTagged(json, "$bigint")) return bigintFromTag(json.$bigint);
  if (isTagged(json, "$number")) return numberFromTag(json.$number);
  throw new Refusal(`Cannot use ${shown(json)}: it is not part of a tuple`);
}

/** Decodes bytes as UTF-8, if they are valid. */
function textIn(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function bytesOf(value: unknown): Uint8Array {
  return value as Uint8Array;
}

function bytesOfText(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  throw new Refusal(`Cannot use ${shown(text)}: it has a lone surrogate`);
}

function wholeNumber(text: string): bigint {
  if (/^\d+$/.test(text)) return BigInt(text);
  throw new Refusal(`Cannot use ${shortened(text)}: it is not a whole number from 0 on`);
}

function shown(json: unknown): string {
  return shortened(JSON.stringify(json) ?? String(json));
}

function shortened(text: string, unitsMax = 60): string {
  return text.length <= unitsMax ? text : `${text.slice(0, unitsMax - 3)}...`;
}
