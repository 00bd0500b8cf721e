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
import { ClosedError, type Durability, type Pager, type PageReader } from "../pager/mod.ts";
import type { PageSnapshot } from "../pager/mod.ts";
import { GroupCommit } from "./group_commit.ts";
import { IdleCheckpoint } from "./idle_checkpoint.ts";
import { checkName } from "./name.ts";
import type { FoundTree, TreeSource } from "./read_tree.ts";
import { Slab } from "./slab.ts";
import { Transaction, TransactionSource } from "./transaction.ts";
import { Tree } from "./tree.ts";
import type { TreeFormat } from "./tree_format.ts";
import { ViewGuard } from "./view_guard.ts";

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
  /** Memory for results. */
  readonly slab: Slab = new Slab();
  /** Finds views that are used for too long, where that was asked for. */
  readonly views: ViewGuard | undefined;
  readonly #durability: Durability;
  readonly #group: GroupCommit;
  readonly #idle: IdleCheckpoint;
  /** Trees found in this epoch, so that all who use one see its changes. */
  readonly #found = new Map<string, FoundTree | undefined>();
  #foundEpoch = 0;
  /** The trees of this database, to tell those of another, and their codecs. */
  readonly #formats = new WeakMap<object, unknown>();
  #closed = false;
  #doom: unknown;
  #doomed = false;

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
    this.#group = new GroupCommit(pager);
    this.#idle = new IdleCheckpoint(pager);
  }

  /** Throws when the database is closed. */
  checkOpen(): void {
    if (this.#closed) throw new ClosedError("Cannot use the database: it is closed");
  }

  /** Runs a callback as a transaction; resolves when it is as safe as was asked. */
  write<T>(
    callback: (tx: Transaction) => T,
    durability: Durability = this.#durability,
  ): Promise<T> {
    try {
      const result = this.#run(callback);
      if (this.pager.depth > 0) return Promise.resolve(result);
      const reached = this.#group.reach(durability);
      this.#idle.wake();
      return reached.then(() => result);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Runs a callback as a transaction; returns when it is as safe as was asked. */
  writeSync<T>(callback: (tx: Transaction) => T, durability: Durability = this.#durability): T {
    const result = this.#run(callback);
    if (this.pager.depth === 0) {
      this.pager.flush(durability);
      this.#idle.wake();
    }
    return result;
  }

  /** Runs a callback in a transaction, or in a savepoint of the open one: all of it or nothing. */
  #run<T>(callback: (tx: Transaction) => T): T {
    this.checkOpen();
    this.views?.expire();
    this.pager.begin();
    const source = new TransactionSource(this);
    try {
      const result = callback(new Transaction(source));
      refusePromise(result);
      if (this.#doomed) throw this.#doom;
      this.pager.commit();
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    } finally {
      source.end();
    }
  }

  /** Makes a change in the open transaction. */
  change<T>(change: () => T): T {
    try {
      return change();
    } catch (error) {
      this.#doomed = true;
      this.#doom = error;
      throw error;
    }
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

  /** The codecs of a tree of this database. */
  formatOf<K, V, KI, VI, P>(tree: Tree<K, V, KI, VI, P>): TreeFormat<K, V, KI, VI, P> {
    return this.#formats.get(tree) as TreeFormat<K, V, KI, VI, P>;
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
    if (entry.fixed) throw new TypeError(`Cannot open tree ${name}: it holds numbers, not bytes`);
    const entries = new Entries(this.space, entry.id, entry.root, reader);
    return { entries, attributes: entry.attributes, catalogRoot: reader.meta.catalogRoot };
  }

  /** The tree of a name, made if there is none, inside a transaction. */
  openTree<K, V, KI, VI, P>(name: string, format: TreeFormat<K, V, KI, VI, P>): Entries {
    const found = this.findTree(name);
    if (found === undefined) {
      this.catalog.create(name, { attributes: format.attributes() });
      this.epoch++;
      return this.findTree(name)!.entries;
    }
    format.check(name, found.attributes, found.catalogRoot);
    return found.entries;
  }

  /**
   * Keeps the current version for an iterator; inside a transaction iterators follow its changes.
   */
  keepVersion(): PageSnapshot | undefined {
    return this.pager.depth === 0 ? this.pager.snapshot() : undefined;
  }

  /** Ends the session. */
  close(): void {
    this.#closed = true;
    this.epoch++;
    this.#idle.stop();
    this.#group.flush();
    this.pager.close();
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
  if ((typeof result !== "object" && typeof result !== "function") || result === null) return;
  if (!("then" in result) || typeof result.then !== "function") return;
  if (result instanceof Promise) result.catch(() => {});
  throw new TypeError("Cannot write: the callback is asynchronous");
}
