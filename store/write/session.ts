/**
 * The transactions of an open database: each begins, runs, and commits or rolls back here; and what
 * its trees share.
 *
 * An error in the middle of a change leaves pages between two states, so it dooms the innermost
 * savepoint: that one rolls back, whether or not the callback caught the error. Until it has, it
 * refuses changes and savepoints of its own. Its end is the end of the doom.
 *
 * It does not know transactions and trees as users meet them.
 */

import { type BTree, Catalog, TreeContext, UnfinishedValues } from "../../btree/mod.ts";
import { ClosedError, type Durability, type Pager, type PageSnapshot } from "../../pager/mod.ts";
import { ChangeFeed } from "../watch/change_feed.ts";
import { GroupCommit } from "./group_commit.ts";
import { Housekeeping } from "./housekeeping.ts";
import { NestedWrites } from "./nested_writes.ts";
import type { FoundTree, TreeSource } from "../read/tree_source.ts";
import { Slab } from "../read/slab.ts";
import { ViewGuard } from "../read/view_guard.ts";
import { TreeDirectory, type TreeNaming } from "./tree_directory.ts";

/** The transactions of an open database, and what its trees share. */
export class Session implements TreeSource {
  /** The pager. */
  readonly pager: Pager;
  /** Where the trees live. */
  readonly context: TreeContext;
  /** The catalog of trees. */
  readonly catalog: Catalog;
  /** The trees by name. */
  readonly directory: TreeDirectory;
  /** Values that streams write in parts. */
  readonly unfinished: UnfinishedValues;
  /** Streams that write; they end with the session. */
  readonly uploads: Set<{ end(): void }> = new Set();
  /** Memory for results. */
  readonly slab: Slab = new Slab();
  /** Finds views that are used for too long, where that was asked for. */
  readonly views: ViewGuard | undefined;
  /** Takes changes to those who watch. */
  readonly feed: ChangeFeed = new ChangeFeed();
  readonly #durability: Durability;
  readonly #group: GroupCommit;
  readonly #housekeeping: Housekeeping;
  #closed = false;
  /** The depth of the savepoint that cannot commit, which is the innermost one; 0 = none. */
  #doomedDepth = 0;
  #doom: unknown;
  readonly #nested = new NestedWrites();

