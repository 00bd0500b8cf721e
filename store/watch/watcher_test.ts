// Watching a tree: commits arrive in order, once, whole, and only when they are durable; and every
// way to end a watcher.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  ClosedError,
  type Durability,
  IoError,
  LimitError,
  MemoryFile,
  openPager,
} from "../../pager/mod.ts";
import { openBoth, type Opened, utf8 } from "../../tests/support/databases/database.ts";
import { always, FaultyFile, from, type Operation } from "../../tests/support/files/faulty_file.ts";
import { Random } from "../../tests/support/random.ts";
import { Database } from "../database.ts";
import { boundsOf, type Range } from "../read/range.ts";
import { TreeFormat } from "../read/tree_format.ts";
import type { Transaction } from "../transaction.ts";
import { Session } from "../write/session.ts";
import { Watcher, type WatchOptions, type WatchSource } from "./watcher.ts";

type Key = Uint8Array | string;

const FORMAT = new TreeFormat<Uint8Array, never, Key, never, Key>({});

type TextWatcher = Watcher<string, string, Range>;

const MIB = 1024 * 1024;
const LONG = "v".repeat(100_000);
const LEVELS: readonly Durability[] = ["sync", "buffered", "none"];
const text = new TextDecoder();

/** Watches a range of tree "a", whose keys and values are read as text. */
function watch(
  session: Session,
  range: Range = {},
  options: WatchOptions = {},
  source: Partial<WatchSource<string, string>> = {},
): TextWatcher {
  const { lower, upper } = boundsOf(range, FORMAT);
  const decode = (bytes: Uint8Array) => text.decode(bytes);
  const whole = { tree: "a", lower, upper, decodeKey: decode, decodeValue: decode, ...source };
  return new Watcher(session.feed, whole, options);
}

/** Changes tree "a" in a transaction. */
class Writer {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  set(tx: Transaction, key: string, value = "v"): void {
    tx.tree("a").set(key, utf8(value));
  }

  delete(tx: Transaction, key: string): boolean {
    return tx.tree("a").delete(key);
  }

  deleteRange(tx: Transaction, range: Range): number {
    return tx.tree("a").deleteRange(range);
  }

  /** Sets keys in a transaction of their own. */
  commit(durability: Durability, ...keys: string[]): void {
    this.#db.writeSync((tx) => keys.forEach((key) => this.set(tx, key)), { durability });
  }
}

/** A database with an empty tree "a" that has been written to, on a file that can fail. */
function openWatched(): Opened & { writer: Writer; file: FaultyFile } {
  const file = new FaultyFile(new MemoryFile());
  const opened = openBoth(file);
  opened.db.writeSync((tx) => tx.tree("a").set("made", new Uint8Array(1)));
  opened.db.writeSync((tx) => tx.tree("a").clear());
  return { ...opened, writer: new Writer(opened.db), file };
}

/** A commit in short: `version: changes`. */
async function nextOf(watcher: TextWatcher): Promise<string> {
  const { done, value } = await watcher.next();
  if (done) return "done";
  const changes = value.changes.map((change) => {
    if (change.type === "set") return `${change.key}=${change.value}`;
    if (change.type === "delete") return `-${change.key}`;
    return change.type;
  });
  return `${value.version}: ${changes.join(" ")}`;
}

