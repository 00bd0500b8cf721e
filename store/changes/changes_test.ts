// The changes since snapshots and copies, beside the difference of the whole contents.

import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, CorruptionError, format, IoError, MemoryFile } from "../../pager/mod.ts";
import {
  bytesOf,
  type Content,
  contentOf,
  openOn,
  utf8,
} from "../../tests/support/databases/database.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { bytesMadeUntil } from "../../tests/support/memory.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import type { Snapshot } from "../snapshot.ts";
import type { KeyChange } from "./changes.ts";

const NAMES = ["a", "b", "c"];
const LENGTHS = [0, 10, 100, 2000, 2100, 3000, 5000, 60_000];

/** A change as text. */
function show(tree: string, key: Uint8Array, value: Uint8Array | undefined): string {
  const hash = value?.reduce((sum, byte) => (sum * 31 + byte) >>> 0, value.length);
  return `${tree} ${new TextDecoder().decode(key)} ${hash}`;
}

async function listed(changes: AsyncIterable<KeyChange>): Promise<string[]> {
  return (await Array.fromAsync(changes)).map(({ tree, key, value }) => show(tree, key, value));
}

/** The changes between two contents, by comparing everything. */
function difference(older: Content, newer: Content): string[] {
  const changes: string[] = [];
  for (const tree of [...new Set([...older.keys(), ...newer.keys()])].sort()) {
    const entries = (content: Content) =>
      new Map((content.get(tree) ?? []).map(([key, value]) => [show("", key, undefined), {
        key,
        value,
        text: show(tree, key, value),
      }]));
    const [was, is] = [entries(older), entries(newer)];
    for (const at of [...new Set([...was.keys(), ...is.keys()])].sort()) {
      const now = is.get(at);
      if (now?.text === was.get(at)?.text) continue;
      changes.push(now?.text ?? show(tree, was.get(at)!.key, undefined));
    }
  }
  return changes;
}

/** Random changes of some trees, in one transaction. */
function changeRandomly(db: Database, random: Random): void {
  if (random.once(12)) return void db.dropTree(random.pick(NAMES));
  if (random.once(12)) {
    const [from, to] = [random.pick(NAMES), random.pick(NAMES)];
    if (db.trees().includes(from) && !db.trees().includes(to)) db.renameTree(from, to);
    return;
  }
  db.writeSync((tx) => {
    const tree = tx.tree(random.pick(NAMES));
    for (let count = random.below(30); count > 0; count--) {
      const key = utf8(`key ${random.below(400)}`);
      if (random.once(3)) tree.delete(key);
      else tree.set(key, bytesOf(random.u32(), random.pick(LENGTHS)));
    }
  }, { durability: "none" });
}

