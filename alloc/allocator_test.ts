// The allocator: the pages that it allocates and releases, the calls that it refuses, rollback, the
// number of its reads, and the search for free space.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Disk } from "../pager/file/disk.ts";
import { readSuperblock, writeSuperblock } from "../pager/journal/superblocks.ts";
import { CorruptionError, type File, format, header, MemoryFile } from "../pager/mod.ts";
import { FaultyFile } from "../tests/support/files/faulty_file.ts";
import { journalChunks, openNodes, transact } from "../tests/support/trees/pages.ts";
import { numbers, openSpace, type Space, take, usedPages } from "../tests/support/trees/space.ts";
import { Allocator } from "./allocator.ts";

const { KIND_BRANCH, KIND_LEAF, KIND_RUN } = format;
/** The number of data pages in chunk 0. */
const FIRST_CHUNK_PAGES = 253;

/** A cleanly closed file whose chunks are full except for some pages. */
function fileWithGaps(chunks: number, gaps: readonly number[]): MemoryFile {
  const file = new MemoryFile();
  const space = openSpace(file);
  transact(space.pager, () => take(space, chunks * 255 - 2));
  transact(space.pager, () => gaps.forEach((page) => space.allocator.release(page, 1)));
  space.pager.close();
  return file;
}

/**
 * The pager's pages end in the chunk of `pageCount`; only chunks of the journal follow.
 */
function expectEnd({ pager }: Space, pageCount: number): void {
  const first = Math.ceil(pageCount / 256);
  assertEquals(journalChunks(pager), [first, first + 1]);
  assertEquals(pager.meta.pageCount, (first + 2) * 256);
}

describe("Allocator.allocate", () => {
  it("takes the first page after the superblocks, then the next, and skips header pages", () => {
    const space = openSpace();
    transact(space.pager, () => {
      assertEquals(take(space, 253), numbers(3, 253));
      assertEquals(take(space, 2), [257, 258]);
    });
    expectEnd(space, 259);
  });

  it("formats the header and zeroes the page", () => {
    const space = openSpace();
    transact(space.pager, () => {
      const page = space.allocator.allocate(KIND_BRANCH, 77, 0);
      const frame = space.pager.frames[space.pager.at(page) >>> 8]!;
      const slot = page & 255;
      assertEquals([header.kindOf(frame, slot), header.treeOf(frame, slot)], [KIND_BRANCH, 77]);
      const bytes = space.pager.getPage(page).bytes;
      assert(bytes.every((byte) => byte === 0));
      bytes.fill(9);
      space.allocator.release(page, 1);
    });
    const again = transact(space.pager, () => take(space, 1)[0]);
    assert(space.pager.getPage(again!).bytes.every((byte) => byte === 0));
  });

  it("takes a page close after its neighbour", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, 600));
    transact(space.pager, () => [50, 100, 300, 310].forEach((p) => space.allocator.release(p, 1)));
    transact(space.pager, () => {
      assertEquals(space.allocator.allocate(KIND_LEAF, 1, 305), 310);
      assertEquals(space.allocator.allocate(KIND_LEAF, 1, 60), 100);
      assertEquals(space.allocator.allocate(KIND_LEAF, 1, 60), 50);
    });
  });

  it("puts branches into chunks of their own once the file has 16 chunks", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, 16 * 255 - 2));
    transact(space.pager, () => space.allocator.release(700, 1));
    transact(space.pager, () => {
      const branch = space.allocator.allocate(KIND_BRANCH, 1, 0);
      assertEquals(branch & 255, 1);
      assertEquals(space.allocator.allocate(KIND_BRANCH, 1, branch), branch + 1);
      const leaf = space.allocator.allocate(KIND_LEAF, 1, 0);
      assertEquals(leaf, 700);
    });
  });
});

