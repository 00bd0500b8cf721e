// Replicas: what they show while they follow, after a restart, without their store, and after a
// promotion; and the archives and files that they refuse.

import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  ClosedError,
  CorruptionError,
  IoError,
  LockedError,
  openDiskFile,
} from "../../pager/mod.ts";
import {
  assertContent,
  bytesOf,
  contentOf,
  openOn,
} from "../../tests/support/databases/database.ts";
import { MemoryStore } from "../../tests/support/databases/memory_store.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { archive } from "../archive.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { openReplica } from "../replica.ts";
import { verify } from "../verify/verify.ts";
import { createReplica, ReplicaFile } from "./replica_file.ts";

const SLOW = { everyMs: 60_000 };
const FAST = { everyMs: 1 };
const { signal: NEVER } = new AbortController();

function set(db: Database, key: string, value: number, length = 300): void {
  db.writeSync((tx) => tx.tree("t").set(key, bytesOf(value, length)));
}

function change(db: Database, random: Random): void {
  db.writeSync((tx) => {
    for (let i = random.below(20); i >= 0; i--) {
      const key = `key ${random.below(300)}`;
      if (random.once(4)) tx.tree("t").delete(key);
      else tx.tree("t").set(key, bytesOf(i, random.below(2000)));
    }
    if (random.once(5)) tx.tree("large").set(`${random.below(3)}`, bytesOf(1, 900_000));
    if (random.once(9)) tx.tree("t").deleteRange({ gte: "key 1", lt: "key 2" });
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

function names(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

describe("a replica", () => {
  it("shows each version that is archived, in memory and in its file", () =>
    inTempDir(async (dir) => {
      const random = new Random(5);
      const store = new MemoryStore();
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, SLOW);
      set(db, "first", 1);
      await shipping.flush();
      await createReplica(`${dir}/replica`, store, undefined);
      let replaced = 0;
      // It writes its file after every few segments.
      const file = new ReplicaFile(`${dir}/replica`, () => replaced++, 1_500_000);
      for (let i = 0; i < 40; i++) {
        for (let j = random.below(3); j >= 0; j--) change(db, random);
        if (random.once(9)) db.dropTree("large");
        if (random.once(9)) db.checkpoint();
        await shipping.flush();
        const before = file.view;
        const old = openOn(before, { readOnly: true });
        const content = contentOf(old);
        await file.follow(store, NEVER);
        const view = openOn(file.view, { readOnly: true });
        assertEquals(view.version, db.stats().archive!.version);
        assertContent(contentOf(view), contentOf(db));
        const { ok, findings } = await view.verify();
        assert(ok, JSON.stringify(findings));
        if (replaced === 0) assertContent(contentOf(openOn(before, { readOnly: true })), content);
      }
      assertGreater(replaced, 2);
      await file.persist();
      file.close();
      const again = new ReplicaFile(`${dir}/replica`, () => {});
      assertContent(contentOf(openOn(again.view, { readOnly: true })), contentOf(db));
      again.close();
      assertEquals(names(dir), ["db", "replica"]);
    }));

  it("can be read while it follows, and reaches versions", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, FAST);
      await shipping.flush();
      const replica = await openReplica(`${dir}/replica`, { from: store, ...FAST });
      const empty = replica.db;
      for (let i = 0; i < 5; i++) {
        set(db, `${i}`, i);
        await replica.reaches(db.version);
        assertContent(contentOf(replica.db), contentOf(db));
      }
      assertEquals(empty.trees(), [], "an older version stays as it was");
      const { version, failures, failure } = replica.stats();
      assertEquals([version, failures, failure], [db.version, 0, undefined]);
      const signal = AbortSignal.timeout(5);
      await assertRejects(() => replica.reaches(db.version + 1, { signal }), DOMException);
      const waits = assertRejects(() => replica.reaches(db.version + 1), ClosedError);
      for (const version of [NaN, -1, "1", undefined]) {
        await assertRejects(() => replica.reaches(version as never), RangeError, "not a version");
      }
      for (const options of [{ signl: signal }, { signal: {} }, null]) {
        await assertRejects(() => replica.reaches(9, options as never), TypeError, "Cannot wait");
      }
      const closing = replica.close();
      await replica.close();
      await (await openReplica(`${dir}/replica`, { from: store, ...FAST })).close();
      await Promise.all([closing, waits]);
      assertThrows(() => replica.db, ClosedError);
      assertThrows(() => empty.trees(), ClosedError);
      await assertRejects(() => replica.promote(), ClosedError);
    }));

  it("continues after a restart, also while its store is down", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, FAST);
      set(db, "a", 1);
      await shipping.flush();
      {
        await using replica = await openReplica(`${dir}/replica`, { from: store, ...FAST });
        set(db, "b", 2);
        await replica.reaches(2);
      }
      let isDown = true;
      const down: MemoryStore = Object.create(store);
      down.list = () => isDown ? Promise.reject(new Error("down")) : store.list();
      await using replica = await openReplica(`${dir}/replica`, { from: down, ...FAST });
      assertEquals(replica.version, 2);
      assertContent(contentOf(replica.db), contentOf(db));
      await until(() => replica.stats().failure === "down");
      set(db, "c", 3);
      await shipping.flush();
      isDown = false;
      await replica.reaches(3);
      assertContent(contentOf(replica.db), contentOf(db));
    }));

  it("begins again with a base when the segments after its version are deleted", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      using db = open(`${dir}/db`);
      {
        await using shipping = archive(db, store, FAST);
        set(db, "a", 1);
        await shipping.flush();
        await using _replica = await openReplica(`${dir}/replica`, { from: store, ...FAST });
      }
      store.objects.clear();
      set(db, "b", 2);
      await using shipping = archive(db, store, FAST);
      await shipping.flush();
      await using replica = await openReplica(`${dir}/replica`, { from: store, ...FAST });
      await replica.reaches(2);
      assertContent(contentOf(replica.db), contentOf(db));
    }));

  it("goes on after its new file could not be opened, and leaves that as it is", () =>
    inTempDir(async (dir) => {
      const random = new Random(6);
      const store = new MemoryStore();
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, SLOW);
      set(db, "first", 1);
      await shipping.flush();
      await createReplica(`${dir}/replica`, store, undefined);
      let replaced = 0;
      let isRefused = false;
      const openFile = (path: string) => {
        if (isRefused) throw new IoError(`Cannot open ${path}: too many open files`);
        return openDiskFile(path, { create: false });
      };
      const file = new ReplicaFile(`${dir}/replica`, () => replaced++, 0, openFile);
      change(db, random);
      await shipping.flush();
      isRefused = true;
      const follow = () => file.follow(store, NEVER);
      const refusals = [follow, follow, () => file.persist(), () => file.promote()];
      let inode: number | null | undefined;
      for (const call of refusals) {
        await assertRejects(call, IoError, "too many open files");
        const { ino } = Deno.statSync(`${dir}/replica`);
        assertEquals(ino, inode ?? ino, "the file stays");
        inode = ino;
        assertContent(contentOf(openOn(file.view, { readOnly: true })), contentOf(db));
      }
      assertEquals(replaced, 0, "views can be read");
      isRefused = false;
      change(db, random);
      await shipping.flush();
      await file.follow(store, NEVER);
      assertContent(contentOf(openOn(file.view, { readOnly: true })), contentOf(db));
      assertEquals(replaced, 2);
      file.close();
      const again = new ReplicaFile(`${dir}/replica`, () => {});
      assertContent(contentOf(openOn(again.view, { readOnly: true })), contentOf(db));
      again.close();
    }));

  it("stays at its version before a damaged object, and goes on when that is whole", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      using db = open(`${dir}/db`);
      await using shipping = archive(db, store, SLOW);
      await shipping.flush();
      await using replica = await openReplica(`${dir}/replica`, { from: store, ...FAST });
      const whole = store.put.bind(store);
      store.put = (name, bytes) => whole(name, bytes.slice(0, -1));
      set(db, "a", 1);
      await shipping.flush();
      await until(() => replica.stats().failure !== undefined);
      assert(replica.stats().failure!.includes("the sum of the content does not match"));
      assertEquals([replica.version, replica.db.trees()], [0, []]);
      store.objects.delete(store.puts.at(-1)!);
      await shipping.close();
      store.put = whole;
      await using _again = archive(db, store, SLOW);
      await replica.reaches(1);
      assertContent(contentOf(replica.db), contentOf(db));
    }));

  it("becomes a database of its own when it is promoted, without its store", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      {
        using db = open(`${dir}/db`);
        await using shipping = archive(db, store, FAST);
        set(db, "a", 1);
        await shipping.flush();
        const replica = await openReplica(`${dir}/replica`, { from: store, ...FAST });
        set(db, "b", 2);
        set(db, "large", 2, 700_000);
        await replica.reaches(db.version);
        assertThrows(() => open(`${dir}/replica`), LockedError);
        store.before = () => {
          throw new Error("down");
        };
        await replica.promote();
        store.before = () => {};
        assertEquals((await verify(`${dir}/replica`)).findings, []);
        using promoted = open(`${dir}/replica`);
        assertEquals(promoted.version, db.version);
        assertContent(contentOf(promoted), contentOf(db));
        set(promoted, "own", 3);
        set(db, "own", 4);
        await assertRejects(() => archive(promoted, store).flush(), RangeError, "another database");
      }
      const opening = openReplica(`${dir}/replica`, { from: store });
      await assertRejects(() => opening, CorruptionError, "not the file of a replica");
      assertEquals(names(dir), ["db", "replica"]);
    }));

  it("is refused as a database, and refuses other files, archives and arguments", () =>
    inTempDir(async (dir) => {
      const store = new MemoryStore();
      const opening = (path: string, options: object = {}) =>
        openReplica(path, { from: store, ...options });
      await assertRejects(() => opening(`${dir}/replica`), RangeError, "the archive has no base");
      assertEquals(names(dir), []);
      {
        using db = open(`${dir}/db`);
        set(db, "a", 1);
        await using _shipping = archive(db, store, SLOW);
      }
      await assertRejects(() => opening(`${dir}/db`), CorruptionError, "not the file of a replica");
      {
        await using _replica = await opening(`${dir}/replica`);
        await assertRejects(() => opening(`${dir}/replica`), LockedError);
      }
      assertThrows(() => open(`${dir}/replica`), CorruptionError, "not a Quire database");
      await assertRejects(() => opening(`${dir}/replica`, { everyMs: 0 }), RangeError, "everyMs 0");
      await assertRejects(() => opening(`${dir}/replica`, { every: 1 }), TypeError, "unknown");
      await assertRejects(() => opening(`${dir}/replica`, { from: {} }), TypeError, "no put()");
      const bytes = Deno.readFileSync(`${dir}/replica`);
      Deno.writeFileSync(`${dir}/replica`, bytes.subarray(0, -1));
      await assertRejects(() => opening(`${dir}/replica`), CorruptionError, "ends before its last");
      bytes[8192 + 50]! ^= 1;
      Deno.writeFileSync(`${dir}/replica`, bytes);
      await assertRejects(() => opening(`${dir}/replica`), CorruptionError, "sum does not match");
      const other = new MemoryStore();
      {
        using db = open(`${dir}/other`);
        for (let i = 0; i < 5; i++) set(db, "a", i);
        await using _shipping = archive(db, other, SLOW);
      }
      bytes[8192 + 50]! ^= 1;
      Deno.writeFileSync(`${dir}/replica`, bytes);
      await using replica = await opening(`${dir}/replica`, { from: other, ...FAST });
      await until(() => replica.stats().failure !== undefined);
      assert(replica.stats().failure!.includes("it is of another database"));
      assertEquals([replica.version, replica.db.tree("t").count()], [1, 1]);
    }));
});
