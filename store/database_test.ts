// The public interface of a database: trees by name, transactions and savepoints, versions, the
// census, and the figures of stats().

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BTree } from "../btree/mod.ts";
import { format, header, IoError, MemoryFile } from "../pager/mod.ts";
import {
  bytesOf,
  change,
  checkDatabase,
  openBoth,
  openOn,
} from "../tests/support/databases/database.ts";
import { inTempDir } from "../tests/support/temp.ts";
import { makeSample } from "../tests/support/trees/sample.ts";
import { checkTree } from "../tests/support/trees/tree_check.ts";
import { open } from "./open.ts";
import type { KeyRange } from "./read/range.ts";
import type { TransactionTree } from "./write/transaction_tree.ts";

const { CHUNK_SHIFT, KIND_BRANCH, KIND_LEAF, KIND_RUN, PAGE_BYTES, SLOT_MASK } = format;
const VALUE = new Uint8Array([1]);

describe("open()", () => {
  it("makes a file, and finds again what was put into it", () => {
    inTempDir((dir) => {
      const path = `${dir}/file.quire`;
      {
        using db = open(path);
        change(db, "a", (tree) => tree.set("key", bytesOf(1, 5000)));
      }
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["file.quire"]);
      using db = open(path, { readOnly: true });
      assertEquals(db.tree("a").get("key"), bytesOf(1, 5000));
      assertEquals(Deno.statSync(path).size, db.stats().fileBytes);
    });
  });

  it("makes a database of its own for each :memory:", () => {
    using a = open(":memory:");
    using b = open(":memory:");
    change(a, "a", (tree) => tree.set("key", VALUE));
    assertEquals(b.trees(), []);
  });

  it("makes a small file, and leaves one that was only read as it is", async () => {
    await inTempDir(async (dir) => {
      const path = `${dir}/file.quire`;
      open(path).close();
      const bytes = Deno.readFileSync(path);
      assertEquals(bytes.length, 3 * PAGE_BYTES);
      {
        using db = open(path);
        assertEquals([db.trees(), db.tree("a").get("b"), await db.tree("a").delete("b")], [
          [],
          undefined,
          false,
        ]);
      }
      assertEquals(Deno.readFileSync(path), bytes);
    });
  });
});

describe("Database trees", () => {
  it("come in the order of their bytes, and begin with their first entry", () => {
    const db = openOn(new MemoryFile());
    const names = ["b", "a\u00e9", "\u{1f600}", "\uffee", "a", " ", "\0", "a".repeat(1024)];
    names.forEach((name) => db.tree(name));
    assertEquals(db.trees(), []);
    names.forEach((name) => change(db, name, (tree) => tree.set("key", VALUE)));
    assertEquals(new Set(db.trees()), new Set(names));
    assertEquals(db.trees().slice(0, 5), ["\0", " ", "a", "a".repeat(1024), "a\u00e9"]);
    assertEquals(db.trees().slice(-2), ["\uffee", "\u{1f600}"]);
  });

  it("are one object a name", () => {
    const db = openOn(new MemoryFile());
    assertEquals(db.tree("a") === db.tree("a"), true);
    assertEquals(db.tree("a").name, "a");
  });

  it("can be renamed, and their handles follow the names", () => {
    const db = openOn(new MemoryFile());
    const [a, b] = [db.tree("a"), db.tree("b")];
    change(db, a, (tree) => tree.set("key", VALUE));
    db.renameTree("a", "b");
    assertEquals([a.get("key"), b.get("key"), db.trees()], [undefined, VALUE, ["b"]]);
    change(db, a, (tree) => tree.set("other", VALUE));
    assertThrows(() => db.renameTree("a", "b"), RangeError, "it exists");
    assertThrows(() => db.renameTree("c", "d"), RangeError, "it does not exist");
    assertEquals([a.count(), b.count(), db.trees()], [1, 1, ["a", "b"]]);
  });

  it("can be dropped, give their pages back, and begin anew under their name", () => {
    const opened = openBoth(new MemoryFile());
    const { db } = opened;
    const tree = db.tree("a");
    change(db, "other", (other) => other.set("key", VALUE));
    const used = checkDatabase(opened);
    change(db, tree, (inside) => {
      for (let i = 0; i < 5000; i++) {
        inside.set(`key ${i}`, bytesOf(i, i % 100 === 0 ? 9000 : 100));
      }
    });
    assertEquals([db.dropTree("a"), db.dropTree("a"), tree.get("key 1")], [true, false, undefined]);
    assertEquals(checkDatabase(opened), used);
    change(db, tree, (inside) => inside.set("key", VALUE));
    assertEquals([tree.count(), db.trees()], [1, ["a", "other"]]);
  });

  it("come back when the transaction that dropped or renamed them rolls back", () => {
    const opened = openBoth(new MemoryFile());
    const { db } = opened;
    for (const name of ["a", "b"]) change(db, name, (tree) => tree.set("key", VALUE));
    assertThrows(
      () =>
        db.writeSync((tx) => {
          db.dropTree("a");
          db.renameTree("b", "a");
          assertEquals(db.trees(), ["a"]);
          tx.tree("c").set("key", VALUE);
          throw new Error("back");
        }),
      Error,
      "back",
    );
    assertEquals([db.trees(), db.tree("a").count(), db.tree("b").count()], [["a", "b"], 1, 1]);
    checkDatabase(opened);
  });
});

