/**
 * A forged file, in which a scan of the queue or of the index by expiry finds a key that a search
 * does not: neither goes on for ever.
 */

import { setTimeout } from "node:timers/promises";
import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type DatedId, treesOf } from "../../kv/format/trees.ts";
import { openKv } from "../../kv/open.ts";
import { format, MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { openOn } from "../support/databases/database.ts";
import { Image } from "../support/files/image.ts";
import { reportsOf } from "../support/reports.ts";

const { KIND_BRANCH, PAGE_BYTES } = format;
/** Some leaves of entries of `ENTRY_BYTES`. */
const ENTRIES = 40;
const ENTRY_BYTES = 700;
/** Turns, and writes, after which what goes on for ever has shown it. */
const MANY = 20;

/** The id of an entry: the first ones are due, and the others in a thousand years. */
const idOf = (i: number): DatedId => [i < 3 ? 1 + i : 1e15 + i, 0, 0];

/** A database in which a search for the keys of the first leaf looks in the second one. */
function openForged(fill: (db: Database) => void): Database {
  const file = new MemoryFile();
  const db = openOn(file);
  fill(db);
  db.close();
  const image = new Image(file.content());
  const branch = image.pagesOf([KIND_BRANCH])[0]!;
  // The first four bytes of the key between the two leaves: the lowest that a date begins with.
  image.view.setUint32(branch * PAGE_BYTES + 4, 0x30_80_00_00, true);
  image.seal(branch);
  return openOn(image.file());
}

/** Counts the writes of a database. */
function countWrites(db: Database): () => number {
  const write = db.write.bind(db);
  let count = 0;
  db.write = (body) => {
    count++;
    return write(body);
  };
  return () => count;
}

describe("a forged file with a key out of its place", () => {
  it("ends the delivery of messages", async () => {
    using db = openForged((db) => {
      const payload = new Uint8Array(ENTRY_BYTES).fill(0x20);
      payload.set([0xff, 16, 0x30]);
      const message = { payload, backoffSchedule: [], keysIfUndelivered: [] };
      const { queue } = treesOf(db);
      db.writeSync((tx) => {
        for (let i = 0; i < ENTRIES; i++) tx.tree(queue).set(idOf(i), message);
      });
    });
    const { queue } = treesOf(db);
    const [first] = queue.keys({ limit: 1 });
    assertEquals(queue.has(first!), false);
    const kv = await openKv(db);
    const reports = await reportsOf(async (reports) => {
      const ended = kv.listenQueue(() => {});
      while (reports.length === 0) await setTimeout(1);
      for (let turn = 0; turn < MANY; turn++) await setTimeout(0);
      kv.close();
      await ended;
    });
    assertEquals(reports.length, 1);
    assertMatch(reports[0]!, /^Cannot deliver messages .*is not in its place/);
  });

  it("ends the removal of what has expired", async () => {
    using db = openForged((db) => {
      const { expiry } = treesOf(db);
      db.writeSync((tx) => {
        const key = new Uint8Array(ENTRY_BYTES).fill(0x26);
        for (let i = 0; i < ENTRIES; i++) tx.tree(expiry).set(idOf(i), key);
      });
    });
    const writes = countWrites(db);
    const reports = await reportsOf(async (reports) => {
      using _kv = await openKv(db);
      while (reports.length === 0 && writes() < MANY) await setTimeout(1);
    });
    assertEquals(reports.length, 1);
    assertMatch(reports[0]!, /^Cannot remove what has expired.*is not in its place/);
  });
});
