/**
 * Strict base64, with the alphabet of `+` and `/`: only the exact encoding of bytes decodes.
 */

import { Buffer } from "node:buffer";
import { EXIT, LONG_REMEDY, Refusal } from "../io/exit.ts";

/** More bytes would exceed the maximum length of a string. */
const BYTES_MAX = 380 * 1024 * 1024;

/**
 * Encodes bytes.
 *
 * @throws {Refusal} The encoding exceeds the maximum length of a string.
 */
export function encodeBase64(bytes: Uint8Array): string {
  if (bytes.length > BYTES_MAX) {
    const what = `${bytes.length} bytes are too many for a text`;
    throw new Refusal(`Cannot show the value: ${what}; ${LONG_REMEDY}`, EXIT.unusable);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/**
 * Decodes base64.
 *
 * @throws {Refusal} The text is not base64.
 */
export function decodeBase64(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  // The decoder of Node ignores invalid characters.
  if (encodeBase64(bytes) === text) return bytes;
  throw new Refusal("Cannot use the bytes: they are not in base64");
}
