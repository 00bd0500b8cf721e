// Inspecting an open database: the reports are correct, and inspection changes nothing.

import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { format, kindName, MemoryFile } from "../../pager/mod.ts";
import { bytesOf, change, openOn } from "../../tests/support/databases/database.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { makeSample } from "../../tests/support/trees/sample.ts";
import { json, string } from "../codec/mod.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";

const { CHUNK_BYTES, CHUNK_PAGES, KIND_FREE, KIND_LEAF, PAGE_BYTES } = format;
const encoder = new TextEncoder();

/** A database of several chunks with one large tree; its cache has room for `frames` chunks. */
function fill(db: Database, keys = 60_000): void {
  db.writeSync((tx) => {
    const tree = tx.tree("large");
    for (let i = 0; i < keys; i++) tree.set(`key ${i}`, bytesOf(i, 60 + i % 90));
  });
}

describe("Inspector: the file", () => {
  it("has what the database says of itself", () =>
    inTempDir((dir) => {
      using db = open(`${dir}/a.quire`);
      const inspector = db.inspect();
      assertEquals(inspector.file().journal?.areas.map(({ chunks }) => chunks), [[], []]);
      fill(db);
      const file = inspector.file();
      const stats = db.stats();
      assertEquals(file.pages, stats.pageCount);
      assertEquals(file.bytes, stats.fileBytes);
      assertEquals([file.version, file.journal?.durableVersion], [1, 1]);
      const current = file.journal?.areas.filter(({ isCurrent }) => isCurrent) ?? [];
      assertEquals(current.map(({ usedBytes }) => usedBytes), [stats.journalUsedBytes]);
      assertEquals(file.checkpoint?.dirtyChunks, stats.dirtyChunks);
      assertEquals(file.superblocks.map(({ content }) => content?.open), [true, true]);
      db.checkpoint();
      const after = inspector.file();
      assertEquals(after.checkpoint?.completed, 1);
      assertEquals(after.journal?.areas.map(({ usedBytes }) => usedBytes), [0, 0]);
      assertEquals(after.journal?.generation, file.journal!.generation + 1);
      assertEquals(after.superblocks[0]!.content?.version, 1);
    }));

  it("tells of a damaged superblock", () => {
    const memory = new MemoryFile(makeSample().bytes);
    const db = openOn(memory);
    memory.writeAt(new Uint8Array([1]), 0, 1, PAGE_BYTES + 100);
    const [first, second] = db.inspect().file().superblocks;
    assertStringIncludes(first!.damage!, "sum does not match");
    assertEquals([first!.content, second!.damage], [undefined, undefined]);
    db.close();
  });

  it("names the trees and their codecs", async () => {
    using db = open(":memory:");
    await db.tree("b", { key: string, value: json }).set("a", 1);
    await db.tree("a").set("a", new Uint8Array(1));
    const trees = db.inspect().trees();
    assertEquals(trees.map(({ id, name, codecs }) => [id, name, codecs.key, codecs.value]), [
      [2, "a", "bytes", "bytes"],
      [1, "b", "string", "json"],
    ]);
  });
});

