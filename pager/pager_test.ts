// The whole pager: the state that survives closing, the detection of damaged bytes, and the marks
// in the superblocks.

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../tests/support/files/faulty_file.ts";
import {
  allocate,
  dataPages,
  expectContent,
  expectWords,
  fill,
  flipBit,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  wordsAt,
  write,
} from "../tests/support/trees/pages.ts";
import { Disk } from "./file/disk.ts";
import { MemoryFile } from "./file/memory_file.ts";
import { crc, seedOf } from "./format/checksum.ts";
import { ClosedError, CorruptionError, LimitError, LockedError } from "./format/errors.ts";
import { CHUNK_BYTES, KIND_LEAF, KIND_RUN } from "./format/format.ts";
import { Frame, POOL } from "./format/frame.ts";
import {
  formatHeader,
  seal,
  setEntries,
  setLink,
  setRunBytes,
  setVersion,
  versionOf,
} from "./format/header.ts";
import { readSuperblock, writeSuperblock } from "./journal/superblocks.ts";
import { openPager } from "./open_pager.ts";
import { Pager } from "./pager.ts";

const PAGES = dataPages(300);

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Expects a `CorruptionError` of one page. */
function expectCorrupt(body: () => void, page: number, rule: string): void {
  const error: unknown = assertThrows(body, CorruptionError, rule);
  assertEquals(error instanceof CorruptionError && error.page, page);
}

/** The superblocks of a file: whether each says open, and whether they are equal. */
function marks(file: MemoryFile): { open: boolean[]; equal: boolean } {
  const content = file.content();
  const [first, second] = [content.slice(8192, 16384), content.slice(16384, 24576)];
  return { open: [first[28] === 1, second[28] === 1], equal: first.join() === second.join() };
}

/** Writes a new header of a page into a file, sealed, as an enemy could. */
function forgeHeader(file: MemoryFile, page: number, change: (frame: Frame) => void): void {
  const frame = new Frame(-1, POOL, 1);
  const chunk = page >>> 8;
  const position = chunk * 2_097_152 + (page & 255) * 32;
  file.readAt(frame.u8, 0, 32, position);
  change(frame);
  const bytes = file.content().subarray(page * 8192, (page + 1) * 8192);
  seal(frame, 0, page, crc(bytes), seedOf(readSuperblock(new Disk(file)).databaseId));
  file.writeAt(frame.u8, 0, 32, position);
}

describe("Pager", () => {
  it("keeps the content of every page through close and reopen", () => {
    const file = makeFile(700);
    assertEquals(file.size() % 8192, 0);
    const pager = openNodes(file);
    for (const page of dataPages(700)) expectContent(pager, page, page);
    pager.close();
  });

  it("keeps changes through checkpoint, close and reopen", () => {
    const file = makeFile(300);
    for (let round = 1; round <= 3; round++) {
      const pager = openNodes(file);
      transact(
        pager,
        () => PAGES.filter((p) => p % 3 === 0).forEach((p) => write(pager, p, round)),
      );
      pager.checkpoint();
      transact(pager, () => write(pager, 4, round));
      pager.close();
      const again = openNodes(file);
      for (const page of PAGES) expectContent(again, page, page % 3 && page !== 4 ? page : round);
      assertEquals(again.meta.version, 1 + round * 2);
      again.close();
    }
  });

  it("works on a real file", () => {
    const folder = Deno.makeTempDirSync({ prefix: "quire-" });
    const path = `${folder}/a.quire`;
    const pager = openPager(path);
    transact(pager, () => PAGES.forEach((page) => allocate(pager, page, page)));
    assertThrows(() => openPager(path), LockedError);
    pager.close();
    const again = openPager(path, { readOnly: true });
    again.register(KIND_LEAF, () => {});
    for (const page of PAGES) expectContent(again, page, page);
    again.close();
    Deno.writeTextFileSync(path, "not a database");
    assertThrows(() => openPager(path), CorruptionError, "not a Quire database");
    Deno.writeTextFileSync(path, "");
    openPager(path).close();
    Deno.removeSync(folder, { recursive: true });
  });

  it("refuses a cache that is too small, and opens nothing", () => {
    for (const cacheBytes of [0, 8 * 1024 * 1024 - 1, NaN, -1, Infinity, 8.5e6 + 0.5]) {
      const file = new FaultyFile(new MemoryFile());
      assertThrows(() => new Pager(file, { cacheBytes }), RangeError, "Cannot open: cacheBytes");
      assertEquals(file.counts.write, 0);
    }
  });
});

