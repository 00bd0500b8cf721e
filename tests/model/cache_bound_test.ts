/**
 * A database 16 times as large as its cache: results are correct, and memory stays within the
 * bound, according to `stats()` and as measured.
 *
 * Keys and values depend on a number and on how often the entry was written, so outdated,
 * neighbouring and mixed values show.
 */

import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { open } from "../../store/open.ts";
import { bytesOf, change, openOn, sameBytes } from "../support/databases/database.ts";
import { FaultyFile } from "../support/files/faulty_file.ts";
import { collectNow } from "../support/memory.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

const MIB = 1024 * 1024;
const CACHE_BYTES = 8 * MIB;
const TIMES = 16;
const VALUE_WORDS = 500;
/** Entries of about 2 KiB each. */
const ENTRIES = Math.ceil(TIMES * CACHE_BYTES / (VALUE_WORDS * 4));
const LOADS = 8;
/** The growth allowed beyond the cache: code, and memory that was freed and is kept. */
const SLACK_BYTES = 96 * MIB;
/** The buffers allowed beyond the cache: those of the journal, and results that a scan holds. */
const BUFFER_SLACK_BYTES = 16 * MIB;

function keyOf(entry: number): string {
  return `entry ${String(entry).padStart(8, "0")}`;
}

const words = new Uint32Array(VALUE_WORDS);

/** The value of an entry after a number of writes: a view, valid until the next call. */
function valueOf(entry: number, writes: number): Uint8Array {
  const step = (Math.imul(entry, 0x9e3779b1) ^ Math.imul(writes, 0x85ebca6b)) | 1;
  for (let i = 0, word = step; i < VALUE_WORDS; i++, word += step) words[i] = word;
  return new Uint8Array(words.buffer);
}

/** The expected content of a database, and the peak memory. */
class Watch {
  readonly writes = new Uint8Array(ENTRIES);
  readonly db: Database;
  readonly #before = memory();
  rssGrowth = 0;
  bufferGrowth = 0;

  constructor(db: Database) {
    this.db = db;
  }

  expect(entry: number, value: Uint8Array | undefined): void {
    if (sameBytes(value, valueOf(entry, this.writes[entry]!))) return;
    assertEquals(value, valueOf(entry, this.writes[entry]!).slice(), keyOf(entry));
  }

