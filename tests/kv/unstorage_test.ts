/**
 * The driver of the package unstorage for Deno KV, whose storages Nitro and Nuxt use, on `openKv`.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createStorage, restoreSnapshot, snapshot, type Storage } from "unstorage";
import driver from "unstorage/drivers/deno-kv";
import { treesOf } from "../../kv/format/trees.ts";
import { openKv } from "../../kv/mod.ts";
import { open } from "../../mod.ts";

/** Runs a test with a storage on a database in memory. */
async function withStorage(
  body: (storage: Storage, db: ReturnType<typeof open>) => Promise<void>,
  options: { base?: string; ttl?: number } = {},
): Promise<void> {
  using db = open(":memory:");
  const storage = createStorage({ driver: driver({ ...options, openKv: () => openKv(db) }) });
  try {
    await body(storage, db);
  } finally {
    await storage.dispose();
  }
}

describe("unstorage's driver for Deno KV", () => {
  it("sets, gets, tests and removes items", () =>
    withStorage(async (storage) => {
      assertEquals([await storage.hasItem("a:b"), await storage.getItem("a:b")], [false, null]);
      await storage.setItem("a:b", { text: "\u00e9", list: [1, null] });
      await storage.setItem("a:c", "text");
      assertEquals(await storage.getItem("a:b"), { text: "\u00e9", list: [1, null] });
      assertEquals([await storage.hasItem("a:b"), await storage.getItem("a:c")], [true, "text"]);
      await storage.setItem("a:b", 5);
      await storage.removeItem("a:c");
      assertEquals([await storage.getItem("a:b"), await storage.getItem("a:c")], [5, null]);
    }));

  it("keeps bytes as they are", () =>
    withStorage(async (storage) => {
      const bytes = new Uint8Array(100_000).fill(7);
      await storage.setItemRaw("bytes", bytes);
      assertEquals(await storage.getItemRaw("bytes"), bytes);
    }));

  it("lists keys below a base, and clears all, many at a time", () =>
    withStorage(async (storage) => {
      const items = Array.from({ length: 250 }, (_, i) => ({ key: `list:${i}`, value: i }));
      await storage.setItems(items);
      await storage.setItem("other", 1);
      assertEquals((await storage.getKeys("list")).length, 250);
      assertEquals((await storage.getKeys()).length, 251);
      assertEquals((await storage.getItems(["list:3", "other"])).map(({ value }) => value), [3, 1]);
      await storage.clear();
      assertEquals(await storage.getKeys(), []);
    }));

  it("puts keys below the base of the driver, and takes a snapshot and restores it", () =>
    withStorage(async (storage, db) => {
      await storage.setItem("s:a", 1);
      await storage.setItem("s:b", { c: 2 });
      assertEquals(treesOf(db).entries.keys().toArray(), [
        ["base", "of", "all", "s", "a"],
        ["base", "of", "all", "s", "b"],
      ]);
      const saved = await snapshot(storage, "s");
      await storage.clear();
      assertEquals(await storage.getKeys(), []);
      await restoreSnapshot(storage, saved, "s");
      assertEquals(await storage.getItem("s:b"), { c: 2 });
    }, { base: "base:of:all" }));

  it("gives items the time to live of the driver, or their own", () =>
    withStorage(async (storage, db) => {
      const now = Date.now();
      await storage.setItem("a", 1);
      await storage.setItem("b", 1, { ttl: 7200 });
      const waits = treesOf(db).entries.values().map(({ expiresAt }) => expiresAt - now).toArray();
      assertEquals(waits.map((wait) => Math.floor(wait / 3_600_000)), [1, 2]);
    }, { ttl: 3600 }));
});
