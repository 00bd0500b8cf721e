/**
 * The codec of tuples: keys of several parts, sorted part by part. `tuple_part.ts` encodes parts.
 */

import { aKindOf, type KeyCodec } from "./codec.ts";
import { type TuplePart, writePart } from "./tuple_part.ts";
import { readParts } from "./tuple_reader.ts";

/** The type of prefixes of a tuple type: none to all of its first parts. */
export type TuplePrefix<T extends readonly unknown[]> = T extends
  readonly [infer First, ...infer Rest] ? readonly [] | readonly [First, ...TuplePrefix<Rest>]
  : Readonly<T>;

/** `tuple` and, by `as`, its types. */
export interface TupleCodec extends KeyCodec<TuplePart[], readonly TuplePart[]> {
  /**
   * The same codec, for tuples of one type. Prefixes are shorter tuples. Decoding does not check
   * the type.
   */
  as<T extends readonly TuplePart[]>(): KeyCodec<T, Readonly<T>, TuplePrefix<T>>;
}

/** A buffer for a tuple of unknown length; most keys fit. */
const scratch = new Uint8Array(256);

/**
 * Stores arrays of bytes, strings, numbers, bigints and booleans. Types sort in this order, which
 * Deno KV documents for its keys. Within a type:
 *
 * - bytes sort as bytes, and strings by code points; a lone surrogate is refused,
 * - numbers sort from `-Infinity` to `Infinity`, -0 before 0, `NaN` last,
 * - bigints sort as numbers do, and have at most 32,767 bytes,
 * - false is before true.
 *
 * A tuple sorts after its prefixes, and the empty tuple first. A prefix consists of whole parts:
 * `["ab"]` is a prefix of `["ab", 1]`, but not of `["abc"]`.
 *
 * ```ts
 * import { tuple } from "./mod.ts";
 *
 * const city = tuple.as<[country: string, rank: number]>();
 * const [country, rank] = city.decode(city.encode(["ES", 2]));
 * console.assert(country === "ES" && rank === 2);
 * ```
 */
export const tuple: TupleCodec = {
  name: "tuple",
  ordered: true,
  keepsBytes: false,
  encode(parts: readonly TuplePart[]): Uint8Array {
    const size = writeParts(parts, scratch);
    if (size <= scratch.length) return scratch.slice(0, size);
    const bytes = new Uint8Array(size);
    writeParts(parts, bytes);
    return bytes;
  },
  encodeInto(parts: readonly TuplePart[], into: Uint8Array): number {
    const size = writeParts(parts, into);
    return size <= into.length ? size : -1;
  },
  decode(bytes: Uint8Array): TuplePart[] {
    return readParts(bytes);
  },
  as<T extends readonly TuplePart[]>(): KeyCodec<T, Readonly<T>, TuplePrefix<T>> {
    return tuple as unknown as KeyCodec<T, Readonly<T>, TuplePrefix<T>>;
  },
};

/** Writes as much of a tuple as fits. Returns the length of the whole encoding. */
function writeParts(parts: readonly TuplePart[], into: Uint8Array): number {
  if (!Array.isArray(parts)) {
    throw new TypeError(`Cannot encode: a tuple is an array, not ${aKindOf(parts)}`);
  }
  let at = 0;
  for (let i = 0; i < parts.length; i++) at = writePart(parts[i], into, at);
  return at;
}
