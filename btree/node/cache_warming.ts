/**
 * Cache warming: reads the memory lines of a page before a search needs them. A search waits for
 * each line in turn, because the next address depends on the last value; independent reads wait
 * together.
 *
 * It changes nothing and checks nothing. The caller reads the same pages again.
 */

import { format, type Frame, header, type Slot } from "../../pager/mod.ts";

const { HEADER_WORD_SHIFT, PAGE_BYTES, PAGE_SHIFT, PAGE_WORD_SHIFT } = format;

const LINE_BYTES = 64;
const LINE_WORDS = LINE_BYTES / 4;
const PAGE_WORDS = PAGE_BYTES / 4;
/** Lines read of each cell; the processor prefetches the rest. */
const LINES_OF_CELL = 3;

/** A sink for the words read, so that the compiler does not drop the reads. */
const kept = new Uint32Array(1);

/** Warms the lines of a leaf that a search needs: 64 heads and offsets, and the prefix. */
export function warmLeaf({ u32 }: Frame, slot: Slot): void {
  const first = slot << PAGE_WORD_SHIFT;
  const heads = u32[first]! ^ u32[first + LINE_WORDS]! ^ u32[first + 2 * LINE_WORDS]!;
  const more = u32[first + 3 * LINE_WORDS]! ^ u32[first + 4 * LINE_WORDS]!;
  kept[0] = heads ^ more ^ u32[first + 5 * LINE_WORDS]! ^ u32[first + PAGE_WORDS - 1]!;
}

/** Warms the header of a page. */
export function warmHeader({ u32 }: Frame, slot: Slot): void {
  kept[0] = u32[slot << HEADER_WORD_SHIFT]!;
}

/** Warms all lines of a page, in order. */
export function warmPage({ u32 }: Frame, slot: Slot): void {
  const end = (slot + 1) << PAGE_WORD_SHIFT;
  let words = 0;
  for (let at = slot << PAGE_WORD_SHIFT; at < end; at += LINE_WORDS) words ^= u32[at]!;
  kept[0] = words;
}

/** Warms the first lines of cells. `offsets` is the index of the first cell offset in `u16`. */
export function warmCells({ u8, u16 }: Frame, slot: Slot, offsets: number, count: number): void {
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

/** Warms the first lines of the cell of an entry of a leaf, if it has the entry. */
export function warmCell(frame: Frame, slot: Slot, entry: number): void {
  const { u8, u16 } = frame;
  const entries = header.entriesOf(frame, slot);
  if (entry >= entries) return;
  const start = slot << PAGE_SHIFT;
  const last = start + PAGE_BYTES - 1;
  const cell = start + u16[(start >>> 1) + (entries << 1) + entry]!;
  const second = cell + LINE_BYTES;
  const third = second + LINE_BYTES;
  kept[0] = u8[cell]! ^ u8[second < last ? second : last]! ^ u8[third < last ? third : last]!;
}
