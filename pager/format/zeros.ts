/**
 * Tests whether bytes are zero, natively: a loop over a page takes ten times as long.
 */

import { Buffer } from "node:buffer";
import { PAGE_BYTES } from "./format.ts";

const ZEROS = new Uint8Array(PAGE_BYTES);

/** Whether the bytes from `start` to `end` (exclusive), at most a page, are all zero. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  return Buffer.compare(bytes.subarray(start, end), ZEROS.subarray(0, end - start)) === 0;
}
