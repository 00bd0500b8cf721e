/**
 * What a shared database does besides reads and writes, while another handle writes: waiting for
 * the lock without blocking the event loop, copies, verification, lists of changes, compaction.
 */

import { Buffer } from "node:buffer";
import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BTree } from "../../btree/mod.ts";
import { openKv } from "../../kv/mod.ts";
import {
  ClosedError,
  CorruptionError,
  type Database,
  IoError,
  open,
  restore,
  SnapshotTooOldError,
  string,
  type Tree,
  tuple,
  verify,
} from "../../mod.ts";
import { SideFile } from "../../pager/file/share_files.ts";
import { MovedError } from "../../pager/follow/moved_error.ts";
import { Sharing } from "../../pager/share/sharing.ts";
import { ReadTree } from "../../store/read/read_tree.ts";
import { assertContent, contentOf } from "../support/databases/database.ts";
import { CODECS, handlesForEach, lockByOther, nextTurn, treeOf } from "./processes/handles.ts";

const MIB = 1024 * 1024;

const handles = handlesForEach();

function wordsOf(count: number, value: string): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`word ${String(i).padStart(5, "0")}`, value]);
}

/** Whether a promise is settled after some turns of the event loop. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => void (settled = true);
  promise.then(note, note);
  for (let i = 0; i < 10; i++) await nextTurn();
  return settled;
}

describe("a read of a shared file in which nothing has changed", () => {
  it("reads 124 bytes of the sidecar in a turn of the event loop, however many it is", async () => {
    const db = handles.open();
    await treeOf(db).setMany(wordsOf(100, "value"));
    await nextTurn();
    const lengths: number[] = [];
    const { read } = SideFile.prototype;
    SideFile.prototype.read = function (into, position) {
      lengths.push(into.length);
      return read.call(this, into, position);
    };
    try {
      for (let turn = 0; turn < 5; turn++) {
        lengths.length = 0;
        for (const [word] of wordsOf(100, "")) treeOf(db).get(word);
        assertEquals(lengths, [124]);
        await nextTurn();
      }
    } finally {
      SideFile.prototype.read = read;
    }
  });
});

describe("a shared file at rest", () => {
  it("shows its last commit to a follower", async () => {
    const [db, other] = [handles.open(), handles.open()];
    await treeOf(other).set("a", "1");
    await treeOf(db).set("a", "2");
    using follower = open(handles.path, { follow: true });
    // A bound for a test that fails.
    for (let i = 0; i < 400 && treeOf(follower).get("a") !== "2"; i++) {
      await new Promise((done) => setTimeout(done, 20));
    }
    assertEquals(treeOf(follower).get("a"), "2");
    assertEquals([db.version, other.version], [follower.version, follower.version]);
  });
});

describe("a write, while another process has the lock", () => {
  it("waits in turns of the event loop, and commits in the order of calls", async () => {
    const db = handles.open();
    await treeOf(db).set("a", "0");
    const seen: string[] = [];
    const other = await lockByOther(handles.path);
    const first = treeOf(db).set("a", "1");
    const second = db.write((tx) => {
      seen.push(tx.tree("words", CODECS).get("a")!);
      tx.tree("words", CODECS).set("a", "2");
      return "result";
    });
    const third = treeOf(db).update("a", (value) => `${value}3`);
    assert(!(await isSettled(Promise.race([first, second, third]))));
    assertEquals(treeOf(db).get("a"), "0");
    other[Symbol.dispose]();
    assertEquals([await second, await third], ["result", "23"]);
    await first;
    assertEquals([seen, treeOf(db).get("a")], [["1"], "23"]);
  });

  it("keeps its arguments as they were when it was called", async () => {
    const db = handles.open();
    const bytes = db.tree("bytes");
    const pairs = db.tree("pairs", { key: tuple.as<[Uint8Array, number]>(), value: string });
    await pairs.set([new Uint8Array([7]), 1], "x");
    const other = await lockByOther(handles.path);
    // The method `slice` of a `Buffer` makes no copy.
    const [key, value, part] = [Buffer.of(1), Buffer.of(2), Buffer.of(7)];
    const entry: [Uint8Array, Uint8Array] = [Buffer.of(3), Buffer.of(4)];
    const all = [
      bytes.set(key, value),
      bytes.setMany([entry]),
      pairs.delete([part, 1]),
      bytes.setIfAbsent(new Uint8Array([5]), value),
    ];
    for (const array of [key, value, part, ...entry]) array.fill(9);
    other[Symbol.dispose]();
    await Promise.all(all);
    const found = [...bytes.entries()].map(([k, v]) => [...k, ...v]);
    assertEquals(found, [[1, 2], [3, 4], [5, 2]]);
    assertEquals(pairs.count(), 0);
  });

  it("comes before a writeSync that follows it, and before the close", async () => {
    const db = handles.open();
    const other = await lockByOther(handles.path);
    const first = treeOf(db).set("a", "1");
    other[Symbol.dispose]();
    db.writeSync((tx) => {
      assertEquals(tx.tree("words", CODECS).get("a"), "1");
      tx.tree("words", CODECS).set("a", "2");
    });
    await first;
    const again = await lockByOther(handles.path);
    const last = treeOf(db).set("a", "3");
    again[Symbol.dispose]();
    handles.opened.splice(0);
    await db[Symbol.asyncDispose]();
    await last;
    using alone = open(handles.path);
    assertEquals(treeOf(alone).get("a"), "3");
  });

  it("rejects with the error of its callback, and the others go on", async () => {
    const db = handles.open();
    const other = await lockByOther(handles.path);
    const wrong = db.write(() => {
      throw new RangeError("not this");
    });
    const right = treeOf(db).set("a", "1");
    other[Symbol.dispose]();
    await assertRejects(() => wrong, RangeError, "not this");
    await right;
    assertEquals(treeOf(db).get("a"), "1");
    assertEquals(db.stats().sharing!.participants.map(({ waits }) => waits), [false]);
  });

  it("rejects with an error of the sidecar, and the next one goes on", async () => {
    const db = handles.open();
    const other = await lockByOther(handles.path);
    const { write } = SideFile.prototype;
    SideFile.prototype.write = () => {
      throw new IoError("Cannot write the sidecar: the disk is full");
    };
    try {
      await assertRejects(() => treeOf(db).set("a", "1"), IoError, "the disk is full");
    } finally {
      SideFile.prototype.write = write;
    }
    other[Symbol.dispose]();
    await treeOf(db).set("a", "2");
    assertEquals(treeOf(db).get("a"), "2");
  });

  it("rejects where the database is closed before its turn comes", async () => {
    const db = handles.open();
    const { tryHold } = Sharing.prototype;
    let set: Promise<void> | undefined;
    let isFree = true;
    // Other processes have the lock from the last turn of the close on.
    Sharing.prototype.tryHold = function () {
      if (!isFree || !tryHold.call(this)) return false;
      isFree = false;
      queueMicrotask(() => set = treeOf(db).set("a", "1"));
      return true;
    };
    try {
      handles.opened.splice(0);
      await db[Symbol.asyncDispose]();
    } finally {
      Sharing.prototype.tryHold = tryHold;
    }
    await assertRejects(() => set!, ClosedError, "Cannot use the database: it is closed");
  });

  it("leaves an entry of KV that has expired meanwhile to be removed at once", async () => {
    const db = handles.open();
    using kv = await openKv(db);
    const other = await lockByOther(handles.path);
    const date = Date.now();
    const set = kv.set(["a"], 1, { expireIn: 1 });
    while (Date.now() <= date + 1) await nextTurn();
    other[Symbol.dispose]();
    await set;
    // A bound for a test that fails: others look after a minute.
    for (let i = 0; i < 2000 && (await kv.get(["a"])).value !== null; i++) await nextTurn();
    assertEquals((await kv.get(["a"])).value, null);
  });

  it("lets the event loop run between writes that are awaited one after the other", async () => {
    const db = handles.open();
    let isOver = false;
    const turn = new Promise<void>((resolve) => setTimeout(resolve, 1)).then(() => {
      isOver = true;
    });
    for (let i = 0; !isOver; i++) await treeOf(db).set("a", `${i}`);
    await turn;
  });

  it("is told in the statistics of the others", async () => {
    const [a, b] = [handles.open(), handles.open()];
    const other = await lockByOther(handles.path);
    const set = treeOf(a).set("a", "1");
    assert(!(await isSettled(set)));
    const waiting = b.stats().sharing!.participants.filter(({ waits }) => waits);
    assertEquals(waiting.map(({ isOwn }) => isOwn), [false]);
    other[Symbol.dispose]();
    await set;
  });
});

describe("a read of several keys of KV that begins anew", () => {
  const { find } = BTree.prototype;

  /** Lets a search fail as if another process had replaced a page, after a change. */
  function failAt(search: number, change: () => void): void {
    let count = 0;
    BTree.prototype.find = function (...key) {
      if (++count < search) return find.apply(this, key);
      BTree.prototype.find = find;
      change();
      throw new MovedError("replaced");
    };
  }

  it("has one version of all, wherever it is", async () => {
    const [db, other] = [handles.open(), handles.open()];
    using kv = await openKv(db);
    using otherKv = await openKv(other);
    const set = (value: number) => otherKv.atomic().set(["a"], value).set(["b"], value).commit();
    await set(0);
    for (let search = 1; search <= 4; search++) {
      await nextTurn();
      let changed: Promise<unknown> | undefined;
      failAt(search, () => changed = set(search));
      try {
        const [a, b] = await kv.getMany<[number, number]>([["a"], ["b"]]);
        assertEquals(a.value, b.value);
      } finally {
        BTree.prototype.find = find;
      }
      await changed;
    }
  });
});

