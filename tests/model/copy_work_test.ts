// The work of calls that make a file from another: salvage and restore. The bytes that the process
// reads and writes are counted. docs/operations.md states these bounds.

import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
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

/** Makes a file with values of all kinds, in an order that is not that of their keys. */
function makeFile(path: string): void {
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
        const before = db.stats().pageWrites;
        change(db);
        db.checkpoint();
        pages = db.stats().pageWrites - before;
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
