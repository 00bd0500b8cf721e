// The size of the file beside the pages in use, closed and open, for several mixes of work. Bytes
// and pages are counted, never time.

import { setImmediate } from "node:timers";
import { assert, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import {
  assertContent,
  bytesOf,
  change,
  checkDatabase,
  contentOf,
  openBoth,
  type Opened,
  openOn,
} from "../support/databases/database.ts";
import { FLIES } from "../support/databases/flush_policies.ts";
import { Random } from "../support/random.ts";

const { CHUNK_BYTES, CHUNK_PAGES, KIND_FREE, KIND_JOURNAL, KIND_LEAF, PAGE_BYTES } = format;
const MIB = 1024 * 1024;

/** The bytes of the pages in use, with the header pages that they need. */
function usedBytes(db: Database): number {
  const { pagesOfKind } = db.census();
  const total = pagesOfKind.reduce((sum, pages) => sum + pages, 0);
  const used = total - pagesOfKind[KIND_FREE]! - pagesOfKind[KIND_JOURNAL]!;
  return (used + Math.ceil(used / (CHUNK_PAGES - 1))) * PAGE_BYTES;
}

/** Fails unless the closed file has little more than its pages in use, and all of its content. */
function expectCompact(db: Database, file: MemoryFile): void {
  const most = Math.floor(1.1 * usedBytes(db)) + CHUNK_BYTES;
  const content = contentOf(db);
  db.close();
  assert(file.size() <= most, `${file.size()} bytes closed, at most ${most}`);
  const again = openBoth(file);
  assertContent(contentOf(again.db), content);
  checkDatabase(again);
  again.db.close();
}

/** Fails unless the open file has, after a checkpoint, little more than its pages in use. */
function expectOpen(db: Database, file: MemoryFile): void {
  db.checkpoint();
  const most = Math.floor(1.1 * usedBytes(db)) + CHUNK_BYTES + 4 * MIB;
  assert(file.size() <= most, `${file.size()} bytes open, at most ${most}`);
}

/** The bytes that the journal of an open file holds. */
function journalBytes({ session }: Opened): number {
  const { areas } = session.pager.inspection().journal()!;
  return areas.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
}

/** The most bytes of an open file beside what the journal holds. */
function openBytesMax(opened: Opened): number {
  const journal = 2 * journalBytes(opened);
  return Math.floor(1.1 * usedBytes(opened.db)) + journal + 4 * MIB + CHUNK_BYTES;
}

/** Commits single entries until a checkpoint has taken the rest, and the file is in proportion. */
function commitUntilInProportion(opened: Opened, file: MemoryFile): void {
  for (let commits = 0;; commits++) {
    if (journalBytes(opened) < MIB && file.size() <= openBytesMax(opened)) return;
    assertLess(commits, 200);
    for (let i = 0; i < 20; i++) {
      change(opened.db, "single", (tree) => tree.set(`${i}`, bytesOf(commits, 60)));
    }
  }
}

/** Sets random keys, a thousand a transaction. */
function setRandom(db: Database, tree: string, count: number, seed: number, length = 60): void {
  const random = new Random(seed);
  for (let done = 0; done < count; done += 1000) {
    change(db, tree, (entries) => {
      for (let i = 0; i < 1000; i++) {
        entries.set(`k${random.u32()}`, bytesOf(done + i, length));
      }
    });
  }
}

/** The bytes of all keys and values. */
function liveBytes(db: Database): number {
  let bytes = 0;
  for (const name of db.trees()) {
    db.tree(name).visit({}, (key, value) => {
      bytes += key.length + value.length;
    });
  }
  return bytes;
}

/** The leaves of a database, and how full they are. */
function leavesOf(db: Database): { leaves: number; fill: number } {
  const { pagesOfKind, usedBytesOfKind } = db.census();
  const leaves = pagesOfKind[KIND_LEAF]!;
  return { leaves, fill: usedBytesOfKind[KIND_LEAF]! / leaves / PAGE_BYTES };
}

describe("a closed file", () => {
  it("of ten entries has less than 100 KiB, and 4.2 MiB while it was open", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    for (let i = 0; i < 10; i++) change(db, "t", (tree) => tree.set(`${i}`, bytesOf(i, 60)));
    assert(file.size() < 4.2 * MIB, `${file.size()} bytes open`);
    db.close();
    assert(file.size() < 100 * 1024, `${file.size()} bytes closed`);
  });

  it("of random sets is in proportion", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    setRandom(db, "t", 40_000, 1);
    expectCompact(db, file);
  });

  it("of growing values is in proportion", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    for (let round = 1; round <= 8; round++) {
      change(db, "index", (tree) => {
        for (let i = 0; i < 300; i++) tree.set(`word${i}`, bytesOf(i, round * (200 + i * 3)));
      });
    }
    expectCompact(db, file);
  });

  it("of values of medium length is in proportion, and moves the pages that they share", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    const random = new Random(4);
    for (let i = 0; i < 3000; i++) {
      const length = 1025 + random.below(3000);
      change(db, "t", (tree) => tree.set(`k${random.below(2000)}`, bytesOf(i, length)));
      if (i % 3 === 2) change(db, "t", (tree) => tree.delete(`k${random.below(2000)}`));
    }
    expectCompact(db, file);
  });

  for (const length of [1100, 1500, 1900, 2048, 2200, 3000]) {
    it(`of values of ${length} bytes has at most a quarter more than these`, () => {
      const file = new MemoryFile();
      const db = openOn(file);
      const random = new Random(length);
      const count = 5_000_000 / length;
      for (let done = 0; done < count; done += 50) {
        change(db, "t", (tree) => {
          for (let i = 0; i < 50; i++) tree.set(`k${random.u32()}`, bytesOf(done + i, length));
        });
      }
      const most = 1.25 * liveBytes(db);
      db.close();
      assert(file.size() <= most, `${file.size()} bytes, at most ${most}`);
    });
  }

  it("of one chunk has no gap before values outside of leaves, once most were deleted", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    const keys = Array.from({ length: 150 }, (_, i) => String(i).padStart(3, "0"));
    change(db, "t", (tree) => keys.forEach((key, i) => tree.set(key, bytesOf(i, 9000 + i))));
    change(db, "t", (tree) => keys.forEach((key, i) => i % 10 === 9 || tree.delete(key)));
    const [content, live] = [contentOf(db), liveBytes(db)];
    db.close();
    assert(file.size() < 1.3 * live + 8 * PAGE_BYTES, `${file.size()} bytes for ${live}`);
    const again = openBoth(file);
    assertContent(contentOf(again.db), content);
    checkDatabase(again);
    again.db.close();
  });

  it("does not keep the space of a large value that was deleted", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    change(db, "t", (tree) => tree.set("large", new Uint8Array(10 * MIB)));
    change(db, "t", (tree) => tree.set("small", bytesOf(1, 60)));
    change(db, "t", (tree) => tree.delete("large"));
    expectCompact(db, file);
    assert(file.size() < 100 * 1024, `${file.size()} bytes closed`);
  });

  it("is in proportion after a process was killed, and the next one wrote nothing", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    setRandom(db, "first", 20_000, 8);
    setRandom(db, "second", 2_000, 9);
    change(db, "first", (tree) => tree.clear());
    const killed = new MemoryFile(file.content());
    db.close();
    expectCompact(openOn(killed), killed);
  });

  it("has no gaps where most of the entries before a tree were deleted", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    setRandom(db, "first", 20_000, 2);
    setRandom(db, "second", 5_000, 3);
    change(db, "third", (tree) => {
      for (let i = 0; i < 6; i++) tree.set(`${i}`, bytesOf(i, 300_000));
    });
    change(db, "first", (tree) => tree.clear());
    expectCompact(db, file);
  });
});

