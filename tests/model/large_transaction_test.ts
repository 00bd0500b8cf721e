/**
 * Transactions larger than the cache: they complete, write new pages once, keep memory within the
 * bound or fail with `LimitError`, and roll back completely.
 */

import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LimitError } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { open } from "../../store/open.ts";
import type { OpenOptions } from "../../store/options.ts";
import type { Transaction } from "../../store/transaction.ts";
import { collectNow } from "../support/memory.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

const MIB = 1024 * 1024;
const CACHE: OpenOptions = { cacheBytes: 8 * MIB };
const VALUE_BYTES = 500;
/** About 4 times the cache. */
const ENTRIES = 4 * 8 * MIB / 540 | 0;

function keyOf(entry: number): string {
  return `entry ${String(entry).padStart(8, "0")}`;
}

function valueOf(entry: number, salt = 0): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES);
  new DataView(value.buffer).setUint32(0, entry);
  return value.fill(entry * 31 + salt, 4);
}

function* allEntries(): Generator<[string, Uint8Array]> {
  for (let entry = 0; entry < ENTRIES; entry++) yield [keyOf(entry), valueOf(entry)];
}

/** The numbers below `count` in a shuffled order. */
function shuffled(count: number, seed: number): number[] {
  const random = new Random(seed);
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  return numbers;
}

/** Fails unless the tree has exactly the entries. */
function expectAll(db: Database, salt = 0): void {
  let entry = 0;
  for (const [key, value] of db.tree("main").entries()) {
    const expected = valueOf(entry, salt);
    const same = value.length === expected.length && value.every((byte, i) => byte === expected[i]);
    if (!same) assertEquals(value, expected, keyOf(entry));
    assertEquals(new TextDecoder().decode(key), keyOf(entry));
    entry++;
  }
  assertEquals([entry, db.tree("main").count()], [ENTRIES, ENTRIES]);
}

/** Runs one callback on a database, and another one after a close and an open. */
function onBoth(
  options: OpenOptions,
  body: (db: Database) => void,
  after: (db: Database) => void,
): void {
  inTempDir((dir) => {
    const path = `${dir}/large.quire`;
    const db = open(path, options);
    body(db);
    after(db);
    db.close();
    const again = open(path, options);
    after(again);
    again.close();
  });
}

class Undo extends Error {}

/** Runs a transaction, and rolls it back. */
function abort(db: Database, body: Parameters<Database["writeSync"]>[0]): void {
  assertThrows(() =>
    db.writeSync((tx) => {
      body(tx);
      throw new Undo();
    }), Undo);
}

describe("the memory of a large transaction", () => {
  /** Memory outside the heap of JavaScript, which is where pages and records are. */
  const outside = () => Deno.memoryUsage().external;
  /** What is in use, without garbage. */
  const inUse = () => {
    collectNow();
    return outside();
  };

  it("is free once the transaction has ended, committed or not", () => {
    const options = { ...CACHE, maxTransactionBytes: 60 * MIB };
    onBoth(options, (db) => {
      db.writeSync((tx) => tx.tree("main").load(allEntries()));
      db.checkpoint();
      const before = inUse();
      let within = 0;
      // The same array for all: the test makes no garbage outside the heap.
      const value = valueOf(0, 1);
      const update = (tx: Transaction, entries: number) => {
        for (let entry = 0; entry < entries; entry++) {
          tx.tree("main").set(keyOf(entry), value);
          if (entry % 1000 === 0) within = Math.max(within, outside());
        }
      };
      assertThrows(() => db.writeSync((tx) => update(tx, ENTRIES)), LimitError);
      assertLess(30 * MIB, within - before);
      assertLess(inUse() - before, 4 * MIB);
      abort(db, (tx) => update(tx, ENTRIES / 2));
      assertLess(inUse() - before, 4 * MIB);
    }, expectAll);
  });
});

describe("a load larger than the cache", () => {
  it("writes each page once, and stays within the cache", () => {
    onBoth(CACHE, (db) => {
      db.writeSync((tx) => tx.tree("main").load(allEntries()));
      db.checkpoint();
      const { pageWrites, pageCount, journalBytesWritten, cachePeakBytes } = db.stats();
      assertLess(pageWrites, pageCount * 1.05);
      assertLess(journalBytesWritten, pageCount * 8192 * 0.02);
      assertLess(cachePeakBytes, 14 * MIB);
    }, expectAll);
  });

  it("leaves nothing after a rollback, and its pages can be reused", () => {
    onBoth(CACHE, (db) => {
      const load = (tx: Transaction) => tx.tree("main").load(allEntries(), { fill: 1 });
      abort(db, load);
      assertEquals(db.trees(), []);
      db.writeSync(load);
      assertLess(db.stats().pageCount * 8192, 4.6 * CACHE.cacheBytes!);
    }, expectAll);
  });
});

