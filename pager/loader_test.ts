// What a miss reads, and that it is right: whole chunks while there is room, single pages and
// extents under pressure, beside pages in memory that are newer than the file.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../tests/support/faulty_file.ts";
import {
  dataPages,
  expectContent,
  flipBit,
  makeFile,
  occupy,
  openNodes,
  SMALL_CACHE,
  transact,
  write,
} from "../tests/support/pages.ts";
import { Random } from "../tests/support/random.ts";
import { CorruptionError } from "./errors.ts";
import type { MemoryFile } from "./memory_file.ts";
import type { Pager } from "./pager.ts";

const MANY = 3000;
const PAGES = dataPages(MANY);

/** A small cache, full of pages of the chunks from 4 on, and the file to watch. */
function underPressure(memory: MemoryFile = makeFile(MANY)): { pager: Pager; file: FaultyFile } {
  const file = new FaultyFile(memory);
  const pager = openNodes(file, SMALL_CACHE);
  pushOut(pager);
  return { pager, file };
}

/** Fills the cache with other pages than those of the first chunks. */
function pushOut(pager: Pager): void {
  for (const page of PAGES) if (page >= 1024) pager.at(page);
}

describe("Loader", () => {
  it("reads a chunk in one call while there is room", () => {
    const file = new FaultyFile(makeFile(600));
    const pager = openNodes(file);
    const [reads, bytes] = [file.counts.read, file.bytesRead];
    for (const page of dataPages(600)) pager.at(page);
    assertEquals([file.counts.read - reads, pager.stats().chunkReads], [3, 3]);
    assertEquals(file.bytesRead - bytes, file.size());
  });

  it("reads nothing at or past the page count", () => {
    const memory = makeFile(300);
    const end = memory.size();
    memory.writeAt(new Uint8Array(50_000).fill(1), 0, 50_000, end);
    const file = new FaultyFile(memory);
    const pager = openNodes(file);
    const bytes = file.bytesRead;
    for (const page of dataPages(300)) pager.at(page);
    assertEquals(file.bytesRead - bytes, end);
  });

  it("reads one page and one header under pressure", () => {
    const { pager, file } = underPressure();
    const [reads, bytes] = [file.counts.read, file.bytesRead];
    for (const [i, page] of [700, 20, 400, 3, 900].entries()) {
      expectContent(pager, page, page);
      assertEquals([file.counts.read - reads, file.bytesRead - bytes], [2 * i + 2, 8224 * (i + 1)]);
    }
  });

  it("reads whole extents when reading runs ahead in order", () => {
    const { pager, file } = underPressure();
    const reads = file.counts.read;
    for (let page = 257; page < 512; page++) expectContent(pager, page, page);
    const { extentReads } = pager.stats();
    assert(file.counts.read - reads <= 2 * 33, `${file.counts.read - reads} reads`);
    assert(extentReads >= 31, `${extentReads} extents`);
  });

  it("reads single pages when reading runs backwards", () => {
    const { pager } = underPressure();
    const { extentReads, pageReads } = pager.stats();
    for (let page = 511; page > 256; page--) expectContent(pager, page, page);
    assertEquals([pager.stats().extentReads, pager.stats().pageReads], [
      extentReads,
      pageReads + 255,
    ]);
  });

  it("leaves a damaged page of an extent for whoever asks for it", () => {
    const memory = makeFile(MANY);
    flipBit(memory, 303 * 8192 + 7);
    flipBit(memory, 2_097_152 + (310 & 255) * 32 + 5);
    const { pager } = underPressure(memory);
    for (let page = 290; page < 330; page++) {
      if (page === 303) assertThrows(() => pager.at(page), CorruptionError, "page sum");
      else if (page === 310) assertThrows(() => pager.at(page), CorruptionError, "head sum");
      else expectContent(pager, page, page);
    }
  });

  it("reads an extent whose end is in memory and not in the file yet", () => {
    const { pager } = underPressure();
    const first = pager.meta.pageCount;
    const start = first + 8 - first % 8;
    transact(pager, () => {
      for (let page = first; page < start + 3; page++) occupy(pager, page, page);
    });
    pager.checkpoint();
    pushOutAll(pager);
    transact(pager, () => occupy(pager, start + 3, 1));
    expectContent(pager, start, start);
    expectContent(pager, start + 1, start + 1);
    expectContent(pager, start + 2, start + 2);
    expectContent(pager, start + 3, 1);
  });

  it("reads an extent beside newer pages in memory", () => {
    const { pager } = underPressure();
    const changed = [33, 35, 38, 257, 300];
    transact(pager, () => changed.forEach((page) => write(pager, page, 9)));
    for (let page = 3; page < 600; page++) {
      if (page & 255) expectContent(pager, page, changed.includes(page) ? 9 : page);
    }
  });

  it("sees a page in its header page as last committed, wherever header and page went", () => {
    const memory = makeFile(MANY);
    const { pager } = underPressure(memory);
    const random = new Random(8);
    const salts = new Map(PAGES.map((page) => [page, page]));
    for (let round = 0; round < 60; round++) {
      const some = Array.from({ length: 20 }, () => random.pick(PAGES));
      transact(pager, () => {
        for (const page of some) {
          write(pager, page, round);
          salts.set(page, round);
        }
      });
      for (let i = 0; i < 300; i++) {
        const page = random.pick(PAGES);
        expectContent(pager, page, salts.get(page) ?? -1);
      }
      // Each header page is checked against its bitmap and sums when it comes back.
      for (let chunk = 0; chunk < 12; chunk++) if (random.once(3)) pager.headerPage(chunk);
      assert(pager.stats().cacheBytes <= pager.stats().cacheBytesLimit);
    }
    pager.close();
    const again = openNodes(memory);
    for (const page of PAGES) expectContent(again, page, salts.get(page) ?? -1);
  });

  it("stays within the limit while reading at random, in order and by header pages", () => {
    const { pager } = underPressure();
    const random = new Random(9);
    for (let step = 0; step < 5000; step++) {
      const page = random.pick(PAGES);
      expectContent(pager, page, page);
      if (step % 10 === 0) pager.headerPage(random.below(12));
      assert(pager.stats().cacheBytes <= pager.stats().cacheBytesLimit);
    }
    for (const page of PAGES) expectContent(pager, page, page);
    assert(pager.stats().cacheBytes <= pager.stats().cacheBytesLimit);
  });
});

/** Fills the cache with pages of the first chunks. */
function pushOutAll(pager: Pager): void {
  for (let round = 0; round < 2; round++) {
    for (const page of PAGES) if (page < 2500) pager.at(page);
  }
}