describe("a close", () => {
  /** A file with free pages before those in use. */
  function withGaps(): MemoryFile {
    const file = new MemoryFile();
    const db = openOn(file);
    setRandom(db, "first", 20_000, 5);
    setRandom(db, "second", 3_000, 6);
    const snapshot = db.snapshot();
    change(db, "first", (tree) => tree.clear());
    db.close();
    snapshot[Symbol.dispose]();
    return file;
  }

  it("moves nothing while a snapshot is open", () => {
    assert(withGaps().size() > 3 * MIB);
  });

  it("moves nothing when the session wrote nothing", () => {
    const file = withGaps();
    const before = file.content();
    const db = openOn(file);
    assert(db.tree("second").count() > 2000);
    db.close();
    const after = file.content();
    assert(before.every((byte, i) => after[i] === byte));
  });

  it("moves pages of every tree, roots included, once the session wrote something", () => {
    const file = withGaps();
    const db = openOn(file);
    for (let i = 0; i < 20; i++) change(db, `tree ${i}`, (tree) => tree.set("k", bytesOf(i, 60)));
    expectCompact(db, file);
  });
});

describe("a close with more to move than it may", () => {
  const PAGES_MAX = 4096;
  const VALUE = new Uint8Array(500_000);
  const VALUE_PAGES = 62;

  /** Sets large values, and returns the database with them. */
  function setLarge(db: Database, tree: string): void {
    for (let i = 0; i < 90; i++) change(db, tree, (entries) => entries.set(`k${i}`, VALUE));
  }

  it("moves 4,096 pages, and the next close goes on", () => {
    const file = new MemoryFile();
    let { db, session } = openBoth(file);
    setLarge(db, "gone");
    setLarge(db, "kept");
    db.checkpoint();
    change(db, "gone", (tree) => tree.clear());
    const most = Math.floor(1.1 * usedBytes(db)) + CHUNK_BYTES;
    const before = session.pager.stats().pageWrites;
    db.close();
    const written = session.pager.stats().pageWrites - before;
    assertLess(written, PAGES_MAX + VALUE_PAGES + CHUNK_PAGES);
    assertGreater(file.size(), most);
    db = openOn(file);
    change(db, "other", (tree) => tree.set("k", bytesOf(1, 60)));
    db.close();
    assert(file.size() <= most, `${file.size()} bytes closed, at most ${most}`);
    const again = openBoth(file);
    assert([...again.db.tree("kept").values()].length === 90, "all values are there");
    checkDatabase(again);
  });
});

