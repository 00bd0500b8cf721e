/**
 * Misuse and failures: each raises the documented error, and changes nothing.
 */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, IoError, MemoryFile } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { open } from "../../store/open.ts";
import type { OpenOptions } from "../../store/options.ts";
import type { KeyRange } from "../../store/read/range.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Tree } from "../../store/tree.ts";
import type { TransactionTree } from "../../store/write/transaction_tree.ts";
import {
  assertContent,
  bytesOf,
  change,
  type Content,
  contentOf,
  openBoth,
  type Opened,
  openOn,
} from "../support/databases/database.ts";
import { FaultyFile, type Operation } from "../support/files/faulty_file.ts";
import { inTempDir } from "../support/temp.ts";
import { fillSample, makeSample } from "../support/trees/sample.ts";

const VALUE = new Uint8Array([1]);
const sample = makeSample();
type Thrown = new (...args: never[]) => Error;
/** Provides trees: of a database, whose changes return promises, or of a transaction. */
type Trees = (name: string) => Tree | TransactionTree;
/** A use, the error it must raise, and text in the message. */
type Mistake = [(trees: Trees, db: Database) => unknown, Thrown, string];

/** Invalid values of every type. */
const NONSENSE = [null, 1, NaN, 1n, true, Symbol("a"), {}, [1], () => 1, new Date(0)];

/** Expects a use to fail, alone and in a transaction, without a change. */
async function assertRefused(
  [attempt, type, message]: Mistake,
  options: OpenOptions = {},
): Promise<void> {
  const db = openOn(new MemoryFile(sample.bytes), options);
  const before = db.stats();
  const what = attempt.toString();
  const attemptOutside = async () => await attempt((name) => db.tree(name), db);
  await assertRejects(attemptOutside, type, message, what);
  assertContent(contentOf(db), sample.content, what);
  assertEquals([db.version, db.stats().pageCount], [before.version, before.pageCount], what);
  assertEquals(db.stats().dirtyChunks, 0, what);
  if (options.readOnly !== true) {
    // A failed load rolls back its savepoint; the others fail before anything changes.
    const attemptInside = () => db.writeSync((tx) => attempt((name) => tx.tree(name), db));
    db.writeSync(() => assertThrows(attemptInside, type, message, what));
    assertEquals(db.version, before.version, `${what} in a transaction`);
    assertContent(contentOf(db), sample.content, `${what} in a transaction`);
  }
  db.close();
}

describe("an invalid key, value, range or name", () => {
  const keyed: ((trees: Trees, key: never) => unknown)[] = [
    (trees, key) => trees("tall").get(key),
    (trees, key) => trees("tall").has(key),
    (trees, key) => trees("tall").set(key, VALUE),
    (trees, key) => trees("tall").delete(key),
    (trees, key) => trees("tall").entries({ gt: key }),
    (trees, key) => trees("tall").keys({ prefix: key }),
    (trees, key) => trees("tall").values({ lte: key }),
    (trees, key) => trees("tall").deleteRange({ gte: key }),
    (trees, key) => trees("new").load([[key, VALUE]]),
  ];

  it("is refused with a TypeError if a key has another type", async () => {
    for (const use of keyed) {
      for (const key of NONSENSE) {
        await assertRefused([(trees) => use(trees, key as never), TypeError, "Cannot encode: "]);
      }
    }
  });

  it("is refused if a key is too long or has a lone surrogate", async () => {
    for (const use of keyed) {
      for (const key of ["x".repeat(2049), new Uint8Array(2049)]) {
        await assertRefused([
          (trees) => use(trees, key as never),
          RangeError,
          "2049 bytes exceed 2048",
        ]);
      }
      await assertRefused([(trees) => use(trees, "\ud800" as never), TypeError, "lone surrogate"]);
    }
  });

  it("is refused with a TypeError if a value is not bytes", async () => {
    for (const value of [...NONSENSE, undefined, "text", new ArrayBuffer(1), new Uint16Array(1)]) {
      const bad = value as never;
      const message = value === undefined ? "undefined is not a value" : "not bytes";
      await assertRefused([(trees) => trees("tall").set("key", bad), TypeError, message]);
      await assertRefused([(trees) => trees("new").load([["key", bad]]), TypeError, "Cannot"]);
    }
  });

  it("is refused if a range or an entry is malformed", async () => {
    for (const range of NONSENSE.filter((all) => typeof all !== "object" || all === null)) {
      await assertRefused([
        (trees) => trees("tall").entries(range as never),
        TypeError,
        "Cannot use the range",
      ]);
      await assertRefused([
        (trees) => trees("tall").deleteRange(range as never),
        TypeError,
        "Cannot use",
      ]);
    }
    const mistakes: Mistake[] = [
      [(trees) => trees("tall").keys({ start: "a" } as never), TypeError, "unknown option start"],
      [(trees) => trees("tall").keys({ limit: -1 }), RangeError, "limit -1"],
      [(trees) => trees("tall").keys({ limit: 1.5 }), RangeError, "limit 1.5"],
      [(trees) => trees("tall").keys({ reverse: 1 } as never), TypeError, "reverse is number"],
      [
        (trees) => trees("tall").deleteRange({ limit: 2 } as KeyRange),
        TypeError,
        "limit and reverse",
      ],
      [(trees) => trees("tall").load(7 as never), TypeError, ""],
      [(trees) => trees("tall").load([7] as never), TypeError, ""],
      [(trees) => trees("new").load([["b", VALUE], ["a", VALUE]]), RangeError, "not after"],
    ];
    for (const mistake of mistakes) await assertRefused(mistake);
  });

  it("is refused if a name is malformed", async () => {
    const named: ((db: Database, name: never) => unknown)[] = [
      (db, name) => db.tree(name),
      (db, name) => db.dropTree(name),
      (db, name) => db.renameTree(name, "other" as never),
      (db, name) => db.renameTree("tall" as never, name),
    ];
    for (const use of named) {
      for (const name of [...NONSENSE, undefined, new Uint8Array(1)]) {
        await assertRefused([(_, db) => use(db, name as never), TypeError, "Cannot name a tree"]);
      }
      await assertRefused([(_, db) => use(db, "a\udfff" as never), TypeError, "lone surrogate"]);
      await assertRefused([(_, db) => use(db, "" as never), RangeError, "0 bytes are not 1..1024"]);
      const long = "\u00e9".repeat(513) as never;
      await assertRefused([(_, db) => use(db, long), RangeError, "1026 bytes are not 1..1024"]);
    }
    await assertRefused([
      (_, db) => db.renameTree("none", "other"),
      RangeError,
      "it does not exist",
    ]);
    await assertRefused([(_, db) => db.renameTree("tall", "short"), RangeError, "it exists"]);
  });
});

