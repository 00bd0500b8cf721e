/**
 * The trials of `scale.ts`: work that goes on for long, as series of points. Each point says what
 * the database has cost so far: its files, the bytes written, the longest turn of the event loop.
 *
 * A trial knows its live data itself, the bytes of the keys and values that are set, and asks the
 * engine nothing about them.
 */

import type { Engine, Store } from "../engine.ts";
import { xorshift } from "../keys.ts";
import { bytesOnDisk, bytesWritten, peakMemory } from "../machine.ts";
import { LongestTurn } from "./longest_turn.ts";

/** Changes of one transaction. */
const BATCH = 1000;
const KEY_BYTES = 16;
const POOL_BYTES = 2 ** 21;

/** How much a trial does. */
export interface TrialSize {
  /** Entries that are set. */
  readonly entries: number;
  /** How often each large value is replaced. */
  readonly rounds: number;
  /** Memory of the engine's cache. */
  readonly cacheBytes: number;
}

/** The cost of a database after some work. */
export interface Point {
  /** The share of the work that is done, and 1 with `closed` when the database is closed. */
  readonly done: number;
  readonly closed: boolean;
  /** Bytes of all its files. */
  readonly fileBytes: number;
  /** Bytes of the keys and values that are set. */
  readonly liveBytes: number;
  /** Bytes that the process has written; undefined where the system does not count them. */
  readonly writtenBytes: number | undefined;
  /** The longest turn of the event loop since the point before, in milliseconds. */
  readonly longestTurnMs: number;
  /** The most memory that the process has had, in bytes. */
  readonly peakBytes: number;
}

/** A trial: does its work, and calls `at` after each part of it. */
type Trial = (
  store: Store,
  size: TrialSize,
  at: (done: number, live: number) => void,
) => Promise<void>;

/** All trials by name. */
export const TRIALS: Readonly<Record<string, Trial>> = {
  /** Random keys with values of 60 bytes; nothing is deleted. */
  sets: async (store, { entries }, at) => {
    await setEntries(store, entries, 60, (count) => at(count / entries, count * (KEY_BYTES + 60)));
  },
  /** As `sets`, and then as many changes again: half of them replace, the others remove and add. */
  churn: async (store, { entries }, at) => {
    const live = entries * (KEY_BYTES + 60);
    await setEntries(
      store,
      entries,
      60,
      (count) => at(count / entries / 2, count * (KEY_BYTES + 60)),
    );
    const random = xorshift(7);
    let first = 0;
    for (let done = 0; done < entries; done += BATCH) {
      await store.write(BATCH, (changes, index) => {
        // Numbers leave at one end and arrive at the other; their keys have no order.
        if (index % 2 === 0) changes.put(keyOf(first + random() % entries), valueOf(random(), 60));
        else if (index % 4 === 1) changes.remove(keyOf(first++));
        else changes.put(keyOf(first + entries), valueOf(random(), 60));
      });
      await turn();
      at(0.5 + (done + BATCH) / entries / 2, live);
    }
  },
  /** 200 values of 0.6 to 1.5 MB, replaced at random one by one. */
  large: async (store, { rounds }, at) => {
    await replaceValues(store, 200, rounds, 600_000, 900_000, at);
  },
  /** 4,000 values of 2 to 100 KB, replaced at random one by one. */
  middle: async (store, { rounds }, at) => {
    await replaceValues(store, 4000, rounds, 2000, 98_000, at);
  },
};

/** Runs a trial in a folder, and returns its series. */
export async function runTrial(
  name: string,
  engine: Engine,
  folder: string,
  size: TrialSize,
): Promise<Point[]> {
  const points: Point[] = [];
  const store = await engine.open(`${folder}/db`, { cacheBytes: size.cacheBytes });
  using turns = new LongestTurn();
  let live = 0;
  const point = (done: number, closed: boolean) => {
    const fileBytes = bytesOnDisk(folder);
    const longestTurnMs = turns.take();
    const [writtenBytes, peakBytes] = [bytesWritten(), peakMemory()];
    points.push({
      done,
      closed,
      fileBytes,
      liveBytes: live,
      writtenBytes,
      longestTurnMs,
      peakBytes,
    });
  };
  let next = 0;
  await TRIALS[name]!(store, size, (done, liveBytes) => {
    live = liveBytes;
    if (done < next) return;
    point(done, false);
    next = done + 0.05;
  });
  await store.close();
  point(1, true);
  return points;
}

async function setEntries(
  store: Store,
  entries: number,
  bytes: number,
  at: (count: number) => void,
): Promise<void> {
  for (let count = 0; count < entries; count += BATCH) {
    await store.write(BATCH, (changes, index) => {
      changes.put(keyOf(count + index), valueOf(count + index, bytes));
    });
    await turn();
    at(count + BATCH);
  }
}

async function replaceValues(
  store: Store,
  keys: number,
  rounds: number,
  least: number,
  spread: number,
  at: (done: number, live: number) => void,
): Promise<void> {
  const random = xorshift(11);
  const lengths = new Float64Array(keys);
  let live = keys * KEY_BYTES;
  const total = keys * (rounds + 1);
  for (let done = 0; done < total; done++) {
    const key = done < keys ? done : random() % keys;
    const length = least + random() % spread;
    live += length - lengths[key]!;
    lengths[key] = length;
    await store.write(1, (changes) => changes.put(keyOf(key), valueOf(random(), length)));
    await turn();
    at((done + 1) / total, live);
  }
}

const key = new Uint8Array(KEY_BYTES);
const keyWords = new Uint32Array(key.buffer);

/** The key of a number, in no order of the numbers; the next call uses its buffer again. */
function keyOf(number: number): Uint8Array {
  for (let i = 0; i < keyWords.length; i++) {
    let mixed = Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
    keyWords[i] = mixed ^ (mixed >>> 13);
  }
  return key;
}

const pool = new Uint8Array(POOL_BYTES);
const fillWord = xorshift(88675123);
for (let i = 0; i < pool.length; i++) pool[i] = fillWord() >>> 8;

/** A value: a part of a pool of random bytes. */
function valueOf(number: number, length: number): Uint8Array {
  const start = number % (POOL_BYTES - length);
  return pool.subarray(start, start + length);
}

/** Lets the event loop turn, as a server does between requests. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