describe("a close of a database with thin leaves", () => {
  const VALUE_BYTES = 300;
  /** The pages that the close of a session may pack if it wrote less than four times as many. */
  const PACKS_MIN = 1024;

  /** Ends a session in its way, and returns the database of the next one. */
  async function reopened(file: MemoryFile, { db }: Opened, isAwaited: boolean): Promise<Opened> {
    if (isAwaited) await db[Symbol.asyncDispose]();
    else db.close();
    return openBoth(file);
  }

  const WAYS = {
    "in line": [false, undefined],
    "awaited": [true, undefined],
    "awaited, with syncs off the thread": [true, FLIES],
  } as const;
  for (const [way, [isAwaited, policy]] of Object.entries(WAYS)) {
    it(`leaves a file of at most 1.3 times what was set at random: ${way}`, async () => {
      const file = new MemoryFile();
      const opened = openBoth(file, {}, "sync", policy);
      setRandom(opened.db, "t", 30_000, 11, VALUE_BYTES);
      assertLess(leavesOf(opened.db).fill, 0.8);
      const [content, live] = [contentOf(opened.db), liveBytes(opened.db)];
      const again = await reopened(file, opened, isAwaited);
      assertLess(file.size(), 1.3 * live);
      assertContent(contentOf(again.db), content);
      checkDatabase(again);
      again.db.close();
    });
  }

  for (const [least, spread] of [[2100, 1], [3000, 1], [5500, 1], [2000, 18_000]] as const) {
    const lengths = spread === 1 ? `${least} bytes` : `${least} to ${least + spread} bytes`;
    it(`leaves at most 1.2 times the data of values of ${lengths}, set and replaced`, async () => {
      const file = new MemoryFile();
      const opened = openBoth(file);
      const random = new Random(15);
      for (let round = 0; round < 30; round++) {
        change(opened.db, "t", (tree) => {
          for (let i = 0; i < 100; i++) {
            tree.set(`key ${random.below(1000)}`, bytesOf(i, least + random.below(spread)));
          }
        });
      }
      const [content, live] = [contentOf(opened.db), liveBytes(opened.db)];
      const again = await reopened(file, opened, false);
      assertLess(file.size(), 1.2 * live);
      assertContent(contentOf(again.db), content);
      checkDatabase(again);
      again.db.close();
    });
  }

  it("leaves half as many shared pages where half of their values were deleted", async () => {
    const file = new MemoryFile();
    const opened = openBoth(file);
    setRandom(opened.db, "t", 2000, 13, 3000);
    change(opened.db, "t", (tree) => {
      const random = new Random(14);
      for (const key of [...tree.keys()]) if (random.once(2)) tree.delete(key);
    });
    const [content, live] = [contentOf(opened.db), liveBytes(opened.db)];
    const again = await reopened(file, opened, false);
    // Before the close 2.1.
    assertLess(file.size(), 1.3 * live);
    assertContent(contentOf(again.db), content);
    checkDatabase(again);
    again.db.close();
  });

  it("leaves as few where no commit had reached the file before", async () => {
    const file = new MemoryFile();
    const first = openBoth(file);
    setRandom(first.db, "t", 2000, 13, 3000);
    const { db, session } = await reopened(file, first, false);
    const random = new Random(14);
    db.writeSync((tx) => {
      const tree = tx.tree("t");
      for (const key of [...tree.keys()]) if (random.once(2)) tree.delete(key);
    }, { durability: "none" });
    const live = liveBytes(db);
    const again = await reopened(file, { db, session }, false);
    // Before the close 2.1; it changes a bounded number of pages.
    assertLess(file.size(), 1.5 * live);
    checkDatabase(again);
    again.db.close();
  });

  for (const length of [60, 1000, 1030, 3000]) {
    it(`leaves a small file in proportion: values of ${length} bytes, half deleted`, async () => {
      const file = new MemoryFile();
      const first = openBoth(file);
      setRandom(first.db, "t", Math.ceil(4000 / (length + 16)) * 1000, 15, length);
      const { db, session } = await reopened(file, first, false);
      change(db, "t", (tree) => {
        const random = new Random(16);
        for (const key of [...tree.keys()]) if (random.once(2)) tree.delete(key);
      });
      const [content, live] = [contentOf(db), liveBytes(db)];
      const again = await reopened(file, { db, session }, false);
      assertLess(file.size(), 1.3 * live);
      assertContent(contentOf(again.db), content);
      checkDatabase(again);
      again.db.close();
    });
  }

  it("packs in proportion to what the session deleted", async () => {
    const file = new MemoryFile();
    const first = openBoth(file);
    const key = (i: number) => `k${100_000 + i}`;
    first.db.writeSync((tx) =>
      tx.tree("t").load((function* () {
        for (let i = 0; i < 26_000; i++) yield [key(i), bytesOf(i, 1000)] as const;
      })())
    );
    const opened = await reopened(file, first, false);
    const random = new Random(14);
    change(opened.db, "t", (tree) => {
      for (let i = 0; i < 26_000; i++) if (random.once(2)) tree.delete(key(i));
    });
    const count = opened.db.tree("t").count();
    const again = await reopened(file, opened, false);
    // Before the close 2.3, and 1.9 if it packed no more than after other work.
    assertLess(file.size(), 1.3 * liveBytes(again.db));
    assertGreater(leavesOf(again.db).leaves, PACKS_MIN);
    assert(again.db.tree("t").count() === count);
    checkDatabase(again);
    again.db.close();
  });

  it("packs little in a session that wrote little, and the next one goes on", async () => {
    const file = new MemoryFile();
    let opened = openBoth(file);
    setRandom(opened.db, "t", 24_000, 12, 2 * VALUE_BYTES);
    change(opened.db, "t", (tree) => {
      for (const [i, key] of [...tree.keys()].entries()) if (i % 5 < 2) tree.delete(key);
    });
    using snapshot = opened.db.snapshot(); // with which nothing is packed
    const content = contentOf(opened.db);
    opened = await reopened(file, opened, false);
    snapshot.close();
    let { leaves } = leavesOf(opened.db);
    assertGreater(leaves, 2 * PACKS_MIN);
    for (const isAwaited of [false, true]) {
      change(opened.db, "other", (tree) => tree.set("k", bytesOf(1, 60)));
      opened.db.dropTree("other");
      opened = await reopened(file, opened, isAwaited);
      const after = leavesOf(opened.db).leaves;
      assertGreater(leaves - after, PACKS_MIN / 8);
      // Half full leaves: of two that are changed at most one is released.
      assertLess(leaves - after, PACKS_MIN / 2 + 8);
      leaves = after;
    }
    assertContent(contentOf(opened.db), content);
    checkDatabase(opened);
    opened.db.close();
  });
});