describe("Allocator.allocateRun", () => {
  for (const span of [1, 7, 8, 9, 63, 64, 254, 255]) {
    it(`takes ${span} pages of one chunk and gives them back whole`, () => {
      const file = new MemoryFile();
      const space = openSpace(file);
      const page = transact(space.pager, () => space.allocator.allocateRun(span, 5, 0));
      assertEquals(page >> 8, (page + span - 1) >> 8);
      assertEquals(usedPages(space), numbers(page, span));
      space.pager.close();
      const again = openSpace(file);
      assertEquals(usedPages(again), numbers(page, span));
      transact(again.pager, () => again.allocator.release(page, span));
      assertEquals(usedPages(again), []);
      again.pager.close();
    });
  }

  for (const span of [0, 256, -1, 1.5, NaN, 1000]) {
    it(`refuses ${span} pages with a RangeError`, () => {
      const { pager, allocator } = openSpace();
      transact(pager, () => {
        assertThrows(() => allocator.allocateRun(span, 1, 0), RangeError, "Cannot allocate a run");
      });
      assertEquals(pager.meta.pageCount, 3);
    });
  }

  it("writes the header of every page of the run", () => {
    const { pager, allocator } = openSpace();
    transact(pager, () => {
      const page = allocator.allocateRun(9, 5, 0);
      const frame = pager.frames[pager.at(page) >>> 8]!;
      const slot = page & 255;
      assertEquals([header.kindOf(frame, slot), header.runPagesOf(frame, slot)], [KIND_RUN, 9]);
      for (let i = 1; i < 9; i++) {
        assertEquals(header.kindOf(frame, page + i), format.KIND_RUN_CONTINUED);
        assertEquals([header.entriesOf(frame, page + i), header.linkOf(frame, page + i)], [
          i,
          page,
        ]);
        assertEquals(header.treeOf(frame, page + i), 5);
      }
    });
  });

  it("fills a gap that is long enough and passes over one that is not", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, 500));
    const gaps = [...numbers(10, 7), ...numbers(30, 8), ...numbers(50, 9)];
    transact(space.pager, () => gaps.forEach((page) => space.allocator.release(page, 1)));
    transact(space.pager, () => {
      assertEquals(space.allocator.allocateRun(9, 1, 0), 50);
      assertEquals(space.allocator.allocateRun(8, 1, 0), 30);
      assertEquals(space.allocator.allocateRun(7, 1, 0), 10);
    });
  });
});

describe("Allocator.allocateShortRun", () => {
  it("takes a shorter run rather than making the file longer", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, 255 + FIRST_CHUNK_PAGES));
    transact(space.pager, () => numbers(20, 40).forEach((p) => space.allocator.release(p, 1)));
    transact(space.pager, () => {
      const page = space.allocator.allocateShortRun(100, 1, 0);
      const frame = space.pager.frames[space.pager.at(page) >>> 8]!;
      assertEquals([page, header.runPagesOf(frame, page & 255)], [20, 40]);
    });
  });

  it("takes at most 255 pages", () => {
    const space = openSpace();
    const { pager, allocator } = space;
    transact(pager, () => {
      take(space, FIRST_CHUNK_PAGES);
      const page = allocator.allocateShortRun(1000, 1, 0);
      const frame = pager.frames[pager.at(page) >>> 8]!;
      assertEquals([page, header.runPagesOf(frame, page & 255)], [257, 255]);
    });
  });
});

describe("Allocator.allocateBefore", () => {
  it("takes a page of lower chunks first, then a lower one of the same chunk, and no other", () => {
    const space = openSpace(fileWithGaps(4, [40, 520, 530, 540, 900]));
    const before = (page: number) => space.allocator.allocateBefore(page, 1, KIND_LEAF, 1);
    transact(space.pager, () => {
      assertEquals([before(535), before(535), before(535), before(535)], [40, 520, 530, -1]);
      assertEquals([before(541), before(300)], [540, -1]);
    });
  });

  it("takes part of a run in the same chunk, of at least eight pages, before the page", () => {
    const space = openSpace(fileWithGaps(2, [...numbers(270, 17), ...numbers(400, 100)]));
    const before = (span: number) => space.allocator.allocateBefore(300, span, KIND_RUN, 1);
    transact(space.pager, () => {
      assertEquals([before(40), before(16), before(7)], [270, -1, 280]);
    });
  });
});

describe("Allocator.allocateBelow", () => {
  it("takes the first free page of lower chunks, whatever they are for, and no other", () => {
    const space = openSpace(fileWithGaps(4, [40, 300, 900]));
    const below = (end: number) => space.allocator.allocateBelow(end, 1, KIND_BRANCH, 1);
    transact(space.pager, () => {
      assertEquals([below(1), below(1)], [40, -1]);
      assertEquals([below(3), below(3)], [300, -1]);
    });
  });

  it("examines no chunk behind the page that it takes", () => {
    const space = openSpace(fileWithGaps(4, [40, 300, 900]));
    const before = space.pager.stats();
    transact(space.pager, () => {
      assertEquals(space.allocator.allocateBelow(4, 1, KIND_BRANCH, 1), 40);
    });
    const { chunkReads, pageReads } = space.pager.stats();
    assertEquals(chunkReads + pageReads - before.chunkReads - before.pageReads, 1);
  });

  it("takes part of a run, of at least eight pages", () => {
    const space = openSpace(fileWithGaps(2, [...numbers(20, 9), ...numbers(300, 7)]));
    const below = (span: number) => space.allocator.allocateBelow(2, span, KIND_RUN, 1);
    transact(space.pager, () => {
      assertEquals([below(16), below(16), below(7)], [20, -1, 300]);
      const headers = space.pager.frames[space.pager.at(20) >>> 8]!;
      assertEquals(header.runPagesOf(headers, 20), 8);
    });
  });
});

