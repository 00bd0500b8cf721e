// Followers: what they show, when they move on, and what they refuse.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusyError,
  CorruptionError,
  IoError,
  MemoryFile,
  SnapshotTooOldError,
} from "../../pager/mod.ts";
import { Handle, LiveFile } from "../../tests/share/support/live_file.ts";
import {
  bytesOf,
  change,
  openBoth,
  openFollowing,
  openOn,
  sameBytes,
} from "../../tests/support/databases/database.ts";
import { FaultyFile } from "../../tests/support/files/faulty_file.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { archive, type Database, folderStore, json, open, replicate, string } from "../mod.ts";

const CODECS = { key: string, value: json };
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Uses a database until that throws, in as many turns as it takes. */
async function untilThrown(use: () => unknown): Promise<Error> {
  for (;;) {
    try {
      use();
    } catch (error) {
      return error as Error;
    }
    await turn();
  }
}

/** A database in memory with a tree of some leaves, and a follower of it. */
function openPair(entries = 500) {
  const file = new LiveFile();
  const db = openOn(new Handle(file));
  change(db, "a", (tree) => {
    for (let i = 0; i < entries; i++) tree.set(`key ${i}`, bytesOf(i, 200));
  });
  db.checkpoint();
  return { file, db, ...named(openFollowing(file)) };
}

function named({ db, session }: ReturnType<typeof openFollowing>) {
  return { follower: db, session };
}

function setOne(db: Database, key: string, value: number, durability: "sync" | "buffered"): void {
  db.writeSync((tx) => tx.tree("a").set(key, bytesOf(value, 200)), { durability });
}

