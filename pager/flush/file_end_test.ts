// The end of the file: it is looked for from the last chunk on, past a bounded number of chunks.
// The tail behind it is cut off in pieces, none of which has a page that counts; also while a
// checkpoint runs. Bytes of the file are counted.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { allocate, makeFile, openNodes, transact, write } from "../../tests/support/trees/pages.ts";
import type { Loader } from "../cache/loader.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { CHUNK_BYTES, CHUNK_PAGES, PAGE_BYTES } from "../format/format.ts";
import { Meta } from "../format/meta.ts";
import { ClaimedPages } from "../journal/claimed_pages.ts";
import { DataEnd } from "../journal/data_end.ts";
import type { Pager } from "../pager.ts";
import { FileEnd, PIECE_BYTES } from "./file_end.ts";

/** A file whose last page in use is in one chunk, and the chunks that were looked at. */
function fileOf(pageCount: number, lastUsed: number) {
  const disk = new Disk(new MemoryFile());
  const meta = new Meta();
  meta.pageCount = pageCount;
  const looks: number[] = [];
  const lastInUse = (chunk: number) => {
    looks.push(chunk);
    return chunk === lastUsed ? 7 : 0;
  };
  const loader = { lastInUse } as unknown as Loader;
  const claimed = new ClaimedPages(disk, pageCount);
  const dataEnd = new DataEnd();
  const fileEnd = new FileEnd({ disk, meta, dataEnd, loader, claimed });
  return { fileEnd, dataEnd, looks, disk, meta, claimed };
}

describe("The end of the file", () => {
  it("is after the last page in use outside the journal", () => {
    const { fileEnd, looks } = fileOf(100 * 256, 90);
    assertEquals(fileEnd.pageCountWithout(new Set([97, 99]), Infinity), 90 * 256 + 8);
    assertEquals(looks, [98, 96, 95, 94, 93, 92, 91, 90]);
  });

  it("is looked for in a bounded number of chunks", () => {
    const { fileEnd, looks } = fileOf(1000 * 256, 90);
    assertEquals(fileEnd.pageCountWithout(new Set(), 512), 488 * 256);
    assertEquals(looks.length, 512);
  });

  it("is found by header pages alone", () => {
    const file = new FaultyFile(makeFile(600));
    const pager = openNodes(file);
    transact(pager, () => write(pager, 20, 1));
    const bytes = file.bytesRead;
    pager.checkpoint();
    assertLessOrEqual(file.bytesRead - bytes, 4 * PAGE_BYTES);
  });
});

describe("The tail of the file", () => {
  /** A file of three chunks with a tail of seven. */
  function withTail() {
    const parts = fileOf(3 * CHUNK_PAGES, 2);
    parts.disk.truncate(10 * CHUNK_BYTES);
    return parts;
  }

  it("is cut off in pieces", () => {
    const { fileEnd, disk } = withTail();
    const sizes = [disk.size()];
    for (fileEnd.leaveTail(); fileEnd.hasTail; fileEnd.cutPiece()) sizes.push(disk.size());
    sizes.push(disk.size());
    const cuts = sizes.slice(1).map((size, i) => sizes[i]! - size);
    assertEquals(cuts, [PIECE_BYTES, PIECE_BYTES, PIECE_BYTES, CHUNK_BYTES]);
    assertEquals(disk.size(), 3 * CHUNK_BYTES);
  });

  it("ends where pages were taken into use meanwhile", () => {
    const { fileEnd, disk, meta } = withTail();
    fileEnd.leaveTail();
    meta.pageCount = 7 * CHUNK_PAGES + 1;
    while (fileEnd.hasTail) fileEnd.cutPiece();
    assertEquals(disk.size(), (7 * CHUNK_PAGES + 1) * PAGE_BYTES);
  });

  it("ends where it began if the page count moves back, until superblocks have that", () => {
    const { fileEnd, disk, meta } = withTail();
    fileEnd.leaveTail();
    fileEnd.moveToDataEnd([], 0);
    assertEquals([meta.pageCount, fileEnd.hasPlenty()], [2 * CHUNK_PAGES + 8, true]);
    while (fileEnd.hasTail) fileEnd.cutPiece();
    assertEquals([fileEnd.hasPlenty(), disk.size()], [true, 3 * CHUNK_BYTES]);
    fileEnd.leaveTail();
    assertEquals(disk.size(), (2 * CHUNK_PAGES + 8) * PAGE_BYTES);
  });

  it("begins behind the data, or the journal, where that gave chunks back", () => {
    const { fileEnd, dataEnd, meta } = withTail();
    assertEquals(fileEnd.moveBack(0), false, "the end of the data is not known");
    fileEnd.moveToDataEnd([4, 9], 0);
    const end = 2 * CHUNK_PAGES + 8;
    assertEquals([dataEnd.page, meta.pageCount], [end, 10 * CHUNK_PAGES]);
    assertEquals([fileEnd.moveBack(5 * CHUNK_PAGES), meta.pageCount], [true, 5 * CHUNK_PAGES]);
    assertEquals([fileEnd.moveBack(0), meta.pageCount], [true, end]);
    assertEquals([fileEnd.moveBack(0), meta.pageCount], [false, end]);
  });

  it("begins behind pages that pending commits have freed", () => {
    const { fileEnd, dataEnd, meta } = withTail();
    fileEnd.moveToDataEnd([], 700);
    assertEquals([dataEnd.page, meta.pageCount], [700, 700]);
  });

  it("has no claimed page while it is left", () => {
    const { fileEnd, disk, claimed } = withTail();
    const [inside, behind] = [3 * CHUNK_PAGES - 1, 3 * CHUNK_PAGES];
    for (const page of [inside, behind]) claimed.add(page);
    fileEnd.leaveTail();
    assertEquals([inside, behind].map((page) => claimed.has(page)), [true, false]);
    // Its old header page is replaced by an empty one, too.
    const { bytesWritten } = disk.figures;
    assertEquals(claimed.claimHeaderPage(3), true);
    assertEquals(disk.figures.bytesWritten - bytesWritten, PAGE_BYTES);
  });

  it("is room for a journal, and is not cut off at once by those who ask", () => {
    const { fileEnd, disk } = withTail();
    fileEnd.leaveTail();
    assertEquals([fileEnd.hasPlenty(), disk.size()], [true, 8 * CHUNK_BYTES]);
    fileEnd.cut();
    assertEquals([fileEnd.hasPlenty(), disk.size()], [true, 3 * CHUNK_BYTES]);
  });
});

