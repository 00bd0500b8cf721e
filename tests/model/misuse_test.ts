/**
 * Every method of the public API, misused in every way: with wrong arguments, on another receiver,
 * after a close, beside an open transaction, read-only, after a failed write. Each misuse raises
 * the error in the README's table, and leaves the database unchanged.
 *
 * `support/misuse_table.ts` has the methods and their wrong arguments; the states are here.
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as inspection from "../../inspect.ts";
import * as quire from "../../mod.ts";
import { type Database, IoError, type Snapshot, type Transaction } from "../../mod.ts";
import { type File, MemoryFile, type PagerOptions } from "../../pager/mod.ts";
import {
  assertContent,
  bytesOf,
  change,
  contentOf,
  openOn,
} from "../support/databases/database.ts";
import { FaultyFile } from "../support/files/faulty_file.ts";
import { makeSample } from "../support/trees/sample.ts";
import {
  FUNCTIONS,
  REFUSALS,
  type Row,
  type Rows,
  TABLE,
  type Thrown,
} from "./support/misuse_table.ts";

const sample = makeSample();
type ClassName = keyof typeof TABLE;
/** A use of an object whose type its row determines. */
type Use = (on: never, db: Database) => unknown;
type AnyRow = Row<never>;

/** The rows of all classes, each with the name of its class and its own. */
const ROWS = (Object.entries(TABLE) as [ClassName, Rows<never>][]).flatMap(([owner, rows]) =>
  Object.entries(rows).map(([name, row]) => ({ owner, row, what: `${owner}.${name}` }))
);

/**
 * Runs a use as far as it is synchronous. Returns its error, or undefined.
 *
 * An iterator is advanced once, because it does nothing before.
 */
async function errorOf(use: () => unknown): Promise<unknown> {
  try {
    const result = use();
    const isIterator = typeof result === "object" && result !== null && "next" in result;
    if (isIterator) (result as Iterator<unknown>).next();
    await result;
  } catch (error) {
    return error ?? new Error("nothing was thrown");
  }
  return undefined;
}

/** Fails unless a use raises the expected error. */
async function assertFails(
  use: () => unknown,
  [type, message]: readonly [Thrown, string],
  what: string,
): Promise<void> {
  const error = await errorOf(use);
  assertInstanceOf(error, type, `${what}: ${error}`);
  const said = (error as Error).message;
  assertStringIncludes(said, message, what);
  if (message !== "") assert(/^Cannot [^:]+: ./.test(said), `${what}: ${said}`);
}

/** Fails unless a use succeeds. */
async function assertWorks(use: () => unknown, what: string): Promise<void> {
  assertEquals(await errorOf(use), undefined, what);
}

/** Opens the small database. */
function openSample(options: PagerOptions = {}, file: File = new MemoryFile(sample.bytes)) {
  return openOn(file, options);
}

/** Fails unless an open database is unchanged. */
function assertUnchanged(db: Database, version: number, what: string): void {
  assertEquals(db.version, version, what);
  assertEquals(db.stats().dirtyChunks, 0, what);
  assertContent(contentOf(db), sample.content, what);
}

/**
 * Tries a use on every object of a class that a database provides. For reads these are the trees
 * of the database, of a transaction and of a snapshot.
 */
async function onEach(
  db: Database,
  { owner, row }: { readonly owner: ClassName; readonly row: AnyRow },
  attempt: (on: never, where: string) => Promise<void>,
): Promise<void> {
  const given: Promise<void>[] = [];
  const give = (on: unknown, where: string) => given.push(attempt(on as never, where));
  const inside = (action: (tx: Transaction) => void) => {
    try {
      db.writeSync(action);
    } catch {
      // A use that dooms its transaction has been recorded.
    }
  };
  if (owner === "Database") give(db, "");
  if (owner === "Inspector") give(db.inspect(), "");
  if (owner === "Tree" || owner === "ReadTree") give(db.tree("empty"), "of the database");
  if (owner === "Transaction") inside((tx) => give(tx, ""));
  const isReadInside = owner === "ReadTree" && row.inside !== "refused";
  if (owner === "TransactionTree" || isReadInside) {
    inside((tx) => give(tx.tree("empty"), "of a transaction"));
  }
  if (owner === "Snapshot" || owner === "ReadTree") {
    using snapshot = db.snapshot();
    give(owner === "Snapshot" ? snapshot : snapshot.tree("empty"), "of a snapshot");
  }
  await Promise.all(given);
}