describe("Allocator.release", () => {
  /** Pages 3 and 4, and a run of 5 pages from 5 on. */
  function withRun(): Space {
    const space = openSpace();
    transact(space.pager, () => {
      take(space, 2);
      assertEquals(space.allocator.allocateRun(5, 1, 0), 5);
    });
    return space;
  }

  const cases: [string, number, number, string][] = [
    ["a free page", 10, 1, "it is free"],
    ["a header page", 0, 1, "it is a header page"],
    ["the first superblock", 1, 1, "it is a superblock"],
    ["the second superblock", 2, 1, "it is a superblock"],
    ["a page inside a run", 7, 1, "it is inside a run"],
    ["the end of a run", 7, 3, "it is inside a run"],
    ["a run shortened", 5, 4, "it has 5 pages, not 4"],
    ["a run with its neighbour", 5, 6, "it has 5 pages, not 6"],
    ["a page as a run", 3, 2, "it has 1 pages, not 2"],
    ["no pages", 3, 0, "it has 1 pages, not 0"],
    ["a page past the end", 5000, 1, "it is not in the file"],
    ["a negative page", -1, 1, "it is not in the file"],
    ["half a page", 3.5, 1, "it is not in the file"],
    ["page NaN", NaN, 1, "it is not in the file"],
    ["a page past all files", 2 ** 32 + 3, 1, "it is not in the file"],
  ];
  for (const [what, page, span, state] of cases) {
    it(`refuses ${what}`, () => {
      const space = withRun();
      transact(space.pager, () => {
        const message = `Cannot release page ${page}: ${state}`;
        assertThrows(() => space.allocator.release(page, span), RangeError, message);
      });
      assertEquals(usedPages(space), numbers(3, 7));
    });
  }

  it("refuses a page twice, in one transaction and across two", () => {
    const space = withRun();
    transact(space.pager, () => {
      space.allocator.release(3, 1);
      assertThrows(() => space.allocator.release(3, 1), RangeError, "it is free");
    });
    transact(space.pager, () => {
      assertThrows(() => space.allocator.release(3, 1), RangeError, "it is free");
    });
    assertEquals(usedPages(space), numbers(4, 6));
  });

  it("refuses the header page of a later chunk", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, 300));
    transact(space.pager, () => {
      assertThrows(() => space.allocator.release(256, 1), RangeError, "it is a header page");
    });
  });

  it("keeps a page from being taken again in its transaction, and not after it", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, 20));
    transact(space.pager, () => {
      space.allocator.release(7, 1);
      assertEquals(take(space, 300).includes(7), false);
    });
    assertEquals(transact(space.pager, () => space.allocator.allocate(KIND_LEAF, 1, 6)), 7);
  });

  it("keeps a page from being taken again in savepoints, committed and rolled back", () => {
    const space = openSpace();
    const { pager, allocator } = space;
    transact(pager, () => take(space, 20));
    pager.begin();
    allocator.release(7, 1);
    transact(pager, () => allocator.release(8, 1));
    pager.begin();
    allocator.release(9, 1);
    pager.rollback();
    const taken = take(space, 300);
    assertEquals([7, 8, 9].map((page) => taken.includes(page)), [false, false, false]);
    pager.commit();
    const near = () => allocator.allocate(KIND_LEAF, 1, 6);
    assertEquals(transact(pager, () => [near(), near()]), [7, 8]);
  });
});

describe("Allocator.release of a damaged run", () => {
  it("refuses a run that claims the pages of another, and takes none of them", () => {
    const space = openSpace();
    const { pager, allocator } = space;
    pager.begin();
    const run = allocator.allocateRun(2, 1, 0);
    const other = allocator.allocateRun(3, 1, run);
    assertEquals(other, run + 2);
    const place = pager.headerPage(0);
    const { u8 } = pager.frames[place >>> format.CHUNK_SHIFT]!;
    u8[(run << format.HEADER_SHIFT) + format.HEADER.runPages] = 5;
    assertThrows(() => allocator.release(run, 5), CorruptionError, "not part of the run");
    assertEquals([run, other, other + 2].map((page) => allocator.isInUse(page)), [
      true,
      true,
      true,
    ]);
    pager.rollback();
  });
});

