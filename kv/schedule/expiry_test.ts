/** Expiry: the index keeps step with the entries, and what is due is removed, never early. */

import { setTimeout } from "node:timers/promises";
import { assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { open } from "../../mod.ts";
import { reportsOf } from "../../tests/support/reports.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { KvU64 } from "../api/u64.ts";
import { treesOf } from "../format/trees.ts";
import { openKv } from "../open.ts";
import { Expiry } from "./expiry.ts";

/** Waits until a key has no entry. Returns the date. */
async function gone(kv: Awaited<ReturnType<typeof openKv>>, key: string[]): Promise<number> {
  for await (const [entry] of kv.watch([key])) if (entry.versionstamp === null) break;
  return Date.now();
}

describe("expiry", () => {
  it("removes an entry after its time, wakes watchers, and empties the index", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    await kv.set(["a"], 1, { expireIn: 60_000 });
    await kv.set(["b"], 1, { expireIn: 60_000 });
    assertEquals((await kv.get(["a"])).value, 1);
    const date = Date.now() + 50;
    await kv.set(["a"], 1, { expireIn: 50 });
    assertGreaterOrEqual(await gone(kv, ["a"]), date);
    assertEquals(treesOf(db).expiry.count(), 1);
    assertEquals((await kv.get(["b"])).value, 1);
  });

  it("is cleared by a plain set, by a removal and by arithmetic", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    const { expiry } = treesOf(db);
    const expireIn = 60_000;
    await kv.atomic().set(["a"], 1, { expireIn }).set(["a"], 2, { expireIn }).commit();
    assertEquals(expiry.count(), 1);
    await kv.set(["a"], 3);
    assertEquals(expiry.count(), 0);
    await kv.set(["b"], 1, { expireIn });
    await kv.delete(["b"]);
    await kv.set(["c"], new KvU64(1n), { expireIn });
    await kv.atomic().sum(["c"], 1n).commit();
    assertEquals(expiry.count(), 0);
  });

  it("removes entries that became due while the database was closed", async () => {
    using db = open(":memory:");
    const before = await openKv(db);
    const operation = before.atomic();
    for (let i = 0; i < 2500; i++) operation.set(["many", i], i, { expireIn: 1 });
    await operation.set(["kept"], 1).commit();
    before.close();
    await setTimeout(10);
    assertEquals(treesOf(db).entries.count(), 2501);
    using kv = await openKv(db);
    await gone(kv, ["many", 2499] as never);
    while (treesOf(db).entries.count() > 1) await setTimeout(1);
    assertEquals(treesOf(db).expiry.count(), 0);
  });

  it("reports that the database refuses writes, and waits before it tries again", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    await kv.set(["a"], 1, { expireIn: 5 });
    let count = 0;
    const reports = await reportsOf(async () => {
      db.write = () => Promise.reject(new Error(`refused ${++count}`));
      while (count === 0) await setTimeout(1);
      await setTimeout(20);
    });
    assertEquals([count, reports.length], [1, 1]);
    assertMatch(reports[0]!, /^Cannot remove what has expired; it is tried again: .*refused 1/);
  });

  it("leaves what has expired where nothing can be removed, and reports nothing", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/a.quire`;
      {
        using kv = await openKv(path);
        await kv.set(["a"], 1, { expireIn: 1 });
      }
      using db = open(path, { readOnly: true });
      const reports = await reportsOf(async () => {
        using kv = await openKv(db);
        await setTimeout(20);
        assertEquals((await kv.get(["a"])).value, 1);
      });
      assertEquals(reports, []);
    }));

  it("keeps an entry that another program set anew, and forgets what is in the index", async () => {
    using db = open(":memory:");
    using kv = await openKv(db);
    const { entries, expiry } = treesOf(db);
    await kv.set(["a"], "expires", { expireIn: 20 });
    await entries.delete(["a"]);
    await kv.set(["a"], "stays");
    while (expiry.count() > 0) await setTimeout(5);
    assertEquals((await kv.get(["a"])).value, "stays");
  });

  it("hides what is due, if that is asked for, from reads, checks and sums", async () => {
    using db = open(":memory:");
    using plain = await openKv(db);
    using kv = await openKv(db, { expired: "hidden" });
    await plain.set(["a"], new KvU64(5n), { expireIn: 1 });
    const until = performance.now() + 20;
    // Without a turn of the event loop nothing is removed.
    while (performance.now() < until);
    const missing = { key: ["a"], versionstamp: null };
    const results = [
      plain.get<KvU64>(["a"]),
      kv.get(["a"]),
      Array.fromAsync(kv.list({ prefix: [] })),
      kv.atomic().check(missing).sum(["a"], 2n).commit(),
    ] as const;
    const [visible, hidden, listed, summed] = await Promise.all(results);
    assertEquals([visible.value, hidden.value, listed], [new KvU64(5n), null, []]);
    assertEquals(summed.ok, true);
    assertEquals((await kv.get(["a"])).value, new KvU64(2n));
  });

  it("removes what a process has set that is gone, in a shared database", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/a.quire`, { shared: true });
      const expiry = new Expiry(db, treesOf(db), { lookMs: 5 });
      expiry.start();
      const other = open(`${dir}/a.quire`, { shared: true });
      const kv = await openKv(other);
      await kv.set(["a"], 1, { expireIn: 1 });
      kv.close();
      other.close();
      while (treesOf(db).expiry.count() > 0) await setTimeout(1);
      expiry.stop();
      assertEquals(treesOf(db).entries.count(), 0);
    }));
});
