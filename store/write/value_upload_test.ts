// setStream(): values of any size from streams, all or nothing: failing sources, wrong chunks,
// dropped trees, closed databases, other writers in between, and bounded memory.

import { assert, assertEquals, assertLess, assertLessOrEqual, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, MemoryFile, openDiskFile } from "../../pager/mod.ts";
import { checkDatabase, openBoth, type Opened } from "../../tests/support/databases/database.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { sameBytes, valueOf } from "../../tests/support/trees/trees.ts";
import { TreeFormat } from "../read/tree_format.ts";
import type { Session } from "./session.ts";
import { setStream as setBytes } from "./value_upload.ts";

type Key = Uint8Array | string;

const FORMAT = new TreeFormat<Uint8Array, Uint8Array, Key, Uint8Array, Key>({});

/** As `Tree.setStream`. */
async function setStream(
  session: Session,
  name: string,
  key: Key,
  stream: ReadableStream<Uint8Array>,
): Promise<number> {
  return await setBytes(session, name, FORMAT, FORMAT.keyOf(key), stream);
}

const MIB = 1024 * 1024;
/** The pages of one run. */
const PART = 255 * 8192;
const SMALL_CACHE = { cacheBytes: 8 * MIB };

interface Source {
  readonly stream: ReadableStream<Uint8Array>;
  /** The reason of the cancellation. */
  reason?: unknown;
  /** The number of chunks requested. */
  pulls: number;
}

/** A stream of a value in chunks; `before` runs before each, and may return a replacement. */
function sourceOf(
  value: Uint8Array,
  chunk: number,
  before: (at: number) => unknown = () => {},
): Source {
  let at = 0;
  const source: Source = {
    stream: new ReadableStream({
      async pull(controller) {
        source.pulls++;
        const other = await before(at);
        if (at >= value.length) return controller.close();
        controller.enqueue(other as Uint8Array ?? value.slice(at, at + chunk));
        at += chunk;
      },
      cancel(reason) {
        source.reason = reason;
      },
    }, { highWaterMark: 0 }),
    pulls: 0,
  };
  return source;
}

function streamOf(value: Uint8Array, chunk = 300_000): ReadableStream<Uint8Array> {
  return sourceOf(value, chunk).stream;
}

function expectValue({ db }: Opened, key: string, value: Uint8Array): void {
  const found = db.tree("main").get(key);
  assertEquals(found?.length, value.length);
  assert(sameBytes(found!, value));
}

/** The file after a clean close, opened again. */
function reopen({ db }: Opened, file: MemoryFile): Opened {
  db.close();
  return openBoth(new MemoryFile(file.content()), SMALL_CACHE);
}

const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

