/**
 * Group commit: transactions of one turn of the event loop reach the disk together, in one write
 * and one sync.
 *
 * Each has been committed in memory already; the promise they share resolves when all of them are
 * as safe as the most demanding asked for.
 */

import type { Durability, Pager } from "../pager/mod.ts";

/** Takes transactions of one turn of the event loop to the disk together. */
export class GroupCommit {
  readonly #pager: Pager;
  #group: PromiseWithResolvers<void> | undefined;
  #level: Durability = "buffered";

  /**
   * The group commit of a database.
   *
   * @param pager Its pager.
   */
  constructor(pager: Pager) {
    this.#pager = pager;
  }

  /** Resolves when all that is committed has reached a level. */
  reach(level: Durability): Promise<void> {
    if (level === "none") {
      this.#pager.flush("none");
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
      this.#pager.flush(level);
      group.resolve();
    } catch (error) {
      group.reject(error);
    }
  }
}
