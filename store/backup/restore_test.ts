// Restore: a chain of a base and increments, and every chain that is refused: with gaps, of another
// database or history, in another order, damaged anywhere, or cut anywhere.

import { crc32 } from "node:zlib";
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, IoError, LockedError } from "../../pager/mod.ts";
import {
  assertContent,
  bytesOf,
  type Content,
  contentOf,
} from "../../tests/support/databases/database.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { restore } from "../restore.ts";
import { verify } from "../verify/verify.ts";
import type { BackupResult } from "./backup.ts";

const KEYS = 2000;

function fill(db: Database, seed: number, from = 0, to = KEYS): void {
  db.writeSync((tx) => {
    for (let i = from; i < to; i++) tx.tree("t").set(`key ${i}`, bytesOf(seed + i, 500));
  });
}

function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

/** A base, the increments 1 to 3, and the content at the end of each, in a folder. */
async function makeChain(dir: string): Promise<{ contents: Content[]; results: BackupResult[] }> {
  using db = open(`${dir}/db`);
  fill(db, 1);
  const contents = [contentOf(db)];
  const results = [await db.backup(`${dir}/base`)];
  const next = async (name: string) => {
    contents.push(contentOf(db));
    results.push(await db.backup(`${dir}/${name}`, { since: results.at(-1)!.version }));
  };
  fill(db, 2, 0, 20);
  db.tree("large").set("one", bytesOf(3, 300_000));
  await next("1");
  db.writeSync((tx) => tx.tree("t").deleteRange({ gte: "key 1", lt: "key 3" }));
  db.dropTree("large");
  await next("2");
  fill(db, 3);
  await next("3");
  return { contents, results };
}

