// The work of opening, closing and maintenance, counted at two sizes of file: reads, writes and the
// memory for pages. docs/operations.md states these bounds.

import { assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { bytesOf, openOn } from "../support/databases/database.ts";
import { FaultyFile } from "../support/files/faulty_file.ts";

const { PAGE_BYTES } = format;
const MIB = 1024 * 1024;
const VALUE_BYTES = 1000;
/** About the number of entries in a chunk of full leaves. */
const CHUNK_ENTRIES = 1750;
/** The changes of a test, each in another leaf. */
const CHANGES = 40;
/** Four chunks in memory. */
const CACHE_BYTES = 8 * MIB;
const SIZES = [2, 10];

const keyOf = (entry: number) => String(entry).padStart(8, "0");

/** The content of closed files, by chunks. */
const contents = new Map(SIZES.map((chunks) => {
  const file = new MemoryFile();
  const db = openOn(file);
  function* entries(): Generator<[string, Uint8Array]> {
    for (let i = 0; i < chunks * CHUNK_ENTRIES; i++) yield [keyOf(i), bytesOf(i, VALUE_BYTES)];
  }
  db.writeSync((tx) => tx.tree("main").load(entries()));
  db.close();
  return [chunks, file.content()];
}));

/** A file that counts, and a database on it. */
class Counted {
  readonly file: FaultyFile;
  readonly db: Database;
  readonly entries: number;

  constructor(chunks: number) {
    this.file = new FaultyFile(new MemoryFile(contents.get(chunks)));
    this.db = openOn(this.file, { cacheBytes: CACHE_BYTES });
    this.entries = chunks * CHUNK_ENTRIES;
  }

  /** The levels of its tree. */
  get levels(): number {
    return this.db.tree("main").stats()!.levels;
  }

  /** Changes `CHANGES` entries, evenly spread, in a transaction each. */
  change(): void {
    for (let i = 0; i < CHANGES; i++) {
      const key = keyOf(Math.floor(i * this.entries / CHANGES));
      const value = bytesOf(i, VALUE_BYTES);
      this.db.writeSync((tx) => void tx.tree("main").set(key, value), { durability: "none" });
    }
  }

  /** The bytes that an action reads and writes. */
  async bytesOf(action: () => unknown): Promise<{ read: number; written: number }> {
    const { bytesRead } = this.file;
    this.file.writes = [];
    await action();
    const written = this.file.writes.reduce((sum, { length }) => sum + length, 0);
    return { read: this.file.bytesRead - bytesRead, written };
  }
}

/** A call, and the reads that it needs besides one for each level of the tree. */
type BoundedCall = [name: string, more: number, call: (db: Database, entries: number) => unknown];

/** Calls that look at single entries, or at the catalog, which has one page here. */
const CALLS: readonly BoundedCall[] = [
  ["trees", 1, (db) => db.trees()],
  ["codecsOf", 1, (db) => db.codecsOf("main")],
  ["tree", 0, (db) => db.tree("main")],
  ["version", 0, (db) => [db.version, db.durableVersion, db.follows]],
  ["snapshot", 0, (db) => db.snapshot().close()],
  ["stats", 0, (db) => db.stats()],
  ["has", 1, (db, entries) => db.tree("main").has(keyOf(entries >> 1))],
  ["getMany", 1, (db, entries) => db.tree("main").getMany([keyOf(entries >> 1)])],
  ["get", 1, (db, entries) => db.tree("main").get(keyOf(entries >> 1))],
  ["getView", 1, (db, entries) => db.tree("main").getView(keyOf(entries >> 1))?.length],
  ["first", 1, (db) => db.tree("main").first()],
  ["last", 1, (db) => db.tree("main").last()],
  ["a step of entries", 1, (db) => db.tree("main").entries().next()],
  ["set", 3, (db, entries) => db.tree("main").set(keyOf(entries >> 1), bytesOf(1, VALUE_BYTES))],
  ["setMany", 3, (db, entries) => {
    return db.tree("main").setMany([[keyOf(entries >> 1), bytesOf(1, VALUE_BYTES)]]);
  }],
  ["setIfAbsent", 3, (db, entries) => {
    return db.tree("main").setIfAbsent(keyOf(entries >> 1), bytesOf(1, VALUE_BYTES));
  }],
  ["compareAndSet", 3, (db, entries) => {
    return db.tree("main").compareAndSet(keyOf(entries >> 1), undefined, bytesOf(1, VALUE_BYTES));
  }],
  ["update", 3, (db, entries) => db.tree("main").update(keyOf(entries >> 1), (value) => value)],
  ["delete", 3, (db, entries) => db.tree("main").delete(keyOf(entries >> 1))],
  ["renameTree", 3, (db) => db.renameTree("main", "other")],
  ["visit of one entry", 1, (db, entries) => {
    return db.tree("main").visit({ gte: keyOf(entries >> 1) }, () => false);
  }],
  ["inspect().cache", 0, (db) => db.inspect().cache()],
  ["inspect().trace", 0, (db) => {
    const inspector = db.inspect();
    inspector.trace(true);
    return inspector.takeTrace();
  }],
  ["inspect().file", 1, (db) => db.inspect().file()],
  ["inspect().trees", 1, (db) => db.inspect().trees()],
  ["inspect().header", 1, (db) => db.inspect().header(300)],
  ["inspect().headers", 1, (db) => db.inspect().headers(1)],
  ["inspect().page", 1, (db) => db.inspect().page(300)],
  ["inspect().descend", 1, (db, entries) => {
    return db.inspect().descend("main", new TextEncoder().encode(keyOf(entries >> 1)));
  }],
];

describe("a value outside of its leaf", () => {
  const PIECE_BYTES = 2 * MIB;
  const LENGTHS = [3000, 5 * MIB];
  const file = new MemoryFile();
  const db = openOn(file);
  for (const length of LENGTHS) {
    db.writeSync((tx) => tx.tree("values").set(String(length), bytesOf(1, length)));
  }
  db.close();

  for (const length of LENGTHS) {
    it(`of ${length} bytes takes a read for each piece of 2 MiB, or one`, () => {
      const counted = new FaultyFile(new MemoryFile(file.content()));
      const db = openOn(counted, { cacheBytes: CACHE_BYTES });
      const before = counted.counts.read;
      assertEquals(db.tree("values").get(String(length))?.length, length);
      const reads = counted.counts.read - before;
      // The catalog, the leaf, and the value.
      assertLessOrEqual(reads, 2 + Math.ceil(length / PIECE_BYTES));
      db.close();
    });

    it(`of ${length} bytes takes one read for each piece that getRange needs`, () => {
      const counted = new FaultyFile(new MemoryFile(file.content()));
      const db = openOn(counted, { cacheBytes: CACHE_BYTES });
      const tree = db.tree("values");
      for (const [from, to] of [[0, 10], [length - 10, length]] as const) {
        const before = counted.counts.read;
        assertEquals(tree.getRange(String(length), from, to)?.length, 10);
        // The catalog and the leaf, the first time; the pieces before, whose headers lead to it.
        assertLessOrEqual(counted.counts.read - before, 2 + Math.ceil(to / PIECE_BYTES));
      }
      db.close();
    });

    it(`of ${length} bytes takes the reads of getRange for each part of getStream`, async () => {
      const counted = new FaultyFile(new MemoryFile(file.content()));
      const db = openOn(counted, { cacheBytes: CACHE_BYTES });
      let done = 0;
      let before = counted.counts.read;
      for await (const part of db.tree("values").getStream(String(length))!) {
        done += part.length;
        assertLessOrEqual(counted.counts.read - before, 2 + Math.ceil(done / PIECE_BYTES));
        before = counted.counts.read;
      }
      assertEquals(done, length);
      db.close();
    });
  }

  it("is written in a bounded number of pages for each part of setStream", async () => {
    const counted = new FaultyFile(new MemoryFile(file.content()));
    const db = openOn(counted, { cacheBytes: CACHE_BYTES });
    const part = bytesOf(2, MIB);
    const written = () => counted.writes.reduce((sum, { length }) => sum + length, 0);
    const most: number[] = [];
    let before = written();
    async function* parts(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 8; i++) {
        most.push(written() - before);
        before = written();
        yield part;
      }
    }
    await db.tree("values").setStream("streamed", ReadableStream.from(parts()));
    // A run, and what it takes to log it.
    for (const bytes of most) assertLess(bytes, PIECE_BYTES + MIB / 4);
    db.close();
  });
});

