// Archives whose stores fail, lie, list late or twice, and restores that are refused: of states
// that an archive does not have, with gaps, of another database, damaged anywhere.

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, CorruptionError, format, IoError } from "../../pager/mod.ts";
import { assertContent, bytesOf, contentOf } from "../../tests/support/databases/database.ts";
import { MemoryStore } from "../../tests/support/databases/memory_store.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { archive } from "../archive.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { openReplica } from "../replica.ts";
import { restore } from "../restore.ts";
import { parseSegment, type Segment } from "./segments/segment.ts";

const { CHUNK_BYTES } = format;
const SLOW = { everyMs: 60_000 };

function set(db: Database, key: string, value: number): void {
  db.writeSync((tx) => tx.tree("t").set(key, bytesOf(value, 300)));
}

/** An archive of a base, and some segments of two commits each; returns the segments. */
async function makeArchive(path: string, store: MemoryStore): Promise<Segment[]> {
  using db = open(path);
  set(db, "first", 1);
  await using shipping = archive(db, store, SLOW);
  await shipping.flush();
  for (let i = 0; i < 3; i++) {
    set(db, `a ${i}`, i);
    set(db, `b ${i}`, i);
    await shipping.flush();
  }
  return segmentsIn(store);
}

function segmentsIn(store: MemoryStore): Segment[] {
  return store.puts.map(parseSegment).filter((segment) => segment !== undefined);
}

function nameOf(store: MemoryStore, index: number): string {
  return store.puts.filter((name) => parseSegment(name) !== undefined)[index]!;
}

async function contentAt(dir: string, store: MemoryStore, at?: number) {
  await restore(`${dir}/to`, { from: store, at });
  using db = open(`${dir}/to`);
  const content = contentOf(db);
  db.close();
  Deno.removeSync(`${dir}/to`);
  return content;
}

async function expectRefusal(
  dir: string,
  store: MemoryStore,
  at: number | Date | undefined,
  type: new (...args: never[]) => Error,
  says: RegExp,
): Promise<void> {
  const before = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  const error = await assertRejects(() => restore(`${dir}/to`, { from: store, at }), type);
  assertMatch(error.message, says);
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), before);
}