/** The classes of `mod.ts` and `inspect.ts`, except errors. */
function classesOf(): [string, { prototype: object }][] {
  const values = Object.entries<unknown>({ ...quire, ...inspection });
  return values.filter((entry): entry is [string, { prototype: object }] => {
    const value = entry[1];
    const isClass = typeof value === "function" && /^class\b/.test(String(value));
    return isClass && !(value.prototype instanceof Error);
  });
}

/** The names of methods and accessors that a class adds to those of classes in the table. */
function methodsOf({ prototype }: { prototype: object }): string[] {
  const others = classesOf().map(([, { prototype }]) => prototype);
  const names: (string | symbol)[] = [];
  let from = prototype;
  do {
    names.push(...Reflect.ownKeys(from).filter((key) => key !== "constructor"));
    from = Object.getPrototypeOf(from);
  } while (from !== Object.prototype && !others.includes(from));
  return names.map((key) => typeof key === "symbol" ? `[${key.description}]` : key).sort();
}

describe("the table of misuse", () => {
  it("has a row for every method of every class, and no other", () => {
    const classes = classesOf();
    assertEquals(classes.map(([name]) => name).sort(), Object.keys(TABLE).sort());
    for (const [name, found] of classes) {
      const rows = Object.keys(TABLE[name as ClassName]).sort();
      assertEquals(rows, methodsOf(found), `tests/model/support/misuse_table.ts: rows of ${name}`);
      const own = Reflect.ownKeys(found).filter((key) => typeof key !== "symbol").sort();
      assertEquals(own, ["length", "name", "prototype"], `static members of ${name}`);
    }
  });

  it("names every function", () => {
    const isFunction = (value: unknown) =>
      typeof value === "function" && !/^class\b/.test(String(value));
    const found = Object.entries<unknown>(quire).filter(([, value]) => isFunction(value));
    assertEquals(found.map(([name]) => name).sort(), [...FUNCTIONS].sort());
  });

  it("has valid uses that succeed", async () => {
    for (const { owner, row, what } of ROWS) {
      const db = openSample();
      await onEach(
        db,
        { owner, row },
        (on, where) => assertWorks(() => (row.use as Use)(on, db), `${what} ${where}`),
      );
      db.close();
    }
  });
});

describe("wrong arguments", () => {
  for (const { owner, row, what } of ROWS.filter(({ row }) => row.wrong.length > 0)) {
    it(`of ${what} are refused, and change nothing`, async () => {
      const db = openSample();
      const { version } = db;
      for (const [use, type, message] of (row as AnyRow).wrong) {
        const about = `${what}: ${use}, ${message}`;
        await onEach(
          db,
          { owner, row },
          (on, where) => assertFails(() => use(on, db), [type, message], `${about} ${where}`),
        );
        assertUnchanged(db, version, about);
      }
      await db.tree("new").set("key", bytesOf(1, 1));
      assertEquals(db.tree("new").count(), 1, "it goes on");
      db.close();
    });
  }
});

describe("a method of something else", () => {
  it("is a TypeError", async () => {
    for (const [name, { prototype }] of classesOf()) {
      for (const key of Reflect.ownKeys(prototype).filter((key) => key !== "constructor")) {
        const { get, value } = Object.getOwnPropertyDescriptor(prototype, key)!;
        for (const other of [undefined, null, 1, {}, Object.create(prototype)]) {
          const use = () => (get ?? value).call(other, "a", bytesOf(1, 1));
          await assertFails(use, [TypeError, ""], `${name}.${String(key)} of ${typeof other}`);
        }
      }
    }
  });
});

