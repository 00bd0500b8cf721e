// Flights: a commit whose sync runs off the thread is visible at once, and its promise resolves
// after the sync. Commits made meanwhile share the next flight.

import { setImmediate } from "node:timers";
import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Durability, IoError, MemoryFile, Pager } from "../../pager/mod.ts";
import { bytesOf, openOn } from "../../tests/support/databases/database.ts";
import { FLIES } from "../../tests/support/databases/flush_policies.ts";
import { runProgram } from "../../tests/support/programs/program.ts";
import { Database } from "../database.ts";
import { Session } from "./session.ts";

const MIB = 1024 * 1024;
const VALUE = new Uint8Array([1]);

/** A file whose syncs off the thread end when the test says so. */
class WaitingFile extends MemoryFile {
  /** The syncs that have started and not ended. */
  readonly started: PromiseWithResolvers<void>[] = [];
  /** Syncs in line so far. */
  syncs = 0;
  /** Syncs off the thread so far. */
  starts = 0;
  /** Whether the test ends them; if not, they end in a later turn. */
  waits = true;
  /** Where writes began, in order; -1 is the start of a sync. */
  readonly writes: number[] = [];

  override writeAt(source: Uint8Array, start: number, length: number, position: number): number {
    this.writes?.push(position);
    return super.writeAt(source, start, length, position);
  }

  override sync(): void {
    this.syncs++;
  }

  override startSync(): Promise<void> {
    this.starts++;
    this.writes.push(-1);
    if (!this.waits) return super.startSync();
    const started = Promise.withResolvers<void>();
    this.started.push(started);
    return started.promise;
  }
}

/** A database whose journal has begun, and which always flies. */
function openFlying(journalBytes = 64 * MIB): { db: Database; file: WaitingFile } {
  const file = new WaitingFile();
  const db = new Database(new Session(new Pager(file, { journalBytes }), "sync", false, FLIES));
  db.writeSync((tx) => tx.tree("a").set("first", VALUE));
  return { db, file };
}

/** As `openFlying`, with the session. */
function openSession(): { session: Session; db: Database; file: WaitingFile } {
  const file = new WaitingFile();
  const session = new Session(new Pager(file), "sync", false, FLIES);
  return { session, db: new Database(session), file };
}

