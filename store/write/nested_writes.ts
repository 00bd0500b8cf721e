/**
 * The promises of writes inside a transaction.
 *
 * Such a write is a savepoint, and is not durable before the outermost transaction. So its promise
 * waits: it rejects if an enclosing transaction rolls back; otherwise it resolves when the
 * outermost one has the durability that the write requested.
 *
 * Writes are kept in the order in which they ended, so those of a savepoint are the last ones.
 */

import type { Durability } from "../../pager/mod.ts";

/** A write whose transaction is open. */
interface Waiting {
  readonly level: Durability;
  resolve(): void;
  reject(error: unknown): void;
}

/** The promises of writes inside a transaction. */
export class NestedWrites {
  readonly #waiting: Waiting[] = [];

  /** The number of waiting writes. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Adds a write that has ended as a savepoint.
   *
   * @param result The value of its promise.
   * @param level The durability that it requested.
   */
  add<T>(result: T, level: Durability): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const rejectHandled = (error: unknown) => {
      // The enclosing transaction throws the same error, so the promise may be ignored.
      promise.catch(() => {});
      reject(error);
    };
    this.#waiting.push({ level, resolve: () => resolve(result), reject: rejectHandled });
    return promise;
  }

  /** After a rollback of a savepoint, rejects all but the first `length` writes. */
  reject(length: number, error: unknown): void {
    for (const { reject } of this.#waiting.splice(length)) reject(error);
  }

  /**
   * Settles all writes after the outermost transaction has committed.
   *
   * @param reach Resolves when all committed transactions have reached a durability.
   */
  settle(reach: (level: Durability) => Promise<void>): void {
    if (this.#waiting.length === 0) return;
    for (const { level, resolve, reject } of this.#waiting.splice(0)) {
      if (level === "none") resolve();
      else reach(level).then(resolve, reject);
    }
  }
}
