/**
 * Misuse and failures: each gives the error that is documented for it, and changes nothing.
 */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, CorruptionError, IoError, LockedError, MemoryFile } from "../pager/mod.ts";
import { type Database, open, type OpenOptions } from "../store/database.ts";
import { assertContent, bytesOf, type Content, contentOf, openOn } from "./support/database.ts";
import { FaultyFile, type Operation } from "./support/faulty_file.ts";
import { fillSample, makeSample } from "./support/sample.ts";
import { inTempDir } from "./support/temp.ts";

const VALUE = new Uint8Array([1]);
const sample = makeSample();
type Thrown = new (...args: never[]) => Error;
/** What is tried, how it has to fail, and with what in the message. */
type Mistake = [(db: Database) => unknown, Thrown, string];

/** Nonsense of every type. */
const NONSENSE = [null, 1, NaN, 1n, true, Symbol("a"), {}, [1], () => 1, new Date(0)];

/** Tries something that has to fail, alone and in a transaction, and expects nothing to change. */
function assertRefused([attempt, type, message]: Mistake, options: OpenOptions = {}): void {
  const db = openOn(new MemoryFile(sample.bytes), options);
  const before = db.stats();
  const what = attempt.toString();
  assertThrows(() => attempt(db), type, message, what);
  assertContent(contentOf(db), sample.content, what);
  assertEquals([db.version, db.stats().pageCount], [before.version, before.pageCount], what);
  assertEquals(db.stats().dirtyChunks, 0, what);
  if (options.readOnly !== true) {
    // A load that fails takes its savepoint with it; others are noticed before anything changes.
    db.writeSync(() => assertThrows(() => db.writeSync(() => attempt(db)), type, message, what));
    assertEquals(db.version, before.version, `${what} in a transaction`);
    assertContent(contentOf(db), sample.content, `${what} in a transaction`);
  }
  db.close();
}

describe("a key, value, range or name that is none", () => {
  const tall = (db: Database) => db.tree("tall");
  const keyed: ((db: Database, key: never) => unknown)[] = [
    (db, key) => tall(db).get(key),
    (db, key) => tall(db).has(key),
    (db, key) => tall(db).set(key, VALUE),
    (db, key) => tall(db).delete(key),
    (db, key) => tall(db).entries({ gt: key }),
    (db, key) => tall(db).keys({ prefix: key }),
    (db, key) => tall(db).values({ lte: key }),
    (db, key) => tall(db).deleteRange({ gte: key }),
    (db, key) => db.tree("new").load([[key, VALUE]]),
  ];

  it("is refused with a TypeError when a key is of another type", () => {
    for (const use of keyed) {
      for (const key of NONSENSE) {
        assertRefused([(db) => use(db, key as never), TypeError, "Cannot use the key"]);
      }
    }
  });

  it("is refused when a key is too long or has a lone surrogate", () => {
    for (const use of keyed) {
      for (const key of ["x".repeat(2049), new Uint8Array(2049)]) {
        assertRefused([(db) => use(db, key as never), RangeError, "2049 bytes exceed 2048"]);
      }
      assertRefused([(db) => use(db, "\ud800" as never), TypeError, "lone surrogate"]);
    }
  });

  it("is refused with a TypeError when a value is not bytes", () => {
    for (const value of [...NONSENSE, undefined, "text", new ArrayBuffer(1), new Uint16Array(1)]) {
      const bad = value as never;
      assertRefused([(db) => tall(db).set("key", bad), TypeError, "not bytes"]);
      assertRefused([(db) => db.tree("new").load([["key", bad]]), TypeError, "Cannot"]);
    }
  });

  it("is refused when a range or an entry is malformed", () => {
    for (const range of NONSENSE.filter((all) => typeof all !== "object" || all === null)) {
      assertRefused([(db) => tall(db).entries(range as never), TypeError, "Cannot use the range"]);
      assertRefused([(db) => tall(db).deleteRange(range as never), TypeError, "Cannot use"]);
    }
    const mistakes: Mistake[] = [
      [(db) => tall(db).keys({ start: "a" } as never), TypeError, "unknown option start"],
      [(db) => tall(db).keys({ limit: -1 }), RangeError, "limit -1"],
      [(db) => tall(db).keys({ limit: 1.5 }), RangeError, "limit 1.5"],
      [(db) => tall(db).keys({ reverse: 1 } as never), TypeError, "reverse is number"],
      [(db) => tall(db).deleteRange({ limit: 2 }), TypeError, "limit and reverse"],
      [(db) => tall(db).load(7 as never), TypeError, ""],
      [(db) => tall(db).load([7] as never), TypeError, ""],
      [(db) => db.tree("new").load([["b", VALUE], ["a", VALUE]]), RangeError, "not after"],
    ];
    mistakes.forEach((mistake) => assertRefused(mistake));
  });

  it("is refused when a name is", () => {
    const named: ((db: Database, name: never) => unknown)[] = [
      (db, name) => db.tree(name),
      (db, name) => db.dropTree(name),
      (db, name) => db.renameTree(name, "other" as never),
      (db, name) => db.renameTree("tall" as never, name),
    ];
    for (const use of named) {
      for (const name of [...NONSENSE, undefined, new Uint8Array(1)]) {
        assertRefused([(db) => use(db, name as never), TypeError, "Cannot name a tree"]);
      }
      assertRefused([(db) => use(db, "a\udfff" as never), TypeError, "lone surrogate"]);
      assertRefused([(db) => use(db, "" as never), RangeError, "0 bytes are not 1..1024"]);
      const long = "\u00e9".repeat(513) as never;
      assertRefused([(db) => use(db, long), RangeError, "1026 bytes are not 1..1024"]);
    }
    assertRefused([(db) => db.renameTree("none", "other"), RangeError, "there is none"]);
    assertRefused([(db) => db.renameTree("tall", "short"), RangeError, "there is one"]);
  });
});