describe("restore()", () => {
  it("builds each version of a chain, which verify passes", () =>
    inTempDir(async (dir) => {
      const { contents, results } = await makeChain(dir);
      for (let count = 0; count < contents.length; count++) {
        const increments = ["1", "2", "3"].slice(0, count).map((name) => `${dir}/${name}`);
        const { version } = await restore(`${dir}/to ${count}`, `${dir}/base`, ...increments);
        assertEquals(version, results[count]!.version);
        const { ok, findings } = await verify(`${dir}/to ${count}`);
        assert(ok, JSON.stringify(findings));
        using db = open(`${dir}/to ${count}`);
        assertContent(contentOf(db), contents[count]!);
        fill(db, 9);
        db.close();
        assert((await verify(`${dir}/to ${count}`)).ok);
      }
      assert(namesIn(dir).every((name) => !name.includes("unfinished")));
    }));

  it("takes an increment of a restored database, and one without changes", () =>
    inTempDir(async (dir) => {
      const { results } = await makeChain(dir);
      await restore(`${dir}/new`, `${dir}/base`, `${dir}/1`);
      const since = results[1]!.version;
      let content: Content;
      {
        using db = open(`${dir}/new`);
        assertEquals((await db.backup(`${dir}/none`, { since })).pages, 0);
        fill(db, 5, 0, 50);
        content = contentOf(db);
        await db.backup(`${dir}/other 2`, { since });
      }
      const chain = ["base", "1", "none", "other 2"].map((name) => `${dir}/${name}`);
      await restore(`${dir}/to`, chain[0]!, ...chain.slice(1));
      using db = open(`${dir}/to`);
      assertContent(contentOf(db), content);
    }));

  it("refuses gaps, another order, another database and another history", () =>
    inTempDir(async (dir) => {
      const { results } = await makeChain(dir);
      {
        using other = open(`${dir}/other`);
        fill(other, 1);
        await other.backup(`${dir}/other 1`, { since: 1 });
        // It continues the base on its own, up to the version where increment 2 begins.
        Deno.copyFileSync(`${dir}/base`, `${dir}/own`);
        using own = open(`${dir}/own`);
        while (own.version < results[1]!.version) fill(own, own.version, 100, 105);
        // Its close packs nothing, as that would be further versions.
        own.snapshot();
      }
      const refused: [names: string[], says: string][] = [
        [["base", "2"], "2 begins at version "],
        [["base", "1", "3"], "3 begins at version "],
        [["base", "2", "1"], "2 begins at version "],
        [["base", "1", "1"], "1 begins at version "],
        [["base", "other 1"], "other 1 is of another database than "],
        [["own", "2"], "2 does not fit: the base has another history"],
      ];
      const before = namesIn(dir);
      for (const [[base, ...increments], says] of refused) {
        const paths = increments.map((name) => `${dir}/${name}`);
        await assertRejects(
          () => restore(`${dir}/to`, `${dir}/${base}`, ...paths),
          RangeError,
          says,
        );
      }
      assertEquals(namesIn(dir), before);
    }));

  it("refuses what is no increment, no base, missing, taken or locked", () =>
    inTempDir(async (dir) => {
      await makeChain(dir);
      const of = (name: string) => `${dir}/${name}`;
      const before = namesIn(dir);
      const { path } = await assertRejects(
        () => restore(of("to"), of("base"), of("base")),
        CorruptionError,
        "not an increment of a Quire database",
      );
      assertEquals(path, of("base"));
      await assertRejects(
        () => restore(of("to"), of("1")),
        CorruptionError,
        "not a Quire database",
      );
      await assertRejects(() => restore(of("to"), of("none")), IoError, "Cannot open ");
      await assertRejects(() => restore(of("to"), of("base"), of("none")), IoError, "Cannot open ");
      await assertRejects(() => restore(of("1"), of("base")), IoError, "it already exists");
      await assertRejects(() => restore(of("base"), of("base")), IoError, "it already exists");
      using _writer = open(of("db"));
      await assertRejects(() => restore(of("to"), of("db")), LockedError);
      assertEquals(namesIn(dir), before);
    }));

  it("refuses an increment that is damaged or cut anywhere", () =>
    inTempDir(async (dir) => {
      await makeChain(dir);
      const whole = Deno.readFileSync(`${dir}/1`);
      const random = new Random(20);
      const cuts = [0, 1, 127, 128, 136, whole.length - 24, whole.length - 1];
      const images = cuts.map((length) => whole.slice(0, length));
      const flips = [0, 9, 30, 45, 57, 100, 125, 129, 133, 140, 8000, whole.length - 1];
      for (let i = 0; i < 12; i++) flips.push(random.below(whole.length));
      for (const at of flips) {
        const bytes = whole.slice();
        bytes[at]! ^= 1 << random.below(8);
        images.push(bytes);
      }
      images.push(new Uint8Array([...whole, 0]));
      const before = namesIn(dir);
      for (const [index, bytes] of images.entries()) {
        Deno.writeFileSync(`${dir}/1`, bytes);
        const error = await restore(`${dir}/to`, `${dir}/base`, `${dir}/1`).then(
          () => undefined,
          (error) => error,
        );
        assert(error instanceof CorruptionError, `image ${index}: ${error}`);
        assertEquals(error.path, `${dir}/1`);
      }
      assertEquals(namesIn(dir), before);
    }));

  it("refuses facts that would make a file that cannot be opened", () =>
    inTempDir(async (dir) => {
      await makeChain(dir);
      const whole = Deno.readFileSync(`${dir}/1`);
      const view = new DataView(whole.buffer);
      const chunks = Math.ceil(view.getUint32(56, true) / 256);
      view.setUint32(56, chunks * 256, true);
      view.setUint32(68, chunks + 1, true);
      view.setUint32(124, crc32(whole.subarray(0, 124)), true);
      view.setUint32(whole.length - 4, crc32(whole.subarray(0, whole.length - 4)), true);
      Deno.writeFileSync(`${dir}/1`, whole);
      const { path } = await assertRejects(
        () => restore(`${dir}/to`, `${dir}/base`, `${dir}/1`),
        CorruptionError,
        "hint past the last chunk",
      );
      assertEquals(path, `${dir}/1`);
      await assertRejects(() => Deno.stat(`${dir}/to`), Deno.errors.NotFound);
    }));

  it("refuses a page behind the record of its chunk", () =>
    inTempDir(async (dir) => {
      await makeChain(dir);
      const whole = Deno.readFileSync(`${dir}/1`);
      const view = new DataView(whole.buffer);
      let chunk = 128;
      while (view.getUint32(chunk, true) === 1) chunk += 8 + 32 + 8192;
      const [page, rest] = [whole.slice(128, 8360), whole.slice(8360, chunk + 40)];
      whole.set(rest, 128);
      whole.set(page, 128 + rest.length);
      view.setUint32(whole.length - 4, crc32(whole.subarray(0, whole.length - 4)), true);
      Deno.writeFileSync(`${dir}/1`, whole);
      await assertRejects(
        () => restore(`${dir}/to`, `${dir}/base`, `${dir}/1`),
        CorruptionError,
        "follows the record of its chunk",
      );
    }));

  it("refuses a base that is damaged", () =>
    inTempDir(async (dir) => {
      await makeChain(dir);
      const bytes = Deno.readFileSync(`${dir}/base`);
      bytes[50 * 8192 + 77]! ^= 4;
      Deno.writeFileSync(`${dir}/base`, bytes);
      const error = await restore(`${dir}/to`, `${dir}/base`, `${dir}/1`).catch((error) => error);
      assertEquals([error.name, error.page, error.path], ["CorruptionError", 50, `${dir}/base`]);
      await assertRejects(() => Deno.stat(`${dir}/to`));
    }));
});

