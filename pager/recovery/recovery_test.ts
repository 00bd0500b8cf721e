// The reads and the memory of recovery are in proportion to the journal. A read-only handle sees
// the pages that recovery for writing writes.

import { Buffer } from "node:buffer";
import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { bytesMade, collectNow } from "../../tests/support/memory.ts";
import {
  allocate,
  dataPages,
  expectContent,
  fill,
  flipBit,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  wordsAt,
  write,
} from "../../tests/support/trees/pages.ts";
import { AREA_CHUNK_BYTES } from "../batch/journal_area.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { CorruptionError } from "../format/errors.ts";
import { CHUNK_BYTES, KIND_LEAF, PAGE_BYTES } from "../format/format.ts";
import type { Pager } from "../pager.ts";

const CHUNKS = 12;
const PAGES = dataPages(CHUNKS * 255 - 2);
/** About four pages of each chunk: too few to be written past the journal. */
const FEW = PAGES.filter((page) => page % 60 === 7);
/** Bytes read besides pages and batches: the rest of both journal areas, and the superblocks. */
const SEARCH_BYTES = 2 * AREA_CHUNK_BYTES + 100_000;

type Change = (pager: Pager) => void;

/** Changes one word of a page. */
function changeWord(pager: Pager, page: number, word: number, value: number): void {
  const place = pager.at(page);
  pager.touch(place);
  wordsAt(pager, place)[word] = value;
}

/** Makes a change of each of some pages. */
function each(pages: readonly number[], change: (pager: Pager, page: number) => void): Change {
  return (pager) => pages.forEach((page) => change(pager, page));
}

/** The content of a file that was not closed, after some transactions. */
function cutOff(file: MemoryFile, ...changes: Change[]): Uint8Array {
  const pager = openNodes(file);
  for (const change of changes) transact(pager, () => change(pager));
  pager.flush("sync");
  return file.content();
}

/** Opens a copy of `content`: the file, which counts, and its pager. */
function openCopy(content: Uint8Array, readOnly: boolean) {
  const file = new FaultyFile(new MemoryFile(content));
  return { file, pager: openNodes(file, { ...SMALL_CACHE, readOnly }) };
}

/** The bytes that opening a copy of `content` reads. */
function bytesReadToOpen(content: Uint8Array, readOnly: boolean): number {
  const { file, pager } = openCopy(content, readOnly);
  const { bytesRead } = file;
  pager.close();
  return bytesRead;
}

/** The bytes of arrays that somebody holds. */
function heldBytes(): number {
  collectNow();
  return Deno.memoryUsage().external;
}

for (const readOnly of [false, true]) {
  describe(`Recovery, ${readOnly ? "read-only" : "for writing"}`, () => {
    it("reads the header pages and the changed pages only", () => {
      const content = cutOff(
        makeFile(PAGES.length),
        each(FEW, (pager, page) => changeWord(pager, page, 3, page)),
        each(FEW, (pager, page) => changeWord(pager, page, 900, 5)),
      );
      const { file, pager } = openCopy(content, readOnly);
      assertEquals(pager.recovery?.records, 2 * FEW.length);
      const pages = FEW.length + CHUNKS;
      assertLess(file.bytesRead, pages * PAGE_BYTES + SEARCH_BYTES);
      const written = file.writes.reduce((sum, { length }) => sum + length, 0);
      assertLess(written, readOnly ? 1 : pages * PAGE_BYTES + SEARCH_BYTES);
      pager.close();
    });

    it("reads changed pages that are side by side by one call", () => {
      const readsFor = (pages: readonly number[]) => {
        const change = each(pages, (pager, page) => changeWord(pager, page, 3, page));
        const { file, pager } = openCopy(cutOff(makeFile(PAGES.length), change), readOnly);
        const { read } = file.counts;
        pages.forEach((page) => assertEquals(wordsAt(pager, pager.at(page))[3], page));
        pager.close();
        return read;
      };
      // All are in one chunk.
      const apart = PAGES.slice(0, 240).filter((page) => page % 2 === 0);
      const together = PAGES.slice(0, apart.length);
      assertEquals(readsFor(apart) - readsFor(together), apart.length - 1);
    });

    it("reads no page that a record holds whole", () => {
      const content = cutOff(
        new MemoryFile(),
        each(FEW, (pager, page) => allocate(pager, page, page)),
        each(FEW, (pager, page) => changeWord(pager, page, 3, page)),
      );
      const recordBytes = FEW.length * (PAGE_BYTES + 200);
      const most = recordBytes + CHUNKS * PAGE_BYTES + SEARCH_BYTES;
      assertLess(bytesReadToOpen(content, readOnly), most);
    });

    it("reads a bypassed page only if it was changed since", () => {
      const content = cutOff(
        new MemoryFile(),
        each(PAGES, (pager, page) => allocate(pager, page, page)),
        each(FEW, (pager, page) => changeWord(pager, page, 3, page)),
      );
      const recordBytes = PAGES.length * 40 + FEW.length * 100;
      const most = recordBytes + (FEW.length + CHUNKS) * PAGE_BYTES + SEARCH_BYTES;
      assertLess(bytesReadToOpen(content, readOnly), most);
    });

    it("leaves damage to a bypassed page to the first read of the page", () => {
      const content = cutOff(
        new MemoryFile(),
        each(PAGES, (pager, page) => allocate(pager, page, 1)),
      );
      const copy = new MemoryFile(content);
      flipBit(copy, PAGES[500]! * PAGE_BYTES + 77);
      const { pager } = openCopy(copy.content(), readOnly);
      assertThrows(() => pager.at(PAGES[500]!), CorruptionError);
      each(PAGES.filter((page) => page !== PAGES[500]), (_, page) => expectContent(pager, page, 1));
      pager.close();
    });

    it("applies changes of a page to the bytes that were bypassed, not to those before", () => {
      const again = PAGES.slice(0, 100);
      const content = cutOff(
        makeFile(PAGES.length),
        each(again, (pager, page) => write(pager, page, 3)),
        each(again, (pager, page) => pager.release(page, 1)),
        each(again, (pager, page) => allocate(pager, page, 8)),
        each(again, (pager, page) => changeWord(pager, page, 3, 1)),
      );
      const { pager } = openCopy(content, readOnly);
      for (const page of again) {
        const expected = new Uint32Array(PAGE_BYTES / 4);
        fill(expected, page, 8);
        expected[3] = 1;
        assertEquals(wordsAt(pager, pager.at(page)), expected);
      }
      pager.close();
    });
  });
}

