/**
 * Reading what is about to be needed, all at once. Code that finds its way through a page waits for
 * one line of memory after the other, unless the processor's caches have them; reads that do not
 * depend on each other wait together.
 *
 * It changes nothing and checks nothing; whoever calls it reads the same pages again.
 */

import { format, type Frame } from "../../pager/mod.ts";

const { PAGE_BYTES, PAGE_SHIFT, PAGE_WORD_SHIFT } = format;

const LINE_BYTES = 64;
const LINE_WORDS = LINE_BYTES / 4;
const PAGE_WORDS = PAGE_BYTES / 4;
/** Of each cell so many lines; after that the processor reads ahead by itself. */
const LINES_OF_CELL = 3;

/** What was read, kept so that reading is not left out as of no use. */
const kept = new Uint32Array(1);

/** The lines of a leaf that a search needs: heads and offsets of 64 entries, and the prefix. */
export function warmLeaf({ u32 }: Frame, slot: number): void {
  const first = slot << PAGE_WORD_SHIFT;
  const heads = u32[first]! ^ u32[first + LINE_WORDS]! ^ u32[first + 2 * LINE_WORDS]!;
  const more = u32[first + 3 * LINE_WORDS]! ^ u32[first + 4 * LINE_WORDS]!;
  kept[0] = heads ^ more ^ u32[first + 5 * LINE_WORDS]! ^ u32[first + PAGE_WORDS - 1]!;
}

/** All lines of a page, in order. */
export function warmPage({ u32 }: Frame, slot: number): void {
  const end = (slot + 1) << PAGE_WORD_SHIFT;
  let words = 0;
  for (let at = slot << PAGE_WORD_SHIFT; at < end; at += LINE_WORDS) words ^= u32[at]!;
  kept[0] = words;
}

/** The first lines of cells, which lie scattered; `offsets` is where the first of theirs stands. */
export function warmCells({ u8, u16 }: Frame, slot: number, offsets: number, count: number): void {
  const start = slot << PAGE_SHIFT;
  const last = start + PAGE_BYTES - 1;
  let bytes = 0;
  for (let entry = 0; entry < count; entry++) {
    const cell = start + u16[offsets + entry]!;
    for (let line = 0; line < LINES_OF_CELL; line++) {
      bytes ^= u8[Math.min(cell + line * LINE_BYTES, last)]!;
    }
  }
  kept[0] = bytes;
}
