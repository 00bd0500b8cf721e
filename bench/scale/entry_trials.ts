/**
 * The trials of `scale.ts` with many short entries: loads, changes at random, series, the postings
 * of a search index, a tree that is removed, and a day of mixed work.
 */

import { setImmediate, setTimeout } from "node:timers/promises";
import type { Store } from "../engines/engine.ts";
import { xorshift } from "../measure/keys.ts";
import { Day } from "./day.ts";
import type { Trial, TrialSize } from "./trial.ts";
import { KEY_BYTES, keyOf, orderedKey, valueOf } from "./values.ts";
import { writeTo } from "./write_to.ts";

/** Changes of one transaction. */
const BATCH = 1000;
/** Changes of one transaction of a load. */
const LOAD_BATCH = 10_000;
const VALUE_BYTES = 60;
/** The trials other than `grow` set this part of its entries, and no more than `SETS_MAX`. */
const SETS_PART = 50;
const SETS_MAX = 1_000_000;
/** Series of `series`. */
const SERIES = 16;
/** Each document of `index` has one word of each band. */
const BANDS = 50;
const BAND_WORDS = 400;
const POSTING_BYTES = 4;
/** One document in this many of `index` replaces an older one. */
const REPLACING = 5;
/** `dropped` sets this part of its entries again afterwards. */
const AFTER_PART = 10;
/** The time in which an engine may give space back, between two transactions. */
const REST_MS = 5;
/** The changes of a busy hour of the day. */
const HOUR_CHANGES_MAX = 60_000;
/** Factors without a divisor in common with any number of entries below 2^31. */
const LEAVING = 2_147_483_647;
const ARRIVING = 2_147_483_629;

/** Entries in key order, and then changes at random: half of them replace, the others move. */
export const grow: Trial = async (store, { entries, churn }, at) => {
  const live = entries * (KEY_BYTES + VALUE_BYTES);
  const total = entries + churn;
  await loadOrdered(store, entries, (done) => {
    at(done / total, done * (KEY_BYTES + VALUE_BYTES));
  });
  await change(store, entries, churn, (done) => at((entries + done) / total, live));
};

/** Random keys with values of 60 bytes; nothing is deleted. */
export const sets: Trial = async (store, size, at) => {
  const count = setsOf(size);
  for (let done = 0; done < count; done += BATCH) {
    await writeTo(store, BATCH, (changes, index) => {
      changes.put(keyOf(done + index), valueOf(done + index, VALUE_BYTES));
    });
    await setImmediate();
    at((done + BATCH) / count, (done + BATCH) * (KEY_BYTES + VALUE_BYTES));
  }
};

/** Several series of 60 bytes that are appended in turn to one tree. */
export const series: Trial = async (store, size, at) => {
  const count = setsOf(size);
  for (let done = 0; done < count; done += BATCH) {
    await writeTo(store, BATCH, (changes, index) => {
      const number = done + index;
      const key = orderedKey(number % SERIES, Math.floor(number / SERIES));
      changes.put(key, valueOf(number, VALUE_BYTES));
    });
    await setImmediate();
    at((done + BATCH) / count, (done + BATCH) * (KEY_BYTES + VALUE_BYTES));
  }
};

/**
 * The postings of a search index: an entry for each word of each document. Few of the words are in
 * most of the documents, and some documents replace older ones.
 */
export const index: Trial = async (store, size, at) => {
  const documents = Math.ceil(setsOf(size) / BANDS);
  const batch = BATCH / BANDS;
  let live = 0;
  for (let done = 0; done < documents; done += batch) {
    for (let document = done; document < Math.min(documents, done + batch); document++) {
      await writeTo(store, BANDS, (changes, band) => {
        changes.put(postingOf(document, band), valueOf(document, POSTING_BYTES));
      });
      live += BANDS * (KEY_BYTES + POSTING_BYTES);
      if (document % REPLACING !== REPLACING - 1) continue;
      const replaced = Math.floor(document / REPLACING);
      await writeTo(store, BANDS, (changes, band) => changes.remove(postingOf(replaced, band)));
      live -= BANDS * (KEY_BYTES + POSTING_BYTES);
    }
    await setImmediate();
    at(Math.min(documents, done + batch) / documents, live);
  }
};

/** Everything is removed while the database is open, and a tenth is set again. */
export const dropped: Trial = async (store, size, at) => {
  const count = setsOf(size);
  const total = count + count / AFTER_PART;
  await loadOrdered(store, count, (done) => at(done / total, done * (KEY_BYTES + VALUE_BYTES)));
  await store.removeAll();
  for (let done = 0; done < count / AFTER_PART; done += BATCH) {
    await writeTo(store, BATCH, (changes, index) => {
      changes.put(keyOf(done + index), valueOf(done + index, VALUE_BYTES));
    });
    await setTimeout(REST_MS);
    at((count + done + BATCH) / total, (done + BATCH) * (KEY_BYTES + VALUE_BYTES));
  }
};

/** A day of mixed work. */
export const day: Trial = async (store, { entries, pauseMs }, at) => {
  const day = new Day(store);
  const changes = Math.min(HOUR_CHANGES_MAX, entries / SETS_PART);
  await day.run(changes, pauseMs, (done) => at(done, day.live));
};

/** The sets of the trials other than `grow`: whole transactions. */
function setsOf({ entries }: TrialSize): number {
  return Math.ceil(Math.min(SETS_MAX, entries / SETS_PART) / BATCH) * BATCH;
}

/** Sets entries in key order. */
async function loadOrdered(
  store: Store,
  entries: number,
  at: (done: number) => void,
): Promise<void> {
  for (let count = 0; count < entries; count += LOAD_BATCH) {
    const batch = Math.min(LOAD_BATCH, entries - count);
    await writeTo(store, batch, (changes, index) => {
      changes.put(orderedKey(0, 2 * (count + index)), valueOf(count + index, VALUE_BYTES));
    });
    await setImmediate();
    at(count + batch);
  }
}

/** The key of the word that a document has of a band; the first words of a band are frequent. */
function postingOf(document: number, band: number): Uint8Array {
  const share = xorshift(document * BANDS + band + 1)() / 2 ** 32;
  return orderedKey(band * BAND_WORDS + Math.floor(BAND_WORDS * share ** 3), document);
}

/** Changes entries: every second change replaces one, the others remove and add in turn. */
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
