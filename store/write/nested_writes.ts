/**
 * The promises of writes inside a transaction.
 *
 * Such a write is a savepoint, and nothing of it lasts before the outermost transaction does. So
 * its promise waits: it rejects when a transaction around it rolls back, and else resolves when the
 * outermost one is as durable as the write asked for.
 *
 * Writes stand in the order in which they ended, so those of a savepoint are the last ones.
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

  /** How many wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Adds a write that has ended as a savepoint.
   *
   * @param result What its promise resolves with.
   * @param level How durable it has to be by then.
   */
  add<T>(result: T, level: Durability): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const rejectHandled = (error: unknown) => {
      // The transaction around it throws the same, so the promise may be dropped.
      promise.catch(() => {});
      reject(error);
    };
    this.#waiting.push({ level, resolve: () => resolve(result), reject: rejectHandled });
    return promise;
  }

  /** A savepoint has rolled back: rejects all but the first `length` writes. */
  reject(length: number, error: unknown): void {
    for (const { reject } of this.#waiting.splice(length)) reject(error);
  }

  /**
   * The outermost transaction has committed.
   *
   * @param reach Resolves when all that is committed has reached a level.
   */
  settle(reach: (level: Durability) => Promise<void>): void {
    for (const { level, resolve, reject } of this.#waiting.splice(0)) {
      if (level === "none") resolve();
      else reach(level).then(resolve, reject);
    }
  }
}
