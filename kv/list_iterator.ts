/**
 * The iterator of a list. It reads batches, each at the version of its moment, and continues behind
 * the last key of the one before.
 */

import { joinNativeClass } from "./api/deno.ts";
import type { KvEntry, KvListOptions, KvListSelector } from "./api/types.ts";
import { encodeKey } from "./format/key.ts";
import {
  boundsOf,
  cursorOf,
  keyOfCursor,
  type Selector,
  type SelectorKeys,
  selectorKeysOf,
  selectorOf,
} from "./format/selector.ts";
import type { Batch, ReadEntries } from "./list_batch.ts";

/** Reads a batch of entries. */
export type ReadBatch = (batch: Batch) => ReadEntries;

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
  readonly #read: ReadBatch;
  readonly #keys: SelectorKeys;
  /** The selector, encoded by the first read. */
  #selector: Selector | undefined;
  readonly #reverse: boolean;
  readonly #batchSize: number;
  /** The number of entries that batches after this one may give. */
  #left: number;
  #batch: readonly KvEntry<unknown>[] = [];
  /** The stored key of the last entry of the batch: the program may change the key that it got. */
  #end: Uint8Array | undefined;
  /** The index in the batch of the next entry. */
  #at = 0;
  /** The index behind the last entry of the batch that is given. */
  #batchEnd = 0;
  #isLastBatch = false;
  #isDone = false;
  /** The cursor that was given, or that of the end. */
  #cursor: string | undefined;
  #last: KvEntry<unknown> | undefined;

  static {
    joinNativeClass(this.prototype, "KvListIterator");
  }

  /**
   * Created by `Kv.list`.
   *
   * @param read Reads a batch.
   * @param selector The selector of the list.
   * @param options Its options.
   */
  constructor(read: ReadBatch, selector: KvListSelector, options: KvListOptions) {
    this.#batchSize = batchSizeOf(options.limit, options.batchSize);
    this.#read = read;
    this.#keys = selectorKeysOf(selector);
    this.#reverse = options.reverse === true;
    this.#left = options.limit ?? Infinity;
    this.#cursor = options.cursor || undefined;
  }

  /**
   * The cursor of the last entry, for the option `cursor` of another list; "" after the end.
   *
   * @throws {Error} No entry was read yet.
   */
  get cursor(): string {
    if (this.#last !== undefined) return cursorOf(this.#selector!, this.#keyOf(this.#last));
    if (this.#cursor !== undefined) return this.#cursor;
    throw new Error("Cannot get cursor before first iteration");
  }

  /**
   * Returns the next entry.
   *
   * @throws {TypeError} The selector or an option is malformed.
   */
  next(): Promise<IteratorResult<KvEntry<T>, undefined>> {
    // Without an async function, which costs as much as the rest.
    if (this.#at < this.#batchEnd) return Promise.resolve(this.#take());
    try {
      return Promise.resolve(this.#hasMore() ? this.#take() : { done: true, value: undefined });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): IteratorYieldResult<KvEntry<T>> {
    const value = this.#last = this.#batch[this.#at++]! as KvEntry<T>;
    return { done: false, value };
  }

  /** Reads a batch. Returns whether there is another entry. */
  #hasMore(): boolean {
    if (this.#isDone || this.#left === 0) return false;
    if (!this.#isLastBatch) this.#readBatch();
    if (this.#at < this.#batchEnd) return true;
    this.#isDone = true;
    this.#last = undefined;
    this.#cursor = "";
    return false;
  }

  #readBatch(): void {
    const selector = this.#selector ??= selectorOf(this.#keys);
    const reverse = this.#reverse;
    const limit = this.#batchSize;
    const bounds = boundsOf(selector, this.#lastKey(selector), reverse);
    const { entries, end } = this.#read({ bounds, common: selector.common, reverse, limit });
    this.#batch = entries;
    this.#end = end;
    this.#at = 0;
    this.#batchEnd = Math.min(entries.length, this.#left);
    this.#left -= this.#batchEnd;
    this.#isLastBatch = entries.length < limit;
  }

  /** The key behind which the next batch begins. */
  #lastKey(selector: Selector): Uint8Array | undefined {
    if (this.#last !== undefined) return this.#keyOf(this.#last);
    return this.#cursor === undefined ? undefined : keyOfCursor(selector, this.#cursor);
  }

  /** The bytes of the key of the last entry that was returned. */
  #keyOf({ key }: KvEntry<unknown>): Uint8Array {
    const isEnd = this.#end !== undefined && this.#at === this.#batch.length;
    return isEnd ? this.#end! : encodeKey(key);
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
