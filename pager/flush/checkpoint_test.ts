// The checkpoint and concurrent work: no page is written before its commit is confirmed; and a
// chunk that is truncated, and becomes part of the file again when the journal grows past it, is
// empty: in memory, in the file, and after a power failure.

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import {
  allocate,
  dataPages,
  expectContent,
  flipBit,
  isOfJournal,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  wordsAt,
  write,
} from "../../tests/support/trees/pages.ts";
import { BATCH_ALIGN, BATCH_HEADER_BYTES, decodeBatch } from "../batch/batch.ts";
import { AREA_CHUNK_BYTES, JournalArea } from "../batch/journal_area.ts";
import type { Writeback } from "../cache/writeback.ts";
import { Disk } from "../file/disk.ts";
import type { File } from "../file/file.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { UnsyncedChunks } from "../file/unsynced_chunks.ts";
import { CorruptionError, IoError } from "../format/errors.ts";
import { CHUNK_BYTES, CHUNK_PAGES, PAGE_BYTES } from "../format/format.ts";
import { isInUse } from "../format/header.ts";
import { Meta } from "../format/meta.ts";
import type { CurrentSuperblock } from "../journal/current_superblock.ts";
import { DataEnd } from "../journal/data_end.ts";
import type { Journal } from "../journal/journal.ts";
import { readSuperblock } from "../journal/superblocks.ts";
import type { Pager } from "../pager.ts";
import { Checkpoint, CHUNK_WORK, LONG_SYNC_PAGES } from "./checkpoint.ts";
import { IDLE_PAGES, RESTS_MAX, SLICE_PAGES } from "./checkpointer.ts";
import type { FileEnd } from "./file_end.ts";
import type { JournalLocation } from "./journal_location.ts";

const PAGES = dataPages(3000);
/** After the pages and the journal's first two chunks. */
const CHUNK = 14;
const PROTECT = { ...SMALL_CACHE, tornSectors: "protect" } as const;
const OURS = Array.from({ length: 200 }, (_, i) => CHUNK * 256 + 1 + i);

/** A pager whose file had pages in a chunk that a checkpoint cuts off as soon as it begins. */
function withFreedChunk(file = makeFile(PAGES.length)): { pager: Pager; file: MemoryFile } {
  return { pager: freeChunk(file), file };
}

function freeChunk(file: File): Pager {
  const pager = openNodes(file, SMALL_CACHE);
  transact(pager, () => write(pager, 20, 20));
  assertEquals(pager.meta.pageCount, CHUNK * 256);
  transact(pager, () => OURS.forEach((page) => allocate(pager, page, page)));
  pager.checkpoint();
  transact(pager, () => OURS.forEach((page) => pager.release(page, 1)));
  return pager;
}

/** Begins a checkpoint and takes it past all chunks, but not to its end. */
function checkpointAllChunks(pager: Pager): void {
  const inspection = pager.inspection();
  while (pager.checkpointSlice() && inspection.checkpoint()?.chunksLeft !== 0);
  assert(inspection.checkpoint()?.isRunning);
}

/** Ends the running checkpoint, and leaves the journal where it is. */
function endCheckpoint(pager: Pager): void {
  const inspection = pager.inspection();
  while (inspection.checkpoint()?.isRunning) pager.checkpointSlice();
}

/** Spoils the last commit in an area of the journal. */
function spoilLastCommit(file: MemoryFile, chunks: readonly number[]): void {
  const { databaseId } = readSuperblock(new Disk(file));
  const area = new JournalArea(new Disk(file), chunks, AREA_CHUNK_BYTES);
  const bytes = new Uint8Array(BATCH_HEADER_BYTES);
  let last = -1;
  for (let at = 0; at < area.capacity; at += BATCH_ALIGN) {
    area.read(bytes, bytes.length, at);
    if ((decodeBatch(bytes, databaseId)?.payloadBytes ?? 0) > 0) last = at;
  }
  flipBit(file, chunks[0]! * CHUNK_BYTES + PAGE_BYTES + last + BATCH_HEADER_BYTES);
}

/** Commits so much that the journal gets more chunks. */
function growJournal(pager: Pager): void {
  transact(pager, () => {
    for (const page of PAGES) if (page < 600) write(pager, page, 9);
  });
  pager.flush("sync");
  assert(pager.meta.pageCount > (CHUNK + 1) * 256, "the journal grew past the chunk");
  assert(!isOfJournal(pager, CHUNK * 256 + 1), "and did not take it");
}

