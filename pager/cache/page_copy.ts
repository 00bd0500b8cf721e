/**
 * Copies of pages and headers between slots. A pool frame has a copy of the header of each of its
 * pages; the header page of the chunk, if in memory, has another.
 */

import {
  CHUNK_SHIFT,
  HEADER_WORD_SHIFT,
  HEADER_WORDS,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { type Frame, POOL } from "../format/frame.ts";
import { headerWord } from "../format/header.ts";
import type { PageNumber, Slot } from "../format/units.ts";
import type { Cache } from "./cache.ts";

/** Copies a page and its header from one slot to another. */
export function copyPage(from: Frame, fromSlot: number, to: Frame, toSlot: number): void {
  const start = fromSlot << PAGE_SHIFT;
  to.u8.set(from.u8.subarray(start, start + PAGE_BYTES), toSlot << PAGE_SHIFT);
  copyHeader(from, fromSlot, to, toSlot);
}

/** Copies the header of a page from one slot to another. */
export function copyHeader(from: Frame, fromSlot: Slot, to: Frame, toSlot: Slot): void {
  const word = fromSlot << HEADER_WORD_SHIFT;
  const toWord = toSlot << HEADER_WORD_SHIFT;
  for (let i = 0; i < HEADER_WORDS; i++) to.u32[toWord + i]! = from.u32[word + i]!;
}

/** Copies the header of a page in a pool frame to its header page, which must be in memory. */
export function copyToHeaderPage(cache: Cache, frame: Frame, slot: Slot, page: PageNumber): void {
  if (frame.chunk !== POOL) return;
  const headers = cache.find(page - (page & SLOT_MASK));
  const from = slot << HEADER_WORD_SHIFT;
  const to = headerWord(headers & SLOT_MASK, page & SLOT_MASK);
  const { u32 } = cache.frames[headers >>> CHUNK_SHIFT]!;
  for (let i = 0; i < HEADER_WORDS; i++) u32[to + i]! = frame.u32[from + i]!;
}
