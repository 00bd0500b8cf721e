/**
 * Selectors and cursors of a list as bounds in bytes, `lower` inclusive and `upper` exclusive.
 *
 * A cursor is the last key that was returned, in padded base64url, without the bytes that all keys
 * of the selector have in common. The texts of errors are those of Deno KV.
 */

import type { KvKey, KvListSelector } from "../api/types.ts";
import { encodeKey, kindOf } from "./key.ts";

/** A selector with keys as bytes. */
export interface Selector {
  /** All selected keys begin with these bytes. */
  readonly common: Uint8Array;
  /** The first key, if the selector has one. */
  readonly start: Uint8Array | undefined;
  /** The end, if the selector has one. */
  readonly end: Uint8Array | undefined;
}

/** The bounds of a read. */
export interface KeyBounds {
  /** Keys are not below this. */
  readonly lower: Uint8Array;
  /** Keys are below this. */
  readonly upper: Uint8Array;
}

/**
 * The selector of the argument of a list.
 *
 * @throws {TypeError} It is malformed.
 */
export function selectorOf(selector: KvListSelector): Selector {
  const prefix = keyIn(selector, "prefix");
  const start = keyIn(selector, "start");
  const end = keyIn(selector, "end");
  if (prefix !== undefined) return prefixSelector(prefix, start, end);
  if (start === undefined || end === undefined) {
    throw new TypeError(
      "Selector must specify either 'prefix' or both 'start' and 'end' key",
    );
  }
  const selected = { start: encodeKey(start), end: encodeKey(end) };
  return { common: commonPrefix(selected.start, selected.end), ...selected };
}

/** The own property of a selector, as an array. */
function keyIn(selector: object, name: "prefix" | "start" | "end"): KvKey | undefined {
  if (!Object.hasOwn(selector, name)) return undefined;
  const key = (selector as Partial<Record<typeof name, KvKey>>)[name];
  return key === undefined ? undefined : Array.prototype.slice.call(key);
}

function prefixSelector(
  prefix: KvKey,
  start: KvKey | undefined,
  end: KvKey | undefined,
): Selector {
  if (start !== undefined && end !== undefined) {
    throw new TypeError(
      "Selector can not specify both 'start' and 'end' key when specifying 'prefix'",
    );
  }
  return {
    common: encodeKey(prefix),
    start: start && encodeKey(start),
    end: end && encodeKey(end),
  };
}

/**
 * The bounds of a read.
 *
 * @param cursor Where it begins; "" = at the first key.
 * @throws {TypeError} The keys are not below the prefix, or the cursor is malformed.
 */
export function boundsOf(selector: Selector, cursor: string, reverse: boolean): KeyBounds {
  checkSelector(selector);
  const { common, start, end } = selector;
  const lower = start ?? concat(common, 0x00);
  const upper = end ?? concat(common, 0xff);
  if (cursor === "") return { lower, upper };
  const last = concat(common, ...decodeCursor(cursor));
  const bounds = reverse ? { lower, upper: last } : { lower: concat(last, 0x00), upper };
  const isBelow = start !== undefined && compareBytes(bounds.lower, start) < 0;
  const isAbove = end !== undefined && compareBytes(bounds.upper, end) > 0;
  if (isBelow || isAbove) throw new TypeError("cursor out of bounds");
  return bounds;
}

function checkSelector({ common, start, end }: Selector): void {
  if (start !== undefined && end !== undefined) {
    if (compareBytes(start, end) <= 0) return;
    throw new TypeError("Start key is greater than end key");
  }
  if (start !== undefined && !isBelowPrefix(start, common)) {
    throw new TypeError("Start key is not in the keyspace defined by prefix");
  }
  if (end !== undefined && !isBelowPrefix(end, common)) {
    throw new TypeError("End key is not in the keyspace defined by prefix");
  }
}

/** The cursor of a key that a selector selects. */
export function cursorOf({ common }: Selector, key: KvKey): string {
  const bytes = encodeKey(key);
  if (!startsWith(bytes, common)) throw new TypeError("Invalid boundary key");
  return bytes.subarray(common.length).toBase64({ alphabet: "base64url" });
}

function decodeCursor(cursor: unknown): Uint8Array {
  if (typeof cursor !== "string") {
    throw new TypeError(
      `serde_v8 error: invalid type; expected: string, got: ${kindOf(cursor)}`,
    );
  }
  try {
    if (!/\s/.test(cursor)) {
      return Uint8Array.fromBase64(cursor, {
        alphabet: "base64url",
        lastChunkHandling: "strict",
      });
    }
  } catch {
    // Refused below.
  }
  throw new TypeError("invalid cursor");
}

function isBelowPrefix(key: Uint8Array, prefix: Uint8Array): boolean {
  return key.length > prefix.length && startsWith(key, prefix);
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return commonLength(bytes, prefix) === prefix.length;
}

function commonPrefix(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.subarray(0, commonLength(a, b));
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** Negative, 0 or positive, as byte order has it. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = commonLength(a, b);
  if (at < a.length && at < b.length) return a[at]! - b[at]!;
  return a.length - b.length;
}

function concat(bytes: Uint8Array, ...more: number[]): Uint8Array {
  const result = new Uint8Array(bytes.length + more.length);
  result.set(bytes);
  result.set(more, bytes.length);
  return result;
}