function expectFree(pager: Pager): void {
  for (const page of [...PAGES, ...PAGES]) expectContent(pager, page, page < 600 ? 9 : page);
  const place = pager.headerPage(CHUNK);
  const used = OURS.filter((page) => {
    return isInUse(pager.frames[place >>> 8]!, place & 255, page & 255);
  });
  assertEquals(used, []);
}

/** Takes a flight; returns the pages that its landing wrote. */
async function landed(pager: Pager): Promise<number> {
  const flight = pager.flights.takeOff()!;
  await flight.synced;
  const { pageWrites } = pager.stats();
  pager.flights.land(flight);
  return pager.stats().pageWrites - pageWrites;
}

describe("A checkpoint", () => {
  it("writes no page of a commit that came meanwhile before that is confirmed", () => {
    const file = makeFile(600);
    const pager = openNodes(file);
    const pages = [20, 300];
    transact(pager, () => pages.forEach((page) => write(pager, page, 1)));
    assert(pager.checkpointSlice());
    const area = pager.inspection().journal()?.areas.find(({ isCurrent }) => isCurrent);
    transact(pager, () => write(pager, 300, 2));
    pager.flights.requestCheckpoint();
    // This takes the checkpoint past the second chunk, too.
    pager.flush("sync");
    assertEquals(pager.inspection().checkpoint()?.dirtyChunks, 0);
    const cut = new MemoryFile(file.content());
    spoilLastCommit(cut, area?.chunks ?? []);
    assertThrows(() => openNodes(cut), CorruptionError, "not whole any more");
  });
});