describe("open() with bad arguments", () => {
  it("is refused, and makes no file", () => {
    inTempDir((dir) => {
      const path = `${dir}/new`;
      for (const bad of [...NONSENSE, undefined, new URL("file:///tmp/a")]) {
        assertThrows(() => open(bad as string), TypeError, "Cannot open: the path is");
      }
      const wrong = [null, 1, "a", { cacheBytes: "8" }, { readOnly: 1 }, { create: "yes" }];
      for (const bad of [...wrong, { lockTimeoutMs: 1n }, { cachebytes: 1 }, { toString: 1 }]) {
        assertThrows(() => open(path, bad as OpenOptions), TypeError, "Cannot open");
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
  it("refuses every use with a ClosedError, except closing again", () => {
    const db = openOn(new MemoryFile(sample.bytes));
    const tree = db.tree("tall");
    tree.get("key 1");
    const [fresh, begun] = [tree.entries(), tree.keys()];
    begun.next();
    const chunks = db.chunks();
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
      () => tree.set("key 1", VALUE),
      () => tree.delete("key 1"),
      () => tree.deleteRange(),
      () => tree.clear(),
      () => tree.count(),
      () => tree.load([["key", VALUE]]),
      () => fresh.next(),
      () => begun.next(),
      () => [...tree],
    ];
    for (const use of uses) assertThrows(use, ClosedError, "closed", use.toString());
    db.close();
    db[Symbol.dispose]();
  });

  it("is not what close() in a transaction gives", () => {
    const db = openOn(new MemoryFile(sample.bytes));
    db.writeSync(() => {
      assertThrows(() => db.close(), TypeError, "Cannot close: a transaction is open");
      assertThrows(() => db.checkpoint(), TypeError, "a transaction is open");
      db.writeSync(() => assertThrows(() => db[Symbol.dispose](), TypeError));
      db.tree("new").set("key", VALUE);
    });
    assertEquals(db.tree("new").get("key"), VALUE);
    db.close();
  });
});

describe("an asynchronous callback", () => {
  it("is refused, and what it did is undone", () => {
    const callbacks: ((db: Database) => unknown)[] = [
      // deno-lint-ignore require-await
      async (db) => db.tree("new").set("key", VALUE),
      (db) => {
        db.tree("tall").clear();
        return Promise.reject(new Error("unheard"));
      },
      (db) => {
        db.dropTree("tall");
        return { then: () => {} };
      },
    ];
    for (const callback of callbacks) {
      const db = openOn(new MemoryFile(sample.bytes));
      assertThrows(() => db.writeSync(() => callback(db)), TypeError, "asynchronous");
      assertContent(contentOf(db), sample.content);
      db.tree("new").set("key", VALUE);
      assertEquals(db.tree("new").count(), 1, "the next one works");
      db.close();
    }
  });
});

describe("a read-only database", () => {
  it("refuses every change with a TypeError, and reads on", () => {
    const changes: Mistake[0][] = [
      (db) => db.tree("tall").set("key", VALUE),
      (db) => db.tree("tall").delete("key 1"),
      (db) => db.tree("tall").delete("none"),
      (db) => db.tree("new").set("key", VALUE),
      (db) => db.tree("tall").deleteRange(),
      (db) => db.tree("tall").clear(),
      (db) => db.tree("tall").load([["key", VALUE]]),
      (db) => db.renameTree("tall", "a"),
      (db) => db.dropTree("tall"),
      (db) => db.writeSync(() => {}),
    ];
    for (const change of changes) {
      assertRefused([change, TypeError, "opened read-only"], { readOnly: true });
    }
  });

  it("may take a checkpoint, of nothing", () => {
    const file = new FaultyFile(new MemoryFile(sample.bytes));
    const db = openOn(file, { readOnly: true });
    db.checkpoint();
    db.close();
    assertEquals([file.counts.write, file.counts.truncate, file.counts.sync], [0, 0, 0]);
  });
});

describe("a second open of one file", () => {
  const other = (path: string, mode: string, stay = "leave") =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        `--allow-read=${path}`,
        `--allow-write=${path}`,
        fromFileUrl(new URL("./support/lock_other.ts", import.meta.url)),
        path,
        mode,
        stay,
      ],
      stdin: stay === "hold" ? "piped" : "null",
      stdout: "piped",
      stderr: "inherit",
    });
  const outcome = (path: string, mode: string) =>
    new TextDecoder().decode(other(path, mode).outputSync().stdout).trim();

  it("is a LockedError at once, until the first is closed", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      const db = open(path);
      const start = performance.now();
      assertThrows(() => open(path), LockedError, "another handle has it open");
      assertThrows(() => open(path, { readOnly: true }), LockedError);
      assert(performance.now() - start < 1000, "at once");
      db.tree("a").set("key", VALUE);
      assertEquals(db.tree("a").get("key"), VALUE, "the first goes on");
      db.close();
      const again = open(path);
      assertEquals(again.tree("a").get("key"), VALUE);
      again.close();
    });
  });

  it("is shared between readers only", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      open(path).close();
      const [a, b] = [1, 2].map(() => open(path, { readOnly: true }));
      assertThrows(() => open(path), LockedError);
      a.close();
      assertThrows(() => open(path), LockedError);
      b.close();
      open(path).close();
    });
  });

  it("waits as long as lockTimeoutMs says", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      using _db = open(path);
      const start = performance.now();
      assertThrows(() => open(path, { lockTimeoutMs: 150 }), LockedError);
      const waited = performance.now() - start;
      assert(waited >= 145 && waited < 2000, `waited ${waited} ms`);
    });
  });

  it("is refused to another process as well, which needs no more than that one path", () => {
    inTempDir((dir) => {
      const path = `${dir}/file`;
      const db = open(path);
      assertEquals([outcome(path, "exclusive"), outcome(path, "shared")], ["locked", "locked"]);
      db.close();
      assertEquals(outcome(path, "exclusive"), "opened");
      using _db = open(path, { readOnly: true });
      assertEquals([outcome(path, "exclusive"), outcome(path, "shared")], ["locked", "opened"]);
    });
  });

  it("succeeds within lockTimeoutMs when another process ends", async () => {
    const dir = Deno.makeTempDirSync();
    const path = `${dir}/file`;
    const child = other(path, "exclusive", "hold").spawn();
    const reader = child.stdout.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value).trim(), "opened");
    assertThrows(() => open(path), LockedError);
    // Killed, it neither closes nor unlocks; the system does.
    child.kill("SIGKILL");
    const db = open(path, { lockTimeoutMs: 5000 });
    db.close();
    await child.status;
    await reader.cancel();
    await child.stdin.close().catch(() => {});
    Deno.removeSync(dir, { recursive: true });
  });
});

