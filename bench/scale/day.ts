/**
 * A day of mixed work, compressed in time: events that expire, records that change, the postings
 * of a search index that grow and are merged at night, and large values that are replaced. Nights
 * have little work, and pauses in which an engine may tidy up.
 */

import { setTimeout } from "node:timers/promises";
import type { Changes, Store } from "../engines/engine.ts";
import { xorshift } from "../measure/keys.ts";
import { KEY_BYTES, orderedKey, valueOf } from "./values.ts";
import { writeTo } from "./write_to.ts";

/** The changes of one transaction. */
const BATCH = 1000;
const HOURS = 24;
/** The day begins in the morning and ends with the night. */
const FIRST_HOUR = 6;
/** Hours with pauses; in the hour of the merge the postings become short again. */
const NIGHT_HOURS = 6;
const MERGE_HOUR = 3;
/** The tables, as the first word of keys. */
const EVENTS = 1;
const RECORDS = 2;
const POSTINGS = 3;
const FILES = 4;
const EVENT_BYTES = 100;
/** Events expire after this many transactions. */
const EVENT_BATCHES = 300;
const EVENTS_BATCH = 250;
const RECORD_COUNT = 100_000;
const POSTING_COUNT = 2000;
const POSTING_BYTES_MAX = 30_000;
const FILE_COUNT = 30;
const FILE_BYTES_MIN = 200_000;
const FILE_BYTES_SPREAD = 1_300_000;

/** The share of a busy hour's work in each hour. */
function shareOf(hour: number): number {
  if (hour < NIGHT_HOURS) return 0.1;
  return hour < 9 || hour > 18 ? 0.5 : 1;
}

/** The work of a day on a store. */
export class Day {
  readonly #store: Store;
  readonly #random = xorshift(23);
  readonly #lengths = new Map<number, number>();
  #batches = 0;
  /** Bytes of the keys and values that are set. */
  live = 0;

  /** Begins the day of an empty store. */
  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Does the work of a day.
   *
   * @param changes The changes of a busy hour.
   * @param pauseMs The pause after each hour of the night.
   * @param at Called during the day, with the share of it that is over.
   */
  async run(changes: number, pauseMs: number, at: (done: number) => void): Promise<void> {
    for (let over = 0; over < HOURS; over++) {
      const hour = (FIRST_HOUR + over) % HOURS;
      const batches = Math.max(1, Math.round(changes * shareOf(hour) / BATCH));
      if (hour === MERGE_HOUR) await this.#merge();
      for (let batch = 0; batch < batches; batch++) {
        await writeTo(this.#store, BATCH, (store, index) => this.#change(store, index));
        if (this.#batches++ % 4 === 0) await this.#replaceFile();
        await setTimeout(0);
        at((over + (batch + 1) / (batches + 1)) / HOURS);
      }
      if (hour < NIGHT_HOURS) await setTimeout(pauseMs);
      at((over + 1) / HOURS);
    }
  }

  #change(store: Changes, index: number): void {
    const random = this.#random();
    if (index < EVENTS_BATCH) {
      this.#put(store, EVENTS, this.#batches * EVENTS_BATCH + index, EVENT_BYTES);
    } else if (index < 2 * EVENTS_BATCH) {
      const batch = this.#batches - EVENT_BATCHES;
      if (batch >= 0) this.#remove(store, EVENTS, batch * EVENTS_BATCH + index - EVENTS_BATCH);
    } else if (index % 2 === 0) {
      this.#put(store, RECORDS, random % RECORD_COUNT, 100 + random % 200);
    } else {
      const posting = random % POSTING_COUNT;
      const length = this.#lengths.get(idOf(POSTINGS, posting)) ?? 0;
      this.#put(store, POSTINGS, posting, Math.min(POSTING_BYTES_MAX, length + 40));
    }
  }

  async #replaceFile(): Promise<void> {
    const length = FILE_BYTES_MIN + this.#random() % FILE_BYTES_SPREAD;
    const file = this.#random() % FILE_COUNT;
    await writeTo(this.#store, 1, (store) => this.#put(store, FILES, file, length));
  }

  async #merge(): Promise<void> {
    await writeTo(this.#store, POSTING_COUNT, (store, index) => {
      this.#put(store, POSTINGS, index, 100);
    });
  }

  #put(store: Changes, table: number, number: number, length: number): void {
    const id = idOf(table, number);
    const before = this.#lengths.get(id);
    this.live += before === undefined ? KEY_BYTES + length : length - before;
    this.#lengths.set(id, length);
    store.put(orderedKey(table, number), valueOf(this.#random(), length));
  }

  #remove(store: Changes, table: number, number: number): void {
    const id = idOf(table, number);
    this.live -= KEY_BYTES + (this.#lengths.get(id) ?? -KEY_BYTES);
    this.#lengths.delete(id);
    store.remove(orderedKey(table, number));
  }
}

function idOf(table: number, number: number): number {
  return table * 2 ** 40 + number;
}
