/**
 * The session of an open database: it begins, runs, commits and rolls back transactions, and holds
 * the state that its trees share.
 *
 * An error in the middle of a change leaves pages between two states, so it dooms the innermost
 * savepoint. That savepoint rolls back even if the callback catches the error, and until then
 * refuses changes and nested savepoints. The doom ends with it.
 *
 * It does not know the public classes of transactions and trees.
 */

import { setImmediate } from "node:timers";
import { type BTree, Catalog, TreeContext, UnfinishedValues } from "../../btree/mod.ts";
import {
  ClosedError,
  type Durability,
  type FileLock,
  type Pager,
  type PageSnapshot,
} from "../../pager/mod.ts";
import { Housekeeping } from "../maintenance/housekeeping.ts";
import { Slab } from "../memory/slab.ts";
import { ViewGuard } from "../memory/view_guard.ts";
import type { FoundTree, TreeSource } from "../read/tree_source.ts";
import { ChangeFeed } from "../watch/change_feed.ts";
import type { Shipping } from "../watch/shipping.ts";
import { AdaptivePolicy, type FlushPolicy } from "./flush_policy.ts";
import { GroupCommit } from "./group_commit.ts";
import { NestedWrites } from "./nested_writes.ts";
import { TreeDirectory, type TreeNaming } from "./tree_directory.ts";

/** A tree inside a transaction, for a single change. */
export interface Settable<K, V> {
  /** Sets the value of a key. */
  set(key: K, value: V): void;
}

/** The session of an open database. */
export class Session implements TreeSource {
  /** The pager. */
  readonly pager: Pager;
  /** The context of the trees. */
  readonly context: TreeContext;
  /** The catalog of trees. */
  readonly catalog: Catalog;
  /** The trees by name. */
  readonly directory: TreeDirectory;
  /** The unfinished values. */
  readonly unfinished: UnfinishedValues;
  /** Streams being written; they end with the session. */
  readonly uploads: Set<{ end(): void }> = new Set();
  /** The archive that ships the commits; it ends with the session. */
  archive: Shipping | undefined;
  /** Opens the lock of the one process that archives the file; undefined where no other may. */
  readonly openArchiveLock: (() => FileLock) | undefined = undefined;
  /** The streams that replicas receive; they end with the session. */
  readonly streams: Set<Shipping> = new Set();
  /** Memory for results. */
  readonly slab: Slab = new Slab();
  /** Overwrites expired views, with the option `debugViews`. */
  readonly views: ViewGuard | undefined;
  /** Delivers changes to watchers. */
  readonly feed: ChangeFeed = new ChangeFeed();
  readonly #durability: Durability;
  readonly #group: GroupCommit;
  readonly #housekeeping: Housekeeping;
  #closed = false;
  /** The end in turns, once it has begun. */
  #closing: Promise<void> | undefined;
  /** The depth of the savepoint that cannot commit, which is the innermost one; 0 = none. */
  #doomedDepth = 0;
  #doom: unknown;
  /** The promise of the last group that a promise with a result was made for. */
  #reported: Promise<void> | undefined;
  readonly #nested = new NestedWrites();

  /**
   * Creates the session of a pager.
   *
   * @param pager The pager.
   * @param durability The default durability of commits.
   * @param debugViews Whether to overwrite expired views.
   * @param policy Chooses how flushes wait for the medium.
   */
  constructor(
    pager: Pager,
    durability: Durability = "sync",
    debugViews = false,
    policy: FlushPolicy = new AdaptivePolicy(),
  ) {
    this.pager = pager;
    this.views = debugViews ? new ViewGuard() : undefined;
    this.#durability = durability;
    this.context = new TreeContext(pager);
    this.catalog = new Catalog(this.context, pager);
    this.unfinished = new UnfinishedValues(this.context, this.catalog);
    this.directory = new TreeDirectory(this.context, this.catalog);
    const durable = () => this.#deliver();
    const flushed = () => this.#housekeeping.wake();
    this.#group = new GroupCommit(pager, { durable, flushed }, policy);
    this.#housekeeping = new Housekeeping(this, () => this.#deliver());
  }

