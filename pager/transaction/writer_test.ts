// Transactions on pages: commit, rollback and savepoints, within the cache and beyond it; and a
// model of random nested changes, with every byte of each page and header compared. QUIRE_SEED=N
// runs the model with that seed only.

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Random } from "../../tests/support/random.ts";
import {
  allocate,
  dataPages,
  expectContent,
  expectWords,
  fill,
  journalChunks,
  makeFile,
  openNodes,
  SMALL_CACHE,
  transact,
  wordsAt,
  write,
} from "../../tests/support/trees/pages.ts";
import { MemoryFile } from "../file/memory_file.ts";
import { AssertionError } from "../format/assert.ts";
import { CorruptionError } from "../format/errors.ts";
import { KIND_LEAF, KIND_RUN, PAGE_BYTES } from "../format/format.ts";
import { entriesOf, isInUse, kindOf, setEntries, setLink, versionOf } from "../format/header.ts";
import type { Pager } from "../pager.ts";

/** More pages than the smallest cache holds, so that it works page by page. */
const MANY = 3000;

function versionAt(pager: Pager, page: number): number {
  const place = pager.at(page);
  return versionOf(pager.frames[place >>> 8]!, place & 255);
}

/** A pager that has read more than it can hold. */
function underPressure(file: MemoryFile = makeFile(MANY)): Pager {
  const pager = openNodes(file, SMALL_CACHE);
  for (const page of dataPages(MANY)) pager.at(page);
  assert(pager.stats().evictions > 0);
  return pager;
}

/** Evicts all pages that may leave the cache. */
function pushOut(pager: Pager, pages: readonly number[]): void {
  for (const page of pages) pager.at(page);
}

describe("Writer.touch", () => {
  it("stamps the version of the transaction at once, and once", () => {
    const pager = openNodes(makeFile(10));
    assertEquals(versionAt(pager, 5), 1);
    pager.begin();
    pager.touch(pager.at(5));
    assertEquals([versionAt(pager, 5), versionAt(pager, 6)], [2, 1]);
    pager.touch(pager.at(5));
    pager.rollback();
    assertEquals([versionAt(pager, 5), pager.meta.version], [1, 1]);
  });

  it("outside a transaction is a mistake that is noticed", () => {
    const pager = openNodes(makeFile(10));
    const place = pager.at(5);
    for (
      const change of [
        () => pager.touch(place),
        () => pager.allocate(20, 1, KIND_LEAF, 1),
        () => pager.release(5, 1),
        () => pager.commit(),
        () => pager.rollback(),
      ]
    ) assertThrows(change, AssertionError);
    expectContent(pager, 5, 5);
  });
});

/** Some bytes that differ from those of `makeFile`. */
const SOME = Uint8Array.from({ length: 30 }, (_, i) => 200 + i);

function bytesAt(pager: Pager, page: number, offset: number, length: number): number[] {
  const place = pager.at(page);
  const from = (place & 255) * PAGE_BYTES + offset;
  return [...pager.frames[place >>> 8]!.u8.subarray(from, from + length)];
}

/** The header and bytes of a page, to detect any change. */
function allOf(pager: Pager, page: number): string {
  const place = pager.at(page);
  const { u8 } = pager.frames[place >>> 8]!;
  const slot = place & 255;
  return u8.subarray(slot * 32, slot * 32 + 32) + ":" + bytesAt(pager, page, 0, PAGE_BYTES);
}

/** Fails if two pages differ. `assertEquals` takes seconds to describe how. */
function assertSame(actual: string, expected: string, what = "the pages differ"): void {
  assert(actual === expected, what);
}

