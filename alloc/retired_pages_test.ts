// Retired pages: they become free without a read, by a commit, a rollback or the end of a snapshot,
// and the allocator finds the freed pages again.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type File,
  format,
  header,
  IoError,
  type Kept,
  MemoryFile,
  Pager,
  type PageSnapshot,
} from "../pager/mod.ts";
import { always, FaultyFile } from "../tests/support/files/faulty_file.ts";
import {
  dataPages,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
} from "../tests/support/trees/pages.ts";
import { numbers, openSpace, type Space, take } from "../tests/support/trees/space.ts";
import { Allocator } from "./allocator.ts";
import { RetiredPages } from "./retired_pages.ts";

const { CHUNK_PAGES, PAGE_BYTES } = format;
const CHUNKS = 12;
/** A chunk whose header page leaves memory. */
const AWAY = 1;
const RETIRED = [AWAY * CHUNK_PAGES + 7, AWAY * CHUNK_PAGES + 8, AWAY * CHUNK_PAGES + 100];

const full = makeFile(CHUNKS * 255 - 2);

interface Retiring extends Space {
  readonly file: FaultyFile;
  readonly snapshot: PageSnapshot;
}

function open(file: File, maxSnapshotBytes = 2 ** 28): Space {
  const pager = openNodes(file, { ...SMALL_CACHE, maxSnapshotBytes });
  return { pager, allocator: new Allocator(pager) };
}

/** Reads pages of other chunks until the header page of a chunk has left memory. */
function evict({ pager }: Space): void {
  for (const page of dataPages(CHUNKS * 255 - 2)) {
    if (page >= 2 * CHUNK_PAGES) pager.at(page);
  }
  assertEquals(pager.inspection().whereIs(AWAY * CHUNK_PAGES), "file");
}

/** A full file with pages retired for a snapshot, whose header page is not in memory. */
function retiredAway(maxSnapshotBytes?: number): Retiring {
  const file = new FaultyFile(new MemoryFile(full.content()));
  const space = open(file, maxSnapshotBytes);
  const snapshot = space.pager.snapshot();
  transact(space.pager, () => RETIRED.forEach((page) => space.allocator.release(page, 1)));
  space.pager.checkpoint();
  evict(space);
  return { ...space, file, snapshot };
}

/** Runs a function while every read fails. */
function withoutReads(file: FaultyFile, body: () => void): void {
  const reads = file.counts.read;
  file.fault = always("throw", "read");
  body();
  assertEquals(file.counts.read, reads, "reads");
  file.fault = always("none");
}

/** Counts the look-ups of header pages from now on. */
function countLookups(pager: Pager): () => number {
  let count = 0;
  pager.lookupHeaderPage = (chunk) => {
    count++;
    return Pager.prototype.lookupHeaderPage.call(pager, chunk);
  };
  return () => count;
}

/** Fails unless the pages that were retired are taken next, although another chunk is nearer. */
function expectFreed(space: Retiring): void {
  const { pager } = space;
  assertEquals(transact(pager, () => take(space, RETIRED.length)), RETIRED);
  pager.close();
}

