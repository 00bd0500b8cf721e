// The reads of a miss, and their results: whole chunks while there is room, single pages and
// extents under pressure, next to pages in memory that are newer than the file. Header pages that
// are needed again stay in memory, and none is ever older than the file's.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { always, FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import {
  allocate,
  dataPages,
  expectContent,
  flipBit,
  journalChunks,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  write,
} from "../../tests/support/trees/pages.ts";
import type { MemoryFile } from "../file/memory_file.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { Frame, POOL } from "../format/frame.ts";
import type { Pager } from "../pager.ts";

const MANY = 3000;
const PAGES = dataPages(MANY);

/** A small cache, full of pages of the chunks from 4 on, and its observed file. */
function underPressure(memory: MemoryFile = makeFile(MANY)): { pager: Pager; file: FaultyFile } {
  const file = new FaultyFile(memory);
  const pager = openNodes(file, SMALL_CACHE);
  pushOut(pager);
  return { pager, file };
}

/** Fills the cache with pages of chunks other than the first ones. */
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

  it("reads nothing of a chunk of the journal but its header page", () => {
    const file = new FaultyFile(makeFile(20));
    const pager = openNodes(file);
    transact(pager, () => write(pager, 20, 1));
    pager.flush("sync");
    const bytes = file.bytesRead;
    for (const chunk of journalChunks(pager)) pager.headerPage(chunk);
    assertEquals(file.bytesRead - bytes, 2 * 8192);
    // So an inspection reads pages of a batch.
    const shown = journalChunks(pager).map((chunk) => {
      const [page, frame, inFile] = [chunk * 256 + 1, new Frame(0, POOL, 2), new Uint8Array(8192)];
      pager.inspection().copyPage(page, frame);
      file.readAt(inFile, 0, 8192, page * 8192);
      assertEquals(frame.u8.subarray(8192), inFile);
      return inFile.some((byte) => byte !== 0);
    });
    assert(shown.includes(true), "one of the areas has a batch");
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
    for (const [i, page] of [700, 20, 400, 900].entries()) {
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

  it("reads whole extents when reading runs backwards, and no header page or superblock", () => {
    const { pager, file } = underPressure();
    const reads = file.counts.read;
    for (let page = 511; page > 2; page--) {
      if (page !== 256) expectContent(pager, page, page);
    }
    const { extentReads } = pager.stats();
    assert(file.counts.read - reads <= 2 * 66, `${file.counts.read - reads} reads`);
    assert(extentReads >= 62, `${extentReads} extents`);
  });

  it("reports a damaged page of an extent only to the read that asks for it", () => {
    const memory = makeFile(MANY);
    flipBit(memory, 303 * 8192 + 7);
    flipBit(memory, 2_097_152 + (310 & 255) * 32 + 5);
    const { pager } = underPressure(memory);
    for (let page = 290; page < 330; page++) {
      if (page === 303) assertThrows(() => pager.at(page), CorruptionError, "page sum");
      else if (page === 310) assertThrows(() => pager.at(page), CorruptionError, "header sum");
      else expectContent(pager, page, page);
    }
  });

  it("reads an extent whose end is in memory and not in the file yet", () => {
    const { pager } = underPressure();
    const first = pager.meta.pageCount;
    const start = first + 8 - first % 8;
    transact(pager, () => {
      for (let page = first; page < start + 3; page++) allocate(pager, page, page);
    });
    pager.checkpoint();
    pushOutAll(pager);
    transact(pager, () => allocate(pager, start + 3, 1));
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
      assert(pager.stats().cacheUsedBytes <= pager.stats().cacheLimitBytes);
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
      assert(pager.stats().cacheUsedBytes <= pager.stats().cacheLimitBytes);
    }
    for (const page of PAGES) expectContent(pager, page, page);
    assert(pager.stats().cacheUsedBytes <= pager.stats().cacheLimitBytes);
  });
});