describe("Pager marks", () => {
  it("says open before the first write in place, and clean at close, in both copies", () => {
    const memory = makeFile(10);
    const file = new FaultyFile(memory);
    const pager = openNodes(file);
    transact(pager, () => write(pager, 5, 1));
    // The commit itself needs a journal, and a journal counts in an open file only.
    assertEquals(marks(memory), { open: [true, true], equal: true });
    file.writes = [];
    let openBefore = true;
    file.fault = (operation) => {
      if (operation === "write") openBefore &&= marks(memory).open.includes(true);
      return "none";
    };
    pager.checkpoint();
    assert(openBefore && file.writes.some(({ position }) => position === 5 * 8192));
    assertEquals(marks(memory), { open: [true, true], equal: true });
    pager.close();
    assertEquals(marks(memory), { open: [false, false], equal: true });
  });

  it("writes nothing in a session that changes nothing", () => {
    const memory = makeFile(10);
    const before = memory.content().join();
    const file = new FaultyFile(memory);
    const pager = openNodes(file);
    expectContent(pager, 5, 5);
    transact(pager, () => {});
    pager.begin();
    write(pager, 5, 1);
    pager.rollback();
    pager.checkpoint();
    pager.close();
    assertEquals([file.counts.write, file.counts.sync, file.counts.truncate], [0, 0, 0]);
    assertEquals(memory.content().join(), before);
  });

  it("recovers a file that was not closed, to what was flushed", () => {
    for (const level of ["sync", "buffered"] as const) {
      const file = makeFile(10);
      const pager = openNodes(file);
      transact(pager, () => write(pager, 5, 1));
      pager.checkpoint();
      transact(pager, () => write(pager, 6, 2));
      pager.flush(level);
      transact(pager, () => write(pager, 7, 3));
      const again = openNodes(new MemoryFile(file.content()));
      assertEquals(again.recovery?.version, 3);
      assertEquals([again.recovery?.batches, again.recovery?.tornBytes], [1, 0]);
      for (const page of dataPages(10)) {
        expectContent(again, page, page === 5 ? 1 : page === 6 ? 2 : page);
      }
      again.close();
      pager.close();
      const closed = openNodes(file);
      assertEquals(closed.recovery, undefined);
      expectContent(closed, 7, 3);
      closed.close();
    }
  });

  it("recovers with few reads, although a batch may follow at every 4 KiB of the journal", () => {
    const file = makeFile(10);
    const pager = openNodes(file);
    transact(pager, () => write(pager, 5, 1));
    pager.flush("sync");
    const counted = new FaultyFile(new MemoryFile(file.content()));
    const again = openNodes(counted);
    assertGreater(counted.bytesRead, CHUNK_BYTES);
    assertLess(counted.counts.read, 50);
    again.close();
    pager.close();
  });

  it("recovers for a read-only handle in memory, and leaves the file as it is", () => {
    const memory = makeFile(300);
    const pager = openNodes(memory);
    transact(pager, () => PAGES.forEach((page) => write(pager, page, page + 1)));
    pager.flush("sync");
    const before = memory.content();
    const file = new FaultyFile(new MemoryFile(before));
    const again = openNodes(file, { readOnly: true });
    for (const page of PAGES) expectContent(again, page, page + 1);
    again.close();
    assertEquals([file.counts.write, file.counts.sync, file.counts.truncate], [0, 0, 0]);
    assertEquals(sameBytes(memory.content(), before), true);
  });

  it("refuses a file that is shorter than it says", () => {
    const file = makeFile(10);
    file.truncate(file.size() - 1);
    assertThrows(() => openNodes(file), CorruptionError, "too few for its 13 pages");
  });

  it("cuts a file that is longer than it says at the next close, and never reads the rest", () => {
    const file = makeFile(10);
    file.writeAt(new Uint8Array(100_000).fill(7), 0, 100_000, file.size());
    const pager = openNodes(file);
    transact(pager, () => allocate(pager, 13, 99));
    for (const page of dataPages(10)) expectContent(pager, page, page);
    pager.close();
    assertEquals(file.size(), 14 * 8192);
  });

  it("opens again when the last pages were taken and given back and never written", () => {
    const file = new MemoryFile();
    const pager = openNodes(file);
    transact(pager, () => dataPages(20).forEach((page) => allocate(pager, page, page)));
    transact(pager, () => pager.release(15, 1));
    for (let page = 16; page < 23; page++) transact(pager, () => pager.release(page, 1));
    pager.close();
    const again = openNodes(file);
    assertEquals([again.meta.pageCount, file.size()], [15, 15 * 8192]);
    expectContent(again, 14, 14);
    again.close();
  });
});