describe("Inspector: pages", () => {
  it("have the headers that the census has", () => {
    using db = open(":memory:");
    fill(db);
    const inspector = db.inspect();
    for (const census of db.chunks()) {
      assertEquals(inspector.headers(census.chunk), census);
      for (let slot = 1; slot < census.pages; slot += 17) {
        const page = census.chunk * CHUNK_PAGES + slot;
        const header = inspector.header(page);
        assertEquals(header, inspector.page(page).header);
        const { kind, tree, version, usedBytes, entries } = header;
        assertEquals(kind, census.kinds[slot]);
        assertEquals([tree, version], [census.trees[slot], census.versions[slot]]);
        assertEquals([usedBytes, entries], [census.usedBytes[slot], census.entries[slot]]);
        assertEquals([header.chunk, header.slot], [census.chunk, slot]);
        assertEquals(header.offset, census.chunk * CHUNK_BYTES + slot * PAGE_BYTES);
      }
    }
  });

  it("of every kind can be looked at", () => {
    const db = openOn(new MemoryFile(makeSample().bytes));
    change(db, "new", (tree) => tree.set("key", new Uint8Array(1)));
    const inspector = db.inspect();
    const kinds = new Set<string>();
    for (let page = 0; page < inspector.file().pages; page++) {
      const { header, bytes, damage, contents } = inspector.page(page);
      kinds.add(header.kindName);
      assertEquals([bytes.length, damage], [PAGE_BYTES, undefined]);
      assertEquals(contents !== undefined, /leaf|branch|run/.test(header.kindName));
      if (header.kind === KIND_LEAF) assertEquals(contents?.cells.length, header.entries);
    }
    for (const kind of ["headers", "superblock", "leaf", "run", "run continued", "journal"]) {
      assert(kinds.has(kind), kind);
    }
    db.close();
  });

  it("are not loaded, used or moved by being looked at", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      {
        using db = open(path);
        fill(db);
      }
      using db = open(path, { cacheBytes: 4 * CHUNK_BYTES });
      const inspector = db.inspect();
      for (let i = 0; i < 500; i++) db.tree("large").get(`key ${i * 97}`);
      const before = inspector.cache();
      const { chunkReads, pageReads, extentReads } = db.stats();
      for (let page = 0; page < inspector.file().pages; page++) inspector.page(page);
      assertEquals(inspector.cache(), before);
      const after = db.stats();
      assertEquals(after.chunkReads, chunkReads);
      assertEquals([after.pageReads, after.extentReads], [pageReads, extentReads]);
    }));

  it("that are damaged say what is wrong", () => {
    const { bytes } = makeSample();
    const clean = openOn(new MemoryFile(bytes));
    const { root } = clean.inspect().trees().find(({ name }) => name === "short")!;
    clean.close();
    bytes[root * PAGE_BYTES + 8000]! ^= 1;
    const db = openOn(new MemoryFile(bytes));
    const { damage, contents, header } = db.inspect().page(root);
    assertEquals([damage, contents], ["page sum does not match", undefined]);
    assertEquals(header.kindName, "leaf");
    db.close();
  });
});

describe("Inspector.descend", () => {
  it("tells what each page cost: a chunk, a page, or nothing", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      {
        using db = open(path);
        fill(db);
      }
      using db = open(path, { cacheBytes: 4 * CHUNK_BYTES });
      const inspector = db.inspect();
      const key = encoder.encode("key 5");
      const cold = inspector.descend("large", key);
      assertEquals(cold.found, true);
      assertEquals(cold.valueBytes, 65);
      assert(cold.steps.some(({ load }) => load.read === "chunk" && load.bytesRead > PAGE_BYTES));
      const warm = inspector.descend("large", key);
      for (const { load } of warm.steps) {
        assertEquals(load, { from: "chunk", read: "nothing", readCalls: 0, bytesRead: 0 });
      }
      assertEquals(warm.steps.map(({ page }) => page), cold.steps.map(({ page }) => page));
      let pages = 0;
      for (let i = 0; i < 400; i++) {
        const { steps } = inspector.descend("large", encoder.encode(`key ${i * 149}`));
        for (const { load } of steps) {
          assertEquals(load.from === "file", load.read !== "nothing");
          if (load.read === "page") {
            pages++;
            assertGreater(load.bytesRead, PAGE_BYTES - 1);
          }
        }
      }
      assertGreater(pages, 20);
      assertEquals(db.stats().pageReads, pages);
    }));
});