describe("A checkpoint in flight", () => {
  it("writes no page before a batch that was written after a landing confirms it", async () => {
    const file = makeFile(600);
    const pager = openNodes(file);
    const pages = [20, 300];
    transact(pager, () => write(pager, 20, 1));
    pager.flush("sync");
    transact(pager, () => pages.forEach((page) => write(pager, page, 2)));
    pager.flights.requestCheckpoint();
    while (pager.inspection().checkpoint()?.dirtyChunks !== 0) {
      const flight = pager.flights.takeOff()!;
      await flight.synced;
      pager.flights.land(flight);
    }
    const area = pager.inspection().journal()?.areas.find(({ isCurrent }) => isCurrent);
    const cut = new MemoryFile(file.content());
    spoilLastCommit(cut, area?.chunks ?? []);
    assertThrows(() => openNodes(cut), CorruptionError, "not whole any more");
  });

  for (const [moment, isEarly] of [["before", true], ["during", false]] as const) {
    it(`has each page whole in its area, with protect, if it is due ${moment} a flight`, () => {
      const file = makeFile(PAGES.length);
      const pager = openNodes(file, PROTECT);
      let last = 0;
      const commit = () =>
        transact(pager, () => {
          const place = pager.at(20);
          pager.touch(place);
          wordsAt(pager, place)[1000] = ++last;
        });
      transact(pager, () => write(pager, 20, 1));
      pager.flush("sync");
      pager.flights.land(pager.flights.takeOff()!);
      while (!pager.inspection().checkpoint()?.isRunning) {
        assert(last < 5, "a landing begins a checkpoint");
        if (isEarly) pager.flights.requestCheckpoint();
        const flight = pager.flights.takeOff()!;
        commit();
        pager.flights.requestCheckpoint();
        pager.flights.land(flight);
      }
      pager.flush("sync");
      endCheckpoint(pager);
      // As the power can leave the page while the next checkpoint writes it.
      const torn = file.content();
      torn.fill(0xee, 20 * PAGE_BYTES, 20 * PAGE_BYTES + 512);
      const again = openNodes(new MemoryFile(torn), PROTECT);
      assertEquals(wordsAt(again, again.at(20))[1000], last);
    });
  }

  it("writes what is confirmed in many slices, which share a flight", async () => {
    const file = makeFile(600);
    const pager = openNodes(file);
    const all = dataPages(600);
    transact(pager, () => all.forEach((page) => write(pager, page, 1)));
    pager.flush("sync");
    transact(pager, () => write(pager, 20, 2));
    pager.flights.requestCheckpoint();
    const slices: number[] = [];
    let flights = 0;
    while (pager.stats().checkpoints === 0) {
      const { pageWrites } = pager.stats();
      while (pager.flights.writeConfirmed());
      slices.push(pager.stats().pageWrites - pageWrites);
      await landed(pager);
      flights++;
    }
    expectContent(openNodes(new MemoryFile(file.content())), 20, 2);
    assertGreater(slices.reduce((sum, count) => sum + count), all.length / 2);
    assertLess(Math.max(...slices), LONG_SYNC_PAGES + IDLE_PAGES);
    assertLess(flights, all.length / (2 * SLICE_PAGES));
  });

  it("ends it after a flight that took off behind its last slice", async () => {
    const file = makeFile(300);
    const pager = openNodes(file);
    for (const salt of [1, 2]) {
      transact(pager, () => write(pager, 20, salt));
      pager.flush("sync");
    }
    pager.flights.requestCheckpoint();
    while (!pager.inspection().checkpoint()?.isRunning) await landed(pager);
    const flight = pager.flights.takeOff()!;
    assert(pager.flights.writeConfirmed());
    await flight.synced;
    const before = readSuperblock(new Disk(file));
    pager.flights.land(flight);
    assertEquals(readSuperblock(new Disk(file)), before, "a sync of the slice comes first");
  });

  it("writes a chunk that has many pages in parts, and loses nothing between them", async () => {
    const file = makeFile(800);
    const pager = openNodes(file);
    const all = dataPages(800);
    transact(pager, () => all.forEach((page) => write(pager, page, 1)));
    pager.flush("sync");
    pager.flights.requestCheckpoint();
    const written: number[] = [];
    let salt = 1;
    const expectAll = () => {
      const cut = openNodes(new MemoryFile(file.content()));
      for (const page of all) expectContent(cut, page, page === 20 ? salt : 1);
    };
    while (pager.stats().checkpoints === 0) {
      assert(++salt < 80, `${written}`);
      // Every commit changes the first chunk. All others are confirmed soon.
      transact(pager, () => write(pager, 20, salt));
      written.push(await landed(pager));
      if (salt % 9 === 0) expectAll();
    }
    expectAll();
    const sum = written.reduce((sum, count) => sum + count);
    assert(sum > all.length, `${written}`);
    assertEquals(Math.max(...written), SLICE_PAGES);
  });

  it("writes more pages in a landing the more is committed, up to a chunk", async () => {
    const pager = openNodes(makeFile(800));
    const all = dataPages(800);
    transact(pager, () => all.forEach((page) => write(pager, page, 1)));
    pager.flush("sync");
    pager.flights.requestCheckpoint();
    const written: number[] = [];
    for (let salt = 2; pager.stats().checkpoints === 0; salt++) {
      assert(salt < 30, `${written}`);
      transact(pager, () => all.forEach((page) => page < 60 && write(pager, page, salt)));
      written.push(await landed(pager));
    }
    const most = Math.max(...written);
    assert(most > SLICE_PAGES && most <= CHUNK_PAGES, `${written}`);
  });

  it("writes whole chunks in a landing, where several have few pages", async () => {
    const pages = Array.from({ length: 8 }, (_, i) => (i + 1) * CHUNK_PAGES + 9);
    const thin = pages.flatMap((page) => Array.from({ length: 9 }, (_, i) => page + i));
    const pager = openNodes(makeFile(9 * 255));
    transact(pager, () => thin.forEach((page) => write(pager, page, 1)));
    pager.flush("sync");
    pager.flights.requestCheckpoint();
    const written: number[] = [];
    while (pager.stats().checkpoints === 0) {
      assert(written.length < 30, `${written}`);
      written.push(await landed(pager));
    }
    assertEquals(written.reduce((sum, count) => sum + count), 8 * 10);
    // A chunk has nine of them, and its header page.
    assertEquals(Math.max(...written), Math.floor(SLICE_PAGES / (10 + CHUNK_WORK)) * 10);
  });
});

