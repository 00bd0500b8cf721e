/** A handle: atomicity, limits, lists, streams, and the trees that hold the data. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../mod.ts";
import { inTempDir } from "../tests/support/temp.ts";
import type { KvKeyPart } from "./api/types.ts";
import { encodeKey } from "./format/key.ts";
import { NEVER } from "./format/record.ts";
import { kvKey, treesOf } from "./format/trees.ts";
import { versionstampOf } from "./format/versionstamp.ts";
import { openKv } from "./open.ts";
import { KvStore } from "./store.ts";
import { encodeValue } from "./value/value.ts";

describe("Kv", () => {
  it("changes nothing if a mutation of an operation fails", async () => {
    using kv = await openKv(":memory:");
    await kv.set(["text"], "x");
    const operation = kv.atomic().set(["a"], 1).enqueue("m").sum(["text"], 1n);
    await assertRejects(() => operation.commit(), TypeError, "non-U64");
    assertEquals((await kv.get(["a"])).versionstamp, null);
  });

  it("changes nothing if a check fails", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    await kv.set(["a"], 1);
    const { version } = db;
    const missing = { key: ["a"], versionstamp: null };
    assertEquals(await kv.atomic().check(missing).set(["b"], 1).commit(), { ok: false });
    assertEquals(db.version, version);
  });

  it("has no limits but those of the engine, unless they are asked for", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    const large = new Uint8Array(1_000_000).fill(7);
    const operation = kv.atomic();
    for (let i = 0; i < 2000; i++) operation.set([i], i);
    await operation.set(["large"], large).commit();
    assertEquals((await kv.get(["large"])).value, large);
    assertEquals((await kv.getMany(Array.from({ length: 50 }, (_, i) => [i]))).length, 50);
    const all = await Array.fromAsync(kv.list({ prefix: [] }, { batchSize: 1500 }));
    assertEquals(all.length, 2001);
    await kv.watch(Array.from({ length: 50 }, (_, i) => [i])).cancel();
    using strict = await openKv(db, { limits: "deno" });
    await assertRejects(() => strict.set(["large"], large), TypeError, "Value too large");
  });

  it("lists at one version in a batch, and continues after changes", async () => {
    using kv = await openKv(":memory:");
    const operation = kv.atomic();
    for (let i = 0; i < 5; i++) operation.set(["k", i], i);
    await operation.commit();
    const seen: unknown[] = [];
    for await (const { key, value } of kv.list({ prefix: ["k"] }, { batchSize: 2 })) {
      seen.push(value);
      await kv.delete(["k", (key[1] as number) + 1]);
    }
    assertEquals(seen, [0, 1, 3, 4]);
  });

  it("lists on behind an entry whose key the program changes", async () => {
    using kv = await openKv(":memory:");
    for (let i = 0; i < 10; i++) await kv.set(["a", i], i);
    for (const reverse of [false, true]) {
      const iterator = kv.list<number>({ prefix: ["a"] }, { batchSize: 3, reverse });
      const found: number[] = [];
      for await (const { key, value } of iterator) {
        found.push(value);
        (key as KvKeyPart[]).shift();
      }
      assertEquals(reverse ? found.reverse() : found, [...Array(10).keys()]);
    }
  });

  it("reads keys below the longest key, where no key can be", async () => {
    using kv = await openKv(":memory:");
    const longest = "k".repeat(2046);
    await kv.set([longest], 1);
    assertEquals(await Array.fromAsync(kv.list({ prefix: [longest] })), []);
    const range = { start: [longest], end: [`${longest}\0`] };
    assertEquals((await Array.fromAsync(kv.list({ start: [longest], end: ["l"] }))).length, 1);
    await assertRejects(() => Array.fromAsync(kv.list(range)), TypeError, "Key too large");
  });

  it("refuses a key that is too long with its versionstamp, and keeps the others", async () => {
    using kv = await openKv(":memory:");
    const stamped = (length: number) => ["k".repeat(length), kv.commitVersionstamp()];
    assertEquals((await kv.set(stamped(2024), 1)).ok, true);
    const tooLong = kv.atomic().set(["a"], 1).set(stamped(2025), 1);
    await assertRejects(() => tooLong.commit(), TypeError, "Key too large for write (max 2048");
    assertEquals((await kv.get(["a"])).value, null);
  });

  it("watches the longest bound, where no entry can be", async () => {
    const kv = await openKv(":memory:");
    const reader = kv.watch([["k".repeat(2047)]]).getReader();
    assertEquals((await reader.read()).value?.[0]?.value, null);
    const last = reader.read();
    kv.close();
    assertEquals((await last).done, true);
  });

  it("gives every watcher the last state, however many changes it missed", async () => {
    using kv = await openKv(":memory:");
    const reader = kv.watch<[number]>([["a"]]).getReader();
    assertEquals((await reader.read()).value?.[0].value, null);
    for (let i = 1; i <= 100; i++) await kv.set(["a"], i);
    let last: number | null = null;
    for (let reads = 0; last !== 100; reads++) {
      last = (await reader.read()).value![0].value;
      assertEquals(reads < 3, true, "it coalesces");
    }
  });

  it("ends its streams, and those of no other handle, when it is closed", async () => {
    using db = open(":memory:");
    const [a, b] = [await openKv(db), await openKv(db)];
    const readers = [a.watch([["x"]]).getReader(), b.watch([["x"]]).getReader()] as const;
    for (const reader of readers) await reader.read();
    a.close();
    assertEquals((await readers[0].read()).done, true);
    await b.set(["x"], 1);
    assertEquals((await readers[1].read()).value?.[0].value, 1);
    b.close();
    assertEquals((await readers[1].read()).done, true);
  });

  it("ends a stream with the error of a record that cannot be read", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    const reader = kv.watch([["x"]]).getReader();
    await reader.read();
    const nameless = { encode: (b: Uint8Array) => b, decode: (b: Uint8Array) => b };
    const next = reader.read();
    await db.write((tx) => {
      tx.tree("kv", { key: kvKey, value: nameless }).set(["x"], new Uint8Array([1]));
    });
    await assertRejects(() => next, TypeError, "too few");
  });

  it("ends its streams when the database of the program closes", async () => {
    const db = open(":memory:");
    const kv = await openKv(db);
    const reader = kv.watch([["x"]]).getReader();
    await reader.read();
    db.close();
    assertEquals((await reader.read()).done, true);
    kv.close();
  });

  it("has its data in trees that any program can read", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    await kv.set(["users", 1n], { name: "Ada" });
    const [key, record] = treesOf(db).entries.first()!;
    assertEquals([key, record.value, record.version], [["users", 1n], { name: "Ada" }, 1]);
    assertEquals(db.codecsOf("kv"), { key: "kv.key", value: "kv.record" });
  });

  it("stores the bytes of the call, although it waits for another process", () =>
    inTempDir(async (dir) => {
      using other = open(`${dir}/a.quire`, { shared: true });
      using db = open(`${dir}/a.quire`, { shared: true });
      using kv = await openKv(db);
      const bytes = new Uint8Array([1]);
      // The other handle has the write lock.
      const set = other.writeSync(() => ({ done: kv.set(["a"], bytes) }));
      bytes[0] = 2;
      await set.done;
      assertEquals((await kv.get(["a"])).value, new Uint8Array([1]));
    }));

  it("stores the keys and bytes of the call, although it waits for a blob", async () => {
    using kv = await openKv(":memory:");
    const [key, part, bytes] = [["a"], new Uint8Array([1]), new Uint8Array([1])];
    const operation = kv.atomic().set(key, new Blob(["x"])).set(["b", part], bytes);
    const committed = operation.commit();
    key[0] = "other";
    part[0] = bytes[0] = 2;
    await committed;
    const entries = await Array.fromAsync(kv.list({ prefix: [] }));
    assertEquals(entries.map((entry) => entry.key), [["a"], ["b", new Uint8Array([1])]]);
    assertEquals(entries[1]!.value, new Uint8Array([1]));
  });

  it("gives no version again that was seen of a commit which a crash has undone", () =>
    inTempDir(async (dir) => {
      const versionAfterCrash = async (path: string, copy: string): Promise<unknown[]> => {
        const db = open(path);
        using kv = await openKv(db);
        await kv.set(["kept"], 1);
        const lost = kv.set(["a"], "lost");
        // It is visible at once, and not in the file before the end of the turn.
        const reading = kv.get(["a"]);
        Deno.copyFileSync(path, copy);
        const [seen] = await Promise.all([reading, lost]);
        db.close();
        // Another program repairs the file first.
        open(copy).close();
        using after = await openKv(copy);
        const isLost = (await after.get(["a"])).versionstamp === null;
        await after.set(["a"], "other");
        const check = { key: ["a"], versionstamp: seen.versionstamp };
        return [isLost, (await after.atomic().check(check).set(["a"], "over it").commit()).ok];
      };
      assertEquals(await versionAfterCrash(`${dir}/a`, `${dir}/b`), [true, false]);
      const db = open(`${dir}/d`);
      const entry = { key: encodeKey(["x"]), ...encodeValue(1), expiresAt: NEVER };
      // Far above the versions of the file.
      await new KvStore(db).import([{ ...entry, versionstamp: versionstampOf(2 ** 40) }]);
      db.close();
      assertEquals(await versionAfterCrash(`${dir}/d`, `${dir}/e`), [true, false]);
    }));
});
