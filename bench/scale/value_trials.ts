/**
 * The trials of `scale.ts` with large values, which are replaced and removed.
 */

import { setImmediate } from "node:timers/promises";
import type { Store } from "../engines/engine.ts";
import { xorshift } from "../measure/keys.ts";
import type { Progress, Trial } from "./trial.ts";
import { KEY_BYTES, keyOf, valueOf } from "./values.ts";
import { writeTo } from "./write_to.ts";

/** Values of `medium`, and its changes of one transaction. */
const MEDIUM_KEYS = 2000;
const MEDIUM_BATCH = 20;
/** Large values of `removed`, of which one remains. */
const REMOVED = 25;
/** Values of `buffered` a round, and their length. */
const BUFFERED_KEYS = 400;
const BUFFERED_BYTES = 100_000;

/** 200 values of 0.6 to 1.5 MB, replaced at random one by one. */
export const large: Trial = async (store, { rounds }, at) => {
  await replaceValues(store, 200, rounds, 600_000, 900_000, at);
};

/** 500 values of 2 to 100 KB, replaced at random one by one. */
export const middle: Trial = async (store, { rounds }, at) => {
  await replaceValues(store, 500, rounds, 2000, 98_000, at);
};

/** 2,000 values of 2 to 20 KB, replaced, removed and added at random. */
export const medium: Trial = async (store, { rounds }, at) => {
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
};

/** Values of 2 MB, of which all but one are removed. */
export const removed: Trial = async (store, _size, at) => {
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
};

/**
 * Values of 100 KB, each a transaction that waits for the system and not for the medium, where the
 * engine has such a call.
 */
export const buffered: Trial = async (store, { rounds }, at) => {
  const total = BUFFERED_KEYS * (rounds + 1);
  for (let done = 0; done < total; done++) {
    const [key, value] = [keyOf(done), valueOf(done, BUFFERED_BYTES)];
    await (store.setBuffered ?? store.commit).call(store, key, value);
    await setImmediate();
    at((done + 1) / total, (done + 1) * (KEY_BYTES + BUFFERED_BYTES));
  }
};

async function replaceValues(
  store: Store,
  keys: number,
  rounds: number,
  least: number,
  spread: number,
  at: Progress,
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
