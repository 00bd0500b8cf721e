/**
 * What the trees of an open database share: the transaction, the catalog, and memory for results.
 *
 * An error in the middle of a change leaves pages between two states, so it dooms the innermost
 * savepoint: that one rolls back, whether or not the callback caught the error. Until it has, it
 * refuses changes and savepoints of its own. Its end is the end of the doom.
 *
 * Before its first transaction it gives back what streams left unfinished when the file was open
 * last, and at its end what its own have not finished.
 *
 * The epoch goes up whenever a tree found by name may be another one: created, dropped, renamed,
 * rolled back, closed.
 */

import { Catalog, Space, Tree as Entries, UnfinishedValues } from "../../btree/mod.ts";
import {
  ClosedError,
  CorruptionError,
  type Durability,
  IoError,
  LimitError,
  type Pager,
  type PageReader,
} from "../../pager/mod.ts";
import type { PageSnapshot } from "../../pager/mod.ts";
import { ChangeFeed } from "../watch/change_feed.ts";
import { GroupCommit } from "./group_commit.ts";
import { IdleCheckpoint } from "./idle_checkpoint.ts";
import { checkName } from "../name.ts";
import { NestedWrites } from "./nested_writes.ts";
import type { FoundTree, TreeSource } from "../read/tree_source.ts";
import { refusePromise } from "../refuse_promise.ts";
import { Slab } from "../read/slab.ts";
import { Transaction, TransactionSource } from "../transaction.ts";
import { Tree } from "../tree.ts";
import { checkCodecs, type Codecs, TreeFormat } from "../read/tree_format.ts";
import { ViewGuard } from "../read/view_guard.ts";
import { Watcher, type WatchOptions, type WatchSource } from "../watch/watcher.ts";

/** What the catalog keeps of the codecs of a tree. */
export type TreeNaming = Pick<
  TreeFormat<unknown, unknown, never, never, never>,
  "attributes" | "check"
>;