/** Whether a promise is still pending when all has run that waits for nothing else. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => settled = true;
  promise.then(settle, settle);
  await turn();
  return !settled;
}

/** A turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

describe("a watcher", () => {
  it("gives the commits of its range in order, each once, as one item", async () => {
    const { db, session, writer } = openWatched();
    const [all, prefix] = [watch(session), watch(session, { prefix: "b/" })];
    const { version } = db;
    writer.commit("sync", "a", "b/1");
    writer.commit("sync", "c");
    db.writeSync((tx) => {
      writer.set(tx, "b/1", "new");
      writer.delete(tx, "a");
      writer.delete(tx, "missing");
      writer.deleteRange(tx, { gte: "x" });
      writer.deleteRange(tx, { gte: "b/1" });
    });
    assertEquals(await nextOf(all), `${version + 1}: a=v b/1=v`);
    assertEquals(await nextOf(all), `${version + 2}: c=v`);
    assertEquals(await nextOf(all), `${version + 3}: b/1=new -a deleteRange`);
    assertEquals(await nextOf(prefix), `${version + 1}: b/1=v`);
    const { value } = await prefix.next();
    assertEquals(value, {
      version: version + 3,
      changes: [
        { type: "set", key: "b/1", value: "new" },
        { type: "deleteRange", range: { gte: "b/1" }, count: 2 },
      ],
    });
    db.close();
  });

  it("begins when it is made, and shows nothing of before", async () => {
    const { db, session, writer } = openWatched();
    const early = watch(session);
    writer.commit("none", "before");
    const late = watch(session);
    writer.commit("sync", "after");
    assertEquals(await nextOf(early), `${db.version - 1}: before=v`);
    assertEquals(await nextOf(late), `${db.version}: after=v`);
    db.close();
  });

  it("answers several calls at once in their order", async () => {
    const { db, session, writer } = openWatched();
    const watcher = watch(session);
    const { version } = db;
    const early = [nextOf(watcher), nextOf(watcher)];
    for (const key of ["1", "2", "3", "4"]) writer.commit("sync", key);
    const all = [...early, nextOf(watcher), nextOf(watcher), nextOf(watcher)];
    db.close();
    const expected = ["1", "2", "3", "4"].map((key) => `${version + Number(key)}: ${key}=v`);
    assertEquals(await Promise.all(all), [...expected, "done"]);
  });

  it("shows nothing of a transaction or a savepoint that is rolled back", async () => {
    const { db, session, writer } = openWatched();
    const watcher = watch(session);
    assertThrows(() =>
      db.writeSync((tx) => {
        writer.set(tx, "thrown");
        throw new RangeError("out");
      }), RangeError);
    const { version } = db;
    await db.write((tx) => {
      writer.set(tx, "1");
      assertThrows(() =>
        db.writeSync((inner) => {
          writer.set(inner, "2");
          db.writeSync((tx) => writer.set(tx, "3"));
          throw new RangeError("back");
        }), RangeError);
      db.writeSync((tx) => writer.set(tx, "4"));
    });
    const promised = async (tx: Transaction) => await writer.set(tx, "promised");
    await assertRejects(() => db.write(promised as never), TypeError);
    writer.commit("sync", "5");
    assertEquals(await nextOf(watcher), `${version + 1}: 1=v 4=v`);
    assertEquals(await nextOf(watcher), `${version + 2}: 5=v`);
    db.close();
  });

  it("reads keys and values when it is asked, never inside a flush", async () => {
    const { db, session, writer } = openWatched();
    let decoded = 0;
    const decode = (bytes: Uint8Array) => {
      decoded++;
      return text.decode(bytes);
    };
    const watcher = watch(session, {}, {}, { decodeKey: decode, decodeValue: decode });
    const reading = watcher.next();
    writer.commit("sync", "a");
    writer.commit("sync", "b");
    assertEquals(decoded, 0);
    await reading;
    assertEquals(decoded, 2);
    db.close();
  });

  it("ends with the error of a codec, and stays there", async () => {
    const { db, session, writer } = openWatched();
    const error = new TypeError("no such value");
    const decodeValue = (bytes: Uint8Array) => {
      if (text.decode(bytes) === "bad") throw error;
      return text.decode(bytes);
    };
    const watcher = watch(session, {}, {}, { decodeValue });
    const reads = [watcher.next(), watcher.next(), watcher.next(), watcher.next()];
    writer.commit("sync", "a");
    db.writeSync((tx) => writer.set(tx, "b", "bad"));
    writer.commit("sync", "c");
    assertEquals((await reads[0])!.done, false);
    for (const read of [...reads.slice(1), watcher.next()]) {
      assertStrictEquals(await read.catch((error) => error), error);
    }
    assertEquals(session.feed.size, 0);
    db.close();
  });

  it("gives each of two watchers bytes of its own", async () => {
    const { db, session, writer } = openWatched();
    const kept: Uint8Array[] = [];
    const decodeKey = (bytes: Uint8Array) => `${kept.push(bytes)}`;
    const watchers = [1, 2].map(() => watch(session, {}, {}, { decodeKey }));
    writer.commit("sync", "key");
    for (const watcher of watchers) {
      await watcher.next();
      assertEquals(text.decode(kept.at(-1)), "key");
      kept.at(-1)?.fill(0);
    }
    db.close();
  });

  it("shows 10,000 commits in order while they are made", async () => {
    const { db, session, writer } = openWatched();
    const first = db.version + 1;
    const watcher = watch(session);
    const reading = (async () => {
      let version = first;
      for await (const commit of watcher) {
        assertEquals(commit.version, version);
        const change = commit.changes[0]!;
        assert(change.type === "set" && change.key === `${version - first}`);
        if (++version === first + 10_000) break;
      }
    })();
    for (let i = 0; i < 10_000; i++) {
      const written = db.write((tx) => writer.set(tx, `${i}`));
      if (i % 100 === 0) await written;
    }
    await reading;
    db.close();
  });

  it("refuses what it cannot understand", () => {
    const { db, session } = openWatched();
    const refuse = (options: unknown, type: typeof TypeError, message: string) =>
      assertThrows(() => watch(session, {}, options as WatchOptions), type, message);
    refuse(null, TypeError, "not an object");
    refuse({ maxpending: 1 }, TypeError, "unknown option maxpending");
    refuse({ maxPending: "1" }, TypeError, "maxPending is string");
    refuse({ maxPending: 0 }, RangeError, "maxPending 0 is not a count");
    refuse({ maxPending: 1.5 }, RangeError, "not a count");
    refuse({ signal: {} }, TypeError, "not an AbortSignal");
    const tree = db.tree("a");
    db.writeSync(() => assertThrows(() => tree.watch(), TypeError, "a transaction is open"));
    assertEquals(session.feed.size, 0);
    db.close();
    assertThrows(() => tree.watch(), ClosedError);
  });
});

describe("a watcher and durability", () => {
  const later: [string, (opened: ReturnType<typeof openWatched>) => unknown][] = [
    ["a commit of level sync", ({ writer }) => writer.commit("sync", "last")],
    ["a promise of level sync", ({ db }) => db.write((tx) => tx.tree("b").set("c", utf8("d")))],
    ["a checkpoint", ({ db }) => db.checkpoint()],
    ["the close", ({ db }) => db.close()],
    ["a checkpoint while nothing is written", () => new Promise((done) => setTimeout(done, 2500))],
  ];
  for (const [what, make] of later) {
    it(`shows commits of lower levels once ${what} has made them durable`, async () => {
      const opened = openWatched();
      const { db, session, writer } = opened;
      const watcher = watch(session);
      const { version } = db;
      const reads = [nextOf(watcher), nextOf(watcher), nextOf(watcher)];
      writer.commit("none", "1");
      await db.write((tx) => writer.set(tx, "2"), { durability: "none" });
      writer.commit("buffered", "3");
      await db.write((tx) => writer.set(tx, "4"), { durability: "buffered" });
      assert(await isPending(reads[0]!), "nothing is durable yet");
      assert(db.durableVersion <= version);
      await make(opened);
      const expected = ["1", "2", "3"].map((key) => `${version + Number(key)}: ${key}=v`);
      assertEquals(await Promise.all(reads), expected);
      assertEquals(await nextOf(watcher), `${version + 4}: 4=v`);
      db.close();
    });
  }

  it("has every commit of a group when its writers hear of it", async () => {
    const { db, session, writer } = openWatched();
    const watcher = watch(session);
    const { version } = db;
    const promises = [1, 2, 3].map((key) => db.write((tx) => writer.set(tx, `${key}`)));
    const read = nextOf(watcher);
    assertEquals(db.durableVersion, version, "the group has not been flushed");
    await promises[0];
    for (const key of [1, 2, 3]) {
      assertEquals(await (key === 1 ? read : nextOf(watcher)), `${version + key}: ${key}=v`);
    }
    db.close();
  });

  it("shows commits at once where all is in memory", async () => {
    for (const durability of LEVELS) {
      const session = new Session(openPager(":memory:"), durability);
      const watcher = watch(session);
      const db = new Database(session);
      const writer = new Writer(db);
      writer.commit(durability, "1");
      assertEquals(await nextOf(watcher), "1: 1=v");
      await db.write((tx) => writer.set(tx, "2"));
      assertEquals(await nextOf(watcher), "2: 2=v");
      session.close();
    }
  });

  it("never shows what a failed disk has lost", async () => {
    for (const wait of [true, false]) {
      const { db, session, writer, file } = openWatched();
      const watcher = watch(session);
      writer.commit("sync", "safe");
      const { version } = db;
      writer.commit("none", "lost");
      file.fault = always("throw", "write", "sync");
      if (wait) await assertRejects(() => db.write((tx) => writer.set(tx, "failed")), IoError);
      else assertThrows(() => writer.commit("sync", "failed"), IoError);
      assertEquals(db.version, version + 2, "visible to readers of the tree");
      file.fault = () => "none";
      assertThrows(() => writer.commit("sync", "refused"), IoError);
      assertEquals(await nextOf(watcher), `${version}: safe=v`);
      const read = nextOf(watcher);
      assert(await isPending(read));
      assertThrows(() => db.close(), IoError);
      assertEquals(await read, "done");
    }
  });

  /** Keeps the version of the last commit that was seen. */
  function follow(watcher: TextWatcher): { version: number } {
    const seen = { version: 0 };
    const reading = (async () => {
      for await (const { version } of watcher) seen.version = version;
    })();
    reading.catch(() => {});
    return seen;
  }

  /** Commits on a file whose `nth` operation of a sort, and all after it, fail; whether one did. */
  async function runOnFailing(operation: Operation, nth: number): Promise<boolean> {
    const memory = new MemoryFile();
    const file = new FaultyFile(memory);
    const { db, session } = openBoth(file, { journalBytes: 2 * MIB });
    const seen = follow(watch(session));
    file.fault = from(file.counts[operation] + nth, "throw", operation);
    let acknowledged = 0;
    for (let i = 0; i < 25 && session.pager.failure === undefined; i++) {
      const durability = LEVELS[i % 3]!;
      const callback = (tx: Transaction) => new Writer(db).set(tx, `${i}`, LONG);
      try {
        if (i % 2 === 0) db.writeSync(callback, { durability });
        else await db.write(callback, { durability });
        if (durability === "sync") acknowledged = db.version;
      } catch (error) {
        assert(error instanceof IoError);
      }
      await turn();
      assertEquals(seen.version, db.durableVersion, `${operation} ${nth}`);
    }
    const failed = session.pager.failure !== undefined;
    if (failed) assertThrows(() => db.close(), IoError);
    file.fault = () => "none";
    // A close may move pages, which is a version without a change.
    const last = failed ? db.durableVersion : db.version;
    db.close();
    await turn();
    assertEquals(seen.version, last, `${operation} ${nth}, closed`);
    assert(seen.version >= acknowledged);
    using again = openBoth(memory).db;
    const recovered = again.stats().recovery?.version ?? again.version;
    assert(seen.version <= recovered, `${seen.version} was shown, ${recovered} recovered`);
    return failed;
  }

  it("shows all that is durable, and no more, whichever write or sync fails", async () => {
    for (const operation of ["write", "sync"] as const) {
      let failures = 0;
      for (let nth = 1; nth < 45; nth += 2) {
        if (await runOnFailing(operation, nth)) failures++;
      }
      assert(failures > 5, `${failures} failures of a ${operation}`);
    }
  });

  it("shows what becomes durable while writers wait for a checkpoint", async () => {
    const { db, session } = openBoth(new MemoryFile(), { journalBytes: 2 * MIB });
    const writer = new Writer(db);
    await db.write((tx) => {
      for (let i = 0; i < 60; i++) tx.tree("b").set(`large ${i}`, new Uint8Array(2 * MIB));
    });
    const seen = follow(watch(session));
    for (let round = 0; round < 8; round++) {
      const keys = Array.from({ length: 60 }, (_, i) => `${round} ${i}`);
      const set = (key: string) =>
        db.write((tx) => writer.set(tx, key, "v".repeat(10_000)), { durability: "buffered" });
      await Promise.all(keys.map(set));
      await turn();
      assertEquals(seen.version, db.durableVersion, `round ${round}`);
    }
    assert(db.stats().checkpoints > 0);
    db.close();
  });
});

