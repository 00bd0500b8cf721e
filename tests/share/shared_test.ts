/**
 * A shared database as programs use it: several handles, other kinds of handles beside them, and a
 * sidecar that something deletes, damages or replaces.
 */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import {
  archive,
  type Database,
  IoError,
  LockedError,
  open,
  replicate,
  restore,
  salvage,
  SnapshotTooOldError,
  string,
  type Tree,
  verify,
} from "../../mod.ts";

const CODECS = { key: string, value: string };

let folder: string;
let path: string;
const opened: Database[] = [];

beforeEach(() => {
  folder = Deno.makeTempDirSync();
  path = `${folder}/a.quire`;
});
afterEach(() => {
  for (const db of opened.splice(0)) db.close();
  Deno.removeSync(folder, { recursive: true });
});

function openOne(options: Parameters<typeof open>[1] = {}): Database {
  const db = open(path, { shared: true, ...options });
  opened.push(db);
  return db;
}

function treeOf(db: Database): Tree<string, string> {
  return db.tree("words", CODECS);
}

/** A turn of the event loop, after which each handle looks again. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

describe("handles with shared: true", () => {
  it("see what others commit in the next turn, and their own commits at once", async () => {
    const [a, b] = [openOne(), openOne()];
    await treeOf(a).set("one", "um");
    assertEquals(treeOf(a).get("one"), "um");
    await nextTurn();
    assertEquals(treeOf(b).get("one"), "um");
    b.writeSync((tx) => tx.tree("words", CODECS).set("one", "uno"));
    assertEquals(treeOf(b).get("one"), "uno");
    await nextTurn();
    assertEquals([treeOf(a).get("one"), a.version], ["uno", b.version]);
  });

  it("run one transaction at a time, each on what those before left", async () => {
    const all = [openOne(), openOne(), openOne()];
    const add = (db: Database) =>
      db.write((tx) => {
        const tree = tx.tree("words", CODECS);
        tree.set("count", String(Number(tree.get("count") ?? 0) + 1));
      });
    for (let i = 0; i < 20; i++) await Promise.all(all.flatMap((db) => [add(db), add(db)]));
    await nextTurn();
    assertEquals(all.map((db) => treeOf(db).get("count")), ["120", "120", "120"]);
  });

  it("leave the file clean when the last one closes", async () => {
    const [a, b] = [openOne(), openOne()];
    await treeOf(a).set("one", "um");
    a.close();
    await treeOf(b).set("two", "dois");
    b.close();
    using db = open(path);
    assertEquals(db.stats().recovery, undefined);
    assertEquals([...treeOf(db).keys()], ["one", "two"]);
    assert((await db.verify()).ok);
  });

  it("keep the version of snapshots and iterators while others write", async () => {
    const [a, b] = [openOne(), openOne()];
    const words = Array.from({ length: 500 }, (_, i): [string, string] => [`word ${i}`, "old"]);
    await treeOf(a).setMany(words);
    await nextTurn();
    const snapshot = b.snapshot();
    const entries = treeOf(b).entries();
    entries.next();
    for (let i = 0; i < 5; i++) {
      await treeOf(a).setMany(words.map(([key]) => [key, `new ${i}`]));
      await nextTurn();
      assertEquals(treeOf(b).get("word 7"), `new ${i}`);
    }
    assertEquals(new Set(snapshot.tree("words", CODECS).values()), new Set(["old"]));
    assertEquals(new Set([...entries].map(([, value]) => value)), new Set(["old"]));
    snapshot.close();
  });

  it("end a snapshot at the bound of the journal, and not before", async () => {
    const options = { journalBytes: 2 * 1024 * 1024, cacheBytes: 8 * 1024 * 1024 };
    const [a, b] = [openOne(options), openOne(options)];
    const long = "x".repeat(4000);
    const words = Array.from({ length: 300 }, (_, i): [string, string] => [`word ${i}`, long]);
    await treeOf(a).setMany(words);
    await nextTurn();
    const snapshot = b.snapshot();
    const read = () => snapshot.tree("words", CODECS).get("word 299");
    assertEquals(read(), long);
    await treeOf(a).setMany(words.map(([key]) => [key, `${long} 1`]));
    assertEquals(read(), long);
    const { checkpoints } = a.stats();
    for (const letter of "abcdefghijkl") {
      await treeOf(a).setMany(words.map(([key]) => [key, letter.repeat(4000)]));
    }
    assert(a.stats().checkpoints > checkpoints, "the journal is bounded");
    await nextTurn();
    assertEquals(treeOf(b).get("word 3"), "l".repeat(4000));
    let isTooOld = false;
    try {
      for (const [, value] of snapshot.tree("words", CODECS).entries()) assertEquals(value, long);
    } catch (error) {
      isTooOld = error instanceof SnapshotTooOldError;
      assert(isTooOld, String(error));
    }
    snapshot.close();
    assert(isTooOld);
  });

  it("keep journal and file bounded, whatever a snapshot pins", async () => {
    const options = { journalBytes: 2 * 1024 * 1024, cacheBytes: 8 * 1024 * 1024 };
    const [a, b] = [openOne(options), openOne(options)];
    const words = Array.from({ length: 300 }, (_, i) => `word ${i}`);
    const rounds = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await treeOf(a).setMany(words.map((key) => [key, `${i % 10}`.repeat(4000)]));
        await nextTurn();
      }
      return a.stats().fileBytes;
    };
    await rounds(2);
    using _ = b.snapshot();
    const before = await rounds(8);
    assertEquals(await rounds(8), before);
    assert(a.stats().sharing!.indexBytes < 16 * 1024 * 1024);
  });

  it("tell who shares the file", () => {
    const a = openOne();
    openOne();
    const { participants } = a.stats().sharing!;
    assertEquals(participants.map(({ process }) => process), [Deno.pid, Deno.pid]);
    assertEquals(participants.filter(({ isOwn }) => isOwn).length, 1);
    using db = open(":memory:");
    assertEquals(db.stats().sharing, undefined);
  });

  it("are shown to a follower, too, which is none of them", () => {
    openOne();
    openOne();
    using follower = open(path, { follow: true });
    const { participants } = follower.stats().sharing!;
    assertEquals(participants.map(({ isOwn }) => isOwn), [false, false]);
    for (const db of opened.splice(0)) db.close();
    assertEquals(follower.stats().sharing, undefined);
  });

  it("may have different options", async () => {
    const a = openOne({ cacheBytes: 8 * 1024 * 1024, journalBytes: 2 * 1024 * 1024 });
    const b = openOne({ durability: "none", mode: 0o600 });
    for (let i = 0; i < 200; i++) await treeOf(i % 2 === 0 ? a : b).set(`${i}`, "x".repeat(9000));
    await nextTurn();
    assertEquals([treeOf(a).count(), treeOf(b).count()], [200, 200]);
  });

  it("refuse what needs every commit from the process that makes it", async () => {
    const db = openOne();
    await treeOf(db).set("one", "um");
    const store = { put: () => {}, get: () => undefined, list: () => [], delete: () => {} };
    await assertRejects(async () => void (await archive(db, store as never)), TypeError);
    await assertRejects(async () => await replicate(db), TypeError, "Cannot replicate");
  });

  it("refuse a transaction inside the transaction of another handle of the thread", async () => {
    const [a, b] = [openOne(), openOne()];
    await a.write((tx) => {
      tx.tree("words", CODECS).set("one", "um");
      assertThrows(() => b.writeSync(() => {}), LockedError);
    });
    b.writeSync((tx) => tx.tree("words", CODECS).set("two", "dois"));
    assertEquals([...treeOf(b).keys()], ["one", "two"]);
  });
});

describe("a file that is shared", () => {
  it("is refused to exclusive and to read-only handles, and the reverse", async () => {
    const db = openOne();
    await treeOf(db).set("one", "um");
    assertThrows(() => open(path), LockedError, "another handle shares it, in this process; open");
    const still = { readOnly: true, follow: false };
    assertThrows(() => open(path, still), LockedError, "another handle shares it");
    // They read a file that nobody writes.
    await assertRejects(() => verify(path), LockedError, "another handle shares it");
    await assertRejects(() => salvage(path, `${folder}/b.quire`), LockedError, "shares it");
    await assertRejects(() => restore(`${folder}/b.quire`, path), LockedError, "shares it");
    {
      // It becomes a follower, which shows what is known to be on the medium.
      using reader = open(path, { readOnly: true });
      await treeOf(db).set("two", "dois");
      await nextTurn();
      assertEquals(treeOf(reader).get("one"), "um");
    }
    db.close();
    {
      using _ = open(path);
      assertThrows(() => openOne(), LockedError, "has it open without shared: true");
      const error = assertThrows(() => open(path), LockedError);
      assertMatch(error.message, /another handle has it open, in this process$/);
    }
    {
      using _ = open(path, { readOnly: true });
      assertThrows(() => openOne(), LockedError);
    }
    assertEquals(treeOf(openOne()).get("one"), "um");
  });

  it("is refused with options that cannot be shared", () => {
    const wrong = (options: Parameters<typeof open>[1]) =>
      assertThrows(() => openOne(options), TypeError, "a shared database");
    wrong({ readOnly: true });
    wrong({ follow: true });
    wrong({ tornSectors: "protect" });
    assertThrows(() => open(":memory:", { shared: true }), TypeError, "cannot be shared");
    assertThrows(() => openOne({ create: false }), IoError);
  });
});

describe("a sidecar", () => {
  it("that was deleted loses nothing, and processes meet under the lock", async () => {
    const [a, b] = [openOne(), openOne()];
    await treeOf(a).set("one", "um");
    Deno.removeSync(`${path}-shared`);
    const c = openOne();
    await treeOf(c).set("two", "dois");
    await treeOf(a).set("three", "tres");
    await treeOf(b).set("four", "quatro");
    await treeOf(c).set("five", "cinco");
    assertEquals([...treeOf(c).keys()], ["five", "four", "one", "three", "two"]);
    for (const db of opened.splice(0)) db.close();
    using db = open(path);
    assertEquals(treeOf(db).count(), 5);
  });

  it("that was damaged, or is of another database, is written anew", async () => {
    const [a, b] = [openOne(), openOne()];
    await treeOf(a).set("one", "um");
    for (const byte of [0, 0xff, 7]) {
      const side = Deno.openSync(`${path}-shared`, { write: true });
      side.writeSync(new Uint8Array(512).fill(byte));
      side.close();
      await nextTurn();
      assertEquals(treeOf(b).get("one"), "um");
      await treeOf(b).set(`${byte}`, "x");
      await nextTurn();
      assertEquals(treeOf(a).get(`${byte}`), "x");
    }
  });

  it("may be on another file system", async () => {
    const elsewhere = Deno.makeTempFileSync({ dir: "/dev/shm" });
    Deno.symlinkSync(elsewhere, `${path}-shared`);
    try {
      const [a, b] = [openOne(), openOne()];
      for (let i = 0; i < 5; i++) {
        await treeOf(i % 2 === 0 ? a : b).set(`${i}`, "x");
        await nextTurn();
        assertEquals([treeOf(a).count(), treeOf(b).count()], [i + 1, i + 1]);
      }
      for (const db of opened.splice(0)) db.close();
    } finally {
      Deno.removeSync(elsewhere);
    }
  });

  it("that cannot be opened is an error that names it", () => {
    Deno.mkdirSync(`${path}-shared`);
    assertThrows(() => openOne(), IoError, "-shared: it is not a regular file");
    Deno.removeSync(`${path}-shared`);
    openOne();
  });

  it("is made anew by the first process", () => {
    Deno.writeFileSync(`${path}-shared`, new Uint8Array(9000).fill(0xa5));
    const db = openOne();
    assertEquals(db.stats().sharing!.participants.length, 1);
  });
});

describe("a lock file", () => {
  it("that was deleted is created again, and processes still take turns", async () => {
    const [a, b] = [openOne(), openOne()];
    Deno.removeSync(`${path}-lock`);
    await treeOf(a).set("one", "um");
    await treeOf(b).set("two", "dois");
    assertEquals([...treeOf(b).keys()], ["one", "two"]);
  });
});