describe("open() with bad arguments", () => {
  it("is refused, and creates no file", () => {
    inTempDir((dir) => {
      const path = `${dir}/new`;
      for (const bad of [...NONSENSE, undefined, new URL("https://example.com/a")]) {
        assertThrows(() => open(bad as string), TypeError, "Cannot open: the path is");
      }
      const wrong = [null, 1, "a", { cacheBytes: "8" }, { readOnly: 1 }, { create: "yes" }];
      for (const bad of [...wrong, { lockTimeoutMs: 1n }, { cachebytes: 1 }, { toString: 1 }]) {
        assertThrows(() => open(path, bad as OpenOptions), TypeError, "Cannot open");
      }
      for (const bad of [{ durability: "maybe" }, { durability: 1 }, { tornSectors: "half" }]) {
        assertThrows(() => open(path, bad as OpenOptions), TypeError, "Cannot open");
      }
      for (const journalBytes of [0, -1, NaN, Infinity, 2 * 1024 * 1024 - 1]) {
        assertThrows(() => open(path, { journalBytes }), RangeError, "journalBytes");
      }
      for (const cacheBytes of [0, -1, NaN, Infinity, 8 * 1024 * 1024 - 1, 1e7 + 0.5]) {
        assertThrows(() => open(path, { cacheBytes }), RangeError, "cacheBytes");
      }
      for (const lockTimeoutMs of [NaN, -1]) {
        assertThrows(() => open(path, { lockTimeoutMs }), RangeError, "lockTimeoutMs");
      }
      assertEquals([...Deno.readDirSync(dir)].length, 0, "no file was made");
    });
  });
});