describe("Database.writeSync()", () => {
  it("returns what its callback returns", () => {
    const db = openOn(new MemoryFile());
    assertEquals(db.writeSync(() => 7), 7);
    assertEquals(db.writeSync(() => undefined), undefined);
  });

  it("is one version, all or nothing, and none when nothing changes", async () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("a");
    assertEquals(db.version, 0);
    change(db, tree, (inside) => ["a", "b", "c"].forEach((key) => inside.set(key, VALUE)));
    assertEquals(db.version, 1);
    db.writeSync(() => {});
    assertEquals([db.version, await tree.delete("none"), db.version], [1, false, 1]);
    const error = new Error("back");
    const thrown = assertThrows(() =>
      change(db, tree, (inside) => {
        inside.clear();
        throw error;
      })
    );
    assertEquals([thrown === error, db.version, tree.count()], [true, 1, 3]);
    await tree.set("d", VALUE);
    assertEquals(db.version, 2);
  });

  it("takes nested calls as savepoints", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("a");
    change(db, tree, (outer) => {
      outer.set("a", VALUE);
      assertThrows(() =>
        change(db, tree, (middle) => {
          middle.set("b", VALUE);
          change(db, tree, (inner) => inner.delete("a"));
          throw new Error("back");
        })
      );
      assertEquals([[...outer.keys()].length, [...tree.keys()].length], [1, 1]);
      change(db, tree, (inner) => inner.set("c", VALUE));
    });
    assertEquals([db.version, tree.has("a"), tree.has("b"), tree.has("c")], [1, true, false, true]);
  });

  it("is lost to an error in the middle of a change, caught or not, down to its savepoint", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("a");
    const failToLoad = (inside: TransactionTree) => {
      assertThrows(() => inside.load([["b", VALUE], ["a", VALUE]]), RangeError);
    };
    assertThrows(() => change(db, tree, failToLoad), RangeError, "not after");
    assertEquals(db.trees(), []);
    change(db, tree, (outer) => {
      outer.set("kept", VALUE);
      const bad = 1 as unknown as Uint8Array;
      assertThrows(() => change(db, tree, (inner) => inner.load([["x", bad]])));
    });
    assertEquals([...tree.keys()].length, 1);
  });

  it("is not lost to a mistake that is found before anything changes", () => {
    const db = openOn(new MemoryFile());
    const tree = db.tree("a");
    change(db, tree, (inside) => {
      inside.set("a", VALUE);
      assertThrows(() => inside.set("x".repeat(2049), VALUE), RangeError);
      assertThrows(() => inside.set("b", "c" as unknown as Uint8Array), TypeError);
      assertThrows(() => inside.deleteRange({ limit: 1 } as KeyRange), TypeError);
      assertThrows(() => db.renameTree("x", "y"), RangeError);
      assertThrows(() => db.tree(""), RangeError);
    });
    assertEquals(tree.count(), 1);
  });
});

describe("Database.census()", () => {
  it("tells what a walk of all pages tells", () => {
    const opened = openBoth(new MemoryFile(makeSample().bytes));
    const { db, session } = opened;
    checkDatabase(opened);
    const walked = { leaves: 0, branches: 0, runPages: 0, entries: 0, pages: 0 };
    const { pager, context } = session;
    const trees = db.trees().map((name) => session.findTree(name)!.btree);
    for (const tree of [...trees, new BTree(context, 0, pager.meta.catalogRoot)]) {
      const report = checkTree(tree);
      walked.entries += report.entries;
      for (const page of report.pages) {
        const place = pager.at(page);
        const kind = header.kindOf(pager.frames[place >>> CHUNK_SHIFT]!, place & SLOT_MASK);
        if (kind === KIND_LEAF) walked.leaves++;
        else if (kind === KIND_BRANCH) walked.branches++;
        else walked.runPages++;
        walked.pages++;
      }
    }
    const { pages, chunks, pagesOfKind, entriesOfKind, usedBytesOfKind } = db.census();
    const [free, leaves, branches, , , run, later] = pagesOfKind;
    assertEquals([leaves, branches, run! + later!, entriesOfKind[KIND_LEAF]], [
      walked.leaves,
      walked.branches,
      walked.runPages,
      walked.entries,
    ]);
    assertEquals(pages, db.stats().pageCount);
    // The header page and two superblocks are of no tree.
    assertEquals([chunks, walked.pages + free! + 3], [1, pages]);
    assertEquals(usedBytesOfKind[KIND_RUN], 16_000);
  });

  it("comes chunk by chunk, with the same sums, across chunks", () => {
    const opened = openBoth(new MemoryFile());
    const { db } = opened;
    const entries = function* (): Generator<[string, Uint8Array]> {
      for (let i = 0; i < 3000; i++) yield [`key ${10000 + i}`, bytesOf(i, 2000)];
    };
    change(db, "a", (tree) => tree.load(entries()));
    change(db, "a", (tree) => tree.set("run", bytesOf(1, 300 * PAGE_BYTES)));
    const [chunks, total] = [[...db.chunks()], db.census()];
    assertEquals(chunks.map(({ chunk }) => chunk), chunks.map((_, i) => i));
    assertEquals(chunks.length, total.chunks);
    for (const kind of [KIND_LEAF, KIND_BRANCH, KIND_RUN]) {
      const pages = chunks.flatMap(({ kinds }) => [...kinds]).filter((found) => found === kind);
      assertEquals(pages.length, total.pagesOfKind[kind]);
    }
    assert(chunks.every(({ versions }) => versions.every((version) => version <= db.version)));
    assert(checkDatabase(opened) > 1000);
  });

  it("is refused in a transaction, whose headers are not done", () => {
    const db = openOn(new MemoryFile());
    db.writeSync((tx) => {
      tx.tree("a").set("key", VALUE);
      assertThrows(() => db.census(), TypeError, "a transaction is open");
      assertThrows(() => db.chunks(), TypeError, "a transaction is open");
    });
    assertEquals(db.census().entriesOfKind[KIND_LEAF], 2);
  });

  it("begun before a transaction, is refused in it and not taken for damage", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("key", VALUE));
    const chunks = db.chunks();
    db.writeSync((tx) => {
      tx.tree("a").set("key", bytesOf(1, 9));
      assertThrows(() => chunks.next(), TypeError, "a transaction is open");
    });
  });
});

