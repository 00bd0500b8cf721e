/**
 * A page, or a whole run, with its header as one unit, for programs that use the pager by itself.
 */

import type { PageReader } from "./cache/page_reader.ts";
import {
  CHUNK_SHIFT,
  HEADER_BYTES,
  HEADER_SHIFT,
  KIND_RUN,
  KIND_RUN_CONTINUED,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
  PAGE_SHIFT,
  SLOT_MASK,
} from "./format/format.ts";
import { POOL } from "./format/frame.ts";
import { kindOf, linkOf, runPagesOf } from "./format/header.ts";
import { corruptHeader } from "./format/page_check.ts";
import type { PageNumber, Place } from "./format/units.ts";

/** A page, or a run of pages, as one unit. */
export interface Page {
  /** The number of the page; for a run, of its first page. */
  readonly page: PageNumber;
  /** The kind of the page, as `format.KIND_...`. */
  readonly kind: number;
  /** The number of pages: 1, or the length of the run. */
  readonly pages: number;
  /** The 32 bytes of its header. */
  readonly header: Uint8Array;
  /** Its bytes, `pages` * 8192 of them. */
  readonly bytes: Uint8Array;
}

/**
 * Reads a page and its header; for a run, all its pages.
 *
 * @throws {RangeError} `page` is not a page number, or is a later page of a run.
 * @throws {CorruptionError} The page is not in use, or does not match its header.
 */
export function readPage(reader: PageReader, page: PageNumber): Page {
  if (!Number.isInteger(page) || page < 0 || page >= PAGE_COUNT_MAX) {
    throw new RangeError(`Cannot get page ${page}: not a page number`);
  }
  const place = reader.at(page);
  const frame = reader.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  const kind = kindOf(frame, slot);
  if (kind === KIND_RUN_CONTINUED) {
    throw new RangeError(`Cannot get page ${page}: it is inside a run`);
  }
  const pages = kind === KIND_RUN ? runPagesOf(frame, slot) : 1;
  const header = frame.u8.subarray(slot << HEADER_SHIFT, (slot << HEADER_SHIFT) + HEADER_BYTES);
  const bytes = pages === 1
    ? frame.u8.subarray(slot << PAGE_SHIFT, (slot + 1) << PAGE_SHIFT)
    : runBytes(reader, page, pages, place);
  return { page, kind, pages, header, bytes };
}

/** The bytes of a run: a view if they are contiguous in memory, else a copy. */
function runBytes(reader: PageReader, page: PageNumber, pages: number, place: Place): Uint8Array {
  const first = reader.frames[place >>> CHUNK_SHIFT]!;
  if (first.chunk !== POOL) {
    for (let i = 1; i < pages; i++) placeInRun(reader, page, i);
    const start = (place & SLOT_MASK) << PAGE_SHIFT;
    return first.u8.subarray(start, start + pages * PAGE_BYTES);
  }
  const bytes = new Uint8Array(pages * PAGE_BYTES);
  for (let i = 0; i < pages; i++) {
    const at = placeInRun(reader, page, i);
    const start = (at & SLOT_MASK) << PAGE_SHIFT;
    const { u8 } = reader.frames[at >>> CHUNK_SHIFT]!;
    bytes.set(u8.subarray(start, start + PAGE_BYTES), i * PAGE_BYTES);
  }
  return bytes;
}

/** The place of the page with an index in a run; its header must say that it belongs there. */
function placeInRun(reader: PageReader, first: number, index: number): number {
  const place = reader.at(first + index);
  const frame = reader.frames[place >>> CHUNK_SHIFT]!;
  const slot = place & SLOT_MASK;
  // The load has already checked that index and link match.
  const isLater = kindOf(frame, slot) === KIND_RUN_CONTINUED && linkOf(frame, slot) === first;
  if (index > 0 && !isLater) {
    corruptHeader(first + index, 0, `not part of the run at page ${first}`);
  }
  return place;
}