describe("the end of retirement", () => {
  it("reads nothing when a snapshot is closed between transactions", () => {
    const space = retiredAway();
    withoutReads(space.file, () => space.snapshot.close());
    expectFreed(space);
  });

  it("reads nothing when a snapshot is closed inside a transaction that commits", () => {
    const space = retiredAway();
    const { pager } = space;
    const { version } = pager.meta;
    pager.begin();
    pager.touch(pager.at(5 * CHUNK_PAGES + 1));
    space.snapshot.close();
    withoutReads(space.file, () => pager.commit());
    assertEquals([pager.depth, pager.meta.version], [0, version + 1]);
    expectFreed(space);
  });

  it("reads nothing when a snapshot is closed inside a transaction that rolls back", () => {
    const space = retiredAway();
    const { pager } = space;
    const { version } = pager.meta;
    pager.begin();
    pager.touch(pager.at(5 * CHUNK_PAGES + 1));
    space.snapshot.close();
    withoutReads(space.file, () => pager.rollback());
    assertEquals([pager.depth, pager.meta.version], [0, version]);
    expectFreed(space);
  });

  it("reads nothing when a commit ends the oldest snapshot to bound memory", () => {
    const space = retiredAway(RETIRED.length * PAGE_BYTES);
    const { pager } = space;
    pager.begin();
    pager.touch(pager.at(5 * CHUNK_PAGES + 1));
    withoutReads(space.file, () => pager.commit());
    assertEquals(pager.stats().snapshots, 0, "the snapshot was ended");
    expectFreed(space);
  });

  it("comes with the commit where each snapshot is of before the pages were written", () => {
    const { pager, allocator } = open(new MemoryFile(full.content()));
    const early = pager.snapshot();
    const pages = transact(pager, () => take({ pager, allocator }, RETIRED.length));
    const { pageCount } = pager.meta;
    for (let i = 0; i < 100; i++) {
      transact(pager, () => pages.forEach((page) => allocator.release(page, 1)));
      const late = pager.snapshot();
      assertEquals(transact(pager, () => take({ pager, allocator }, RETIRED.length)), pages);
      late.close();
    }
    assertEquals(pager.meta.pageCount, pageCount);
    early.close();
    pager.close();
  });

  it("does not come while a snapshot between the writing and the release sees the pages", () => {
    const space = open(new MemoryFile(full.content()));
    const { pager, allocator } = space;
    const early = pager.snapshot();
    const pages = transact(pager, () => take(space, RETIRED.length));
    const middle = pager.snapshot();
    transact(pager, () => pages.forEach((page) => allocator.release(page, 1)));
    const late = pager.snapshot();
    const others = transact(pager, () => take(space, RETIRED.length));
    assert(others.every((page) => !pages.includes(page)), "pages that a snapshot sees are retired");
    middle.close();
    assertEquals(transact(pager, () => take(space, RETIRED.length)), pages);
    early.close();
    late.close();
    pager.close();
  });

  it("is known to the next search, which may read and may be refused", () => {
    const space = retiredAway();
    const { pager } = space;
    space.snapshot.close();
    space.file.fault = always("throw", "read");
    pager.begin();
    assertThrows(() => take(space, 1), IoError);
    pager.rollback();
    space.file.fault = always("none");
    expectFreed(space);
  });

  for (const count of [1, 100, 2500]) {
    it(`adds no work to a commit elsewhere, with ${count} retired pages`, () => {
      const { pager, allocator } = open(new MemoryFile(full.content()));
      const [page, ...pages] = dataPages(count + 1);
      const snapshot = pager.snapshot();
      transact(pager, () => pages.forEach((page) => allocator.release(page, 1)));
      transact(pager, () => pager.touch(pager.at(page!)));
      const before = pager.inspection().snapshotVisits;
      const lookups = countLookups(pager);
      for (let i = 0; i < 10; i++) transact(pager, () => pager.touch(pager.at(page!)));
      assertEquals([lookups(), pager.inspection().snapshotVisits], [0, before]);
      snapshot.close();
      assertEquals(lookups(), new Set(pages.map((page) => page >>> 8)).size);
      pager.close();
    });
  }

  it("comes with the rollback of a savepoint that allocated and released the pages", () => {
    const space = openSpace();
    const { pager, allocator } = space;
    pager.begin();
    const pages = take(space, 5);
    for (let i = 0; i < 3; i++) {
      pager.begin();
      take(space, 20).forEach((page) => allocator.release(page, 1));
      pager.rollback();
    }
    assertEquals(take(space, 5), pages.map((page) => page + 5));
    pager.commit();
    pager.close();
  });

  it("lets a piece of a large value be no longer than what there is", () => {
    const file = new FaultyFile(new MemoryFile(full.content()));
    const space = open(file);
    const { pager, allocator } = space;
    const snapshot = pager.snapshot();
    const first = AWAY * CHUNK_PAGES + 50;
    transact(pager, () => {
      for (let page = first; page < first + 100; page++) allocator.release(page, 1);
    });
    pager.checkpoint();
    evict(space);
    const { pageCount } = pager.meta;
    snapshot.close();
    assertEquals(transact(pager, () => allocator.allocateShortRun(200, 1, 0)), first);
    assertEquals(pager.meta.pageCount, pageCount);
    assert(allocator.isInUse(first + 99));
    pager.close();
  });
});

