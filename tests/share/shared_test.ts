/**
 * A shared database as programs use it: several handles, other kinds of handles beside them, and a
 * sidecar that something deletes, damages or replaces.
 */

import { relative } from "node:path";
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  CorruptionError,
  type Database,
  IoError,
  LockedError,
  open,
  restore,
  salvage,
  SnapshotTooOldError,
  verify,
} from "../../mod.ts";
import { format } from "../../pager/mod.ts";
import { openShareFiles } from "../../pager/share/open_share.ts";
import { Image } from "../support/files/image.ts";
import { CODECS, handlesForEach, nextTurn, treeOf } from "./processes/handles.ts";

const handles = handlesForEach();

describe("handles with shared: true", () => {
  it("see what others commit in the next turn, and their own commits at once", async () => {
    const [a, b] = [handles.open(), handles.open()];
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
    const all = [handles.open(), handles.open(), handles.open()];
    const add = (db: Database) =>
      db.write((tx) => {
        const tree = tx.tree("words", CODECS);
        tree.set("count", String(Number(tree.get("count") ?? 0) + 1));
      });
    for (let i = 0; i < 20; i++) await Promise.all(all.flatMap((db) => [add(db), add(db)]));
    await nextTurn();
    assertEquals(all.map((db) => treeOf(db).get("count")), ["120", "120", "120"]);
  });

  it("set streams of several parts at the same time, each its own value", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const CHUNK = 1024 * 1024;
    const bytes = (byte: number, length: number) => new Uint8Array(length).fill(byte);
    const streamOf = (byte: number) =>
      new ReadableStream<Uint8Array<ArrayBuffer>>({
        start(controller) {
          for (let i = 0; i < 3; i++) controller.enqueue(bytes(byte, CHUNK));
          controller.close();
        },
      });
    await Promise.all([a, b, a, b].map((db, i) => {
      return db.tree("bytes").setStream(`key ${i}`, streamOf(i));
    }));
    await nextTurn();
    for (let i = 0; i < 4; i++) {
      assertEquals(a.tree("bytes").get(`key ${i}`), bytes(i, 3 * CHUNK));
    }
  });

  it("read no page again that others change", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const commitInTurn = async (commits: number) => {
      for (let i = 0; i < commits; i++) {
        await treeOf(a).set(`a ${i}`, "um");
        await nextTurn();
        await treeOf(b).set(`b ${i}`, "dois");
        await nextTurn();
      }
    };
    await commitInTurn(2);
    const { pageReads } = b.stats();
    await commitInTurn(5);
    assertEquals(b.stats().pageReads, pageReads);
    assertEquals([...treeOf(b).keys()].length, 10);
  });

  it("leave the file clean when the last one closes", async () => {
    const [a, b] = [handles.open(), handles.open()];
    await treeOf(a).set("one", "um");
    a.close();
    await treeOf(b).set("two", "dois");
    b.close();
    using db = open(handles.path);
    assertEquals(db.stats().recovery, undefined);
    assertEquals([...treeOf(db).keys()], ["one", "two"]);
    assert((await db.verify()).ok);
  });

  it("keep the version of snapshots and iterators while others write", async () => {
    const [a, b] = [handles.open(), handles.open()];
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
    const [a, b] = [handles.open(options), handles.open(options)];
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

  it("end a snapshot whose pages others have released, and do not call them damaged", async () => {
    const options = { journalBytes: 2 * 1024 * 1024, cacheBytes: 8 * 1024 * 1024 };
    const a = handles.open(options);
    const long = "x".repeat(4000);
    const words = Array.from({ length: 1000 }, (_, i) => `word ${i}`);
    await treeOf(a).setMany(words.map((key) => [key, long]));
    a.checkpoint();
    const b = handles.open(options);
    const snapshot = b.snapshot();
    const old = snapshot.tree("words", CODECS);
    assertEquals([...old.keys()].length, words.length);
    await treeOf(a).deleteRange({ gte: "word 3" });
    const few = words.slice(900);
    for (const letter of "abcdefghijkl") {
      await treeOf(a, "few").setMany(few.map((key) => [key, letter.repeat(8100)]));
      await nextTurn();
      treeOf(b, "few").has("word 999");
    }
    let tooOld = 0;
    for (const [i, key] of words.filter((_, i) => i % 10 === 0).entries()) {
      try {
        // Under the lock a page of the newest version is judged at once.
        assertEquals(i % 2 === 0 ? old.get(key) : b.writeSync(() => old.get(key)), long);
      } catch (error) {
        assert(error instanceof SnapshotTooOldError, String(error));
        tooOld++;
      }
    }
    snapshot.close();
    assertGreater(tooOld, 0);
  });

  it("call a file damaged whose tree leads to a header page, also under the lock", () => {
    const first = handles.open();
    first.writeSync((tx) => {
      const words = tx.tree("words", CODECS);
      for (let i = 0; i < 400; i++) words.set(`word ${i}`, "w".repeat(400));
    });
    first.close();
    const image = new Image(Deno.readFileSync(handles.path));
    const [branch] = image.pagesOf([format.KIND_BRANCH]);
    image.page(branch!).fill(0, image.entriesOf(branch!) * 4, image.entriesOf(branch!) * 8);
    image.seal(branch!);
    Deno.writeFileSync(handles.path, image.bytes);

    const db = handles.open();
    const old = db.snapshot().tree("words", CODECS);
    assertThrows(() => old.get("word 7"), CorruptionError);
    assertThrows(() => db.writeSync(() => old.get("word 7")), CorruptionError);
  });

  it("keep journal and file bounded, whatever a snapshot pins", async () => {
    const options = { journalBytes: 2 * 1024 * 1024, cacheBytes: 8 * 1024 * 1024 };
    const [a, b] = [handles.open(options), handles.open(options)];
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
    const a = handles.open();
    handles.open();
    const { participants } = a.stats().sharing!;
    assertEquals(participants.map(({ process }) => process), [Deno.pid, Deno.pid]);
    assertEquals(participants.filter(({ isOwn }) => isOwn).length, 1);
    using db = open(":memory:");
    assertEquals(db.stats().sharing, undefined);
  });

  it("are shown to a follower, too, which is none of them", () => {
    handles.open();
    handles.open();
    using follower = open(handles.path, { follow: true });
    const { participants } = follower.stats().sharing!;
    assertEquals(participants.map(({ isOwn }) => isOwn), [false, false]);
    handles.closeAll();
    assertEquals(follower.stats().sharing, undefined);
  });

  it("have files beside the database for those who may use it, whatever the umask", () => {
    open(handles.path).close();
    Deno.chmodSync(handles.path, 0o662);
    // Root may give files away.
    if (Deno.uid() === 0) Deno.chownSync(handles.path, 65_534, 65_533);
    const accessTo = (path: string) => {
      const { mode, uid, gid } = Deno.statSync(path);
      return { mode: mode! & 0o777, uid, gid };
    };
    const access = accessTo(handles.path);
    handles.open();
    for (const end of ["-lock", "-here", "-shared"]) {
      assertEquals(accessTo(handles.path + end), access, end);
    }
  });

  it("may have different options", async () => {
    const a = handles.open({ cacheBytes: 8 * 1024 * 1024, journalBytes: 2 * 1024 * 1024 });
    const b = handles.open({ durability: "none", mode: 0o600 });
    for (let i = 0; i < 200; i++) await treeOf(i % 2 === 0 ? a : b).set(`${i}`, "x".repeat(9000));
    await nextTurn();
    assertEquals([treeOf(a).count(), treeOf(b).count()], [200, 200]);
  });

  it("refuse a transaction inside the transaction of another handle of the thread", async () => {
    const [a, b] = [handles.open(), handles.open()];
    await a.write((tx) => {
      tx.tree("words", CODECS).set("one", "um");
      assertThrows(() => b.writeSync(() => {}), LockedError);
    });
    b.writeSync((tx) => tx.tree("words", CODECS).set("two", "dois"));
    assertEquals([...treeOf(b).keys()], ["one", "two"]);
    await a.backup(`${handles.folder}/copy`);
    using copy = open(`${handles.folder}/copy`);
    assertEquals([...treeOf(copy).keys()], ["one", "two"]);
  });
});

