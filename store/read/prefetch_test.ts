/**
 * `prefetch`: what it brings in, how it reads, where it stops, and how it ends.
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BTree } from "../../btree/mod.ts";
import { pagesOfReferenced } from "../../btree/value/value.ts";
import { ClosedError, CorruptionError, format } from "../../pager/mod.ts";
import {
  bytesOf,
  change,
  openBoth,
  type Opened,
  utf8,
} from "../../tests/support/databases/database.ts";
import { ColdFile } from "../../tests/support/files/cold_file.ts";
import { open, string, type Tree } from "../mod.ts";

const { PAGE_BYTES } = format;
const MIB = 1024 * 1024;
const CACHE_BYTES = 8 * MIB;
/** In random order, so that neighbours in the tree are apart in the file. */
const ENTRIES = 30_000;
const LARGE_EVERY = 100;
const LARGE_BYTES = 20_000;

function keyAt(i: number): string {
  return `key ${String(i).padStart(6, "0")}`;
}

const content = makeContent();

/** A tree "a" of 12 MiB, and a tree "other" that fills the cache. */
function makeContent(): Uint8Array {
  const file = new ColdFile();
  const { db } = openBoth(file);
  change(db, "a", (tree) => {
    for (let i = 0; i < ENTRIES; i++) {
      const at = (i * 7919) % ENTRIES;
      tree.set(keyAt(at), bytesOf(at, lengthAt(at)));
    }
  });
  change(db, "other", (tree) => {
    for (let i = 0; i < 6000; i++) tree.set(keyAt(i), bytesOf(i, 2000));
  });
  db.checkpoint();
  // A close after much was written would bring the leaves together.
  const left = new ColdFile(file.content());
  db.close();
  openBoth(left).db.close();
  return left.content();
}

interface Cold extends Opened {
  readonly file: ColdFile;
  readonly tree: Tree;
}

/** Opens the database with a small cache, which is full of the other tree, or empty. */
function openCold({ isFull = true, bytes = content } = {}): Cold {
  const file = new ColdFile(bytes);
  const opened = openBoth(file, { cacheBytes: CACHE_BYTES });
  if (isFull) { for (const _ of opened.db.tree("other").values()); }
  const tree = opened.db.tree("a");
  // The name is looked up once, and blocks.
  tree.get("before all keys");
  file.cool();
  return { ...opened, file, tree };
}

/** Keys of different leaves, none of which the full cache holds. */
function farKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => keyAt(5000 + (i * 571) % 20_000));
}

/** The length of a value: some are in runs, and some in pages that they share. */
function lengthAt(i: number): number {
  if (i % LARGE_EVERY === 7) return LARGE_BYTES;
  return i % LARGE_EVERY === 9 ? 2300 : 200;
}

/** Fails unless an action reads nothing. */
function assertReadsNothing(file: ColdFile, action: () => void): void {
  const { reads } = file;
  action();
  assertEquals(file.reads, reads, "reads after the prefetch");
}

