// The areas of the journal: what one step of a growth reads of the chunks that it leaves before the
// new ones, and which header pages it replaces.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { emptyHeaderPage } from "../batch/journal_area.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { CHUNK_BYTES, CHUNK_PAGES, PAGE_BYTES } from "../format/format.ts";
import { Meta } from "../format/meta.ts";
import { JOURNAL_BYTES } from "../recovery/options.ts";
import type { CurrentSuperblock } from "./current_superblock.ts";
import { GROWTH_LOOKS, JournalAreas } from "./journal_areas.ts";

/** The chunks of the data and of the journal. */
const DATA_CHUNKS = 3;
/** The chunks that a checkpoint has cut off, of which a crash may bring pages back. */
const GONE_CHUNKS = 3 * GROWTH_LOOKS + 5;
const END = DATA_CHUNKS + GONE_CHUNKS;

/** A file that has a header page with pages in use in one chunk, and notes what is done where. */
class NotingFile extends MemoryFile {
  readonly reads: number[] = [];
  readonly written: number[] = [];

  override readAt(target: Uint8Array, start: number, length: number, position: number): number {
    const chunk = position / CHUNK_BYTES;
    this.reads.push(chunk);
    target.set(emptyHeaderPage(), start);
    if (chunk === END - 1) target[start + PAGE_BYTES - 1] = 1;
    return length;
  }

  override writeAt(_source: Uint8Array, _start: number, length: number, position: number): number {
    this.written.push(position / CHUNK_BYTES);
    return length;
  }
}

/** The areas of a journal in a file whose end has moved back. */
function afterCut(): { areas: JournalAreas; file: NotingFile; meta: Meta } {
  const file = new NotingFile();
  const disk = new Disk(file);
  const meta = new Meta();
  meta.pageCount = DATA_CHUNKS * CHUNK_PAGES;
  const fields = { databaseId: new Uint8Array(16), journals: [[1], [2]], pageCount: 0 };
  const superblock = { fields } as unknown as CurrentSuperblock;
  const areas = new JournalAreas(disk, superblock, new UnsyncedChunks(disk), meta, JOURNAL_BYTES);
  areas.noteCommit(END * CHUNK_PAGES);
  return { areas, file, meta };
}

describe("a growth of the journal past chunks that were cut off", () => {
  it("looks at a bounded number of them in a step, and at each once", () => {
    const { areas, file, meta } = afterCut();
    const reads: number[] = [];
    for (let chunk = 0; chunk >= 0;) {
      const before = file.reads.length;
      chunk = areas.emptyBehindEnd(chunk, meta);
      reads.push(file.reads.length - before);
    }
    assertEquals(reads, [GROWTH_LOOKS, GROWTH_LOOKS, GROWTH_LOOKS, 5]);
    assertEquals(file.reads, Array.from({ length: GONE_CHUNKS }, (_, i) => DATA_CHUNKS + i));
  });

  it("empties those whose pages a crash may bring back, and goes behind them", () => {
    const { areas, file, meta } = afterCut();
    for (let chunk = 0; chunk >= 0;) chunk = areas.emptyBehindEnd(chunk, meta);
    assertEquals(file.written, [END - 1]);
    assertEquals(areas.claimGrowth(2, meta), [END, END + 1]);
    assertEquals(file.written, [END - 1, END, END + 1]);
  });
});