/** Lets everything happen that needs no sync. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise has settled, after a turn. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await turn();
  return settled;
}

describe("a commit in a flight", () => {
  it("is visible at once, and acknowledged after its sync", async () => {
    const { db, file } = openFlying();
    const promise = db.tree("a").set("key", VALUE);
    assertEquals(db.tree("a").get("key"), VALUE);
    assertEquals(await isSettled(promise), false);
    assertEquals(db.durableVersion, db.version - 1);
    file.started.shift()!.resolve();
    await promise;
    assertEquals(db.durableVersion, db.version);
    db.close();
  });

  it("shares the next flight with all that are made while one is in the air", async () => {
    const { db, file } = openFlying();
    const tree = db.tree("a");
    const first = tree.set("first", VALUE);
    await turn();
    const others = Array.from({ length: 1000 }, (_, i) => tree.set(`key ${i}`, bytesOf(i, 20)));
    assertEquals([await isSettled(others[0]!), file.starts], [false, 1]);
    file.started.shift()!.resolve();
    await first;
    assertEquals([await isSettled(others[0]!), file.starts], [false, 2]);
    file.started.shift()!.resolve();
    await Promise.all(others);
    assertEquals(file.starts, 2);
    db.close();
  });

  it("does not hold up one of a lower level", async () => {
    const { db, file } = openFlying();
    const synced = db.tree("a").set("key", VALUE);
    await turn();
    await db.write((tx) => tx.tree("a").set("other", VALUE), { durability: "buffered" });
    assertEquals(await isSettled(synced), false);
    file.started.shift()!.resolve();
    await synced;
    db.close();
  });

  it("is durable before a writeSync that follows it returns", async () => {
    const { db, file } = openFlying();
    const promise = db.tree("a").set("key", VALUE);
    await turn();
    db.writeSync((tx) => tx.tree("a").set("other", VALUE));
    assertEquals(db.durableVersion, db.version);
    file.started.shift()!.resolve();
    await promise;
    db.close();
  });

  it("has the pages of large values on the medium before the batch that names them", async () => {
    const { db, file } = openFlying();
    const promise = db.tree("a").set("large", new Uint8Array(MIB));
    file.writes.length = 0;
    await turn();
    assertEquals(file.writes, [-1], "only the sync of the pages");
    file.started.shift()!.resolve();
    await turn();
    assertEquals([file.writes.length, file.writes.at(-1)], [3, -1], "the batch and its sync");
    assertEquals(await isSettled(promise), false);
    file.started.shift()!.resolve();
    await promise;
    db.close();
  });
});

describe("pages that flights write", () => {
  it("wait for no sync in line where they are large values that replace others", async () => {
    const { db, file } = openFlying(4 * MIB);
    file.waits = false;
    const tree = db.tree("a");
    const replace = async () => {
      for (let i = 0; i < 30; i++) {
        void tree.set("large", bytesOf(i, 700_000));
        if (i % 3 === 0) await tree.set("small", VALUE);
        if (i % 3 === 1) await turn();
      }
      await tree.set("small", VALUE);
    };
    await replace(); // The journal grows.
    const { syncs } = file;
    await replace();
    assertEquals(file.syncs - syncs, 0, "syncs in line");
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").get("large"), bytesOf(29, 700_000));
    again.close();
    db.close();
  });

  it("are evicted within the bound of the cache, without a sync in line", async () => {
    const file = new WaitingFile();
    file.waits = false;
    const pager = new Pager(file, { cacheBytes: 16 * MIB, journalBytes: 4 * MIB });
    const db = new Database(new Session(pager, "sync", false, FLIES));
    const tree = db.tree("a");
    const fill = async () => {
      for (let i = 0; i < 9; i++) {
        for (let j = 0; j < 50; j++) void tree.set(`${i} ${j}`, bytesOf(i, 40_000));
        await turn();
        for (let j = 0; j < 50; j++) tree.get(`${(i + 5) % 9} ${j}`);
      }
      await tree.set("last", VALUE);
    };
    for (let i = 0; i < 3; i++) await fill(); // The journal grows.
    const { syncs } = file;
    const { evictions } = db.stats();
    await fill();
    assert(db.stats().evictions - evictions > 100, `${db.stats().evictions} evictions`);
    assert(db.stats().cachePeakBytes <= 16 * MIB, `${db.stats().cachePeakBytes} bytes`);
    assertEquals(file.syncs - syncs, 0, "syncs in line");
    db.close();
  });
});

describe("the end of a database with a flight in the air", () => {
  it("writes everything in line, and resolves what waits", async () => {
    const { db, file } = openFlying();
    const first = db.tree("a").set("one", VALUE);
    await turn();
    const second = db.tree("a").set("two", VALUE);
    db.close();
    const again = openOn(new MemoryFile(file.content()));
    assertEquals([again.tree("a").get("one"), again.tree("a").get("two")], [VALUE, VALUE]);
    assertEquals(again.stats().recovery, undefined, "it was closed cleanly");
    again.close();
    await second;
    assertEquals(await isSettled(first), false);
    file.started.shift()!.resolve();
    await first;
    assertEquals(file.started.length, 0);
  });

  it("waits for syncs off the thread with await using", async () => {
    const { db, file } = openFlying();
    const promise = db.tree("a").set("one", VALUE);
    await turn();
    file.waits = false;
    const { syncs } = file;
    const closed = db[Symbol.asyncDispose]();
    assertEquals(await isSettled(closed), false);
    file.started.shift()!.resolve();
    await closed;
    await promise;
    assertEquals(file.syncs - syncs, 0, "syncs in line");
    await db[Symbol.asyncDispose]();
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.stats().recovery, undefined, "it was closed cleanly");
    again.close();
  });

  it("moves pages in turns with await using, without a sync in line", async () => {
    const { db, file } = openFlying();
    file.waits = false;
    const tree = db.tree("a");
    for (let i = 0; i < 12; i++) await tree.set(`key ${i}`, bytesOf(i, 450_000));
    for (let i = 0; i < 10; i++) await tree.delete(`key ${i}`);
    const { syncs } = file;
    await db[Symbol.asyncDispose]();
    assertEquals(file.syncs - syncs, 0, "syncs in line");
    assert(file.size() < 2 * MIB, `${file.size()} bytes`);
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.stats().recovery, undefined, "it was closed cleanly");
    assertEquals(again.tree("a").get("key 11"), bytesOf(11, 450_000));
    again.close();
  });

  it("moves pages in line although the flight does not land", async () => {
    const { db, file } = openFlying();
    file.waits = false;
    const tree = db.tree("a");
    for (let i = 0; i < 12; i++) await tree.set(`key ${i}`, bytesOf(i, 450_000));
    for (let i = 0; i < 10; i++) await tree.delete(`key ${i}`);
    file.waits = true;
    const last = tree.set("last", VALUE);
    await turn();
    assertGreater(file.started.length, 0);
    db.close();
    assert(file.size() < 2 * MIB, `${file.size()} bytes`);
    for (const { resolve } of file.started) resolve();
    await last;
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").get("key 11"), bytesOf(11, 450_000));
    assertEquals(again.tree("a").get("last"), VALUE);
    again.close();
  });

  it("packs leaves in line, and then cuts the file", async () => {
    const { db, file } = openFlying();
    file.waits = false;
    for (let done = 0; done < 20_000; done += 1000) {
      await db.write((tx) => {
        for (let i = done; i < done + 1000; i++) {
          tx.tree("a").set(`key ${Math.imul(i, 0x9e3779b1) * 7919 >>> 0}`, bytesOf(i, 400));
        }
      });
      await turn();
    }
    db.close();
    assert(file.size() < 1.3 * 20_000 * 414, `${file.size()} bytes`);
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").count(), 20_001);
    again.close();
  });

  it("packs leaves in line, with more records than its journal takes", async () => {
    const { db, file } = openFlying(2 * MIB);
    for (let done = 0; done < 16_000; done += 500) {
      db.writeSync((tx) => {
        // 7,919 has no divisor in common with the number of keys.
        for (let i = done; i < done + 500; i++) {
          tx.tree("a").set(`key ${i * 7919 % 16_000}`, bytesOf(i, 400));
        }
      });
    }
    db.writeSync((tx) => {
      for (let i = 0; i < 16_000; i++) if (i % 5 < 2) tx.tree("a").delete(`key ${i}`);
    });
    const leaves = db.tree("a").stats()!.leafPages;
    db.checkpoint();
    const first = db.tree("a").set("one", VALUE);
    await turn();
    db.close();
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").count(), 9602);
    const packed = again.tree("a").stats()!.leafPages;
    assert(packed < 0.7 * leaves, `${packed} of ${leaves} leaves`);
    assert((await again.verify()).ok);
    again.close();
    for (const { resolve } of file.started) resolve();
    await first;
  });

  it("ends a close in line that has begun with await using, at any of its syncs", async () => {
    for (let synced = 0;; synced++) {
      const { db, file } = openFlying();
      const closed = db[Symbol.asyncDispose]();
      let isClosed = false;
      void closed.then(() => isClosed = true);
      for (let i = 0; i < synced && !isClosed; i++) {
        await turn();
        file.started.shift()?.resolve();
      }
      await turn();
      if (isClosed) return assert(synced > 5, `${synced} syncs`);
      db.close();
      const again = openOn(new MemoryFile(file.content()));
      assertEquals(again.stats().recovery, undefined, `it was closed cleanly after ${synced}`);
      assertEquals(again.tree("a").get("first"), VALUE);
      again.close();
      for (const { resolve } of file.started) resolve();
      await closed;
    }
  });
});

describe("a flight that fails", () => {
  it("rejects its commits and those that gathered, and all later ones", async () => {
    const { db, file } = openFlying();
    const tree = db.tree("a");
    const first = tree.set("one", VALUE);
    await turn();
    const second = tree.set("two", VALUE);
    file.started.shift()!.reject(new Error("simulated"));
    await assertRejects(() => first, IoError, "Cannot sync: simulated");
    await assertRejects(() => second, IoError, "an earlier write or sync failed");
    await assertRejects(() => tree.set("three", VALUE), IoError, "an earlier write or sync failed");
    assertEquals(tree.get("one"), VALUE, "reads go on");
    await assertRejects(async () => await Promise.resolve().then(() => db.close()), IoError);
  });

  it("does not reject what a flush in line has made durable meanwhile", async () => {
    const { db, file } = openFlying();
    const first = db.tree("a").set("one", VALUE);
    await turn();
    db.close();
    file.started.shift()!.reject(new Error("simulated"));
    await first;
  });
});

describe("promises that nobody awaits", () => {
  it("end in one unhandled rejection, however many share a flight that fails", async () => {
    const program =
      new URL("../../tests/support/programs/unhandled_child.ts", import.meta.url).href;
    assertEquals(await runProgram(program, [], {}), { code: 0, out: "1\n", err: "" });
  });
});

describe("a checkpoint in flights", () => {
  it("makes no sync in line, and ends while commits go on", async () => {
    const { db, file } = openFlying(2 * MIB);
    file.waits = false;
    const tree = db.tree("a");
    const { syncs } = file;
    for (let i = 0; db.stats().checkpoints < 3 && i < 2000; i++) {
      await Promise.all([tree.set(`key ${i % 50}`, bytesOf(i, 20_000)), tree.set("hot", VALUE)]);
    }
    assertEquals([db.stats().checkpoints, file.syncs - syncs], [3, 0]);
    db.close();
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").get("hot"), VALUE);
    assert((await again.verify()).ok);
    again.close();
  });
});

describe("a journal that flights fill", () => {
  it("grows before it is full, without a sync in line", async () => {
    const { db, file } = openFlying();
    file.waits = false;
    const { syncs } = file;
    for (let i = 0; i < 1500; i++) await db.tree("a").set(`key ${i}`, bytesOf(i, 20_000));
    const areas = db.inspect().file().journal!.areas;
    assert(areas.every(({ chunks }) => chunks.length > 2), JSON.stringify(areas));
    assertEquals(file.syncs - syncs, 0, "syncs in line");
    assert((await db.verify()).ok);
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").get("key 1499"), bytesOf(1499, 20_000));
    again.close();
    db.close();
  });
});

describe("many sets at once in a small file", () => {
  /** Sets 70 values of 20 KB, five eighths of an area; returns the syncs until they resolve. */
  async function burst(db: Database, file: WaitingFile, round: number): Promise<number> {
    const { starts } = file;
    const tree = db.tree("a");
    const sets = Array.from({ length: 70 }, (_, i) => tree.set(`${i}`, bytesOf(i + round, 20_000)));
    await Promise.all(sets);
    return file.starts - starts;
  }

  it("wait for two flights at most, while checkpoints go on by others", async () => {
    const { db, file } = openFlying();
    file.waits = false;
    let most = 0;
    for (let round = 0; round < 12; round++) {
      most = Math.max(most, await burst(db, file, round));
      await turn();
    }
    const { checkpoints } = db.stats();
    assert(most <= 2, `${most} syncs`);
    assert(checkpoints > 1, `${checkpoints} checkpoints`);
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").get("69"), bytesOf(69 + 11, 20_000));
    assert((await again.verify()).ok);
    again.close();
    db.close();
  });
});