describe("a recovery for writing", () => {
  it("takes memory for the journal and for one chunk", () => {
    const content = cutOff(
      makeFile(PAGES.length),
      each(FEW, (pager, page) => changeWord(pager, page, 3, page)),
      each(FEW, (pager, page) => write(pager, page, 2)),
    );
    const file = new MemoryFile(content);
    let pager: Pager;
    const made = bytesMade(() => pager = openNodes(file, SMALL_CACHE));
    const journal = 2 * FEW.length * PAGE_BYTES;
    // A mebibyte for what every pager has, and to search the journal.
    assertLess(made, journal + CHUNK_BYTES + 1024 * 1024);
    pager!.close();
  });

  it("holds a transaction of several batches in memory once", () => {
    const many = PAGES.slice(0, 700);
    const content = cutOff(
      makeFile(PAGES.length),
      each(many, (pager, page) => write(pager, page, 2)),
    );
    const file = new FaultyFile(new MemoryFile(content));
    const before = heldBytes();
    let held = 0;
    file.fault = (operation) => {
      if (operation === "sync" && held === 0) held = heldBytes() - before;
      return "none";
    };
    const pager = openNodes(file, SMALL_CACHE);
    assertLess(1, pager.recovery!.batches);
    // The first sync is that of the batches, which were written again.
    assertLess(held, many.length * (PAGE_BYTES + 100) + CHUNK_BYTES + 1024 * 1024);
    each(many, (_, page) => expectContent(pager, page, 2))(pager);
    pager.close();
  });
});

describe("a read-only handle of a recovered file", () => {
  it("keeps the changes of pages, not the pages", () => {
    const content = cutOff(
      makeFile(PAGES.length),
      each(PAGES, (pager, page) => changeWord(pager, page, page % 2000, 1)),
      each(PAGES, (pager, page) => changeWord(pager, page, page % 2000, 2)),
    );
    const file = new MemoryFile(content);
    let pager: Pager;
    const made = bytesMade(() => pager = openNodes(file, { ...SMALL_CACHE, readOnly: true }));
    assertLess(pager!.recovery!.keptBytes, PAGES.length * 140);
    assertLess(made, PAGES.length * PAGE_BYTES / 4);
    pager!.close();
    const written = openNodes(new MemoryFile(content), { replayRecords: Infinity });
    assertEquals(written.recovery!.keptBytes, 0);
    written.close();
  });

  it("shows the pages that recovery for writing writes", () => {
    const divisible = (by: number) => PAGES.filter((page) => page % by === 0);
    const content = cutOff(
      makeFile(PAGES.length),
      each(divisible(3), (pager, page) => changeWord(pager, page, 3, 1)),
      each(divisible(7), (pager, page) => write(pager, page, 9)),
      each(divisible(11), (pager, page) => pager.release(page, 1)),
      each(divisible(22), (pager, page) => {
        const place = pager.allocate(page, 1, KIND_LEAF, 1);
        fill(wordsAt(pager, place).subarray(0, 50), page, 4);
      }),
      each(divisible(10), (pager, page) => page % 11 === 0 || write(pager, page, 6)),
    );
    const kept = openCopy(content, true).pager;
    const written = openCopy(content, false).pager;
    const used = PAGES.filter((page) => page % 11 !== 0 || page % 22 === 0);
    // In descending order, so that pages are read one by one once the cache is full.
    for (const page of used.reverse()) {
      const [a, b] = [kept.getPage(page), written.getPage(page)];
      assertEquals([...a.header], [...b.header]);
      assertEquals(Buffer.compare(a.bytes, b.bytes), 0);
    }
    kept.close();
    written.close();
  });
});