describe("Writer.overwrite and touchParts", () => {
  const places: [number, Uint8Array][] = [
    [0, SOME],
    [1, SOME.subarray(0, 1)],
    [4097, SOME],
    [PAGE_BYTES - 30, SOME],
    [9, new Uint8Array(0)],
    [0, new Uint8Array(PAGE_BYTES).fill(7)],
    [3, new Uint8Array(2048).fill(8)],
  ];

  it("changes these bytes and the version, and a rollback gives all of it back", () => {
    for (const pager of [openNodes(makeFile(10)), underPressure()]) {
      for (const [offset, bytes] of places) {
        const before = allOf(pager, 5);
        pager.begin();
        pager.overwrite(pager.at(5), offset, bytes);
        assertEquals(bytesAt(pager, 5, offset, bytes.length), [...bytes]);
        assertEquals(versionAt(pager, 5), pager.meta.version + 1);
        pager.rollback();
        assertSame(allOf(pager, 5), before);
      }
    }
  });

  it("is there after a checkpoint, under the right sums, and after a recovery", () => {
    for (const takesCheckpoint of [true, false]) {
      for (const tornSectors of ["whole", "protect"] as const) {
        for (const [offset, bytes] of places) {
          const file = makeFile(10);
          const pager = openNodes(file, { tornSectors });
          for (const part of [bytes.subarray(0, bytes.length >> 1), bytes]) {
            transact(pager, () => pager.overwrite(pager.at(5), offset, part));
          }
          if (takesCheckpoint) pager.checkpoint();
          else pager.flush("sync");
          const again = openNodes(new MemoryFile(file.content()));
          assertEquals(bytesAt(again, 5, offset, bytes.length), [...bytes]);
          assertSame(allOf(again, 5), allOf(pager, 5));
        }
      }
    }
  });

  it("of two parts, which may share a word, is the same as of one", () => {
    const parts: [number, number, number, number][] = [
      [0, 8, 12, 20],
      [1, 6, 6, 9],
      [1, 5, 7, 8],
      [3, 5, 9, 10],
      [0, 1, 8191, 8192],
      [4, 4, 40, 44],
      [100, 1100, 2000, 3048],
      [100, 1100, 2000, 3049],
      [8, 9, 0, 0],
    ];
    const file = makeFile(10);
    const pager = openNodes(file);
    for (const [start, end, secondStart, secondEnd] of parts) {
      for (const keeps of [false, true]) {
        const before = allOf(pager, 5);
        pager.begin();
        const place = pager.at(5);
        pager.touchParts(place, start, end, secondStart, secondEnd);
        const { u8 } = pager.frames[place >>> 8]!;
        const page = (place & 255) * PAGE_BYTES;
        for (let i = start; i < end; i++) u8[page + i]! ^= 1 + i % 255;
        for (let i = secondStart; i < secondEnd; i++) u8[page + i]! ^= 1 + i % 255;
        if (keeps) pager.commit();
        else pager.rollback();
        if (!keeps) assertSame(allOf(pager, 5), before);
      }
      pager.flush("sync");
      const again = openNodes(new MemoryFile(file.content()));
      assertSame(allOf(again, 5), allOf(pager, 5), `${start} ${end} ${secondStart} ${secondEnd}`);
    }
  });

  it("logs what it changed, and no more", () => {
    const pager = openNodes(makeFile(10));
    const journal = () => pager.inspection().journal()!.pendingBytes;
    transact(pager, () => pager.overwrite(pager.at(5), 8, SOME));
    pager.flush("sync");
    transact(pager, () => pager.overwrite(pager.at(5), 8, SOME));
    assertEquals(journal(), 40, "nothing changed");
    const other = SOME.slice();
    other[9]! ^= 1;
    transact(pager, () => pager.overwrite(pager.at(5), 8, other));
    assertEquals(journal(), 40 + 40 + 4 + 4, "a word changed");
  });

  it("before or after other changes of the page is undone with them", () => {
    const pager = openNodes(makeFile(10));
    const before = allOf(pager, 5);
    const ways = [
      () => (pager.overwrite(pager.at(5), 8, SOME), pager.overwrite(pager.at(5), 20, SOME)),
      () => (pager.overwrite(pager.at(5), 8, SOME), write(pager, 5, 99)),
      () => (write(pager, 5, 99), pager.overwrite(pager.at(5), 8, SOME)),
      () => (pager.overwrite(pager.at(5), 8, SOME), pager.release(5, 1)),
      () => (pager.overwrite(pager.at(5), 8, SOME), pager.release(5, 1), allocate(pager, 5, 3)),
      () => (pager.release(5, 1), allocate(pager, 5, 3), pager.overwrite(pager.at(5), 8, SOME)),
    ];
    for (const [at, change] of ways.entries()) {
      pager.begin();
      change();
      pager.rollback();
      // A page that is taken in the transaction that gave it back is lost to a rollback.
      if (at !== 5) assertSame(allOf(pager, 5), before, `way ${at}`);
    }
  });

  it("in a savepoint is undone with it, or kept with it", () => {
    for (const keeps of [true, false]) {
      const file = makeFile(10);
      const pager = openNodes(file);
      pager.begin();
      pager.overwrite(pager.at(5), 8, SOME);
      pager.begin();
      pager.overwrite(pager.at(5), 100, SOME);
      pager.overwrite(pager.at(6), 100, SOME);
      pager.begin();
      pager.overwrite(pager.at(6), 8, SOME);
      pager.commit();
      if (keeps) pager.commit();
      else pager.rollback();
      assertEquals(bytesAt(pager, 5, 8, 30), [...SOME]);
      pager.commit();
      pager.flush("sync");
      const again = openNodes(new MemoryFile(file.content()));
      for (const page of [5, 6]) assertSame(allOf(again, page), allOf(pager, page));
      for (const [page, offset] of [[5, 100], [6, 100], [6, 8]]) {
        const found = bytesAt(again, page!, offset!, 30).join() === SOME.join();
        assertEquals(found, keeps, `page ${page}`);
      }
    }
  });

  it("leaves a snapshot the page as it was", () => {
    const pager = openNodes(makeFile(10));
    const older = pager.snapshot();
    transact(pager, () => pager.overwrite(pager.at(5), 8, SOME));
    const newer = pager.snapshot();
    transact(pager, () => pager.overwrite(pager.at(5), 8, SOME.slice().fill(1)));
    transact(pager, () => pager.overwrite(pager.at(5), 8, SOME.slice().fill(2)));
    const word = (place: number) => wordsAt(pager, place)[2];
    assertEquals(word(newer.at(5)), 0xcbcac9c8);
    assertEquals(word(pager.at(5)), 0x02020202);
    expectWords(wordsAt(pager, older.at(5)), 5, 5);
    older.close();
    newer.close();
  });

  it("under pressure keeps the page in memory until the transaction ends", () => {
    const pager = underPressure();
    const pages = dataPages(MANY);
    pager.begin();
    for (const page of pages.slice(0, 500)) pager.overwrite(pager.at(page), 8, SOME);
    pushOut(pager, pages);
    for (const page of pages.slice(0, 500)) {
      assertEquals(bytesAt(pager, page, 8, 30), [...SOME]);
    }
    for (const page of pages.slice(0, 300)) pager.overwrite(pager.at(page), 80, SOME);
    pager.rollback();
    for (const page of pages) expectContent(pager, page, page);
  });

  it("is refused outside a transaction, and over the end of a page", () => {
    const pager = openNodes(makeFile(10));
    assertThrows(() => pager.overwrite(pager.at(5), 0, SOME), AssertionError, "transaction");
    pager.begin();
    assertThrows(() => pager.overwrite(pager.at(5), 8163, SOME), AssertionError, "inside a page");
    assertThrows(() => pager.touchParts(pager.at(5), 4, 8, 7, 9), AssertionError, "behind");
    pager.rollback();
    expectContent(pager, 5, 5);
  });
});

