/**
 * The atomic operation: it collects checks, mutations and messages, and commits them together.
 */

import { CUSTOM_INSPECT, joinNativeClass, TEXTS } from "./api/deno.ts";
import type {
  AtomicCheck,
  KvCommitError,
  KvCommitResult,
  KvEnqueueOptions,
  KvKey,
  KvMutation,
} from "./api/types.ts";
import { KvU64 } from "./api/u64.ts";
import { inspectWrite } from "./inspect_write.ts";
import { encodeSoon, LaterBytes, serializeSoon } from "./value/value.ts";
import {
  checkBackoffSchedule,
  checkDelay,
  checkExpireIn,
  encodedLater,
  type GivenMessage,
  type GivenMutation,
  type GivenWrite,
  type MutationType,
} from "./write/encode.ts";

/** Commits a write. Returns the versionstamp, or null if a check failed. */
export type Committer = (write: GivenWrite) => Promise<string | null>;

/**
 * An operation that takes effect as a whole or not at all. `Kv.atomic` returns one.
 *
 * ```ts
 * import { openKv } from "./mod.ts";
 *
 * using kv = await openKv(":memory:");
 * await kv.set(["stock"], 1);
 * const { versionstamp } = await kv.get(["stock"]);
 * const sell = () =>
 *   kv.atomic().check({ key: ["stock"], versionstamp }).set(["stock"], 0).commit();
 * console.assert((await sell()).ok);
 * console.assert(!(await sell()).ok);
 * ```
 */
export class AtomicOperation {
  readonly #commit: Committer;
  readonly #checks: AtomicCheck[] = [];
  readonly #mutations: GivenMutation<LaterBytes>[] = [];
  readonly #enqueues: GivenMessage<LaterBytes>[] = [];
  /** Whether a value has blobs, whose bytes only a promise gives. */
  #hasBlobs = false;

  static {
    joinNativeClass(this.prototype, "AtomicOperation");
  }

  /**
   * Created by `Kv.atomic`.
   *
   * @param commit Commits the operation.
   */
  constructor(commit: Committer) {
    this.#commit = commit;
  }

  /**
   * Adds conditions: entries that must have a versionstamp, or must not exist.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * const isNew = { key: ["id"], versionstamp: null };
   * console.assert((await kv.atomic().check(isNew).set(["id"], 1).commit()).ok);
   * ```
   */
  check(...checks: AtomicCheck[]): this {
    for (const check of checks) {
      this.#checks.push({ key: check.key, versionstamp: check.versionstamp });
    }
    return this;
  }

  /**
   * Adds mutations.
   *
   * ```ts
   * import { KvU64, openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.atomic().mutate(
   *   { type: "set", key: ["name"], value: "Ada", expireIn: 1000 },
   *   { type: "sum", key: ["count"], value: new KvU64(1n) },
   *   { type: "delete", key: ["draft"] },
   * ).commit();
   * ```
   *
   * @throws {TypeError} A mutation is malformed, or its value cannot be cloned.
   */
  mutate(...mutations: KvMutation[]): this {
    for (const mutation of mutations) this.#mutate(mutation);
    return this;
  }