describe("a closed database", () => {
  it("refuses every use of everything it returned, except closing again", async () => {
    for (const { owner, row, what } of ROWS) {
      const file = new MemoryFile(sample.bytes);
      const db = openSample({}, file);
      const uses: Promise<() => Promise<void>>[] = [];
      await onEach(db, { owner, row }, (on, where) => {
        const use = () => (row.use as Use)(on, db);
        const isEnded = where.includes("transaction") || owner === "Transaction";
        const refusal = isEnded ? REFUSALS.ended : REFUSALS.closed;
        uses.push(
          Promise.resolve(() =>
            row.closed === "works"
              ? assertWorks(use, `${what} ${where}`)
              : assertFails(use, refusal, `${what} ${where}`)
          ),
        );
        return Promise.resolve();
      });
      db.close();
      for (const use of uses) await (await use)();
      assertEquals(file.content(), sample.bytes, what);
    }
  });
});

describe("a transaction that has ended", () => {
  it("refuses every use of it and of its trees, and the database continues", async () => {
    for (const { owner, row, what } of ROWS) {
      if (["Database", "Inspector", "Snapshot", "Tree"].includes(owner)) continue;
      const db = openSample();
      const { version } = db;
      const kept = db.writeSync((tx) => ({ tx, tree: tx.tree("tall") }));
      const on = (owner === "Transaction" ? kept.tx : kept.tree) as never;
      await assertFails(() => (row.use as Use)(on, db), REFUSALS.ended, what);
      // Another open transaction does not make it valid.
      const later: Promise<void>[] = [];
      db.writeSync(() => {
        later.push(assertFails(() => (row.use as Use)(on, db), REFUSALS.ended, `${what} inside`));
      });
      await Promise.all(later);
      assertUnchanged(db, version, what);
      db.close();
    }
  });
});

describe("a snapshot", () => {
  const rows = ROWS.filter(({ owner }) => owner === "Snapshot" || owner === "ReadTree");
  const subject = (owner: ClassName, snapshot: Snapshot) =>
    (owner === "Snapshot" ? snapshot : snapshot.tree("tall")) as never;

  it("refuses every use of it and of its trees after a close", async () => {
    for (const { owner, row, what } of rows) {
      const db = openSample();
      const snapshot = db.snapshot();
      const on = subject(owner, snapshot);
      snapshot.close();
      const use = () => (row.use as Use)(on, db);
      if (row.closed === "works") await assertWorks(use, what);
      else await assertFails(use, REFUSALS.closed, what);
      assertUnchanged(db, db.version, what);
      db.close();
    }
  });

  it("raises SnapshotTooOldError if it was ended to bound memory", async () => {
    for (const { owner, row, what } of rows) {
      const db = openSample({ maxSnapshotBytes: 0 });
      const snapshot = db.snapshot();
      const on = subject(owner, snapshot);
      for (const name of db.trees()) change(db, name, (tree) => tree.set("new", bytesOf(1, 9)));
      db.dropTree("short");
      const use = () => (row.use as Use)(on, db);
      if (row.tooOld === "works") await assertWorks(use, what);
      else await assertFails(use, REFUSALS.tooOld, what);
      snapshot.close();
      db.close();
    }
  });

  it("has trees that cannot be written", () => {
    const db = openSample();
    using snapshot = db.snapshot();
    const tree = snapshot.tree("tall");
    for (const name of Object.keys(TABLE.Tree)) assertEquals(name in tree, false, name);
    assertEquals("write" in snapshot, false);
    db.close();
  });
});