function plain(db: Database): Tree {
  return db.tree("words");
}

function bytesFor(count: number, value: string): [string, Uint8Array][] {
  const bytes = new TextEncoder().encode(value);
  return wordsOf(count, value).map(([key]) => [key, bytes]);
}

describe("maintenance of a shared database, while another handle writes", () => {
  /** Two handles, and a function that changes entries by the second one. */
  async function prepare(count = 600) {
    const [a, b] = [handles.open(), handles.open()];
    await plain(a).setMany(bytesFor(count, "x".repeat(300)));
    await nextTurn();
    let round = 0;
    const change = async () => {
      round++;
      const some = bytesFor(count, `${round}`.repeat(250)).filter((_, i) => i % 7 === round % 7);
      await plain(b).setMany(some);
      await plain(b).deleteRange({ gte: `word 000${round % 3}`, lt: "word 0005" });
      await b.tree(`other ${round % 3}`).setMany(bytesFor(200, `${round}`));
      b.dropTree(`other ${(round + 1) % 3}`);
    };
    return { a, b, change };
  }

  /** Changes entries until the work has ended. */
  async function meanwhile<T>(work: Promise<T>, change: () => Promise<unknown>): Promise<T> {
    let isOver = false;
    const ended = work.finally(() => void (isOver = true));
    ended.catch(() => {});
    while (!isOver) {
      await change();
      await nextTurn();
    }
    return await ended;
  }

  it("has the commits that wait for their write when it begins", async () => {
    const db = handles.open();
    const words = treeOf(db);
    await words.set("a", "one");
    using before = db.snapshot();
    // More pages than the file has. Nobody awaits the sets, so they wait for the end of the turn.
    words.set("b", "x".repeat(100_000));
    const listed = Array.fromAsync(db.changes({ since: before }));
    words.set("c", "y".repeat(100_000));
    await db.backup(`${handles.folder}/copy`);
    assertEquals((await listed).map(({ key }) => key[0]), [98]);
    using copy = open(`${handles.folder}/copy`);
    assertEquals((await copy.verify()).findings, []);
    assertEquals([...treeOf(copy).entries()], [...words.entries()]);
  });

  it("copies the version at which the backup began", async () => {
    const { a, b, change } = await prepare();
    await change();
    const before = contentOf(a);
    const { version } = a;
    const result = await meanwhile(a.backup(`${handles.folder}/copy`), change);
    assertEquals(result.version, version);
    assertGreater(b.version, version);
    assert((await verify(`${handles.folder}/copy`)).ok);
    {
      using copy = open(`${handles.folder}/copy`);
      assertContent(contentOf(copy), before);
    }
    await nextTurn();
    const later = contentOf(a);
    const since = await meanwhile(a.backup(`${handles.folder}/step`, { since: version }), nextTurn);
    await restore(`${handles.folder}/restored`, `${handles.folder}/copy`, `${handles.folder}/step`);
    using restored = open(`${handles.folder}/restored`);
    assertEquals(restored.version, since.version);
    assertContent(contentOf(restored), later);
  });

  it("copies the commits before it that wait for their flush, and none after it", async () => {
    const db = handles.open();
    const tree = db.tree("long");
    const setAll = (part: number) =>
      Array.from({ length: 20 }, (_, i) => tree.set(`${part} ${i}`, new Uint8Array(5000)));
    await tree.set("0 before", new Uint8Array(1));
    const sets = setAll(0);
    const { version } = db;
    const backup = db.backup(`${handles.folder}/copy`);
    await Promise.all([...sets, ...setAll(1)]);
    assertEquals((await backup).version, version);
    using copy = open(`${handles.folder}/copy`);
    assertEquals((await copy.verify()).findings, []);
    assertEquals([copy.tree("long").count(), copy.tree("long").count({ prefix: "0" })], [21, 21]);
  });

  it("copies to a stream, and compactly", async () => {
    const { a, change } = await prepare();
    const before = contentOf(a);
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const sink = new WritableStream<Uint8Array>({
      write: (chunk) => void chunks.push(chunk.slice()),
    });
    await meanwhile(a.backup(sink), change);
    Deno.writeFileSync(
      `${handles.folder}/copy`,
      new Uint8Array(await new Blob(chunks).arrayBuffer()),
    );
    using copy = open(`${handles.folder}/copy`);
    assertContent(contentOf(copy), before);
    await nextTurn();
    const later = contentOf(a);
    await meanwhile(a.backup(`${handles.folder}/compact`, { compact: true }), change);
    using compact = open(`${handles.folder}/compact`);
    assertContent(contentOf(compact), later);
  });

  it("verifies", async () => {
    const { a, change } = await prepare(3000);
    const { ok, findings, entries } = await meanwhile(a.verify(), change);
    assertEquals(findings, []);
    assert(ok);
    assertGreater(entries, 1000);
  });

  it("reports damage of the file, and no write of another process", async () => {
    const { a } = await prepare();
    a.checkpoint();
    const page = a.inspect().trees()[0]!.root;
    const { offset } = a.inspect().header(page);
    handles.closeAll();
    const file = Deno.openSync(handles.path, { write: true });
    file.seekSync(offset + 100, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array([1, 2, 3]));
    file.close();
    const { ok, findings } = await handles.open().verify();
    assertEquals([ok, findings.map((finding) => finding.page)], [false, [page]]);
    assertThrows(() => plain(handles.open()).get("word 00001"), CorruptionError);
    using snapshot = handles.open().snapshot();
    assertThrows(() => snapshot.tree("words").get("word 00001"), CorruptionError);
  });

  it("lists the changes since a snapshot, and since a copy", async () => {
    const { a, change } = await prepare();
    await a.backup(`${handles.folder}/copy`);
    using since = a.snapshot();
    await change();
    await nextTurn();
    const before = new Map(since.trees().map((name) => [name, [...since.tree(name).entries()]]));
    const expected = difference(before, contentOf(a));
    const list = async (from: typeof since | string) => {
      const found: string[] = [];
      for await (const { tree, key, value } of a.changes({ since: from })) {
        found.push(show(tree, key, value));
      }
      return found.sort();
    };
    assertEquals(await meanwhile(list(since), nextTurn), expected);
    assertEquals(await meanwhile(list(`${handles.folder}/copy`), nextTurn), expected);
    assertGreater(expected.length, 100);
  });

  it("compacts, so that the file is short after the last close", async () => {
    const { a, b, change } = await prepare(10_000);
    await plain(a).deleteRange({ lt: "word 07500" });
    await nextTurn();
    const { pagesMoved } = await meanwhile(a.compact(), change);
    assertGreater(pagesMoved, 0);
    await nextTurn();
    const content = contentOf(a);
    assertContent(contentOf(b), content);
    const { fileBytes } = a.stats();
    handles.closeAll();
    using alone = open(handles.path);
    assertContent(contentOf(alone), content);
    assert((await alone.verify()).ok);
    assertGreater(fileBytes, alone.stats().fileBytes);
  });

  it("ends a copy that the bound of the journal has overtaken with an error", async () => {
    const options = { journalBytes: 2 * MIB, cacheBytes: 8 * MIB };
    const [a, b] = [handles.open(options), handles.open(options)];
    const setAll = (db: Database, letter: string) => {
      return plain(db).setMany(bytesFor(1500, letter.repeat(3000)));
    };
    await setAll(a, "x");
    await nextTurn();
    const copy = a.backup(new WritableStream<Uint8Array>());
    let round = 0;
    const change = () => setAll(b, "abcdefgh"[round++ % 8]!);
    // It rests while others write.
    await assertRejects(() => meanwhile(copy, change), SnapshotTooOldError);
    await nextTurn();
    assertContent(contentOf(a), contentOf(b));
  });
});