describe("Writer.commit", () => {
  it("counts versions one by one, and none for a transaction that changed nothing", () => {
    const pager = openNodes(makeFile(10));
    transact(pager, () => {});
    assertEquals(pager.meta.version, 1);
    transact(pager, () => write(pager, 5, 1));
    transact(pager, () => pager.meta.nextTreeId++);
    transact(pager, () => pager.meta.catalogRoot = 5);
    assertEquals(pager.meta.version, 4);
  });

  it("keeps what is true of the whole file through close and reopen", () => {
    const file = makeFile(10);
    const pager = openNodes(file);
    transact(pager, () => {
      pager.meta.nextTreeId = 9;
      pager.meta.catalogRoot = 5;
    });
    pager.close();
    const { meta } = openNodes(file);
    assertEquals([meta.nextTreeId, meta.catalogRoot, meta.version], [9, 5, 2]);
  });

  it("keeps the fields of a header through close and reopen", () => {
    for (const pager of [openNodes(makeFile(10)), underPressure()]) {
      transact(pager, () => {
        const place = pager.at(5);
        pager.touch(place);
        setEntries(pager.frames[place >>> 8]!, place & 255, 321);
      });
      if (pager.meta.pageCount > 1000) pushOut(pager, dataPages(MANY));
      const place = pager.at(5);
      assertEquals(entriesOf(pager.frames[place >>> 8]!, place & 255), 321);
      expectContent(pager, 5, 5);
    }
  });
});

