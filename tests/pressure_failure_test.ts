/**
 * Failing reads and writes while pages come and go: a database larger than its cache, so that every
 * transaction reads and evicts, on a file of which one operation fails.
 *
 * Whatever fails, a transaction that throws has changed nothing, one that returns has changed all,
 * and what is read is right.
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, IoError, MemoryFile } from "../pager/mod.ts";
import type { Database } from "../store/database.ts";
import { checkDatabase, openBoth, openOn, sameBytes } from "./support/database.ts";
import { FaultyFile, type Operation } from "./support/faulty_file.ts";
import { Random } from "./support/random.ts";

const CACHE_BYTES = 8 * 1024 * 1024;
const ENTRIES = 6000;
const TRANSACTIONS = 12;

/** How often each entry was written; 0 = it is not there. */
type Writes = Uint8Array;

function valueOf(entry: number, writes: number): Uint8Array {
  // Now and then a value is in runs, so that pages are given back by the run.
  return new Uint8Array(entry % 50 === 0 ? 20_000 : 1900).fill(entry ^ writes).fill(writes, 0, 9);
}

function keyOf(entry: number): string {
  return `key ${10_000 + entry}`;
}

const original = makeOriginal();

function makeOriginal(): Uint8Array {
  const file = new MemoryFile();
  const db = openOn(file);
  db.tree("a").load(
    Array.from({ length: ENTRIES }, (_, entry) => [keyOf(entry), valueOf(entry, 1)] as const),
  );
  db.close();
  return file.content();
}

/** Changes entries all over the tree. */
function change(db: Database, random: Random, writes: Writes): void {
  const tree = db.tree("a");
  for (let i = 0; i < 40; i++) {
    const entry = random.below(ENTRIES);
    if (random.once(3)) {
      tree.delete(keyOf(entry));
      writes[entry] = 0;
    } else {
      tree.set(keyOf(entry), valueOf(entry, ++writes[entry]));
    }
  }
  const first = random.below(ENTRIES - 60);
  tree.deleteRange({ gte: keyOf(first), lt: keyOf(first + 60) });
  writes.fill(0, first, first + 60);
}

/** Fails unless the database holds exactly this. */
function assertHolds(db: Database, writes: Writes): void {
  let entry = 0;
  for (const [key, value] of db.tree("a")) {
    while (entry < ENTRIES && writes[entry] === 0) entry++;
    assertEquals(new TextDecoder().decode(key), keyOf(entry));
    assert(sameBytes(value, valueOf(entry, writes[entry])), `value ${entry}`);
    entry++;
  }
  assertEquals(writes.findIndex((count, i) => i >= entry && count > 0), -1, "the rest is gone");
}

/** One run in which the `nth` operation of a sort fails, once; whether it came to that. */
function run(nth: number, operation: Operation): boolean {
  const memory = new MemoryFile(original);
  const file = new FaultyFile(memory);
  const { db, session } = openBoth(file, { cacheBytes: CACHE_BYTES });
  const random = new Random(nth);
  let writes: Writes = new Uint8Array(ENTRIES).fill(1);
  let failed: unknown;
  const begun = file.counts[operation];
  file.fault = (asked, count) => asked === operation && count === begun + nth ? "throw" : "none";
  for (let i = 0; i < TRANSACTIONS && failed === undefined; i++) {
    const after = writes.slice();
    try {
      db.writeSync(() => change(db, random, after));
      writes = after;
    } catch (error) {
      assertInstanceOf(error, IoError);
      failed = error;
    }
  }
  file.fault = () => "none";
  assertHolds(db, writes);
  checkDatabase({ db, session });
  if (session.pager.failure === undefined) {
    db.writeSync(() => change(db, random, writes));
    db.close();
    const again = openBoth(memory, { cacheBytes: CACHE_BYTES });
    assertHolds(again.db, writes);
    checkDatabase(again);
    return failed !== undefined;
  }
  assertLatched(db, memory);
  return true;
}

/** The handle writes no more, and the file is not taken for one that was closed well. */
function assertLatched(db: Database, memory: MemoryFile): void {
  try {
    db.close();
    throw new Error("closed as if all were well");
  } catch (error) {
    assertInstanceOf(error, IoError);
  }
  try {
    const again = openOn(memory);
    assertHolds(again, new Uint8Array(ENTRIES).fill(1));
  } catch (error) {
    assertInstanceOf(error, CorruptionError);
  }
}

describe("under pressure", () => {
  const sorts: [Operation, number][] = [["read", 5], ["write", 1], ["sync", 1]];
  for (const [operation, step] of sorts) {
    it(`a ${operation} that fails leaves each transaction done or undone`, () => {
      let runs = 0;
      for (let nth = 1; nth < 4000 * step && run(nth, operation); nth += step) runs++;
      console.log(`${operation}: failed at ${runs} places`);
      assert(runs > 1);
    });
  }
});