describe("a value in shared pages", () => {
  const LENGTH = 3000;
  const file = new MemoryFile();
  const db = openOn(file);
  db.writeSync((tx) => {
    for (let i = 0; i < 400; i++) tx.tree("values").set(keyOf(i), bytesOf(i, LENGTH));
  });
  db.close();

  it("is deleted by reading its leaf and the pages that it shares, of no other value", () => {
    const counted = new FaultyFile(new MemoryFile(file.content()));
    const db = openOn(counted, { cacheBytes: CACHE_BYTES });
    const { levels } = db.tree("values").stats()!;
    const before = counted.counts.read;
    db.writeSync((tx) => tx.tree("values").delete(keyOf(200)));
    // The catalog, each level, two shared pages, and at most three for free pages.
    assertLessOrEqual(counted.counts.read - before, 1 + levels + 2 + 3);
    db.close();
  });
});

for (const chunks of SIZES) {
  describe(`a file of ${chunks} chunks`, () => {
    it("is read once for each level by a call for one entry, in an empty cache", async () => {
      const levels = new Counted(chunks).levels;
      for (const [name, more, call] of CALLS) {
        const { file, db, entries } = new Counted(chunks);
        const before = file.counts.read;
        await call(db, entries);
        const reads = file.counts.read - before;
        assertLessOrEqual(reads, levels + more, `${name}: ${reads} reads, ${levels} levels`);
      }
    });

    it("has its header pages read by the statistics of a tree", () => {
      const { file, db } = new Counted(chunks);
      const before = file.counts.read;
      db.tree("main").stats();
      assertLessOrEqual(file.counts.read - before, chunks + 2);
    });

    it("is opened by reading two pages, if it was closed", () => {
      const { file, db } = new Counted(chunks);
      assertEquals([file.bytesRead, file.writes], [2 * PAGE_BYTES, []]);
      db.close();
    });

    it("is closed without a read or a write, if nothing changed", async () => {
      const counted = new Counted(chunks);
      assertEquals(counted.db.tree("main").has(keyOf(0)), true);
      assertEquals(await counted.bytesOf(() => counted.db.close()), { read: 0, written: 0 });
    });

    for (const what of ["checkpoint", "close"] as const) {
      it(`takes a write for each changed page, however often it changed, to ${what}`, async () => {
        const counted = new Counted(chunks);
        for (let i = 0; i < 3; i++) counted.change();
        const { written } = await counted.bytesOf(() => counted.db[what]());
        // Beside the pages: header pages, superblocks, and the batch that confirms the last commit.
        const batches = 3 * CHANGES * (VALUE_BYTES + 100);
        assertGreater(written, CHANGES * PAGE_BYTES);
        assertLess(written, (CHANGES + 2 * chunks + 12) * PAGE_BYTES + batches);
        if (what === "checkpoint") {
          assertEquals((await counted.bytesOf(() => counted.db.checkpoint())).written, 0);
        }
        counted.db.close();
      });
    }

    it("is counted by census() and chunks() from its header pages", async () => {
      for (const count of [(db: Database) => db.census(), (db: Database) => [...db.chunks()]]) {
        const counted = new Counted(chunks);
        const { read, written } = await counted.bytesOf(() => count(counted.db));
        assertLessOrEqual(read, (chunks + 1) * PAGE_BYTES);
        assertEquals(written, 0);
        counted.db.close();
      }
    });

    it("is closed with no other page changed, if it has few free ones", async () => {
      const counted = new Counted(chunks);
      const { db, entries } = counted;
      // A leaf for each page that is allowed to be free, and two keep their places at the end.
      const most = Math.max(8, chunks * 255 / 16) / 2;
      for (let i = 0; i < most; i++) db.tree("main").set(keyOf(entries + i), bytesOf(i, 4000));
      db.tree("main").deleteRange({ gte: keyOf(entries), lt: keyOf(entries + most - 2) });
      db.checkpoint();
      const { written } = await counted.bytesOf(() => db.close());
      assertLess(written, 12 * PAGE_BYTES);
    });

    it("is verified by reading it twice at most, within the cache", async () => {
      const counted = new Counted(chunks);
      const { read } = await counted.bytesOf(() => counted.db.verify());
      assertLess(read, 2.2 * counted.file.size());
      assertLessOrEqual(counted.db.stats().cachePeakBytes, CACHE_BYTES);
      counted.db.close();
    });
  });
}
