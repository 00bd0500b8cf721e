// A long journal is read when a file is opened, and the pages that it changes are written later: by
// their use, by checkpoints or at the close. Whenever that is, the file is then as a replay of
// everything leaves it.

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import {
  allocate,
  dataPages,
  expectContent,
  flipBit,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  write,
} from "../../tests/support/trees/pages.ts";
import { AREA_CHUNK_BYTES } from "../batch/journal_area.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { CHUNK_SHIFT, PAGE_BYTES } from "../format/format.ts";
import type { Pager } from "../pager.ts";

const CHUNKS = 12;
const PAGES = dataPages(CHUNKS * 255 - 2);
/** About 25 pages of each chunk. */
const SOME = PAGES.filter((page) => page % 10 === 7);
/** Bytes read besides batches: the rest of both journal areas, and the superblocks. */
const SEARCH_BYTES = 2 * AREA_CHUNK_BYTES + 100_000;
const DEFERRED = { ...SMALL_CACHE, replayRecords: 0 };
const AT_ONCE = { ...SMALL_CACHE, replayRecords: Infinity };

/** The salt of a page after `cutOff`. */
const saltOf = (page: number) => page % 10 === 7 ? 2 : page;

/** Writes pages with a salt in a transaction. */
function writeAll(pager: Pager, pages: readonly number[], salt: number): void {
  transact(pager, () => pages.forEach((page) => write(pager, page, salt)));
}

/** The content of a file that was not closed: its journal has all of `SOME`, twice. */
function cutOff(ends: (pager: Pager) => void = () => {}): Uint8Array {
  const file = makeFile(PAGES.length);
  const pager = openNodes(file, { ...SMALL_CACHE, cacheBytes: 64 * 1024 * 1024 });
  writeAll(pager, SOME, 1);
  writeAll(pager, SOME, 2);
  pager.flush("sync", true);
  ends(pager);
  return file.content();
}

/** The content of a file in which a checkpoint had begun, and pages were written after that. */
function cutInCheckpoint(): Uint8Array {
  return cutOff((pager) => {
    pager.checkpointSlice();
    writeAll(pager, SOME.slice(0, 40), 3);
    pager.flush("sync", true);
    assert(pager.inspection().journal()!.areas.every(({ usedBytes }) => usedBytes > 0));
  });
}

function expectAll(pager: Pager, salts: (page: number) => number = saltOf): void {
  for (const page of PAGES) expectContent(pager, page, salts(page));
}

/** The chunks that are not written yet. */
function chunksLeft(pager: Pager): number {
  return pager.stats().dirtyChunks;
}

/** The content of a file once its pager has closed it. */
function closed(file: MemoryFile, pager: Pager): Uint8Array {
  pager.close();
  return file.content();
}

/** Fails unless two files have the same data in the same pages; headers may have other versions. */
function expectSamePages(a: Uint8Array, b: Uint8Array): void {
  assertEquals(a.length, b.length);
  for (const page of PAGES) {
    const [from, to] = [page * PAGE_BYTES, (page + 1) * PAGE_BYTES];
    assertEquals(Buffer.compare(a.subarray(from, to), b.subarray(from, to)), 0, `page ${page}`);
  }
}

