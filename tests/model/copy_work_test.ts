// The work of calls that make a file from another: copies, salvage and restore, and the start of an
// archive. The bytes that the process reads and writes are counted. docs/operations.md states these
// bounds.

import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { after, before, describe, it } from "@std/testing/bdd";
import { archive, type Database, open, restore, salvage } from "../../mod.ts";
import { bytesOf } from "../support/databases/database.ts";
import { MemoryStore } from "../support/databases/memory_store.ts";
import { type ProcessBytes, processBytesOf } from "../support/process_bytes.ts";
import { inTempDir } from "../support/temp.ts";

const MIB = 1024 * 1024;
/** Less than the file has. */
const CACHE = { cacheBytes: 8 * MIB };
/** What a call reads and writes besides: headers, superblocks, and the counters themselves. */
const SLACK = MIB;

const sizeOf = (path: string) => Deno.statSync(path).size;

/** The file from which those of the tests are copied. */
const MADE = Deno.makeTempFileSync();

function makeFile(path: string): void {
  Deno.copyFileSync(MADE, path);
}

/** Fills the file with values of all kinds, in an order that is not that of their keys. */
function fillFile(path: string): void {
  using db = open(path, CACHE);
  for (let part = 0; part < 3; part++) {
    db.writeSync((tx) => {
      const tree = tx.tree("small");
      for (let i = part; i < 6000; i += 3) tree.set(`key ${i * 7919 % 6000}`, bytesOf(i, 900));
    });
  }
  db.writeSync((tx) => {
    for (let i = 0; i < 500; i++) tx.tree("shared").set(`key ${i}`, bytesOf(i, 3000));
    for (let i = 0; i < 8; i++) tx.tree("large").set(`key ${i}`, bytesOf(i, 500_000));
  });
}

/** Changes a part of its entries. */
function change(db: Database): void {
  db.writeSync((tx) => {
    for (let i = 0; i < 2000; i++) tx.tree("small").set(`key ${i}`, bytesOf(i, 800));
  });
}

/** Fails if an action reads or writes more, where the system counts it. */
async function expectAtMost(bounds: () => ProcessBytes, action: () => Promise<unknown>) {
  const bytes = await processBytesOf(action);
  if (bytes === undefined) return;
  const { read, written } = bounds();

  assertLess(bytes.read, read + SLACK);
  assertLess(bytes.written, written + SLACK);
}

describe("the bytes read and written", () => {
  before(() => fillFile(MADE));
  after(() => Deno.removeSync(MADE));

  it("by a backup: each page in use once, past the cache", () =>
    inTempDir(async (dir) => {
      makeFile(`${dir}/from`);
      using db = open(`${dir}/from`, CACHE);
      const { cacheUsedBytes, evictions } = db.stats();
      const { bytesRead, bytesWritten } = await db.backup(`${dir}/to`);
      assertLessOrEqual(bytesRead, sizeOf(`${dir}/from`));
      assertLessOrEqual(bytesWritten, sizeOf(`${dir}/to`));
      const after = db.stats();
      assertEquals([after.cacheUsedBytes, after.evictions], [cacheUsedBytes, evictions]);
    }));

  it("by a compact copy: each page once, where the cache holds the file, and 8 MiB more", () =>
    inTempDir(async (dir) => {
      makeFile(`${dir}/from`);
      using db = open(`${dir}/from`);
      let bytesRead = 0;
      await expectAtMost(
        () => ({ read: Infinity, written: sizeOf(`${dir}/to`) + 8 * MIB }),
        async () => ({ bytesRead } = await db.backup(`${dir}/to`, { compact: true })),
      );
      assertLess(bytesRead, sizeOf(`${dir}/from`) + SLACK);
    }));

  it("by an archive that starts again: no page that memory has, and what has changed", () =>
    inTempDir(async (dir) => {
      makeFile(`${dir}/from`);
      const store = new MemoryStore();
      using db = open(`${dir}/from`, CACHE);
      await archive(db, store).close();
      await db.tree("small").set("key 1", bytesOf(1, 900));
      const { pageReads, extentReads } = db.stats();
      await archive(db, store).close();
      const [delta] = store.puts.filter((name) => name.startsWith("delta"));
      assertLess(store.objects.get(delta!)!.length, SLACK / 8);
      const after = db.stats();
      assertEquals([after.pageReads, after.extentReads], [pageReads, extentReads]);
    }));

  it("by a salvage: three times the file, and the new file once", () =>
    inTempDir(async (dir) => {
      makeFile(`${dir}/from`);
      await expectAtMost(
        () => ({ read: 3 * sizeOf(`${dir}/from`), written: sizeOf(`${dir}/to`) }),
        () => salvage(`${dir}/from`, `${dir}/to`, CACHE),
      );
    }));

  it("by a restore: base and increments three times at most, and the pages of each", () =>
    inTempDir(async (dir) => {
      makeFile(`${dir}/from`);
      using db = open(`${dir}/from`, CACHE);
      const { version } = await db.backup(`${dir}/base`);
      change(db);
      await db.backup(`${dir}/1`, { since: version });
      const [base, increment] = [sizeOf(`${dir}/base`), sizeOf(`${dir}/1`)];
      assertLess(MIB, increment);

      await expectAtMost(
        () => ({ read: 3 * (base + increment), written: base + increment }),
        () => restore(`${dir}/to`, `${dir}/base`, `${dir}/1`),
      );
    }));

  it("by a restore from an archive: each object once, and pages once for each segment", () =>
    inTempDir(async (dir) => {
      makeFile(`${dir}/from`);
      const store = new MemoryStore();
      let pages = 0;
      {
        using db = open(`${dir}/from`, CACHE);
        await using shipping = archive(db, store, { everyMs: 60_000 });
        await shipping.flush();
        const { pageWrites } = db.stats();
        change(db);
        db.checkpoint();
        pages = db.stats().pageWrites - pageWrites;
        await shipping.flush();
      }
      const gets: string[] = [];
      store.before = (operation, name) => {
        if (operation === "get") gets.push(name);
      };
      const changed = pages * 8192;
      await expectAtMost(
        () => ({ read: changed, written: sizeOf(`${dir}/to`) + changed }),
        () => restore(`${dir}/to`, { from: store }),
      );
      assert(gets.length > 3);
      assertEquals(gets.length, new Set(gets).size);
    }));
});
