// The location of the journal: a checkpoint that leaves it empty creates it anew behind the data,
// if that saves enough of the file. Chunks and bytes are counted.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BLOCK_BYTES, BudgetFile } from "../../tests/support/files/budget_file.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import {
  allocate,
  dataPages,
  expectContent,
  journalChunks,
  makeFile,
  openNodes,
  transact,
  write,
} from "../../tests/support/trees/pages.ts";
import type { File } from "../file/file.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { IoError } from "../format/errors.ts";
import { CHUNK_BYTES } from "../format/format.ts";
import type { Pager } from "../pager.ts";
import { PIECE_BYTES } from "./file_end.ts";

const PAGES = dataPages(600);
/** The chunks of these pages. */
const DATA_CHUNKS = 3;
/** The chunk behind the journal. */
const FAR_CHUNK = 7;
const FAR = Array.from({ length: 250 }, (_, i) => FAR_CHUNK * 256 + 1 + i);

/** A pager with a journal of four chunks behind its pages. */
function withLargeJournal(file: File = makeFile(PAGES.length)): Pager {
  const pager = openNodes(file);
  transact(pager, () => PAGES.forEach((page) => write(pager, page, 1)));
  pager.flush("sync");
  assertEquals(journalChunks(pager), [3, 4, 5, 6]);
  return pager;
}

function expectPages(pager: Pager, salt: number): void {
  for (const page of PAGES) expectContent(pager, page, salt);
}

/** Takes a checkpoint whose nth write finds the disk full; whether it came so far. */
function failsFull(pager: Pager, file: FaultyFile, nth: number): boolean {
  let writes = 0;
  file.fault = (operation) => {
    if (operation !== "write" || ++writes !== nth) return "none";
    throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
  };
  try {
    pager.checkpoint();
  } catch (error) {
    assert(error instanceof IoError, `write ${nth}: ${error}`);
  }
  file.fault = () => "none";
  return writes >= nth;
}

