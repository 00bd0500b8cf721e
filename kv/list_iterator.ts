/**
 * The iterator of a list. It reads batches, each at the version of its moment, and continues behind
 * the last key of the one before.
 */

import { boundsOf, cursorOf, type Selector, selectorOf } from "./format/selector.ts";
import type { KeyBounds } from "./format/selector.ts";
import type { KvEntry, KvListOptions, KvListSelector } from "./api/types.ts";

/** Reads a batch of entries. */
export type BatchReader = (
  bounds: KeyBounds,
  reverse: boolean,
  limit: number,
) => KvEntry<unknown>[];

const BATCH_DEFAULT = 100;
const BATCH_MAX = 500;

/**
 * Iterates over the entries of a list. `Kv.list` returns one.
 *
 * ```ts
 * import { openKv } from "./mod.ts";
 *
 * using kv = await openKv(":memory:");
 * await kv.atomic().set(["users", "ada"], 1).set(["users", "bob"], 2).commit();
 * const first = kv.list<number>({ prefix: ["users"] }, { limit: 1 });
 * for await (const { key, value } of first) console.assert(key[1] === "ada" && value === 1);
 * const rest = kv.list({ prefix: ["users"] }, { cursor: "AmFkYQA=" });
 * console.assert((await Array.fromAsync(rest)).length === 1);
 * ```
 */
export class KvListIterator<T> implements AsyncIterableIterator<KvEntry<T>, undefined> {
  readonly #read: BatchReader;
  readonly #selector: Selector;
  readonly #reverse: boolean;
  readonly #batchSize: number;
  #left: number;
  #batch: KvEntry<unknown>[] = [];
  /** The index in the batch of the next entry. */
  #at = 0;
  #isLastBatch = false;
  #isDone = false;
  /** The cursor that was given, or that of the end. */
  #cursor: string | undefined;
  #last: KvEntry<unknown> | undefined;

  /**
   * Created by `Kv.list`.
   *
   * @param read Reads a batch.
   * @param selector The selector of the list.
   * @param options Its options.
   */
  constructor(read: BatchReader, selector: KvListSelector, options: KvListOptions) {
    this.#batchSize = batchSizeOf(options.limit, options.batchSize);
    this.#read = read;
    this.#selector = selectorOf(selector);
    this.#reverse = Boolean(options.reverse);
    this.#left = options.limit ?? Infinity;
    this.#cursor = options.cursor || undefined;
  }

  /**
   * The cursor of the last entry, for the option `cursor` of another list; "" after the end.
   *
   * @throws {Error} No entry was read yet.
   */
  get cursor(): string {
    if (this.#last !== undefined) return cursorOf(this.#selector, this.#last.key);
    if (this.#cursor !== undefined) return this.#cursor;
    throw new Error("Cannot get cursor before first iteration");
  }

  /**
   * Returns the next entry.
   *
   * @throws {TypeError} The selector or an option is malformed.
   */
  // deno-lint-ignore require-await -- its errors are rejections
  async next(): Promise<IteratorResult<KvEntry<T>, undefined>> {
    if (this.#isDone || this.#left <= 0) return { done: true, value: undefined };
    if (this.#at >= this.#batch.length && !this.#isLastBatch) this.#readBatch();
    const entry = this.#batch[this.#at++];
    if (entry === undefined) {
      this.#isDone = true;
      this.#last = undefined;
      this.#cursor = "";
      return { done: true, value: undefined };
    }
    this.#left--;
    this.#last = entry;
    return { done: false, value: entry as KvEntry<T> };
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  #readBatch(): void {
    const cursor = this.#last === undefined ? this.#cursor ?? "" : this.cursor;
    const bounds = boundsOf(this.#selector, cursor, this.#reverse);
    this.#batch = this.#read(bounds, this.#reverse, this.#batchSize);
    this.#at = 0;
    this.#isLastBatch = this.#batch.length < this.#batchSize;
  }
}

function batchSizeOf(limit: number | undefined, batchSize: number | undefined): number {
  if (limit !== undefined) checkPositive("Limit", limit);
  const size = batchSize ?? limit ?? BATCH_DEFAULT;
  checkPositive("batchSize", size);
  return batchSize === undefined ? Math.min(size, BATCH_MAX) : size;
}

function checkPositive(what: string, count: number): void {
  if (Number.isInteger(count) && count > 0) return;
  throw new Error(`${what} must be a positive integer: received ${count}`);
}