describe("a file that is shared", () => {
  it("is refused to exclusive and to read-only handles, and the reverse", async () => {
    const db = handles.open();
    await treeOf(db).set("one", "um");
    assertThrows(
      () => open(handles.path),
      LockedError,
      "another handle shares it, in this thread; open",
    );
    const still = { readOnly: true, follow: false };
    assertThrows(() => open(handles.path, still), LockedError, "another handle shares it");
    // They read a file that nobody writes.
    await assertRejects(() => verify(handles.path), LockedError, "another handle shares it");
    await assertRejects(
      () => salvage(handles.path, `${handles.folder}/b.quire`),
      LockedError,
      "shares it",
    );
    await assertRejects(
      () => restore(`${handles.folder}/b.quire`, handles.path),
      LockedError,
      "shares it",
    );
    {
      // It becomes a follower, which shows what is known to be on the medium.
      using reader = open(handles.path, { readOnly: true });
      await treeOf(db).set("two", "dois");
      await nextTurn();
      assertEquals(treeOf(reader).get("one"), "um");
    }
    {
      // The first commit of one that joins says that all before it are there.
      using joined = handles.open();
      await treeOf(joined).set("three", "3");
      using reader = open(handles.path, { readOnly: true });
      assertEquals([...treeOf(reader).keys()], ["one", "two"]);
    }
    // Its lock files would be others.
    const link = `${handles.folder}/link.quire`;
    Deno.symlinkSync(handles.path, link);
    assertThrows(() => open(link, { shared: true }), LockedError, "shares it by another path");
    db.close();
    {
      using _ = open(handles.path);
      assertThrows(() => handles.open(), LockedError, "has it open without shared: true");
      const error = assertThrows(() => open(handles.path), LockedError);
      assertMatch(error.message, /another handle has it open, in this thread$/);
    }
    {
      using _ = open(handles.path, { readOnly: true });
      assertThrows(() => handles.open(), LockedError, "has it open read-only");
    }
    assertEquals(treeOf(handles.open()).get("one"), "um");
  });

  it("is refused with options that cannot be shared", () => {
    const wrong = (options: Parameters<typeof open>[1]) =>
      assertThrows(() => handles.open(options), TypeError, "a shared database");
    wrong({ readOnly: true });
    wrong({ follow: true });
    wrong({ tornSectors: "protect" });
    assertThrows(() => open(":memory:", { shared: true }), TypeError, "cannot be shared");
    assertThrows(() => handles.open({ create: false }), IoError);
  });
});