describe("A tail that is left when the next checkpoint begins", () => {
  const pageOf = (chunk: number) => chunk * CHUNK_PAGES + 1;
  /** A page in each of the chunks that stay, behind the journal. */
  const PAGES = Array.from({ length: 6 }, (_, i) => pageOf(4 + i));
  const TAIL = Array.from({ length: 20 }, (_, i) => pageOf(10 + i));

  /** A pager whose last checkpoint has left most of a tail, and whose pages have changed since. */
  function withTail(): { pager: Pager; file: MemoryFile } {
    const file = new MemoryFile();
    const pager = openNodes(file);
    transact(pager, () => allocate(pager, 3, 1));
    transact(pager, () => [...PAGES, ...TAIL].forEach((page) => allocate(pager, page, 1)));
    pager.checkpoint();
    transact(pager, () => TAIL.forEach((page) => pager.release(page, 1)));
    while (pager.checkpointSlice() && !pager.hasTail);
    transact(pager, () => PAGES.forEach((page) => write(pager, page, 2)));
    return { pager, file };
  }

  /** The bytes that a step cuts off, each time that a checkpoint runs on after it. */
  function cutBy(step: () => void, { pager, file }: { pager: Pager; file: MemoryFile }): number[] {
    const cuts: number[] = [];
    const inspection = pager.inspection();
    for (;;) {
      const before = file.size();
      step();
      if (inspection.checkpoint()?.isRunning !== true) return cuts;
      cuts.push(before - file.size());
    }
  }

  it("is cut on by each flush that takes a slice", () => {
    const parts = withTail();
    const { pager } = parts;
    pager.checkpointSlice();
    assert(pager.inspection().checkpoint()?.isRunning, "a checkpoint has begun");
    pager.flights.requestCheckpoint();
    const cuts = cutBy(() => pager.flush("sync"), parts);
    assertEquals(cuts, PAGES.slice(1).map(() => PIECE_BYTES));
    assert(pager.hasTail, "pieces are left for all slices");
  });

  it("is cut on by each landing", () => {
    const parts = withTail();
    const { pager } = parts;
    const fly = () => {
      transact(pager, () => write(pager, 3, 3));
      pager.flights.land(pager.flights.takeOff()!);
    };
    pager.flights.requestCheckpoint();
    while (!pager.inspection().checkpoint()?.isRunning) fly();
    const cuts = cutBy(fly, parts);
    assert(cuts.length > 1, "more than one landing");
    assertEquals(cuts, cuts.map(() => PIECE_BYTES));
  });
});