describe("the bound of a watcher", () => {
  it("is an error after what was buffered, and the end", async () => {
    const { db, session, writer } = openWatched();
    const watcher = watch(session, {}, { maxPending: 3 });
    const { version } = db;
    writer.commit("sync", "1", "2");
    writer.commit("sync", "3");
    writer.commit("sync", "4");
    writer.commit("sync", "5");
    assertEquals(session.feed.size, 0);
    assertEquals(await nextOf(watcher), `${version + 1}: 1=v 2=v`);
    assertEquals(await nextOf(watcher), `${version + 2}: 3=v`);
    for (let i = 0; i < 2; i++) {
      const message = "Cannot watch: more than 3 changes wait";
      await assertRejects(() => watcher.next(), LimitError, message);
    }
    assertEquals((await watcher.return()).done, true);
    db.close();
  });

  it("rejects pending reads, after the commits that other reads wait for", async () => {
    const { db, session, writer } = openWatched();
    const watcher = watch(session, {}, { maxPending: 2 });
    const reads = [nextOf(watcher), nextOf(watcher), nextOf(watcher)];
    const outcomes = Promise.allSettled(reads);
    writer.commit("none", "1");
    writer.commit("none", "2");
    writer.commit("none", "3");
    db.checkpoint();
    const [first, second, third] = await outcomes;
    assertEquals([first!.status, second!.status], ["fulfilled", "fulfilled"]);
    assert(third!.status === "rejected" && third!.reason instanceof LimitError);
    db.close();
  });

  it("is an error too where the database is closed, or what was buffered is lost", async () => {
    for (const fails of [false, true]) {
      const { db, session, writer, file } = openWatched();
      const watcher = watch(session, {}, { maxPending: 1 });
      const version = db.version + 1;
      writer.commit("none", "1");
      writer.commit("none", "2");
      if (fails) file.fault = always("throw", "write", "sync");
      if (fails) assertThrows(() => db.close(), IoError);
      else db.close();
      if (!fails) assertEquals(await nextOf(watcher), `${version}: 1=v`);
      await assertRejects(() => watcher.next(), LimitError);
    }
  });

  it("is 10,000 changes unless another is given", async () => {
    const { db, session, writer } = openWatched();
    const [some, all] = [watch(session), watch(session, {}, { maxPending: Infinity })];
    const keys = Array.from({ length: 10_000 }, (_, i) => `${i}`);
    writer.commit("sync", ...keys);
    assertEquals(session.feed.size, 2);
    writer.commit("sync", "one more");
    assertEquals(session.feed.size, 1);
    assertEquals((await some.next()).value?.changes.length, 10_000);
    await assertRejects(() => some.next(), LimitError, "more than 10000 changes wait");
    writer.commit("sync", ...keys, ...keys);
    for (const count of [10_000, 1, 20_000]) {
      assertEquals((await all.next()).value?.changes.length, count);
    }
    db.close();
  });
});