describe("a file that fails", () => {
  /** Changes in three parts, each on the medium before the next; the contents after each. */
  const steps: ((db: Database) => void)[] = [
    fillSample,
    (db) => {
      db.tree("more").load(
        Array.from({ length: 300 }, (_, i) => [`key ${1000 + i}`, bytesOf(i, 300)] as const),
      );
      db.tree("tall").deleteRange({ gt: "key 2" });
    },
    (db) => {
      db.dropTree("more");
      db.tree("runs").set("longer", bytesOf(9, 100));
    },
  ];
  const contents: Content[] = [new Map()];
  const complete = openOn(new MemoryFile());
  for (const step of steps) {
    step(complete);
    contents.push(contentOf(complete));
  }

  const faults: [string, Operation, boolean][] = [
    ["write", "write", false],
    ["half-done write", "write", true],
    ["sync", "sync", false],
    ["truncate", "truncate", false],
  ];
  for (const [what, operation, half] of faults) {
    it(`gives an IoError for each ${what} that fails, reads on, and is not marked clean`, () => {
      const seen = { places: 0, opened: 0, refused: 0 };
      for (let nth = 1; failAt(nth, operation, half, seen); nth++) seen.places++;
      console.log(`${what}: ${JSON.stringify(seen)}`);
      assert(seen.places >= (operation === "truncate" ? 2 : 8), `${seen.places} places`);
    });
  }

  /** Runs all with one failure; false when the failure was never reached. */
  function failAt(
    nth: number,
    operation: Operation,
    half: boolean,
    seen: { opened: number; refused: number },
  ): boolean {
    const memory = new MemoryFile();
    const file = new FaultyFile(memory);
    file.fault = (asked, count) => {
      if (asked !== operation) return "none";
      if (half && count === nth) return "half";
      return count === (half ? nth + 1 : nth) ? "throw" : "none";
    };
    let durable = 0;
    let db: Database | undefined;
    try {
      db = openOn(file);
      for (const step of steps) {
        step(db);
        db.checkpoint();
        durable++;
      }
      db.close();
      if (file.counts[operation] < nth) return false;
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
      assertInstanceOf(error.cause, Error);
      if (db !== undefined) assertReadsOn(db, contents[durable + 1] ?? contents[durable]);
    }
    expectReopened(memory, durable, seen);
    return true;
  }

  /** After a failed write, what was committed is read; nothing more is written. */
  function assertReadsOn(db: Database, committed: Content): void {
    if (isClosed(db)) return;
    assertContent(contentOf(db), committed);
    const writes: (() => unknown)[] = [
      () => db.tree("new").set("key", VALUE),
      () => db.writeSync(() => {}),
      () => db.tree("tall").delete("key 1"),
      () => db.dropTree("tall"),
      () => db.checkpoint(),
    ];
    for (const write of writes) assertThrows(write, IoError, "an earlier write failed");
    assertContent(contentOf(db), committed);
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

  /** Reopened, there is what was durable, or what came right after it, or a `CorruptionError`. */
  function expectReopened(
    memory: MemoryFile,
    durable: number,
    seen: { opened: number; refused: number },
  ): void {
    try {
      const db = openOn(memory);
      const found = contentOf(db);
      const last = contents[Math.min(durable + 1, contents.length - 1)];
      assertContent(found, found.size === contents[durable].size ? contents[durable] : last);
      seen.opened++;
    } catch (error) {
      assertInstanceOf(error, CorruptionError);
      seen.refused++;
    }
  }

  it("gives an IoError for a failed read, and the right data when it reads again", () => {
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
      db.tree("new").set("key", VALUE);
      db.close();
      assertEquals(openOn(file).tree("new").get("key"), VALUE);
    }
  });
});
