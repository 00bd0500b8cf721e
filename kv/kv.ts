/**
 * The handle on a KV database, with the interface of `Deno.Kv`.
 *
 * Reads are synchronous inside, so a `getMany`, and each batch of a list, shows one version. A
 * handle owns its iterators, streams and listeners; `close` ends them.
 */

import { badResource, joinNativeClass, TEXTS } from "./api/deno.ts";
import type {
  KvCommitResult,
  KvConsistencyLevel,
  KvEnqueueOptions,
  KvEntryMaybe,
  KvKey,
  KvListOptions,
  KvListSelector,
  KvOptions,
} from "./api/types.ts";
import { AtomicOperation } from "./atomic_operation.ts";
import { encodeKey, wrongType } from "./format/key.ts";
import { storedParts } from "./format/key_reader.ts";
import type { KvRecord } from "./format/record.ts";
import { versionstampOf } from "./format/versionstamp.ts";
import { KvListIterator, type ReadBatch } from "./list_iterator.ts";
import type { Share } from "./owners.ts";
import { now } from "./schedule/clock.ts";
import { KvStore } from "./store.ts";
import { watchStream } from "./watch_stream.ts";
import { COMMIT_VERSIONSTAMP, encodeWrite, type GivenWrite } from "./write/encode.ts";
import { checkCount, checkReadKey, checkWrite, type Limits, limitsOf } from "./write/limits.ts";

/**
 * A handle on a KV database. `openKv` returns one.
 *
 * ```ts
 * import { openKv } from "./mod.ts";
 *
 * using kv = await openKv(":memory:");
 * await kv.set(["users", "ada"], { born: 1815 });
 * const { value } = await kv.get<{ born: number }>(["users", "ada"]);
 * console.assert(value?.born === 1815);
 * ```
 */
export class Kv implements Disposable {
  readonly #share: Share;
  readonly #store: KvStore;
  readonly #limits: Limits;
  readonly #hidesExpired: boolean;
  /** What ends the streams and listeners of the handle. */
  readonly #ends = new Set<() => void>();
  #isClosed = false;

  static {
    joinNativeClass(this.prototype, "Kv");
  }

  /**
   * Created by `openKv`.
   *
   * @param share The share of the database that the handle gives back when it is closed.
   * @param options The options of `openKv`.
   * @throws {TypeError} An option is malformed, or the share is missing.
   */
  constructor(share: Share, options: KvOptions) {
    if (!(share?.store instanceof KvStore)) throw new TypeError(TEXTS.noConstructor);
    this.#limits = limitsOf(options.limits);
    this.#hidesExpired = hidesExpired(options);
    this.#share = share;
    this.#store = share.store;
  }

  /**
   * Reads an entry.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.set(["a"], 1);
   * console.assert((await kv.get(["a"])).value === 1);
   * console.assert((await kv.get(["b"])).versionstamp === null);
   * ```
   *
   * @throws {TypeError} The key is malformed.
   */
  // deno-lint-ignore require-await -- its errors are rejections
  async get<T = unknown>(
    key: KvKey,
    options?: { consistency?: KvConsistencyLevel },
  ): Promise<KvEntryMaybe<T>> {
    const isPlain = options === undefined && Array.isArray(key) && !this.#isClosed;
    const found = isPlain ? this.#find<T>(key) : undefined;
    if (found !== undefined) return found;
    const encoded = encodeReadKey(key);
    checkConsistency(options?.consistency);
    this.#checkOpen();
    const bytes = this.#checkedReadKey(encoded);
    return readEntryOf(key, this.#store.read(bytes, this.#hiddenUntil()));
  }

  /** The entry of a key, without its bytes in memory of their own; undefined if there is none. */
  #find<T>(key: KvKey): KvEntryMaybe<T> | undefined {
    let record: KvRecord | undefined;
    try {
      record = this.#store.readKey(key, this.#hiddenUntil());
    } catch {
      // The longer way has the right error.
    }
    return record && readEntryOf(key, record);
  }

