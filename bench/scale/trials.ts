/**
 * The trials of `scale.ts`: work that goes on for long, as series of points. Each point says what
 * the database has cost so far: its files, the bytes written, the longest turn of the event loop.
 *
 * A trial knows its live data itself, the bytes of the keys and values that are set, and asks the
 * engine nothing about them.
 */

import { setImmediate } from "node:timers/promises";
import type { Engine, Store } from "../engine.ts";
import { xorshift } from "../keys.ts";
import { bytesOnDisk, bytesWritten, peakMemory } from "../machine.ts";
import { Day } from "./day.ts";
import { LongestTurn } from "./longest_turn.ts";
import { writeTo } from "./write_to.ts";
import { KEY_BYTES, keyOf, orderedKey, valueOf } from "./values.ts";

/** The share of the work between two points. */
const STEP = 0.025;
/** Changes of one transaction. */
const BATCH = 1000;
/** Changes of one transaction of a load. */
const LOAD_BATCH = 10_000;
const VALUE_BYTES = 60;
/** The trials other than `grow` set this part of its entries, and no more than `SETS_MAX`. */
const SETS_PART = 50;
const SETS_MAX = 1_000_000;
/** Values of `medium`, and its changes of one transaction. */
const MEDIUM_KEYS = 2000;
const MEDIUM_BATCH = 20;
/** Series of `series`. */
const SERIES = 16;
/** Large values of `removed`, of which one remains. */
const REMOVED = 25;
/** The changes of a busy hour of the day. */
const HOUR_CHANGES_MAX = 60_000;
/** Factors without a divisor in common with any number of entries below 2^31. */
const LEAVING = 2_147_483_647;
const ARRIVING = 2_147_483_629;