describe("a follower", () => {
  it("needs permission to read alone, and moves on with the writer", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      using db = open(path);
      const tree = db.tree("words", CODECS);
      await tree.set("one", 1);
      Deno.chmodSync(path, 0o444);
      using follower = open(path, { follow: true });
      const followed = follower.tree("words", CODECS);
      await tree.set("one", 2);
      await turn();
      assertEquals([followed.get("one"), followed.count()], [1, 1], "one commit behind");
      db.checkpoint();
      assertEquals(followed.get("one"), 1, "not within a turn");
      while (followed.get("one") !== 2) await turn();
      assertEquals(follower.version, db.version);
      assertEquals(Deno.readDirSync(dir)[Symbol.iterator]().next().done, false);
    }));

  it("shows no commit that a power cut could take back", () => {
    const { db, follower, session } = openPair();
    const before = follower.version;
    setOne(db, "key 1", 7, "buffered");
    session.refresh();
    assertEquals(follower.version, before);
    setOne(db, "key 1", 8, "sync");
    session.refresh();
    assertEquals(follower.version, before, "nothing says that it is on the medium");
    setOne(db, "key 1", 9, "sync");
    session.refresh();
    assertEquals(follower.version, before + 2);
    assertEquals(follower.tree("a").get("key 1"), bytesOf(8, 200));
    db.close();
    session.refresh();
    assertEquals(follower.tree("a").get("key 1"), bytesOf(9, 200));
  });

  it("follows through a close, an opening, a growing file and one that is cut", () => {
    const { file, db: first, follower, session } = openPair();
    first.close();
    for (let round = 0; round < 3; round++) {
      const db = openOn(new Handle(file));
      change(db, "b", (tree) => {
        for (let i = 0; i < 2000; i++) tree.set(`key ${i}`, bytesOf(round, 3000));
      });
      db.checkpoint();
      session.refresh();
      assertEquals(follower.tree("b").count(), 2000);
      assertEquals(follower.tree("b").get("key 77"), bytesOf(round, 3000));
      change(db, "b", (tree) => tree.clear());
      db.close();
      session.refresh();
      assertEquals([follower.tree("b").count(), follower.version], [0, db.version]);
      assertEquals(follower.tree("a").count(), 500);
    }
  });

  it("reads in every way", async () => {
    const { db, follower, session } = openPair();
    change(db, "a", (tree) => tree.set("large", bytesOf(3, 100_000)));
    db.checkpoint();
    session.refresh();
    const tree = follower.tree("a");
    assertEquals(tree.getMany(["key 1", "none"]), [bytesOf(1, 200), undefined]);
    assertEquals([tree.has("key 2"), tree.has("key")], [true, false]);
    assertEquals(tree.getView("key 3"), bytesOf(3, 200));
    assertEquals(tree.getRange("large", 10, 20), bytesOf(3, 100_000).slice(10, 20));
    const stream = new Response(tree.getStream("large")).bytes();
    assertEquals(await stream, bytesOf(3, 100_000));
    assertEquals([...tree.keys()].length, 501);
    assertEquals(tree.visit({}, () => {}), 501);
    assertEquals(tree.first()?.[1], bytesOf(0, 200));
    assertEquals(tree.last()?.[1], bytesOf(3, 100_000));
    assertEquals(await tree.prefetch(), true);
    assertEquals(tree.stats().entries, 501);
    assertEquals([follower.trees(), follower.codecsOf("a")?.key], [["a"], "bytes"]);
    assertEquals(follower.census().pages > 20, true);
    assertEquals(follower.inspect().trees()[0]?.name, "a");
  });

  it("keeps the version of a snapshot and of an iterator while the file has its pages", () => {
    const { db, follower, session } = openPair();
    const snapshot = follower.snapshot();
    const values = follower.tree("a").values();
    assertEquals(values.next().value, bytesOf(0, 200));
    for (let i = 300; i < 500; i++) setOne(db, `key ${i}`, 1, "buffered");
    setOne(db, "key", 1, "sync");
    setOne(db, "key", 2, "sync");
    session.refresh();
    assertEquals(follower.tree("a").get("key 400"), bytesOf(1, 200));
    assertEquals(snapshot.tree("a").get("key 400"), bytesOf(400, 200));
    assertEquals([...values].length, 499);
    snapshot.close();
  });

  it("reads pages of a snapshot again after an interrupt, and reports a failure as its own", () => {
    const { file, db } = openPair();
    const reads = new FaultyFile(new Handle(file));
    const { db: follower, session } = openFollowing(reads);
    using snapshot = follower.snapshot();
    const read = () => snapshot.tree("a").get("key 400");
    assertEquals(snapshot.tree("a").has("key 1"), true);
    for (const value of [7, 8]) setOne(db, "key 400", value, "sync");
    session.refresh();
    let left = 2;
    reads.fault = (operation) => {
      if (operation !== "read" || left-- <= 0) return "none";
      throw Object.assign(new Error("interrupted"), { code: "EINTR" });
    };
    assertEquals(read(), bytesOf(400, 200));
    assert(left < 0, "the page was read from the file");
    for (const value of [9, 10]) setOne(db, "key 300", value, "sync");
    session.refresh();
    reads.fault = (operation) => operation === "read" ? "throw" : "none";
    assertThrows(() => snapshot.tree("a").get("key 300"), IoError, "simulated failure of a read");
    reads.fault = () => "none";
    assertEquals(snapshot.tree("a").get("key 300"), bytesOf(300, 200));
  });

  it("ends a snapshot whose pages a checkpoint has replaced", () => {
    const { db, follower, session } = openPair();
    using snapshot = follower.snapshot();
    for (let i = 0; i < 500; i++) setOne(db, `key ${i}`, 1, "buffered");
    db.checkpoint();
    const read = () => snapshot.tree("a").get("key 400");
    assertThrows(read, SnapshotTooOldError, "another process has replaced pages");
    session.refresh();
    assertThrows(read, SnapshotTooOldError);
    assertEquals(follower.tree("a").get("key 400"), bytesOf(1, 200));
  });

  for (const isCut of [false, true]) {
    const what = isCut ? "were cut off" : "are free";
    it(`ends a snapshot whose pages ${what} in a file that was closed`, () => {
      const { db, follower, session } = openPair(2000);
      change(db, "b", (tree) => tree.set("last", new Uint8Array(50_000)));
      session.refresh();
      using snapshot = follower.snapshot();
      assertEquals(snapshot.tree("a").get("key 1"), bytesOf(1, 200));
      change(db, "a", (tree) => {
        for (let i = 5; i < 2000; i++) tree.delete(`key ${i}`);
      });
      // A close moves nothing while a snapshot is open.
      using _ = isCut ? undefined : db.snapshot();
      db.close();
      session.refresh();
      let ended = 0;
      for (let i = 0; i < 2000; i++) {
        try {
          assertEquals(snapshot.tree("a").get(`key ${i}`), bytesOf(i, 200));
        } catch (error) {
          assert(error instanceof SnapshotTooOldError, String(error));
          ended++;
        }
      }
      assert(ended > 1000, `${ended} reads`);
      assertEquals(follower.tree("a").count(), 5);
    });
  }

  it("lets a read begin anew where the file has a newer page", () => {
    const { db, follower } = openPair();
    for (let i = 0; i < 500; i++) setOne(db, `key ${i}`, 1, "buffered");
    db.checkpoint();
    // The state that the follower knows is gone.
    assertEquals(follower.tree("a").get("key 400"), bytesOf(1, 200));
    assertEquals(follower.tree("a").count(), 500);
    assertEquals([...follower.tree("a").values()].length, 500);
  });

  it("begins anew where the journal between was overwritten", () => {
    const { db, follower, session } = openPair();
    const figures = session.pager.follower!.figures;
    using snapshot = follower.snapshot();
    assertEquals([...follower.tree("a").values()].length, 500);
    assertEquals(figures.begunAnew, 1, "it began once");
    for (let round = 1; round < 5; round++) {
      for (let i = 0; i < 100; i++) setOne(db, `key ${i}`, i + round, "buffered");
      db.checkpoint();
    }
    session.refresh();
    assertEquals(figures.begunAnew, 2);
    for (const i of [0, 50, 99]) {
      assertEquals(follower.tree("a").get(`key ${i}`), bytesOf(i + 4, 200));
      assertEquals(snapshot.tree("a").get(`key ${i}`), bytesOf(i, 200), "an image is kept");
    }
    assertEquals(follower.tree("a").get("key 400"), bytesOf(400, 200));
    assertEquals(follower.version, db.version);
  });

  it("keeps the records that a checkpoint has not put in place", () => {
    const file = new LiveFile();
    const { db, session: { pager } } = openBoth(new Handle(file));
    change(db, "a", (tree) => {
      for (let i = 0; i < 4000; i++) tree.set(`key ${1000 + i}`, bytesOf(i, 2000));
    });
    db.checkpoint();
    const { db: follower, session } = openFollowing(file);
    db.writeSync((tx) => {
      for (let i = 0; i < 4000; i += 20) tx.tree("a").set(`key ${1000 + i}`, bytesOf(9, 2000));
    }, { durability: "none" });
    pager.checkpointSlice();
    // Its chunk is in place already, and the checkpoint goes on meanwhile.
    for (const value of [7, 8]) {
      change(db, "a", (tree) => tree.set("key 1000", bytesOf(value, 2000)));
    }
    session.refresh();
    const before = follower.version;
    const { completed } = pager.inspection().checkpoint()!;
    while (pager.inspection().checkpoint()!.completed === completed) pager.checkpointSlice();
    session.refresh();
    assertEquals(follower.version >= before, true);
    const found = follower.tree("a").get("key 1000");
    assert([7, 8].some((value) => sameBytes(found, bytesOf(value, 2000))), "an older page");
    db.close();
  });

  it("counts by the headers of the version that it shows", () => {
    const { db, follower, session } = openPair(3000);
    assertEquals(follower.tree("a").count(), 3000);
    for (const i of [1, 2, 3]) {
      change(db, "a", (tree) => tree.delete(`key ${500 * i}`));
      change(db, "a", (tree) => tree.set("key", bytesOf(i, 10)));
      change(db, "a", (tree) => tree.set("key", bytesOf(i, 20)));
      session.refresh();
      assertEquals(follower.tree("a").count(), 3001 - i);
    }
  });

  it("reads pages that were written past the journal, in memory before or not", () => {
    const { file, db, follower, session } = openPair();
    const fill = (value: number) =>
      change(db, "b", (tree) => {
        for (let i = 0; i < 3000; i++) tree.set(`key ${i}`, bytesOf(i + value, 300));
      });
    fill(0);
    for (let i = 0; i < 3000; i += 9) setOne(db, "key", i, "buffered");
    db.writeSync((tx) => {
      for (let i = 0; i < 3000; i += 9) tx.tree("b").set(`key ${i}`, bytesOf(1, 300));
    });
    setOne(db, "key", 1, "sync");
    session.refresh();
    assertEquals([...follower.tree("b").values()].length, 3000);
    // The same pages are freed, and written again.
    change(db, "b", (tree) => tree.clear());
    fill(7);
    setOne(db, "key", 2, "sync");
    session.refresh();
    const cold = openFollowing(file).db;
    for (const reader of [follower, cold]) {
      assertEquals(reader.tree("b").count(), 3000);
      for (let i = 0; i < 3000; i++) {
        assert(sameBytes(reader.tree("b").get(`key ${i}`), bytesOf(i + 7, 300)), `key ${i}`);
      }
    }
    db.close();
  });

  it("refuses changes, and what needs all pages of one version", async () => {
    const { follower } = openPair();
    const tree = follower.tree("a");
    await assertRejects(() => tree.set("key", bytesOf(1, 1)), TypeError, "opened to follow it");
    assertThrows(() => follower.writeSync(() => {}), TypeError, "opened to follow it");
    assertThrows(() => follower.dropTree("a"), TypeError, "opened to follow it");
    assertThrows(() => follower.checkpoint(), TypeError, "opened to follow it");
    assertThrows(() => follower.changes({ since: 1 }), TypeError, "Cannot list changes");
    assertThrows(() => archive(follower, folderStore("none")), TypeError, "Cannot archive");
    assertThrows(() => replicate(follower), TypeError, "Cannot replicate");
    await assertRejects(() => follower.backup("none"), TypeError, "Cannot back up");
    await assertRejects(() => follower.verify(), TypeError, "Cannot verify");
    await assertRejects(() => follower.compact(), TypeError, "Cannot compact");
  });
});

