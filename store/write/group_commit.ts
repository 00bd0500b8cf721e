/**
 * Group commit: transactions of one turn of the event loop reach the disk together, in one write
 * and one sync.
 *
 * Each is already committed in memory. Their shared promise resolves when all have the highest
 * durability that any of them requested.
 *
 * Commits whose records reach `PENDING_BYTES` are written within the turn, without a sync, and
 * advance the checkpoint there. So the memory and the journal of a turn are bounded, whatever the
 * number of its transactions.
 *
 * If the journal is full before the checkpoint ends, the promise also waits for the checkpoint. The
 * checkpoint advances a slice per turn of the event loop, so other work continues meanwhile.
 */

import { setImmediate } from "node:timers";
import type { Durability, Pager } from "../../pager/mod.ts";

/** The most bytes of records that wait in memory for the end of the turn. */
const PENDING_BYTES = 4 * 1024 * 1024;

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
    const { promise } = this.#group;
    if (level === "sync") this.#level = "sync";
    if (this.#pager.pendingBytes >= PENDING_BYTES) this.#writePending();
    return promise;
  }

  /** Writes the records of the waiting group; its promise still waits for the end of the turn. */
  #writePending(): void {
    try {
      this.#flush("buffered", false);
    } catch (error) {
      this.#takeGroup()?.reject(error);
    }
  }

  /** Ends the waiting group, if there is one. */
  #takeGroup(): PromiseWithResolvers<void> | undefined {
    const group = this.#group;
    this.#group = undefined;
    this.#level = "buffered";
    return group;
  }

  /** Flushes the waiting group immediately. */
  flush(): void {
    const level = this.#level;
    const group = this.#takeGroup();
    if (group === undefined) return;
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
