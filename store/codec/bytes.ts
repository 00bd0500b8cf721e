/**
 * The codecs of bytes, which copy nothing.
 *
 * Two codecs share one name, as their stored bytes are the same: `bytes`, and `keyBytes`, which
 * also takes text and is the default codec for keys.
 */

import { checkAttached } from "./attached.ts";
import { aKindOf, type KeyCodec } from "./codec.ts";
import { encodeText, encodeTextInto } from "./text.ts";

/**
 * Stores bytes unchanged. `encode` returns the value itself, and `decode` returns its argument.
 *
 * ```ts
 * import { bytes } from "./mod.ts";
 *
 * const value = new Uint8Array([1, 2]);
 * console.assert(bytes.encode(value) === value);
 * ```
 */
export const bytes: KeyCodec<Uint8Array> = {
  name: "bytes",
  ordered: true,
  encode(value: Uint8Array): Uint8Array {
    if (value instanceof Uint8Array) return checkAttached(value);
    throw new TypeError(`Cannot encode: ${aKindOf(value)} is not bytes`);
  },
  encodeInto(value: Uint8Array, into: Uint8Array): number {
    return copyInto(bytes.encode(value), into);
  },
  decode(bytes: Uint8Array): Uint8Array {
    return bytes;
  },
};

/**
 * Like `bytes`, but also takes text, which it stores in UTF-8. It decodes to bytes.
 *
 * ```ts
 * import { keyBytes } from "./mod.ts";
 *
 * console.assert(keyBytes.encode("ab").join() === "97,98");
 * ```
 */
export const keyBytes: KeyCodec<Uint8Array, Uint8Array | string> = {
  name: "bytes",
  ordered: true,
  encode(value: Uint8Array | string): Uint8Array {
    return typeof value === "string" ? encodeText(value) : checkKeyBytes(value);
  },
  encodeInto(value: Uint8Array | string, into: Uint8Array): number {
    if (typeof value === "string") return encodeTextInto(value, into);
    return copyInto(checkKeyBytes(value), into);
  },
  decode(bytes: Uint8Array): Uint8Array {
    return bytes;
  },
};

function checkKeyBytes(value: Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return checkAttached(value);
  throw new TypeError(`Cannot encode: ${aKindOf(value)} is neither bytes nor text`);
}

function copyInto(bytes: Uint8Array, into: Uint8Array): number {
  if (bytes.length > into.length) return -1;
  into.set(bytes);
  return bytes.length;
}