describe("a journal that keeps much of the file", () => {
  it("moves behind the data while commits go on, without a sync in line", async () => {
    const file = new WaitingFile();
    file.waits = false;
    const open = () => {
      const pager = new Pager(file, { journalBytes: 2 * MIB, tailBytes: 2 * MIB });
      return new Database(new Session(pager, "sync", false, FLIES));
    };
    const first = open();
    for (let i = 0; i < 5; i++) {
      first.writeSync((tx) => tx.tree("gone").set(`${i}`, bytesOf(i, 1_900_000)));
    }
    first.close();
    const db = open();
    db.dropTree("gone");
    const tree = db.tree("a");
    const { syncs } = file;
    for (let i = 0; file.size() > 8 * MIB && i < 1000; i++) {
      const others = [tree.set("hot", VALUE), turn().then(() => tree.set("late", bytesOf(i, 100)))];
      await Promise.all([tree.set(`key ${i % 50}`, bytesOf(i, 20_000)), ...others]);
    }
    assertEquals(file.syncs - syncs, 0, "syncs in line");
    assert(file.size() <= 8 * MIB, `${file.size()} bytes`);
    const again = openOn(new MemoryFile(file.content()));
    assertEquals(again.tree("a").get("late"), tree.get("late"));
    assert((await again.verify()).ok);
    again.close();
    await db[Symbol.asyncDispose]();
    assertEquals(file.syncs - syncs, 0, "syncs in line");
  });
});

