// Compaction of an open database: asked for, beside other work, and by itself while it is idle.
// Pages, versions and writes are counted, never time.

import { setTimeout } from "node:timers/promises";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, CorruptionError, format, MemoryFile, Pager } from "../../pager/mod.ts";
import {
  bytesOf,
  change,
  checkDatabase,
  contentOf,
  openBoth,
  type Opened,
} from "../../tests/support/databases/database.ts";
import { FLIES } from "../../tests/support/databases/flush_policies.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { Image } from "../../tests/support/files/image.ts";
import { HANG_MS } from "../../tests/support/programs/hang.ts";
import { Database } from "../database.ts";
import { Session } from "../write/session.ts";

const MIB = 1024 * 1024;
const { CHUNK_BYTES, KIND_LEAF, PAGE_BYTES } = format;
/** Two chunks of pages, and both areas of a journal without commits. */
const COMPACT_BYTES = 3 * CHUNK_BYTES + MIB / 4;

/** A file whose syncs off the thread are long. */
class SlowFile extends MemoryFile {
  /** The time of each, in milliseconds. */
  static readonly SYNC_MS = 20;
  /** The syncs off the thread so far. */
  syncs = 0;

  override startSync(): Promise<void> {
    this.syncs++;
    return setTimeout(SlowFile.SYNC_MS);
  }
}

/** Sets entries with values of a length. */
function fill({ db }: Opened, name: string, count: number, length: number): void {
  change(db, name, (tree) => {
    for (let i = 0; i < count; i++) tree.set(`key ${i}`.padEnd(9), bytesOf(i, length));
  });
}

/** A database with 8 MiB of free pages before its trees "kept" and "values". */
function withGaps(file: MemoryFile = new MemoryFile()): Opened {
  const opened = openBoth(file);
  fill(opened, "gone", 16, 500_000);
  fill(opened, "kept", 2000, 400);
  fill(opened, "values", 12, 100_000);
  change(opened.db, "gone", (tree) => tree.clear());
  return opened;
}

/** A database whose leaves keep one entry of four. */
function thinned(count: number): Opened {
  const opened = openBoth(new MemoryFile());
  fill(opened, "thin", count, 200);
  change(opened.db, "thin", (tree) => {
    for (let i = 0; i < count; i++) if (i % 4 > 0) tree.delete(`key ${i}`.padEnd(9));
  });
  return opened;
}

/** The leaves of a database, and how full they are. */
function leavesOf(db: Database): { leaves: number; fill: number } {
  const { pagesOfKind, usedBytesOfKind } = db.census();
  const leaves = pagesOfKind[KIND_LEAF]!;
  return { leaves, fill: usedBytesOfKind[KIND_LEAF]! / leaves / PAGE_BYTES };
}

/** Waits until a condition holds. */
async function until(is: () => boolean): Promise<void> {
  const end = performance.now() + HANG_MS;
  while (!is() && performance.now() < end) await setTimeout(5);
  assert(is(), "it did not happen");
}

