/**
 * What the suite of abstract-level does not test: durability, locks, codes of the engine's errors,
 * seeks within a range, and that open iterators and snapshots end with the database.
 */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { json, open, string } from "../mod.ts";
import { inTempDir } from "../tests/support/temp.ts";
import { type DatabaseOptions, type LevelError, QuireLevel } from "./mod.ts";

/** Whether all commits are on the medium. */
function isDurable({ database }: QuireLevel): boolean {
  return database.durableVersion === database.version;
}

/** Opens a database in a folder, and closes it after the callback. */
function withLevel(
  body: (db: QuireLevel, path: string) => Promise<void>,
  options: DatabaseOptions<string, string> = {},
): Promise<void> {
  return inTempDir(async (dir) => {
    const path = `${dir}/a.quire`;
    await using db = new QuireLevel<string, string>(path, options);
    await db.open();
    await body(db, path);
  });
}

/** The error that a promise rejects with, and its cause. */
async function codesOf(promise: Promise<unknown>): Promise<unknown[]> {
  const error = await assertRejects(() => promise) as LevelError;
  return [error.code, (error.cause as LevelError | undefined)?.code];
}

/** Opens a database that cannot be opened. Returns the codes of the error and of its cause. */
function codesOfOpening(path: string, options = {}): Promise<unknown[]> {
  const db = new QuireLevel(path, options);
  return codesOf(db.open());
}

describe("QuireLevel: shared", () => {
  it("stores the bytes of the call, although it waits for another process", () =>
    withLevel(async (db, path) => {
      using other = open(path, { shared: true });
      const [key, value] = [new Uint8Array([1]), new Uint8Array([1])];
      const options = { keyEncoding: "view", valueEncoding: "view" } as const;
      const batch = [{ type: "put", key, value, ...options }] as const;
      // The other handle has the write lock.
      const { done } = other.writeSync(() => ({
        done: Promise.all([
          db.put<Uint8Array, Uint8Array>(new Uint8Array([2]), value, options),
          db.batch<Uint8Array, Uint8Array>([...batch], {}),
        ]),
      }));
      key[0] = value[0] = 3;
      await done;
      const entries = await db.iterator<Uint8Array, Uint8Array>(options).all();
      assertEquals(entries.map(([k, v]) => [k[0], v[0]]), [[1, 1], [2, 1]]);
    }, { quire: { shared: true } }));
});

describe("QuireLevel: durability", () => {
  const writes: [string, (db: QuireLevel, options: { sync?: boolean }) => Promise<void>][] = [
    ["put", (db, options) => db.put("a", "1", options)],
    ["del", async (db, options) => {
      await db.put("a", "1", { sync: true });
      await db.del("a", options);
    }],
    ["batch", (db, options) => db.batch([{ type: "put", key: "a", value: "1" }], options)],
    ["a chained batch", (db, options) => db.batch().put("a", "1").write(options)],
  ];
  for (const [name, write] of writes) {
    it(`${name} waits for the medium with sync, and not without`, () =>
      withLevel(async (db) => {
        await write(db, {});
        assertEquals(isDurable(db), false, "default");
        await write(db, { sync: true });
        assertEquals(isDurable(db), true, "sync: true");
        await write(db, { sync: false });
        assertEquals(isDurable(db), false, "sync: false");
      }));
  }

  it("is that of the engine's option, if it is given", () =>
    withLevel(async (db) => {
      await db.put("a", "1");
      assertEquals(isDurable(db), true);
      await db.put("a", "2", { sync: false });
      assertEquals(isDurable(db), false);
    }, { quire: { durability: "sync" } }));

  it("keeps all writes when the database is closed", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const first = new QuireLevel(path);
      const waiting = first.put("a", "1");
      await first.put("b", "2");
      await first.close();
      await waiting;
      await using second = new QuireLevel(path);
      assertEquals(await second.getMany(["a", "b"]), ["1", "2"]);
    }));
});

