// The pager on a file that fails: the failure is an IoError and final for writes; reads still work;
// the file is never marked clean without all committed data, and recovers with all of it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { always, FaultyFile, from, type Operation } from "../tests/support/files/faulty_file.ts";
import {
  dataPages,
  expectContent,
  fill,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  wordsAt,
  write,
} from "../tests/support/trees/pages.ts";
import type { MemoryFile } from "./file/memory_file.ts";
import { IoError } from "./format/errors.ts";
import { CHUNK_BYTES, CHUNK_PAGES } from "./format/format.ts";
import { Frame, POOL } from "./format/frame.ts";
import type { Pager } from "./pager.ts";
import type { PageSnapshot } from "./transaction/snapshot.ts";

const PAGES = dataPages(300);

describe("Pager on a failing file", () => {
  const failures: [string, Operation, "throw" | "nothing"][] = [
    ["a write that throws", "write", "throw"],
    ["a write that takes nothing", "write", "nothing"],
    ["a sync that throws", "sync", "throw"],
  ];
  for (const [what, operation, fault] of failures) {
    it(`${what} in a checkpoint is final, wherever it strikes`, () => {
      for (let nth = 1;; nth++) {
        const memory = makeFile(300);
        const file = new FaultyFile(memory);
        const pager = openNodes(file);
        transact(pager, () => PAGES.forEach((page) => write(pager, page, 1000 + page)));
        file.fault = from(nth, fault, operation);
        if (!throwsIoError(() => pager.checkpoint())) break;
        file.fault = always("none");
        expectLatched(pager, file, memory);
      }
    });
  }

  function expectLatched(pager: Pager, file: FaultyFile, memory: MemoryFile): void {
    const writes = file.counts.write;
    assertThrows(() => pager.begin(), IoError, "an earlier write or sync failed");
    assertThrows(() => pager.checkpoint(), IoError, "an earlier write or sync failed");
    for (const page of PAGES) expectContent(pager, page, 1000 + page);
    assertThrows(() => pager.close(), IoError, "an earlier write or sync failed");
    assertEquals([file.counts.write, file.counts.close], [writes, 1]);
    // All or nothing came back: nothing of it was acknowledged as lasting.
    expectAllOr(memory, 1000, 0);
  }

  it("a failed last step of close does not count as closed well", () => {
    for (let nth = 1;; nth++) {
      const memory = makeFile(300);
      const file = new FaultyFile(memory);
      const pager = openNodes(file);
      transact(pager, () => PAGES.forEach((page) => write(pager, page, 1000 + page)));
      pager.flush("sync");
      file.fault = from(nth, "throw", "sync");
      if (!throwsIoError(() => pager.close())) break;
      assertEquals(file.counts.close, 1);
      expectAllOr(memory, 1000, 1000);
    }
  });

  it("finishes short reads and short writes", () => {
    const memory = makeFile(300);
    const file = new FaultyFile(memory);
    file.fault = always("half", "read", "write");
    const pager = openNodes(file);
    transact(pager, () => PAGES.forEach((page) => write(pager, page, 1000 + page)));
    pager.close();
    const again = openNodes(memory);
    for (const page of PAGES) expectContent(again, page, 1000 + page);
  });

  it("a failed read is an IoError, and the next try may do", () => {
    const file = new FaultyFile(makeFile(300));
    const pager = openNodes(file);
    file.fault = always("throw", "read");
    for (const page of [5, 280]) assertThrows(() => pager.at(page), IoError, "Cannot read");
    file.fault = always("none");
    for (const page of PAGES) expectContent(pager, page, page);
    transact(pager, () => write(pager, 5, 1));
    pager.close();
  });

  it("reads go on after a failed write under pressure, and are right", () => {
    const memory = makeFile(3000);
    const file = new FaultyFile(memory);
    const pager = openNodes(file, SMALL_CACHE);
    const pages = dataPages(3000);
    const changed = pages.filter((page) => page % 7 === 0);
    // Read first, so that the pages are in pool frames and are evicted one by one.
    pages.forEach((page) => pager.at(page));
    transact(pager, () => changed.forEach((page) => write(pager, page, 1000 + page)));
    // Some chunks are written, then the disk fails in the middle of one.
    file.fault = from(file.counts.write + 5, "throw", "write");
    throwsIoError(() => pager.checkpoint());
    const doubtful = new Set(file.writes.map(({ position }) => position / 8192 >>> 8));
    for (let round = 0; round < 2; round++) {
      for (const page of pages) {
        // Bytes that were written but never synced may be lost, so they are refused.
        if (doubtful.has(page >>> 8) && throwsIoError(() => pager.at(page))) continue;
        expectContent(pager, page, page % 7 === 0 ? 1000 + page : page);
      }
    }
    const { cacheUsedBytes, cacheLimitBytes } = pager.stats();
    assert(cacheUsedBytes <= 2 * cacheLimitBytes, `${cacheUsedBytes} bytes of cache`);
    assertThrows(() => pager.close(), IoError);
  });
});

