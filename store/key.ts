/**
 * Keys as users give them: bytes, or text that is kept in UTF-8.
 */

import { KEY_BYTES_MAX } from "../btree/mod.ts";

/** A key: bytes, or text that is kept, and sorted, in UTF-8. At most 2048 bytes. */
export type Key = Uint8Array | string;

const encoder = new TextEncoder();

/**
 * A key as bytes.
 *
 * @throws {TypeError} It is neither bytes nor well-formed text.
 * @throws {RangeError} It is too long.
 */
export function encodeKey(key: Key): Uint8Array {
  const bytes = typeof key === "string" ? encodeText(key) : key;
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`Cannot use the key: a ${typeof key} is neither bytes nor text`);
  }
  if (bytes.length > KEY_BYTES_MAX) {
    throw new RangeError(`Cannot use the key: ${bytes.length} bytes exceed ${KEY_BYTES_MAX}`);
  }
  return bytes;
}

function encodeText(text: string): Uint8Array {
  // Encoding would turn a lone surrogate into U+FFFD, and different keys into one.
  if (!text.isWellFormed()) throw new TypeError("Cannot use the key: it has a lone surrogate");
  return encoder.encode(text);
}