describe("Database.compact()", () => {
  it("makes the file shorter while it is open, and keeps all entries", async () => {
    const file = new MemoryFile();
    const opened = withGaps(file);
    const content = contentOf(opened.db);
    const before = file.size();
    const { pagesMoved, bytesBefore, bytesAfter } = await opened.db.compact();
    assertGreater(pagesMoved, 200);
    assertEquals([bytesBefore, bytesAfter], [before, file.size()]);
    assertLess(file.size(), COMPACT_BYTES);
    assertEquals(opened.db.stats().journalUsedBytes, 0, "everything is in the pages of the file");
    assertEquals(contentOf(opened.db), content);
    checkDatabase(opened);
    assertEquals((await opened.db.compact()).pagesMoved, 0, "nothing is left to move");
    opened.db.close();
  });

  it("packs thin leaves first, and keeps all entries", async () => {
    const opened = thinned(12_000);
    const { db } = opened;
    const content = contentOf(db);
    const before = leavesOf(db);
    assertGreater((await db.compact()).pagesMoved, 0);
    const after = leavesOf(db);
    assertGreater(after.fill, 0.85);
    assertLess(after.leaves, before.leaves * 0.7);
    assertEquals(contentOf(db), content);
    checkDatabase(opened);
    assertEquals((await db.compact()).pagesMoved, 0, "nothing is left to pack");
    db.close();
  });

  it("moves a bounded number of pages in a transaction", async () => {
    const opened = withGaps();
    const { session, db } = opened;
    const runSlice = session.runSlice.bind(session);
    const spans: number[] = [];
    session.runSlice = (slice) => {
      const before = session.context.allocator.pagesFreed;
      const more = runSlice(slice);
      spans.push(session.context.allocator.pagesFreed - before);
      return more;
    };
    // A slice ends after the value of 13 pages that reaches its 48, or 128 if nobody else commits.
    await db.compact({ budgetMs: 1000 });
    assertLess(Math.max(...spans), 128 + 13);
    db.close();
  });

  it("writes each page that it moves once while nobody else commits", async () => {
    const opened = openBoth(new MemoryFile());
    const { db } = opened;
    fill(opened, "gone", 32, 500_000);
    change(db, "kept", (tree) => {
      const keys = Array.from({ length: 20_000 }, (_, i) => String(i).padStart(5, "0"));
      tree.load(keys.map((key, i) => [key, bytesOf(i, 400)] as const), { fill: 1 });
    });
    change(db, "gone", (tree) => tree.clear());
    db.checkpoint();
    const written = () => db.stats().pageWrites * PAGE_BYTES + db.stats().journalBytesWritten;
    const before = written();
    const { pagesMoved } = await db.compact();
    assertGreater(pagesMoved, 900);
    assertLess(written() - before, 1.2 * pagesMoved * PAGE_BYTES);
    checkDatabase(opened);
    db.close();
  });

  it("waits for the checkpoints that shorten and move both areas of the journal", async () => {
    const opened = withGaps();
    const { db, session } = opened;
    const { checkpointSlice, moveJournal, runSlice } = session;
    let events = "";
    let checkpoints = 6;
    session.checkpointSlice = () => {
      events += "c";
      if (checkpoints-- <= 0) return checkpointSlice.call(session);
      change(db, "values", (tree) => tree.set("key", bytesOf(checkpoints, 9)));
      session.pager.checkpoint();
      return true;
    };
    session.moveJournal = () => {
      events += "j";
      return moveJournal.call(session);
    };
    session.runSlice = (...slice) => {
      events += "s";
      return runSlice.apply(session, slice);
    };
    const { pagesMoved } = await db.compact();
    assertGreater(pagesMoved, 100);
    assertMatch(events, /^s*c{6,}j+s+/, "no page moves before the journal has");
    db.close();
  });

  it("leaves the thread alone while syncs run off it", async () => {
    const file = new SlowFile();
    const session = new Session(new Pager(file), "sync", false, FLIES);
    const db = new Database(session);
    fill({ db, session }, "gone", 16, 500_000);
    fill({ db, session }, "kept", 2000, 400);
    change(db, "gone", (tree) => tree.clear());
    let looks = 0;
    for (const name of ["checkpointSlice", "moveJournal"] as const) {
      const method = session[name].bind(session);
      session[name] = () => {
        looks++;
        return method();
      };
    }
    await db.compact();
    assertGreater(file.syncs, 4);
    assertLess(looks, file.syncs * 2 * SlowFile.SYNC_MS);
    db.close();
  });

  it("moves one slice for each flight of those who commit", async () => {
    const file = new SlowFile();
    const session = new Session(new Pager(file), "sync", false, FLIES);
    const db = new Database(session);
    fill({ db, session }, "gone", 16, 500_000);
    fill({ db, session }, "kept", 4000, 400);
    change(db, "gone", (tree) => tree.clear());
    const tree = db.tree("kept");
    let isOver = false;
    let most = 0;
    const commits = (async () => {
      for (let i = 0; !isOver; i++) {
        const before = db.stats().journalBytesWritten;
        await tree.set("key 1".padEnd(9), bytesOf(i, 400));
        most = Math.max(most, db.stats().journalBytesWritten - before);
      }
    })();
    const { pagesMoved } = await db.compact();
    isOver = true;
    await commits;
    assertGreater(pagesMoved, 100);
    // A commit waits for two flights at most.
    assertLess(most, 2 * 60 * PAGE_BYTES);
    db.close();
  });

  it("goes on while others change, create, rename and drop what it moves", async () => {
    const opened = withGaps();
    const { db } = opened;
    let i = 0;
    const work = setInterval(() => {
      i++;
      change(db, "kept", (tree) => {
        tree.set(`key ${i * 7 % 2000}`.padEnd(9), bytesOf(i, 900));
        tree.delete(`key ${i * 11 % 2000}`.padEnd(9));
      });
      change(db, `values`, (tree) => {
        tree.set(`key ${i % 12}`.padEnd(9), bytesOf(i, i % 2 === 0 ? 60 : 50_000));
      });
      change(db, `new ${i}`, (tree) => tree.set("key", bytesOf(i, 10)));
      if (i % 3 === 0) db.renameTree(`new ${i}`, `old ${i}`);
      if (i % 4 === 0) db.dropTree(`new ${i - 2}`);
    }, 0);
    const { pagesMoved } = await db.compact({ budgetMs: 0.1 });
    clearInterval(work);
    // How many is left to chance: the others change, and drop, what was to be moved.
    assertGreater(pagesMoved, 0);
    assertGreater(i, 2);
    const [content, { findings }] = [contentOf(db), await db.verify()];
    assertEquals(findings, []);
    checkDatabase(opened);
    await db.compact();
    assertEquals(contentOf(db), content);
    checkDatabase(opened);
    db.close();
  });

  it("is no change for watchers, snapshots and open iterators", async () => {
    const opened = withGaps();
    const { db } = opened;
    const watcher = db.tree("kept").watch();
    using snapshot = db.snapshot();
    const entries = db.tree("kept").entries();
    entries.next();
    const values = db.tree("values").entries().toArray();
    await db.compact();
    assertEquals(snapshot.tree("values").entries().toArray(), values);
    assertEquals(entries.toArray().length, 1999);
    change(db, "kept", (tree) => tree.set("later", bytesOf(1, 1)));
    assertEquals((await watcher.next()).value?.changes.length, 1, "only the one that follows");
    await watcher.return();
    db.close();
  });

  it("returns the space of what a snapshot saw once that has ended", async () => {
    const file = new MemoryFile();
    const { db } = withGaps(file);
    const snapshot = db.snapshot();
    await db.compact();
    assertGreater(file.size(), 8 * MIB);
    snapshot.close();
    await db.compact();
    assertLess(file.size(), COMPACT_BYTES);
    db.close();
  });

  it("reports progress, ends on a signal, and rejects if the database is closed", async () => {
    const { db } = withGaps();
    const ended = new AbortController();
    const shown: number[] = [];
    const onProgress = ({ phase, done, total }: { phase: string; done: number; total: number }) => {
      assertEquals([phase, done <= total], ["moves", true]);
      shown.push(done);
    };
    const aborted = db.compact({ signal: ended.signal });
    ended.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
    await db.compact({ onProgress });
    assertGreater(shown.length, 0);
    assertEquals(shown, shown.toSorted((a, b) => a - b));
    const closed = db.compact();
    db.close();
    await assertRejects(() => closed, ClosedError);
  });

  it("rejects at a damaged page, and keeps what it moved before", async () => {
    const file = new MemoryFile();
    const first = withGaps(file);
    using snapshot = first.db.snapshot();
    first.db.close();
    snapshot.close();
    const image = new Image(file.content());
    image.destroy(image.pagesOf([KIND_LEAF], 2)[30]!);
    const opened = openBoth(image.file());
    await assertRejects(() => opened.db.compact(), CorruptionError);
    const { findings } = await opened.db.verify();
    assertEquals(findings.length, 1, "the damaged page alone");
    opened.db.close();
  });
});

