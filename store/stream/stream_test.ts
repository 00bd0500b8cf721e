// Replicas that follow a stream: what they show, cuts at any byte, streams one after another, and
// the streams that they refuse: foreign, damaged, with gaps, of another database or history.

import { assert, assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosedError, CorruptionError, IoError } from "../../pager/mod.ts";
import { assertContent, bytesOf, contentOf } from "../../tests/support/databases/database.ts";
import { MemoryStore } from "../../tests/support/databases/memory_store.ts";
import { Random } from "../../tests/support/random.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { archive, replicate } from "../archive.ts";
import type { Database } from "../database.ts";
import { open } from "../open.ts";
import { openReplica, type Replica } from "../replica.ts";
import { restore } from "../restore.ts";
import { verify } from "../verify/verify.ts";
import type { StreamOpener } from "./stream_source.ts";

const FAST = { everyMs: 1 };

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

function names(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** The chunks of a stream until a database is at a version, which the last of them has. */
async function chunksOf(db: Database, work: (next: () => Promise<void>) => Promise<void>) {
  const reader = replicate(db, FAST).getReader();
  const chunks: Uint8Array[] = [];
  const next = async () => void chunks.push((await reader.read()).value!);
  await next(); // The head.
  await work(next);
  await reader.cancel();
  return chunks;
}

function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks);
}

/** The bytes of a stream, in pieces of any size, up to a number of them. */
function cutAt(stream: ReadableStream<Uint8Array>, end: number, random: Random) {
  let left = end;
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        for (let at = 0; at < chunk.length && left > 0;) {
          const piece = chunk.slice(at, at + Math.min(left, 1 + random.below(chunk.length)));
          controller.enqueue(piece);
          at += piece.length;
          left -= piece.length;
        }
        if (left <= 0) controller.terminate();
      },
    }),
  );
}

async function expectSame(replica: Replica, db: Database): Promise<void> {
  await replica.reaches(db.version);
  assertContent(contentOf(replica.db), contentOf(db));
  const { ok, findings } = await replica.db.verify();
  assert(ok, JSON.stringify(findings));
}

/** A base, and two segments that follow it, each a chunk; the first is the head. */
async function threeSegments(db: Database): Promise<Uint8Array[]> {
  set(db, "a", 1);
  return await chunksOf(db, async (next) => {
    await next();
    for (const key of ["b", "c"]) {
      set(db, key, 2);
      await next();
    }
  });
}

describe("a replica that follows a stream", () => {
  it("shows each version that is sent, and becomes a database of its own", () =>
    inTempDir(async (dir) => {
      const random = new Random(7);
      using db = open(`${dir}/db`);
      // A base with parts.
      for (let i = 0; i < 6; i++) set(db, `large ${i}`, i, 900_000);
      const replica = await openReplica(`${dir}/replica`, { from: replicate(db, FAST) });
      for (let i = 0; i < 8; i++) {
        change(db, random);
        if (random.once(6)) db.checkpoint();
        if (random.once(9)) db.dropTree("large");
        await expectSame(replica, db);
      }
      assertEquals(replica.stats().failure, undefined);
      await replica.promote();
      assertEquals(names(dir), ["db", "replica"]);
      assert((await verify(`${dir}/replica`)).ok);
      using promoted = open(`${dir}/replica`);
      assertContent(contentOf(promoted), contentOf(db));
      set(promoted, "own", 1);
      const from = replicate(promoted, FAST);
      assertEquals(db.stats().snapshots, 0, "the stream that nobody reads has ended");
      await from.cancel();
    }));

  it("goes on after streams that are cut at any byte, without all pages again", () =>
    inTempDir(async (dir) => {
      const random = new Random(3);
      using db = open(`${dir}/db`);
      set(db, "large", 1, 2_000_000);
      const asked: (string | undefined)[] = [];
      let bytes = 0;
      const from: StreamOpener = (after) => {
        asked.push(after);
        const counted = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            bytes += chunk.length;
            controller.enqueue(chunk);
          },
        });
        const stream = replicate(db, { after, ...FAST }).pipeThrough(counted);
        return after === undefined ? stream : cutAt(stream, random.below(50_000), random);
      };
      const first = await openReplica(`${dir}/replica`, { from, ...FAST });
      await first.close();
      assertEquals(asked[0], undefined);
      await using replica = await openReplica(`${dir}/replica`, { from, ...FAST });
      const base = bytes;
      for (let i = 0; i < 40; i++) {
        set(db, `key ${random.below(40)}`, i, random.below(4000));
        await replica.reaches(db.version);
      }
      await expectSame(replica, db);
      assertGreater(asked.length, 4);
      assert(asked.slice(1).every((after) => after !== undefined));
      assertGreater(base * 4, bytes - base, "pages that had not changed did not come again");
    }));

  it("takes part in a database with an archive and other streams, one of which rests", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const store = new MemoryStore();
      await using shipping = archive(db, store, FAST);
      set(db, "a", 1);
      await using one = await openReplica(`${dir}/1`, { from: replicate(db, FAST) });
      const resting = replicate(db, FAST);
      for (let i = 0; i < 20; i++) {
        db.writeSync((tx) => {
          for (let j = 0; j < 1000; j++) tx.tree("u").set(`${i} ${j}`, bytesOf(j, 900));
        });
        if (i % 10 === 9) await one.reaches(db.version);
      }
      await using two = await openReplica(`${dir}/2`, { from: resting });
      await expectSame(two, db);
      await expectSame(one, db);
      await shipping.flush();
      await restore(`${dir}/restored`, { from: store });
      using restored = open(`${dir}/restored`);
      assertContent(contentOf(restored), contentOf(db));
    }));

  it("ends with its stream, which ends with its database", () =>
    inTempDir(async (dir) => {
      const db = open(`${dir}/db`);
      set(db, "a", 1);
      await using replica = await openReplica(`${dir}/replica`, { from: replicate(db, FAST) });
      const waits = assertRejects(() => replica.reaches(9), IoError, "the stream: it has ended");
      db.close();
      await waits;
      await assertRejects(() => replica.reaches(9), IoError, "it has ended");
      assertMatch(replica.stats().failure!, /it has ended/);
      assertEquals(replica.db.tree("t").count(), 1);
    }));
});