describe("setStream()", () => {
  for (const bytes of [0, 1, 2048, 2049, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 12_345]) {
    it(`sets a value of ${bytes} bytes, in one transaction if it fits one run`, async () => {
      const file = new MemoryFile();
      let opened = openBoth(file, SMALL_CACHE);
      const value = valueOf({ bytes, salt: 1 });
      assertEquals(await setStream(opened.session, "main", "key", streamOf(value)), bytes);
      assertEquals(opened.db.version, Math.max(Math.ceil(bytes / PART), 1));
      assertEquals(opened.db.durableVersion, opened.db.version);
      for (let round = 0; round < 2; round++) {
        expectValue(opened, "key", value);
        checkDatabase(opened);
        opened = reopen(opened, file);
      }
    });
  }

  it("takes chunks of any length, empty ones and one of all bytes", async () => {
    const opened = openBoth(new MemoryFile());
    const value = valueOf({ bytes: 2 * PART + 5, salt: 1 });
    for (const chunk of [1000, PART, value.length]) {
      await setStream(opened.session, "main", "key", streamOf(value, chunk));
      expectValue(opened, "key", value);
    }
    const empty = ReadableStream.from([new Uint8Array(0), value, new Uint8Array(0)]);
    assertEquals(await setStream(opened.session, "main", "key", empty), value.length);
    expectValue(opened, "key", value);
    checkDatabase(opened);
  });

  it("keeps the old value until the end, and gives its pages back", async () => {
    const opened = openBoth(new MemoryFile());
    const { session, db } = opened;
    const [before, after] = [1, 2].map((salt) => valueOf({ bytes: 2 * PART + salt, salt }));
    await setStream(session, "main", "key", streamOf(before!));
    const used = checkDatabase(opened);
    const { stream } = sourceOf(after!, 500_000, () => {
      expectValue(opened, "key", before!);
      checkDatabase(opened);
    });
    await setStream(session, "main", "key", stream);
    expectValue(opened, "key", after!);
    assertEquals(checkDatabase(opened), used);
    assertEquals(db.tree("main").count(), 1);
  });

  it("asks for the next chunk only when there is room", async () => {
    const opened = openBoth(new MemoryFile());
    const source = sourceOf(valueOf({ bytes: 3 * PART, salt: 1 }), PART / 2);
    const done = setStream(opened.session, "main", "key", source.stream);
    let before = 0;
    while (opened.session.uploads.size > 0) {
      await wait();
      // One run per turn, and no chunk beyond it.
      assertLessOrEqual(source.pulls - before, 3);
      before = source.pulls;
    }
    await done;
    assertEquals(source.pulls, 7);
  });

  it("lets others write and read in between, timers too", async () => {
    const file = new MemoryFile();
    const opened = openBoth(file, SMALL_CACHE);
    const { db, session } = opened;
    const value = valueOf({ bytes: 8 * PART + 3, salt: 1 });
    let turns = 0;
    const timer = setInterval(() => {
      db.tree("main").set(`other ${turns++}`, valueOf({ bytes: 5000, salt: turns }));
    }, 1);
    await setStream(session, "main", "key", streamOf(value, 10_000));
    clearInterval(timer);
    assert(turns >= 3, `${turns} turns`);
    expectValue(opened, "key", value);
    assertEquals(db.tree("main").count(), turns + 1);
    checkDatabase(reopen(opened, file));
  });

  it("can be done several at once, into one tree and one key too", async () => {
    const opened = openBoth(new MemoryFile(), SMALL_CACHE);
    const keys = ["a", "b", "c", "same", "same"];
    const values = keys.map((_, i) => valueOf({ bytes: (i + 2) * PART + i, salt: i }));
    await Promise.all(keys.map((key, i) => {
      return setStream(opened.session, "main", key, streamOf(values[i]!, 100_000 * (i + 1)));
    }));
    for (let i = 0; i < 3; i++) expectValue(opened, keys[i]!, values[i]!);
    const found = opened.db.tree("main").get("same")!;
    assert(values.slice(3).some((value) => sameBytes(found, value)));
    assertEquals(opened.session.unfinished.numbers(), []);
    checkDatabase(opened);
  });

  it("leaves a snapshot and a stream that is being read as they were", async () => {
    const opened = openBoth(new MemoryFile());
    const { db, session } = opened;
    const [before, after] = [1, 2].map((salt) => valueOf({ bytes: 2 * PART, salt }));
    await setStream(session, "main", "key", streamOf(before!));
    const snapshot = db.snapshot();
    const reader = db.tree("main").getStream("key")!.getReader();
    await setStream(session, "main", "key", streamOf(after!));
    assert(sameBytes(snapshot.tree("main").get("key")!, before!));
    let at = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      assert(sameBytes(value, before!.subarray(at, at + value.length)));
      at += value.length;
    }
    snapshot.close();
    expectValue(opened, "key", after!);
    checkDatabase(opened);
  });
});

/** Streams that fail, and leave no pages behind. */
interface Failure {
  readonly name: string;
  readonly error: ErrorConstructor | typeof ClosedError;
  readonly message: string;
  /** Whether the source is cancelled. */
  readonly isCancelled: boolean;
  /** Makes it fail at the first chunk at or past a byte. */
  make(opened: Opened, from: number): Source;
}

const VALUE = valueOf({ bytes: 4 * PART, salt: 7 });

