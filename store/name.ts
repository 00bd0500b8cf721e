/**
 * Names of trees: text of 1 to 1024 bytes in UTF-8.
 */

import { NAME_BYTES_MAX } from "../btree/mod.ts";

const encoder = new TextEncoder();

/**
 * Throws when a name is no name.
 *
 * @throws {TypeError} It is no well-formed text.
 * @throws {RangeError} It is empty or too long.
 */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string") {
    throw new TypeError(`Cannot name a tree: ${typeof name} is no text`);
  }
  if (!name.isWellFormed()) throw new TypeError("Cannot name a tree: it has a lone surrogate");
  const { length } = encoder.encode(name);
  if (length === 0 || length > NAME_BYTES_MAX) {
    throw new RangeError(`Cannot name a tree: ${length} bytes are not 1..${NAME_BYTES_MAX}`);
  }
}
