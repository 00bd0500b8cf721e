// Group commit: the changes of one turn of the event loop reach the disk together, at the requested
// durability, and a disk failure rejects all waiting promises.

import { clearImmediate, setImmediate } from "node:timers";
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Durability, IoError, MemoryFile, Pager } from "../../pager/mod.ts";
import { bytesOf, change, openOn } from "../../tests/support/databases/database.ts";
import { FLIES, IN_LINE } from "../../tests/support/databases/flush_policies.ts";
import { always, FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Database } from "../database.ts";
import { Session } from "./session.ts";

const VALUE = new Uint8Array([1]);
const MIB = 1024 * 1024;

/** A database whose journal has begun, on a file that counts calls. */
function openCounted(durability: Durability = "sync"): { db: Database; file: FaultyFile } {
  const file = new FaultyFile(new MemoryFile());
  const db = new Database(new Session(new Pager(file), durability));
  change(db, "a", (tree) => tree.set("first", VALUE));
  return { db, file };
}

/** The number of writes and syncs of a file. */
function countsOf({ counts }: FaultyFile): number {
  return counts.write + counts.sync;
}

describe("group commit", () => {
  it("takes 10,000 changes of one turn to the disk in a few writes", async () => {
    const { db, file } = openCounted();
    const before = countsOf(file);
    const tree = db.tree("a");
    const promises = Array.from({ length: 10_000 }, (_, i) => tree.set(`key ${i}`, bytesOf(i, 20)));
    assertEquals(tree.count(), 10_001, "made at once");
    await Promise.all(promises);
    assertLess(countsOf(file) - before, 100);
    assertEquals([db.version, db.durableVersion], [10_001, 10_001]);
    db.close();
  });

  it("gives all of a turn with nothing to hand on one promise, others their own", async () => {
    const { db } = openCounted();
    const tree = db.tree("a");
    const [one, other] = [tree.set("one", VALUE), tree.set("other", VALUE)];
    assert(one === other);
    assertEquals(await Promise.all([one, tree.delete("one"), tree.delete("one")]), [
      undefined,
      true,
      false,
    ]);
    assert(one !== tree.set("one", VALUE));
    db.close();
  });

  it("lets the event loop run first where the policy yields, and takes its commits", async () => {
    const file = new FaultyFile(new MemoryFile());
    const turns: boolean[] = [];
    const policy = {
      ...IN_LINE,
      yields: true,
      noteTurn: (gathered: boolean) => turns.push(gathered),
    };
    const db = new Database(new Session(new Pager(file), "sync", false, policy));
    const tree = db.tree("a");
    await tree.set("alone", VALUE);
    assertEquals(turns, [false]);
    const before = countsOf(file);
    const other = new Promise((resolve) => setImmediate(() => resolve(tree.set("other", VALUE))));
    await tree.set("first", VALUE);
    assertEquals([turns, db.durableVersion, tree.has("other")], [[false, true], db.version, true]);
    assertEquals(countsOf(file) - before, 1);
    await other;
    db.close();
  });

  it("takes changes of several turns one by one", async () => {
    const { db, file } = openCounted();
    const before = countsOf(file);
    for (let i = 0; i < 50; i++) {
      await db.tree("a").set("key", bytesOf(i, 20));
      assertEquals(db.durableVersion, db.version);
    }
    assert(countsOf(file) - before >= 50);
    db.close();
  });

  it("rejects all waiting promises when the disk fails, and all later ones", async () => {
    const { db, file } = openCounted();
    const tree = db.tree("a");
    const promises = Array.from({ length: 100 }, (_, i) => tree.set(`key ${i}`, VALUE));
    promises.push(db.write((tx) => tx.tree("b").set("key", VALUE)));
    file.fault = always("throw", "write", "sync");
    const results = await Promise.allSettled(promises);
    for (const result of results) {
      assert(result.status === "rejected" && result.reason instanceof IoError);
    }
    file.fault = () => "none";
    await assertRejects(() => tree.set("later", VALUE), IoError, "an earlier write or sync failed");
    await assertRejects(async () => await Promise.resolve().then(() => db.close()), IoError);
  });

  it("resolves what waits when the database is closed first", async () => {
    const file = new MemoryFile();
    const db = openOn(file);
    const promise = db.tree("a").set("key", VALUE);
    db.close();
    await promise;
    const again = openOn(file);
    assertEquals(again.tree("a").get("key"), VALUE);
    again.close();
  });
});

describe("a turn with more changes than the journal holds", () => {
  const VALUES = 4_000;
  const options = { journalBytes: 2 * MIB, cacheBytes: 16 * MIB };

  /** Makes 40 MB of changes to 20 keys in one turn; returns what they resolve with. */
  function burst(db: Database, durability: Durability): Promise<unknown>[] {
    return Array.from({ length: VALUES }, (_, i) => {
      const set = () => change(db, "a", (tree) => tree.set(`key ${i % 20}`, bytesOf(i, 10_000)));
      return db.write(set, { durability });
    });
  }

  for (const [way, policy] of [["in line", IN_LINE], ["in flights", FLIES]] as const) {
    for (const durability of ["sync", "buffered", "none"] as const) {
      it(`uses the journal again in the turn, ${way}, at durability ${durability}`, async () => {
        const pager = new Pager(new MemoryFile(), options);
        const db = new Database(new Session(pager, "sync", false, policy));
        await db.tree("a").set("first", VALUE);
        const promises = burst(db, durability);
        const { checkpoints, fileBytes, journalUsedBytes } = db.stats();
        assert(checkpoints > 2);
        assertLess(journalUsedBytes, 8 * MIB);
        assertLess(fileBytes, 48 * MIB);
        assertLess(pager.pendingBytes, 1.1 * MIB);
        await Promise.all(promises);
        assertEquals(db.version, VALUES + 1);
        db.close();
      });
    }
  }

  it("rejects all of the turn when the disk fails in the middle", async () => {
    const file = new FaultyFile(new MemoryFile());
    const db = new Database(new Session(new Pager(file, options), "sync"));
    await Promise.all(burst(db, "sync"));
    file.fault = always("throw", "write");
    const results = await Promise.allSettled(burst(db, "sync"));
    for (const result of results) {
      assert(result.status === "rejected" && result.reason instanceof IoError);
    }
    await assertRejects(async () => await Promise.resolve().then(() => db.close()), IoError);
  });
});