  #mutate(mutation: KvMutation): void {
    const key = mutation.key;
    const type = mutation.type;
    const { value, expireIn } = mutation as { value?: unknown; expireIn?: unknown };
    if (type === "delete") {
      if (value) throw new TypeError("Invalid mutation 'delete' with value");
      this.delete(key);
    } else if (type === "set" || type === "sum" || type === "min" || type === "max") {
      const expires = type === "set" && typeof expireIn === "number" ? expireIn : undefined;
      checkExpireIn(expires);
      if (!Object.hasOwn(mutation, "value")) {
        throw new TypeError(`Invalid mutation '${type}' without value`);
      }
      this.#push(key, type, value, expires);
    } else throw new TypeError("Invalid mutation type");
  }

  #push(key: KvKey, type: MutationType, value: unknown, expireIn?: number): this {
    const encoded = encodeSoon(value);
    this.#hasBlobs ||= encoded instanceof LaterBytes;
    this.#mutations.push({ key, type, value: encoded, expireIn });
    return this;
  }

  /**
   * Adds to an integer, modulo 2^64. An entry that does not exist counts as 0.
   *
   * ```ts
   * import { KvU64, openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.atomic().sum(["visits"], 1n).commit();
   * console.assert((await kv.get<KvU64>(["visits"])).value?.value === 1n);
   * ```
   *
   * @throws {RangeError} The operand is not an unsigned integer of 64 bits.
   */
  sum(key: KvKey, n: bigint): this {
    return this.#push(key, "sum", new KvU64(n));
  }

  /**
   * Sets an integer to the smaller one of itself and the operand.
   *
   * ```ts
   * import { KvU64, openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.atomic().min(["low"], 5n).min(["low"], 7n).commit();
   * console.assert((await kv.get<KvU64>(["low"])).value?.value === 5n);
   * ```
   *
   * @throws {RangeError} The operand is not an unsigned integer of 64 bits.
   */
  min(key: KvKey, n: bigint): this {
    return this.#push(key, "min", new KvU64(n));
  }

  /**
   * Sets an integer to the larger one of itself and the operand.
   *
   * ```ts
   * import { KvU64, openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.atomic().max(["high"], 5n).max(["high"], 7n).commit();
   * console.assert((await kv.get<KvU64>(["high"])).value?.value === 7n);
   * ```
   *
   * @throws {RangeError} The operand is not an unsigned integer of 64 bits.
   */
  max(key: KvKey, n: bigint): this {
    return this.#push(key, "max", new KvU64(n));
  }

  /**
   * Sets the value of a key.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.atomic().set(["a"], 1).set(["b"], 2).commit();
   * console.assert((await kv.get(["b"])).value === 2);
   * ```
   *
   * @param value Any value that can be cloned.
   * @throws {TypeError} It cannot be cloned, or the expiry is malformed.
   */
  set(key: KvKey, value: unknown, options?: { expireIn?: number }): this {
    checkExpireIn(options?.expireIn);
    return this.#push(key, "set", value, options?.expireIn);
  }

  /**
   * Removes an entry, if it exists.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.set(["a"], 1);
   * await kv.atomic().delete(["a"]).commit();
   * console.assert((await kv.get(["a"])).value === null);
   * ```
   */
  delete(key: KvKey): this {
    this.#mutations.push({ key, type: "delete", value: undefined, expireIn: undefined });
    return this;
  }

  /**
   * Adds a message to the queue.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * await kv.atomic().set(["order", 1], "new").enqueue({ order: 1 }).commit();
   * ```
   *
   * @throws {TypeError} The message cannot be cloned, or an option is malformed.
   */
  enqueue(value: unknown, options?: KvEnqueueOptions): this {
    const { delay, keysIfUndelivered, backoffSchedule } = options ?? {};
    if (delay !== undefined) checkDelay(delay);
    if (backoffSchedule !== undefined) checkBackoffSchedule(backoffSchedule);
    const payload = serializeSoon(value);
    this.#hasBlobs ||= payload instanceof LaterBytes;
    this.#enqueues.push({
      payload,
      delay: delay ?? 0,
      keysIfUndelivered: keysIfUndelivered ?? [],
      backoffSchedule: backoffSchedule ?? undefined,
    });
    return this;
  }

  /**
   * Commits. Resolves when the commit is durable.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * const result = await kv.atomic().set(["a"], 1).commit();
   * if (result.ok) console.assert(result.versionstamp.length === 20);
   * ```
   *
   * @returns Its versionstamp, or `ok: false` if a check failed: then nothing has changed.
   * @throws {TypeError} A key is malformed, a limit is exceeded, or a sum does not fit. Nothing has
   * changed.
   */
  async commit(): Promise<KvCommitResult | KvCommitError> {
    const write = this.#hasBlobs ? await encodedLater(this.#write()) : this.#write();
    const versionstamp = await this.#commit(write as GivenWrite);
    return versionstamp === null ? { ok: false } : { ok: true, versionstamp };
  }

  #write(): GivenWrite<LaterBytes> {
    return { checks: this.#checks, mutations: this.#mutations, enqueues: this.#enqueues };
  }

  /** The operation as `console.log` shows it. */
  [CUSTOM_INSPECT](
    inspect: (value: unknown, options: unknown) => string,
    options: unknown,
  ): string {
    return inspectWrite(this.#write(), (value) => inspect(value, options));
  }

  /**
   * Refuses `await` without `commit()`.
   *
   * ```ts
   * import { openKv } from "./mod.ts";
   *
   * using kv = await openKv(":memory:");
   * try {
   *   // @ts-expect-error The types refuse it too.
   *   await kv.atomic().set(["a"], 1);
   * } catch (error) {
   *   console.assert(error instanceof TypeError);
   * }
   * ```
   *
   * @throws {TypeError} Always.
   */
  protected then(): never {
    throw new TypeError(TEXTS.noPromise);
  }
}
