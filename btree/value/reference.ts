/**
 * References: what a leaf holds, in 16 bytes, in place of a value that is stored outside of it.
 *
 * | at | size | field                                                                |
 * | -- | ---- | -------------------------------------------------------------------- |
 * |  0 | u32  | first page of the first run, or the shared page                      |
 * |  4 | u32  | bytes of the value                                                   |
 * |  8 | u16  | number of the value in the shared page; 0 = the value is in runs     |
 * | 10 | u48  | version that wrote the runs, as in their pages; 0 in a shared page   |
 *
 * Page, length and number are checked when the value is read.
 */

import type { PageNumber, Version } from "../../pager/mod.ts";
import { REFERENCE_BYTES } from "../node/node.ts";

const TWO_16 = 0x1_0000;

/** A decoded reference. */
export interface Reference {
  /** The first page of the first run, or the shared page. */
  page: PageNumber;
  /** Bytes of the value. */
  length: number;
  /** The number of the value in the shared page; 0 = the value is in runs. */
  number: number;
  /**
   * The version that wrote the runs, 0 for a shared page; the version of the last part while the
   * value is unfinished.
   */
  version: Version;
}

/** Writes a reference to the beginning of an array. */
export function encodeReference(reference: Reference, into: Uint8Array): void {
  const { page, length, number, version } = reference;
  const view = new DataView(into.buffer, into.byteOffset, REFERENCE_BYTES);
  view.setUint32(0, page, true);
  view.setUint32(4, length, true);
  view.setUint16(8, number, true);
  view.setUint16(10, version % TWO_16, true);
  view.setUint32(12, Math.floor(version / TWO_16), true);
}

/** Decodes a reference. */
export function decodeReference(bytes: Uint8Array, at: number): Reference {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, REFERENCE_BYTES);
  return {
    page: view.getUint32(0, true),
    length: view.getUint32(4, true),
    number: view.getUint16(8, true),
    version: view.getUint32(12, true) * TWO_16 + view.getUint16(10, true),
  };
}

/** The length in bytes of the value of the reference at `at`. */
export function referredLength(bytes: Uint8Array, at: number): number {
  return decodeReference(bytes, at).length;
}