describe("Pager after a sync that failed and dropped what was written", () => {
  const LOST = 3;
  const FIRST = LOST * CHUNK_PAGES;

  /**
   * A pager whose file has an older chunk than was written to it, and nothing of it in memory.
   */
  function withLostChunk(): { pager: Pager; snapshot: PageSnapshot } {
    const memory = makeFile(3000);
    const file = new FaultyFile(memory);
    const pager = openNodes(file, SMALL_CACHE);
    const older = new Uint8Array(CHUNK_BYTES);
    memory.readAt(older, 0, CHUNK_BYTES, LOST * CHUNK_BYTES);
    const snapshot = pager.snapshot();
    transact(pager, () => {
      write(pager, FIRST + 1, 1000);
      pager.release(FIRST + 2, 1);
    });
    pager.flush("sync");
    while (pager.checkpointSlice() && pager.inspection().checkpoint()?.chunksLeft !== 0);
    file.fault = always("throw", "sync");
    assertThrows(() => pager.checkpoint(), IoError, "sync");
    file.fault = always("none");
    memory.writeAt(older, 0, CHUNK_BYTES, LOST * CHUNK_BYTES);
    for (const page of dataPages(3000)) if (page >>> 8 !== LOST) pager.at(page);
    for (const page of [FIRST, FIRST + 1]) assertEquals(pager.inspection().whereIs(page), "file");
    return { pager, snapshot };
  }

  const reads: Readonly<Record<string, (pager: Pager, snapshot: PageSnapshot) => unknown>> = {
    "at()": (pager) => pager.at(FIRST + 1),
    "peek()": (pager) => pager.peek(FIRST + 1),
    "getPage()": (pager) => pager.getPage(FIRST + 1),
    "headerPage()": (pager) => pager.headerPage(LOST),
    "copyHeaderPage()": (pager) => pager.copyHeaderPage(LOST, new Frame(-1, POOL, 1)),
    "a snapshot, of a page that was given back": (_, snapshot) => snapshot.at(FIRST + 2),
    "a snapshot, of a header": (_, snapshot) => snapshot.peek(FIRST + 2),
    "the copy of an inspection": (pager) => {
      pager.inspection().copyPage(FIRST + 1, new Frame(-1, POOL, 2));
    },
    "a scrub": (pager) => pager.scrub(() => {}).chunk(LOST),
    "a scrub of headers": (pager) => pager.scrub(() => {}).headers(LOST),
  };
  const { pager, snapshot } = withLostChunk();
  for (const [what, read] of Object.entries(reads)) {
    it(`refuses what it may have lost to ${what}`, () => {
      assertThrows(() => read(pager, snapshot), IoError, "may have an older version");
    });
  }

  it("reads all that it has not lost", () => {
    for (const page of dataPages(3000)) {
      if (page >>> 8 !== LOST) expectContent(pager, page, page);
    }
    snapshot.close();
    assertThrows(() => pager.close(), IoError);
  });

  it("refuses the header page that the journal got in vain", () => {
    const file = new FaultyFile(makeFile(300));
    const failing = openNodes(file);
    transact(failing, () => write(failing, 20, 1));
    failing.flush("sync");
    const { pageCount } = failing.meta;
    failing.begin();
    PAGES.forEach((page) => write(failing, page, 1000));
    file.fault = always("throw", "sync");
    assertThrows(() => failing.commit(), IoError, "sync");
    failing.rollback();
    file.fault = always("none");
    assert(failing.meta.pageCount > pageCount, "the journal grew");
    const chunk = pageCount / CHUNK_PAGES;
    assertEquals(failing.inspection().whereIs(chunk * CHUNK_PAGES), "file");
    const frame = new Frame(-1, POOL, 1);
    assertThrows(() => failing.copyHeaderPage(chunk, frame), IoError, "may have an older version");
    assertThrows(() => failing.close(), IoError);
  });
});

function throwsIoError(body: () => void): boolean {
  try {
    body();
    return false;
  } catch (error) {
    if (error instanceof IoError) return true;
    throw error;
  }
}

/** The file opens, and its pages have one content or the other, all the same. */
function expectAllOr(file: MemoryFile, salt: number, otherwise: number): void {
  const pager = openNodes(file);
  const first = wordsAt(pager, pager.at(3))[0];
  const expected = new Uint32Array(1);
  fill(expected, 3, 3 + salt);
  const found = first === expected[0] ? salt : otherwise;
  for (const page of PAGES) expectContent(pager, page, found + page);
  pager.close();
}