describe("a close that is awaited", () => {
  /** Two trees whose pages alternate, of which one is cleared. */
  function withHoles(file: MemoryFile): Opened {
    const opened = openBoth(file);
    for (let turn = 0; turn < 40; turn++) {
      setRandom(opened.db, "kept", 1000, turn);
      setRandom(opened.db, "gone", 1000, turn);
    }
    change(opened.db, "gone", (tree) => tree.clear());
    return opened;
  }

  it("writes at most one chunk of pages in a turn of the event loop", async () => {
    const file = new MemoryFile();
    const { db, session } = withHoles(file);
    const content = contentOf(db);
    const most = Math.floor(1.1 * usedBytes(db)) + CHUNK_BYTES;
    const written = () => session.pager.stats().pageWrites;
    const before = written();
    const closed = db[Symbol.asyncDispose]();
    let mostInTurn = 0;
    while (!session.closed) {
      const soFar = written();
      await new Promise((resolve) => setImmediate(resolve));
      mostInTurn = Math.max(mostInTurn, written() - soFar);
    }
    await closed;
    assertGreater(written() - before, 2 * CHUNK_PAGES);
    assertLess(mostInTurn, CHUNK_PAGES);
    assert(file.size() <= most, `${file.size()} bytes closed, at most ${most}`);
    const again = openBoth(file);
    assertContent(contentOf(again.db), content);
    checkDatabase(again);
  });

  it("ends when the database is closed meanwhile", async () => {
    const file = new MemoryFile();
    const { db } = withHoles(file);
    const closed = db[Symbol.asyncDispose]();
    await new Promise((resolve) => setImmediate(resolve));
    change(db, "more", (tree) => tree.set("k", bytesOf(1, 60)));
    const content = contentOf(db);
    db.close();
    await closed;
    const again = openBoth(file);
    assertContent(contentOf(again.db), content);
    checkDatabase(again);
  });
});