describe("an open transaction", () => {
  it("refuses changes that would bypass it, and continues", async () => {
    for (const { owner, row, what } of ROWS) {
      if (owner !== "Database" && owner !== "Inspector" && owner !== "Tree") continue;
      const db = openSample();
      const subjects = { Database: db, Inspector: db.inspect(), Tree: db.tree("tall") };
      const on = subjects[owner] as never;
      const use = () => (row.use as Use)(on, db);
      const tried: Promise<void>[] = [];
      const isRefused = row.inside === "refused" || owner === "Tree";
      db.writeSync((tx) => {
        tx.tree("new").set("a", bytesOf(1, 1));
        tried.push(isRefused ? assertFails(use, REFUSALS.inside, what) : assertWorks(use, what));
        tx.tree("new").set("b", bytesOf(1, 1));
      });
      await Promise.all(tried);
      assertEquals(db.tree("new").count(), 2, what);
      if (isRefused) assertContent(contentOf(db, [...sample.content.keys()]), sample.content, what);
      db.close();
    }
  });
});

describe("entries that drop the tree into which they are loaded", () => {
  const takings: Record<string, (db: Database) => unknown> = {
    drop: (db) => db.dropTree("loaded"),
    rename: (db) => db.renameTree("loaded", "other"),
    replace: (db) => {
      db.dropTree("loaded");
      change(db, "loaded", (tree) => tree.set("key", bytesOf(1, 1)));
    },
  };
  for (const [what, take] of Object.entries(takings)) {
    for (const when of ["only", "first", "later", "last"]) {
      for (const isEmpty of [true, false]) {
        // The first entry creates the tree, so it cannot be dropped before.
        if (isEmpty && (when === "first" || when === "only")) continue;
        const where = isEmpty ? "an empty tree" : "a tree with an entry";
        it(`are a TypeError: ${what}, ${when}, ${where}`, () => {
          const db = openSample();
          const entries = function* (): Generator<[string, Uint8Array]> {
            if (when === "first" || when === "only") take(db);
            if (when === "only") return;
            for (let i = 0; i < 200; i++) {
              yield [`key ${1000 + i}`, bytesOf(i, 200)];
              if (when === "later" && i === 150) take(db);
            }
            if (when === "last") take(db);
          };
          const load = (unordered: boolean) =>
            db.writeSync((tx) => {
              const tree = tx.tree("loaded");
              if (!isEmpty) tree.set("a", bytesOf(1, 1));
              tree.load(entries(), { unordered });
            });
          const message = "Cannot load: tree loaded was dropped or renamed";
          for (const unordered of [false, true]) {
            assertThrows(() => load(unordered), TypeError, message);
          }
          assertContent(contentOf(db), sample.content);
          db.close();
        });
      }
    }
  }
});

describe("a read-only database", () => {
  it("refuses every change and nothing else, and the file is not written", async () => {
    for (const { owner, row, what } of ROWS) {
      if (owner === "Transaction" || owner === "TransactionTree") continue;
      const file = new FaultyFile(new MemoryFile(sample.bytes));
      const db = openSample({ readOnly: true }, file);
      await onEach(db, { owner, row }, (on, where) => {
        const use = () => (row.use as Use)(on, db);
        if (row.changes) return assertFails(use, REFUSALS.readOnly, `${what} ${where}`);
        return assertWorks(use, `${what} ${where}`);
      });
      db.close();
      const { write, truncate, sync } = file.counts;
      assertEquals([write, truncate, sync], [0, 0, 0], what);
    }
  });
});

describe("a database after a failed write", () => {
  it("refuses every change and nothing else", async () => {
    for (const { owner, row, what } of ROWS) {
      if (owner === "Transaction" || owner === "TransactionTree") continue;
      const file = new FaultyFile(new MemoryFile(sample.bytes));
      const db = openSample({}, file);
      change(db, "new", (tree) => tree.set("key", bytesOf(1, 1)));
      file.fault = (operation) => operation === "write" ? "throw" : "none";
      assertInstanceOf(await errorOf(() => db.tree("new").set("key", bytesOf(2, 1))), IoError);
      await onEach(db, { owner, row }, (on, where) => {
        const use = () => (row.use as Use)(on, db);
        if (!row.changes && row.failed === undefined) return assertWorks(use, `${what} ${where}`);
        return assertFails(use, [IoError, "Cannot"], `${what} ${where}`);
      });
      await errorOf(() => db.close());
    }
  });
});