/** Resolves in a later turn of the event loop, when a condition holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe("archive()", () => {
  it("goes on after a store that fails, while the database is used as before", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const store = new MemoryStore();
      let isDown = true;
      store.before = (operation) => {
        if (isDown) throw new Error(`${operation} is down`);
      };
      await using shipping = archive(db, store, { everyMs: 1 });
      set(db, "a", 1);
      await until(() => db.stats().archive!.failures > 1);
      assertEquals(db.stats().archive!.failure, "list is down");
      const first = contentOf(db);
      set(db, "b", 2);
      isDown = false;
      await shipping.flush();
      assertContent(await contentAt(dir, store, 1), first);
      assertEquals((await contentAt(dir, store, 0)).size, 0);
      isDown = true;
      set(db, "c", 3);
      await until(() => db.stats().archive!.failure === "put is down");
      const { waitingBytes, waitingSince, version } = db.stats().archive!;
      assertEquals(version, 2);
      assertGreater(waitingBytes, 0);
      assert(waitingSince !== undefined && waitingSince <= Date.now());
      isDown = false;
      await shipping.flush();
      const { failure, waitingSince: none, waitingBytes: zero } = db.stats().archive!;
      assertEquals([failure, none, zero], [undefined, undefined, 0]);
      assertContent(await contentAt(dir, store), contentOf(db));
    }));

  it("puts commits in bounded memory, and those that did not fit as one", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const store = new MemoryStore();
      await using shipping = archive(db, store, { everyMs: 1 });
      set(db, "a", 1);
      await shipping.flush();
      const known = db.version;
      const gate = Promise.withResolvers<void>();
      // A failure must not leave the end of the archive waiting.
      using _opened = { [Symbol.dispose]: () => gate.resolve() };
      let isPut = false;
      store.before = () => {
        isPut = true;
        return gate.promise;
      };
      set(db, "b", 2);
      await until(() => isPut);
      let peak = 0;
      for (let i = 0; i < 6; i++) {
        for (let part = 0; part < 60; part++) {
          db.writeSync((tx) => {
            for (let j = 0; j < 50; j++) tx.tree("u").set(`${i} ${part} ${j}`, bytesOf(j, 1000));
          }, { durability: "none" });
        }
        peak = Math.max(peak, db.stats().archive!.waitingBytes);
      }
      const { losses } = db.stats().archive!;
      assertEquals(losses, 1);
      assert(peak <= 16 * 1024 * 1024);
      gate.resolve();
      await shipping.flush();
      await expectRefusal(dir, store, known + 50, RangeError, /were archived together/);
      assertContent(await contentAt(dir, store), contentOf(db));
      await contentAt(dir, store, known + 1);
    }));

  it("continues after the last segment: what changed meanwhile is one segment", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      await makeArchive(`${dir}/db`, store);
      const last = segmentsIn(store).at(-1)!.to;
      {
        using db = open(`${dir}/db`);
        set(db, "meanwhile", 1);
        set(db, "meanwhile", 2);
      }
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, SLOW);
      await shipping.flush();
      set(db, "after", 1);
      await shipping.flush();
      const [delta, commits] = segmentsIn(store).slice(-2);
      assertEquals([delta!.kind, delta!.from], ["delta", last]);
      assertEquals([commits!.kind, commits!.to], ["commits", db.version]);
      await expectRefusal(dir, store, last + 1, RangeError, /between versions/);
      assertContent(await contentAt(dir, store), contentOf(db));
    }));

  it("refuses a store with another database, or with later versions, and leaves it", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      await makeArchive(`${dir}/db`, store);
      const names = [...store.objects.keys()];
      {
        using db = open(`${dir}/other`);
        const shipping = archive(db, store, SLOW);
        await assertRejects(() => shipping.flush(), RangeError, "another database");
        assertEquals(db.stats().archive!.ended, true);
        assertMatch(db.stats().archive!.failure!, /another database/);
        for (let i = 0; i < 9; i++) set(db, "a", i);
      }
      await restore(`${dir}/old`, { from: store, at: 3 });
      {
        using db = open(`${dir}/old`);
        await assertRejects(() => archive(db, store).flush(), RangeError, "another database");
      }
      Deno.copyFileSync(`${dir}/db`, `${dir}/copy`);
      {
        using db = open(`${dir}/db`);
        set(db, "a", 1);
        await using _shipping = archive(db, store, SLOW);
      }
      using db = open(`${dir}/copy`);
      await assertRejects(() => archive(db, store).flush(), RangeError, "the store has version 8");
      assertEquals(names.every((name) => store.objects.has(name)), true);
    }));

  it("refuses at once a copy whose source has gone on in the store, and else continues it", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      await makeArchive(`${dir}/db`, store);
      {
        using db = open(`${dir}/db`);
        const { version } = await db.backup(`${dir}/base`);
        set(db, "later", 1);
        await db.backup(`${dir}/1.increment`, { since: version });
        await restore(`${dir}/old`, `${dir}/base`);
        await restore(`${dir}/new`, `${dir}/base`, `${dir}/1.increment`);
        await using _shipping = archive(db, store, SLOW);
      }
      const says = /version 8 of another history of the database; archive a copy to a store of its/;
      for (const changes of [1, 3]) {
        using db = open(`${dir}/old`);
        for (let i = 0; i < changes; i++) set(db, `own ${changes}`, i);
        const error = await assertRejects(() => archive(db, store).flush(), RangeError);
        assertMatch(error.message, says);
      }
      const own = new MemoryStore();
      {
        using db = open(`${dir}/old`);
        await using _shipping = archive(db, own, SLOW);
      }
      {
        // The store has nothing that this copy lacks.
        using db = open(`${dir}/new`);
        set(db, "own", 9);
        await using shipping = archive(db, store, SLOW);
        await shipping.flush();
        set(db, "own", 10);
        await shipping.flush();
        assertContent(await contentAt(dir, store), contentOf(db));
      }
      using db = open(`${dir}/db`);
      for (let i = 0; i < 9; i++) set(db, "source", i);
      await assertRejects(() => archive(db, store).flush(), RangeError, "of another history");
    }));

  it("ends with its database, at a signal, and at a close that the store refuses", () =>
    inTempDir(async (dir) => {
      const db = open(`${dir}/db`);
      const store = new MemoryStore();
      const first = archive(db, store, SLOW);
      await first.flush();
      store.before = () => {
        throw new Error("down");
      };
      set(db, "a", 1);
      await assertRejects(() => first.close(), IoError, "Cannot write the archive: down");
      const never = Promise.withResolvers<void>();
      store.before = () => never.promise;
      const second = archive(db, store, SLOW);
      const signal = AbortSignal.timeout(5);
      await assertRejects(() => second.flush({ signal }), DOMException);
      await assertRejects(() => second.close({ signal }), DOMException);
      const third = archive(db, store, SLOW);
      const flushed = assertRejects(() => third.flush(), ClosedError);
      db.close();
      await flushed;
      await third.close();
    }));

  it("ships what has changed at a close, where pages that commits need are gone", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`, { maxSnapshotBytes: 1 << 20 });
      const store = new MemoryStore();
      const shipping = archive(db, store, SLOW);
      await shipping.flush();
      // Large values are written past the journal, so their commits need a snapshot.
      for (let i = 0; i < 3; i++) db.writeSync((tx) => tx.tree("t").set("a", bytesOf(i, 1 << 20)));
      await shipping.close();
      const { ended, failure, losses } = db.stats().archive!;
      assertEquals([ended, failure, losses], [true, undefined, 1]);
      assertContent(await contentAt(dir, store), contentOf(db));
    }));

  it("deletes what no restore within the time to keep needs", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const store = new MemoryStore();
      await using shipping = archive(db, store, { everyMs: 1, baseEvery: 1, keep: 1 });
      for (let i = 0; i < 40 || db.stats().archive!.bases < 4; i++) {
        set(db, `${i}`, i);
        await shipping.flush();
        await until(() => Date.now() % 2 === i % 2);
      }
      assertGreater(store.puts.length, store.objects.size, "some were deleted");
      await shipping.close();
      assertContent(await contentAt(dir, store), contentOf(db));
      await expectRefusal(dir, store, 1, RangeError, /version 1 is not in the archive/);
    }));

  it("deletes nothing before a base that the store does not give back whole", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      let bases = 0;
      const store = new MemoryStore();
      const lying = Object.assign(new MemoryStore(), {
        put: (name: string, bytes: Uint8Array) => {
          const kind = parseSegment(name)?.kind;
          if (kind !== "base" || bases++ === 0) return store.put(name, bytes);
          return store.put(name, bytes.map((byte, i) => i === 100 ? byte ^ 1 : byte));
        },
        get: (name: string) => store.get(name),
        list: () => store.list(),
        delete: (name: string) => store.delete(name),
      });
      await using shipping = archive(db, lying, { everyMs: 1, baseEvery: 1, keep: 1 });
      for (let i = 0; bases < 4; i++) {
        set(db, `${i}`, i);
        await shipping.flush();
        await until(() => Date.now() % 2 === i % 2);
      }
      await shipping.close();
      assertContent(await contentAt(dir, store), contentOf(db));
    }));

  it("refuses arguments of wrong types, and a second archive", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const store = new MemoryStore();
      const refused: [() => unknown, new () => Error, string][] = [
        [() => archive({} as Database, store), TypeError, "is not a database"],
        [() => archive(db, {} as MemoryStore), TypeError, "the store has no put()"],
        [() => archive(db, store, { everyMs: 0 }), RangeError, "everyMs 0 is not above 0"],
        [() => archive(db, store, { keep: NaN }), RangeError, "keep NaN is not above 0"],
        [() => archive(db, store, { every: 1 } as object), TypeError, "unknown option every"],
        [() => db.writeSync(() => void archive(db, store)), TypeError, "a transaction is open"],
      ];
      for (const [call, type, says] of refused) {
        await assertRejects(async () => await call(), type, says);
      }
      await using shipping = archive(db, store, SLOW);
      await assertRejects(async () => await archive(db, store), TypeError, "being written");
      const misuses: [object: unknown, says: string][] = [
        [null, "the options are not an object"],
        [1, "the options are not an object"],
        [{ signl: AbortSignal.abort() }, "unknown option signl"],
        [{ signal: {} }, "the signal is not an AbortSignal"],
        [{ signal: null }, "the signal is not an AbortSignal"],
      ];
      for (const [options, says] of misuses) {
        await assertRejects(() => shipping.flush(options as never), TypeError, says);
        await assertRejects(() => shipping.close(options as never), TypeError, says);
      }
      set(db, "a", 1);
      await shipping.flush();
      assertEquals(db.stats().archive?.version, db.version, "it goes on");
    }));
});

describe("restore() from an archive", () => {
  it("refuses states that the archive does not have, and says what it has", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      await expectRefusal(dir, store, undefined, RangeError, /the archive has no base/);
      const misspelt = { form: store } as never;
      await assertRejects(() => restore(`${dir}/to`, misspelt), TypeError, "unknown option form");
      const segments = await makeArchive(`${dir}/db`, store);
      const { last } = segments.at(-1)!;
      await expectRefusal(dir, store, 0, RangeError, /version 0 is not .*: it has 1 to 7/);
      await expectRefusal(dir, store, 8, RangeError, /version 8 is not .*: it has 1 to 7/);
      const range = /is not in the archive: it has \d{4}-.*Z to \d{4}-.*Z/;
      await expectRefusal(dir, store, new Date(segments[0]!.first - 1), RangeError, range);
      await expectRefusal(dir, store, new Date(last + 1), RangeError, range);
      assertEquals((await restore(`${dir}/to`, { from: store, at: new Date(last) })).version, 7);
    }));

  it("leaves nothing of pages that were gone before the file grew over their places again", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      const fill = (db: Database, keys: number, value: number) => {
        for (let key = 0; key < keys; key++) {
          db.writeSync((tx) => tx.tree("t").set(`${key}`, bytesOf(value, 30_000)));
        }
      };
      {
        using db = open(`${dir}/db`);
        fill(db, 200, 1);
        await using shipping = archive(db, store, SLOW);
        await shipping.flush();
      }
      {
        using db = open(`${dir}/db`);
        db.dropTree("t");
        await db.compact();
      }
      assertLess(Deno.statSync(`${dir}/db`).size, CHUNK_BYTES);
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, SLOW);
      const replica = await openReplica(`${dir}/replica`, { from: store, everyMs: 60_000 });
      await shipping.flush();
      // Fewer pages than there were in the last chunk.
      fill(db, 110, 2);
      await shipping.flush();
      assertEquals(segmentsIn(store).map(({ kind }) => kind), ["base", "delta", "commits"]);
      await restore(`${dir}/restored`, { from: store });
      await replica.reaches(db.version);
      await replica.promote();
      for (const name of ["restored", "replica"]) {
        using copy = open(`${dir}/${name}`);
        assertEquals((await copy.verify()).findings, [], name);
        assertContent(contentOf(copy), contentOf(db));
      }
    }));

  it("reads segments ahead, several at once, and each once", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, SLOW);
      for (let i = 0; i < 30; i++) {
        set(db, `${i}`, i);
        await shipping.flush();
      }
      const names: string[] = [];
      let [now, most] = [0, 0];
      store.get = async (name) => {
        names.push(name);
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve));
        now--;
        return store.objects.get(name);
      };
      assertContent(await contentAt(dir, store), contentOf(db));
      const { length } = store.puts;
      assertEquals([most, names.length, new Set(names).size], [8, length, length]);
    }));

  it("refuses a gap at each segment, and finds a way around one that is there twice", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      const segments = await makeArchive(`${dir}/db`, store);
      for (let i = 0; i < segments.length - 1; i++) {
        const name = nameOf(store, i);
        const bytes = store.objects.get(name)!;
        store.objects.delete(name);
        const says = i === 0 ? /has no base/ : /the archive has a gap: no segment leads to version/;
        await expectRefusal(dir, store, segments.at(-1)!.to, RangeError, says);
        store.objects.set(name, bytes);
      }
      // A list that comes late lets a later process begin before the last segment again.
      const late = nameOf(store, segments.length - 1);
      {
        using db = open(`${dir}/db`);
        set(db, "after", 1);
        const list = store.list.bind(store);
        store.list = async () => (await list()).filter((name) => name !== late);
        await using _shipping = archive(db, store, SLOW);
      }
      const { list } = MemoryStore.prototype;
      store.list = async () => [...await list.call(store), ...await list.call(store), "foreign"];
      using db = open(`${dir}/db`);
      assertContent(await contentAt(dir, store), contentOf(db));
      await contentAt(dir, store, segments.at(-1)!.to);
      await contentAt(dir, store, segments.at(-1)!.to - 1);
    }));

  it("refuses every object that is damaged, cut, missing or in place of another", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      {
        using db = open(`${dir}/db`);
        // A base with parts.
        for (let i = 0; i < 9; i++) db.tree("u").set(`${i}`, bytesOf(i, 1_000_000));
      }
      await makeArchive(`${dir}/db`, store);
      const names = [...store.objects.keys()];
      assertGreater(names.filter((name) => name.startsWith("part-")).length, 0);
      const random = new Random(3);
      for (const [i, name] of names.entries()) {
        const bytes = store.objects.get(name)!;
        const flipped = bytes.slice();
        flipped[random.below(bytes.length)]! ^= 1 << random.below(8);
        const head = bytes.slice();
        head[random.below(100)]! ^= 1 << random.below(8);
        const other = store.objects.get(names[(i + 1) % names.length]!)!;
        for (const wrong of [flipped, head, bytes.slice(0, -1), new Uint8Array(0), other]) {
          store.objects.set(name, wrong);
          await expectRefusal(dir, store, undefined, CorruptionError, RegExp(` of ${name} at `));
        }
        store.objects.delete(name);
        const type = name.startsWith("part-") ? CorruptionError : RangeError;
        const isLast = i === names.length - 1;
        if (!isLast) await expectRefusal(dir, store, 16, type, /part-|gap|base/);
        store.objects.set(name, bytes);
      }
    }));

  it("refuses a chain of two histories", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      await makeArchive(`${dir}/db`, store);
      Deno.copyFileSync(`${dir}/db`, `${dir}/copy`);
      {
        using db = open(`${dir}/db`);
        await using shipping = archive(db, store, SLOW);
        set(db, "one", 1);
        await shipping.flush();
      }
      {
        // The copy has changed another page meanwhile, under the same version.
        using db = open(`${dir}/copy`);
        db.writeSync((tx) => tx.tree("u").set("two", bytesOf(2, 300)));
        set(db, "three", 3);
        await using _shipping = archive(db, store, SLOW);
      }
      await expectRefusal(dir, store, undefined, RangeError, /it has another history/);
    }));

  it("refuses a chain of two histories that have the same version", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      await makeArchive(`${dir}/db`, store);
      const change = (path: string, tree: string) => {
        using db = open(path);
        db.writeSync((tx) => tx.tree(tree).set("key", bytesOf(1, 300)));
      };
      change(`${dir}/db`, "u");
      Deno.copyFileSync(`${dir}/db`, `${dir}/copy`);
      change(`${dir}/db`, "t");
      change(`${dir}/copy`, "u");
      for (const path of [`${dir}/db`, `${dir}/copy`]) {
        using db = open(path);
        await using shipping = archive(db, store, SLOW);
        await shipping.flush();
      }
      await expectRefusal(dir, store, undefined, RangeError, /it has another history/);
    }));

  it("refuses a taken path and wrong arguments, ends at a signal, and tells a failing store", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      await makeArchive(`${dir}/db`, store);
      await assertRejects(() => restore(`${dir}/db`, { from: store }), IoError, "already exists");
      const signal = AbortSignal.abort();
      await assertRejects(() => restore(`${dir}/to`, { from: store, signal }), DOMException);
      for (const call of ["list", "get"]) {
        const end = new AbortController();
        store.before = (operation) => {
          if (operation !== call) return;
          end.abort(new Error("enough"));
          return new Promise<void>(() => {});
        };
        const restored = restore(`${dir}/to`, { from: store, signal: end.signal });
        await assertRejects(() => restored, Error, "enough", `a ${call} that never ends`);
      }
      store.before = () => {};
      const at = (value: unknown) => restore(`${dir}/to`, { from: store, at: value as number });
      await assertRejects(() => at("1"), TypeError, "at is string");
      await assertRejects(() => at(0.5), RangeError, "0.5 is not a version");
      await assertRejects(() => at(new Date(NaN)), RangeError, "invalid date");
      store.before = () => {
        throw new Error("down");
      };
      await expectRefusal(dir, store, undefined, IoError, /Cannot list the archive: down/);
    }));
});