describe("A checkpoint that is ahead of the commits", () => {
  /** A pager whose checkpoint has begun by itself, in line, with pages in several chunks. */
  function withCheckpoint(): Pager {
    const pager = openNodes(makeFile(3000));
    for (let salt = 1; !pager.inspection().checkpoint()?.isRunning; salt++) {
      transact(pager, () => PAGES.forEach((page) => page % 4 === 0 && write(pager, page, salt)));
      pager.flush("sync");
    }
    return pager;
  }

  /** The pages that each of many flushes of one page writes. */
  function writtenBy(pager: Pager, count: number): number[] {
    return Array.from({ length: count }, (_, i) => {
      transact(pager, () => write(pager, 20, 1000 + i));
      const { pageWrites } = pager.stats();
      pager.flush("sync");
      return pager.stats().pageWrites - pageWrites;
    });
  }

  it("rests in flushes, and goes on after as many as it may", () => {
    const written = writtenBy(withCheckpoint(), 8 * (RESTS_MAX + 1));
    const slices = written.flatMap((pages, i) => pages > 0 ? [i] : []);
    const rests = slices.slice(1).map((at, i) => at - slices[i]! - 1);
    assert(rests.length > 3, `${written}`);
    assertEquals(rests, rests.map(() => RESTS_MAX));
  });

  it("rests in landings, for which no flight takes off by itself", async () => {
    const pager = withCheckpoint();
    const rests: boolean[] = [];
    for (let i = 0; i < 2 * (RESTS_MAX + 1); i++) {
      transact(pager, () => write(pager, 20, 2000 + i));
      pager.flights.write("buffered");
      const { isAhead } = pager.flights;
      rests.push(await landed(pager) === 0);
      assert(rests.at(-1) || !isAhead, `${i}`);
    }
    assert(rests.filter(Boolean).length > rests.length / 2, `${rests}`);
  });

  it("does not rest where its end is asked for", async () => {
    const pager = withCheckpoint();
    const before = pager.stats().checkpoints;
    assert(pager.flights.isAhead);
    pager.flights.requestCheckpoint();
    while (pager.stats().checkpoints === before) {
      assert(!pager.flights.isAhead);
      await landed(pager);
    }
  });

  it("does not rest where the commits would fill the journal meanwhile", () => {
    const pager = withCheckpoint();
    const before = pager.stats().checkpoints;
    const written: number[] = [];
    while (pager.stats().checkpoints === before) {
      assert(written.length < 100, `${written}`);
      transact(
        pager,
        () => PAGES.forEach((page) => page < 40 && write(pager, page, written.length)),
      );
      const { pageWrites } = pager.stats();
      pager.flush("sync");
      assert(!pager.isOverdue, `${written}`);
      written.push(pager.stats().pageWrites - pageWrites);
    }
    const more = written.filter((pages) => pages > SLICE_PAGES);
    assert(more.length > written.length / 2, `${written}`);
  });
});

describe("A chunk that was cut off, and that the journal grows past", () => {
  it("is free", () => {
    const { pager, file } = withFreedChunk();
    pager.checkpoint();
    assertEquals(file.size(), CHUNK * 256 * 8192);
    growJournal(pager);
    expectFree(pager);
    transact(pager, () => allocate(pager, OURS[0]!, 1));
    pager.close();
    expectContent(openNodes(file), OURS[0]!, 1);
  });

  it("is free after a power cut", () => {
    const { pager, file } = withFreedChunk();
    pager.checkpoint();
    growJournal(pager);
    const again = openNodes(new MemoryFile(file.content()), SMALL_CACHE);
    assert(again.recovery !== undefined);
    expectFree(again);
    again.close();
  });

  it("is free when the checkpoint that cuts it off has come past it and not to its end", () => {
    const { pager, file } = withFreedChunk();
    checkpointAllChunks(pager);
    growJournal(pager);
    const cut = new MemoryFile(file.content());
    endCheckpoint(pager);
    expectFree(pager);
    pager.checkpointSlice();
    endCheckpoint(pager);
    expectFree(pager);
    pager.close();
    const again = openNodes(cut, SMALL_CACHE);
    assert(again.recovery !== undefined);
    expectFree(again);
    again.close();
  });

  it("is not emptied before the commit that freed it is confirmed", () => {
    const memory = makeFile(PAGES.length);
    const file = new FaultyFile(memory);
    const pager = freeChunk(file);
    const area = pager.inspection().journal()?.areas.find(({ isCurrent }) => isCurrent);
    checkpointAllChunks(pager);
    const cuts: MemoryFile[] = [];
    file.fault = (operation) => {
      if (operation === "sync") cuts.push(new MemoryFile(memory.content()));
      return "none";
    };
    growJournal(pager);
    spoilLastCommit(cuts[0]!, area?.chunks ?? []);
    assertThrows(() => openNodes(cuts[0]), CorruptionError, "not whole any more");
  });
});