describe("Allocator.allocateShortRun() among chunks that are not counted", () => {
  it("takes no more pages than were asked for", () => {
    const [partly, chunks, wanted] = [9, 30, 120];
    const space = open(makeFile(chunks * 255 - 2));
    const { pager, allocator } = space;
    const snapshot = pager.snapshot();
    transact(pager, () => {
      for (let chunk = 1; chunk <= partly; chunk++) {
        numbers(chunk * CHUNK_PAGES + 50, 100).forEach((page) => allocator.release(page, 1));
      }
      numbers((partly + 1) * CHUNK_PAGES + 1, 255).forEach((page) => allocator.release(page, 1));
    });
    pager.checkpoint();
    for (const page of dataPages(chunks * 255 - 2)) {
      if (page >= (partly + 2) * CHUNK_PAGES) pager.at(page);
    }
    snapshot.close();
    const page = transact(pager, () => allocator.allocateShortRun(wanted, 1, 0));
    const place = pager.at(page);
    const span = header.runPagesOf(pager.frames[place >>> 8]!, place & 255);
    assert(span <= wanted, `a run of ${span} pages for ${wanted}`);
    pager.close();
  });
});

describe("a chunk that the journal takes or gives back", () => {
  it("keeps the hint at or below it, so that a copy made meanwhile has its pages", () => {
    const space = openSpace();
    const { allocator, pager } = space;
    transact(pager, () => take(space, 3 * 255 - 2));
    transact(pager, () => numbers(257, 255).forEach((page) => allocator.release(page, 1)));
    allocator.chunkReserved(1);
    const taken = transact(pager, () => take(space, 300));
    assert(taken.every((page) => page >>> 8 !== 1), "no page of it is taken");
    assertEquals(pager.meta.allocatorHint, 1);
    const copy = pager.copies.begin();
    assertEquals(copy.superblock.allocatorHint, 1);
    copy.close();
    allocator.chunkChanged(1);
    assert(transact(pager, () => take(space, 400)).includes(257));
  });
});

describe("RetiredPages", () => {
  const ALL = 200_000;

  /** The chunks in which pages became free. */
  function freed(retired: RetiredPages): number[] {
    const chunks: number[] = [];
    retired.reportFreed((chunk) => chunks.push(chunk));
    return chunks;
  }

  it("knows its lowest chunk among more than one call takes arguments", () => {
    const retired = new RetiredPages();
    const kept: Kept[] = [];
    assertEquals(retired.lowestChunk, Infinity);
    for (let chunk = ALL; chunk > 9; chunk--) retired.add(chunk, 1, 1, 3, 1);
    assertEquals(retired.lowestChunk, 10);
    retired.commit((group) => group.from === 3 && kept.push(group) > 0);
    assertEquals([freed(retired).length, retired.lowestChunk], [0, 10]);
    for (const group of kept) group.unseen();
    assertEquals([freed(retired).length, retired.lowestChunk], [ALL - 9, Infinity]);
    assertEquals(freed(retired), []);
  });

  it("undoes the releases of a savepoint, and no others", () => {
    const retired = new RetiredPages();
    const marked = () => {
      const bits = new Uint32Array(8);
      retired.mark(3, bits);
      return [bits[0], bits[1]];
    };
    retired.add(3, 1, 2, 1, 9);
    retired.commit(() => true);
    retired.add(3, 40, 1, 1, 2);
    retired.add(3, 50, 1, 1, 7);
    retired.rollBack(3, 2);
    assertEquals(marked(), [0b110, 1 << 8]);
    retired.rollBack(3, 0);
    assertEquals([marked(), freed(retired)], [[0b110, 0], []]);
    retired.add(3, 50, 1, 1, 1);
    retired.commit(() => false);
    assertEquals([marked(), freed(retired)], [[0b110, 0], [3]]);
  });

  it("reports a chunk once, however many of its pages became free", () => {
    const retired = new RetiredPages();
    for (const slot of [1, 2, 3]) retired.add(7, slot, 1, 1, slot);
    retired.commit(() => false);
    assertEquals([freed(retired), retired.lowestChunk], [[7], Infinity]);
  });
});
