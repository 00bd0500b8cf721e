/**
 * Ranges as users give them, and as bounds in bytes: keys from `lower` on and below `upper`.
 *
 * An empty or inverted range is empty. `reverse` changes the order, never the membership.
 */

import { compareKeys, KEY_BYTES_MAX } from "../../btree/mod.ts";
import type { TreeFormat } from "./tree_format.ts";

/** Which entries, by their keys. Bounds given together all hold. */
export interface KeyRange<K = Uint8Array | string, P = K> {
  /** Keys that begin with this. */
  readonly prefix?: P | undefined;
  /** Keys after this one. */
  readonly gt?: K | undefined;
  /** Keys from this one on. */
  readonly gte?: K | undefined;
  /** Keys before this one. */
  readonly lt?: K | undefined;
  /** Keys up to and with this one. */
  readonly lte?: K | undefined;
}

/** Which entries, in which order, and how many. */
export interface Range<K = Uint8Array | string, P = K> extends KeyRange<K, P> {
  /** The last first. Default false. */
  readonly reverse?: boolean | undefined;
  /** No more than this many. Default all. */
  readonly limit?: number | undefined;
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

/** What makes bytes of the keys of a range. */
type KeyFormat<K, P> = Pick<TreeFormat<unknown, unknown, K, never, P>, "keyOf" | "prefixOf">;

const NAMES = new Set(["prefix", "gt", "gte", "lt", "lte", "reverse", "limit"]);

/**
 * The bounds of a range that says only which entries.
 *
 * @throws {TypeError} It has a limit or an order, or is wrong otherwise as `boundsOf` says.
 */
export function keyBoundsOf<K, P>(range: KeyRange<K, P>, format: KeyFormat<K, P>): Bounds {
  const { limit, reverse }: Range<K, P> = range ?? {};
  if (limit !== undefined || reverse !== undefined) {
    throw new TypeError("Cannot use the range: limit and reverse mean nothing here");
  }
  return boundsOf(range, format);
}

/**
 * The bounds of a range.
 *
 * @throws {TypeError} An option is unknown, or of a wrong type.
 * @throws {RangeError} A bound is too long for a key, or the limit is no count.
 */
export function boundsOf<K, P>(range: Range<K, P>, format: KeyFormat<K, P>): Bounds {
  if (typeof range !== "object" || range === null) {
    throw new TypeError(`Cannot use the range: it is ${range === null ? "null" : typeof range}`);
  }
  for (const name in range) {
    if (!NAMES.has(name)) throw new TypeError(`Cannot use the range: unknown option ${name}`);
  }
  const { gt, gte, lt, lte, prefix } = range;
  const after = gt === undefined ? undefined : keyAfter(format.keyOf(gt));
  const first = prefix === undefined ? undefined : format.prefixOf(prefix);
  let lower = first;
  if (gte !== undefined) lower = laterOf(lower, format.keyOf(gte));
  if (gt !== undefined) lower = laterOf(lower, after);
  let upper = first === undefined ? undefined : endOfPrefix(first);
  if (lt !== undefined) upper = earlierOf(upper, format.keyOf(lt));
  if (lte !== undefined) upper = earlierOf(upper, keyAfter(format.keyOf(lte)));
  // No key is after the last one there can be, and none is below the empty one.
  if (gt !== undefined && after === undefined) upper = new Uint8Array(0);
  const forward = !isReverse(range.reverse);
  return { lower, upper, forward, limit: checkLimit(range.limit) };
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
  end[length - 1]!++;
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