describe("a closed database", () => {
  it("refuses every use with a ClosedError, except closing again", async () => {
    const db = openOn(new MemoryFile(sample.bytes));
    const tree = db.tree("tall");
    tree.get("key 1");
    const [fresh, begun] = [tree.entries(), tree.keys()];
    begun.next();
    const chunks = db.chunks();
    const snapshot = db.snapshot();
    const old = snapshot.tree("tall");
    db.close();
    const uses: (() => unknown)[] = [
      () => db.tree("tall"),
      () => db.trees(),
      () => db.renameTree("tall", "a"),
      () => db.dropTree("tall"),
      () => db.writeSync(() => {}),
      () => db.checkpoint(),
      () => db.census(),
      () => db.chunks(),
      () => chunks.next(),
      () => db.stats(),
      () => tree.get("key 1"),
      () => tree.has("key 1"),
      () => tree.count(),
      () => db.snapshot(),
      () => snapshot.tree("tall"),
      () => snapshot.trees(),
      () => old.get("key 1"),
      () => old.keys().next(),
      () => fresh.next(),
      () => begun.next(),
      () => [...tree],
    ];
    for (const use of uses) assertThrows(use, ClosedError, "closed", use.toString());
    const promises: (() => Promise<unknown>)[] = [
      () => db.write(() => {}),
      () => tree.set("key 1", VALUE),
      () => tree.delete("key 1"),
      () => tree.deleteRange(),
      () => tree.clear(),
      () => tree.load([["key", VALUE]]),
    ];
    for (const use of promises) await assertRejects(use, ClosedError, "closed", use.toString());
    snapshot.close();
    db.close();
    db[Symbol.dispose]();
  });

  it("stays open if close() is called in a transaction", () => {
    const db = openOn(new MemoryFile(sample.bytes));
    db.writeSync((tx) => {
      assertThrows(() => db.close(), TypeError, "Cannot close: a transaction is open");
      assertThrows(() => db.checkpoint(), TypeError, "a transaction is open");
      assertThrows(() => db.snapshot(), TypeError, "a transaction is open");
      db.writeSync(() => assertThrows(() => db[Symbol.dispose](), TypeError));
      tx.tree("new").set("key", VALUE);
    });
    assertEquals(db.tree("new").get("key"), VALUE);
    db.close();
  });
});

describe("an asynchronous callback", () => {
  it("is refused, and its changes are rolled back", async () => {
    const callbacks: ((tx: Transaction, db: Database) => unknown)[] = [
      // deno-lint-ignore require-await
      async (tx) => tx.tree("new").set("key", VALUE),
      (tx) => {
        tx.tree("tall").clear();
        return Promise.reject(new Error("unheard"));
      },
      (_, db) => {
        db.dropTree("tall");
        return { then: () => {} };
      },
    ];
    for (const callback of callbacks) {
      const db = openOn(new MemoryFile(sample.bytes));
      const run = (tx: Transaction) => callback(tx, db);
      assertThrows(() => db.writeSync(run), TypeError, "asynchronous");
      assertContent(contentOf(db), sample.content);
      await assertRejects(() => db.write(run), TypeError, "asynchronous");
      assertContent(contentOf(db), sample.content);
      await db.tree("new").set("key", VALUE);
      assertEquals(db.tree("new").count(), 1, "the next one works");
      db.close();
    }
  });
});

describe("a change beside the open transaction", () => {
  const changes: Record<string, (tall: Tree) => unknown> = {
    set: (tall) => tall.set("key", VALUE),
    delete: (tall) => tall.delete("key 1"),
    deleteRange: (tall) => tall.deleteRange(),
    clear: (tall) => tall.clear(),
    load: (tall) => tall.load([["key", VALUE]]),
  };

  it("is refused, and the transaction continues", () => {
    const db = openOn(new MemoryFile(sample.bytes));
    const tall = db.tree("tall");
    change(db, "new", (tree) => {
      tree.set("a", VALUE);
      for (const bypass of Object.values(changes)) {
        assertThrows(() => bypass(tall), TypeError, "a transaction is open, use its tx");
      }
      tree.set("b", VALUE);
    });
    assertEquals(db.tree("new").count(), 2);
    assertContent(contentOf(db, ["tall"]), new Map([["tall", sample.content.get("tall")!]]));
    db.close();
  });
});

describe("an uncaught change beside the open transaction", () => {
  it("rolls the transaction back", async () => {
    const db = openOn(new MemoryFile(sample.bytes));
    const { version } = db;
    const bypass = db.write((tx) => {
      tx.tree("new").set("a", VALUE);
      db.tree("tall").set("key", VALUE);
    });
    await assertRejects(() => bypass, TypeError, "use its tx");
    assertEquals([db.version, db.trees().includes("new")], [version, false]);
    db.close();
  });
});

describe("a read-only database", () => {
  it("refuses every change with a TypeError, and continues to read", async () => {
    const changes: Mistake[0][] = [
      (trees) => trees("tall").set("key", VALUE),
      (trees) => trees("tall").delete("key 1"),
      (trees) => trees("tall").delete("none"),
      (trees) => trees("new").set("key", VALUE),
      (trees) => trees("tall").deleteRange(),
      (trees) => trees("tall").clear(),
      (trees) => trees("tall").load([["key", VALUE]]),
      (_, db) => db.renameTree("tall", "a"),
      (_, db) => db.dropTree("tall"),
      (_, db) => db.writeSync(() => {}),
      (_, db) => db.write(() => {}),
    ];
    for (const change of changes) {
      await assertRefused([change, TypeError, "opened read-only"], { readOnly: true });
    }
  });

  it("allows a checkpoint, which does nothing", () => {
    const file = new FaultyFile(new MemoryFile(sample.bytes));
    const db = openOn(file, { readOnly: true });
    db.checkpoint();
    db.close();
    assertEquals([file.counts.write, file.counts.truncate, file.counts.sync], [0, 0, 0]);
  });
});

