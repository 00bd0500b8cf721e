/**
 * Bounds on memory and file size: with the smallest cache, with very many trees, with very many
 * tiny transactions, and with a file many times as large as its cache.
 *
 * Memory is that of the process and of `stats()`. Writes are counted in pages, so that work that
 * grows faster than the database shows without a clock. QUIRE_BOUNDS=full runs the sizes of `deno
 * task soak`: 100,000 trees, 1,000,000 transactions a level, and 4 GiB with a cache of 64 MiB,
 * which needs 5 GiB of disk.
 */

import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Durability, format } from "../../pager/mod.ts";
import type { Database } from "../../store/database.ts";
import { open } from "../../store/open.ts";
import type { OpenOptions } from "../../store/options.ts";
import type { TransactionTree } from "../../store/write/transaction_tree.ts";
import { sameBytes } from "../support/databases/database.ts";
import { Random } from "../support/random.ts";
import { inTempDir } from "../support/temp.ts";

const { KIND_JOURNAL, PAGE_BYTES } = format;
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const IS_FULL = Deno.env.get("QUIRE_BOUNDS") === "full";
const SEED = Number(Deno.env.get("QUIRE_SEED") ?? 1);
/** The smallest cache. */
const LEAST: OpenOptions = { cacheBytes: 8 * MIB, journalBytes: 2 * MIB };
/** The memory that an open transaction may need beyond the cache. */
const OVER_CACHE = 6 * MIB;
/** The growth allowed beyond live memory: uncollected garbage, and code. */
const SLACK = 128 * MIB;
const TREES = IS_FULL ? 100_000 : 10_000;
/** The memory allowed for a used tree: its handle and its position in the catalog. */
const HANDLE_BYTES = 8192;
const COMMITS = IS_FULL ? 1_000_000 : 50_000;
const LARGE = IS_FULL
  ? { bytes: 4 * GIB, cacheBytes: 64 * MIB }
  : { bytes: 512 * MIB, cacheBytes: 16 * MIB };

/** The peak memory of the process, above its initial value. */
class Memory {
  growth = 0;
  readonly #before = Deno.memoryUsage().rss;

  /** Samples the current value. */
  measure(): void {
    this.growth = Math.max(this.growth, Deno.memoryUsage().rss - this.#before);
  }
}

/** The measurements of a test, printed at its end. */
class Watch {
  readonly memory = new Memory();
  readonly #figures: string[] = [];
  #begin = performance.now();

  /** Records the time of a step, and the memory after it. */
  lap(what: string): void {
    this.memory.measure();
    this.note(`${what} ${Math.round(performance.now() - this.#begin)} ms`);
    this.#begin = performance.now();
  }

  /** Records a figure. */
  note(figure: string): void {
    this.#figures.push(figure);
  }