describe("Pager.at", () => {
  it("refuses header pages, superblocks and pages past the end, in memory or not", () => {
    const pager = openNodes(makeFile(300));
    for (const warm of [false, true]) {
      if (warm) [0, 1].forEach((chunk) => pager.headerPage(chunk));
      for (const page of [0, 1, 2, 256, 304, 511, 512, 0xffff_fffd]) {
        expectCorrupt(() => pager.at(page), page, "no page of data can be here");
      }
    }
  });

  it("refuses a free page, in memory or not", () => {
    const file = makeFile(300);
    const pager = openNodes(file);
    transact(pager, () => [7, 280].forEach((page) => pager.release(page, 1)));
    for (const page of [7, 280]) expectCorrupt(() => pager.at(page), page, "the page is free");
    pager.close();
    const again = openNodes(file);
    for (const page of [7, 280]) expectCorrupt(() => again.at(page), page, "the page is free");
  });

  it("refuses a page from the future", () => {
    const file = makeFile(10);
    forgeHeader(file, 5, (frame) => setVersion(frame, 0, 2));
    const pager = openNodes(file);
    expectContent(pager, 4, 4);
    expectCorrupt(() => pager.at(5), 5, "a version that the file has not reached");
  });

  it("refuses a page of a kind without a verifier", () => {
    const file = makeFile(10);
    forgeHeader(file, 5, (frame) => frame.u8[0] = 7);
    const pager = openNodes(file);
    expectCorrupt(() => pager.at(5), 5, "no data is of kind 7");
    assertThrows(() => new Pager(makeFile(3)).at(5), CorruptionError, "no data is of kind 1");
  });

  it("refuses a page with any flipped bit, and none of its neighbours", () => {
    for (const byte of [0, 1, 4095, 8191]) {
      const file = makeFile(10);
      flipBit(file, 5 * 8192 + byte, 3);
      const pager = openNodes(file);
      for (const page of [4, 6]) expectContent(pager, page, page);
      for (let again = 0; again < 2; again++) {
        expectCorrupt(() => pager.at(5), 5, "page sum does not match");
      }
    }
  });

  it("refuses a page with a flipped bit in its header", () => {
    for (let byte = 1; byte < 32; byte++) {
      const file = makeFile(10);
      flipBit(file, 5 * 32 + byte, byte & 7);
      const pager = openNodes(file);
      expectContent(pager, 4, 4);
      expectCorrupt(() => pager.at(5), 5, "header sum does not match");
      expectCorrupt(() => pager.headerPage(0), 5, "header sum does not match");
    }
  });

  it("refuses two pages that were swapped, with their headers or without", () => {
    for (const withHeaders of [false, true]) {
      const file = makeFile(10);
      const content = file.content();
      file.writeAt(content, 5 * 8192, 8192, 6 * 8192);
      file.writeAt(content, 6 * 8192, 8192, 5 * 8192);
      if (withHeaders) {
        file.writeAt(content, 5 * 32, 32, 6 * 32);
        file.writeAt(content, 6 * 32, 32, 5 * 32);
      }
      const rule = withHeaders ? "header sum" : "page sum";
      for (const page of [5, 6]) expectCorrupt(() => openNodes(file).at(page), page, rule);
    }
  });

  it("asks the verifier once a load, after the sums", () => {
    const file = makeFile(10);
    const pager = new Pager(file);
    const asked: number[] = [];
    pager.register(KIND_LEAF, (_frame, _slot, page) => asked.push(page));
    for (const page of [5, 6, 5, 6]) pager.at(page);
    assertEquals(asked, [5, 6]);
    flipBit(file, 7 * 8192);
    const again = new Pager(file);
    again.register(KIND_LEAF, (_frame, _slot, page) => asked.push(page));
    assertThrows(() => again.at(7), CorruptionError);
    assertEquals(asked, [5, 6]);
  });
});