describe("Loader, the header page of a chunk that is wanted again", () => {
  it("is read whole at the second miss, and then a miss is one call", () => {
    const { pager, file } = underPressure();
    const [reads, bytes] = [file.counts.read, file.bytesRead];
    const expectReads = (calls: number, most: number) => {
      assertEquals([file.counts.read - reads, file.bytesRead - bytes], [calls, most]);
    };
    expectContent(pager, 20, 20);
    expectReads(2, 8224);
    for (const [i, page] of [90, 40, 200, 60].entries()) {
      expectContent(pager, page, page);
      expectReads(4 + i, 8224 + 8192 * (2 + i));
    }
  });

  it("stays while headers of it are wanted, and counts as a page of the cache", () => {
    const { pager } = underPressure();
    const figures = pager.inspection().loadFigures;
    const random = new Random(3);
    const look = (steps: number) => {
      for (let i = 0; i < steps; i++) pager.at(random.pick(PAGES));
    };
    look(2000);
    const { headers, pages } = figures;
    look(5000);
    assertEquals(figures.headers, headers);
    assert(figures.pages > pages + 2000, `${figures.pages - pages} pages`);
    assertEquals(pager.stats().cacheUsedBytes, pager.stats().cacheLimitBytes);
  });

  it("leaves when no read needs it any more", () => {
    const { pager } = underPressure();
    for (const page of [20, 90]) pager.at(page);
    assertEquals(pager.inspection().whereIs(0), "page");
    pushOut(pager);
    assertEquals(pager.inspection().whereIs(0), "file");
  });

  it("is not read while the chunks that are asked for displace each other", () => {
    const { pager, file } = underPressure(makeFile(4400));
    const bytes = file.bytesRead;
    for (let i = 0; i < 200; i++) {
      const chunk = [0, 16][i & 1]!;
      pager.at(chunk * 256 + 3 + i);
    }
    const { headers, pages } = { headers: 200 * 32, pages: 200 * 8192 };
    assert(file.bytesRead - bytes <= headers + pages, `${file.bytesRead - bytes} bytes`);
    assertEquals(pager.inspection().whereIs(0), "file");
  });

  it("hides no page when one header of it is damaged, and is not trusted", () => {
    const memory = makeFile(MANY);
    flipBit(memory, 30 * 32 + 5);
    const { pager } = underPressure(memory);
    for (let page = 250; page > 3; page -= 2) {
      if (page === 30) assertThrows(() => pager.at(page), CorruptionError, "header sum");
      else expectContent(pager, page, page);
    }
    assertEquals(pager.inspection().whereIs(0), "file");
    assertThrows(() => pager.headerPage(0), CorruptionError, "header sum");
    // It stays in memory for a while, unverified.
    assertEquals(pager.inspection().whereIs(0), "page");
    for (let page = 251; page > 3; page -= 2) expectContent(pager, page, page);
    assertThrows(() => pager.headerPage(0), CorruptionError, "header sum");
  });

  it("hides no page when its bitmap is damaged", () => {
    const memory = makeFile(MANY);
    flipBit(memory, 5);
    const { pager } = underPressure(memory);
    for (let page = 250; page > 3; page -= 2) expectContent(pager, page, page);
    assertThrows(() => pager.headerPage(0), CorruptionError, "bitmap and header disagree");
  });

  it("hides no page when it cannot be read", () => {
    const { pager, file } = underPressure();
    expectContent(pager, 20, 20);
    const next = file.counts.read + 1;
    file.fault = (operation, count) => operation === "read" && count === next ? "throw" : "none";
    expectContent(pager, 90, 90);
    assertEquals(file.counts.read, next + 2);
  });

  it("has what was committed since, and the file has it after a checkpoint", () => {
    const memory = makeFile(MANY);
    const { pager } = underPressure(memory);
    const changed = [20, 90, 300, 301, 700];
    for (let salt = 1; salt < 4; salt++) {
      for (const page of [21, 91, 310, 350, 701, 750]) expectContent(pager, page, page);
      transact(pager, () => changed.forEach((page) => write(pager, page, salt)));
      if (salt === 2) pager.checkpoint();
      pushOut(pager);
      for (const page of changed) expectContent(pager, page, salt);
    }
    pager.checkpoint();
    pushOut(pager);
    const again = openNodes(memory, { ...SMALL_CACHE, readOnly: true });
    for (const page of changed) for (const one of [pager, again]) expectContent(one, page, 3);
  });

  it("is as before after a rollback", () => {
    const { pager } = underPressure();
    for (const page of [20, 90, 21]) expectContent(pager, page, page);
    pager.begin();
    write(pager, 20, 5);
    pager.release(90, 1);
    allocate(pager, pager.meta.pageCount, 1);
    pager.rollback();
    for (let round = 0; round < 2; round++) {
      for (const page of [20, 90, 21, 22]) expectContent(pager, page, page);
      pushOut(pager);
    }
  });

  it("knows a page that was given back, and one that took its place", () => {
    const { pager } = underPressure();
    for (const page of [20, 90, 21]) expectContent(pager, page, page);
    transact(pager, () => pager.release(90, 1));
    pager.checkpoint();
    pushOut(pager);
    for (let page = 22; page < 30; page += 2) expectContent(pager, page, page);
    assertThrows(() => pager.at(90), CorruptionError, "free");
    transact(pager, () => allocate(pager, 90, 7));
    pushOut(pager);
    for (let page = 32; page < 40; page += 2) expectContent(pager, page, page);
    expectContent(pager, 90, 7);
  });

  it("is the journal's after the file was cut before its chunk and the journal got it", () => {
    const { pager } = underPressure();
    // The journal areas follow the pages of the file, and then come the test's own chunks.
    transact(pager, () => write(pager, 20, 20));
    const chunk = pager.meta.pageCount >>> 8;
    const ours = Array.from({ length: 200 }, (_, i) => chunk * 256 + 1 + i);
    transact(pager, () => ours.forEach((page) => allocate(pager, page, page)));
    pager.checkpoint();
    pushOut(pager);
    for (const page of [3, 90, 150]) expectContent(pager, ours[page]!, ours[page]!);
    assertEquals(pager.inspection().whereIs(chunk * 256), "page");
    transact(pager, () => ours.forEach((page) => pager.release(page, 1)));
    pager.checkpoint();
    assertEquals(pager.meta.pageCount, chunk * 256);
    // After the next sync, no crash can bring the chunk back.
    transact(pager, () => write(pager, 20, 21));
    pager.flush("sync");
    pager.headerPage(chunk);
    transact(pager, () => {
      for (const page of PAGES) if (page < 280) write(pager, page, 9);
    });
    assertEquals(pager.inspection().whereIs(chunk * 256), "page");
    assert(journalChunks(pager).includes(chunk), "the journal grew into the chunk");
  });

  it("gives no page of which what was written may be lost", () => {
    const { pager, file } = underPressure();
    for (const page of [20, 90, 21]) expectContent(pager, page, page);
    transact(pager, () => write(pager, 20, 1));
    file.fault = always("throw", "sync");
    assertThrows(() => pager.checkpoint(), IoError);
    file.fault = always("none");
    assertEquals(pager.inspection().whereIs(0), "page");
    assertThrows(() => pager.at(22), IoError, "may have an older version");
  });
});

/** Fills the cache with pages of the first chunks. */
function pushOutAll(pager: Pager): void {
  for (let round = 0; round < 2; round++) {
    for (const page of PAGES) if (page < 2500) pager.at(page);
  }
}
