/**
 * Failing reads and writes during eviction: the database is larger than its cache, so every
 * transaction reads and evicts, and one operation of its file fails. A snapshot holds pages of
 * evicted chunks, and some transactions close it while they are open.
 *
 * Whatever fails, a transaction that throws changes nothing, one that returns changes everything,
 * and reads are correct.
 *
 * A run tries every third write, other runs the others. QUIRE_FULL=1 tries all.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError, MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import type { Session } from "../../store/write/session.ts";
import type { TransactionTree } from "../../store/write/transaction_tree.ts";
import {
  change,
  checkDatabase,
  openBoth,
  openOn,
  sameBytes,
} from "../support/databases/database.ts";
import { FaultyFile, type Operation } from "../support/files/faulty_file.ts";
import { Random } from "../support/random.ts";
import { TURN } from "../support/turn.ts";

const CACHE_BYTES = 8 * 1024 * 1024;
const ENTRIES = 6000;
const TRANSACTIONS = 12;
const WRITE_STEP = Deno.env.get("QUIRE_FULL") === "1" ? 1 : 3;

/** How often each entry was written; 0 = absent. */
type Writes = Uint8Array;

function valueOf(entry: number, writes: number): Uint8Array {
  // Some values are in runs, so that runs of pages are released.
  return new Uint8Array(entry % 50 === 0 ? 20_000 : 1900).fill(entry ^ writes).fill(writes, 0, 9);
}

function keyOf(entry: number): string {
  return `key ${10_000 + entry}`;
}

const original = makeOriginal();

function makeOriginal(): Uint8Array {
  const file = new MemoryFile();
  const db = openOn(file);
  const entries = Array.from({ length: ENTRIES }, (_, i) => [keyOf(i), valueOf(i, 1)] as const);
  change(db, "a", (tree) => tree.load(entries));
  db.close();
  return file.content();
}

/** Changes entries throughout the tree. */
function changeEntries(tree: TransactionTree, random: Random, writes: Writes): void {
  for (let i = 0; i < 40; i++) {
    const entry = random.below(ENTRIES);
    if (random.once(3)) {
      tree.delete(keyOf(entry));
      writes[entry] = 0;
    } else {
      tree.set(keyOf(entry), valueOf(entry, ++writes[entry]!));
    }
  }
  const first = random.below(ENTRIES - 60);
  tree.deleteRange({ gte: keyOf(first), lt: keyOf(first + 60) });
  writes.fill(0, first, first + 60);
}

/** Fails unless the database has exactly these entries. */
function assertHolds(db: Database, writes: Writes): void {
  let entry = 0;
  for (const [key, value] of db.tree("a")) {
    while (entry < ENTRIES && writes[entry] === 0) entry++;
    assertEquals(new TextDecoder().decode(key), keyOf(entry));
    assert(sameBytes(value, valueOf(entry, writes[entry]!)), `value ${entry}`);
    entry++;
  }
  assertEquals(writes.findIndex((count, i) => i >= entry && count > 0), -1, "the rest is gone");
}

/** One run in which the `nth` operation of a kind fails once. Returns whether it was reached. */
function run(nth: number, operation: Operation): boolean {
  const memory = new MemoryFile(original);
  const file = new FaultyFile(memory);
  const { db, session } = openBoth(file, { cacheBytes: CACHE_BYTES });
  const random = new Random(nth);
  let writes: Writes = new Uint8Array(ENTRIES).fill(1);
  let before = writes;
  let { version } = db;
  let failed: unknown;
  let held = db.snapshot();
  const begun = file.counts[operation];
  file.fault = (asked, count) => asked === operation && count === begun + nth ? "throw" : "none";
  for (let i = 0; i < TRANSACTIONS && failed === undefined; i++) {
    version = db.version;
    before = writes;
    const after = writes.slice();
    try {
      change(db, "a", (tree) => {
        changeEntries(tree, random, after);
        if (i % 4 === 2) held.close();
      });
      writes = after;
      if (i % 4 === 0) held.close();
      if (i % 2 === 0) held = db.snapshot();
    } catch (error) {
      assertInstanceOf(error, IoError);
      failed = error;
      // If the write to disk failed, the change is in memory; if an earlier step failed, it is not.
      if (db.version > version) writes = after;
    }
  }
  file.fault = () => "none";
  held.close();
  readOrRefused(session, () => assertHolds(db, writes));
  readOrRefused(session, () => checkDatabase({ db, session }));
  if (session.pager.failure === undefined) {
    change(db, "a", (tree) => changeEntries(tree, random, writes));
    db.close();
    const again = openBoth(memory, { cacheBytes: CACHE_BYTES });
    assertHolds(again.db, writes);
    checkDatabase(again);
    return failed !== undefined;
  }
  assertRefusesToClose(db);
  // Everything durable is recovered, with or without the failed transaction.
  const again = openBoth(memory, { cacheBytes: CACHE_BYTES });
  const recovered = again.db.stats().recovery?.version ?? again.db.version;
  assert(recovered === version || recovered === db.version, `version ${recovered} came back`);
  assertHolds(again.db, recovered === version ? before : writes);
  checkDatabase(again);
  again.db.close();
  return true;
}