describe("prefetch() of keys", () => {
  for (const isFull of [true, false]) {
    it(`lets get() of each read nothing, with a ${isFull ? "full" : "empty"} cache`, async () => {
      const { db, tree, file } = openCold({ isFull });
      // With room, a miss loads a chunk.
      const keys = farKeys(isFull ? 100 : 2);
      assert(await tree.prefetch(keys));
      assertEquals(file.coldReads, 0, "reads that blocked");
      assertGreater(file.startedReads, 0);
      assertReadsNothing(file, () => {
        for (const key of keys) assert(tree.has(key));
      });
      db.close();
    });
  }

  it("brings in large values, unless they are not wanted", async () => {
    const { db, tree, file } = openCold();
    const large = keyAt(9007);
    assert(await tree.prefetch([large], { values: false }));
    const { reads } = file;
    assert(tree.has(large));
    assertEquals(file.reads, reads);
    assert(await tree.prefetch([large]));
    assertEquals(file.coldReads, 0);
    assertReadsNothing(file, () => assertEquals(tree.get(large)?.length, LARGE_BYTES));
    db.close();
  });

  it("has several reads in flight, and at most 16", async () => {
    const { db, tree, file } = openCold();
    await tree.prefetch(farKeys(100));
    assertEquals(file.mostInFlight, 16);
    db.close();
  });

  it("shares reads with others that need the same pages", async () => {
    const { db, tree, file } = openCold();
    await Promise.all(Array.from({ length: 64 }, () => tree.prefetch([keyAt(9000)])));
    assertGreater(file.startedReads, 0);
    assertLess(file.startedReads, 10);
    db.close();
  });

  it("does not read the headers of a chunk again soon", async () => {
    const { db, tree, file } = openCold();
    await tree.prefetch(farKeys(100), { values: false });
    const { startedReads } = file;
    await tree.prefetch([keyAt(4000)], { values: false });
    assertEquals(file.startedReads - startedReads, 1);
    assertEquals(file.coldReads, 0);
    db.close();
  });

  it("stops at half of the cache, and takes no more keys", async () => {
    const { db, tree, file } = openCold();
    let taken = 0;
    const endless = function* () {
      for (;;) yield keyAt((taken++ * 571) % ENTRIES);
    };
    assertEquals(await tree.prefetch(endless()), false);
    assertEquals(file.coldReads, 0);
    assertLess(taken, ENTRIES);
    assertLess(db.stats().pageReads * PAGE_BYTES, 2 * CACHE_BYTES);
    db.close();
  });

  it("lets other work run between slices, if no page is missing either", async () => {
    const { db, tree } = openCold();
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error("enough")), 1);
    const endless = function* () {
      for (;;) yield keyAt(1);
    };
    const { signal } = controller;
    await assertRejects(() => tree.prefetch(endless(), { signal }), Error, "enough");
    clearTimeout(timer);
    db.close();
  });

  it("does nothing for keys that are missing, or trees", async () => {
    const { db, tree } = openCold();
    assert(await tree.prefetch(["a", "z", "key 5"]));
    assert(await db.tree("none").prefetch(["a"]));
    assert(await db.tree("none").prefetch());
    db.close();
  });
});

describe("prefetch() of a range", () => {
  const ranges = {
    "with bounds": { gte: keyAt(9000), lt: keyAt(9500) },
    "with a prefix": { prefix: "key 0090" },
    "backward": { gt: keyAt(9100), lte: keyAt(9300), reverse: true },
    "with a limit": { gte: keyAt(9000), limit: 300 },
    "backward with a limit": { lt: keyAt(9000), limit: 300, reverse: true },
  };
  for (const [what, range] of Object.entries(ranges)) {
    it(`lets a scan read nothing: ${what}`, async () => {
      const { db, tree, file } = openCold();
      assert(await tree.prefetch(range));
      assertEquals(file.coldReads, 0);
      assertGreater(file.startedReads, 0);
      assertReadsNothing(file, () => {
        for (const [key, { length }] of tree.entries(range)) {
          const i = Number(new TextDecoder().decode(key).slice(4));
          assertEquals(length, lengthAt(i));
        }
      });
      db.close();
    });
  }

  it("reads few pages for a small limit", async () => {
    const { db, tree, file } = openCold();
    assert(await tree.prefetch({ gte: keyAt(9000), limit: 5 }));
    // A branch, a leaf or two, the large value, and headers.
    assertLess(file.startedReads, 9);
    assert(await tree.prefetch({ gte: keyAt(9000), limit: 0 }));
    assert(await tree.prefetch({ gte: "b", lt: "a" }));
    db.close();
  });

  it("stops at half of the cache", async () => {
    const { db, tree, file } = openCold();
    assertEquals(await tree.prefetch(), false);
    assertEquals(file.coldReads, 0);
    assertLess(db.stats().pageReads * PAGE_BYTES, 2 * CACHE_BYTES);
    db.close();
  });
});