describe("Writer.allocate", () => {
  it("refuses a page in use, and pages of two chunks", () => {
    const pager = openNodes(makeFile(10));
    pager.begin();
    assertThrows(() => pager.allocate(5, 1, KIND_LEAF, 1), AssertionError);
    assertThrows(() => pager.allocate(200, 57, KIND_RUN, 1), AssertionError);
    assertThrows(() => pager.release(200, 1), AssertionError);
    pager.rollback();
  });
});

describe("Writer.rollback", () => {
  it("restores pages, headers, bits and meta", () => {
    const pager = openNodes(makeFile(300));
    const before = snapshotOf(pager);
    pager.begin();
    write(pager, 5, 1);
    allocate(pager, 400, 1);
    pager.release(6, 1);
    pager.release(5, 1);
    pager.meta.nextTreeId = 50;
    pager.meta.catalogRoot = 7;
    pager.rollback();
    assertEquals(snapshotOf(pager), before);
  });

  it("of a page touched and then given back under pressure restores its header for good", () => {
    const file = makeFile(MANY);
    const pager = underPressure(file);
    const page = 2000;
    pager.begin();
    const place = pager.at(page);
    pager.touch(place);
    setLink(pager.frames[place >>> 8]!, place & 255, 77);
    pager.release(page, 1);
    pager.rollback();
    expectContent(pager, page, page);
    transact(pager, () => write(pager, page + 1, 5));
    pushOut(pager, dataPages(1500));
    expectContent(pager, page, page);
    pager.close();
    expectContent(openNodes(file), page, page);
  });

  it("of a page that was taken leaves a free page behind, in memory and in the file", () => {
    const file = makeFile(10);
    const pager = openNodes(file);
    pager.begin();
    allocate(pager, 20, 1);
    pager.rollback();
    transact(pager, () => allocate(pager, 30, 2));
    assertThrows(() => pager.at(20), CorruptionError, "the page is free");
    pager.close();
    const again = openNodes(file);
    assertThrows(() => again.at(20), CorruptionError, "the page is free");
    expectContent(again, 30, 2);
  });

  it("of the inner of two savepoints leaves the outer's changes", () => {
    const pager = openNodes(makeFile(10));
    pager.begin();
    write(pager, 5, 100);
    pager.begin();
    write(pager, 5, 200);
    write(pager, 6, 200);
    pager.begin();
    write(pager, 5, 300);
    pager.commit();
    pager.rollback();
    expectContent(pager, 5, 100);
    expectContent(pager, 6, 6);
    assertEquals(pager.depth, 1);
    pager.commit();
    expectContent(pager, 5, 100);
  });

  it("of the outer of two savepoints takes back what the inner committed", () => {
    const pager = openNodes(makeFile(10));
    const before = snapshotOf(pager);
    pager.begin();
    write(pager, 5, 100);
    pager.begin();
    write(pager, 5, 200);
    allocate(pager, 40, 1);
    pager.release(7, 1);
    pager.meta.nextTreeId++;
    pager.commit();
    write(pager, 5, 300);
    pager.rollback();
    assertEquals(snapshotOf(pager), before);
  });
});

/** Everything that a transaction may change: meta, and each page with its header, bit by bit. */
function snapshotOf(pager: Pager): unknown {
  const pages: Record<number, string> = {};
  for (let page = 3; page < pager.meta.pageCount; page++) {
    if ((page & 255) === 0) continue;
    const headers = pager.headerPage(page >>> 8);
    const used = isInUse(pager.frames[headers >>> 8]!, headers & 255, page & 255);
    pages[page] = used ? contentOf(pager, page) : "free";
  }
  return { meta: { ...pager.meta }, pages };
}

function contentOf(pager: Pager, page: number): string {
  const place = pager.at(page);
  const header = pager.frames[place >>> 8]!.u32.slice((place & 255) * 8, (place & 255) * 8 + 6);
  const words = wordsAt(pager, place);
  return `${header.join()}: ${words[0]} ${words[1000]} ${words[2047]}`;
}