describe("an open of a file with a long journal", () => {
  it("reads the journal, and neither reads nor writes the pages that it changes", () => {
    const content = cutOff();
    const opened = (options: typeof DEFERRED) => {
      const file = new FaultyFile(new MemoryFile(content));
      const pager = openNodes(file, options);
      const written = file.writes.reduce((sum, { length }) => sum + length, 0);
      return { pager, read: file.bytesRead, written };
    };
    const later = opened(DEFERRED);
    const atOnce = opened(AT_ONCE);
    const journalBytes = 2 * SOME.length * (PAGE_BYTES + 100);
    assertLess(later.read, journalBytes + SEARCH_BYTES);
    // The batches are written again, and one that confirms them; and the first and the last chunk.
    assertLess(later.written, journalBytes + SEARCH_BYTES);
    assertGreater(atOnce.read - later.read, 9 / 12 * SOME.length * PAGE_BYTES / 2);
    assertGreater(atOnce.written - later.written, 9 / 12 * SOME.length * PAGE_BYTES);
    assertEquals(later.pager.recovery?.records, atOnce.pager.recovery?.records);
    assertEquals(later.pager.meta.version, atOnce.pager.meta.version);
    assertLess(later.pager.recovery!.keptBytes, journalBytes);
    assertGreater(chunksLeft(later.pager), CHUNKS - 3);
    assertEquals(chunksLeft(atOnce.pager), 0);
  });

  it("shows all pages, and writes those of a chunk when one of it is read", () => {
    const pager = openNodes(new MemoryFile(cutOff()), DEFERRED);
    const before = chunksLeft(pager);
    expectContent(pager, PAGES[5 * 255]!, saltOf(PAGES[5 * 255]!));
    assertEquals(chunksLeft(pager), before - 1);
    expectAll(pager);
    assertEquals(chunksLeft(pager), 0);
    pager.close();
  });

  const kinds = [
    { name: "", content: cutOff(), changed: [] },
    { name: ", in a checkpoint", content: cutInCheckpoint(), changed: SOME.slice(0, 40) },
  ];
  for (const { name, content, changed } of kinds) {
    it(`leaves the same pages as a replay of all at a close${name}`, () => {
      const [a, b] = [new MemoryFile(content), new MemoryFile(content)];
      const later = closed(a, openNodes(a, DEFERRED));
      expectSamePages(later, closed(b, openNodes(b, AT_ONCE)));
      const again = openNodes(new MemoryFile(later));
      assertEquals(again.recovery, undefined);
      again.close();
    });

    it(`writes all pages in slices while nothing else happens${name}`, () => {
      const file = new MemoryFile(content);
      const pager = openNodes(file, DEFERRED);
      let slices = 0;
      for (let left = chunksLeft(pager); left > 0; slices++) {
        pager.checkpointSlice();
        // The first one looks for the end of the data as well.
        assertLess(left - chunksLeft(pager), slices === 0 ? 3 : 2);
        left = chunksLeft(pager);
      }
      while (pager.stats().checkpoints === 0) pager.checkpointSlice();
      assertGreater(slices, CHUNKS - 4);
      const other = openNodes(new MemoryFile(file.content()), AT_ONCE);
      assertEquals(other.recovery?.records, changed.length);
      expectAll(other, (page) => changed.includes(page) ? 3 : saltOf(page));
    });

    it(`loses nothing to a second and a third kill${name}`, () => {
      const file = new MemoryFile(content);
      const salts = new Map(PAGES.map((page) => [page, saltOf(page)]));
      changed.forEach((page) => salts.set(page, 3));
      for (let life = 10; life < 16; life++) {
        const pager = openNodes(file, DEFERRED);
        const some = PAGES.filter((page) => page % 97 === life);
        writeAll(pager, some, life);
        some.forEach((page) => salts.set(page, life));
        pager.flush("sync", true);
        if (life % 2 === 0) pager.checkpointSlice();
        const copy = openNodes(new MemoryFile(file.content()), life % 3 === 0 ? AT_ONCE : DEFERRED);
        expectAll(copy, (page) => salts.get(page)!);
      }
    });
  }

  it("uses free pages of chunks that are left", () => {
    const content = cutOff((pager) => {
      transact(pager, () => SOME.forEach((page) => pager.release(page, 1)));
      pager.flush("sync", true);
    });
    const file = new MemoryFile(content);
    const pager = openNodes(file, DEFERRED);
    transact(pager, () => SOME.slice(0, 100).forEach((page) => allocate(pager, page, 8)));
    pager.flush("sync", true);
    const again = openNodes(new MemoryFile(file.content()), DEFERRED);
    SOME.slice(0, 100).forEach((page) => expectContent(again, page, 8));
    for (const page of SOME.slice(100)) assertThrows(() => again.at(page), CorruptionError);
    for (const page of PAGES.filter((page) => page % 10 !== 7)) expectContent(again, page, page);
  });

  it("reports a page that is damaged at its first read, and no other", () => {
    const content = cutOff((pager) => {
      transact(pager, () => {
        for (const page of PAGES.slice(900, 1000)) pager.touch(pager.at(page));
      });
      pager.flush("sync");
    });
    const damaged = PAGES[5 * 255 + 3]!;
    const pageless = new MemoryFile(content);
    flipBit(pageless, damaged * PAGE_BYTES + 5000);
    const pager = openNodes(pageless, DEFERRED);
    assertThrows(() => pager.at(damaged), CorruptionError);
    for (const page of PAGES) if (page !== damaged) expectContent(pager, page, saltOf(page));
  });

  it("refuses to read what a failed write has left, and loses nothing", () => {
    const content = cutOff();
    const file = new FaultyFile(new MemoryFile(content));
    const pager = openNodes(file, DEFERRED);
    file.fault = (operation) => operation === "write" ? "throw" : "none";
    const page = PAGES[6 * 255]!;
    assertThrows(() => pager.at(page), IoError);
    assertThrows(() => pager.begin(), IoError);
    file.fault = () => "none";
    assertThrows(() => pager.at(page), IoError);
    assertThrows(() => pager.close(), IoError);
    const again = openNodes(file, AT_ONCE);
    expectAll(again);
  });

  it("ends a checkpoint that cannot read a chunk as a failed write does", () => {
    const file = new FaultyFile(new MemoryFile(cutOff()));
    const pager = openNodes(file, DEFERRED);
    writeAll(pager, [PAGES[0]!], 2);
    pager.flush("sync", true);
    file.fault = (operation) => operation === "read" ? "throw" : "none";
    assertThrows(() => {
      while (pager.checkpointSlice());
    }, IoError);
    file.fault = () => "none";
    assertThrows(() => pager.begin(), IoError);
    const again = openNodes(file, DEFERRED);
    expectAll(again, (page) => page === PAGES[0] ? 2 : saltOf(page));
  });

  it("replays all where a sector may hold anything", () => {
    const pager = openNodes(new MemoryFile(cutOff()), { ...DEFERRED, tornSectors: "protect" });
    assertEquals(chunksLeft(pager), 0);
    pager.close();
  });

  it("holds no page of a chunk in memory that is left", () => {
    const pager = openNodes(new MemoryFile(cutOff()), DEFERRED);
    const before = chunksLeft(pager);
    const page = PAGES[7 * 255]!;
    pager.headerPage(page >>> CHUNK_SHIFT);
    assertEquals(chunksLeft(pager), before - 1);
    pager.close();
  });
});
