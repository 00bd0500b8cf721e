// In-place writes and their order: dirty pages, neighbours together, then their header page; never
// a clean page, a superblock, or anything past the end.

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import {
  allocate,
  dataPages,
  expectContent,
  journalChunks,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  write,
} from "../../tests/support/trees/pages.ts";
import { Disk } from "../file/disk.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { CHUNK_PAGES, KIND_LEAF } from "../format/format.ts";
import { placeOf } from "../format/frame.ts";
import { formatHeader, setVersion } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import type { ChunkNumber, Version } from "../format/units.ts";
import { HeapMemory } from "../native/frame_memory.ts";
import type { Pager } from "../pager.ts";
import type { Windows } from "./windows.ts";
import { Writeback } from "./writeback.ts";

/** A session whose superblocks are already in state open, so that only pages are written next. */
function openedFor(pages: number, options = {}): { pager: Pager; file: FaultyFile } {
  const file = new FaultyFile(makeFile(pages));
  const pager = openNodes(file, options);
  transact(pager, () => write(pager, 3, 3));
  pager.checkpoint();
  file.writes = [];
  return { pager, file };
}

/** The writes of pages, as first page and count, without superblocks and the journal. */
function pageWrites(file: FaultyFile, pager: Pager): [number, number][] {
  const journal = journalChunks(pager);
  return file.writes.map(({ position, length }): [number, number] => [
    position / 8192,
    length / 8192,
  ]).filter(([page]) => page !== 1 && page !== 2 && !journal.includes(page >> 8));
}