describe("a transaction larger than the cache", () => {
  it("grows the cache, and gives the memory back at its end", () => {
    const file = makeFile(MANY);
    const pager = underPressure(file);
    const { cacheLimitBytes } = pager.stats();
    const pages = dataPages(MANY);
    transact(pager, () => {
      pages.forEach((page) => write(pager, page, page + 1));
      assert(pager.stats().cacheUsedBytes > 2 * cacheLimitBytes);
    });
    assertEquals(pager.stats().cacheUsedBytes, cacheLimitBytes);
    assert(pager.stats().cachePeakBytes > 2 * cacheLimitBytes);
    pages.forEach((page) => expectContent(pager, page, page + 1));
    pager.close();
    const again = openNodes(file);
    pages.forEach((page) => expectContent(again, page, page + 1));
  });

  it("restores every byte when it is rolled back", () => {
    const pager = underPressure();
    const { cacheLimitBytes } = pager.stats();
    const pages = dataPages(MANY);
    transact(pager, () => pages.forEach((page) => page % 5 || write(pager, page, page + 7)));
    const saltOf = (page: number) => page % 5 ? page : page + 7;
    const { pageCount } = pager.meta;
    pager.begin();
    pages.forEach((page) => write(pager, page, page + 1));
    pages.slice(100, 900).forEach((page) => pager.release(page, 1));
    dataPages(pageCount + 600).filter((page) => page >= pageCount)
      .forEach((page) => allocate(pager, page, 1));
    pager.rollback();
    assertEquals(pager.stats().cacheUsedBytes, cacheLimitBytes);
    assertEquals(pager.meta.pageCount, pageCount);
    pages.forEach((page) => expectContent(pager, page, saltOf(page)));
    pager.checkpoint();
    pages.forEach((page) => expectContent(pager, page, saltOf(page)));
  });
});

interface ModelPage {
  salt: number;
  entries: number;
  /** All its bytes, when some were written over those of the salt. */
  bytes?: Uint8Array;
}

function bytesOf(page: number, salt: number): Uint8Array {
  const words = new Uint32Array(PAGE_BYTES / 4);
  fill(words, page, salt);
  return new Uint8Array(words.buffer);
}

/** Whether words are these bytes. */
function isContent(words: Uint32Array, bytes: Uint8Array): boolean {
  return Buffer.compare(new Uint8Array(words.buffer, words.byteOffset, PAGE_BYTES), bytes) === 0;
}

/** Random nested transactions against a map of pages. */
class ModelTest {
  readonly #random: Random;
  readonly #file: MemoryFile;
  readonly #cacheBytes: number;
  /** Whether transactions are larger than the cache, and most of their pages new. */
  readonly #large: boolean;
  #pager: Pager;
  #model = new Map<number, ModelPage>();
  /** Chunks of the journal, as of the last transaction. */
  #journal: number[] = [];
  /** Pages given back in the open transaction; they are not allocated before its end. */
  readonly #released = new Set<number>();

  constructor(seed: number, pages: number, cacheBytes: number, large = false) {
    this.#large = large;
    this.#random = new Random(seed);
    this.#file = makeFile(pages);
    this.#cacheBytes = cacheBytes;
    this.#pager = openNodes(this.#file, { cacheBytes });
    for (const page of dataPages(pages)) this.#model.set(page, { salt: page, entries: 0 });
  }