describe("The journal", () => {
  it("is created anew behind the data by a checkpoint", () => {
    const file = makeFile(PAGES.length);
    const pager = withLargeJournal(file);
    pager.checkpoint();
    assertEquals(journalChunks(pager), [DATA_CHUNKS, DATA_CHUNKS + 1]);
    assert(file.size() < (DATA_CHUNKS + 2) * CHUNK_BYTES, `${file.size()} bytes`);
    transact(pager, () => write(pager, PAGES[0]!, 2));
    pager.flush("sync");
    const again = openNodes(file);
    expectContent(again, PAGES[0]!, 2);
    expectContent(again, PAGES[1]!, 1);
  });

  it("is created anew by the slices of a checkpoint, in a slice of its own", () => {
    const pager = withLargeJournal();
    const chunks = journalChunks(pager);
    const inspection = pager.inspection();
    while (pager.checkpointSlice() && inspection.checkpoint()?.isRunning);
    assertEquals(journalChunks(pager), chunks);
    while (pager.checkpointSlice());
    assertEquals(journalChunks(pager), [DATA_CHUNKS, DATA_CHUNKS + 1]);
  });

  it("leaves chunks before the data that pages can use", () => {
    const file = makeFile(PAGES.length);
    const pager = withLargeJournal(file);
    const inside = journalChunks(pager);
    transact(pager, () => FAR.forEach((page) => allocate(pager, page, 1)));
    pager.checkpoint();
    assertEquals(journalChunks(pager), [FAR_CHUNK + 1, FAR_CHUNK + 2]);
    const pages = inside.map((chunk) => chunk * 256 + 7);
    transact(pager, () => pages.forEach((page) => allocate(pager, page, 3)));
    pager.close();
    const again = openNodes(file);
    for (const page of pages) expectContent(again, page, 3);
    for (const page of FAR) expectContent(again, page, 1);
    expectPages(again, 1);
  });

  it("stays while a snapshot may see free pages behind the data", () => {
    const pager = withLargeJournal();
    transact(pager, () => FAR.forEach((page) => allocate(pager, page, 1)));
    const chunks = journalChunks(pager);
    const snapshot = pager.snapshot();
    transact(pager, () => FAR.forEach((page) => pager.release(page, 1)));
    pager.checkpoint();
    assertEquals(journalChunks(pager), chunks);
    snapshot.close();
    pager.checkpoint();
    assertNotEquals(journalChunks(pager), chunks);
  });

  it("is all inside the file for all who open it, also where data once ended inside it", () => {
    const file = makeFile(PAGES.length);
    const pager = openNodes(file);
    const far = Array.from({ length: 100 }, (_, i) => (DATA_CHUNKS + 1) * 256 + 1 + i);
    transact(pager, () => far.forEach((page) => allocate(pager, page, 1)));
    pager.checkpoint();
    // While a snapshot is open a checkpoint does not look where the data ends.
    const snapshot = pager.snapshot();
    transact(pager, () => far.forEach((page) => pager.release(page, 1)));
    pager.checkpoint();
    snapshot.close();
    pager.checkpoint();
    const chunks = [DATA_CHUNKS, DATA_CHUNKS + 1];
    assertEquals(journalChunks(pager), chunks);
    const expectAll = (opened: Pager) => {
      assertEquals(opened.meta.pageCount, (DATA_CHUNKS + 2) * 256);
      assertEquals(journalChunks(opened), chunks);
      expectContent(opened, PAGES[1]!, PAGES[1]!);
    };
    const followed = openNodes(file, { follow: true });
    // The second commit says that the first one is on the medium.
    for (const salt of [2, 3]) {
      transact(pager, () => write(pager, PAGES[0]!, salt));
      pager.flush("sync");
    }
    followed.follower!.poll();
    expectAll(followed);
    for (const options of [{ follow: true }, { readOnly: true }, {}]) {
      const again = openNodes(new MemoryFile(file.content()), options);
      expectAll(again);
      again.close();
    }
    pager.checkpoint();
    followed.follower!.refresh();
    expectAll(followed);
  });

  it("stays while it holds a commit that the pages of the file do not", () => {
    const file = makeFile(PAGES.length);
    const pager = withLargeJournal(file);
    const chunks = journalChunks(pager);
    while (pager.checkpointSlice() && pager.inspection().checkpoint()?.isRunning);
    transact(pager, () => write(pager, PAGES[5]!, 2));
    pager.flush("buffered");
    pager.checkpointSlice();
    assertEquals(journalChunks(pager), chunks);
    expectContent(openNodes(file), PAGES[5]!, 2);
  });

  it("stays on a disk that is nearly full", () => {
    const file = new BudgetFile(Infinity);
    const first = openNodes(file);
    transact(first, () => PAGES.forEach((page) => allocate(first, page, page)));
    first.close();
    const pager = withLargeJournal(file);
    const chunks = journalChunks(pager);
    file.budget = file.used + 512 * 1024 / BLOCK_BYTES;
    pager.checkpoint();
    assertEquals(journalChunks(pager), chunks);
    file.budget = Infinity;
    pager.checkpoint();
    assertEquals(journalChunks(pager), [DATA_CHUNKS, DATA_CHUNKS + 1]);
  });

  it("is created by the next commit if the disk fills up meanwhile", () => {
    const goesOn: number[] = [];
    for (let nth = 11, isHit = true; isHit; nth++) {
      const memory = makeFile(PAGES.length);
      const file = new FaultyFile(memory);
      const pager = withLargeJournal(file);
      isHit = failsFull(pager, file, nth);
      if (pager.failure === undefined) {
        goesOn.push(nth);
        transact(pager, () => write(pager, PAGES[0]!, 2));
        pager.flush("sync");
      }
      const again = openNodes(new MemoryFile(memory.content()));
      for (const page of PAGES.slice(1)) expectContent(again, page, 1);
      expectContent(again, PAGES[0]!, pager.failure === undefined ? 2 : 1);
    }
    assert(goesOn.length > 3, `${goesOn}`);
  });

  it("moves between commits too, if it keeps many free chunks", () => {
    const file = makeFile(PAGES.length);
    const pager = openNodes(file);
    transact(pager, () => write(pager, PAGES[0]!, 1));
    const far = Array.from({ length: 40 }, (_, i) => (DATA_CHUNKS + 2 + i) * 256 + 1);
    transact(pager, () => far.forEach((page) => allocate(pager, page, 1)));
    transact(pager, () => PAGES.forEach((page) => write(pager, page, 1)));
    transact(pager, () => far.forEach((page) => pager.release(page, 1)));
    assert(file.size() > 45 * CHUNK_BYTES);
    let size = file.size();
    for (let salt = 2; size > 12 * CHUNK_BYTES; salt++) {
      assert(salt < 200, `${size} bytes`);
      transact(pager, () => PAGES.slice(0, 40).forEach((page) => write(pager, page, salt)));
      pager.flush("buffered");
      assert(file.size() >= size - PIECE_BYTES, `${size - file.size()} bytes at once`);
      size = file.size();
    }
    assert(pager.stats().checkpoints >= 4);
    const again = openNodes(file);
    for (const page of PAGES.slice(40)) expectContent(again, page, 1);
  });

  it("moves to no chunk in which a pending commit has freed pages", () => {
    const file = makeFile(PAGES.length);
    const near = Array.from({ length: 20 }, (_, i) => DATA_CHUNKS * 256 + 1 + i);
    const far = Array.from({ length: 8 }, (_, i) => (DATA_CHUNKS + 1 + i) * 256 + 1);
    const first = openNodes(file);
    transact(first, () => [...near, ...far].forEach((page) => allocate(first, page, 1)));
    first.close();
    const pager = openNodes(file, { tailBytes: 0 });
    transact(pager, () => far.forEach((page) => pager.release(page, 1)));
    pager.flush("sync");
    pager.flights.requestCheckpoint();
    const flight = pager.flights.takeOff()!;
    transact(pager, () => near.forEach((page) => pager.release(page, 1)));
    pager.flights.land(flight); // The checkpoint begins, and an area is to move.
    assert(pager.inspection().checkpoint()?.isRunning, "the checkpoint begins at the landing");
    const again = openNodes(new MemoryFile(file.content()));
    for (const page of near) expectContent(again, page, 1);
  });

  it("is bounded by the size of the data", () => {
    const file = makeFile(50);
    const pager = openNodes(file);
    for (let salt = 0; salt < 200; salt++) {
      transact(pager, () => PAGES.slice(0, 40).forEach((page) => write(pager, page, salt)));
      pager.flush("buffered");
    }
    assert(pager.stats().journalBytesWritten > 40 * 1024 * 1024);
    assert(file.size() <= 10 * CHUNK_BYTES, `${file.size()} bytes`);
  });

  it("doubles an area that commits need in line, up to 8 MiB or its bound", () => {
    for (
      const [journalBytes, expected] of [[undefined, [1, 2, 4, 5]], [4, [1, 2, 3, 4, 5]]] as const
    ) {
      const file = new FaultyFile(makeFile(PAGES.length));
      const bytes = journalBytes && { journalBytes: journalBytes * 1024 * 1024 };
      const pager = openNodes(file, bytes);
      const lengths: number[] = [];
      for (let count = 0; (lengths.at(-1) ?? 0) < 5; count++) {
        const { sync } = file.counts;
        transact(pager, () => PAGES.slice(0, 200).forEach((page) => write(pager, page, count)));
        const { areas } = pager.inspection().journal()!;
        const { length } = areas.find(({ isCurrent }) => isCurrent)!.chunks;
        if (length === lengths.at(-1)) continue;
        // The chunks, and one copy of the superblock; the first time also the other copy.
        if (lengths.push(length) > 1) assertEquals(file.counts.sync - sync, 2);
      }
      assertEquals(lengths, expected);
      pager.close();
    }
  });

  it("has the chunks that a generation fills, and an eighth more from 8 MiB on", () => {
    const pages = dataPages(2500);
    const pager = openNodes(makeFile(pages.length));
    for (let count = 1; count <= 25; count++) {
      transact(pager, () => pages.slice(0, count * 100).forEach((page) => write(pager, page, 1)));
      const { areas } = pager.inspection().journal()!;
      const { usedBytes, capacityBytes } = areas.find(({ isCurrent }) => isCurrent)!;
      const bytes = usedBytes + pager.inspection().journal()!.pendingBytes;
      const most = Math.max(4 * CHUNK_BYTES, 9 / 8 * bytes + CHUNK_BYTES);
      assert(capacityBytes <= most, `${capacityBytes} of ${bytes} bytes`);
    }
    pager.close();
  });

  it("has about twice the bytes that it holds, where flights let it grow ahead", () => {
    const pages = dataPages(2500);
    const pager = openNodes(makeFile(pages.length));
    const inspection = pager.inspection();
    for (let salt = 1; !inspection.checkpoint()?.isRunning; salt++) {
      transact(pager, () => pages.slice(0, 60).forEach((page) => write(pager, page, salt)));
      pager.flights.land(pager.flights.takeOff()!);
      const areas = inspection.journal()!.areas;
      const usedBytes = areas.reduce((sum, area) => sum + area.usedBytes, 0);
      const most = 2 * usedBytes + 3 * CHUNK_BYTES;
      const { length } = areas.flatMap(({ chunks }) => chunks);
      assert(length * CHUNK_BYTES <= most, `${length} chunks for ${usedBytes} bytes`);
    }
    assert(journalChunks(pager).length > 4, "both areas grow");
  });

  it("gives back what a large transaction needed, while commits go on", () => {
    const pages = dataPages(1800);
    const file = makeFile(pages.length);
    const pager = openNodes(file, { journalBytes: 2 * 1024 * 1024 });
    const commitAll = (salt: number) => {
      transact(pager, () => pages.forEach((page) => write(pager, page, salt)));
      pager.flush("sync", true);
    };
    commitAll(1);
    // So that chunks of the journal are inside the data.
    const behind = (journalChunks(pager).at(-1)! + 1) * 256 + 1;
    transact(pager, () => allocate(pager, behind, 1));
    // As an allocator says: no chunk before the last one has a free page.
    pager.meta.allocatorHint = behind >>> 8;
    commitAll(2);
    const before = journalChunks(pager);
    assert(before.length >= 9, `${before}`);
    for (let salt = 3; journalChunks(pager).length > 4; salt++) {
      assert(pager.stats().checkpoints < 7, "in few generations after it");
      transact(pager, () => pages.slice(0, 40).forEach((page) => write(pager, page, salt)));
      pager.flush("sync", true);
    }
    const after = journalChunks(pager);
    assert(after.length <= 4, `${after}`);
    const inside = before.filter((chunk) => !after.includes(chunk) && chunk < behind >>> 8);
    assert(inside.length > 0, `${before}`);
    for (const { content } of pager.inspection().superblocks()) {
      assert(inside.every((chunk) => content!.allocatorHint <= chunk), "they are found again");
    }
    for (const chunk of inside) transact(pager, () => allocate(pager, chunk * 256 + 9, 5));
    pager.flush("sync");
    for (const again of [openNodes(new MemoryFile(file.content())), closed(pager, file)]) {
      for (const chunk of inside) expectContent(again, chunk * 256 + 9, 5);
      for (const page of pages.slice(40)) expectContent(again, page, 2);
    }
  });

  it("lets the file be cut after a large transaction, while commits go on", () => {
    const pages = dataPages(1800);
    const file = makeFile(pages.length);
    const data = file.size();
    const pager = openNodes(file, { journalBytes: 2 * 1024 * 1024 });
    transact(pager, () => pages.forEach((page) => write(pager, page, 1)));
    pager.flush("sync", true);
    assert(file.size() > data + 8 * CHUNK_BYTES, `${file.size()} bytes`);
    for (let salt = 2; pager.stats().checkpoints < 3; salt++) {
      transact(pager, () => write(pager, PAGES[salt % 10]!, salt));
      pager.flights.requestCheckpoint();
      pager.flush("sync");
    }
    for (let salt = 1; salt < 9; salt++) { // Each cuts a piece.
      transact(pager, () => write(pager, PAGES[10]!, salt));
      pager.flush("sync");
    }
    assert(file.size() <= data + 3 * CHUNK_BYTES, `${file.size()} bytes of ${data}`);
    const again = openNodes(file);
    for (const page of pages.slice(40)) expectContent(again, page, 1);
  });

  it("gives back what a large transaction needed before the next one begins", () => {
    const pages = dataPages(1800);
    const file = makeFile(pages.length);
    const end = file.size() / CHUNK_BYTES;
    for (const waits of [false, true]) {
      const pager = openNodes(new MemoryFile(file.content()), { journalBytes: 2 * 1024 * 1024 });
      transact(pager, () => pages.forEach((page) => write(pager, page, 1)));
      pager.flush("sync", waits);
      assertEquals(pager.isOverdue, waits, "who waits takes slices");
      while (pager.isOverdue) assert(pager.checkpointSlice());
      const { length } = journalChunks(pager);
      assert(length <= 4, `${length} chunks`);
      const next = Math.floor(end) + 4;
      transact(pager, () => allocate(pager, next * 256 + 1, 1));
      for (const page of pages) expectContent(pager, page, 1);
      pager.close();
    }
  });
});