describe("an idle database", () => {
  it("compacts itself, and then rests without a read or a write", async () => {
    const file = new FaultyFile(new MemoryFile());
    const opened = openBoth(file);
    const { db } = opened;
    fill(opened, "gone", 16, 500_000);
    fill(opened, "kept", 2000, 400);
    change(db, "gone", (tree) => tree.clear());
    const content = contentOf(db);
    await until(() => db.stats().fileBytes < COMPACT_BYTES);
    await until(() => db.stats().journalUsedBytes === 0);
    // What is left of the tail, and the new journal, may follow.
    for (let seen = "", left = 10; seen !== JSON.stringify([file.counts, db.version]); left--) {
      assert(left > 0, "it rests");
      seen = JSON.stringify([file.counts, db.version]);
      await setTimeout(1300);
    }
    assertEquals(contentOf(db), content);
    checkDatabase(opened);
    db.close();
  });

  it("packs thin leaves once, if these are many", async () => {
    const opened = thinned(36_000);
    const { db } = opened;
    const content = contentOf(db);
    await until(() => leavesOf(db).fill > 0.85);
    for (let version = -1, pauses = 0; version !== db.version; pauses++) {
      version = db.version;
      await setTimeout(1200);
      assertLess(pauses, 4, "it comes to rest");
    }
    assertEquals(contentOf(db), content);
    checkDatabase(opened);
    db.close();
  });

  it("ends its compaction at a commit, and begins none while a snapshot is open", async () => {
    for (;;) {
      const { db, session } = withGaps();
      let slices = 0;
      let committedAt = Infinity;
      const runSlice = session.runSlice.bind(session);
      session.runSlice = (slice) => {
        slices++;
        const more = runSlice(slice);
        if (slices !== 3) return more;
        // A commit of a user between two slices.
        change(db, "kept", (tree) => tree.set("key", bytesOf(1, 1)));
        committedAt = performance.now();
        return more;
      };
      await until(() => slices >= 3);
      await setTimeout(300);
      using _ = db.snapshot();
      // Where the machine paused for so long, the database has been idle again.
      if (performance.now() - committedAt < 900) {
        assertEquals(slices, 3);
        await setTimeout(1200);
        assertEquals(slices, 3);
        return db.close();
      }
      db.close();
    }
  });
});