describe("a slice of a checkpoint", () => {
  /** A pager with a checkpoint that has a chunk to write, and a transaction that changes it. */
  function withOpenTransaction(): { pager: Pager; file: MemoryFile } {
    const file = makeFile(600);
    const pager = openNodes(file);
    transact(pager, () => [20, 300].forEach((page) => write(pager, page, 1)));
    assert(pager.checkpointSlice(), "there is more to do");
    pager.begin();
    write(pager, 300, 2);
    return { pager, file };
  }

  it("is not taken inside a transaction, whatever requests it", () => {
    const { pager, file } = withOpenTransaction();
    const asks = [
      () => pager.checkpointSlice(),
      () => pager.checkpoint(),
      () => pager.flush("sync"),
    ];
    for (const ask of asks) assertThrows(ask, Error, "between transactions", ask.toString());
    pager.commit();
    pager.checkpoint();
    const copy = openNodes(new MemoryFile(file.content()));
    for (const [page, salt] of [[20, 1], [300, 2]] as const) expectContent(copy, page, salt);
  });

  it("writes a part of a chunk, or all of it once its copy was dropped", () => {
    const pager = openNodes(makeFile(600));
    transact(pager, () => dataPages(600).forEach((page) => write(pager, page, 1)));
    const pages = () => pager.stats().pageWrites;
    while (pages() === 0) assert(pager.checkpointSlice(), "it first finds memory for a copy");
    assertEquals(pages(), IDLE_PAGES);
    pager.checkpointSlice();
    assertEquals(pages(), 2 * IDLE_PAGES);
    transact(pager, () => pager.release(200, 1));
    transact(pager, () => {
      allocate(pager, 200, 3);
      pager.writeNewPages();
    });
    const before = pages();
    pager.checkpointSlice();
    assertEquals(pages() - before, CHUNK_PAGES - 3, "without superblocks and the new page");
    pager.checkpointSlice();
    assertEquals(pages() - before, CHUNK_PAGES - 3 + IDLE_PAGES);
  });

  it("does not pass over a chunk that could not be written", () => {
    const disk = new Disk(new MemoryFile());
    const dirtyChunks = new Map([[3, 1], [5, 1]]);
    const cleaned: number[] = [];
    let isBusy = true;
    const writeback = {
      dirtyChunks,
      chunksToWrite: () => [...dirtyChunks.keys()].sort((a, b) => b - a),
      staged: { chunk: -1, version: 0 },
      writes: { pages: 0, calls: 0 },
      clean: (chunk: number) => {
        cleaned.push(chunk);
        return chunk === 3 || !isBusy;
      },
      endStages: () => {},
    } as unknown as Writeback;
    const journal = {
      flush: () => {},
      confirm: () => {},
      switchArea: () => {},
      writtenVersion: 0,
    } as unknown as Journal;
    let bypassed = 0;
    const superblock = {
      writeFirstCopy: () => bypassed++,
      writeSecondCopy: () => {},
      endSteps: () => {},
    } as unknown as CurrentSuperblock;
    const fileEnd = { leaveTail: () => {} } as unknown as FileEnd;
    const location = {
      leaveChunks: () => {},
      listMove: () => ({}),
      endMove: () => {},
      moveEndBack: () => false,
    } as unknown as JournalLocation;
    const unsynced = new UnsyncedChunks(disk);
    const dataEnd = new DataEnd();
    const parts = { disk, journal, writeback, unsynced, superblock, fileEnd, dataEnd, location };
    const checkpoint = new Checkpoint(parts);
    checkpoint.begin(new Meta(), -1);
    assertThrows(() => checkpoint.finish(), Error, "between transactions");
    assertEquals([cleaned, bypassed, checkpoint.chunksLeft], [[3, 5], 0, 1]);
    isBusy = false;
    checkpoint.finish();
    assertEquals([cleaned, bypassed, checkpoint.completed], [[3, 5, 5], 1, 1]);
  });

  it("ends with the failure of the file where that is why nothing was written", () => {
    const file = new FaultyFile(makeFile(600));
    const pager = openNodes(file);
    transact(pager, () => [20, 300].forEach((page) => write(pager, page, 1)));
    assert(pager.checkpointSlice(), "there is more to do");
    file.fault = (operation) => operation === "write" ? "throw" : "none";
    for (let round = 0; round < 3; round++) assertThrows(() => pager.checkpointSlice(), IoError);
    assertEquals(pager.inspection().checkpoint()?.completed, 0);
    assertThrows(() => pager.close(), IoError);
  });

  it("does not need to know where the file could end", () => {
    const file = new FaultyFile(makeFile(600));
    const pager = openNodes(file);
    transact(pager, () => [20, 300].forEach((page) => write(pager, page, 1)));
    pager.flush("sync");
    file.fault = (operation) => operation === "read" ? "throw" : "none";
    pager.checkpoint();
    assertEquals(pager.stats().checkpoints, 1);
    file.fault = () => "none";
    pager.close();
  });
});
