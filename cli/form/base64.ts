/**
 * Bytes in base64, the alphabet with `+` and `/`, strictly: what is read back is what was written.
 */

import { Buffer } from "node:buffer";
import { EXIT, MEND_LONG, Refusal } from "../io/exit.ts";

/** A text of more would be longer than any can be. */
const BYTES_MAX = 380 * 1024 * 1024;

/**
 * Bytes as base64.
 *
 * @throws {Refusal} There are too many for a text.
 */
export function encodeBase64(bytes: Uint8Array): string {
  if (bytes.length > BYTES_MAX) {
    const what = `${bytes.length} bytes are too many for a text`;
    throw new Refusal(`Cannot show the value: ${what}; ${MEND_LONG}`, EXIT.unusable);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/**
 * The bytes of base64.
 *
 * @throws {Refusal} It is none.
 */
export function decodeBase64(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  // The decoder of Node passes over what it does not know.
  if (encodeBase64(bytes) === text) return bytes;
  throw new Refusal("Cannot use the bytes: they are not in base64");
}