describe("Pager.headerPage", () => {
  it("refuses a flipped bit of the bitmap when a page is to be taken, and not before", () => {
    for (const slot of [0, 5, 40]) {
      const file = makeFile(10);
      flipBit(file, slot >> 3, slot & 7);
      const pager = openNodes(file);
      expectContent(pager, 4, 4);
      pager.begin();
      const rule = slot === 0 ? "the header page is marked free" : "bitmap and header disagree";
      expectCorrupt(() => pager.allocate(13, 1, KIND_LEAF, 1), slot, rule);
      pager.rollback();
    }
  });
});

describe("Pager.peek", () => {
  it("returns the header of a page in memory, and of one that is not, without loading it", () => {
    const pager = openNodes(makeFile(300));
    pager.at(5);
    const read = pager.stats().chunkReads;
    for (const page of [5, 6, 280]) {
      const frame = pager.peek(page);
      assertEquals(frame.u8[pager.peekedSlot * 32], KIND_LEAF);
      assertEquals(frame.u32[pager.peekedSlot * 8 + 1], 1);
    }
    assertEquals(pager.stats().chunkReads, read);
  });

  it("reads the headers of a chunk once, and shows those that changed since", () => {
    const file = new FaultyFile(makeFile(2000));
    const pager = openNodes(file, SMALL_CACHE);
    for (const page of dataPages(2000)) pager.at(page);
    const versionIn = (page: number) => versionOf(pager.peek(page), pager.peekedSlot);
    const { read } = file.counts;
    for (let page = 10; page < 200; page++) versionIn(page);
    assertEquals(file.counts.read - read, 2);
    const before = versionIn(20);
    transact(pager, () => write(pager, 20, 5));
    pager.checkpoint();
    for (const page of dataPages(2000)) if (page > 600) pager.at(page);
    assertEquals(versionIn(19), before);
    assertGreater(versionIn(20), before);
  });

  it("refuses a free page and a damaged header", () => {
    const file = makeFile(10);
    const pager = openNodes(file);
    transact(pager, () => pager.release(7, 1));
    expectCorrupt(() => pager.peek(7), 7, "the page is free");
    pager.close();
    flipBit(file, 8 * 32 + 5);
    const again = openNodes(file);
    expectCorrupt(() => again.peek(7), 7, "the page is free");
    expectCorrupt(() => again.peek(8), 8, "header sum does not match");
  });
});