describe("a sidecar", () => {
  it("that was deleted loses nothing, and processes meet under the lock", async () => {
    const [a, b] = [handles.open(), handles.open()];
    await treeOf(a).set("one", "um");
    Deno.removeSync(`${handles.path}-shared`);
    const c = handles.open();
    await treeOf(c).set("two", "dois");
    await treeOf(a).set("three", "tres");
    await treeOf(b).set("four", "quatro");
    await treeOf(c).set("five", "cinco");
    assertEquals([...treeOf(c).keys()], ["five", "four", "one", "three", "two"]);
    handles.closeAll();
    using db = open(handles.path);
    assertEquals(treeOf(db).count(), 5);
  });

  it("that was damaged, or is of another database, is written anew", async () => {
    const [a, b] = [handles.open(), handles.open()];
    await treeOf(a).set("one", "um");
    for (const byte of [0, 0xff, 7]) {
      const side = Deno.openSync(`${handles.path}-shared`, { write: true });
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
    Deno.symlinkSync(elsewhere, `${handles.path}-shared`);
    try {
      const [a, b] = [handles.open(), handles.open()];
      for (let i = 0; i < 5; i++) {
        await treeOf(i % 2 === 0 ? a : b).set(`${i}`, "x");
        await nextTurn();
        assertEquals([treeOf(a).count(), treeOf(b).count()], [i + 1, i + 1]);
      }
      handles.closeAll();
    } finally {
      Deno.removeSync(elsewhere);
    }
  });

  it("that cannot be opened is an error that names it", () => {
    Deno.mkdirSync(`${handles.path}-shared`);
    assertThrows(() => handles.open(), IoError, "-shared: it is not a regular file");
    Deno.removeSync(`${handles.path}-shared`);
    handles.open();
  });

  it("is made anew by the first process", () => {
    Deno.writeFileSync(`${handles.path}-shared`, new Uint8Array(9000).fill(0xa5));
    const db = handles.open();
    assertEquals(db.stats().sharing!.participants.length, 1);
  });
});

describe("a lock file", () => {
  it("that was deleted is created again, and processes still take turns", async () => {
    const [a, b] = [handles.open(), handles.open()];
    Deno.removeSync(`${handles.path}-lock`);
    await treeOf(a).set("one", "um");
    await treeOf(b).set("two", "dois");
    assertEquals([...treeOf(b).keys()], ["one", "two"]);
    await a.backup(`${handles.folder}/copy`);
    using copy = open(`${handles.folder}/copy`);
    assertEquals([...treeOf(copy).keys()], ["one", "two"]);
  });

  it("is looked for where it was, also after the program has changed its folder", () => {
    const files = openShareFiles(relative(Deno.cwd(), handles.path), {});
    const { statSync, openSync } = Deno;
    const asked: string[] = [];
    try {
      // A test must not change the folder of the others.
      Deno.statSync = (path) => (asked.push(`${path}`), statSync(path));
      Deno.openSync = (path, options) => (asked.push(`${path}`), openSync(path, options));
      assert(files.lockFile.isAtPath());
      files.lockFile.reopen();
      files.openArchiveLock().close();
    } finally {
      Object.assign(Deno, { statSync, openSync });
    }
    for (const file of [files.base, files.lockFile, files.presence, files.side, files.queue]) {
      file.close();
    }
    const names = ["-lock", "-archive"].map((end) => `${handles.path}${end}`);
    assertEquals([...new Set(asked)], names);
  });
});
