/**
 * The public class of a watcher: it yields the commits that change a range of a tree, in order,
 * each as soon as it is durable.
 *
 * A flush only resolves promises of a watcher; codecs run later, in the reader's turn. An error of
 * a watcher is permanent: every later `next` rejects with it.
 */

import { LimitError } from "../../pager/mod.ts";
import { checkOptions, SIGNAL } from "../read/argument_checks.ts";
import type { KeyRange } from "../read/range.ts";
import type { Change, Commit, RawChange, RawCommit } from "./change.ts";
import type { ChangeFeed } from "./change_feed.ts";
import { type QueueScope, WatchQueue } from "./watch_queue.ts";

/** Options of `Tree.watch`. */
export interface WatchOptions {
  /** Ends the watcher when aborted: `next` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The most changes that may wait between commit and read. A commit that finds no other waiting
   * may be larger. Default 10 000.
   */
  readonly maxPending?: number | undefined;
}

/** The scope of a watcher, and its decoders. */
export interface WatchSource<K, V> extends QueueScope {
  /** Decodes a key, and may keep the bytes. */
  decodeKey(bytes: Uint8Array): K;
  /** Decodes a value, and may keep the bytes. */
  decodeValue(bytes: Uint8Array): V;
}

const PENDING_MAX = 10_000;

/**
 * The commits that change a tree or a range of it, in order. `Tree.watch` returns one.
 *
 * It begins when it is created, not at its first read. It yields every later commit exactly once,
 * as soon as it is durable; with durability `"none"` or `"buffered"` that may be after the writer's
 * call returns or its promise resolves. It refers to a name: after a drop or a rename it continues
 * with the next tree of that name.
 *
 * In a shared or followed database it yields the commits of other processes too, within about 20
 * ms. Those that this process takes over together are one, with the entries that differ as `set`
 * and `delete`. If their journal is gone, it ends with `SnapshotTooOldError`.
 *
 * It ends without an error at the end of a `for await`, by `return` or `await using`, and after the
 * last durable commit when the database is closed. It ends with an error by its signal, when more
 * changes than `maxPending` wait, or when a codec refuses a key or value. Every later `next`
 * rejects with the same error.
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
  /** Whether a codec failed, so that pending calls receive no commits. */
  #isBroken = false;

  /**
   * Created by `Tree.watch`.
   *
   * @param feed The source of changes.
   * @param source The scope and the decoders.
   * @param options The options of `Tree.watch`.
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
   * Returns the next commit. Concurrent calls are answered in order.
   *
   * @returns The commit, or `done` if the database was closed or the watcher has ended.
   * @throws {LimitError} More changes waited than `maxPending`. All earlier commits were returned.
   * @throws {TypeError} A codec refused the bytes of a key or a value. Its other errors pass as
   * well.
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

  /** Ends the watcher, and discards waiting commits. */
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

  /** Calls `return`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  /** Answers pending calls, as far as commits or an error are available. */
  #serve(): void {
    while (this.#reads.length > 0) {
      const commit = this.#queue.take();
      if (commit === undefined) break;
      this.#reads.shift()?.resolve(commit);
    }
    if (this.#isOver) this.#answerAll();
    else if (this.#queue.isOver) this.#end(this.#queue.failure ?? this.#overflow());
  }

  #overflow(): { readonly error: LimitError } | undefined {
    if (!this.#queue.overflowed) return undefined;
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

  /** Answers all pending calls with the end or the error of the watcher. */
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
    // The ranges of changes have the types of the tree's codecs, which the caller used.
    return change as Change<K, V, R>;
  }
}

function checkWatchOptions(options: WatchOptions): void {
  checkOptions("watch", options, { signal: SIGNAL, maxPending: "number" });
  const { maxPending = PENDING_MAX } = options;
  if (maxPending === Infinity || (Number.isInteger(maxPending) && maxPending >= 1)) return;
  throw new RangeError(`Cannot watch: maxPending ${maxPending} is not a count`);
}
