/**
 * Selectors and cursors of a list as bounds in bytes, `lower` inclusive and `upper` exclusive.
 *
 * A cursor is the last key that was returned, in padded base64url, without the bytes that all keys
 * of the selector have in common. The texts of errors are those of Deno KV.
 */

import type { KeyRange } from "../../mod.ts";
import type { KvKey, KvListSelector } from "../api/types.ts";
import { encodeKey, wrongType } from "./key.ts";
import { KEY_BYTES_MAX } from "./trees.ts";

/** The bytes that follow a key in the first key behind it, and in the end of what is below it. */
const [FIRST, LAST] = [Uint8Array.of(0x00), Uint8Array.of(0xff)];

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

/** The keys of a selector, as the program gave them. */
export interface SelectorKeys {
  /** All selected keys begin with this. */
  readonly prefix: KvKey | undefined;
  /** The first key. */
  readonly start: KvKey | undefined;
  /** The end. */
  readonly end: KvKey | undefined;
}

/**
 * Copies of the keys of the argument of a list.
 *
 * @throws {TypeError} They are no selector. Malformed keys are refused by `selectorOf`.
 */
export function selectorKeysOf(selector: KvListSelector): SelectorKeys {
  const prefix = keyIn(selector, "prefix");
  const start = keyIn(selector, "start");
  const end = keyIn(selector, "end");
  if (prefix === undefined && (start === undefined || end === undefined)) {
    throw new TypeError(
      "Selector must specify either 'prefix' or both 'start' and 'end' key",
    );
  }
  if (prefix !== undefined && start !== undefined && end !== undefined) {
    throw new TypeError(
      "Selector can not specify both 'start' and 'end' key when specifying 'prefix'",
    );
  }
  return { prefix, start, end };
}

/** The own property of a selector, as an array. */
function keyIn(selector: object, name: "prefix" | "start" | "end"): KvKey | undefined {
  if (!Object.hasOwn(selector, name)) return undefined;
  const key = (selector as Partial<Record<typeof name, KvKey>>)[name];
  return key === undefined ? undefined : Array.prototype.slice.call(key);
}

/**
 * Encodes a selector.
 *
 * @throws {TypeError} A key is malformed, or not below the prefix.
 */
export function selectorOf(keys: SelectorKeys): Selector {
  const prefix = keys.prefix && encodeKey(keys.prefix);
  const start = keys.start && encodeKey(keys.start);
  const end = keys.end && encodeKey(keys.end);
  // Without a prefix there are both.
  const selector = { common: prefix ?? commonPrefix(start!, end!), start, end };
  checkSelector(selector);
  return selector;
}

/**
 * The bounds of a read.
 *
 * @param last The key before the first one, in the order of the read; undefined = none.
 * @throws {TypeError} That key is not in the range.
 */
export function boundsOf(
  { common, start, end }: Selector,
  last: Uint8Array | undefined,
  reverse: boolean,
): KeyBounds {
  const lower = start ?? concat(common, FIRST);
  const upper = end ?? concat(common, LAST);
  if (last === undefined) return { lower, upper };
  const bounds = reverse ? { lower, upper: last } : { lower: concat(last, FIRST), upper };
  const isBelow = start !== undefined && compareBytes(bounds.lower, start) < 0;
  const isAbove = end !== undefined && compareBytes(bounds.upper, end) > 0;
  if (isBelow || isAbove) throw new TypeError("cursor out of bounds");
  return bounds;
}

/**
 * The key of a cursor.
 *
 * @throws {TypeError} The cursor is malformed.
 */
export function keyOfCursor({ common }: Selector, cursor: string): Uint8Array {
  return concat(common, decodeCursor(cursor));
}

/** Whether a key is between bounds. */
export function isWithin(key: Uint8Array, { lower, upper }: KeyBounds): boolean {
  return compareBytes(key, lower) >= 0 && compareBytes(key, upper) < 0;
}

/** Bounds as a range of the engine, which refuses bounds that are longer than any key. */
export function rangeOf({ lower, upper }: KeyBounds): KeyRange<Uint8Array> {
  if (lower.length <= KEY_BYTES_MAX && upper.length <= KEY_BYTES_MAX) {
    return { gte: lower, lt: upper };
  }
  return {
    ...(lower.length <= KEY_BYTES_MAX ? { gte: lower } : { gt: lower.slice(0, KEY_BYTES_MAX) }),
    ...(upper.length <= KEY_BYTES_MAX ? { lt: upper } : { lte: upper.slice(0, KEY_BYTES_MAX) }),
  };
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
export function cursorOf({ common }: Selector, bytes: Uint8Array): string {
  if (!startsWith(bytes, common)) throw new TypeError("Invalid boundary key");
  return bytes.subarray(common.length).toBase64({ alphabet: "base64url" });
}

function decodeCursor(cursor: unknown): Uint8Array {
  if (typeof cursor !== "string") throw wrongType("string", cursor);
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

function concat(bytes: Uint8Array, more: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + more.length);
  result.set(bytes);
  result.set(more, bytes.length);
  return result;
}