/** Reads. Pages whose write failed may be refused; nothing may be wrong. */
function readOrRefused({ pager }: Session, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (pager.failure === undefined || !(error instanceof IoError)) throw error;
    assertStringIncludes(
      error.message,
      "the file may have an older version after a failure",
    );
  }
}

/** The handle refuses writes. */
function assertRefusesToClose(db: Database): void {
  try {
    db.close();
  } catch (error) {
    assertInstanceOf(error, IoError);
    return;
  }
  throw new Error("closed as if all were well");
}

describe("under pressure", () => {
  const first = 1 + TURN % WRITE_STEP;
  const sorts = [["read", 1, 5], ["write", first, WRITE_STEP], ["sync", 1, 1]] as const;
  for (const [operation, first, step] of sorts) {
    it(`a failed ${operation} leaves each transaction applied or rolled back`, () => {
      let runs = 0;
      for (let nth = first; nth < 4000 * step && run(nth, operation); nth += step) runs++;
      console.log(`${operation}: failed at ${runs} places`);
      assert(runs > 1);
    });
  }
});

describe("after a failed sync that dropped its writes", () => {
  const looks: Readonly<Record<string, (db: Database) => unknown>> = {
    "count()": (db) => db.tree("a").count(),
    "a count of a range": (db) => db.tree("a").count({ gte: keyOf(1400), lt: keyOf(2200) }),
    "stats()": (db) => db.tree("a").stats(),
    "census()": (db) => db.census(),
    "chunks()": (db) => [...db.chunks()],
  };

  /** A database whose file lacks the last commits, and the state after them. */
  function withLostWrites(): { db: Database; expected: Map<string, unknown> } {
    const memory = new MemoryFile(original);
    const file = new FaultyFile(memory);
    const { db, session } = openBoth(file, { cacheBytes: CACHE_BYTES });
    change(db, "a", (tree) => {
      for (let entry = 1500; entry < 2100; entry += 7) tree.delete(keyOf(entry));
    });
    const expected = new Map(Object.entries(looks).map(([what, look]) => [what, look(db)]));
    const inspection = session.pager.inspection();
    while (session.pager.checkpointSlice() && inspection.checkpoint()?.chunksLeft !== 0);
    file.fault = (operation) => operation === "sync" ? "throw" : "none";
    assertThrows(() => db.checkpoint(), IoError, "sync");
    file.fault = () => "none";
    memory.writeAt(original, 0, original.length, 0);
    // Pages of other chunks evict the changed ones.
    for (let round = 0; round < 2; round++) {
      for (const _ of db.tree("a").keys({ gte: keyOf(2800) }));
    }
    return { db, expected };
  }

  for (const [what, look] of Object.entries(looks)) {
    it(`${what} shows committed data, or is refused`, () => {
      const { db, expected } = withLostWrites();
      try {
        assertEquals(look(db), expected.get(what));
      } catch (error) {
        if (!(error instanceof IoError)) throw error;
        assertStringIncludes(error.message, "may have an older version");
      }
      assertRefusesToClose(db);
    });
  }
});