/** How much a trial does. */
export interface TrialSize {
  /** Entries that `grow` loads. */
  readonly entries: number;
  /** Changes that `grow` makes then. */
  readonly churn: number;
  /** How often each large value is replaced. */
  readonly rounds: number;
  /** Memory of the engine's cache. */
  readonly cacheBytes: number;
  /** The pause after each hour of the night of `day`, in milliseconds. */
  readonly pauseMs: number;
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
  /** Entries in key order, and then changes at random: half of them replace, the others move. */
  grow: async (store, { entries, churn }, at) => {
    const live = entries * (KEY_BYTES + VALUE_BYTES);
    const total = entries + churn;
    for (let count = 0; count < entries; count += LOAD_BATCH) {
      const batch = Math.min(LOAD_BATCH, entries - count);
      await writeTo(store, batch, (changes, index) => {
        changes.put(orderedKey(0, 2 * (count + index)), valueOf(count + index, VALUE_BYTES));
      });
      await setImmediate();
      at((count + batch) / total, (count + batch) * (KEY_BYTES + VALUE_BYTES));
    }
    await change(store, entries, churn, (done) => at((entries + done) / total, live));
  },
  /** Random keys with values of 60 bytes; nothing is deleted. */
  sets: async (store, { entries }, at) => {
    const count = Math.ceil(Math.min(SETS_MAX, entries / SETS_PART) / BATCH) * BATCH;
    for (let done = 0; done < count; done += BATCH) {
      await writeTo(store, BATCH, (changes, index) => {
        changes.put(keyOf(done + index), valueOf(done + index, VALUE_BYTES));
      });
      await setImmediate();
      at((done + BATCH) / count, (done + BATCH) * (KEY_BYTES + VALUE_BYTES));
    }
  },
  /** 200 values of 0.6 to 1.5 MB, replaced at random one by one. */
  large: async (store, { rounds }, at) => {
    await replaceValues(store, 200, rounds, 600_000, 900_000, at);
  },
  /** 500 values of 2 to 100 KB, replaced at random one by one. */
  middle: async (store, { rounds }, at) => {
    await replaceValues(store, 500, rounds, 2000, 98_000, at);
  },
  /** 2,000 values of 2 to 20 KB, replaced, removed and added at random. */
  medium: async (store, { rounds }, at) => {
    const random = xorshift(13);
    const lengths = new Float64Array(MEDIUM_KEYS);
    let live = 0;
    const total = MEDIUM_KEYS * (rounds + 1);
    for (let done = 0; done < total; done += MEDIUM_BATCH) {
      await writeTo(store, MEDIUM_BATCH, (changes, index) => {
        const isFirst = done + index < MEDIUM_KEYS;
        const key = isFirst ? done + index : random() % MEDIUM_KEYS;
        const before = lengths[key]!;
        const removes = before > 0 && random() % 4 === 0;
        const length = removes ? 0 : 2000 + random() % 18_000;
        if (removes) changes.remove(keyOf(key));
        else changes.put(keyOf(key), valueOf(random(), length));
        live += length - before + KEY_BYTES * (Math.sign(length) - Math.sign(before));
        lengths[key] = length;
      });
      await setImmediate();
      at((done + MEDIUM_BATCH) / total, live);
    }
  },
  /** Several series of 60 bytes that are appended in turn to one tree. */
  series: async (store, { entries }, at) => {
    const count = Math.ceil(Math.min(SETS_MAX, entries / SETS_PART) / BATCH) * BATCH;
    for (let done = 0; done < count; done += BATCH) {
      await writeTo(store, BATCH, (changes, index) => {
        const number = done + index;
        const key = orderedKey(number % SERIES, Math.floor(number / SERIES));
        changes.put(key, valueOf(number, VALUE_BYTES));
      });
      await setImmediate();
      at((done + BATCH) / count, (done + BATCH) * (KEY_BYTES + VALUE_BYTES));
    }
  },
  /** Values of 2 MB, of which all but one are removed. */
  removed: async (store, _size, at) => {
    const bytes = 2_000_000;
    for (let done = 0; done < REMOVED; done++) {
      await writeTo(store, 1, (changes) => changes.put(keyOf(done), valueOf(done, bytes)));
      await setImmediate();
      at((done + 1) / (2 * REMOVED), (done + 1) * (bytes + KEY_BYTES));
    }
    for (let done = 1; done < REMOVED; done++) {
      await writeTo(store, 1, (changes) => changes.remove(keyOf(done)));
      await setImmediate();
      at(0.5 + (done + 1) / (2 * REMOVED), (REMOVED - done) * (bytes + KEY_BYTES));
    }
  },
  /** A day of mixed work. */
  day: async (store, { entries, pauseMs }, at) => {
    const day = new Day(store);
    const changes = Math.min(HOUR_CHANGES_MAX, entries / SETS_PART);
    await day.run(changes, pauseMs, (done) => at(done, day.live));
  },
};

/**
 * Runs a trial in a folder, and returns its series.
 *
 * @param closes Whether it closes the database, and adds a point after that.
 */
export async function runTrial(
  name: string,
  engine: Engine,
  folder: string,
  size: TrialSize,
  closes: boolean,
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
    next = done + STEP;
  });
  if (closes) {
    await store.close();
    point(1, true);
  }
  return points;
}

/** Changes entries: of two changes one replaces an entry, the others remove and add in turn. */
async function change(
  store: Store,
  entries: number,
  count: number,
  at: (done: number) => void,
): Promise<void> {
  const random = xorshift(7);
  for (let done = 0; done < count; done += BATCH) {
    await writeTo(store, Math.min(BATCH, count - done), (changes, index) => {
      const moved = Math.floor((done + index) / 4);
      if (index % 4 === 1) changes.remove(orderedKey(0, 2 * placeOf(moved, LEAVING, entries)));
      else if (index % 4 === 3) {
        const number = 2 * placeOf(moved, ARRIVING, entries) + 1;
        changes.put(orderedKey(0, number), valueOf(random(), VALUE_BYTES));
      } else changes.put(orderedKey(0, 2 * (random() % entries)), valueOf(random(), VALUE_BYTES));
    });
    await setImmediate();
    at(Math.min(count, done + BATCH));
  }
}

/** A number below `count` that no other number below `count` has. */
function placeOf(number: number, factor: number, count: number): number {
  return Number(BigInt(number) * BigInt(factor) % BigInt(count));
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
    await writeTo(store, 1, (changes) => changes.put(keyOf(key), valueOf(random(), length)));
    await setImmediate();
    at((done + 1) / total, live);
  }
}