describe("a file that fails", () => {
  /** Makes durable changes. Returns the contents after each. */
  const steps: ((db: Database) => unknown)[] = [
    (db) => db.writeSync(() => fillSample(db)),
    (db) =>
      change(db, "more", (more) => {
        for (let i = 0; i < 300; i++) more.set(`key ${1000 + i}`, bytesOf(i, 300));
      }),
    (db) => change(db, "tall", (tall) => tall.deleteRange({ gt: "key 2" })),
    (db) => db.dropTree("more"),
    (db) => change(db, "runs", (runs) => runs.set("longer", bytesOf(9, 100))),
  ];
  const contents: Content[] = [new Map()];
  const complete = openOn(new MemoryFile());
  for (const step of steps) {
    step(complete);
    contents.push(contentOf(complete));
  }
  complete.close();

  const faults: [string, Operation, boolean][] = [
    ["write", "write", false],
    ["half-done write", "write", true],
    ["sync", "sync", false],
    ["truncate", "truncate", false],
  ];
  for (const [what, operation, half] of faults) {
    it(`gives an IoError for each failed ${what}, reads on, and is recovered`, async () => {
      let places = 0;
      while (await failAt(places + 1, operation, half)) places++;
      console.log(`${what}: failed at ${places} places`);
      assert(places >= (operation === "truncate" ? 2 : 8), `${places} places`);
    });
  }

  /** Runs everything with one failure. Returns false if the failure was never reached. */
  async function failAt(nth: number, operation: Operation, half: boolean): Promise<boolean> {
    const memory = new MemoryFile();
    const file = new FaultyFile(memory);
    file.fault = (asked, count) => {
      if (asked !== operation) return "none";
      if (half && count === nth) return "half";
      return count === (half ? nth + 1 : nth) ? "throw" : "none";
    };
    let durable = 0;
    let opened: Opened | undefined;
    try {
      opened = openBoth(file);
      const { db } = opened;
      for (const step of steps) {
        step(db);
        durable++;
        db.checkpoint();
      }
      db.close();
      if (file.counts[operation] < nth) return false;
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
      assertInstanceOf(error.cause, Error);
      if (opened !== undefined) await assertReadsOn(opened, durable);
    }
    const again = openOn(memory);
    assertOneOf(contentOf(again), durable);
    again.close();
    return true;
  }

  /** Durable changes are complete; unfinished ones are complete or absent. */
  function assertOneOf(found: Content, durable: number): void {
    try {
      assertContent(found, contents[durable]!);
    } catch (error) {
      if (durable + 1 === contents.length) throw error;
      assertContent(found, contents[durable + 1]!);
    }
  }

  /** After a failed write committed data can be read; writes are refused. */
  async function assertReadsOn({ db, session }: Opened, durable: number): Promise<void> {
    if (isClosed(db)) return;
    const before = contentOf(db);
    assertOneOf(before, durable);
    // If space could not be reserved nothing is lost, and the handle stays usable.
    if (session.pager.failure === undefined) return db.close();
    const writes: (() => unknown)[] = [
      () => db.writeSync(() => {}),
      () => change(db, "tall", (tall) => tall.delete("key 1")),
      () => db.dropTree("tall"),
      () => db.checkpoint(),
    ];
    for (const write of writes) assertThrows(write, IoError, "an earlier write or sync failed");
    const promises: (() => Promise<unknown>)[] = [
      () => db.tree("new").set("key", VALUE),
      () => db.write(() => {}),
    ];
    for (const write of promises) {
      await assertRejects(write, IoError, "an earlier write or sync failed");
    }
    assertContent(contentOf(db), before);
    assertThrows(() => db.close(), IoError);
  }

  function isClosed(db: Database): boolean {
    try {
      db.stats();
      return false;
    } catch (error) {
      assertInstanceOf(error, ClosedError);
      return true;
    }
  }

  it("gives an IoError for a failed read, and correct data when it reads again", () => {
    for (let nth = 1;; nth++) {
      const file = new FaultyFile(new MemoryFile(sample.bytes));
      file.fault = (operation, count) => operation === "read" && count === nth ? "throw" : "none";
      let db: Database | undefined;
      try {
        db = openOn(file);
        assertContent(contentOf(db), sample.content);
        break;
      } catch (error) {
        assertInstanceOf(error, IoError);
        if (db === undefined) continue;
      }
      assertContent(contentOf(db), sample.content);
      change(db, "new", (tree) => tree.set("key", VALUE));
      db.close();
      assertEquals(openOn(file).tree("new").get("key"), VALUE);
    }
  });
});