describe("Writeback", () => {
  it("writes neighbours in one call, and then the header page, chunk by chunk", () => {
    const { pager, file } = openedFor(600);
    transact(pager, () => {
      for (const page of [4, 5, 6, 9, 255, 257, 258, 300, 511]) write(pager, page, 1);
    });
    pager.checkpoint();
    assertEquals(pageWrites(file, pager), [
      [4, 3],
      [9, 1],
      [255, 1],
      [0, 1],
      [257, 2],
      [300, 1],
      [511, 1],
      [256, 1],
    ]);
    assertEquals(file.writes.slice(-2).map(({ position }) => position).sort(), [16384, 8192]);
  });

  it("writes a whole chunk in two calls", () => {
    const { pager, file } = openedFor(600);
    transact(pager, () => {
      for (let page = 257; page < 512; page++) write(pager, page, 1);
    });
    pager.checkpoint();
    assertEquals(pageWrites(file, pager), [[257, 255], [256, 1]]);
  });

  it("does not cover a superblock when all of the first chunk is dirty", () => {
    const { pager, file } = openedFor(300);
    transact(pager, () => {
      for (let page = 3; page < 256; page++) write(pager, page, 1);
    });
    pager.checkpoint();
    assertEquals(pageWrites(file, pager), [[3, 253], [0, 1]]);
  });

  it("writes the header page alone when pages were only given back", () => {
    const { pager, file } = openedFor(300);
    transact(pager, () => {
      for (const page of [5, 6, 7]) write(pager, page, 1);
    });
    transact(pager, () => pager.release(5, 3));
    pager.checkpoint();
    assertEquals(pageWrites(file, pager), [[0, 1]]);
  });

  it("writes each page once, and nothing at a second checkpoint", () => {
    const { pager, file } = openedFor(300);
    for (let round = 0; round < 3; round++) transact(pager, () => write(pager, 5, round));
    pager.checkpoint();
    pager.checkpoint();
    assertEquals(pageWrites(file, pager), [[5, 1], [0, 1]]);
    assertEquals(pager.stats().dirtyChunks, 0);
  });

  it("writes the journal, then pages, then superblocks, a sync between, and cuts at close", () => {
    const { pager, file } = openedFor(600);
    const journal = journalChunks(pager);
    transact(pager, () => {
      for (let page = 400; page < 605; page++) if (page !== 512) pager.release(page, 1);
      write(pager, 5, 9);
    });
    const log: string[] = [];
    const note = (what: string) => log.at(-1) === what || log.push(what);
    const drain = () => {
      for (const { position } of file.writes.splice(0)) {
        const page = position / 8192;
        if (page === 1 || page === 2) note("superblock");
        else if (journal.includes(page >> 8)) note(page % 256 === 0 ? "give back" : "journal");
        else note("pages");
      }
    };
    file.fault = (operation) => {
      drain();
      if (operation === "sync" || operation === "truncate") note(operation);
      return "none";
    };
    pager.checkpoint();
    drain();
    const superblocks = ["superblock", "sync", "superblock", "sync"];
    assertEquals(log.splice(0), ["journal", "pages", "sync", ...superblocks]);
    pager.close();
    const givenBack = ["give back", "sync", ...superblocks, "truncate"];
    assertEquals(log, givenBack);
    assertEquals(file.size(), 400 * 8192);
  });

  it("gathers neighbours from pool frames into one call", () => {
    const { pager, file } = openedFor(3000, SMALL_CACHE);
    const pages = dataPages(3000);
    pages.forEach((page) => pager.at(page));
    const random = new Random(10);
    const some = Array.from({ length: 150 }, (_, i) => 520 + i);
    // In random order, so that neighbours are not contiguous in memory.
    const shuffled = some.toSorted(() => random.below(3) - 1);
    transact(pager, () => shuffled.forEach((page) => write(pager, page, 9)));
    file.writes = [];
    pager.checkpoint();
    const written = pageWrites(file, pager);
    assertEquals(written.reduce((sum, [, count]) => sum + count, 0), 151);
    assert(written.length <= 4, `${written.length} writes`);
    pager.close();
    const again = openNodes(file);
    for (const page of pages) expectContent(again, page, some.includes(page) ? 9 : page);
  });

  it("writes nothing of a chunk that the open transaction touched", () => {
    const { pager, file } = openedFor(3000, SMALL_CACHE);
    const pages = dataPages(3000);
    // Moves the chunk to pool frames; a chunk frame would stay in memory anyway.
    pages.forEach((page) => pager.at(page));
    transact(pager, () => [600, 601, 1500].forEach((page) => write(pager, page, 1)));
    file.writes = [];
    pager.begin();
    write(pager, 602, 2);
    for (let round = 0; round < 2; round++) pages.forEach((page) => pager.at(page));
    const touched = pageWrites(file, pager).filter(([page]) => page >> 8 === 600 >> 8);
    assertEquals(touched, []);
    assert(pageWrites(file, pager).some(([page]) => page === 1500));
    pager.rollback();
    for (const page of [600, 601]) expectContent(pager, page, 1);
    expectContent(pager, 602, 602);
  });

  it("does without chunks that were cut off before they were written", () => {
    const { pager, file } = openedFor(3000, SMALL_CACHE);
    const pages = dataPages(3000);
    const end = pager.meta.pageCount;
    const chunk = (end >> 8) + 1;
    for (let round = 0; round < 3; round++) {
      transact(pager, () => {
        for (let page = chunk * 256 + 1; page < chunk * 256 + 200; page++) allocate(pager, page, 1);
      });
      transact(pager, () => {
        for (let page = chunk * 256 + 1; page < chunk * 256 + 200; page++) pager.release(page, 1);
        pager.meta.pageCount = end;
      });
      for (let again = 0; again < 2; again++) pages.forEach((page) => pager.at(page));
    }
    pager.close();
    assertEquals(file.size(), ((pages.at(-1) ?? 0) + 1) * 8192);
    const again = openNodes(file);
    for (const page of pages) expectContent(again, page, page);
  });

  it("says of a chunk that was behind the end that it is in the file, once its copy is", () => {
    const meta = new Meta();
    meta.pageCount = CHUNK_PAGES;
    const frames = { limit: 4, memory: new HeapMemory() };
    const disk = new Disk(new MemoryFile());
    const writeback = new Writeback(disk, frames, meta, new UnsyncedChunks(disk), undefined);
    const unwritten = new Set<ChunkNumber>();
    writeback.windows = {
      noteWritten: (chunk: ChunkNumber) => void unwritten.delete(chunk),
      noteUnwritten: (chunk: ChunkNumber) => void unwritten.add(chunk),
    } as unknown as Windows;
    const frame = writeback.cache.addChunkFrame(1);
    const change = (version: Version) => {
      formatHeader(frame, 7, KIND_LEAF, 0, 1);
      setVersion(frame, 7, version);
      for (const slot of [0, 7]) {
        writeback.markDirty(placeOf(frame, slot), CHUNK_PAGES + slot, version);
      }
    };
    change(1);
    assert(writeback.clean(1));
    assertEquals([...unwritten], [1]);
    meta.pageCount = 2 * CHUNK_PAGES;
    change(2);
    assert(writeback.stage(1) || writeback.stage(1));
    assertEquals(writeback.writeStaged(2, CHUNK_PAGES), 1);
    assertEquals([...unwritten], []);
  });
});