/** What the trees of an open database share. */
export class Session implements TreeSource {
  /** Goes up whenever a tree found by name may be another one. */
  epoch = 0;
  /** The pager. */
  readonly pager: Pager;
  /** Where the trees live. */
  readonly space: Space;
  /** The trees by name. */
  readonly catalog: Catalog;
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
  readonly #idle: IdleCheckpoint;
  /** Trees found in this epoch, so that all who use one see its changes. */
  readonly #found = new Map<string, FoundTree | undefined>();
  #foundEpoch = 0;
  /** The trees of this database, to tell those of another, and their codecs. */
  readonly #formats = new WeakMap<object, unknown>();
  #closed = false;
  #hasSwept = false;
  /** Trees whose drop was interrupted; undefined when that has to be looked up. */
  #dropped: number[] | undefined;
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
    this.space = new Space(pager);
    this.catalog = new Catalog(this.space, pager);
    this.unfinished = new UnfinishedValues(this.space, this.catalog);
    const flushed = () => this.#deliver();
    this.#idle = new IdleCheckpoint(pager, flushed, () => this.#sweepDropped());
    this.#group = new GroupCommit(pager, () => {
      this.#deliver();
      this.#idle.wake();
    });
  }

  /** Throws when the database is closed. Every use begins here, so views end here. */
  checkOpen(): void {
    this.views?.expire();
    if (this.#closed) throw new ClosedError("Cannot use the database: it is closed");
  }

  /** Runs a callback as a transaction; resolves when it is as safe as was asked. */
  write<T>(
    callback: (tx: Transaction) => T,
    durability: Durability = this.#durability,
  ): Promise<T> {
    return this.commit(() => this.#runWith(callback), durability);
  }

  /** As `write`, for a body that has its trees already. */
  commit<T>(body: () => T, durability: Durability = this.#durability): Promise<T> {
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

  /** Runs a callback as a transaction; returns when it is as safe as was asked. */
  writeSync<T>(callback: (tx: Transaction) => T, durability: Durability = this.#durability): T {
    const result = this.#run(() => this.#runWith(callback));
    if (this.pager.depth === 0) {
      try {
        this.pager.flush(durability);
      } finally {
        this.#deliver();
      }
      this.#idle.wake();
    }
    return result;
  }

  /** Runs a callback with a `tx` of its own, which ends with it. */
  #runWith<T>(callback: (tx: Transaction) => T): T {
    const source = new TransactionSource(this);
    try {
      const result = callback(new Transaction(source));
      refusePromise("write: the callback", result);
      return result;
    } finally {
      source.end();
    }
  }

  /** Runs a body in a transaction, or in a savepoint of the open one: all of it or nothing. */
  #run<T>(body: () => T): T {
    this.checkOpen();
    this.refuseDoomed();
    if (!this.#hasSwept && this.pager.depth === 0) this.#sweepUnfinished();
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

  /** Gives back a slice of a tree whose drop was interrupted; whether there may be more. */
  #sweepDropped(): boolean {
    let left: number[] = [];
    try {
      left = this.#dropped ?? [...this.catalog.dropped()];
      if (left.length > 0 && !this.#run(() => this.catalog.sweep(undefined, left[0]))) left.shift();
      // Not as safe as commits are, but as short of memory.
      this.pager.flush("none");
    } catch (error) {
      // It is nobody's transaction, so nobody has to hear of it. What is damaged stays as it is.
      if (error instanceof IoError || error instanceof LimitError) return false;
      if (!(error instanceof CorruptionError)) throw error;
      left.shift();
    }
    this.#dropped = left;
    return left.length > 0;
  }

  /** Gives back what was never finished when the file was open last. */
  #sweepUnfinished(): void {
    this.#hasSwept = true;
    const numbers: number[] = [];
    this.#unlessDamaged(() => numbers.push(...this.unfinished.numbers()));
    if (numbers.length === 0) return;
    for (const number of numbers) this.#sweepAll(() => this.unfinished.release(number));
    // Trees that were made for them have been dropped.
    this.#sweepAll(() => this.catalog.sweep());
    this.epoch++;
  }

  /** Gives something back, a slice a transaction. */
  #sweepAll(slice: () => boolean): void {
    this.#unlessDamaged(() => {
      while (this.writeSync(slice, "none"));
    });
  }

  /** What is damaged stays as it is, and nobody who does not read it needs to know. */
  #unlessDamaged(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
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

  /** Makes the tree of a name, for `Database.tree`. */
  makeTree<K, V, KI, VI, P>(
    name: string,
    format: TreeFormat<K, V, KI, VI, P>,
  ): Tree<K, V, KI, VI, P> {
    const tree = new Tree(this, name, format);
    this.#formats.set(tree, format);
    return tree;
  }

  /** The name of a tree of this database. */
  nameOf(tree: { readonly name: string } | string): string {
    if (tree instanceof Tree) {
      if (this.#formats.has(tree)) return tree.name;
      throw new TypeError(`Cannot use tree ${tree.name}: it is of another database`);
    }
    checkName(tree);
    return tree;
  }

  /**
   * The codecs of a tree of this database, or of a name.
   *
   * @throws {TypeError} Codecs come with a tree, which has its own.
   */
  formatFor<K, V, KI, VI, P>(
    tree: Tree<K, V, KI, VI, P> | string,
    codecs: Codecs<K, V, KI, VI, P>,
  ): TreeFormat<K, V, KI, VI, P> {
    if (typeof tree === "string") return new TreeFormat(codecs);
    checkCodecs(codecs);
    if (codecs.key === undefined && codecs.value === undefined) {
      return this.#formats.get(tree) as TreeFormat<K, V, KI, VI, P>;
    }
    throw new TypeError(`Cannot use tree ${tree.name}: it has codecs, and others are given`);
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): FoundTree | undefined {
    if (this.#foundEpoch !== this.epoch) {
      this.#found.clear();
      this.#foundEpoch = this.epoch;
    }
    if (this.#found.has(name)) return this.#found.get(name);
    const found = this.treeIn(this.catalog, name, this.pager);
    this.#found.set(name, found);
    return found;
  }

  /** The tree of a name in a catalog, or undefined. */
  treeIn(catalog: Catalog, name: string, reader: PageReader): FoundTree | undefined {
    const entry = catalog.get(name);
    if (entry === undefined) return undefined;
    const entries = new Entries(this.space, entry.id, entry.root, reader);
    return { entries, attributes: entry.attributes, catalogRoot: reader.meta.catalogRoot };
  }

  /** The tree of a name, made if there is none, inside a transaction. */
  openTree(name: string, format: TreeNaming): Entries {
    const found = this.findTree(name);
    if (found === undefined) {
      this.catalog.create(name, { attributes: format.attributes() });
      this.epoch++;
      return this.findTree(name)!.entries;
    }
    format.check(name, found.attributes, found.catalogRoot);
    return found.entries;
  }

  /** Whether iterators follow changes: those of the transaction that is open. */
  get followsChanges(): boolean {
    return this.pager.depth > 0;
  }

  /** Keeps the current version for an iterator. */
  keepVersion(): PageSnapshot | undefined {
    return this.followsChanges ? undefined : this.pager.snapshot();
  }

  /**
   * Begins to watch a tree.
   *
   * @throws {TypeError} An option is of a wrong type, or a transaction is open.
   * @throws {RangeError} An option is out of its range.
   */
  watch<K, V, R>(source: WatchSource<K, V>, options: WatchOptions): Watcher<K, V, R> {
    this.checkOpen();
    if (this.pager.depth > 0) throw new TypeError("Cannot watch: a transaction is open");
    return new Watcher(this.feed, source, options);
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
    this.epoch++;
    this.#idle.stop();
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
    // It may have been a slice of a drop.
    this.#dropped = undefined;
    this.epoch++;
  }
}
