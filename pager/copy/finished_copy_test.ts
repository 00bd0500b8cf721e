// Copies whose commits were forged cost little, whatever page count they state; true ones, in which
// the journal took chunks that no commit wrote to, are completed.

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Disk } from "../file/disk.ts";
import { LayeredFile } from "../file/layered_file.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { pageSum, seedOf } from "../format/checksum.ts";
import { CorruptionError } from "../format/errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_PAGES,
  chunksOf,
  FRESH_PAGES,
  JOURNAL_CHUNKS_MAX,
  KIND_LEAF,
  PAGE_BYTES,
  PAGE_COUNT_MAX,
} from "../format/format.ts";
import { Frame, POOL } from "../format/frame.ts";
import { formatHeader, seal, setInUse } from "../format/header.ts";
import type { MetaFields } from "../format/meta.ts";
import { beginCopy, coverChunks, finishCopy } from "./finished_copy.ts";

const ID = new Uint8Array(16).fill(3);
/** The header page of each chunk costs this much. */
const FEW_BYTES = 4 * PAGE_BYTES;

/** A copy, in memory without its holes, with a page in use in each of some chunks. */
function copyWith(chunks: readonly number[]): Disk {
  const disk = new Disk(new LayeredFile(new MemoryFile()));
  beginCopy(disk, ID);
  for (const chunk of chunks) {
    const frame = new Frame(-1, POOL, 2);
    setInUse(frame, 0, 0);
    setInUse(frame, 0, 1);
    formatHeader(frame, 1, KIND_LEAF, 0, 1);
    seal(frame, 1, chunk * CHUNK_PAGES + 1, pageSum(frame, 1), seedOf(ID));
    disk.write(frame.u8, 0, 2 * PAGE_BYTES, chunk * CHUNK_BYTES);
  }
  return disk;
}

function metaOf(pageCount: number): MetaFields {
  return { version: 5, pageCount, catalogRoot: 0, nextTreeId: 1, allocatorHint: 0 };
}

function finish(disk: Disk, pageCount: number): MetaFields {
  const steps = finishCopy(disk, metaOf(pageCount), ID);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The bytes that work writes. */
function bytesOf(disk: Disk, work: () => void): number {
  const before = disk.figures.bytesWritten;
  work();
  return disk.figures.bytesWritten - before;
}

describe("a copy with a page count that is too high", () => {
  it("ends behind its last page when it is finished, for the cost of what is there", () => {
    const disk = copyWith([1]);
    const written = bytesOf(disk, () => {
      assertEquals(finish(disk, PAGE_COUNT_MAX).pageCount, CHUNK_PAGES + 2);
    });
    assertLess(written, FEW_BYTES);
  });

  it("ends behind its last chunk when a replica covers it, for the cost of what is there", () => {
    const disk = copyWith([1]);
    const written = bytesOf(disk, () => {
      assertEquals(coverChunks(disk, FRESH_PAGES, PAGE_COUNT_MAX), 2 * CHUNK_PAGES);
    });
    assertEquals(written, 0);
  });

  it("is refused if its last page is far behind the others", () => {
    const far = chunksOf(PAGE_COUNT_MAX) - 1;
    const bytesMax = 9 * JOURNAL_CHUNKS_MAX * PAGE_BYTES;
    const rule = "no commit wrote to this chunk";
    for (const work of [finish, (disk: Disk, count: number) => coverChunks(disk, 3, count)]) {
      const disk = copyWith([1, far]);
      const written = bytesOf(disk, () => {
        assertThrows(() => work(disk, PAGE_COUNT_MAX), CorruptionError, rule);
      });
      assertLess(written, bytesMax);
    }
  });
});

describe("a copy with chunks that the journal had", () => {
  it("has empty header pages there, even if both areas were as large as they can be", () => {
    const last = 2 * JOURNAL_CHUNKS_MAX + 1;
    const pageCount = last * CHUNK_PAGES + 2;
    for (const work of [finish, (disk: Disk, count: number) => coverChunks(disk, 3, count)]) {
      const disk = copyWith([last]);
      work(disk, pageCount);
      const page = new Uint8Array(PAGE_BYTES);
      for (const chunk of [1, last - 1]) {
        disk.read(page, 0, PAGE_BYTES, chunk * CHUNK_BYTES);
        assertEquals(page[0], 1);
        assert(page.subarray(1).every((byte) => byte === 0));
      }
    }
  });
});
