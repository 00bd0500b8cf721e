// The numbers of the format. Changing one breaks every existing file, so each is a literal here:
// nothing is derived from the code under test.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as format from "./format.ts";

describe("format", () => {
  it("geometry is that of format 1", () => {
    assertEquals(format.PAGE_BYTES, 8192);
    assertEquals(format.PAGE_SHIFT, 13);
    assertEquals(format.CHUNK_PAGES, 256);
    assertEquals(format.CHUNK_SHIFT, 8);
    assertEquals(format.CHUNK_BYTES, 2_097_152);
    assertEquals(format.SLOT_MASK, 255);
    assertEquals(format.HEADER_BYTES, 32);
    assertEquals(format.HEADER_SHIFT, 5);
    assertEquals(format.HEADER_WORD_SHIFT, 3);
    assertEquals(format.EXTENT_PAGES, 8);
    assertEquals(format.RUN_PAGES_MAX, 255);
    assertEquals(format.PAGE_COUNT_MAX, 4_294_967_294);
    assertEquals(format.VERSION_MAX, 281_474_976_710_655);
  });

  it("the headers of a chunk fill its header page exactly", () => {
    assertEquals(format.CHUNK_PAGES * format.HEADER_BYTES, format.PAGE_BYTES);
  });

  it("HEADER has every field at its offset", () => {
    assertEquals(format.HEADER, {
      kind: 0,
      level: 1,
      runPages: 1,
      entries: 2,
      runIndex: 2,
      tree: 4,
      link: 8,
      versionLow: 12,
      versionHigh: 16,
      cellStart: 18,
      prefix: 20,
      runBytes: 20,
      garbage: 22,
      pageSum: 24,
      headerSum: 28,
    });
    assertEquals(format.PREFIX_LENGTH_MASK, 4095);
    assertEquals(format.FLAG_HOLDS_RUNS, 32768);
  });

  it("kinds have their numbers", () => {
    assertEquals(format.KIND_FREE, 0);
    assertEquals(format.KIND_LEAF, 1);
    assertEquals(format.KIND_BRANCH, 2);
    assertEquals(format.KIND_RUN, 3);
    assertEquals(format.KIND_RUN_CONTINUED, 4);
    assertEquals(format.KIND_JOURNAL, 5);
    assertEquals(format.KIND_SUPERBLOCK, 6);
    assertEquals(format.KIND_SHARED, 7);
    assertEquals(format.KIND_COUNT, 8);
  });

  it("SUPERBLOCK has every field at its offset", () => {
    assertEquals(format.SUPERBLOCK, {
      magic: 0,
      formatVersion: 8,
      pageBytes: 12,
      chunkPages: 16,
      headerBytes: 20,
      headerPages: 24,
      state: 28,
      databaseId: 32,
      number: 48,
      version: 56,
      pageCount: 64,
      catalogRoot: 68,
      nextTreeId: 72,
      allocatorHint: 76,
      replayGeneration: 80,
      replaySequence: 88,
      syncCount: 96,
      journalCountA: 104,
      journalCountB: 108,
      history: 112,
      origin: 116,
      originVersion: 120,
      reserved: 128,
      journalA: 4096,
      journalB: 6144,
      sum: 8188,
    });
    assertEquals(format.MAGIC, [81, 85, 73, 82, 69, 13, 10, 26]);
    assertEquals(format.FORMAT_VERSION, 1);
    assertEquals(format.SUPERBLOCK_PAGE, 1);
    assertEquals(format.FRESH_PAGES, 3);
    assertEquals(format.JOURNAL_CHUNKS_MAX, 508);
  });

  it("chunksOf counts a chunk begun as a chunk", () => {
    const cases = [[1, 1], [3, 1], [256, 1], [257, 2], [512, 2], [513, 3], [
      4_294_967_294,
      16777216,
    ]];
    for (const [pages, chunks] of cases) assertEquals(format.chunksOf(pages!), chunks);
  });

  it("endOfChunks counts the pages of the last chunk", () => {
    assertEquals(format.endOfChunks([]), 0);
    assertEquals(format.endOfChunks([4, 2]), 5 * 256);
  });
});