describe("Pager.getPage", () => {
  /** A file with a run of `span` pages at page 257, its content that of each page. */
  function fileWithRun(span: number): MemoryFile {
    const file = makeFile(100);
    const pager = openNodes(file);
    transact(pager, () => {
      const place = pager.allocate(257, span, KIND_RUN, 9);
      setRunBytes(pager.frames[place >>> 8]!, place & 255, span * 8192 - 5);
      for (let page = 257; page < 257 + span; page++) {
        fill(wordsAt(pager, pager.at(page)), page, page);
      }
    });
    pager.close();
    return file;
  }

  function expectRun(pager: Pager, span: number): void {
    const run = pager.getPage(257);
    assertEquals([run.page, run.kind, run.pages, run.bytes.length], [257, 3, span, span * 8192]);
    assertEquals([run.header.length, run.header[0], run.header[1], run.header[4]], [
      32,
      3,
      span,
      9,
    ]);
    for (let i = 0; i < span; i++) {
      expectWords(
        new Uint32Array(run.bytes.slice(i * 8192, (i + 1) * 8192).buffer),
        257 + i,
        257 + i,
      );
    }
  }

  it("returns header and bytes of one page", () => {
    const pager = openNodes(makeFile(10));
    const { page, kind, pages, header, bytes } = pager.getPage(5);
    assertEquals([page, kind, pages, header.length, bytes.length], [5, KIND_LEAF, 1, 32, 8192]);
    expectWords(new Uint32Array(bytes.slice().buffer), 5, 5);
    assertEquals([header[0], header[4], header[12]], [1, 1, 1]);
  });

  for (const span of [1, 2, 8, 9, 64, 255]) {
    it(`returns all ${span} pages of a run`, () => {
      const pager = openNodes(fileWithRun(span));
      expectRun(pager, span);
      for (const later of [258, 256 + span].filter((page) => page > 257 && page < 257 + span)) {
        assertThrows(() => pager.getPage(later), RangeError, "it is inside a run");
      }
    });

    it(`returns all ${span} pages of a run from pool frames`, () => {
      const file = fileWithRun(span);
      const grown = openNodes(file);
      const more = dataPages(3000).filter((page) => page >= 512);
      transact(grown, () => more.forEach((page) => allocate(grown, page, page)));
      grown.close();
      const pager = openNodes(file, SMALL_CACHE);
      more.forEach((page) => expectContent(pager, page, page));
      expectRun(pager, span);
      more.slice(0, 400).forEach((page) => expectContent(pager, page, page));
      expectRun(pager, span);
    });
  }

  it("refuses what is not a page number with a RangeError", () => {
    const pager = openNodes(makeFile(10));
    pager.at(5);
    for (const page of [-1, 1.5, NaN, Infinity, 2 ** 32, 2 ** 32 + 5]) {
      assertThrows(() => pager.getPage(page), RangeError, "not a page number");
    }
  });

  it("refuses a run whose later pages are not its own", () => {
    const foreign: ((frame: Frame) => void)[] = [
      (frame) => {
        formatHeader(frame, 0, KIND_LEAF, 0, 9);
        setVersion(frame, 0, 1);
      },
      (frame) => {
        setEntries(frame, 0, 2);
        setLink(frame, 0, 258);
      },
    ];
    for (const change of foreign) {
      const file = fileWithRun(4);
      forgeHeader(file, 260, change);
      const pager = openNodes(file);
      expectCorrupt(() => pager.getPage(257), 260, "");
    }
  });

  it("refuses a run that says it is longer or shorter than its bytes", () => {
    const changes: [(frame: Frame) => void, string][] = [
      [(frame) => frame.u8[1] = 0, "a run of no pages"],
      [(frame) => frame.u8[1] = 5, "a run of 5 pages holds 32763 bytes"],
      [(frame) => frame.u8[1] = 3, "a run of 3 pages holds 32763 bytes"],
    ];
    for (const [change, rule] of changes) {
      const file = fileWithRun(4);
      forgeHeader(file, 257, change);
      expectCorrupt(() => openNodes(file).getPage(257), 257, rule);
    }
  });
});

describe("Pager, closed or read-only", () => {
  it("refuses use after close, and closes once", () => {
    const file = new FaultyFile(makeFile(10));
    const pager = openNodes(file);
    pager.at(5);
    pager.close();
    pager.close();
    assertEquals(file.counts.close, 1);
    assertThrows(() => pager.begin(), ClosedError);
    assertThrows(() => pager.checkpoint(), ClosedError);
    assertThrows(() => pager.getPage(5), ClosedError);
    for (const page of [5, 6]) {
      assertThrows(() => pager.at(page), ClosedError);
      assertThrows(() => pager.peek(page), ClosedError);
    }
  });

  it("rolls back an open transaction at close", () => {
    const file = makeFile(10);
    const pager = openNodes(file);
    transact(pager, () => write(pager, 5, 77));
    pager.begin();
    write(pager, 5, 78);
    pager.begin();
    write(pager, 6, 78);
    pager.close();
    const again = openNodes(file);
    expectContent(again, 5, 77);
    expectContent(again, 6, 6);
  });

  it("never writes when opened read-only", () => {
    const file = new FaultyFile(makeFile(3000));
    const pager = openNodes(file, { ...SMALL_CACHE, readOnly: true });
    for (const page of dataPages(3000)) expectContent(pager, page, page);
    assertThrows(() => pager.begin(), TypeError, "Cannot write");
    pager.checkpoint();
    pager.close();
    assertEquals([file.counts.write, file.counts.sync, file.counts.truncate], [0, 0, 0]);
  });

  it("refuses a transaction after the last version", () => {
    const file = makeFile(3);
    const disk = new Disk(file);
    const superblock = readSuperblock(disk);
    const number = superblock.number + 1;
    writeSuperblock(disk, { ...superblock, number, version: 2 ** 48 - 2 });
    const pager = openNodes(file);
    transact(pager, () => write(pager, 4, 1));
    assertEquals(pager.meta.version, 2 ** 48 - 1);
    assertThrows(() => pager.begin(), LimitError, "was the last");
    pager.close();
    const again = openNodes(file);
    expectContent(again, 4, 1);
  });
});