describe("the file, where the journal behind the data gives chunks back", () => {
  it("is cut before the next checkpoint ends, and opens as it is after each cut", () => {
    const pages = dataPages(1800);
    const file = makeFile(pages.length);
    const data = file.size();
    const pager = openNodes(file, { journalBytes: 2 * 1024 * 1024 });
    /** A page of each chunk, so that a checkpoint takes many commits. */
    const spread = pages.filter((_, i) => i % 200 === 0);
    const commit = (salt: number) => {
      transact(pager, () => spread.forEach((page) => write(pager, page, salt)));
      pager.flush("sync", true);
    };
    transact(pager, () => pages.forEach((page) => write(pager, page, 1)));
    pager.flush("sync", true);
    const { length } = journalChunks(pager);
    let salt = 2;
    for (; journalChunks(pager).length >= length; salt++) commit(salt);
    assert(file.size() > data + 5 * CHUNK_BYTES, `${file.size()} bytes`);
    const { checkpoints } = pager.stats();
    for (const last = salt + 5; salt < last; salt++) {
      commit(salt);
      const again = openNodes(new MemoryFile(file.content()));
      for (const page of spread) expectContent(again, page, salt);
      for (const page of spread) expectContent(again, page + 1, 1);
    }
    const chunks = journalChunks(pager);
    assert(chunks.length <= 4, `${chunks}`);
    const end = (Math.max(...chunks) + 1) * CHUNK_BYTES;
    assert(file.size() <= end, `${file.size()} bytes, with the journal up to ${end}`);
    assert(end <= data + chunks.length * CHUNK_BYTES + CHUNK_BYTES, `${end} of ${data}`);
    assertEquals(pager.stats().checkpoints, checkpoints);
  });
});