describe("Database.backup() of an increment", () => {
  it("reads headers and changed pages only, and writes these", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/db`;
      {
        using db = open(path);
        for (let i = 0; i < 20; i++) db.tree("large").set(`${i}`, bytesOf(i, 1 << 20));
        fill(db, 1);
      }
      using db = open(path);
      const base = await db.backup(`${dir}/base`);
      assertLess(base.pages * 8192, base.bytesRead);
      fill(db, 2, 7, 8);
      db.checkpoint();
      const { pages, bytesRead, bytesWritten } = await db.backup(`${dir}/1`, {
        since: base.version,
      });
      const chunks = Math.ceil(db.stats().pageCount / 256);
      assertLess(pages, 10);
      assertLess(bytesRead, (2 * chunks + pages) * 8192);
      assertLess(bytesWritten, pages * 8300 + chunks * 40 + 200);
      // Pages that memory has newer than the file are not read.
      fill(db, 3, 7, 8);
      const since = db.version - 1;
      const fromMemory = await db.backup(`${dir}/2`, { since });
      db.checkpoint();
      const fromFile = await db.backup(`${dir}/3`, { since });
      assertEquals(fromMemory.pages, fromFile.pages);
      assertEquals(fromFile.bytesRead - fromMemory.bytesRead, fromFile.pages * 8192);
    }));

  it("refuses a version that the database has not reached", async () => {
    using db = open(":memory:");
    fill(db, 1);
    for (const since of [-1, 2, 0.5, NaN]) {
      await assertRejects(() => db.backup(new WritableStream(), { since }), RangeError, "since ");
    }
  });

  it("to a stream is the same", () =>
    inTempDir(async (dir) => {
      using db = open(":memory:");
      fill(db, 1);
      const { version: since } = await db.backup(`${dir}/base`);
      fill(db, 2, 0, 30);
      await db.backup(`${dir}/1`, { since });
      using file = Deno.openSync(`${dir}/2`, { write: true, create: true });
      await db.backup(file.writable, { since });
      assertEquals(Deno.readFileSync(`${dir}/2`), Deno.readFileSync(`${dir}/1`));
    }));
});