let bytes: Uint8Array | undefined;

/** More bytes than a value can have, taken from the system once. */
function tooMany(): Uint8Array {
  return bytes ??= new Uint8Array(2 ** 31 + 1);
}

const FAILURES: readonly Failure[] = [
  {
    name: "source fails",
    error: Error,
    message: "the source is gone",
    isCancelled: false,
    make: (_, from) =>
      sourceOf(VALUE, 200_000, (at) => {
        if (at >= from) throw new Error("the source is gone");
      }),
  },
  {
    name: "chunk is no bytes",
    error: TypeError,
    message: "Cannot set: a chunk of type string is not bytes",
    isCancelled: true,
    make: (_, from) => sourceOf(VALUE, 200_000, (at) => at < from ? undefined : "text"),
  },
  {
    name: "value is longer than 2 GiB",
    error: RangeError,
    message: "Cannot set: the stream has more than 2147483648 bytes",
    isCancelled: true,
    make: (_, from) => {
      return sourceOf(VALUE, 200_000, (at) => at < from ? undefined : tooMany());
    },
  },
  {
    name: "tree is dropped",
    error: RangeError,
    message: "Cannot set: tree main was dropped or replaced meanwhile",
    isCancelled: true,
    make: ({ db }, from) =>
      sourceOf(VALUE, 200_000, (at) => {
        if (at >= from && at < from + 200_000) db.dropTree("main");
      }),
  },
  {
    name: "tree is replaced by another of its name",
    error: RangeError,
    message: "Cannot set: tree main was dropped or replaced meanwhile",
    isCancelled: true,
    make: ({ db }, from) =>
      sourceOf(VALUE, 200_000, (at) => {
        if (at < from || at >= from + 200_000) return;
        db.writeSync((tx) => tx.tree("new").set("a", VALUE.slice(0, 10)));
        db.dropTree("main");
        db.renameTree("new", "main");
      }),
  },
  {
    name: "database is closed",
    error: ClosedError,
    message: "Cannot use the database: it is closed",
    isCancelled: true,
    make: ({ db }, from) =>
      sourceOf(VALUE, 200_000, (at) => {
        if (at >= from) db.close();
      }),
  },
];

