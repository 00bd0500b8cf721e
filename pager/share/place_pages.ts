/**
 * Writes pages in place, as a checkpoint of a shared file does: each page with a record since the
 * replay point, as it was when the journal switched areas, and the header pages.
 *
 * Any process may do that, whatever it has in memory: it reads the file and the records, as
 * recovery does. A page that is half written is no harm to a reader that has the records: they make
 * the page from any mixture of its versions since the replay point. A reader that has not read up
 * to the switch is kept away by its pin.
 */

import type { Disk } from "../file/disk.ts";
import type { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import type { RecordIndex } from "../follow/record_index.ts";
import { pageSum } from "../format/checksum.ts";
import {
  CHUNK_PAGES,
  CHUNK_SHIFT,
  HEADER_WORD_SHIFT,
  KIND_FREE,
  PAGE_BYTES,
  PAGE_SHIFT,
  SLOT_MASK,
} from "../format/format.ts";
import { Frame } from "../format/frame.ts";
import {
  clearInUse,
  formatHeader,
  headerSumHolds,
  kindOf,
  setInUse,
  statedPageSum,
} from "../format/header.ts";
import type { ChunkNumber, PageNumber, Slot, Version } from "../format/units.ts";
import { mismatch } from "../recovery/chunk_replay.ts";

/** What pages are written, and how. */
export interface Placement {
  /** The file, without the records. */
  readonly from: Disk;
  /** The file, to write it. */
  readonly disk: Disk;
  /** The records since the replay point. */
  readonly index: RecordIndex;
  /** Collects the chunks that are written. */
  readonly unsynced: UnsyncedChunks;
  /** The seed of header sums. */
  readonly seed: number;
  /** The page count at the replay point: what the file has behind it does not count. */
  readonly pageCount: number;
}

/**
 * Writes the pages with records of generations before one, as they were at its beginning; returns
 * their number.
 *
 * @param version The version at its beginning.
 * @throws {CorruptionError} A page does not match its header. Nothing of its chunk was written.
 * @throws {IoError} The system refused.
 */
export function placePages(to: Placement, generation: number, version: Version): number {
  const chunks = new Map<ChunkNumber, PageNumber[]>();
  for (const page of to.index.pagesBefore(generation)) {
    const pages = chunks.get(page >>> CHUNK_SHIFT);
    if (pages === undefined) chunks.set(page >>> CHUNK_SHIFT, [page]);
    else pages.push(page);
  }
  const frame = new Frame(-1, 0);
  let written = 0;
  for (const chunk of [...chunks.keys()].sort((a, b) => a - b)) {
    const pages = chunks.get(chunk)!.sort((a, b) => a - b);
    written += placeChunk(to, { frame, chunk, pages, version });
  }
  return written;
}

/** The pages of a chunk that are written. */
interface ChunkPages {
  readonly frame: Frame;
  readonly chunk: ChunkNumber;
  readonly pages: readonly PageNumber[];
  readonly version: Version;
}

function placeChunk(to: Placement, { frame, chunk, pages, version }: ChunkPages): number {
  const first = chunk * CHUNK_PAGES;
  readPage(to.from, first, frame, 0);
  for (let slot = 1; slot < CHUNK_PAGES; slot++) {
    if (first + slot < to.pageCount) continue;
    formatHeader(frame, slot, KIND_FREE, 0, 0);
    clearInUse(frame, 0, slot);
  }
  const inUse: Slot[] = [];
  for (const page of pages) {
    const slot = page & SLOT_MASK;
    readPage(to.from, page, frame, slot);
    to.index.apply(page, frame, slot, version);
    if (kindOf(frame, slot) === KIND_FREE) {
      clearInUse(frame, 0, slot);
    } else {
      setInUse(frame, 0, slot);
      check(frame, slot, page, to.seed);
      inUse.push(slot);
    }
  }
  setInUse(frame, 0, 0);
  to.unsynced.add(chunk);
  for (let i = 0; i < inUse.length;) {
    const start = i;
    while (i < inUse.length && inUse[i] === inUse[start]! + i - start) i++;
    write(to.disk, first + inUse[start]!, frame, inUse[start]!, i - start);
  }
  write(to.disk, first, frame, 0, 1);
  return inUse.length + 1;
}

/** Reads a page of the file into a slot; bytes past the end of the file are zero. */
function readPage(disk: Disk, page: PageNumber, frame: Frame, slot: Slot): void {
  const at = slot << PAGE_SHIFT;
  const done = disk.read(frame.u8, at, PAGE_BYTES, page * PAGE_BYTES);
  frame.u8.fill(0, at + done, at + PAGE_BYTES);
}

function check(frame: Frame, slot: Slot, page: PageNumber, seed: number): void {
  const word = slot << HEADER_WORD_SHIFT;
  const isHeaderIntact = headerSumHolds(frame.u32, word, page, seed);
  if (isHeaderIntact && pageSum(frame, slot) === statedPageSum(frame.u32, word)) return;
  throw mismatch(page, isHeaderIntact ? "bytes" : "header");
}

function write(disk: Disk, page: PageNumber, frame: Frame, slot: Slot, count: number): void {
  disk.write(frame.u8, slot << PAGE_SHIFT, count * PAGE_BYTES, page * PAGE_BYTES);
}
