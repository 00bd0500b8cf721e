// Transactions on pages: commit, rollback and savepoints, with room in the cache and without; and a
// model of random nested changes, in which every byte of page and header is compared.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  dataPages,
  expectContent,
  fill,
  journalChunks,
  makeFile,
  occupy,
  openNodes,
  SMALL_CACHE,
  transact,
  wordsAt,
  write,
} from "../tests/support/pages.ts";
import { Random } from "../tests/support/random.ts";
import { AssertionError } from "./assert.ts";
import { CorruptionError } from "./errors.ts";
import { KIND_LEAF, KIND_RUN } from "./format.ts";
import { entriesOf, isInUse, kindOf, setEntries, setLink, versionOf } from "./header.ts";
import type { MemoryFile } from "./memory_file.ts";
import type { Pager } from "./pager.ts";

/** More pages than the smallest cache holds, so that it works page by page. */
const MANY = 3000;

function versionAt(pager: Pager, page: number): number {
  const place = pager.at(page);
  return versionOf(pager.frames[place >>> 8], place & 255);
}

/** A pager that has read more than it can hold. */
function underPressure(file: MemoryFile = makeFile(MANY)): Pager {
  const pager = openNodes(file, SMALL_CACHE);
  for (const page of dataPages(MANY)) pager.at(page);
  assert(pager.stats().evictions > 0);
  return pager;
}

/** Pushes everything out of the cache that may leave it. */
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
        () => pager.occupy(20, 1, KIND_LEAF, 1),
        () => pager.vacate(5, 1),
        () => pager.commit(),
        () => pager.rollback(),
      ]
    ) assertThrows(change, AssertionError);
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
        setEntries(pager.frames[place >>> 8], place & 255, 321);
      });
      if (pager.meta.pageCount > 1000) pushOut(pager, dataPages(MANY));
      const place = pager.at(5);
      assertEquals(entriesOf(pager.frames[place >>> 8], place & 255), 321);
      expectContent(pager, 5, 5);
    }
  });
});

describe("Writer.occupy", () => {
  it("refuses a page in use, and pages of two chunks", () => {
    const pager = openNodes(makeFile(10));
    pager.begin();
    assertThrows(() => pager.occupy(5, 1, KIND_LEAF, 1), AssertionError);
    assertThrows(() => pager.occupy(200, 57, KIND_RUN, 1), AssertionError);
    assertThrows(() => pager.vacate(200, 1), AssertionError);
    pager.rollback();
  });
});

describe("Writer.rollback", () => {
  it("restores pages, headers, bits and meta", () => {
    const pager = openNodes(makeFile(300));
    const before = snapshotOf(pager);
    pager.begin();
    write(pager, 5, 1);
    occupy(pager, 400, 1);
    pager.vacate(6, 1);
    pager.vacate(5, 1);
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
    setLink(pager.frames[place >>> 8], place & 255, 77);
    pager.vacate(page, 1);
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
    occupy(pager, 20, 1);
    pager.rollback();
    transact(pager, () => occupy(pager, 30, 2));
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
    occupy(pager, 40, 1);
    pager.vacate(7, 1);
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
    const used = isInUse(pager.frames[headers >>> 8], headers & 255, page & 255);
    pages[page] = used ? contentOf(pager, page) : "free";
  }
  return { meta: { ...pager.meta }, pages };
}

function contentOf(pager: Pager, page: number): string {
  const place = pager.at(page);
  const header = pager.frames[place >>> 8].u32.slice((place & 255) * 8, (place & 255) * 8 + 6);
  const words = wordsAt(pager, place);
  return `${header.join()}: ${words[0]} ${words[1000]} ${words[2047]}`;
}

describe("a transaction larger than the cache", () => {
  it("grows the cache, and gives the memory back at its end", () => {
    const file = makeFile(MANY);
    const pager = underPressure(file);
    const { cacheBytesLimit } = pager.stats();
    const pages = dataPages(MANY);
    transact(pager, () => {
      pages.forEach((page) => write(pager, page, page + 1));
      assert(pager.stats().cacheBytes > 2 * cacheBytesLimit);
    });
    assertEquals(pager.stats().cacheBytes, cacheBytesLimit);
    assert(pager.stats().cacheBytesPeak > 2 * cacheBytesLimit);
    pages.forEach((page) => expectContent(pager, page, page + 1));
    pager.close();
    const again = openNodes(file);
    pages.forEach((page) => expectContent(again, page, page + 1));
  });

  it("restores every byte when it is rolled back", () => {
    const pager = underPressure();
    const { cacheBytesLimit } = pager.stats();
    const pages = dataPages(MANY);
    transact(pager, () => pages.forEach((page) => page % 5 || write(pager, page, page + 7)));
    const saltOf = (page: number) => page % 5 ? page : page + 7;
    const { pageCount } = pager.meta;
    pager.begin();
    pages.forEach((page) => write(pager, page, page + 1));
    pages.slice(100, 900).forEach((page) => pager.vacate(page, 1));
    dataPages(pageCount + 600).filter((page) => page >= pageCount)
      .forEach((page) => occupy(pager, page, 1));
    pager.rollback();
    assertEquals(pager.stats().cacheBytes, cacheBytesLimit);
    assertEquals(pager.meta.pageCount, pageCount);
    pages.forEach((page) => expectContent(pager, page, saltOf(page)));
    pager.checkpoint();
    pages.forEach((page) => expectContent(pager, page, saltOf(page)));
  });
});

interface ModelPage {
  salt: number;
  entries: number;
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
  /** Pages given back in the open transaction, which nobody takes before its end. */
  readonly #held = new Set<number>();

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
      this.#held.clear();
      this.#expectSome(200);
      const { cacheBytes, cacheBytesLimit } = this.#pager.stats();
      assert(cacheBytes <= cacheBytesLimit, `${cacheBytes} bytes of cache`);
      if (this.#random.once(10)) this.#pager.checkpoint();
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
      // The journal may have got its chunks meanwhile, which stay.
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
    if (!this.#model.has(page)) this.#occupy(page);
    else if (action < 2) this.#vacate(page);
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

  #occupy(page: number): void {
    // A gap of whole chunks would have no header pages; the allocator leaves none either.
    if (this.#held.has(page) || page > this.#pager.meta.pageCount + 1) return;
    const salt = this.#random.u32();
    fill(wordsAt(this.#pager, this.#pager.occupy(page, 1, KIND_LEAF, 1)), page, salt);
    this.#model.set(page, { salt, entries: 0 });
  }

  #vacate(page: number): void {
    this.#pager.vacate(page, 1);
    this.#model.delete(page);
    this.#held.add(page);
  }

  #write(page: number): void {
    const [salt, entries] = [this.#random.u32(), this.#random.below(500)];
    write(this.#pager, page, salt);
    const place = this.#pager.at(page);
    setEntries(this.#pager.frames[place >>> 8], place & 255, entries);
    this.#model.set(page, { salt, entries });
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
    expectContent(this.#pager, page, expected.salt);
    const place = this.#pager.at(page);
    const frame = this.#pager.frames[place >>> 8];
    assertEquals(kindOf(frame, place & 255), KIND_LEAF);
    assertEquals(entriesOf(frame, place & 255), expected.entries, `entries of page ${page}`);
  }
}

describe("Writer against a model", () => {
  for (let seed = 0; seed < 4; seed++) {
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
