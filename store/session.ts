/**
 * What the trees of an open database share: the transaction, the catalog, and memory for results.
 *
 * An error in the middle of a change leaves pages between two states, so it dooms the innermost
 * savepoint: that one rolls back, whether or not the callback caught the error.
 *
 * The epoch goes up whenever a tree found by name may be another one: created, dropped, renamed,
 * rolled back, closed.
 */

import { Catalog, Space, Tree as Entries } from "../btree/mod.ts";
import { ClosedError, type Pager } from "../pager/mod.ts";
import { Slab } from "./slab.ts";

/** What the trees of an open database share. */
export class Session {
  /** Goes up whenever a tree found by name may be another one. */
  epoch = 0;
  /** The pager. */
  readonly pager: Pager;
  /** Where the trees live. */
  readonly space: Space;
  /** The trees by name. */
  readonly catalog: Catalog;
  /** Memory for results. */
  readonly slab: Slab = new Slab();
  #closed = false;
  #doom: unknown;
  #doomed = false;

  /**
   * The session of a pager.
   *
   * @param pager The pager.
   */
  constructor(pager: Pager) {
    this.pager = pager;
    this.space = new Space(pager);
    this.catalog = new Catalog(this.space);
  }

  /** Throws when the database is closed. */
  checkOpen(): void {
    if (this.#closed) throw new ClosedError("Cannot use the database: it is closed");
  }

  /** Runs a callback in a transaction, or in a savepoint of the open one: all of it or nothing. */
  write<T>(callback: () => T): T {
    this.checkOpen();
    this.pager.begin();
    let result: T;
    try {
      result = callback();
      refusePromise(result);
      if (this.#doomed) throw this.#doom;
    } catch (error) {
      this.#rollback();
      throw error;
    }
    this.pager.commit();
    return result;
  }

  /** Makes a change in the open transaction, or in one of its own. */
  change<T>(change: () => T): T {
    if (this.pager.depth === 0) return this.write(change);
    this.checkOpen();
    try {
      return change();
    } catch (error) {
      this.#doomed = true;
      this.#doom = error;
      throw error;
    }
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): Entries | undefined {
    const entry = this.catalog.get(name);
    if (entry === undefined) return undefined;
    if (entry.fixed) throw new TypeError(`Cannot open tree ${name}: it holds numbers, not bytes`);
    return new Entries(this.space, entry.id, entry.root);
  }

  /** Makes a tree, inside a transaction. */
  createTree(name: string): void {
    this.catalog.create(name);
    this.epoch++;
  }

  /** Ends the session. */
  close(): void {
    this.#closed = true;
    this.epoch++;
    try {
      // A disk that failed takes no more writes, and then the tail stays.
      if (!this.pager.readOnly && this.pager.failure === undefined) this.space.allocator.trim();
    } finally {
      this.pager.close();
    }
  }

  /** Whether the session has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  #rollback(): void {
    this.pager.rollback();
    this.#doomed = false;
    this.#doom = undefined;
    this.epoch++;
  }
}

/** A transaction runs to its end at once: what a promise does later would be outside of it. */
function refusePromise(result: unknown): void {
  if (typeof result !== "object" || result === null || !("then" in result)) return;
  if (result instanceof Promise) result.catch(() => {});
  throw new TypeError("Cannot write: the callback is asynchronous");
}
