/**
 * Ranges: their options, and their bounds in bytes, `lower` inclusive and `upper` exclusive.
 *
 * An inverted range is empty. `reverse` changes the order, never the membership.
 */

import { compareKeys, KEY_BYTES_MAX } from "../../btree/mod.ts";
import { copyOfKey } from "../memory/copy.ts";
import type { TreeFormat } from "./tree_format.ts";

/** A range of keys. All given bounds apply. */
export interface KeyRange<K = Uint8Array | string, P = K> {
  /** Keys with this prefix. */
  readonly prefix?: P | undefined;
  /** Keys above this one. */
  readonly gt?: K | undefined;
  /** Keys equal to or above this one. */
  readonly gte?: K | undefined;
  /** Keys below this one. */
  readonly lt?: K | undefined;
  /** Keys equal to or below this one. */
  readonly lte?: K | undefined;
}

/** A range of entries, with their order and a limit. */
export interface Range<K = Uint8Array | string, P = K> extends KeyRange<K, P> {
  /** Descending key order. Default false. */
  readonly reverse?: boolean | undefined;
  /** The most entries to return. Default all. */
  readonly limit?: number | undefined;
}

/** A range as bounds in bytes. */
export interface Bounds {
  /** Keys are not below this. */
  readonly lower: Uint8Array | undefined;
  /** Keys are below this. */
  readonly upper: Uint8Array | undefined;
  /** Whether the order is ascending. */
  readonly forward: boolean;
  /** The most entries to return. */
  readonly limit: number;
}

/** The encoder of the keys of a range. */
type KeyFormat<K, P> = Pick<TreeFormat<unknown, unknown, K, never, P>, "boundOf" | "prefixOf">;

const NAMES = new Set(["prefix", "gt", "gte", "lt", "lte", "reverse", "limit"]);

/**
 * The bounds of a range without order and limit.
 *
 * @throws {TypeError} It has a limit or an order, or is malformed as for `boundsOf`.
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
 * @param lends Whether they may be memory of the caller: then they are valid until other code runs.
 * @throws {TypeError} An option is unknown or has the wrong type.
 * @throws {RangeError} A bound is too long for a key, or the limit is not a count.
 */
export function boundsOf<K, P>(
  range: Range<K, P>,
  format: KeyFormat<K, P>,
  lends: boolean = false,
): Bounds {
  if (typeof range !== "object" || range === null) {
    throw new TypeError(`Cannot use the range: it is ${range === null ? "null" : typeof range}`);
  }
  for (const name in range) {
    // A program may give a name to all objects.
    if (!NAMES.has(name) && Object.hasOwn(range, name)) {
      throw new TypeError(`Cannot use the range: unknown option ${name}`);
    }
  }
  const { gt, gte, lt, lte, prefix, reverse, limit } = range;
  const after = gt === undefined ? undefined : keyAfter(format.boundOf(gt, true));
  const first = prefix === undefined ? undefined : format.prefixOf(prefix);
  let lower = first;
  if (gte !== undefined) lower = laterOf(lower, format.boundOf(gte, lends));
  if (gt !== undefined) lower = laterOf(lower, after);
  let upper = first === undefined ? undefined : endOfPrefix(first);
  if (lt !== undefined) upper = earlierOf(upper, format.boundOf(lt, lends));
  if (lte !== undefined) upper = earlierOf(upper, keyAfter(format.boundOf(lte, true)));
  // No key is above the highest possible key, and none is below the empty key.
  if (gt !== undefined && after === undefined) upper = new Uint8Array(0);
  return { lower, upper, forward: !isReverse(reverse), limit: checkLimit(limit) };
}

/**
 * Refuses to delete a range whose bounds are all undefined, such as a prefix from a variable that
 * has no value: it would be everything.
 *
 * @throws {TypeError} It names bounds, and none has a value.
 */
export function refuseBoundless(range: object): void {
  const bounds = Object.values(range ?? {});
  if (bounds.length === 0 || bounds.some((bound) => bound !== undefined)) return;
  throw new TypeError(
    "Cannot delete the range: all its bounds are undefined; clear() removes all entries",
  );
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

/** The successor of a key, or undefined for the longest key of 0xff bytes. */
function keyAfter(key: Uint8Array): Uint8Array | undefined {
  return key.length < KEY_BYTES_MAX ? copyOfKey(key, key.length, 1) : endOfPrefix(key);
}

/** The first key above all keys with a prefix, or undefined if no key is. */
function endOfPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = copyOfKey(prefix, length);
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
  throw new RangeError(`Cannot use the range: limit ${limit} is not a count`);
}