  /**
   * Reads entries at one version.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.set(["a"], 1);
   * const [a, b] = await kv.getMany<[number, string]>([["a"], ["b"]]);
   * console.assert(a.value === 1 && b.value === null);
   * ```
   *
   * @throws {TypeError} A key is malformed.
   */
  // deno-lint-ignore require-await -- its errors are rejections
  async getMany<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: KvKey }],
    options?: { consistency?: KvConsistencyLevel },
  ): Promise<{ [K in keyof T]: KvEntryMaybe<T[K]> }> {
    // As in Deno KV, what is not an array has no keys.
    const given: KvKey[] = Array.prototype.map.call(keys, (key) => key) as KvKey[];
    const encoded = Array.from({ length: given.length }, (_, i) => {
      if (i in given) return encodeReadKey(given[i]!);
      throw wrongType("object", undefined);
    });
    checkConsistency(options?.consistency);
    this.#checkOpen();
    checkCount("ranges", encoded.length, this.#limits.ranges);
    const checked = encoded.map((bytes) => this.#checkedReadKey(bytes));
    return this.#readMany(given, checked) as { [K in keyof T]: KvEntryMaybe<T[K]> };
  }

  #checkedReadKey(bytes: Uint8Array | undefined): Uint8Array {
    if (bytes === undefined) throw new TypeError("Invalid range");
    checkReadKey(bytes.length + 1, this.#limits);
    return bytes;
  }

  #readMany(keys: readonly KvKey[], encoded: readonly Uint8Array[]): KvEntryMaybe<unknown>[] {
    const records = this.#store.readMany(encoded, this.#hiddenUntil());
    return records.map((record, i) => readEntryOf(keys[i]!, record));
  }

  /**
   * Sets the value of a key. Resolves when it is durable.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.set(["session", "x7"], { user: "ada" }, { expireIn: 60_000 });
   * await kv.set(["log", kv.commitVersionstamp()], "text");
   * ```
   *
   * @param value Any value that can be cloned.
   * @throws {TypeError} The key is malformed, or the value cannot be cloned.
   */
  async set(
    key: KvKey,
    value: unknown,
    options?: { expireIn?: number },
  ): Promise<KvCommitResult> {
    return await this.#commitAlways(this.atomic().set(key, value, options));
  }

  /**
   * Removes an entry, if it exists. Resolves when that is durable.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.set(["a"], 1);
   * await kv.delete(["a"]);
   * console.assert((await kv.get(["a"])).value === null);
   * ```
   *
   * @throws {TypeError} The key is malformed.
   */
  async delete(key: KvKey): Promise<void> {
    await this.#commitAlways(this.atomic().delete(key));
  }

  /**
   * Lists entries in key order.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.atomic().set(["a", 1], "x").set(["a", 2], "y").set(["b"], "z").commit();
   * const entries = await Array.fromAsync(kv.list({ prefix: ["a"] }, { reverse: true }));
   * console.assert(entries.map(({ value }) => value).join() === "y,x");
   * ```
   *
   * @throws {TypeError} The selector is malformed.
   * @throws {Error} The limit or the size of the batches is not a positive integer.
   */
  list<T = unknown>(selector: KvListSelector, options: KvListOptions = {}): KvListIterator<T> {
    const read: ReadBatch = (batch) => {
      checkConsistency(options.consistency);
      this.#checkOpen();
      checkReadKey(batch.bounds.lower.length, this.#limits);
      checkReadKey(batch.bounds.upper.length, this.#limits);
      checkCount("entries", batch.limit, this.#limits.entries);
      return this.#store.list(batch, this.#hiddenUntil());
    };
    return new KvListIterator<T>(read, selector, options);
  }

  /**
   * Begins an atomic operation.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * const result = await kv.atomic().set(["a"], 1).set(["b"], 2).commit();
   * console.assert(result.ok);
   * ```
   */
  atomic(): AtomicOperation {
    return new AtomicOperation((write) => this.#commit(write));
  }

  /** Commits an operation without checks. */
  async #commitAlways(operation: AtomicOperation): Promise<KvCommitResult> {
    const result = await operation.commit();
    if (!result.ok) throw new TypeError("Failed to set value");
    return result;
  }

  // deno-lint-ignore require-await -- its errors are rejections
  async #commit(write: GivenWrite): Promise<string | null> {
    const encoded = encodeWrite(write, now());
    this.#checkOpen();
    checkWrite(encoded, this.#limits);
    return this.#store.commit(encoded, this.#hiddenUntil());
  }

  /**
   * Adds a message to the queue. Resolves when it is durable.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.enqueue({ to: "ada" }, { delay: 1000, keysIfUndelivered: [["failed", "ada"]] });
   * ```
   *
   * @throws {TypeError} The message cannot be cloned, or an option is malformed.
   */
  async enqueue(value: unknown, options?: KvEnqueueOptions): Promise<KvCommitResult> {
    return await this.#commitAlways(this.atomic().enqueue(value, options));
  }

  /**
   * Delivers the messages of the queue to a handler, each at least once. If the handler throws or
   * rejects, the message is delivered again later.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * const kv = await openKv(":memory:");
   * const ended = kv.listenQueue((message) => {
   *   console.assert(message === "hello");
   *   kv.close();
   * });
   * await kv.enqueue("hello");
   * await ended;
   * ```
   *
   * @returns Resolves when the handle is closed.
   * @throws {Error} The handle is closed.
   * @throws {TypeError} The database is read-only, follows another process, or is shared.
   */
  // deno-lint-ignore no-explicit-any -- the type of Deno KV
  async listenQueue(handler: (value: any) => Promise<void> | void): Promise<void> {
    if (this.#isClosed) throw new Error("Queue already closed");
    const { end, ended } = this.#store.queue.listen(handler);
    this.#ends.add(end);
    await ended;
  }

  /**
   * Streams the state of some keys: first the present one, and then the next one whenever a commit
   * has changed them. A slow reader misses states in between, and never the last one.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.set(["a"], 1);
   * for await (const [a] of kv.watch<[number]>([["a"]])) {
   *   console.assert(a.value === 1);
   *   break;
   * }
   * ```
   *
   * @throws {TypeError} A key is malformed.
   */
  watch<T extends readonly unknown[]>(
    keys: readonly [...{ [K in keyof T]: KvKey }],
    options: { raw?: boolean } = {},
  ): ReadableStream<{ [K in keyof T]: KvEntryMaybe<T[K]> }> {
    const raw = Boolean(options.raw);
    const given = arrayOf(keys) as KvKey[];
    const encoded = Array.from(given, encodeKey); // holes too
    const own = given.map((key) => key.slice());
    this.#checkOpen();
    checkCount("keys", encoded.length, this.#limits.watchedKeys);
    for (const { length } of encoded) checkReadKey(length, this.#limits);
    const { stream, close } = watchStream({
      keys: encoded,
      raw,
      read: () => this.#readMany(own, encoded),
      follow: (key, changed, ended) => this.#store.watch(key, changed, ended),
    }, () => this.#ends.delete(close));
    this.#ends.add(close);
    return stream as ReadableStream<{ [K in keyof T]: KvEntryMaybe<T[K]> }>;
  }

  /**
   * Closes the handle: its streams and listeners end, and calls that follow are refused. The last
   * handle of a file closes it.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * const kv = await openKv(":memory:");
   * kv.close();
   * await kv.get(["a"]).catch((error) => console.assert(error.name === "BadResource"));
   * ```
   *
   * @throws {Deno.errors.BadResource} It is closed already.
   */
  close(): void {
    this.#checkOpen();
    this.#isClosed = true;
    for (const end of this.#ends) end();
    this.#ends.clear();
    this.#share.release();
  }

  /**
   * A symbol for the last part of a key in `set`, which becomes the versionstamp of the commit.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * const { versionstamp } = await kv.set(["log", kv.commitVersionstamp()], "text");
   * console.assert((await kv.get(["log", versionstamp])).value === "text");
   * ```
   */
  commitVersionstamp(): symbol {
    return COMMIT_VERSIONSTAMP;
  }

  /** Closes the handle unless it is closed, for `using`. */
  [Symbol.dispose](): void {
    if (!this.#isClosed) this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw badResource();
  }

  #hiddenUntil(): number {
    return this.#hidesExpired ? now() : -Infinity;
  }
}

/** The entry of a key that was read, whose key is the caller's own only if there is no entry. */
function readEntryOf<T>(key: KvKey, record: KvRecord | undefined): KvEntryMaybe<T> {
  if (record === undefined) return { key, value: null, versionstamp: null };
  const { value, version } = record;
  return { key: storedParts(key), value: value as T, versionstamp: versionstampOf(version) };
}

/** Encodes a key to read. One that is null is undefined, and is refused after other arguments. */
function encodeReadKey(key: KvKey): Uint8Array | undefined {
  return key === undefined || key === null ? undefined : encodeKey(key);
}

function arrayOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.slice();
  return encodeKey(value) as never; // throws
}

function checkConsistency(level: KvConsistencyLevel = "strong"): void {
  if (level === "strong" || level === "eventual" || level === null) return;
  const given: unknown = level;
  if (typeof given === "object" && given !== null) {
    const { length } = Object.keys(given);
    throw new TypeError(`serde_v8 error: length mismatch, got: ${length}, expected: 1`);
  }
  if (typeof given !== "string") throw wrongType("enum", given);
  throw new TypeError(`unknown variant \`${level}\`, expected \`strong\` or \`eventual\``);
}

/**
 * Whether an option hides entries that are due.
 *
 * @throws {TypeError} It is malformed.
 */
export function hidesExpired({ expired = "visible" }: KvOptions): boolean {
  if (expired === "visible" || expired === "hidden") return expired === "hidden";
  throw new TypeError(`Cannot open: expired cannot be ${String(expired)}`);
}