  run(transactions: number): void {
    for (let i = 0; i < transactions; i++) {
      this.#transaction(0);
      this.#journal = journalChunks(this.#pager);
      this.#released.clear();
      this.#expectSome(200);
      const { cacheUsedBytes, cacheLimitBytes } = this.#pager.stats();
      assert(cacheUsedBytes <= cacheLimitBytes, `${cacheUsedBytes} bytes of cache`);
      if (this.#random.once(10)) {
        this.#pager.checkpoint();
        this.#journal = journalChunks(this.#pager);
      }
      if (this.#random.once(20)) this.#reopen();
    }
    this.#reopen();
    for (const page of this.#model.keys()) this.#expect(page);
    this.#pager.close();
  }

  #reopen(): void {
    this.#pager.close();
    this.#pager = openNodes(this.#file, { cacheBytes: this.#cacheBytes });
    this.#journal = [];
  }

  #transaction(depth: number): void {
    const before = new Map(this.#model);
    const meta = { ...this.#pager.meta };
    this.#pager.begin();
    for (let step = this.#random.below(this.#large ? 1200 : 60); step > 0; step--) {
      if (this.#large) this.#relieve();
      if (depth < 3 && this.#random.once(this.#large ? 400 : 15)) this.#transaction(depth + 1);
      else this.#step();
    }
    if (this.#random.once(3)) {
      this.#pager.rollback();
      this.#model = before;
      // The journal may have received chunks meanwhile, and keeps them.
      if (this.#pager.meta.pageCount % 256 === 0) meta.pageCount = this.#pager.meta.pageCount;
      assertEquals({ ...this.#pager.meta }, meta);
    } else this.#pager.commit();
  }

  #relieve(): void {
    const { pageCount } = this.#pager.meta;
    this.#pager.relieve();
    if (this.#pager.meta.pageCount !== pageCount) this.#journal = journalChunks(this.#pager);
  }

  #step(): void {
    const page = this.#somePage();
    const action = this.#random.below(10);
    if (!this.#model.has(page)) this.#allocate(page);
    else if (action < 2) this.#release(page);
    else if (action < 4) this.#overwrite(page);
    else if (action < 6) this.#write(page);
    else this.#expect(page);
  }

  #somePage(): number {
    for (;;) {
      const { pageCount } = this.#pager.meta;
      const isNew = this.#large && this.#random.once(3);
      const page = isNew ? pageCount : 3 + this.#random.below(pageCount + 5);
      if (!this.#journal.includes(page >>> 8)) return (page & 255) === 0 ? page + 1 : page;
    }
  }

  #allocate(page: number): void {
    // A gap of whole chunks would have no header pages; the allocator leaves none either.
    if (this.#released.has(page) || page > this.#pager.meta.pageCount + 1) return;
    const salt = this.#random.u32();
    fill(wordsAt(this.#pager, this.#pager.allocate(page, 1, KIND_LEAF, 1)), page, salt);
    this.#model.set(page, { salt, entries: 0 });
  }

  #release(page: number): void {
    this.#pager.release(page, 1);
    this.#model.delete(page);
    this.#released.add(page);
  }

  #write(page: number): void {
    const [salt, entries] = [this.#random.u32(), this.#random.below(500)];
    write(this.#pager, page, salt);
    const place = this.#pager.at(page);
    setEntries(this.#pager.frames[place >>> 8]!, place & 255, entries);
    this.#model.set(page, { salt, entries });
  }

  #overwrite(page: number): void {
    const known = this.#model.get(page)!;
    const offset = this.#random.below(PAGE_BYTES);
    const length = this.#random.below(Math.min(this.#random.pick([9, 9000]), PAGE_BYTES - offset));
    const some = Uint8Array.from({ length }, () => this.#random.below(256));
    const bytes = known.bytes?.slice() ?? bytesOf(page, known.salt);
    bytes.set(some, offset);
    this.#pager.overwrite(this.#pager.at(page), offset, some);
    this.#model.set(page, { ...known, bytes });
  }

  #expectSome(count: number): void {
    for (let i = 0; i < count; i++) this.#expect(this.#somePage());
  }

  #expect(page: number): void {
    const expected = this.#model.get(page);
    if (expected === undefined) {
      assertThrows(() => this.#pager.at(page), CorruptionError);
      return;
    }
    if (expected.bytes === undefined) expectContent(this.#pager, page, expected.salt);
    else assert(isContent(wordsAt(this.#pager, this.#pager.at(page)), expected.bytes));
    const place = this.#pager.at(page);
    const frame = this.#pager.frames[place >>> 8]!;
    assertEquals(kindOf(frame, place & 255), KIND_LEAF);
    assertEquals(entriesOf(frame, place & 255), expected.entries, `entries of page ${page}`);
  }
}

const chosen = Deno.env.get("QUIRE_SEED");
const seeds = chosen === undefined ? [0, 1, 2, 3] : [Number(chosen)];

describe("Writer against a model", () => {
  for (const seed of seeds) {
    it(`has every page as last committed, with room: seed ${seed}`, () => {
      new ModelTest(seed, 600, 64 * 1024 * 1024).run(80);
    });
    it(`has every page as last committed, under pressure: seed ${seed}`, () => {
      new ModelTest(seed + 100, 2500, 8 * 1024 * 1024).run(80);
    });
    it(`has every page as last committed, past the journal: seed ${seed}`, () => {
      new ModelTest(seed + 200, 1200, 8 * 1024 * 1024, true).run(12);
    });
  }
});
