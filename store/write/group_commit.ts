/**
 * Group commit: transactions of one turn of the event loop reach the disk together, in one write
 * and one sync.
 *
 * Each has been committed in memory already; the promise they share resolves when all of them are
 * as safe as the most demanding asked for.
 *
 * When the journal is full before the checkpoint has ended, who waits for a promise waits for the
 * checkpoint too, which goes on a slice a turn of the event loop: others go on meanwhile.
 */

import { setImmediate } from "node:timers";
import type { Durability, Pager } from "../../pager/mod.ts";

/** Takes transactions of one turn of the event loop to the disk together. */
export class GroupCommit {
  readonly #pager: Pager;
  readonly #flushed: () => void;
  #group: PromiseWithResolvers<void> | undefined;
  #level: Durability = "buffered";

  /**
   * The group commit of a database.
   *
   * @param pager Its pager.
   * @param flushed Called after each flush, also one that failed.
   */
  constructor(pager: Pager, flushed: () => void) {
    this.#pager = pager;
    this.#flushed = flushed;
  }

  /** Resolves when all that is committed has reached a level. */
  reach(level: Durability): Promise<void> {
    if (level === "none") {
      this.#flush("none", false);
      return Promise.resolve();
    }
    if (this.#group === undefined) {
      this.#group = Promise.withResolvers<void>();
      queueMicrotask(() => this.flush());
    }
    if (level === "sync") this.#level = "sync";
    return this.#group.promise;
  }

  /** Flushes at once what waits. */
  flush(): void {
    const group = this.#group;
    if (group === undefined) return;
    const level = this.#level;
    this.#group = undefined;
    this.#level = "buffered";
    try {
      this.#flush(level, true);
      this.#resolve(group);
    } catch (error) {
      group.reject(error);
    }
  }

  #flush(level: Durability, waits: boolean): void {
    try {
      this.#pager.flush(level, waits);
    } finally {
      this.#flushed();
    }
  }

  /** Resolves a group as soon as the checkpoint is not behind any more. */
  #resolve(group: PromiseWithResolvers<void>): void {
    if (!this.#pager.isOverdue) return group.resolve();
    setImmediate(() => {
      try {
        if (this.#pager.isOverdue && this.#pager.depth === 0) this.#pager.checkpointSlice();
        this.#resolve(group);
      } catch (error) {
        group.reject(error);
      } finally {
        this.#flushed();
      }
    });
  }
}