describe("a stream that is refused", () => {
  it("leaves no file if it has no pages, is cut, or is another one", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const [head, base, next] = await threeSegments(db) as [Uint8Array, Uint8Array, Uint8Array];
      const opening = (...chunks: Uint8Array[]) =>
        openReplica(`${dir}/replica`, { from: streamOf(chunks) });
      const other = head.map((byte, i) => i === 8 ? 9 : byte);
      const refused: [Uint8Array[], new (...args: never[]) => Error, RegExp][] = [
        [[], CorruptionError, /ends inside/],
        [[head], RangeError, /the stream ends, and has no pages/],
        [[head, next], RangeError, /goes on after version 1, and has no pages/],
        [[head, base.subarray(0, -1)], CorruptionError, /ends inside an object/],
        [[new TextEncoder().encode("HTTP/1.1 404 Not found")], CorruptionError, /not a stream/],
        [[other], CorruptionError, /stream format 9/],
        [[head, new Uint8Array(100)], CorruptionError, /the head of an object is impossible/],
        [[head, new Uint8Array(100).fill(255)], CorruptionError, /impossible/],
        [["text" as never], CorruptionError, /a chunk is string/],
      ];
      for (const [chunks, type, says] of refused) {
        const error = await assertRejects(() => opening(...chunks), type);
        assertMatch(error.message, says);
        assertEquals(names(dir), ["db"]);
      }
      await (await opening(head, base, next)).close();
    }));

  it("leaves the replica as it was if it has a gap, a segment twice, or another history", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const [head, base, one, two] = await threeSegments(db) as Uint8Array[];
      using other = open(`${dir}/other`);
      for (let i = 0; i < 5; i++) set(other, "a", i);
      const [, foreign] = await chunksOf(other, (next) => next()) as Uint8Array[];
      const refused: [Uint8Array[], RegExp][] = [
        [[head!, base!, two!], /goes on after version 2/],
        [[head!, base!, one!, one!], /goes on after version 1/],
        [[head!, base!, one!, foreign!], /of another database/],
        [[head!, base!, one!, two!, base!], /at version 1, and the replica at 3/],
      ];
      for (const [at, [chunks, says]] of refused.entries()) {
        const path = `${dir}/replica ${at}`;
        await using replica = await openReplica(path, { from: streamOf(chunks) });
        await until(() => replica.stats().failure !== undefined);
        assertMatch(replica.stats().failure!, says);
        assertEquals(replica.version, [1, 2, 2, 3][at]);
        assertEquals(replica.db.tree("t").count(), replica.version);
      }
    }));

  it("never shows what a changed byte says", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      const [head, base, one, two] = await threeSegments(db) as Uint8Array[];
      const random = new Random(4);
      for (let i = 0; i < 24; i++) {
        const wrong = one!.slice();
        wrong[i < 12 ? i : random.below(wrong.length)]! ^= 1 << random.below(8);
        const path = `${dir}/replica ${i}`;
        const chunks = [head!, base!, wrong, two!];
        await using replica = await openReplica(path, { from: streamOf(chunks) });
        await until(() => replica.stats().failure !== undefined);
        assertEquals([replica.version, replica.db.tree("t").count()], [1, 1]);
      }
      const flipped = base!.slice();
      flipped[flipped.length - 5000]! ^= 1;
      const opening = openReplica(`${dir}/none`, { from: streamOf([head!, flipped]) });
      await assertRejects(() => opening, CorruptionError);
    }));

  it("is told by the source, if the position is none of its own", () =>
    inTempDir(async (dir) => {
      using db = open(`${dir}/db`);
      set(db, "a", 1);
      const replica = await openReplica(`${dir}/replica`, { from: replicate(db, FAST) });
      const after = replica.position;
      await replica.close();
      await replicate(db, { after }).cancel();
      using other = open(`${dir}/other`);
      const later = after.replace(/-1-/, "-9-");
      const refused: [() => unknown, new (...args: never[]) => Error, string][] = [
        [() => replicate(other, { after }), RangeError, "is of another database"],
        [() => replicate(db, { after: later }), RangeError, "has version 9, and the database 1"],
        [() => replicate(db, { after: "1" }), RangeError, "1 is not a position"],
        [() => replicate(db, { after: 1 as never }), TypeError, "after is number"],
        [() => replicate(db, { everyMs: 0 }), RangeError, "everyMs 0 is not above 0"],
        [() => replicate({} as Database), TypeError, "is not a database"],
        [() => db.writeSync(() => void replicate(db)), TypeError, "a transaction is open"],
      ];
      for (const [call, type, says] of refused) {
        await assertRejects(async () => await call(), type, says);
      }
      other.close();
      await assertRejects(async () => await replicate(other), ClosedError);
      const from = () => Promise.reject(new Error("no route"));
      await using again = await openReplica(`${dir}/replica`, { from, ...FAST });
      await until(() => again.stats().failures > 1);
      assertEquals(again.stats().failure, "no route");
      assertEquals(again.db.tree("t").count(), 1);
    }));
});