describe("Allocator.isInUse", () => {
  it("is true for header pages and superblocks, and false past the end", () => {
    const { allocator } = openSpace();
    assertEquals([0, 1, 2, 3].map((page) => allocator.isInUse(page)), [true, true, true, false]);
    assertEquals([255, 256, 1281].map((page) => allocator.isInUse(page)), [false, false, false]);
  });

  it("of a page past the end does no harm to what comes there later", () => {
    const space = openSpace();
    space.allocator.isInUse(600);
    transact(space.pager, () => take(space, 800));
    assertEquals(usedPages(space).length, 800);
  });
});

describe("Allocator after a rollback", () => {
  it("has bitmap, page count and order of pages as before", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, 100));
    transact(space.pager, () => space.allocator.release(40, 1));
    const [before, pageCount] = [usedPages(space), space.pager.meta.pageCount];
    space.pager.begin();
    take(space, 1000);
    numbers(10, 5).forEach((page) => space.allocator.release(page, 1));
    space.allocator.allocateRun(200, 1, 0);
    space.pager.rollback();
    assertEquals([usedPages(space), space.pager.meta.pageCount], [before, pageCount]);
    assertEquals(transact(space.pager, () => take(space, 3)), [40, 103, 104]);
  });

  it("never takes pages of the journal, whose chunks the rolled back transaction had", () => {
    const file = new MemoryFile();
    const space = openSpace(file);
    space.pager.begin();
    take(space, 1000);
    space.pager.rollback();
    const one = transact(space.pager, () => take(space, 1));
    const journal = journalChunks(space.pager);
    const more = transact(space.pager, () => take(space, 900));
    assertEquals([journal, journalChunks(space.pager)], [[1, 2], [1, 2]]);
    assertEquals(more.filter((page) => journal.includes(page >>> 8)), []);
    space.pager.close();
    assertEquals(usedPages(openSpace(file)), [...one, ...more].sort((a, b) => a - b));
  });

  it("of a file that grew by chunks, grows by the same pages again and opens", () => {
    const file = new MemoryFile();
    const space = openSpace(file);
    space.pager.begin();
    const first = take(space, 1200);
    space.pager.rollback();
    assertEquals(transact(space.pager, () => take(space, 1200)), first);
    space.pager.close();
    const again = openSpace(file);
    assertEquals(usedPages(again), first);
  });

  it("takes a page that was taken and given back in it", () => {
    const space = openSpace();
    transact(space.pager, () => take(space, FIRST_CHUNK_PAGES));
    transact(space.pager, () => space.allocator.release(9, 1));
    space.pager.begin();
    assertEquals(take(space, 1), [9]);
    space.allocator.release(9, 1);
    space.pager.rollback();
    assertEquals(transact(space.pager, () => take(space, 1)), [9]);
  });

  it("of a savepoint, takes what the savepoint took, and the hint is not too high", () => {
    const file = new MemoryFile();
    const space = openSpace(file);
    space.pager.begin();
    take(space, 1);
    space.pager.begin();
    take(space, 400);
    space.pager.rollback();
    assertEquals(space.pager.meta.pageCount, 4);
    space.pager.commit();
    assertEquals(space.pager.meta.allocatorHint, 0);
    assertEquals(transact(space.pager, () => take(space, 3)), [4, 5, 6]);
    space.pager.close();
    const again = openSpace(file);
    assertEquals(transact(again.pager, () => take(again, 1)), [7]);
  });

  it("of a savepoint, leaves what the transaction did before", () => {
    const space = openSpace();
    const { pager, allocator } = space;
    transact(pager, () => take(space, 10));
    pager.begin();
    allocator.release(5, 1);
    const outer = take(space, 2);
    pager.begin();
    outer.forEach((page) => allocator.release(page, 1));
    take(space, 5);
    allocator.release(6, 1);
    pager.rollback();
    assertEquals(usedPages(space), [3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    pager.commit();
    assertEquals(usedPages(space), [3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });
});

describe("a free tail", () => {
  /** A space whose journal has its two chunks, 1 and 2, and that has 1,500 pages in all. */
  function filled(file: MemoryFile): { space: Space; pages: number[] } {
    const space = openSpace(file);
    transact(space.pager, () => take(space, 1));
    const pages = transact(space.pager, () => take(space, 1500));
    space.pager.checkpoint();
    assertEquals(file.size(), space.pager.meta.pageCount * 8192);
    return { space, pages };
  }

  it("is cut by the next checkpoint, as far as the journal lets", () => {
    const file = new MemoryFile();
    const { space, pages } = filled(file);
    transact(space.pager, () => {
      for (const page of pages) if (page > 1000) space.allocator.release(page, 1);
    });
    space.pager.checkpoint();
    assertEquals(space.pager.meta.pageCount, 1001);
    assertEquals(file.size(), 1001 * 8192);
    transact(space.pager, () => {
      for (const page of pages) if (page <= 1000) space.allocator.release(page, 1);
    });
    space.pager.checkpoint();
    assertEquals(space.pager.meta.pageCount, 3 * 256);
    assertEquals(file.size(), 3 * 256 * 8192);
    space.pager.close();
    assertEquals(file.size(), 4 * 8192);
  });

  it("is followed by pages of the same chunks, and by a file that opens", () => {
    const file = new MemoryFile();
    const { space, pages } = filled(file);
    for (let round = 0; round < 3; round++) {
      const taken = round === 0 ? pages : usedPages(space).filter((page) => page > 3);
      transact(space.pager, () => taken.forEach((page) => space.allocator.release(page, 1)));
      space.pager.checkpoint();
      transact(space.pager, () => take(space, 1500));
      assertEquals(space.pager.meta.pageCount, (pages.at(-1) ?? 0) + 1);
    }
    const expected = usedPages(space);
    space.pager.close();
    assertEquals(usedPages(openSpace(file)), expected);
  });

  it("stays while a snapshot lives that may see it", () => {
    const file = new MemoryFile();
    const { space, pages } = filled(file);
    const end = space.pager.meta.pageCount;
    const snapshot = space.pager.snapshot();
    transact(space.pager, () => pages.forEach((page) => space.allocator.release(page, 1)));
    space.pager.checkpoint();
    assertEquals(space.pager.meta.pageCount, end);
    snapshot.at(pages.at(-1)!);
    snapshot.close();
    transact(space.pager, () => space.allocator.release(3, 1));
    space.pager.checkpoint();
    assertEquals(space.pager.meta.pageCount, 3 * 256);
  });

  it("is not needed for a file with a free tail to open again", () => {
    const file = new MemoryFile();
    const space = openSpace(file);
    transact(space.pager, () => take(space, 300));
    transact(space.pager, () => numbers(280, 20).forEach((p) => space.allocator.release(p, 1)));
    space.pager.close();
    const again = openSpace(file);
    assertEquals(usedPages(again).length, 280);
    again.pager.close();
  });
});

describe("Allocator on a reopened file", () => {
  it("reads nothing when it opens, and few chunks to find a page", () => {
    const memory = fileWithGaps(40, [39 * 256 + 7]);
    const file = new FaultyFile(memory);
    const pager = openNodes(file);
    const opened = { ...file.counts };
    const space = { pager, allocator: new Allocator(pager) };
    assertEquals(file.counts, opened);
    assertEquals(opened.read, 2, "the two superblocks");
    transact(pager, () => take(space, 1));
    assert(file.counts.read - opened.read <= 9, `${file.counts.read} reads`);
  });

  it("finds the page that the hint points at without a look elsewhere", () => {
    const file = new FaultyFile(fileWithGaps(40, [30 * 256 + 7]));
    const space = openSpace(file);
    assertEquals(space.pager.meta.allocatorHint, 30);
    const reads = file.counts.read;
    assertEquals(transact(space.pager, () => take(space, 1)), [30 * 256 + 7]);
    // The first commit after opening reads both superblocks again.
    assert(file.counts.read - reads <= 4, `${file.counts.read - reads} reads`);
  });

  it("finds a single free page wherever it is, however low the hint", () => {
    for (const chunk of [0, 1, 7, 8, 9, 11]) {
      const file = fileWithGaps(12, [chunk * 256 + 99]);
      lowerHint(file);
      const space = openSpace(file);
      // It examines 8 chunks, then adds one, and examines the rest when that one is full.
      const taken = transact(space.pager, () => take(space, 256));
      assert(taken.includes(chunk * 256 + 99), `free page in chunk ${chunk}`);
    }
  });

  it("takes every free page before the file grows, once all chunks were looked at", () => {
    const gaps = [40, 300, 301, 1000, 2000, 2500];
    const space = openSpace(fileWithGaps(10, gaps));
    const pageCount = space.pager.meta.pageCount;
    const taken = transact(space.pager, () => take(space, gaps.length));
    assertEquals(taken.toSorted((a, b) => a - b), gaps);
    expectEnd(space, pageCount);
  });
});

/** Sets the hint of a closed file to the lowest value that is allowed. */
function lowerHint(file: File): void {
  const disk = new Disk(file);
  const superblock = readSuperblock(disk);
  const number = superblock.number + 1;
  writeSuperblock(disk, { ...superblock, number, allocatorHint: 0 });
}