describe("a journal that is full before the checkpoint has ended", () => {
  /** A database whose checkpoint has begun, and has 60 chunks to write. */
  async function behind(): Promise<Database> {
    const pager = new Pager(new MemoryFile(), { journalBytes: 2 * MIB });
    const db = new Database(new Session(pager, "sync", false, IN_LINE));
    await db.write((tx) => {
      for (let i = 0; i < 60; i++) tx.tree("a").set(`large ${i}`, new Uint8Array(2 * MIB));
    });
    await fill(db, "first", 1.2 * MIB);
    return db;
  }

  /** Sets 20 KB per key. Resolves when all values are durable. */
  async function fill(db: Database, name: string, bytes: number): Promise<void> {
    const tree = db.tree("b");
    const count = Math.ceil(bytes / 20_000);
    await Promise.all(Array.from({ length: count }, (_, i) => {
      return tree.set(`${name} ${i}`, bytesOf(i, 20_000));
    }));
  }

  it("delays only callers that await a promise", async () => {
    const db = await behind();
    assertEquals(db.stats().checkpoints, 0);
    let turns = 0;
    const count = () => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await fill(db, "second", 2.5 * MIB);
    clearImmediate(next);
    assert(turns > 30, `${turns} turns of the event loop`);
    assertEquals(db.stats().checkpoints, 1);
    assertLess(db.stats().journalUsedBytes, 4 * MIB);
    db.close();
  });

  it("is waited for synchronously where no promise is awaited", async () => {
    const db = await behind();
    for (let i = 0; i < 150 && db.stats().checkpoints === 0; i++) {
      db.writeSync((tx) => tx.tree("b").set(`second ${i}`, bytesOf(i, 100_000)));
      assertLess(db.stats().journalUsedBytes, 2.3 * MIB);
    }
    assert(db.stats().checkpoints > 0);
    db.close();
  });

  it("does not keep anybody waiting once the database is closed", async () => {
    const db = await behind();
    const promise = fill(db, "second", 2.5 * MIB);
    await Promise.resolve();
    db.close();
    await promise;
  });
});

describe("a checkpoint of a lone caller", () => {
  /** Notes the bytes that each sync in line takes to the medium. */
  class NotedSyncs extends FaultyFile {
    readonly inLine: number[] = [];

    override sync(): void {
      this.inLine.push(this.#takeBytes());
      super.sync();
    }

    override startSync(): Promise<void> {
      this.#takeBytes();
      return super.startSync();
    }

    #takeBytes(): number {
      return this.writes.splice(0).reduce((sum, { length }) => sum + length, 0);
    }
  }

  it("waits in line for no sync that takes many pages to the medium", async () => {
    const file = new NotedSyncs(new MemoryFile());
    const policy = { ...IN_LINE, fliesWithPages: true };
    const pager = new Pager(file, { journalBytes: 2 * MIB });
    const db = new Database(new Session(pager, "sync", false, policy));
    const tree = db.tree("a");
    const set = async (first: number, count: number) => {
      await db.write((tx) => {
        for (let i = 0; i < count; i++) {
          tx.tree(tree).set(`key ${(first + i * 7919) % 12_000}`, bytesOf(first + i, 500));
        }
      });
    };
    await set(0, 12_000);
    db.checkpoint();
    const pages = db.stats().pageWrites;
    file.inLine.length = 0;
    for (let i = 0; db.stats().checkpoints === 1; i++) {
      await set(i * 31, 20);
      assertLess(i, 1000);
    }
    assert(db.stats().pageWrites - pages > 800, `${db.stats().pageWrites - pages} pages`);
    assertLess(Math.max(...file.inLine), 5 * MIB);
    db.close();
  });
});

describe("durability", () => {
  const levels: [Durability, boolean, boolean][] = [
    ["sync", true, true],
    ["buffered", true, false],
    ["none", false, false],
  ];
  for (const [level, writes, lasts] of levels) {
    const what = `${writes ? "writes" : "does not write"} and ${lasts ? "waits" : "does not wait"}`;
    it(`${level} ${what}, of a database and of one transaction`, async () => {
      for (const ofDatabase of [true, false]) {
        const { db, file } = openCounted(ofDatabase ? level : "sync");
        const options = ofDatabase ? {} : { durability: level };
        for (const wait of [true, false]) {
          const [before, durable] = [file.counts.write, db.durableVersion];
          const callback = () => change(db, "a", (tree) => tree.set(`key ${wait}`, VALUE));
          if (wait) await db.write(callback, options);
          else db.writeSync(callback, options);
          assertEquals(file.counts.write > before, writes);
          assertEquals(db.durableVersion, lasts ? db.version : durable);
        }
        db.close();
      }
    });
  }

  it("of the most demanding counts for all of a turn", async () => {
    const { db } = openCounted("buffered");
    const promises = [
      db.tree("a").set("b", VALUE),
      db.write((tx) => tx.tree("a").set("c", VALUE), { durability: "sync" }),
      db.tree("a").set("d", VALUE),
    ];
    await Promise.all(promises);
    assertEquals(db.durableVersion, db.version);
    db.close();
  });
});