describe("a commit of more changes than may wait", () => {
  it("reaches every watcher that keeps up, by one call and by several", async () => {
    const { db } = openWatched();
    const tree = db.tree("a");
    const watchers = [tree.watch(), tree.watch({ prefix: "k" }), tree.watch({}, { maxPending: 1 })];
    const entries = Array.from({ length: 10_001 }, (_, i) => [`k${i}`, utf8("v")] as const);
    for (let round = 0; round < 2; round++) {
      const reads = watchers.map((watcher) => watcher.next());
      await tree.setMany(entries);
      for (const read of reads) assertEquals((await read).value?.changes.length, 10_001);
    }
    db.close();
  });
});

describe("the end of a watcher", () => {
  it("comes with a signal that has aborted before", async () => {
    const { db, session } = openWatched();
    const signal = AbortSignal.abort("before");
    const watcher = watch(session, {}, { signal });
    for (let i = 0; i < 2; i++) {
      assertEquals(await watcher.next().catch((reason) => reason), "before");
    }
    assertEquals(session.feed.size, 0);
    db.close();
  });

  it("comes when a signal aborts: pending and later calls reject with its reason", async () => {
    const { db, session, writer } = openWatched();
    const controller = new AbortController();
    const watcher = watch(session, {}, { signal: controller.signal });
    writer.commit("sync", "1");
    assertEquals((await watcher.next()).done, false);
    const reads = [watcher.next(), watcher.next()].map((read) => read.catch((reason) => reason));
    const reason = new Error("enough");
    controller.abort(reason);
    writer.commit("sync", "2");
    for (const read of reads) assertStrictEquals(await read, reason);
    assertStrictEquals(await watcher.next().catch((reason) => reason), reason);
    assertEquals(session.feed.size, 0);
    db.close();
  });

  it("gives up what is buffered when the signal aborts", async () => {
    const { db, session, writer } = openWatched();
    const controller = new AbortController();
    const watcher = watch(session, {}, { signal: controller.signal });
    writer.commit("sync", "1");
    controller.abort();
    const error = await watcher.next().catch((reason) => reason);
    assertEquals([error instanceof DOMException, error.name], [true, "AbortError"]);
    db.close();
  });

  it("may come inside a transaction", async () => {
    const { db, session, writer } = openWatched();
    const controller = new AbortController();
    const watcher = watch(session, {}, { signal: controller.signal });
    const other = watch(session);
    db.writeSync((tx) => {
      writer.set(tx, "1");
      controller.abort("inside");
      writer.set(tx, "2");
    });
    assertEquals(await watcher.next().catch((reason) => reason), "inside");
    assertEquals(await nextOf(other), `${db.version}: 1=v 2=v`);
    db.close();
  });

  it("leaves no listener on the signal, and a later abort means nothing", async () => {
    const ends: ((watcher: TextWatcher, opened: Opened) => unknown)[] = [
      (watcher) => watcher.return(),
      (watcher) => watcher[Symbol.asyncDispose](),
      (watcher) => watcher.throw(new Error("mine")).catch(() => {}),
      (_, { db }) => db.close(),
    ];
    for (const end of ends) {
      const { db, session } = openWatched();
      const controller = new AbortController();
      let listeners = 0;
      const { signal } = controller;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = function (...args: Parameters<typeof addEventListener>) {
        listeners++;
        addEventListener.apply(this, args);
      };
      signal.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
        listeners--;
        removeEventListener.apply(this, args);
      };
      const watcher = watch(session, {}, { signal });
      assertEquals(listeners, 1);
      await end(watcher, { db, session });
      assertEquals([listeners, session.feed.size], [0, 0]);
      controller.abort();
      assertEquals(await nextOf(watcher), "done");
      db.close();
    }
  });

  it("comes with return, which settles pending reads", async () => {
    const { db, session, writer } = openWatched();
    const watcher = watch(session);
    const read = watcher.next();
    assertEquals(await watcher.return(), { done: true, value: undefined });
    writer.commit("sync", "1");
    assertEquals(await read, { done: true, value: undefined });
    assertEquals([await nextOf(watcher), session.feed.size], ["done", 0]);
    await assertRejects(() => watcher.throw(new Error("mine")), Error, "mine");
    db.close();
  });

  it("comes with leaving a loop, by break or by an error", async () => {
    const { db, session, writer } = openWatched();
    for (const how of ["break", "throw"]) {
      const watcher = watch(session);
      writer.commit("sync", "1");
      try {
        for await (const _ of watcher) {
          if (how === "break") break;
          throw new Error("mine");
        }
      } catch (error) {
        assertEquals([how, (error as Error).message], ["throw", "mine"]);
      }
      assertEquals([await nextOf(watcher), session.feed.size], ["done", 0]);
    }
    db.close();
  });

  it("comes with await using", async () => {
    const { db, session, writer } = openWatched();
    {
      await using watcher = watch(session);
      writer.commit("sync", "1");
      assertEquals(await nextOf(watcher), `${db.version}: 1=v`);
      assertEquals(session.feed.size, 1);
    }
    assertEquals(session.feed.size, 0);
    db.close();
  });

  it("comes with the close, after all that is durable", async () => {
    const { db, session, writer } = openWatched();
    const [watcher, waiting] = [watch(session), watch(session, { prefix: "x" })];
    const read = nextOf(waiting);
    const { version } = db;
    writer.commit("sync", "1");
    writer.commit("none", "2");
    const promise = db.write((tx) => writer.set(tx, "3"));
    db.close();
    await promise;
    assertEquals(await read, "done");
    for (const key of [1, 2, 3]) {
      assertEquals(await nextOf(watcher), `${version + key}: ${key}=v`);
    }
    assertEquals([await nextOf(watcher), await nextOf(watcher)], ["done", "done"]);
  });
});