describe("setStream() that fails", () => {
  for (const { name, error, message, isCancelled, make } of FAILURES) {
    it(`leaves nothing when the ${name}`, async () => {
      for (const from of [200_000, 2 * PART]) {
        if (name.startsWith("tree") && from < PART) continue;
        const file = new MemoryFile();
        const opened = openBoth(file, SMALL_CACHE);
        await opened.db.tree("main").set("key", VALUE.slice(0, 9000));
        const used = checkDatabase(opened);
        const source = make(opened, from);
        const done = setStream(opened.session, "main", "key", source.stream);
        const caught = await assertRejects(() => done, error, message);
        assertEquals(source.stream.locked, false);
        if (isCancelled && !(caught instanceof ClosedError)) assertEquals(source.reason, caught);
        assertEquals(opened.session.uploads.size, 0);
        if (!(caught instanceof ClosedError)) {
          assertEquals(opened.session.unfinished.numbers(), []);
          if (!name.startsWith("tree")) assertEquals(checkDatabase(opened), used);
          checkDatabase(opened);
        }
        const again = reopen(opened, file);
        if (!name.startsWith("tree")) expectValue(again, "key", VALUE.slice(0, 9000));
        assertEquals(again.session.unfinished.numbers(), []);
        checkDatabase(again);
      }
    });
  }

  it("leaves no tree that there was not", async () => {
    const opened = openBoth(new MemoryFile());
    const { make } = FAILURES[0]!;
    const fail = (tree: string) => {
      return assertRejects(() => {
        return setStream(opened.session, tree, "key", make(opened, 2 * PART).stream);
      });
    };
    await fail("main");
    await Promise.all([fail("a"), fail("a"), fail("b")]);
    assertEquals(opened.db.trees(), []);
    const both = setStream(opened.session, "a", "other", streamOf(VALUE, PART));
    await fail("a");
    await both;
    assertEquals([opened.db.trees(), opened.db.tree("a").count()], [["a"], 1]);
    checkDatabase(opened);
  });

  it("refuses what it cannot do before it takes the stream", async () => {
    const { db, session } = openBoth(new MemoryFile());
    const stream = streamOf(VALUE);
    const refuse = (key: unknown, from: unknown, error: new (text: string) => Error) => {
      return assertRejects(() => setStream(session, "main", key as string, from as never), error);
    };
    await refuse(5, stream, TypeError);
    await refuse("x".repeat(2049), stream, RangeError);
    for (const from of [undefined, null, {}, VALUE]) await refuse("key", from, TypeError);
    db.writeSync(() => void refuse("key", stream, TypeError));
    assertEquals([stream.locked, db.trees()], [false, []]);
    const reader = stream.getReader();
    await refuse("key", stream, TypeError);
    reader.releaseLock();
    db.close();
    await refuse("key", stream, ClosedError);
    assertEquals(stream.locked, false);
  });

  it("ends at once when the database is closed and the source says nothing more", async () => {
    const opened = openBoth(new MemoryFile());
    let reason: unknown;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(VALUE),
      cancel: (why) => void (reason = why),
    });
    const done = setStream(opened.session, "main", "key", stream);
    while (opened.session.unfinished.numbers().length === 0) await wait();
    // Until the upload has appended all chunks so far, and waits for more.
    for (let turn = 0; turn < 20; turn++) await wait();
    opened.db.close();
    await assertRejects(() => done, ClosedError);
    assert(reason instanceof ClosedError);
  });

  for (const given of [100_000, PART + 100_000]) {
    it(`keeps the old value when a close in turns cuts it after ${given} bytes`, async () => {
      const file = new MemoryFile();
      const opened = openBoth(file, SMALL_CACHE);
      const value = valueOf({ bytes: 500, salt: 1 });
      await opened.db.tree("main").set("key", value);
      // So the close has pages to move, in several turns.
      const other = opened.db.tree("other");
      await other.load(
        Array.from({ length: 2000 }, (_, i) => [`${10_000 + i}`, new Uint8Array(3000)]),
      );
      await other.deleteRange({ lt: "11900" });
      // Nothing else is ever said by this source.
      const stream = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(given)),
      });
      const ended = assertRejects(
        () => setStream(opened.session, "main", "key", stream),
        ClosedError,
      );
      for (let turn = 0; turn < 5; turn++) await wait();
      await opened.db[Symbol.asyncDispose]();
      await ended;
      expectValue(openBoth(new MemoryFile(file.content())), "key", value);
    });
  }

  it("is not undone by a key or a chunk that changes afterwards", async () => {
    const opened = openBoth(new MemoryFile());
    const key = new Uint8Array([107]);
    const { stream } = sourceOf(VALUE, 100_000, () => void key.fill(0));
    await setStream(opened.session, "main", key, stream);
    expectValue(opened, "k", VALUE);
  });
});

