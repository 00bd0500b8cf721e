/**
 * Records and messages of Deno KV as JSON, for reading only: a handle of `openKv` has to write
 * them, because it keeps versions and the index by expiry in step.
 *
 * ```text
 * kv.record    {"value": ..., "versionstamp": "...", "expiresAt": "2024-02-29T12:00:00.000Z"}
 * kv.message   {"message": ..., "backoffSchedule": [100, 1000], "keysIfUndelivered": [["a", 1]]}
 * ```
 *
 * Values are as those of `structured`; a `KvU64` is `{"$u64": "1"}`, and a value with a `Blob`, a
 * `CryptoKey` or a `DOMException` in it is `{"$shown": "text"}`. A dump has the
 * bytes of records and messages in base64, which load as they were.
 */

import {
  kvKey,
  type KvMessage,
  type KvRecord,
  KvU64,
  messageOf,
  versionstampOf,
} from "../../kv/mod.ts";
import { Refusal } from "../io/exit.ts";
import { type Form, tupleForm } from "./json_form.ts";
import { structuredToJson } from "./structured_form.ts";

/** Records of entries. */
export const recordForm: Form = readingForm((record: KvRecord) => ({
  value: valueToJson(record.value),
  versionstamp: versionstampOf(record.version),
  ...(record.expiresAt !== Infinity && { expiresAt: dateOf(record.expiresAt) }),
}));

/** Messages of the queue. */
export const messageForm: Form = readingForm((message: KvMessage) => ({
  message: valueToJson(messageOf(message)),
  backoffSchedule: message.backoffSchedule,
  keysIfUndelivered: message.keysIfUndelivered.map((key) => tupleForm.toJson(kvKey.decode(key))),
}));

/** A date as text; a number that is none as itself. */
function dateOf(ms: number): string | number {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? ms : date.toISOString();
}

function valueToJson(value: unknown): unknown {
  if (value instanceof KvU64) return { $u64: String(value) };
  if (!hasHostObject(value)) return structuredToJson(value);
  return { $shown: Deno.inspect(value, { breakLength: Infinity, depth: 4 }) };
}

function hasHostObject(value: unknown): boolean {
  const seen = new Set<unknown>([value]);
  // Iteration over a set includes elements added meanwhile.
  for (const part of seen) {
    if (part instanceof Blob || part instanceof CryptoKey || part instanceof DOMException) {
      return true;
    }
    if (typeof part !== "object" || part === null || ArrayBuffer.isView(part)) continue;
    for (const inner of Object.values(part)) seen.add(inner);
    if (part instanceof Error) seen.add(part.cause);
    if (part instanceof Map) { for (const [key, inner] of part) seen.add(key).add(inner); }
    if (part instanceof Set) { for (const inner of part) seen.add(inner); }
  }
  return false;
}

/** A form that converts to JSON only. */
function readingForm<T>(toJson: (value: T) => unknown): Form {
  const refuse = (): never => {
    throw new Refusal("Cannot make an entry of Deno KV here: a program sets it, with openKv");
  };
  return {
    toJson: (value) => toJson(value as T),
    fromJson: refuse,
    toText: (value) => JSON.stringify(toJson(value as T)),
    fromText: refuse,
  };
}
