// Compact copies: their content and size, what writers do meanwhile, and what is refused.

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, IoError, SnapshotTooOldError } from "../../pager/mod.ts";
import { HeapMemory } from "../../pager/native/frame_memory.ts";
import { assertContent, bytesOf, contentOf } from "../../tests/support/databases/database.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { json, string } from "../codec/mod.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { verify } from "../verify/verify.ts";

const MIB = 1024 * 1024;
const LENGTHS = [10, 300, 2100, 3000, 9000, 700_000];

/** Sets and deletes keys of two trees at random, so that leaves are thin and pages are free. */
function churn(db: Database, seed: number, rounds: number): void {
  const random = new Random(seed);
  for (let round = 0; round < rounds; round++) {
    db.writeSync((tx) => {
      for (let i = 0; i < 300; i++) {
        const tree = tx.tree(random.pick(["a", "b"]));
        const key = `key ${random.below(5000)}`;
        if (random.once(2)) tree.delete(key);
        else tree.set(key, bytesOf(i, random.once(100) ? random.pick(LENGTHS) : 100));
      }
    }, { durability: "none" });
  }
}

function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

const sizeOf = (path: string) => Deno.statSync(path).size;

/** The most frames that an action has besides those that were there before. */
async function framesBesides(action: () => Promise<unknown>): Promise<number> {
  const { take, giveBack } = HeapMemory.prototype;
  let [frames, most] = [0, 0];
  HeapMemory.prototype.take = function () {
    most = Math.max(most, ++frames);
    return take.call(this);
  };
  HeapMemory.prototype.giveBack = function (bytes) {
    frames--;
    giveBack.call(this, bytes);
  };
  try {
    await action();
  } finally {
    Object.assign(HeapMemory.prototype, { take, giveBack });
  }
  return most;
}

describe("Database.backup() with compact", () => {
  it("takes two frames at most besides the cache, which is full", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`, { cacheBytes: 8 * MIB });
      const key = (i: number) => String(i).padStart(6, "0");
      db.writeSync((tx) => {
        for (let i = 0; i < 24_000; i++) tx.tree("t").set(key(i), bytesOf(i, 900));
        for (let i = 0; i < 600; i++) tx.tree("shared").set(key(i), bytesOf(i, 3000));
        for (let i = 0; i < 40; i++) tx.tree("runs").set(key(i), bytesOf(i, 50_000));
      });
      for (const _ of db.tree("t").entries());
      const frames = await framesBesides(() => db.backup(`${dir}/to`, { compact: true }));
      assert(frames >= 1 && frames <= 2, `${frames} frames`);
      assert((await verify(`${dir}/to`)).ok);
    }));

  it("makes a closed database with the same entries in as few pages as a load", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`);
      const words = db.tree("words", { key: string, value: json });
      await words.set("one", [1]);
      churn(db, 1, 60);
      const content = contentOf(db, ["a", "b"]);
      const done: number[] = [];
      const result = await db.backup(`${dir}/to`, {
        compact: true,
        onProgress: (progress) => {
          assertEquals(progress.phase, "entries");
          assert(progress.done <= progress.total);
          if (progress.done === progress.total) done.push(progress.done);
        },
      });
      await db.backup(`${dir}/whole`);
      assertEquals([done.length, namesIn(dir)], [1, ["from", "to", "whole"]]);
      const { ok, recovery, pages } = await verify(`${dir}/to`);
      assertEquals([ok, recovery], [true, undefined]);
      assertEquals(result.version, db.version);
      assertEquals([result.pages, result.bytesWritten], [pages, sizeOf(`${dir}/to`)]);
      assertLess(sizeOf(`${dir}/to`), 0.8 * sizeOf(`${dir}/whole`));
      using copy = open(`${dir}/to`);
      assertContent(contentOf(copy, ["a", "b"]), content);
      assertEquals(copy.tree("words", { key: string, value: json }).get("one"), [1]);
      const { pageCount } = copy.stats();
      // Header pages, superblocks, and less than the largest value has.
      assertLess(pageCount - pages, 96 + pageCount / 200);
      churn(copy, 2, 3);
      copy.close();
      assert((await verify(`${dir}/to`)).ok);
    }));

  it("shows one version, whatever is written meanwhile", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`);
      churn(db, 3, 30);
      const content = contentOf(db);
      const copying = db.backup(`${dir}/to`, { compact: true });
      for (let round = 0; round < 20; round++) {
        churn(db, 100 + round, 1);
        await new Promise((resolve) => setTimeout(resolve));
      }
      await copying;
      using copy = open(`${dir}/to`, { readOnly: true });
      assertContent(contentOf(copy), content);
    }));

  it("copies a database without trees, and trees without entries", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`);
      await db.backup(`${dir}/none`, { compact: true });
      await db.tree("empty").set("key", new Uint8Array(1));
      await db.tree("empty").delete("key");
      await db.backup(`${dir}/to`, { compact: true });
      using none = open(`${dir}/none`, { readOnly: true });
      using copy = open(`${dir}/to`, { readOnly: true });
      assertEquals([none.trees(), copy.trees()], [[], ["empty"]]);
    }));

  it("leaves nothing when old pages exceed their memory, on an abort, or on a close", () =>
    inTempDir(async (dir) => {
      const db = open(`${dir}/from`, { maxSnapshotBytes: 1024 * 1024 });
      churn(db, 4, 40);
      const copying = db.backup(`${dir}/to`, { compact: true });
      copying.catch(() => {});
      for (let round = 0; round < 30; round++) churn(db, 200 + round, 1);
      await assertRejects(() => copying, SnapshotTooOldError);
      const controller = new AbortController();
      const options = { compact: true, signal: controller.signal };
      const aborted = db.backup(`${dir}/to`, {
        ...options,
        onProgress: () => controller.abort(new Error("enough")),
      });
      controller.abort(new Error("enough"));
      await assertRejects(() => aborted, Error, "enough");
      const closed = db.backup(`${dir}/to`, { compact: true });
      closed.catch(() => {});
      db.close();
      await assertRejects(() => closed, ClosedError);
      assertEquals(namesIn(dir), ["from"]);
    }));

  it("refuses a path that exists, a stream, an increment, and a wrong option", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/from`);
      churn(db, 5, 2);
      const to = `${dir}/to`;
      Deno.writeTextFileSync(to, "mine");
      for (const path of [to, `${dir}/from`, `${dir}/none/to`]) {
        await assertRejects(() => db.backup(path, { compact: true }), IoError, "Cannot create");
      }
      assertEquals(Deno.readTextFileSync(to), "mine");
      const stream = new WritableStream<Uint8Array>();
      await assertRejects(() => db.backup(stream, { compact: true }), TypeError, "not to a stream");
      const both = { compact: true, since: 0 };
      await assertRejects(() => db.backup(`${dir}/2`, both), TypeError, "leave out since");
      const wrong = { compact: 1 as unknown as boolean };
      await assertRejects(() => db.backup(`${dir}/2`, wrong), TypeError, "compact is number");
      assertEquals(namesIn(dir), ["from", "to"]);
    }));
});