/** Closes a pager, and opens its file again. */
function closed(pager: Pager, file: MemoryFile): Pager {
  pager.close();
  return openNodes(file);
}

describe("a chunk that the journal gives back", () => {
  it("is found again after a checkpoint that lacks the commit that came meanwhile", () => {
    const pages = dataPages(6 * 255 - 2);
    const file = makeFile(pages.length);
    const pager = openNodes(file, { journalBytes: 2 * 1024 * 1024 });
    transact(pager, () => pages.forEach((page) => write(pager, page, 1)));
    pager.flush("sync", true);
    const before = journalChunks(pager);
    transact(pager, () => allocate(pager, (before.at(-1)! + 1) * 256 + 1, 1));
    // As an allocator says: no chunk of the file has a free page.
    pager.meta.allocatorHint = before.at(-1)! + 2;
    for (let salt = 2; journalChunks(pager).length >= before.length; salt++) {
      assert(pager.stats().checkpoints < 5, "in the second generation after it");
      transact(pager, () => write(pager, 3, salt));
      pager.flights.requestCheckpoint();
      pager.flush("sync", true);
    }
    const { checkpoints } = pager.stats();
    pager.flights.requestCheckpoint();
    const flight = pager.flights.takeOff()!;
    transact(pager, () => write(pager, 3, 99));
    pager.flights.land(flight);
    assert(pager.inspection().checkpoint()!.isRunning, "it begins without the commit");
    while (pager.stats().checkpoints === checkpoints) pager.checkpointSlice();
    const gone = before.find((chunk) => !journalChunks(pager).includes(chunk))!;
    for (const { content, damage } of pager.inspection().superblocks()) {
      assertEquals(damage, undefined);
      assert(content!.allocatorHint <= gone, `${content!.allocatorHint} of ${gone}`);
    }
    expectContent(openNodes(new MemoryFile(file.content())), 4, 1);
  });

  it("is found again after the transaction that did not wait for it was rolled back", () => {
    const pages = dataPages(1800);
    const file = new BudgetFile(Infinity);
    const pager = openNodes(file, { journalBytes: 2 * 1024 * 1024 });
    transact(pager, () => pages.forEach((page) => allocate(pager, page, 1)));
    transact(pager, () => pages.forEach((page) => write(pager, page, 2)));
    pager.flush("sync", true);
    const before = journalChunks(pager);
    const given: number[] = [];
    const returned: number[] = [];
    pager.listen({
      committed: () => {},
      rolledBack: () => {},
      snapshotEnded: () => {},
      chunkReserved: (chunk) => given.push(chunk),
      chunkChanged: (chunk) => returned.push(chunk),
    });
    for (let salt = 3; given.length === 0; salt++) {
      assert(salt < 200, "an area begins to give chunks back");
      transact(pager, () => pages.slice(0, 40).forEach((page) => write(pager, page, salt)));
      pager.flights.land(pager.flights.takeOff()!);
    }
    // As an allocator says: no chunk before the last one has a free page.
    pager.meta.allocatorHint = before.at(-1)!;
    file.budget = file.used;
    pager.begin();
    pages.forEach((page) => write(pager, page, 9));
    assertThrows(() => pager.commit(), IoError);
    pager.rollback();
    assert(given.every((chunk) => returned.includes(chunk)), "the commit did not wait");
    assertEquals(pager.meta.allocatorHint, Math.min(...given));
  });
});