describe("an open file", () => {
  it("is in proportion after random sets", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    setRandom(db, "t", 20_000, 4);
    change(db, "t", (tree) => tree.clear());
    expectOpen(db, file);
    db.close();
  });

  it("is in proportion during random sets, to its pages and to what the journal holds", () => {
    const file = new MemoryFile();
    const opened = openBoth(file);
    for (let step = 0; step < 80; step++) {
      setRandom(opened.db, "t", 1000, step + 1);
      const most = openBytesMax(opened) - CHUNK_BYTES / 2;
      assert(file.size() <= most, `${file.size()} bytes after step ${step}, at most ${most}`);
    }
    opened.db.close();
  });

  it("is in proportion again after large transactions, while single commits go on", () => {
    const file = new MemoryFile();
    const opened = openBoth(file);
    const random = new Random(1);
    for (let step = 0; step < 3; step++) {
      change(opened.db, "t", (tree) => {
        for (let i = 0; i < 12_000; i++) tree.set(`k${random.u32()}`, bytesOf(i, 400));
      });
    }
    commitUntilInProportion(opened, file);
    checkDatabase(opened);
    opened.db.close();
  });

  it("gives the journal's spare chunks back once a snapshot that kept them has ended", () => {
    const file = new MemoryFile();
    const opened = openBoth(file);
    setRandom(opened.db, "t", 40_000, 1, 400);
    const set = (count: number) => {
      for (let i = 0; i < count; i++) {
        change(opened.db, "single", (tree) => tree.set(`${i % 20}`, bytesOf(i, 60)));
      }
    };
    const { checkpoints } = opened.db.stats();
    opened.session.pager.flights.requestCheckpoint();
    for (let i = 0; opened.db.stats().checkpoints === checkpoints; i++) {
      assertLess(i, 200);
      set(1);
    }
    const chunks = () =>
      opened.session.pager.inspection().journal()!.areas.flatMap((area) => area.chunks).length;
    using snapshot = opened.db.snapshot();
    set(100);
    const kept = chunks();
    snapshot.close();
    set(70);
    assert(kept >= 7 && chunks() === 2, `${kept} chunks, then ${chunks()}`);
    checkDatabase(opened);
    opened.db.close();
  });

  it("is in proportion again after half of it was deleted, while single commits go on", () => {
    const file = new MemoryFile();
    const opened = openBoth(file);
    for (let turn = 0; turn < 9; turn++) {
      setRandom(opened.db, "kept", 1000, turn, 1000);
      setRandom(opened.db, "gone", 1000, turn, 1000);
    }
    change(opened.db, "gone", (tree) => tree.clear());
    const content = contentOf(opened.db, ["kept"]);
    commitUntilInProportion(opened, file);
    assertContent(contentOf(opened.db, ["kept"]), content);
    checkDatabase(opened);
    const killed = new MemoryFile(file.content());
    opened.db.close();
    const again = openBoth(killed);
    assertContent(contentOf(again.db, ["kept"]), content);
    checkDatabase(again);
  });

  it("is in proportion after growing values, once it was compacted", async () => {
    const file = new MemoryFile();
    const db = openOn(file);
    for (let round = 1; round <= 8; round++) {
      change(db, "index", (tree) => {
        for (let i = 0; i < 300; i++) tree.set(`word${i}`, bytesOf(i, round * (200 + i * 3)));
      });
    }
    await db.compact();
    expectOpen(db, file);
    db.close();
  });

  it("gives back the space of a tree that was dropped", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    change(db, "kept", (tree) => tree.set("k", bytesOf(1, 60)));
    change(db, "dropped", (tree) => {
      for (let i = 0; i < 30; i++) tree.set(`${i}`, bytesOf(i, 400_000));
    });
    db.checkpoint();
    assert(file.size() > 12 * MIB);
    db.dropTree("dropped");
    expectOpen(db, file);
    expectCompact(db, file);
  });
});

describe("a dropped tree", () => {
  it("owns its pages until all are released", () => {
    const file = new MemoryFile();
    const opened = openBoth(file, {}, "none");
    change(opened.db, "tree", (entries) => {
      for (let i = 0; i < 3000; i++) entries.set(`k${i}`, bytesOf(i, 4000));
    });
    opened.db.dropTree("tree");
    const pages = checkDatabase(opened);
    assert(pages > 100, `${pages} pages are left`);
    opened.db.close();
    const again = openBoth(file);
    checkDatabase(again);
    again.db.close();
  });
});
