/**
 * The body of a value in fragments: its whole pages, which are in runs. The first fragment begins
 * with a pointer to them:
 *
 * | at | size | field                                                 |
 * | -- | ---- | ----------------------------------------------------- |
 * |  0 | u32  | first page of the first run                           |
 * |  4 | u48  | version that wrote the runs, as in their pages        |
 *
 * A value below a page has no body, and its first fragment no pointer.
 */

import {
  corrupt,
  format,
  type PageNumber,
  type PageReader,
  type Version,
} from "../../pager/mod.ts";
import { type Reference, runsReference } from "./reference.ts";
import { readFragment } from "./shared_page.ts";

const { PAGE_BYTES, PAGE_SHIFT } = format;
const TWO_16 = 0x1_0000;

/** Bytes of the pointer. */
export const POINTER_BYTES = 10;

/** The bytes of a value in fragments that are in its body. */
export function bodyBytes(length: number): number {
  return (length >>> PAGE_SHIFT) * PAGE_BYTES;
}

/** The bytes of all fragments of a value. */
export function fragmentedBytes(length: number): number {
  return length % PAGE_BYTES + (length < PAGE_BYTES ? 0 : POINTER_BYTES);
}

/** Writes the pointer to a body. */
export function putPointer(into: Uint8Array, page: PageNumber, version: Version): void {
  const view = new DataView(into.buffer, into.byteOffset, POINTER_BYTES);
  view.setUint32(0, page, true);
  view.setUint16(4, version % TWO_16, true);
  view.setUint32(6, Math.floor(version / TWO_16), true);
}

/** The reference to the runs of the body of a value in fragments. */
export function bodyOf(pager: PageReader, tree: number, reference: Reference): Reference {
  const { page, number, length } = reference;
  const bytes = readFragment(pager, tree, page, number);
  if (bytes.length < POINTER_BYTES) corrupt(page, 0, `value ${number} does not name its runs`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, POINTER_BYTES);
  const version = view.getUint32(6, true) * TWO_16 + view.getUint16(4, true);
  return runsReference(view.getUint32(0, true), bodyBytes(length), version);
}