describe("prefetch() while other things happen", () => {
  it("continues if the tree changes", async () => {
    const { db, tree, file } = openCold();
    let changes = 0;
    file.onEnd = () => {
      const at = 9000 + changes++ * 10;
      change(db, tree, (inside) => {
        inside.deleteRange({ gte: keyAt(at), lt: keyAt(at + 9) });
        for (let i = 0; i < 20; i++) inside.set(`${keyAt(at)} ${i}`, bytesOf(i, 500));
      });
    };
    const range = { gte: keyAt(9000), lt: keyAt(11_000) };
    await Promise.all([tree.prefetch(range), tree.prefetch(farKeys(50))]);
    assertGreater(changes, 5);
    file.onEnd = () => {};
    assert(await tree.prefetch(range));
    assertEquals(tree.entries(range).toArray().length, tree.count(range));
    db.close();
  });

  it("ends if the tree is dropped", async () => {
    const { db, tree, file } = openCold();
    file.onEnd = () => {
      if (db.trees().length > 0) void db.dropTree("a");
    };
    assert(await tree.prefetch(farKeys(50)));
    db.close();
  });

  it("rejects if the database is closed", async () => {
    for (const what of [{}, farKeys(50)]) {
      const { db, tree } = openCold();
      const later = tree.prefetch(what);
      db.close();
      await assertRejects(() => later, ClosedError, "Cannot use the database: it is closed");
    }
  });

  it("rejects if its snapshot is closed", async () => {
    const { db } = openCold();
    const snapshot = db.snapshot();
    const later = snapshot.tree("a").prefetch(farKeys(50));
    snapshot.close();
    await assertRejects(() => later, ClosedError, "Cannot read the snapshot: it is closed");
    db.close();
  });

  it("rejects with the reason of its signal, and starts no more reads", async () => {
    const { db, tree, file } = openCold();
    const controller = new AbortController();
    const reason = new Error("the client is gone");
    file.onEnd = () => controller.abort(reason);
    const { signal } = controller;
    await assertRejects(() => tree.prefetch({}, { signal }), Error, reason.message);
    const { startedReads } = file;
    assertLess(startedReads, 40);
    await assertRejects(() => tree.prefetch(["a"], { signal }), Error, reason.message);
    assertEquals(file.startedReads, startedReads);
    db.close();
  });

  it("is refused inside a transaction", async () => {
    const { db, tree } = openCold();
    const tried: Promise<boolean>[] = [];
    db.writeSync((tx) => {
      tried.push(tree.prefetch(), tx.tree(tree).prefetch(["a"]), tx.tree("none").prefetch());
    });
    for (const later of tried) {
      await assertRejects(() => later, TypeError, "Cannot prefetch: a transaction is open");
    }
    db.close();
  });
});

describe("prefetch() of a snapshot", () => {
  it("brings in what the snapshot shows", async () => {
    const { db, tree, file } = openCold();
    using snapshot = db.snapshot();
    change(db, tree, (inside) => {
      inside.deleteRange({ gte: keyAt(9000), lt: keyAt(10_000) });
      for (let i = 12_000; i < 12_100; i++) inside.set(keyAt(i), bytesOf(0, 1));
    });
    const old = snapshot.tree(tree);
    old.get("before all keys");
    for (const _ of db.tree("other").values());
    file.cool();
    const ranges = [
      { gte: keyAt(9000), lt: keyAt(10_000) },
      { gte: keyAt(12_000), lt: keyAt(12_100) },
    ];
    for (const range of ranges) {
      assert(await old.prefetch(range));
      assertEquals(file.coldReads, 0);
      assertReadsNothing(file, () => {
        for (const [, { length }] of old.entries(range)) assertGreater(length, 1);
      });
    }
    db.close();
  });
});

describe("prefetch() of damaged pages", () => {
  /** The database, with the page damaged that a function finds. */
  function openDamaged(pageIn: (entries: BTree) => number): Cold {
    const page = pageIn(openCold().session.findTree("a")!.btree);
    const bytes = content.slice();
    bytes.set(bytesOf(1, 100), page * PAGE_BYTES);
    return openCold({ bytes });
  }
  const key = keyAt(9007);

  it("resolves to false, and the read that needs one raises the error", async () => {
    const { db, tree, file } = openDamaged(({ nodes }) => nodes.leafFor(utf8(key), 10).page);
    assertEquals(await tree.prefetch([key, keyAt(20_001)]), false);
    assertReadsNothing(file, () => assert(tree.has(keyAt(20_001))));
    assertThrows(() => tree.get(key), CorruptionError);
    assertEquals(await tree.prefetch({ gte: keyAt(9000), limit: 500 }), false);
    db.close();
  });

  it("resolves to false for one in the middle of a large value", async () => {
    const { db, tree } = openDamaged((entries) => {
      const { bytes, at } = entries.find(utf8(key))!;
      return [...pagesOfReferenced(entries.reader, entries.id, bytes, at)].at(-1)!;
    });
    assertEquals(await tree.prefetch([key]), false);
    assert(await tree.prefetch([key], { values: false }));
    assertThrows(() => tree.get(key), CorruptionError);
    db.close();
  });
});

describe("prefetch() of a database in memory", () => {
  it("resolves without reading, and refuses what it refuses elsewhere", async () => {
    using db = open(":memory:");
    const tree = db.tree("a", { key: string, value: string });
    await tree.set("one", "um");
    assert(await tree.prefetch());
    assert(await tree.prefetch(["one"]));
    await assertRejects(() => tree.prefetch([7 as never]), TypeError, "Cannot encode");
  });
});
