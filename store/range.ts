/**
 * Ranges as users give them, and as bounds in bytes: keys from `lower` on and below `upper`.
 *
 * An empty or inverted range is empty. `reverse` changes the order, never the membership.
 */

import { compareKeys, KEY_BYTES_MAX } from "../btree/mod.ts";
import { encodeKey, type Key } from "./key.ts";

/** Which entries, and in which order. Bounds given together all hold. */
export interface Range {
  /** Keys that begin with this. */
  readonly prefix?: Key;
  /** Keys after this one. */
  readonly gt?: Key;
  /** Keys from this one on. */
  readonly gte?: Key;
  /** Keys before this one. */
  readonly lt?: Key;
  /** Keys up to and with this one. */
  readonly lte?: Key;
  /** The last first. Default false. */
  readonly reverse?: boolean;
  /** No more than this many. Default all. */
  readonly limit?: number;
}

/** A range as bounds in bytes. */
export interface Bounds {
  /** Keys are not below this. */
  readonly lower: Uint8Array | undefined;
  /** Keys are below this. */
  readonly upper: Uint8Array | undefined;
  /** The first first. */
  readonly forward: boolean;
  /** No more than this many. */
  readonly limit: number;
}

const NAMES = new Set(["prefix", "gt", "gte", "lt", "lte", "reverse", "limit"]);

/**
 * A range that says only which entries, as deleting wants it.
 *
 * @throws {TypeError} It has a limit or an order.
 */
export function rangeOnly(range: Range): Range {
  // What is no range at all is for `boundsOf` to refuse.
  if (range?.limit === undefined && range?.reverse === undefined) return range;
  throw new TypeError("Cannot delete a range: limit and reverse mean nothing there");
}

/**
 * The bounds of a range.
 *
 * @throws {TypeError} An option is unknown, or of a wrong type.
 * @throws {RangeError} A bound is too long for a key, or the limit is no count.
 */
export function boundsOf(range: Range): Bounds {
  if (typeof range !== "object" || range === null) {
    throw new TypeError(`Cannot use the range: it is ${range === null ? "null" : typeof range}`);
  }
  for (const name in range) {
    if (!NAMES.has(name)) throw new TypeError(`Cannot use the range: unknown option ${name}`);
  }
  const isEmpty = range.gt !== undefined && keyAfter(encodeKey(range.gt)) === undefined;
  return {
    lower: lowerBound(range),
    // No key is below the empty one.
    upper: isEmpty ? new Uint8Array(0) : upperBound(range),
    forward: !isReverse(range.reverse),
    limit: checkLimit(range.limit),
  };
}

function lowerBound({ prefix, gt, gte }: Range): Uint8Array | undefined {
  let lower = prefix === undefined ? undefined : encodeKey(prefix);
  if (gte !== undefined) lower = laterOf(lower, encodeKey(gte));
  if (gt !== undefined) lower = laterOf(lower, keyAfter(encodeKey(gt)));
  return lower;
}

function upperBound({ prefix, lt, lte }: Range): Uint8Array | undefined {
  let upper = prefix === undefined ? undefined : endOfPrefix(encodeKey(prefix));
  if (lt !== undefined) upper = earlierOf(upper, encodeKey(lt));
  if (lte !== undefined) upper = earlierOf(upper, keyAfter(encodeKey(lte)));
  return upper;
}

type MaybeKey = Uint8Array | undefined;

function laterOf(a: MaybeKey, b: MaybeKey): MaybeKey {
  if (a === undefined || b === undefined) return a ?? b;
  return compareKeys(a, a.length, b, b.length) < 0 ? b : a;
}

function earlierOf(a: MaybeKey, b: MaybeKey): MaybeKey {
  if (a === undefined || b === undefined) return a ?? b;
  return compareKeys(a, a.length, b, b.length) > 0 ? b : a;
}

/** The first key after a key, or undefined: no key is after the longest one of 0xff bytes. */
function keyAfter(key: Uint8Array): Uint8Array | undefined {
  if (key.length < KEY_BYTES_MAX) {
    const after = new Uint8Array(key.length + 1);
    after.set(key);
    return after;
  }
  return endOfPrefix(key);
}

/** The first key after all that begin with a prefix, or undefined when there is none. */
function endOfPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = prefix.slice(0, length);
  end[length - 1]++;
  return end;
}

function isReverse(reverse: unknown): boolean {
  if (reverse === undefined) return false;
  if (typeof reverse === "boolean") return reverse;
  throw new TypeError(`Cannot use the range: reverse is ${typeof reverse}`);
}

function checkLimit(limit: unknown): number {
  if (limit === undefined) return Infinity;
  if (typeof limit !== "number") {
    throw new TypeError(`Cannot use the range: limit is ${typeof limit}`);
  }
  if (limit === Infinity || (Number.isInteger(limit) && limit >= 0)) return limit;
  throw new RangeError(`Cannot use the range: limit ${limit} is no count`);
}