describe("a transaction of inserts in any order, larger than the cache", () => {
  it("completes within the cache, even if it changes its own pages", () => {
    // New pages do not count, even if they are loaded and changed again.
    onBoth({ ...CACHE, maxTransactionBytes: 12 * MIB }, (db) => {
      db.writeSync((tx) => {
        const tree = tx.tree("main");
        for (const entry of shuffled(ENTRIES, 1)) tree.set(keyOf(entry), valueOf(entry));
        for (let entry = 0; entry < ENTRIES; entry += 97) {
          assertEquals(tree.get(keyOf(entry)), valueOf(entry));
        }
      });
      assertLess(db.stats().cachePeakBytes, 14 * MIB);
    }, expectAll);
  });

  it("keeps the changes of savepoints, and drops those rolled back", () => {
    onBoth(CACHE, (db) => {
      db.writeSync((tx) => {
        const order = shuffled(ENTRIES, 2);
        for (let from = 0; from < ENTRIES; from += 5000) {
          const some = order.slice(from, from + 5000);
          abort(db, (inner) => {
            for (const entry of some) inner.tree("main").set(keyOf(entry), valueOf(entry, 9));
            for (const entry of order.slice(0, 2000)) inner.tree("main").delete(keyOf(entry));
          });
          db.writeSync((inner) => {
            for (const entry of some) inner.tree("main").set(keyOf(entry), valueOf(entry));
          });
        }
        assertEquals(tx.tree("main").count(), ENTRIES);
      });
    }, expectAll);
  });

  it("can be rolled back completely after a commit", () => {
    onBoth(CACHE, (db) => {
      db.writeSync((tx) => tx.tree("main").load(allEntries()));
      abort(db, (tx) => {
        for (const entry of shuffled(ENTRIES, 3)) {
          tx.tree("main").set(keyOf(entry), valueOf(entry, 5));
          if (entry % 3 === 0) tx.tree("other").set(keyOf(entry), valueOf(entry));
          if (entry % 5 === 0) tx.tree("main").delete(keyOf(entry));
        }
      });
      assertEquals(db.trees(), ["main"]);
      assertEquals(db.stats().cacheUsedBytes, CACHE.cacheBytes);
    }, expectAll);
  });
});

describe("a value larger than the cache", () => {
  it("is written and read back", () => {
    const bytes = new Uint8Array(40 * MIB);
    for (let i = 0; i < bytes.length; i += 512) bytes[i] = i / 512;
    onBoth(CACHE, (db) => {
      db.writeSync((tx) => tx.tree("main").set("large", bytes));
      assertLess(db.stats().cachePeakBytes, 14 * MIB);
    }, (db) => {
      const value = db.tree("main").get("large")!;
      assertEquals(value.length, bytes.length);
      for (let i = 0; i < bytes.length; i += 512) {
        if (value[i] !== bytes[i]) assertEquals(value[i], bytes[i]);
      }
    });
  });
});

describe("maxTransactionBytes", () => {
  const options = { ...CACHE, maxTransactionBytes: 4 * MIB };

  it("ends a transaction that exceeds it, and changes nothing", () => {
    onBoth(options, (db) => {
      db.writeSync((tx) => tx.tree("main").load(allEntries()));
      const { version } = db;
      const update = () =>
        db.writeSync((tx) => {
          for (let entry = 0; entry < ENTRIES; entry++) {
            tx.tree("main").set(keyOf(entry), valueOf(entry, 1));
          }
        });
      assertThrows(update, LimitError, "Cannot write: the transaction changes more than 4194304");
      assertEquals(db.version, version);
    }, expectAll);
  });

  it("does not limit new pages, in any order of changes", () => {
    onBoth(options, (db) => {
      db.writeSync((tx) => {
        for (const entry of shuffled(ENTRIES, 4)) tx.tree("main").set(keyOf(entry), valueOf(entry));
      });
      assertLess(db.stats().cachePeakBytes, 16 * MIB);
    }, expectAll);
  });

  it("limits each transaction separately", () => {
    onBoth(options, (db) => {
      db.writeSync((tx) => tx.tree("main").load(allEntries()));
      for (let from = 0; from < ENTRIES; from += 2000) {
        db.writeSync((tx) => {
          for (let entry = from; entry < Math.min(from + 2000, ENTRIES); entry++) {
            tx.tree("main").set(keyOf(entry), valueOf(entry, 1));
          }
        });
      }
    }, (db) => expectAll(db, 1));
  });

  it("is refused if it is out of range", () => {
    for (const bytes of [0, 1000, 1.5 * MIB + 0.5, NaN, Infinity]) {
      assertThrows(() => open(":memory:", { maxTransactionBytes: bytes }), RangeError);
    }
  });
});
