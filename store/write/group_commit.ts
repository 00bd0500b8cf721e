/**
 * Group commit: transactions of one turn of the event loop reach the disk together, in one write
 * and one sync.
 *
 * Each is already committed in memory. Their shared promise resolves when all have the highest
 * durability that any of them requested.
 *
 * If the journal is full before the checkpoint ends, the promise also waits for the checkpoint. The
 * checkpoint advances a slice per turn of the event loop, so other work continues meanwhile.
 */

import { setImmediate } from "node:timers";
import type { Durability, Pager } from "../../pager/mod.ts";

/** Flushes the transactions of one turn of the event loop together. */
export class GroupCommit {
  readonly #pager: Pager;
  readonly #flushed: () => void;
  #group: PromiseWithResolvers<void> | undefined;
  #level: Durability = "buffered";

  /**
   * Creates the group commit of a database.
   *
   * @param pager Its pager.
   * @param flushed Called after each flush, including failed ones.
   */
  constructor(pager: Pager, flushed: () => void) {
    this.#pager = pager;
    this.#flushed = flushed;
  }

  /** Resolves when all committed transactions have reached a durability. */
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

  /** Flushes the waiting group immediately. */
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

  /** Resolves a group once the checkpoint has caught up. */
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