  /** Samples the memory in use. */
  measure(): void {
    const now = memory();
    this.rssGrowth = Math.max(this.rssGrowth, now.rss - this.#before.rss);
    this.bufferGrowth = Math.max(this.bufferGrowth, now.buffers - this.#before.buffers);
    const { cacheUsedBytes, cachePeakBytes, cacheLimitBytes } = this.db.stats();
    assertEquals(cacheLimitBytes, CACHE_BYTES);
    assertLessOrEqual(cacheUsedBytes, CACHE_BYTES);
    assertLessOrEqual(cachePeakBytes, CACHE_BYTES);
  }

  /** Prints the figures, and fails if they are out of bounds. */
  finish(what: string, millis: number): void {
    this.measure();
    const { chunkReads, extentReads, pageReads, evictions, cachePeakBytes } = this.db.stats();
    const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
    console.log(
      `${what}: ${millis.toFixed(0)} ms, cache peak ${mib(cachePeakBytes)}, ` +
        `rss +${mib(this.rssGrowth)}, buffers +${mib(this.bufferGrowth)}, ` +
        `reads ${chunkReads} chunks ${extentReads} extents ${pageReads} pages, ` +
        `${evictions} evictions`,
    );
    assertLess(this.rssGrowth, CACHE_BYTES + SLACK_BYTES);
    assertLess(this.bufferGrowth, CACHE_BYTES + BUFFER_SLACK_BYTES);
  }
}

/** The memory in use, without what other code of the process has left to be collected. */
function memory(): { rss: number; buffers: number } {
  collectNow();
  const { rss, external } = Deno.memoryUsage();
  return { rss, buffers: external };
}

describe("with data 16 times cacheBytes", () => {
  it("random gets, scans and updates stay within the bound (measured) and are correct", () => {
    inTempDir((dir) => {
      const path = `${dir}/large`;
      const writes = load(path);
      assert(Deno.statSync(path).size > TIMES * CACHE_BYTES, "the file is 16 times the cache");
      use(path, writes);
      checkAll(path, writes);
    });
  });
});

describe("values of many pages, more of them than the cache holds", () => {
  it("stay within the bound, and cost no sync each", () => {
    using db = openOn(new MemoryFile(), { cacheBytes: CACHE_BYTES });
    const values = 300;
    for (let key = 0; key < 2 * values; key++) {
      db.writeSync((tx) => tx.tree("large").set(keyOf(key % values), bytesOf(key, 100_000)), {
        durability: "buffered",
      });
    }
    const { cachePeakBytes, evictions, journalSyncs } = db.stats();
    assertLess(2000, evictions);
    assertEquals(cachePeakBytes, CACHE_BYTES);
    assertLess(journalSyncs, 2 * values / 4);
    for (let key = 0; key < values; key++) {
      const value = db.tree("large").get(keyOf(key));
      assert(sameBytes(value, bytesOf(values + key, 100_000)), keyOf(key));
    }
  });
});

describe("random gets of data 16 times cacheBytes", () => {
  it("cost one read for each page that is not in memory", () => {
    const memory = new MemoryFile();
    {
      using db = openOn(memory, { cacheBytes: CACHE_BYTES });
      change(db, "large", (tree) => {
        for (let i = 0; i < ENTRIES; i++) tree.set(keyOf(i), valueOf(i, 0));
      });
    }
    const file = new FaultyFile(memory);
    using db = openOn(file, { cacheBytes: CACHE_BYTES });
    const tree = db.tree("large");
    const random = new Random(3);
    const getMany = (gets: number) => {
      for (let i = 0; i < gets; i++) tree.get(keyOf(random.below(ENTRIES)));
    };
    // Until the header pages and the branches are in memory.
    getMany(20_000);
    const { pageReads } = db.stats();
    const before = file.counts.read;
    getMany(10_000);
    const misses = db.stats().pageReads - pageReads;
    assertLess(8_000, misses);
    assertLess(file.counts.read - before, 1.05 * misses);
  });
});

/** Fills a file in several transactions, each small enough for the cache. */
function load(path: string): Uint8Array {
  using db = open(path, { cacheBytes: CACHE_BYTES });
  const start = performance.now();
  const watch = new Watch(db);
  for (let part = 0; part < LOADS * 8; part++) {
    change(db, "large", (tree) => {
      for (let i = part; i < ENTRIES; i += LOADS * 8) tree.set(keyOf(i), valueOf(i, 0));
    });
  }
  const { cachePeakBytes, pageCount } = db.stats();
  console.log(
    `load: ${(performance.now() - start).toFixed(0)} ms, ${ENTRIES} entries, ${pageCount} pages, ` +
      `cache peak ${cachePeakBytes / MIB} MiB (a transaction may pass the bound)`,
  );
  return watch.writes;
}

/** Random gets, scans both ways, and updates in small transactions. */
function use(path: string, writes: Uint8Array): void {
  using db = open(path, { cacheBytes: CACHE_BYTES });
  const watch = new Watch(db);
  watch.writes.set(writes);
  const random = new Random(7);
  const start = performance.now();
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 250; i++) {
      const entry = random.below(ENTRIES);
      watch.expect(entry, db.tree("large").get(keyOf(entry)));
    }
    scan(watch, random.below(ENTRIES), 500, random.once(2));
    change(db, "large", (tree) => {
      for (let i = 0; i < 20; i++) {
        const entry = random.below(ENTRIES);
        tree.set(keyOf(entry), valueOf(entry, ++watch.writes[entry]!));
      }
    });
    assertEquals(db.tree("large").has("entry"), false);
    watch.measure();
  }
  scan(watch, 0, ENTRIES, false);
  watch.finish("gets, scans, updates", performance.now() - start);
  writes.set(watch.writes);
}

/** Scans entries from a start, forward or backward, and compares each. */
function scan(watch: Watch, first: number, limit: number, reverse: boolean): void {
  const range = reverse ? { lte: keyOf(first) } : { gte: keyOf(first) };
  let entry = first;
  const decoder = new TextDecoder();
  for (const [key, value] of watch.db.tree("large").entries({ ...range, reverse, limit })) {
    assert(decoder.decode(key) === keyOf(entry), `the key at ${entry}`);
    watch.expect(entry, value);
    entry += reverse ? -1 : 1;
  }
  const expected = reverse ? Math.max(-1, first - limit) : Math.min(ENTRIES, first + limit);
  assertEquals(entry, expected, "where the scan ended");
}

/** Checks every update in a read-only session. */
function checkAll(path: string, writes: Uint8Array): void {
  using db = open(path, { cacheBytes: CACHE_BYTES, readOnly: true });
  const watch = new Watch(db);
  watch.writes.set(writes);
  const start = performance.now();
  assertEquals(db.tree("large").count(), ENTRIES);
  scan(watch, ENTRIES - 1, ENTRIES, true);
  watch.finish("read-only, backward", performance.now() - start);
}