describe("the reads of a follower in a turn", () => {
  it("are one, two more if the last look was 2 ms ago, and six for a commit", async () => {
    const file = new LiveFile();
    const db = openOn(new Handle(file));
    setOne(db, "key", 1, "sync");
    db.checkpoint();
    const counted = new FaultyFile(file);
    const { db: follower } = openFollowing(counted);
    const readsOf = async (): Promise<[reads: number, bytes: number]> => {
      await turn();
      const { counts: { read }, bytesRead } = counted;
      for (let i = 0; i < 3; i++) follower.tree("a").get("key");
      assertEquals(follower.version, follower.snapshot().version);
      return [counted.counts.read - read, counted.bytesRead - bytesRead];
    };
    await readsOf();
    for (let i = 0; i < 10; i++) {
      const [reads, bytes] = await readsOf();
      assertEquals(bytes, reads === 1 ? 128 : 128 + 8 + 128, `${reads} reads`);
    }
    for (let i = 2; i < 6; i++) {
      setOne(db, "key", i, "sync");
      const [reads] = await readsOf();
      assert(reads <= 6, `${reads} reads`);
    }
    follower.close();
    db.close();
  });
});

describe("a follower, of bad input", () => {
  it("creates no file, and refuses what is no database", () =>
    inTempDir((dir) => {
      const missing = assertThrows(() => open(`${dir}/none`, { follow: true }), IoError);
      assertMatch(missing.message, /no such file/i);
      assertEquals([...Deno.readDirSync(dir)], []);
      Deno.writeTextFileSync(`${dir}/text`, "no database".repeat(5000));
      Deno.writeTextFileSync(`${dir}/empty`, "");
      for (const name of ["text", "empty"]) {
        const refused = assertThrows(() => open(`${dir}/${name}`, { follow: true }));
        assert(refused instanceof CorruptionError, String(refused));
        assertStringIncludes(refused.message, "not a Quire database");
      }
      assertThrows(() => open(":memory:", { follow: true }), TypeError, "no file to follow");
      // @ts-expect-error: it is no boolean.
      assertThrows(() => open(`${dir}/text`, { follow: "yes" }), TypeError);
    }));

  it("reports damage in a closed file, and is busy where a writer may be at work", () => {
    const { file, db } = openPair();
    const [tree] = db.inspect().trees();
    const damage = () => file.now.writeAt(new Uint8Array(512).fill(9), 0, 512, tree!.root * 8192);
    damage();
    const busy = openFollowing(file, { lockTimeoutMs: 0 }).db;
    assertThrows(() => busy.tree("a").get("key 1"), BusyError, "or it is damaged");
    db.close();
    damage();
    const closed = openFollowing(file).db;
    assertThrows(() => closed.tree("a").get("key 1"), CorruptionError, "does not match");
  });

  it("is not misled by a file that was cut short", () => {
    const { file, db } = openPair();
    db.close();
    const cut = new MemoryFile(file.now.content().subarray(0, 6 * 8192));
    const { db: follower } = openFollowing(cut);
    assertThrows(() => [...follower.tree("a").values()], CorruptionError);
  });

  it("ends where another file gets its path, or another database its place", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db.quire`;
      for (const name of ["db.quire", "other"]) {
        using db = open(`${dir}/${name}`);
        await db.tree("words", CODECS).set(name, 1);
      }
      using follower = open(path, { follow: true });
      assertEquals(follower.tree("words", CODECS).get("db.quire"), 1);
      Deno.copyFileSync(`${dir}/other`, `${dir}/third`);
      Deno.renameSync(`${dir}/third`, path);
      const replaced = await untilThrown(() => follower.tree("words", CODECS).get("db.quire"));
      assert(replaced instanceof IoError, "it ends with another error");
      assertStringIncludes(replaced.message, "another file has its path");
      using again = open(path, { follow: true });
      assertEquals(again.tree("words", CODECS).get("other"), 1);
      Deno.renameSync(path, `${dir}/moved`);
      await turn();
      assertEquals(again.tree("words", CODECS).get("other"), 1, "a file may be moved");
    }));

  it("ends where its bytes become those of another database", () => {
    const { file, db, follower, session } = openPair();
    db.close();
    session.refresh();
    const other = openPair();
    change(other.db, "a", (tree) => tree.clear());
    other.db.close();
    const content = other.file.now.content();
    file.now.truncate(0);
    file.now.writeAt(content, 0, content.length, 0);
    const use = () => {
      session.refresh();
      follower.tree("a").count();
    };
    assertThrows(use, IoError, "another database has taken its place");
    assertThrows(use, IoError, "another database has taken its place");
  });
});
