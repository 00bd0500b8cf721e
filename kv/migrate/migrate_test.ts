/** Migrations between Quire files: what is kept, what is refused, and how they continue. */

import { assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { IoError, LockedError, open } from "../../mod.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { encodeKey } from "../format/key.ts";
import { kvKey, treesOf } from "../format/trees.ts";
import { openKv } from "../open.ts";
import { migrateKv, type MigrateOptions } from "./migrate.ts";
import { QuireSide } from "./quire_side.ts";

/** Creates a file with entries, every second of which expires in an hour, and returns them. */
async function makeSource(path: string, count: number): Promise<unknown[]> {
  using kv = await openKv(path);
  for (let at = 0; at < count; at += 100) {
    const operation = kv.atomic();
    for (let i = at; i < Math.min(at + 100, count); i++) {
      operation.set(
        ["k", i],
        { i, text: "x".repeat(i) },
        i % 2 === 0 ? {} : { expireIn: 3_600_000 },
      );
    }
    await operation.commit();
  }
  return await Array.fromAsync(kv.list({ prefix: [] }));
}

async function entriesIn(path: string): Promise<unknown[]> {
  using kv = await openKv(path);
  return await Array.fromAsync(kv.list({ prefix: [] }));
}

/** Adds the first entries of one file to another, as a migration that was interrupted has done. */
async function addSome(from: string, to: string, batches: number): Promise<void> {
  const source = new QuireSide(from, { readOnly: true, lockTimeoutMs: 0 });
  const target = new QuireSide(to, { readOnly: false, lockTimeoutMs: 0 });
  const entries = await source.read(undefined);
  for (let i = 0; i < batches; i++) await target.add(entries.slice(100 * i, 100 * (i + 1)));
  source.close();
  target.close();
}

describe("migrateKv()", () => {
  it("keeps keys, values, versions and expiry of a Quire file", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      const entries = await makeSource(from, 1234);
      const before = Deno.readFileSync(from);
      const progress: number[] = [];
      const result = await migrateKv(from, to, { onProgress: (count) => progress.push(count) });
      const { comparison: { source, target } } = result;
      assertEquals([result.added, result.found, result.difference], [1234, 0, undefined]);
      assertEquals([source, target.entries, progress.at(-1)], [target, 1234, 1234]);
      assertMatch(source.sha256, /^[0-9a-f]{64}$/);
      assertEquals(Deno.readFileSync(from), before);
      assertEquals(await entriesIn(to), entries);
      using db = open(to);
      const trees = treesOf(db);
      assertEquals(trees.expiry.count(), 617);
      for (const [[expiresAt, version, ordinal], key] of trees.expiry.entries()) {
        const record = trees.entries.get(key)!;
        assertEquals([record.expiresAt, record.version, record.ordinal], [
          expiresAt,
          version,
          ordinal,
        ]);
      }
      using kv = await openKv(db);
      const { versionstamp } = await kv.set(["new"], 1);
      assertGreater(versionstamp, "000000000000000d0000");
    }));

  it("takes file URLs", () =>
    inTempDir(async (dir) => {
      await makeSource(`${dir}/from.quire`, 1);
      const [from, to] = [new URL(`file://${dir}/from.quire`), new URL(`file://${dir}/to.quire`)];
      assertEquals((await migrateKv(from, to)).difference, undefined);
      await assertRejects(() => migrateKv(from, from), TypeError, "both are the same");
    }));

  it("leaves out entries that are due, and says which messages it leaves", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      const kv = await openKv(from);
      await kv.atomic().set(["stays"], 1).enqueue("a").enqueue("b").commit();
      kv.close();
      const side = new QuireSide(from, { readOnly: false, lockTimeoutMs: 0 });
      const versionstamp = "00000000000000020000";
      const due = { encoding: 3, data: new Uint8Array(1), versionstamp, expiresAt: 1 };
      await side.add([{ key: encodeKey(["due"]), ...due }, { key: encodeKey(["due", 2]), ...due }]);
      side.close();
      const result = await migrateKv(from, to);
      assertEquals([result.added, result.messagesLeft, result.difference], [1, 2, undefined]);
      assertEquals((await entriesIn(to)).length, 1);
    }));

  it("continues behind what an interrupted one has added", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      const entries = await makeSource(from, 700);
      await addSome(from, to, 3);
      await assertRejects(() => migrateKv(from, to), TypeError, "it has entries");
      const result = await migrateKv(from, to, { resume: true });
      assertEquals([result.found, result.added, result.difference], [300, 400, undefined]);
      assertEquals(await entriesIn(to), entries);
      const again = await migrateKv(from, to, { resume: true });
      assertEquals([again.found, again.added, again.difference], [700, 0, undefined]);
    }));

  it("refuses to continue into a target that is not the beginning of the source", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      await makeSource(from, 300);
      const changes: [(kv: Awaited<ReturnType<typeof openKv>>) => Promise<unknown>, RegExp][] = [
        [(kv) => kv.set(["k", 5.5], 1), /the source does not have \["k", 5\.5\]/],
        [(kv) => kv.delete(["k", 7]), /the target does not have \["k", 7\]/],
        [(kv) => kv.set(["k", 3], 1), /another value has \["k", 3\]/],
      ];
      for (const [change, says] of changes) {
        await addSome(from, to, 2);
        const kv = await openKv(to);
        await change(kv);
        kv.close();
        const before = await entriesIn(to);
        const error = await assertRejects(() => migrateKv(from, to, { resume: true }), TypeError);
        assertMatch(error.message, says);
        assertEquals(await entriesIn(to), before);
        Deno.removeSync(to);
      }
    }));

  it("finds a target that differs at the end", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      await makeSource(from, 300);
      await migrateKv(from, to);
      const db = open(from);
      // As a version that changed under the program's hands.
      await db.write((tx) => {
        const bytes = {
          name: "kv.record",
          encode: (b: Uint8Array) => b,
          decode: (b: Uint8Array) => b,
        };
        const tree = tx.tree("kv", { key: kvKey, value: bytes });
        const changed = tree.get(["k", 290])!;
        changed[8]! ^= 1;
        tree.set(["k", 290], changed);
      });
      db.close();
      const { difference } = await migrateKv(from, to, { resume: true }).catch((error) => ({
        difference: error.message as string,
      }));
      assertMatch(difference!, /another version has \["k", 290\]/);
    }));

  it("makes no Quire file of the empty one that a killed migration to Deno KV leaves", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.sqlite`];
      (await openKv(from)).close();
      Deno.createSync(to).close();
      // These tests run without the flag.
      const migration = migrateKv(from, to, { create: "deno", resume: true });
      await assertRejects(() => migration, TypeError, "without --unstable-kv");
      assertEquals(Deno.statSync(to).size, 0);
    }));

  it("refuses places that are missing, the same, locked or malformed, and creates nothing", () =>
    inTempDir(async (dir) => {
      const [from, to] = [`${dir}/from.quire`, `${dir}/to.quire`];
      await makeSource(from, 1);
      Deno.symlinkSync(from, `${dir}/link`);
      Deno.writeTextFileSync(`${dir}/native`, "SQLite format 3\0 and more");
      await assertRejects(() => migrateKv(`${dir}/none`, to), IoError, "o such file");
      await assertRejects(() => migrateKv(from, `${dir}/link`), TypeError, "both are the same");
      await assertRejects(() => migrateKv(from, from), TypeError, "both are the same");
      const misspelt = { creat: "deno" } as MigrateOptions;
      await assertRejects(() => migrateKv(from, to, misspelt), TypeError, "unknown option creat");
      const wrong = { create: "sqlite" } as unknown as MigrateOptions;
      await assertRejects(() => migrateKv(from, to, wrong), TypeError, "create cannot be sqlite");
      await assertRejects(() => migrateKv(7 as never, to), TypeError, "neither a path nor a URL");
      await assertRejects(() => migrateKv(":memory:", to), TypeError, "neither a path nor a URL");
      await assertRejects(() => migrateKv(from, ""), TypeError, "neither a path nor a URL");
      for (const place of [`${dir}/native`, "http://127.0.0.1:1"]) {
        await assertRejects(() => migrateKv(place, to), TypeError, "--unstable-kv");
        await assertRejects(() => migrateKv(from, place), TypeError, "--unstable-kv");
      }
      using _ = open(`${dir}/locked.quire`);
      await assertRejects(() => migrateKv(`${dir}/locked.quire`, to), LockedError);
      await assertRejects(() => migrateKv(from, `${dir}/locked.quire`), LockedError);
      const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      assertEquals(names, ["from.quire", "link", "locked.quire", "native"]);
    }));
});