describe("a chunk that the journal takes", () => {
  const TAKEN = 5;
  const GONE = Array.from({ length: 20 }, (_, i) => TAKEN * 256 + 1 + i);
  const COMMIT = PAGES.slice(0, 320);

  /** A pager whose first two flights have put a commit on the medium and confirmed it. */
  function flown(file: File): Pager {
    const pager = openNodes(file);
    transact(pager, () => write(pager, PAGES[0]!, 1));
    pager.flights.land(pager.flights.takeOff()!);
    pager.flights.land(pager.flights.takeOff()!);
    return pager;
  }

  /** Commits pages of a chunk behind the journal, gives them back, and begins a checkpoint. */
  function withGoneChunk(file: File): Pager {
    const pager = openNodes(file);
    transact(pager, () => [0, 260, 520].forEach((i) => write(pager, PAGES[i]!, 1)));
    transact(pager, () => GONE.forEach((page) => allocate(pager, page, 9)));
    transact(pager, () => GONE.forEach((page) => pager.release(page, 1)));
    pager.flush("sync", true);
    assert(pager.checkpointSlice(), "a checkpoint is running");
    assertEquals(pager.meta.pageCount, TAKEN * 256);
    transact(pager, () => write(pager, PAGES[0]!, 2));
    return pager;
  }

  it("is inside the file when flights give an area chunks before its switch", () => {
    const file = makeFile(PAGES.length);
    const faulty = new FaultyFile(file);
    const pager = flown(faulty);
    pager.begin();
    for (let chunk = TAKEN; chunk < 12; chunk++) allocate(pager, chunk * 256 + 1, 1);
    pager.rollback();
    pager.flights.requestCheckpoint();
    const flight = pager.flights.takeOff()!;
    transact(pager, () => PAGES.forEach((page) => write(pager, page, 2)));
    const { sync } = faulty.counts;
    pager.flights.land(flight);
    let flights = 0;
    for (; !pager.inspection().checkpoint()?.isRunning && flights < 10; flights++) {
      pager.flights.land(pager.flights.takeOff()!);
    }
    const { areas } = pager.inspection().journal()!;
    assert(pager.inspection().checkpoint()?.isRunning, "a landing begins a checkpoint");
    assertEquals(faulty.counts.sync - sync, flights, "syncs in line");
    const listed = areas.flatMap(({ chunks }) => chunks);
    assertEquals(journalChunks(pager), listed.toSorted((a, b) => a - b));
    for (let count = 1; count < 4; count++) {
      while (pager.inspection().checkpoint()?.isRunning) pager.checkpointSlice();
      pager.flights.requestCheckpoint();
      pager.flush("sync", true);
      const again = openNodes(new MemoryFile(file.content()));
      for (const page of PAGES) expectContent(again, page, 2);
    }
  });

  it("gets no pages of a checkpoint that began while it was free", () => {
    const file = makeFile(PAGES.length);
    const pager = withGoneChunk(file);
    pager.flush("sync", true);
    transact(pager, () => COMMIT.forEach((page) => write(pager, page, 3)));
    assert(journalChunks(pager).includes(TAKEN), `${journalChunks(pager)}`);
    pager.flush("sync", true);
    for (let isRunning = true; isRunning;) {
      const again = openNodes(new MemoryFile(file.content()));
      for (const page of COMMIT) expectContent(again, page, 3);
      isRunning = pager.inspection().checkpoint()!.isRunning;
      if (isRunning) pager.checkpointSlice();
    }
  });
});