describe("Database.stats()", () => {
  it("tells version, pages, bytes, cache and writes", () => {
    const db = openOn(new MemoryFile(), { cacheBytes: 8 * 1024 * 1024 });
    const empty = db.stats();
    assertEquals([empty.version, empty.pageCount, empty.fileBytes], [0, 3, 3 * PAGE_BYTES]);
    assertEquals([empty.cacheLimitBytes, empty.evictions, empty.pageWrites], [8 << 20, 0, 0]);
    change(db, "a", (tree) => tree.set("key", bytesOf(1, 3 * PAGE_BYTES)));
    const changed = db.stats();
    assertEquals([changed.version, changed.dirtyChunks], [1, 1]);
    // Header page, two superblocks, catalog, leaf, run of three; two chunks of the journal.
    assertEquals(changed.pageCount, 3 * format.CHUNK_PAGES);
    assert(changed.fileBytes > 2 * format.CHUNK_PAGES * PAGE_BYTES);
    assert(changed.cacheUsedBytes > 0 && changed.cacheUsedBytes <= changed.cachePeakBytes);
    db.checkpoint();
    const written = db.stats();
    assertEquals([written.dirtyChunks, written.pageCount], [0, changed.pageCount]);
    assert(written.pageWrites >= 6 && written.writeCalls >= 1);
    db.checkpoint();
    assertEquals(db.stats(), written, "a checkpoint of nothing does nothing");
  });

  it("counts the journal to the file, where it is from the first change to the close", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    assertEquals(db.stats().pageCount, 3);
    change(db, "a", (tree) => tree.set("key", VALUE));
    assertEquals(db.stats().pageCount, 3 * format.CHUNK_PAGES);
    db.close();
    // Header page, superblocks, catalog, leaf.
    assertEquals(openOn(file, { readOnly: true }).stats().pageCount, 5);
  });

  it("tells how far the medium is, and that nothing had to be recovered", () => {
    const db = openOn(new MemoryFile());
    change(db, "a", (tree) => tree.set("key", VALUE));
    const { version, durableVersion, recovery } = db.stats();
    assertEquals([version, durableVersion, db.durableVersion, recovery], [1, 1, 1, undefined]);
    db.writeSync((tx) => tx.tree("a").set("key", VALUE), { durability: "none" });
    assertEquals([db.version, db.durableVersion], [2, 1]);
    db.checkpoint();
    assertEquals(db.durableVersion, 2);
    db.close();
  });
});

describe("Database.close()", () => {
  it("cuts the tail that is free", () => {
    const file = new MemoryFile();
    const db = openOn(file);
    change(db, "a", (tree) => tree.set("key", VALUE));
    change(db, "b", (tree) => tree.set("run", bytesOf(1, 50 * PAGE_BYTES)));
    db.checkpoint();
    assert(file.size() > 50 * PAGE_BYTES && file.size() <= db.stats().pageCount * PAGE_BYTES);
    db.dropTree("b");
    db.close();
    // Header page, superblocks, catalog, leaf.
    assertEquals(file.size(), 5 * PAGE_BYTES);
    assertEquals(openOn(file).tree("a").get("key"), VALUE);
  });

  it("may be repeated, and releases the file", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      const db = open(path);
      change(db, "a", (tree) => tree.set("key", VALUE));
      db.close();
      db.close();
      const again = open(path, { lockTimeoutMs: 0 });
      again.close();
      assertThrows(() => open(`${dir}/no/file`), IoError);
    });
  });
});
