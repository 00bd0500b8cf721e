/**
 * A watcher as users meet it: the commits that change a range of a tree, one after another, as soon
 * as each is durable.
 *
 * What a watcher is told inside a flush only resolves promises; codecs run later, when the reader's
 * turn comes. A watcher that has come to an error stays there: every later `next` rejects with it.
 */

import { LimitError } from "../../pager/mod.ts";
import type { Change, Commit, RawChange, RawCommit } from "./change.ts";
import type { ChangeFeed } from "./change_feed.ts";
import { type QueueScope, WatchQueue } from "./watch_queue.ts";
import { ANY, checkOptions } from "../read/argument_checks.ts";
import type { KeyRange } from "../read/range.ts";

/** How to watch. */
export interface WatchOptions {
  /** Ends the watcher when it aborts: `next` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How many changes may wait, from being made to being read, also those of one transaction.
   * Default 10 000.
   */
  readonly maxPending?: number | undefined;
}

/** What is watched, and how its bytes are read. */
export interface WatchSource<K, V> extends QueueScope {
  /** The key of bytes, which it may keep. */
  decodeKey(bytes: Uint8Array): K;
  /** The value of bytes, which it may keep. */
  decodeValue(bytes: Uint8Array): V;
}

const PENDING_MAX = 10_000;

/**
 * The commits that change what is watched, in order. Get one by `Tree.watch`.
 *
 * It begins when it is made, not when it is first read, and shows every commit from then on, none
 * twice, each once it is durable; with durability `"none"` or `"buffered"` that may be later than
 * the call or promise of the writer. It is of a name: after a drop or a rename it goes on with
 * whatever tree gets that name.
 *
 * It ends without an error when a `for await` is left, by `return` or `await using`, and when the
 * database is closed, once it has given out what is durable. It ends with an error by its signal,
 * when more changes wait than `maxPending`, and when a codec refuses what is to be given out; every
 * later `next` rejects with the same error.
 *
 * ```ts
 * import { open, type Watcher } from "../../mod.ts";
 *
 * using db = open(":memory:");
 * const cities = db.tree("cities");
 * await using watcher: Watcher = cities.watch();
 * await cities.set("Lisboa", new Uint8Array([1]));
 * const { value } = await watcher.next();
 * console.assert(value?.changes[0]?.type === "set");
 * ```
 */
export class Watcher<K = Uint8Array, V = Uint8Array, R = KeyRange<Uint8Array | string, unknown>>
  implements AsyncIterableIterator<Commit<K, V, R>, undefined> {
  readonly #feed: ChangeFeed;
  readonly #source: WatchSource<K, V>;
  readonly #queue: WatchQueue;
  readonly #pendingMax: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#end({ error: this.#signal?.reason });
  readonly #reads: PromiseWithResolvers<RawCommit | undefined>[] = [];
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  /** Whether a codec failed: commits that were on their way to later calls do not arrive. */
  #isBroken = false;

  /**
   * Made by `Tree.watch`.
   *
   * @param feed Where changes come from.
   * @param source What is watched.
   * @param options How.
   */
  constructor(feed: ChangeFeed, source: WatchSource<K, V>, options: WatchOptions) {
    checkWatchOptions(options);
    this.#feed = feed;
    this.#source = source;
    this.#pendingMax = options.maxPending ?? PENDING_MAX;
    this.#signal = options.signal;
    this.#queue = new WatchQueue(source, this.#pendingMax, () => this.#serve());
    feed.add(this.#queue);
    this.#signal?.addEventListener("abort", this.#onAbort);
    if (this.#signal?.aborted) this.#onAbort();
  }

  /**
   * The next commit. Several calls at once are answered in their order.
   *
   * @returns Done when the database was closed, or the watcher was ended.
   * @throws {LimitError} More changes waited than `maxPending`. What came before was given out.
   * @throws {TypeError} A codec refused the bytes of a key or a value, or whatever else it throws.
   * @throws {unknown} The reason of the signal.
   */
  async next(): Promise<IteratorResult<Commit<K, V, R>, undefined>> {
    const read = Promise.withResolvers<RawCommit | undefined>();
    this.#reads.push(read);
    this.#serve();
    const raw = await read.promise;
    if (this.#isBroken) throw this.#failure?.error;
    if (raw === undefined) return { done: true, value: undefined };
    return { done: false, value: this.#decode(raw) };
  }

  /** Ends the watcher; what waits is given up. */
  return(): Promise<IteratorResult<Commit<K, V, R>, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the watcher, and rejects with an error. */
  throw(error?: unknown): Promise<IteratorResult<Commit<K, V, R>, undefined>> {
    this.#end();
    return Promise.reject(error);
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** As `return`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  /** Answers those who wait, as far as there is an answer. */
  #serve(): void {
    while (this.#reads.length > 0) {
      const commit = this.#queue.take();
      if (commit === undefined) break;
      this.#reads.shift()?.resolve(commit);
    }
    if (this.#isOver) this.#answerAll();
    else if (this.#queue.isOver) this.#end(this.#queue.overflowed ? this.#overflow() : undefined);
  }

  #overflow(): { readonly error: LimitError } {
    return { error: new LimitError(`Cannot watch: more than ${this.#pendingMax} changes wait`) };
  }

  #end(failure?: { readonly error: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#feed.remove(this.#queue);
    this.#queue.clear();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#answerAll();
  }

  /** Tells those who wait that nothing comes any more, and why. */
  #answerAll(): void {
    for (const read of this.#reads.splice(0)) {
      if (this.#failure === undefined) read.resolve(undefined);
      else read.reject(this.#failure.error);
    }
  }

  #decode({ version, changes }: RawCommit): Commit<K, V, R> {
    try {
      return { version, changes: changes.map((change) => this.#decodeChange(change)) };
    } catch (error) {
      this.#end();
      this.#isBroken = true;
      this.#failure = { error };
      throw error;
    }
  }

  #decodeChange(change: RawChange): Change<K, V, R> {
    if (change.type === "set") {
      const key = this.#source.decodeKey(change.key);
      return { type: "set", key, value: this.#source.decodeValue(change.value) };
    }
    if (change.type === "delete") {
      return { type: "delete", key: this.#source.decodeKey(change.key) };
    }
    // Whoever changed the tree gave its ranges as its codecs want them.
    return change as Change<K, V, R>;
  }
}

function checkWatchOptions(options: WatchOptions): void {
  checkOptions("watch", options, { signal: ANY, maxPending: "number" });
  const { signal, maxPending = PENDING_MAX } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError("Cannot watch: the signal is no AbortSignal");
  }
  if (maxPending === Infinity || (Number.isInteger(maxPending) && maxPending >= 1)) return;
  throw new RangeError(`Cannot watch: maxPending ${maxPending} is no count`);
}