function show(tree: string, key: Uint8Array, value: Uint8Array | undefined): string {
  const text = new TextDecoder();
  return `${tree} ${text.decode(key)} ${value && text.decode(value)}`;
}

type Content = ReturnType<typeof contentOf>;

function difference(older: Content, newer: Content): string[] {
  const entriesOf = (content: Content) => {
    const all = new Map<string, string>();
    for (const [tree, entries] of content) {
      for (const [key, value] of entries) {
        all.set(show(tree, key, undefined), show(tree, key, value));
      }
    }
    return all;
  };
  const [before, after] = [entriesOf(older), entriesOf(newer)];
  const changed = [...after].flatMap(([key, entry]) => before.get(key) === entry ? [] : [entry]);
  const removed = [...before.keys()].filter((key) => !after.has(key));
  return [...changed, ...removed].sort();
}

describe("a prefetch that begins anew", () => {
  it("still has all keys of a generator", async () => {
    const db = handles.open();
    await treeOf(db).setMany(wordsOf(3, "x"));
    // A handle that keeps the lock does not begin anew.
    await nextTurn();
    function* keys() {
      yield* wordsOf(3, "").map(([key]) => key);
    }
    const { prefetch } = ReadTree.prototype;
    const asked: string[][] = [];
    ReadTree.prototype.prefetch = function (what, options) {
      asked.push([...what as Iterable<string>]);
      if (asked.length === 1) return Promise.reject(new MovedError("replaced"));
      return prefetch.call(this, what, options);
    };
    try {
      assert(await treeOf(db).prefetch(keys()));
    } finally {
      ReadTree.prototype.prefetch = prefetch;
    }
    assertEquals(asked.map(({ length }) => length), [3, 3]);
  });
});