  /** Throws if the database is closed. Every use calls this first, so views expire here. */
  checkOpen(): void {
    this.views?.expire();
    if (this.#closed) throw new ClosedError("Cannot use the database: it is closed");
  }

  /** Runs a body as a transaction. Resolves at the requested durability. */
  write<T>(body: () => T, durability: Durability = this.#durability): Promise<T> {
    try {
      const result = this.#run(body);
      if (this.pager.depth > 0) return this.#nested.add(result, durability);
      return this.#resultOf(result, this.#group.reach(durability));
    } catch (error) {
      const rejected = Promise.reject(error);
      // The transaction that refused it also throws, so the promise may be ignored.
      if (this.#doomedDepth > 0) rejected.catch(() => {});
      return rejected;
    }
  }

  /** Sets a value in a transaction of its own, as `write` would; no other is open. */
  writeSet<K, V>(tree: Settable<K, V>, key: K, value: V): Promise<void> {
    try {
      this.#set(tree, key, value);
      return this.#group.reach(this.#durability);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #set<K, V>(tree: Settable<K, V>, key: K, value: V): void {
    this.#begin();
    try {
      tree.set(key, value);
      this.#commit();
    } catch (error) {
      this.#rollback();
      throw error;
    }
    this.feed.commit(this.pager.meta.version);
  }

  /** The promise of a write, once the promise of its group resolves. */
  #resultOf<T>(result: T, reached: Promise<void>): Promise<T> {
    // Writes without a result share the promise of their group.
    if (result === undefined) return reached as Promise<T>;
    const promise = reached.then(() => result);
    // If nobody waits for a group that fails, one unhandled rejection says so.
    if (this.#reported === reached) promise.catch(() => {});
    this.#reported = reached;
    return promise;
  }

  /** Runs a body as a transaction. Returns at the requested durability. */
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

  /**
   * Runs a slice of housekeeping as a transaction, at durability `"none"`, or as a savepoint of the
   * open one.
   *
   * @param isInLine Whether no flight may take off.
   */
  runSlice(slice: () => boolean, isInLine = false): boolean {
    const result = this.#run(slice);
    if (this.pager.depth > 0) return result;
    if (isInLine) this.pager.flush("none", false);
    else this.#group.write("none", false);
    return result;
  }

  /** Whether a flight is in the air. */
  get isFlying(): boolean {
    return this.#group.isFlying;
  }

  /** Resolves when the flight that is in the air has landed, or has failed. */
  landed(): Promise<void> {
    return this.#group.landed();
  }

  /** Takes a slice of a checkpoint. Returns whether more may remain. */
  checkpointSlice(): boolean {
    return this.#group.checkpointSlice();
  }

  /** Moves the journal behind the data. Returns whether the move is under way. */
  moveJournal(): boolean {
    return this.#group.moveJournal();
  }

  /** Releases the pages of a dropped tree: some at once, the rest in the next turns. */
  releaseTree(id: number): void {
    this.#housekeeping.releaseTree(id);
  }

  /** Releases a slice of the dropped trees. Returns whether more may remain. */
  sweepSlice(): boolean {
    return this.#housekeeping.sweepSlice();
  }

  /** Keeps idle compactions from running until the result is disposed. */
  pauseIdleCompaction(): Disposable {
    return this.#housekeeping.pauseCompaction();
  }

  /** Runs a body in a transaction, or in a savepoint of the open one, atomically. */
  #run<T>(body: () => T): T {
    this.#begin();
    const waiting = this.#nested.length;
    let result: T;
    try {
      result = body();
      this.#commit();
    } catch (error) {
      this.#rollback();
      this.#nested.reject(waiting, error);
      throw error;
    }
    this.feed.commit(this.pager.meta.version);
    if (this.pager.depth === 0 && this.#nested.length > 0) {
      this.#nested.settle((level) => this.#group.reach(level));
    }
    return result;
  }

  #begin(): void {
    this.checkOpen();
    this.refuseDoomed();
    if (this.pager.depth === 0) this.beforeTransaction();
    this.pager.begin();
    this.feed.begin();
  }

  #commit(): void {
    if (this.#doomedDepth > 0) throw this.#doom;
    this.pager.commit();
  }

  /** Before a transaction begins. */
  protected beforeTransaction(): void {
    this.#housekeeping.beforeFirstWrite();
  }

  /** Runs a change in the open transaction; an error dooms it. */
  change<T>(change: () => T): T {
    this.refuseDoomed();
    try {
      return change();
    } catch (error) {
      this.doom(error);
      throw error;
    }
  }

  /** Dooms the open savepoint or transaction after an error in the middle of a change. */
  doom(error: unknown): void {
    if (this.#doomedDepth > 0) return;
    this.#doomedDepth = this.pager.depth;
    this.#doom = error;
  }

  /** Throws if the open savepoint or transaction is doomed. */
  refuseDoomed(): void {
    if (this.#doomedDepth === 0) return;
    const message = "Cannot write: the transaction has failed, and rolls back at its end";
    throw new TypeError(message, { cause: this.#doom });
  }

  /** Changes whenever a name may refer to another tree. */
  get epoch(): number {
    return this.directory.epoch;
  }

  /** Notes that a name may refer to another tree. */
  treesChanged(): void {
    this.directory.epoch++;
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): FoundTree | undefined {
    return this.directory.find(name);
  }

  /** The last committed version. */
  get version(): number {
    return this.pager.meta.version;
  }

  /**
   * Refuses an action while a transaction is open, or after a close.
   *
   * @throws {TypeError} A transaction is open.
   * @throws {ClosedError} It is closed.
   */
  refuseInsideOrClosed(action: string): void {
    this.checkOpen();
    this.refuseInside(action);
  }

  /** Refuses an action while a transaction is open; the database may be closed. */
  refuseInside(action: string): void {
    this.views?.expire();
    if (this.pager.depth === 0) return;
    throw new TypeError(`Cannot ${action}: a transaction is open`);
  }

  /**
   * Refuses an action that needs every page of one version.
   *
   * @throws {TypeError} Another process may replace pages of the file meanwhile.
   */
  refuseFollowed(_action: string): void {}

  /** The last committed version, which is at least as new as one that another process has seen. */
  versionFrom(_seen: number): number {
    return this.version;
  }

  /** Runs a body at once; where other processes write the file too, while none of them does. */
  inTurn<T>(body: () => T): T | Promise<T> {
    return body();
  }

  /** Runs a read of current pages outside of trees: of the catalog, or of headers. */
  read<T>(body: () => T): T {
    return body();
  }

  /** The tree of a name, created if it does not exist, inside a transaction. */
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

  /** Writes all committed changes to the pages of the file. */
  checkpoint(): void {
    try {
      this.pager.checkpoint();
    } finally {
      this.#deliver();
    }
  }

  /**
   * Resolves when a committed version is on the medium.
   *
   * @throws {IoError} Later, in the promise: the system refused.
   */
  async reachMedium(version: number): Promise<void> {
    if (this.pager.durableVersion < version) await this.#group.reach("sync");
  }

  /** Delivers durable commits to watchers, even if a later flush failed. */
  #deliver(): void {
    this.feed.deliver(this.pager.durableVersion);
  }

  /** Ends the session in turns of the event loop, and where syncs are long, off the thread. */
  closeLater(): Promise<void> {
    return this.#closing ??= this.#closeInTurns();
  }

  async #closeInTurns(): Promise<void> {
    await this.#group.settle();
    if (this.#closed) return;
    this.#endWork();
    using _ = this.pauseIdleCompaction();
    const step = this.#housekeeping.compactBeforeClose();
    while (!this.#closed && step()) await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#group.settle();
    if (this.#closed) return;
    this.#endWork(); // of what began meanwhile
    this.#end();
    await this.#reportClosed(this.pager.closeLater());
  }

  async #reportClosed(closed: Promise<void>): Promise<void> {
    try {
      await closed;
    } finally {
      this.#deliver();
      this.feed.close();
    }
  }

  /** Ends the session; a close in turns that has begun is completed now. */
  close(): void {
    if (!this.#closed) {
      this.#endWork();
      this.#housekeeping.beforeClose();
      this.#end();
    }
    try {
      this.pager.close();
    } finally {
      this.#deliver();
      this.feed.close();
    }
  }

  /** Ends all that works for the session: uploads, the archive, streams, the release of trees. */
  #endWork(): void {
    for (const upload of this.uploads) upload.end();
    this.archive?.end(new ClosedError("Cannot archive: the database is closed"));
    for (const stream of this.streams) {
      stream.end(new ClosedError("Cannot replicate: the database is closed"));
    }
    if (this.pager.depth === 0 && !this.pager.readOnly) this.#housekeeping.releaseAll();
  }

  /** From here on the session refuses every use. */
  #end(): void {
    this.#closed = true;
    this.treesChanged();
    this.#housekeeping.stop();
    this.#group.flush();
    this.refuseWaiting();
  }

  /** Refuses the calls that wait for their turn: the session has ended. */
  protected refuseWaiting(): void {}

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
