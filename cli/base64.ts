/**
 * Bytes in base64, the alphabet with `+` and `/`, strictly: what is read back is what was written.
 */

import { Buffer } from "node:buffer";
import { Refusal } from "./exit.ts";

/** Bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
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