describe("Inspector.cache", () => {
  it("tells of every page in memory, its state and its order", () =>
    inTempDir((dir) => {
      using db = open(`${dir}/a.quire`, { cacheBytes: 4 * CHUNK_BYTES });
      const inspector = db.inspect();
      fill(db, 20_000);
      const { frames, bytes, bytesLimit } = inspector.cache();
      assertEquals(bytes, frames.length * CHUNK_BYTES);
      assertEquals(bytesLimit, 4 * CHUNK_BYTES);
      assert(frames.some(({ dirty }) => dirty.includes(1)));
      assert(frames.every(({ pinned }) => !pinned.includes(1)), "no transaction is open");
      db.checkpoint();
      assert(inspector.cache().frames.every(({ dirty }) => !dirty.includes(1)));
      const { root } = inspector.trees()[0]!;
      db.tree("large").get("key 1");
      const find = () => {
        for (const { pages, ticks, kinds } of inspector.cache().frames) {
          const slot = pages.indexOf(root);
          if (slot >= 0) return { tick: ticks[slot], kind: kinds[slot], top: Math.max(...ticks) };
        }
        throw new Error("the root is in memory");
      };
      assertEquals(find().tick, find().top);
      assertEquals(kindName(find().kind!), "branch");
      assertEquals(find().kind === KIND_FREE, false);
    }));
});

describe("Inspector.trace", () => {
  it("counts what is done while it is on, and nothing before and after", () =>
    inTempDir((dir) => {
      const path = `${dir}/a.quire`;
      {
        using db = open(path);
        fill(db);
      }
      using db = open(path, { cacheBytes: 4 * CHUNK_BYTES });
      const inspector = db.inspect();
      const tree = db.tree("large");
      inspector.trace(true);
      tree.get("key 5");
      const cold = inspector.takeTrace();
      assertGreater(cold.misses, 0);
      assertEquals(cold.loads.chunks, cold.readCalls);
      assertGreater(cold.bytesRead, CHUNK_BYTES - 1);
      assertEquals(cold.requests, cold.hits + cold.misses);
      tree.get("key 5");
      const warm = inspector.takeTrace();
      assertEquals([warm.misses, warm.readCalls, warm.bytesRead], [0, 0, 0]);
      const steps = inspector.descend("large", encoder.encode("key 5")).steps;
      inspector.takeTrace();
      tree.get("key 5");
      const { pages } = inspector.takeTrace();
      assertEquals(pages, steps.map(({ page }) => ({ page, hit: true })));
      change(db, "large", (tree) => tree.set("key 5", new Uint8Array(1)));
      const write = inspector.takeTrace();
      assertGreater(write.bytesWritten, 0);
      assertGreater(write.syncCalls, 0);
      assertEquals(inspector.cache().misses > 0, true);
      inspector.trace(false);
      tree.get("key 7");
      inspector.trace(true);
      assertEquals(inspector.takeTrace().requests, 0);
    }));

  it("of two inspectors, each has its own", () => {
    using db = open(":memory:");
    change(db, "a", (tree) => tree.set("key", new Uint8Array(1)));
    const [first, second] = [db.inspect(), db.inspect()];
    first.trace(true);
    second.trace(true);
    db.tree("a").get("key");
    assertEquals(first.takeTrace().requests, second.takeTrace().requests);
    first.trace(false);
    db.tree("a").get("key");
    assertEquals(second.takeTrace().requests, 1);
  });

  it("keeps a bounded number of pages, and counts all", () => {
    using db = open(":memory:");
    change(db, "a", (tree) => tree.set("key", new Uint8Array(1)));
    const inspector = db.inspect();
    inspector.trace(true);
    for (let i = 0; i < 10_500; i++) db.tree("a").has("key");
    const { pages, requests } = inspector.takeTrace();
    assertEquals([pages.length, requests], [10_000, 10_500]);
  });

  it("goes on inside a transaction", () => {
    using db = open(":memory:");
    const inspector = db.inspect();
    db.writeSync((tx) => {
      inspector.trace(true);
      tx.tree("a").set("key", new Uint8Array(1));
      assertGreater(inspector.takeTrace().requests, 0);
    });
  });
});