  /**
   * The session of a pager.
   *
   * @param pager The pager.
   * @param durability What commits are taken to, unless a transaction says otherwise.
   * @param debugViews Whether to find views that are used for too long.
   */
  constructor(pager: Pager, durability: Durability = "sync", debugViews = false) {
    this.pager = pager;
    this.views = debugViews ? new ViewGuard() : undefined;
    this.#durability = durability;
    this.context = new TreeContext(pager);
    this.catalog = new Catalog(this.context, pager);
    this.unfinished = new UnfinishedValues(this.context, this.catalog);
    this.directory = new TreeDirectory(this.context, this.catalog);
    this.#housekeeping = new Housekeeping(this, () => this.#deliver());
    this.#group = new GroupCommit(pager, () => {
      this.#deliver();
      this.#housekeeping.wake();
    });
  }

  /** Throws when the database is closed. Every use begins here, so views end here. */
  checkOpen(): void {
    this.views?.expire();
    if (this.#closed) throw new ClosedError("Cannot use the database: it is closed");
  }

  /** Runs a body as a transaction; resolves when it is as durable as was asked. */
  write<T>(body: () => T, durability: Durability = this.#durability): Promise<T> {
    try {
      const result = this.#run(body);
      if (this.pager.depth > 0) return this.#nested.add(result, durability);
      const reached = this.#group.reach(durability);
      // Those with nothing to hand on share the promise of their turn.
      return result === undefined ? reached as Promise<T> : reached.then(() => result);
    } catch (error) {
      const rejected = Promise.reject(error);
      // The transaction that refused it throws too, so the promise may be dropped.
      if (this.#doomedDepth > 0) rejected.catch(() => {});
      return rejected;
    }
  }

  /** Runs a body as a transaction; returns when it is as durable as was asked. */
  writeSync<T>(body: () => T, durability: Durability = this.#durability): T {
    const result = this.#run(body);
    if (this.pager.depth === 0) {
      try {
        this.pager.flush(durability);
      } finally {
        this.#deliver();
      }
      this.#housekeeping.wake();
    }
    return result;
  }

  /** Runs a slice of housekeeping as a transaction, as durable as memory allows. */
  runSlice(slice: () => boolean): boolean {
    const result = this.#run(slice);
    this.pager.flush("none");
    return result;
  }

  /** Runs a body in a transaction, or in a savepoint of the open one: all of it or nothing. */
  #run<T>(body: () => T): T {
    this.checkOpen();
    this.refuseDoomed();
    if (this.pager.depth === 0) this.#housekeeping.beforeFirstWrite();
    this.pager.begin();
    this.feed.begin();
    const waiting = this.#nested.length;
    let result: T;
    try {
      result = body();
      if (this.#doomedDepth > 0) throw this.#doom;
      this.pager.commit();
    } catch (error) {
      this.#rollback();
      this.#nested.reject(waiting, error);
      throw error;
    }
    this.feed.commit(this.pager.meta.version);
    if (this.pager.depth === 0) this.#nested.settle((level) => this.#group.reach(level));
    return result;
  }

  /** Makes a change in the open transaction. */
  change<T>(change: () => T): T {
    this.refuseDoomed();
    try {
      return change();
    } catch (error) {
      this.doom(error);
      throw error;
    }
  }

  /** An error in the middle of a change: the open transaction, or savepoint, cannot commit. */
  doom(error: unknown): void {
    if (this.#doomedDepth > 0) return;
    this.#doomedDepth = this.pager.depth;
    this.#doom = error;
  }

  /** Throws when the open transaction, or savepoint, cannot commit. */
  refuseDoomed(): void {
    if (this.#doomedDepth === 0) return;
    const message = "Cannot write: the transaction has failed, and rolls back at its end";
    throw new TypeError(message, { cause: this.#doom });
  }

  /** Goes up whenever a tree found by name may be another one. */
  get epoch(): number {
    return this.directory.epoch;
  }

  /** Notes that a name may mean another tree from now on. */
  treesChanged(): void {
    this.directory.epoch++;
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): FoundTree | undefined {
    return this.directory.find(name);
  }

  /** The tree of a name, created if there is none, inside a transaction. */
  openTree(name: string, format: TreeNaming): BTree {
    return this.directory.open(name, format);
  }

  /** Whether iterators follow changes: those of the transaction that is open. */
  get followsChanges(): boolean {
    return this.pager.depth > 0;
  }

  /** Keeps the current version for an iterator. */
  keepVersion(): PageSnapshot | undefined {
    return this.followsChanges ? undefined : this.pager.snapshot();
  }

  /** Writes all that is committed to the file's pages. */
  checkpoint(): void {
    try {
      this.pager.checkpoint();
    } finally {
      this.#deliver();
    }
  }

  /** Those who watch hear of what is durable, also when a flush failed after that. */
  #deliver(): void {
    this.feed.deliver(this.pager.durableVersion);
  }

  /** Ends the session. */
  close(): void {
    for (const upload of this.uploads) upload.end();
    this.#closed = true;
    this.treesChanged();
    this.#housekeeping.stop();
    this.#group.flush();
    try {
      this.pager.close();
    } finally {
      this.#deliver();
      this.feed.close();
    }
  }

  /** Whether the session has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  #rollback(): void {
    this.pager.rollback();
    this.feed.rollback();
    this.#doomedDepth = 0;
    this.#doom = undefined;
    this.#housekeeping.rolledBack();
    this.treesChanged();
  }
}