describe("Database.changes()", () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`is the difference of the contents at any two versions, seed ${seed}`, async () => {
      const random = new Random(seed);
      using db = openOn(new MemoryFile(), { maxSnapshotBytes: 256 * 1024 * 1024 });
      const versions: [Snapshot, Content][] = [];
      for (let step = 0; step < 60; step++) {
        changeRandomly(db, random);
        if (random.once(20)) await db.compact();
        if (random.once(20)) db.checkpoint();
        if (random.once(8)) versions.push([db.snapshot(), contentOf(db)]);
      }
      const now = contentOf(db);
      for (const [since, content] of versions) {
        assertEquals(await listed(db.changes({ since })), difference(content, now));
        since.close();
      }
    });
  }

  it("is listed from a copy, too", () =>
    inTempDir(async (dir) => {
      const random = new Random(7);
      using db = open(`${dir}/db`);
      for (let step = 0; step < 30; step++) changeRandomly(db, random);
      const before = contentOf(db);
      await db.backup(`${dir}/copy`);
      assertEquals(await listed(db.changes({ since: `${dir}/copy` })), []);
      for (let step = 0; step < 30; step++) changeRandomly(db, random);
      const changes = await listed(db.changes({ since: `${dir}/copy` }));
      assertEquals(changes, difference(before, contentOf(db)));
      assert(changes.length > 10);
    }));

  it("lists values that were replaced where they are in shared pages", async () => {
    using db = open(":memory:");
    const tree = db.tree("a");
    const entries = Array.from({ length: 300 }, (_, i): [Uint8Array, Uint8Array] => [
      utf8(String(i).padStart(8, "0")),
      bytesOf(i, i % 2 === 0 ? 2100 : 12_000),
    ]);
    await tree.load(entries);
    for (const i of [100, 103]) {
      using since = db.snapshot();
      assertEquals(await listed(db.changes({ since })), []);
      const [key, { length }] = entries[i]!;
      const value = bytesOf(-i, length);
      await tree.set(key, value);
      assertEquals(await listed(db.changes({ since })), [show("a", key, value)]);
    }
  });

  it("does not mix in what is written while it is listed", async () => {
    using db = open(":memory:");
    const tree = db.tree("a");
    using since = db.snapshot();
    await tree.setMany(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, utf8("old")]));
    let count = 0;
    for await (const { value } of db.changes({ since })) {
      assertEquals(value, utf8("old"));
      if (count++ % 100 === 0) tree.set(`key ${count}`, utf8("new"));
    }
    assertEquals(count, 1000);
  });

  it("reads headers and the leaves that differ, and takes memory for no more", async () => {
    const file = new FaultyFile(new MemoryFile());
    using db = openOn(file, { cacheBytes: 8 * 1024 * 1024 });
    const tree = db.tree("a");
    const entries = Array.from({ length: 40_000 }, (_, i): [Uint8Array, Uint8Array] => [
      utf8(String(i).padStart(8, "0")),
      bytesOf(i, 1000),
    ]);
    await tree.load(entries);
    db.checkpoint();
    using since = db.snapshot();
    await tree.set(utf8("00020000"), utf8("changed"));
    const { bytesRead } = file;
    let count = 0;
    const made = await bytesMadeUntil(async () => {
      count = (await listed(db.changes({ since }))).length;
    });
    assertEquals(count, 1);
    assertLess(file.bytesRead - bytesRead, file.size() / 20);
    // Besides frames of the cache: the bits of pages, the leaves, and the list.
    assertLess(made, 256 * 1024);
  });

  it("refuses what is not an older version of the database", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      await db.tree("a").set("key", utf8("1"));
      await db.backup(`${dir}/copy`);
      {
        using other = open(`${dir}/other`);
        using since = other.snapshot();
        assertThrows(() => db.changes({ since }), TypeError, "of another database");
      }
      const next = (since: string) => db.changes({ since }).next();
      await assertRejects(() => next(`${dir}/other`), RangeError, "it is another database");
      await assertRejects(() => next(`${dir}/none`), IoError);
      {
        using copy = open(`${dir}/copy`);
        await copy.tree("a").set("key", utf8("2"));
        await copy.tree("a").set("key", utf8("3"));
      }
      await assertRejects(() => next(`${dir}/copy`), RangeError, "it is newer");
      await db.tree("b").set("key", utf8("4"));
      for (const value of ["5", "6"]) await db.tree("a").set("key", utf8(value));
      await assertRejects(() => next(`${dir}/copy`), RangeError, "changes of its own");
      Deno.writeFileSync(`${dir}/other`, bytesOf(1, 100_000));
      await assertRejects(() => next(`${dir}/other`), CorruptionError);
    }));

  it("refuses a version whose pages are gone, and bad arguments", async () => {
    using db = open(":memory:");
    await db.tree("a").set("key", utf8("1"));
    assertEquals(await listed(db.changes({ since: 1 })), []);
    assertThrows(() => db.changes({ since: 0 }), RangeError, "the pages of version 0 are gone");
    for (const since of [undefined, null, true, {}, []]) {
      assertThrows(() => db.changes({ since: since as unknown as number }), TypeError, "since is");
    }
    assertThrows(() => db.changes(undefined as unknown as { since: number }), TypeError);
    assertThrows(
      () => db.changes({ since: 1, of: 2 } as { since: number }),
      TypeError,
      "option of",
    );
    db.writeSync(() => {
      assertThrows(() => db.changes({ since: 1 }), TypeError, "a transaction is open");
    });
  });

  it("ends with an error when it is aborted, or when what it reads is closed", async () => {
    const db = open(":memory:");
    const since = db.snapshot();
    const tree = db.tree("a");
    await tree.setMany(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, utf8("x")]));
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => db.changes({ since, signal }).next(), Error, "enough");
    since.close();
    await assertRejects(() => db.changes({ since }).next(), ClosedError);
    using later = db.snapshot();
    await tree.delete("key 1");
    const changes = db.changes({ since: later });
    await changes.next();
    assertEquals(db.stats().snapshots, 2);
    await changes.return?.();
    assertEquals(db.stats().snapshots, 1);
    const pending = db.changes({ since: later });
    db.close();
    await assertRejects(() => pending.next(), ClosedError);
  });

  it("ends at the next step once the database is closed", async () => {
    for (const durability of ["sync", "none"] as const) {
      const db = open(":memory:", { durability });
      using since = db.snapshot();
      await db.tree("a").setMany(Array.from({ length: 9 }, (_, i) => [`key ${i}`, utf8("x")]));
      const changes = db.changes({ since });
      await changes.next();
      db.close();
      await assertRejects(() => changes.next(), ClosedError);
      assertEquals(await changes.next(), { done: true, value: undefined });
    }
  });

  it("reports a damaged page of the copy", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      await db.tree("a").set("key", utf8("1"));
      await db.backup(`${dir}/copy`);
      await db.tree("a").set("key", utf8("2"));
      const bytes = Deno.readFileSync(`${dir}/copy`);
      for (let page = format.FRESH_PAGES; (page + 1) * format.PAGE_BYTES <= bytes.length; page++) {
        bytes[page * format.PAGE_BYTES + 8000]! ^= 1;
      }
      Deno.writeFileSync(`${dir}/copy`, bytes);
      await assertRejects(() => db.changes({ since: `${dir}/copy` }).next(), CorruptionError);
    }));
});
