/**
 * Bytes as such: whether they are all zero, and several arrays as one.
 */

import { Buffer } from "node:buffer";
import { PAGE_BYTES } from "./format.ts";

const ZEROS = new Uint8Array(PAGE_BYTES);

/**
 * Whether the bytes from `start` to `end` (exclusive), at most a page, are all zero. It compares
 * them natively: a loop over a page takes ten times as long.
 */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  return Buffer.compare(bytes.subarray(start, end), ZEROS.subarray(0, end - start)) === 0;
}

/** The bytes of several arrays, one after the other; a single array as it is. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