describe("a slice of a checkpoint, where commits fly", () => {
  it("lets the flights of commits take it, even if one is always in the air", async () => {
    const { session, db, file } = openSession();
    const commits: Promise<void>[] = [];
    for (let i = 0; db.stats().checkpoints === 0; i++) {
      assert(i < 40, "the checkpoint ends");
      commits.push(db.tree("a").set(`key ${i}`, VALUE));
      await turn();
      assert(session.isFlying && session.checkpointSlice());
      file.started.shift()!.resolve();
    }
    file.waits = false;
    for (const { resolve } of file.started) resolve();
    await Promise.all(commits);
    db.close();
  });

  for (const [name, isClose, most] of [["", false, 16], [" of a close", true, 26]] as const) {
    it(`shares a sync with the other slices${name}`, async () => {
      const { session, db, file } = openSession();
      file.waits = false;
      const change = (value: Uint8Array, durability: Durability) =>
        db.writeSync((tx) => {
          for (let i = 0; i < 1000; i++) tx.tree("a").set(`${i}`.padStart(9), value);
        }, { durability });
      // Two entries in a leaf: more pages than so many landings write.
      change(bytesOf(0, 3_000), "sync");
      db.checkpoint();
      change(bytesOf(1, 3_000), "none");
      const { starts } = file;
      if (isClose) await db[Symbol.asyncDispose]();
      else while (session.checkpointSlice()) await turn();
      assertLess(file.starts - starts, most);
      if (!isClose) db.close();
    });
  }
});

describe("an idle database that flies", () => {
  it("moves a large journal behind the data, once nothing is in the air", async () => {
    const file = new WaitingFile();
    file.waits = false;
    const session = new Session(new Pager(file), "sync", false, FLIES);
    const db = new Database(session);
    const value = bytesOf(1, 450_000);
    for (let i = 0; i < 20; i++) db.writeSync((tx) => tx.tree("a").set(`key ${i}`, value));
    db.writeSync((tx) => {
      for (let i = 2; i < 20; i++) tx.tree("a").delete(`key ${i}`);
    });
    assertGreater(db.inspect().file().journal!.areas.flatMap(({ chunks }) => chunks).length, 2);
    const before = file.size();
    while (session.checkpointSlice()) await turn();
    assert(file.size() < before - 4 * MIB, `${file.size()} bytes, ${before} before`);
    assertEquals(db.tree("a").get("key 1"), value);
    db.close();
  });
});
