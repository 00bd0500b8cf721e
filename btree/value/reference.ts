/**
 * References: what a leaf holds, in 16 bytes, in place of a value that is stored outside of it.
 *
 * | at | size | field                                                                |
 * | -- | ---- | -------------------------------------------------------------------- |
 * |  0 | u32  | first page of the first run, or the page of the first fragment       |
 * |  4 | u32  | bytes of the value                                                   |
 * |  8 | u16  | number of the first fragment in its page; 0 = the value is in runs   |
 * | 10 | u48  | of a value in runs: the version that wrote them, as in their pages   |
 * | 10 | u16  | of others: number of the second fragment in its page; 0 = no second  |
 * | 12 | u32  | of others: page of the second fragment; 0 = no second                |
 *
 * All fields are checked when the value is read.
 */

import type { PageNumber, Version } from "../../pager/mod.ts";
import { REFERENCE_BYTES } from "../node/node.ts";

const TWO_16 = 0x1_0000;

/** A decoded reference. */
export interface Reference {
  /** The first page of the first run, or the page of the first fragment. */
  page: PageNumber;
  /** Bytes of the value. */
  length: number;
  /** The number of the first fragment in its page; 0 = the value is in runs. */
  number: number;
  /**
   * The version that wrote the runs, 0 for fragments; the version of the last part while the value
   * is unfinished.
   */
  version: Version;
  /** The page of the second fragment, 0 = none. */
  secondPage: PageNumber;
  /** The number of the second fragment in its page, 0 = none. */
  secondNumber: number;
}

/** The reference to a value in runs. */
export function runsReference(page: PageNumber, length: number, version: Version): Reference {
  return { page, length, number: 0, version, secondPage: 0, secondNumber: 0 };
}

/** Writes a reference to the beginning of an array. */
export function encodeReference(reference: Reference, into: Uint8Array): void {
  const { page, length, number, version, secondPage, secondNumber } = reference;
  const view = new DataView(into.buffer, into.byteOffset, REFERENCE_BYTES);
  view.setUint32(0, page, true);
  view.setUint32(4, length, true);
  view.setUint16(8, number, true);
  view.setUint16(10, number === 0 ? version % TWO_16 : secondNumber, true);
  view.setUint32(12, number === 0 ? Math.floor(version / TWO_16) : secondPage, true);
}

/** Decodes a reference. */
export function decodeReference(bytes: Uint8Array, at: number): Reference {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, REFERENCE_BYTES);
  const number = view.getUint16(8, true);
  const low = view.getUint16(10, true);
  const high = view.getUint32(12, true);
  return {
    page: view.getUint32(0, true),
    length: view.getUint32(4, true),
    number,
    version: number === 0 ? high * TWO_16 + low : 0,
    secondPage: number === 0 ? 0 : high,
    secondNumber: number === 0 ? 0 : low,
  };
}

/** The length in bytes of the value of the reference at `at`. */
export function referredLength(bytes: Uint8Array, at: number): number {
  return decodeReference(bytes, at).length;
}