  /** Prints all figures, and fails if the process grew by more than a limit. */
  finish(what: string, growthMax: number): void {
    this.memory.measure();
    console.log(`${what}: ${this.#figures.join(", ")}, rss +${mib(this.memory.growth)}`);
    assertLess(this.memory.growth, growthMax, "bytes that the process grew by");
  }
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

const words = new Uint32Array(4096);

/** A value that depends on a number: a view, valid until the next call. */
function valueOf(number: number, length: number): Uint8Array {
  const step = Math.imul(number + 1, 0x9e3779b1) | 1;
  const count = Math.ceil(length / 4);
  for (let i = 0, word = step; i < count; i++, word += step) words[i] = word;
  return new Uint8Array(words.buffer, 0, length);
}

function keyOf(number: number): string {
  return `key ${String(number).padStart(9, "0")}`;
}

/** A source of a long value, piece by piece. */
function streamOf(number: number, pieces: number): ReadableStream<Uint8Array> {
  let piece = 0;
  return new ReadableStream({
    pull(controller) {
      if (piece === pieces) return controller.close();
      controller.enqueue(valueOf(number + piece++, PIECE_BYTES).slice());
    },
  });
}

const PIECE_BYTES = 16_000;
/** 22 MiB a stream. */
const PIECES = 1500;

/** Fails unless a long value equals that of `streamOf`. */
async function expectStream(db: Database, key: string, number: number, pieces: number) {
  let at = 0;
  for await (const bytes of db.tree("streams").getStream(key)!) {
    for (let from = 0; from < bytes.length;) {
      const inPiece = at % PIECE_BYTES;
      const part = bytes.subarray(from, from + PIECE_BYTES - inPiece);
      const expected = valueOf(number + Math.floor(at / PIECE_BYTES), PIECE_BYTES);
      assert(sameBytes(part, expected.subarray(inPiece, inPiece + part.length)), `byte ${at}`);
      from += part.length;
      at += part.length;
    }
  }
  assertEquals(at, pieces * PIECE_BYTES);
}

describe("the smallest cache", () => {
  const entries = 12_000;
  const rounds = IS_FULL ? 20 : 4;
  /** The most bytes kept for a snapshot. */
  let kept = 0;

  /** Fails unless a tree has the entries of a round. */
  function expectRound(tree: Pick<TransactionTree, "entries">, round: number): void {
    let number = 0;
    for (const [key, value] of tree.entries()) {
      assertEquals(new TextDecoder().decode(key), keyOf(number));
      const right = sameBytes(value, valueOf(number * 7 + round, 1000 + number % 900));
      assert(right, `value ${number}`);
      number++;
    }
    assertEquals(number, entries);
  }

  /** Changes every entry, in transactions that fit in the cache with their images. */
  function rewrite(db: Database, round: number): void {
    for (let from = 0; from < entries; from += 1000) {
      db.writeSync((tx) => setSome(tx.tree("main"), round, from, from + 1000));
    }
  }

  /** Makes a tree in one transaction that is larger than the cache. */
  function makeLarge(db: Database, round: number): void {
    db.dropTree("large");
    db.writeSync((tx) => {
      const tree = tx.tree("large");
      // Neighbours are inserted far apart, so that most pages change again.
      for (let part = 0; part < 7; part++) setSome(tree, round, part, entries, 7);
    });
  }

  function setSome(tree: TransactionTree, round: number, from: number, to: number, step = 1): void {
    for (let number = from; number < to; number += step) {
      tree.set(keyOf(number), valueOf(number * 7 + round, 1000 + number % 900));
    }
  }

  /** A stream, a snapshot, an iterator, small transactions and a large one, concurrently. */
  async function useAll(db: Database, round: number): Promise<void> {
    using snapshot = db.snapshot();
    const upload = db.tree("streams").setStream("value", streamOf(round, PIECES));
    const walk = db.tree("main").entries({ limit: 2 });
    assert(sameBytes(walk.next().value?.[1], valueOf(round - 1, 1000)));
    rewrite(db, round);
    makeLarge(db, round);
    await upload;
    assert(sameBytes(walk.next().value?.[1], valueOf(7 + round - 1, 1001)));
    expectRound(snapshot.tree("main"), round - 1);
    expectRound(db.tree("main"), round);
    expectRound(db.tree("large"), round);
    await expectStream(db, "value", round, PIECES);
    assertEquals((await db.verify()).findings, []);
    kept = Math.max(kept, db.stats().snapshotBytes);
  }

  it("suffices for concurrent streams, snapshots and large transactions", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/least.quire`;
      const watch = new Watch();
      let db = open(path, LEAST);
      rewrite(db, 0);
      let peak = 0;
      for (let round = 1; round <= rounds; round++) {
        await useAll(db, round);
        watch.memory.measure();
        peak = Math.max(peak, db.stats().cachePeakBytes);
        if (round % 2 !== 0) continue;
        db.close();
        db = open(path, LEAST);
      }
      expectRound(db.tree("main"), rounds);
      await expectStream(db, "value", rounds, PIECES);
      db.close();
      watch.lap(`${rounds} rounds`);
      watch.note(`cache peak ${mib(peak)}, of which a snapshot kept up to ${mib(kept)}`);
      assertLessOrEqual(peak, LEAST.cacheBytes! + OVER_CACHE + kept);
      // Four concurrent ones leave more garbage than one.
      watch.finish("bounds, the least cache", 3 * SLACK + LEAST.cacheBytes! + kept);
    }));
});

describe("a great many trees", () => {
  const names = Array.from({ length: TREES }, (_, i) => {
    // A shuffled order.
    return `tree ${String(i * 7919 % TREES).padStart(7, "0")}`;
  });
  const perCommit = 100;
  const buffered = { durability: "buffered" } as const;

  function inCommits(db: Database, each: (name: string) => void): void {
    for (let at = 0; at < TREES; at += perCommit) {
      db.writeSync(() => names.slice(at, at + perCommit).forEach(each), buffered);
    }
  }

  function make(db: Database, watch: Watch): void {
    const value = new Uint8Array(10);
    for (let at = 0; at < TREES; at += perCommit) {
      db.writeSync((tx) => {
        for (const name of names.slice(at, at + perCommit)) tx.tree(name).set(name, value);
      }, buffered);
    }
    db.checkpoint();
    watch.lap(`${TREES} trees made`);
    const { pageWrites, pageCount, cachePeakBytes } = db.stats();
    // One page for each tree, and the catalog.
    assertLess(pageCount, TREES * 1.1 + 2000);
    assertLess(pageWrites, TREES * 1.1 + 2000);
    assertLessOrEqual(cachePeakBytes, LEAST.cacheBytes! + OVER_CACHE);
    assertEquals(db.trees(), names.toSorted());
    watch.lap("listed");
  }

  it("are created, listed, read, verified and dropped in bounded memory", () =>
    inTempDir(async (dir) => {
      const path = `${dir}/trees.quire`;
      const watch = new Watch();
      {
        using db = open(path, LEAST);
        make(db, watch);
      }
      const { size } = Deno.statSync(path);
      assertLess(size, (TREES * 1.1 + 2000) * PAGE_BYTES);
      using db = open(path, LEAST);
      watch.lap("reopened");
      assertEquals(db.trees(), names.toSorted());
      for (const name of names) assert(db.tree(name).has(name), name);
      watch.lap("read");
      assertEquals((await db.verify()).findings, []);
      watch.lap("verified");
      inCommits(db, (name) => assert(db.dropTree(name)));
      watch.lap("dropped");
      assertEquals(db.trees(), []);
      assertLessOrEqual(db.stats().cachePeakBytes, LEAST.cacheBytes! + OVER_CACHE);
      db.close();
      watch.note(`file ${mib(size)}, then ${mib(Deno.statSync(path).size)}`);
      assertLess(Deno.statSync(path).size, MIB);
      watch.finish("bounds, trees", SLACK + LEAST.cacheBytes! + TREES * HANDLE_BYTES);
    }));
});

describe("a great many tiny transactions", () => {
  /** Entries that are overwritten repeatedly. */
  const keys = 1000;

  for (const durability of ["buffered", "none"] as Durability[]) {
    it(`do not grow memory and file, ${durability}`, () => {
      inTempDir((dir) => {
        const path = `${dir}/tiny.quire`;
        const watch = new Watch();
        const db = open(path, { ...LEAST, durability });
        const tree = db.tree("tiny");
        const sizes: number[] = [];
        for (let i = 0; i < COMMITS; i++) {
          db.writeSync((tx) => tx.tree(tree).set(keyOf(i % keys), valueOf(i, 20)));
          if (i % (COMMITS / 10) === 0) watch.memory.measure();
          if (i % 1000 === 0) sizes.push(db.stats().fileBytes);
        }
        watch.lap(`${COMMITS} commits`);
        const { cachePeakBytes, checkpoints } = db.stats();
        const journal = db.census().pagesOfKind[KIND_JOURNAL]! * PAGE_BYTES;
        for (let key = 0; key < keys; key++) {
          const last = Math.floor((COMMITS - 1 - key) / keys) * keys + key;
          assert(sameBytes(tree.get(keyOf(key)), valueOf(last, 20)), keyOf(key));
        }
        db.close();
        const closed = Deno.statSync(path).size;
        watch.note(`file ${mib(Math.max(...sizes))} at most, ${mib(closed)} closed`);
        watch.note(`journal ${mib(journal)}, ${checkpoints} checkpoints`);
        watch.note(`cache peak ${mib(cachePeakBytes)}`);
        // Each of two areas has up to twice the requested size, in a power of two of chunks.
        assertLessOrEqual(journal, 2 * 4 * LEAST.journalBytes!);
        assertLessOrEqual(Math.max(...sizes), 2 * 4 * LEAST.journalBytes! + 2 * MIB);
        assertLess(closed, MIB);
        assertLessOrEqual(cachePeakBytes, LEAST.cacheBytes!);
        watch.finish(`bounds, tiny transactions, ${durability}`, SLACK);
      });
    });
  }
});

describe("a database far larger than its cache", () => {
  const treeBytes = 128 * MIB;
  const valueBytes = 2000;
  const perTree = Math.floor(treeBytes / PAGE_BYTES) * 4;
  const trees = LARGE.bytes / treeBytes;
  const { cacheBytes } = LARGE;

  function* entriesOf(tree: number): Generator<[string, Uint8Array]> {
    for (let i = 0; i < perTree; i++) yield [keyOf(i), valueOf(tree * perTree + i, valueBytes)];
  }

  /** The database, and how often each of its entries was written. */
  class Large {
    readonly db: Database;
    readonly #written = new Map<number, number>();
    readonly #random = new Random(SEED);

    constructor(db: Database) {
      this.db = db;
    }

    load(watch: Watch): void {
      for (let tree = 0; tree < trees; tree++) {
        this.db.writeSync((tx) => tx.tree(`tree ${tree}`).load(entriesOf(tree)));
        watch.memory.measure();
      }
      this.db.checkpoint();
    }

    get(): void {
      const number = this.#random.below(trees * perTree);
      this.#expect(number, this.#treeOf(number).get(keyOf(number % perTree)));
    }

    update(seed: number): void {
      this.db.writeSync((tx) => {
        for (let i = 0; i < 20; i++) {
          const number = this.#random.below(trees * perTree);
          this.#written.set(number, seed + i);
          tx.tree(this.#treeOf(number)).set(keyOf(number % perTree), this.#valueOf(number));
        }
      }, { durability: "buffered" });
    }

    scan(tree: number): void {
      let number = tree * perTree;
      for (const value of this.db.tree(`tree ${tree}`).values()) this.#expect(number++, value);
      assertEquals(number, (tree + 1) * perTree);
    }

    #treeOf(number: number) {
      return this.db.tree(`tree ${Math.floor(number / perTree)}`);
    }

    #valueOf(number: number): Uint8Array {
      return valueOf(this.#written.get(number) ?? number, valueBytes);
    }

    #expect(number: number, value: Uint8Array | undefined): void {
      assert(sameBytes(value, this.#valueOf(number)), `value ${number}`);
    }
  }

  it("is loaded, read, changed and verified within its cache", () =>
    inTempDir(async (dir) => {
      const watch = new Watch();
      using db = open(`${dir}/large.quire`, { cacheBytes, journalBytes: 8 * MIB });
      const large = new Large(db);
      large.load(watch);
      const { fileBytes, pageWrites, pageCount } = db.stats();
      watch.lap(`${mib(fileBytes)} loaded`);
      assertLess(LARGE.bytes * 0.9, fileBytes);
      assertLess(pageWrites, pageCount * 1.05);
      for (let i = 0; i < 5000; i++) large.get();
      watch.lap("5000 random gets");
      for (let i = 0; i < 100; i++) large.update(SEED + i * 20);
      watch.lap("2000 random updates");
      for (let tree = 0; tree < trees; tree++) large.scan(tree);
      watch.lap("scanned");
      assertEquals((await db.verify()).findings, []);
      watch.lap("verified");
      const { cachePeakBytes } = db.stats();
      watch.note(`cache peak ${mib(cachePeakBytes)}`);
      assertLessOrEqual(cachePeakBytes, cacheBytes + OVER_CACHE);
      const times = Math.floor(fileBytes / cacheBytes);
      watch.finish(`bounds, a file ${times} times the cache`, cacheBytes + SLACK);
    }));
});