describe("watchers and a model of them", () => {
  const ranges: Range[] = [{}, { prefix: "1" }, { gte: "3", lt: "6" }, { gt: "55" }];

  /** Random changes in random savepoints; what was kept of them. */
  function changeAtRandom(opened: Opened, writer: Writer, random: Random, tx: Transaction) {
    const kept: { key: string; shown: string }[] = [];
    for (let i = random.below(6); i > 0; i--) {
      const key = `${random.below(70)}`;
      if (random.once(4)) {
        const [rollsBack, inner] = [random.once(2), [] as typeof kept];
        try {
          opened.db.writeSync((tx) => {
            inner.push(...changeAtRandom(opened, writer, random, tx));
            if (rollsBack) throw new RangeError("back");
          });
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
        if (!rollsBack) kept.push(...inner);
      } else if (random.once(3)) {
        if (writer.delete(tx, key)) kept.push({ key, shown: `-${key}` });
      } else {
        writer.set(tx, key);
        kept.push({ key, shown: `${key}=v` });
      }
    }
    return kept;
  }

  it("agree", async () => {
    const inRange = (range: Range, key: string) => {
      const { prefix = "", gte = "", gt = "", lt = "~" } = range as Record<string, string>;
      return key.startsWith(prefix) && key >= gte && (gt === "" || key > gt) && key < lt;
    };
    const { db, session, writer, file } = openWatched();
    const random = new Random(7);
    const watchers = ranges.map((range) => watch(session, range, { maxPending: Infinity }));
    const expected: string[][] = ranges.map(() => []);
    for (let i = 0; i < 600; i++) {
      let kept: ReturnType<typeof changeAtRandom> = [];
      const callback = (tx: Transaction) => {
        kept = changeAtRandom({ db, session }, writer, random, tx);
      };
      const options = { durability: random.pick(LEVELS) };
      const way = random.below(3);
      if (way === 0) db.writeSync(callback, options);
      else if (way === 1) await db.write(callback, options);
      else db.write(callback, options);
      if (random.once(40)) db.checkpoint();
      ranges.forEach((range, at) => {
        const shown = kept.filter(({ key }) => inRange(range, key)).map(({ shown }) => shown);
        if (shown.length > 0) expected[at]!.push(`${db.version}: ${shown.join(" ")}`);
      });
      await Promise.resolve();
    }
    assert(file.counts.sync > 0);
    db.close();
    for (const [at, watcher] of watchers.entries()) {
      for (const commit of expected[at]!) assertEquals(await nextOf(watcher), commit);
      assertEquals(await nextOf(watcher), "done");
    }
  });
});