describe("what a stream left unfinished", () => {
  /** A file left by a process that died while it wrote a value. */
  async function leave(): Promise<[MemoryFile, number]> {
    const file = new MemoryFile();
    const { db } = openBoth(file, SMALL_CACHE);
    await db.tree("other").set("key", VALUE.slice(0, 5000));
    db.close();
    const { pageCount } = openBoth(new MemoryFile(file.content())).db.stats();
    const opened = openBoth(file, SMALL_CACHE);
    const never = new Promise<void>(() => {});
    const { stream } = sourceOf(VALUE, PART, (at) => at > 2 * PART ? never : undefined);
    void setStream(opened.session, "main", "key", stream);
    while (opened.db.stats().pageCount < 510) await wait();
    await opened.db.tree("other").set("later", VALUE.slice(0, 10));
    return [new MemoryFile(file.content()), pageCount];
  }

  it("is given back before the next transaction, and the tree made for it too", async () => {
    const [file, pageCount] = await leave();
    const opened = openBoth(file, SMALL_CACHE);
    assertEquals(opened.session.unfinished.numbers().length, 1);
    assertEquals(opened.db.trees(), ["main", "other"]);
    assert(checkDatabase(opened) > 255);
    await opened.db.tree("other").delete("later");
    assertEquals(opened.session.unfinished.numbers(), []);
    assertEquals(opened.db.trees(), ["other"]);
    checkDatabase(opened);
    const again = reopen(opened, file);
    assertEquals(again.db.stats().pageCount, pageCount);
    assertEquals([...again.db.tree("other").keys()].length, 1);
  });

  it("is left unchanged by readers", async () => {
    const [file] = await leave();
    const { db, session } = openBoth(file, { readOnly: true });
    assertEquals(db.tree("other").count(), 2);
    assertEquals(session.unfinished.numbers().length, 1);
    db.close();
  });

  it("is left unchanged when it is damaged, and others can write", async () => {
    const [file] = await leave();
    const first = openBoth(file, SMALL_CACHE);
    // Outside the chunk of the leaf that is written to.
    const [page] = [...first.session.unfinished.pages()].find(([page]) => page > 256)!;
    first.session.pager.checkpoint();
    const content = file.content();
    // A bit of the id of the tree in the run's header.
    content[(page >>> 8) * 2 * MIB + (page & 255) * 32 + 4]! ^= 4;
    const { db, session } = openBoth(new MemoryFile(content), SMALL_CACHE);
    await db.tree("other").set("later", VALUE.slice(0, 20));
    assertEquals(db.tree("other").get("later")?.length, 20);
    assertEquals(session.unfinished.numbers().length, 1);
  });

  it("is given back after one that is damaged", async () => {
    const [file] = await leave();
    const first = openBoth(file, SMALL_CACHE);
    const { pager, unfinished, catalog } = first.session;
    const { id } = catalog.get("main")!;
    const number = unfinished.begin();
    pager.begin();
    unfinished.append(number, 0, id, VALUE.slice(0, 5000));
    const key = new Uint8Array([2, 0, 0, 0, number - 1]);
    const record = catalog.tree()!.get(key)!.slice();
    // The length of its runs.
    record[8]! ^= 1;
    catalog.tree()!.put(key, record);
    pager.commit();
    pager.checkpoint();
    const { db, session } = openBoth(new MemoryFile(file.content()), SMALL_CACHE);
    assertEquals(session.unfinished.numbers(), [number - 1, number]);
    await db.tree("other").set("later", VALUE.slice(0, 20));
    assertEquals(session.unfinished.numbers(), [number - 1]);
  });
});

describe("setStream() in a file", () => {
  it("takes a value of 48 MiB in a cache of 8 MiB, and getStream() gives it back", async () => {
    await inTempDir(async (dir) => {
      const { db, session } = openBoth(openDiskFile(`${dir}/stream.quire`, {}), SMALL_CACHE);
      const part = valueOf({ bytes: MIB, salt: 1 });
      const salted = (i: number) => {
        new DataView(part.buffer).setUint32(0, i);
        return part;
      };
      let sent = 0;
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent === 48) controller.close();
          else controller.enqueue(salted(sent++).slice());
        },
      });
      assertEquals(await setStream(session, "main", "key", stream), 48 * MIB);
      assertLess(session.pager.stats().cachePeakBytes, 14 * MIB);
      assertLess(session.pager.stats().pageWrites, 48 * 128 * 1.05 + 500);
      let at = 0;
      for await (const piece of db.tree("main").getStream("key")!) {
        for (let done = 0; done < piece.length;) {
          const within = (at + done) % MIB;
          const some = Math.min(MIB - within, piece.length - done);
          const expected = salted((at + done) / MIB | 0).subarray(within, within + some);
          assert(sameBytes(piece.subarray(done, done + some), expected), `at ${at + done}`);
          done += some;
        }
        at += piece.length;
      }
      assertEquals(at, 48 * MIB);
      assertLess(session.pager.stats().cachePeakBytes, 14 * MIB);
      session.close();
    });
  });
});