describe("QuireLevel: opening", () => {
  it("refuses a file that another handle has open, until that is closed", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const first = new QuireLevel(path);
      await first.open();
      assertEquals(await codesOfOpening(path), ["LEVEL_DATABASE_NOT_OPEN", "LEVEL_LOCKED"]);
      await first.close();
      await using second = new QuireLevel(path);
      await second.open();
    }));

  it("creates the folder of a file, unless createIfMissing is false", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/b/c/a.quire`;
      const codes = await codesOfOpening(path, { createIfMissing: false });
      assertEquals(codes, ["LEVEL_DATABASE_NOT_OPEN", "LEVEL_IO_ERROR"]);
      await using db = new QuireLevel(path);
      await db.put("a", "1");
      assert(Deno.statSync(path).isFile);
    }));

  it("reports damage by its code", () =>
    inTempDir(async (dir) => {
      Deno.writeTextFileSync(`${dir}/a.quire`, "not a database".repeat(10_000));
      const codes = await codesOfOpening(`${dir}/a.quire`);
      assertEquals(codes, ["LEVEL_DATABASE_NOT_OPEN", "LEVEL_CORRUPTION"]);
    }));

  it("refuses a file whose tree has other codecs, and closes it again", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      const write = async () => {
        using db = open(path);
        await db.tree("level", { key: string, value: json }).set("a", 1);
      };
      await write();
      await codesOfOpening(path);
      await write();
    }));

  it("reads a file that is opened read-only, and refuses to write", () =>
    withLevel(async (db, path) => {
      await db.put("a", "1");
      await db.close();
      await using reader = new QuireLevel(path, { quire: { readOnly: true } });
      assertEquals(await reader.get("a"), "1");
      assertEquals((await codesOf(reader.put("a", "2")))[0], "LEVEL_READONLY");
      assertEquals((await codesOf(reader.clear()))[0], "LEVEL_READONLY");
      await using follower = new QuireLevel(path, { quire: { follow: true } });
      assertEquals(await follower.get("a"), "1");
      assertEquals((await codesOf(follower.put("a", "2")))[0], "LEVEL_READONLY");
    }));

  it("shares a file with other handles that say so", () =>
    withLevel(async (db, path) => {
      await using other = new QuireLevel<string, string>(path, { quire: { shared: true } });
      await Promise.all(["a", "b", "c", "d"].map((key, at) => (at % 2 ? db : other).put(key, key)));
      await db.sublevel("part").put("e", "e");
      // What others commit is seen in the next turn of the event loop.
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(await other.getMany(["a", "b", "c", "d"]), ["a", "b", "c", "d"]);
      assertEquals(await other.sublevel("part").get("e"), "e");
      await other.clear();
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(await db.keys().all(), []);
    }, { quire: { shared: true } }));

  it("takes a file URL, and a database in memory", async () => {
    await using memory = new QuireLevel(":memory:");
    await memory.put("a", "1");
    assertEquals([await memory.get("a"), memory.supports.permanence], ["1", false]);
    const url = new QuireLevel(new URL("file:///no%20such/a.quire"));
    assertEquals(url.location, "/no such/a.quire");
    await url.close();
    assertThrows(() => new QuireLevel(""), TypeError);
  });
});

describe("QuireLevel: closing", () => {
  it("ends open iterators, snapshots and batches", () =>
    withLevel(async (db) => {
      await db.batch([["a", "1"], ["b", "2"]].map(([key, value]) => ({
        type: "put" as const,
        key: key!,
        value: value!,
      })));
      const iterator = db.iterator();
      await iterator.next();
      const snapshot = db.snapshot();
      const batch = db.batch().put("c", "3");
      await db.close();
      assertEquals((await codesOf(iterator.next()))[0], "LEVEL_ITERATOR_NOT_OPEN");
      assertEquals((await codesOf(db.get("a")))[0], "LEVEL_DATABASE_NOT_OPEN");
      await db.open();
      assertEquals((await codesOf(db.get("a", { snapshot })))[0], "LEVEL_SNAPSHOT_NOT_OPEN");
      await assertRejects(() => batch.write(), "LEVEL_BATCH_NOT_OPEN");
      assertEquals(await db.keys().all(), ["a", "b"]);
    }));

  it("of an iterator ends its snapshot, and that of a read does not end a given one", () =>
    withLevel(async (db) => {
      await db.put("a", "1");
      await db.iterator().all();
      for await (const _ of db.values()) break;
      await db.iterator().close();
      assertEquals(db.database.stats().snapshots, 0);
      const snapshot = db.snapshot();
      await db.keys({ snapshot }).all();
      assertEquals(db.database.stats().snapshots, 1);
      await snapshot.close();
      assertEquals(db.database.stats().snapshots, 0);
    }));
});

describe("QuireLevel: reading", () => {
  it("seeks within the range, in both directions, and ends outside of it", () =>
    withLevel(async (db) => {
      const batch = db.batch();
      for (let i = 0; i < 10; i++) batch.put(`${i}`, `${i}`);
      await batch.write();
      const seek = async (range: object, target: string) => {
        await using keys = db.keys(range);
        keys.seek(target);
        return (await keys.all()).join("");
      };
      assertEquals(await seek({ gt: "5" }, "5"), "");
      assertEquals(await seek({ gte: "5" }, "5"), "56789");
      assertEquals(await seek({ gte: "2", lt: "5" }, "3"), "34");
      assertEquals(await seek({ gte: "2", lt: "5" }, "5"), "");
      assertEquals(await seek({ gt: "2", lte: "5", reverse: true }, "4"), "43");
      assertEquals(await seek({ gt: "2", lte: "5", reverse: true }, "6"), "");
      assertEquals(await seek({ limit: 2 }, "7"), "78");
      assertEquals(await seek({ gte: "5", gt: "7" }, "6"), "6789");
    }));

  it("gives way to other work in a long loop", () =>
    withLevel(async (db) => {
      const batch = db.batch();
      for (let i = 0; i < 3500; i++) batch.put(`${i}`, "");
      await batch.write();
      let turns = 0;
      const count = () => {
        turns++;
        timer = setImmediate(count);
      };
      let timer = setImmediate(count);
      for await (const _ of db.iterator());
      clearImmediate(timer);
      assert(turns >= 3, `${turns} turns`);
    }));

  it("decodes bytes that are not text as other databases of Level do", () =>
    withLevel(async (db) => {
      await db.put("a", new Uint8Array([0x61, 0xff]), { valueEncoding: "view" });
      assertEquals(await db.get("a"), "a\ufffd");
      assertEquals(await db.iterator().all(), [["a", "a\ufffd"]]);
    }));

  it("refuses keys that UTF-8 would merge, and keys that are too long", () =>
    withLevel(async (db) => {
      await assertRejects(() => db.put("\ud800", "1"), TypeError, "lone surrogate");
      await assertRejects(() => db.batch([{ type: "put", key: "a", value: "\ud800" }]), TypeError);
      const { message } = await assertRejects(() => db.put("a".repeat(3000), "1"), RangeError);
      assertStringIncludes(message, "3000 bytes");
      assertEquals(await db.keys().all(), []);
    }));

  it("refuses a snapshot of another database", () =>
    withLevel(async (db) => {
      await using other = new QuireLevel(":memory:");
      await other.open();
      const snapshot = other.snapshot();
      await assertRejects(() => db.get("a", { snapshot }), TypeError, "another database");
      assertThrows(() => db.iterator({ snapshot }), TypeError, "another database");
    }));
});

describe("QuireLevel: sublevels", () => {
  it("clear and iterate over their own entries, in one transaction with others", () =>
    withLevel(async (db) => {
      const cities = db.sublevel("cities");
      const people = db.sublevel<string, number>("people", { valueEncoding: "json" });
      await db.batch<string, string | number>([
        { type: "put", sublevel: cities, key: "a", value: "Lisboa" },
        { type: "put", sublevel: people, key: "a", value: 545_000 },
      ], { sync: true });
      assertEquals(db.database.version, 1);
      assertEquals(await people.iterator().all(), [["a", 545_000]]);
      await cities.clear();
      assertEquals(await db.keys().all(), ["!people!a"]);
    }));
});
