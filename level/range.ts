/**
 * Ranges of abstract-level as ranges of Quire, and the range that remains after a seek.
 *
 * In Level `gte` overrides `gt`, and `lte` overrides `lt`; in Quire all bounds apply.
 */

import { Buffer } from "node:buffer";
import type { Range } from "../mod.ts";
import { bytesOf, type Encoded } from "./formats.ts";

/** The options of a range, as abstract-level passes them on. */
export interface LevelRange {
  /** Keys above this one, unless `gte` is given. */
  readonly gt?: Encoded | undefined;
  /** Keys equal to or above this one. */
  readonly gte?: Encoded | undefined;
  /** Keys below this one, unless `lte` is given. */
  readonly lt?: Encoded | undefined;
  /** Keys equal to or below this one. */
  readonly lte?: Encoded | undefined;
  /** Whether the order is descending. */
  readonly reverse: boolean;
  /** The most entries; -1 = all. */
  readonly limit: number;
}

/** A range of encoded keys. */
export type KeyedRange = Range<Encoded>;

/** The range of Quire, with order and limit. */
export function rangeOf({ gt, gte, lt, lte, reverse, limit }: LevelRange): KeyedRange {
  return {
    gt: gte === undefined ? gt : undefined,
    gte,
    lt: lte === undefined ? lt : undefined,
    lte,
    reverse,
    limit: limit < 0 ? undefined : limit,
  };
}

/**
 * The part of a range from a key on, in the order of the range. It is empty if the key lies
 * outside: there a Level iterator ends.
 */
export function rangeFrom(range: KeyedRange, target: Encoded): KeyedRange {
  if (!contains(range, bytesOf(target))) return { limit: 0 };
  if (range.reverse === true) return { ...range, lt: undefined, lte: target };
  return { ...range, gt: undefined, gte: target };
}

function contains({ gt, gte, lt, lte }: KeyedRange, key: Uint8Array): boolean {
  return (gt === undefined || Buffer.compare(key, bytesOf(gt)) > 0) &&
    (gte === undefined || Buffer.compare(key, bytesOf(gte)) >= 0) &&
    (lt === undefined || Buffer.compare(key, bytesOf(lt)) < 0) &&
    (lte === undefined || Buffer.compare(key, bytesOf(lte)) <= 0);
}
