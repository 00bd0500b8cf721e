/**
 * The calls of a store, repeated until they succeed: after longer and longer waits, while the
 * database is used as if nothing had happened. A call that is not answered in time has failed, so
 * that a store which never answers does not keep an archive from ending.
 */

import { SYSTEM_WAITS, untilAborted, type Waits } from "../backup/waiting.ts";
import type { ArchiveStore } from "./archive_store.ts";
import { storeFailure } from "./named_store.ts";

const WAIT_MS_MIN = 50;
const WAIT_MS_MAX = 30_000;
/** A call that takes as long has failed; an object has at most 5 MiB. */
const ANSWER_MINUTES = 5;

/** The calls of a store. */
export class StoreCalls implements ArchiveStore {
  /** The calls that failed. */
  failures = 0;
  /** The message of the last failure, until a call succeeds. */
  failure: string | undefined;
  /** The objects put. */
  objects = 0;
  /** The bytes of them. */
  bytes = 0;
  readonly #store: ArchiveStore;
  readonly #signal: AbortSignal;
  readonly #waits: Waits;
  readonly #haste = new AbortController();

  /**
   * Begins to call a store.
   *
   * @param signal Ends all calls: they reject with its reason.
   * @param waits The time that passes.
   */
  constructor(store: ArchiveStore, signal: AbortSignal, waits: Waits = SYSTEM_WAITS) {
    this.#store = store;
    this.#signal = signal;
    this.#waits = waits;
  }

  /** From now on each call is made once; a running wait ends. */
  hurry(): void {
    this.#haste.abort();
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#call("write", () => this.#store.put(name, bytes));
    this.objects++;
    this.bytes += bytes.length;
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return this.#call("read", () => this.#store.get(name));
  }

  list(): Promise<readonly string[]> {
    return this.#call("list", () => this.#store.list());
  }

  delete(name: string): Promise<void> {
    return this.#call("delete from", () => this.#store.delete(name));
  }

  async #call<T>(action: string, call: () => Promise<T>): Promise<T> {
    for (let wait = WAIT_MS_MIN;; wait = Math.min(wait * 2, WAIT_MS_MAX)) {
      this.#signal.throwIfAborted();
      try {
        const result = await this.#answer(call);
        this.failure = undefined;
        return result;
      } catch (cause) {
        this.#signal.throwIfAborted();
        this.failures++;
        this.failure = cause instanceof Error ? cause.message : String(cause);
        if (this.#haste.signal.aborted) throw storeFailure(action, cause);
      }
      await this.#waits.rest(wait, AbortSignal.any([this.#signal, this.#haste.signal]));
    }
  }

  /** Makes a call, and waits for its answer for some time. */
  async #answer<T>(call: () => Promise<T>): Promise<T> {
    const [over, late] = [new AbortController(), new AbortController()];
    const expire = () => late.abort(new Error(`no answer within ${ANSWER_MINUTES} minutes`));
    void this.#waits.rest(ANSWER_MINUTES * 60_000, over.signal).then(expire);
    try {
      return await untilAborted(call(), AbortSignal.any([this.#signal, late.signal]));
    } finally {
      over.abort();
    }
  }
}
