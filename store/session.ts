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
import type { TreeSource } from "./read_tree.ts";
import { Slab } from "./slab.ts";
import { Transaction, TransactionSource } from "./transaction.ts";
import { Tree } from "./tree.ts";

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
  readonly #durability: Durability;
  readonly #group: GroupCommit;
  readonly #idle: IdleCheckpoint;
  /** Trees found in this epoch, so that all who use one see its changes. */
  readonly #found = new Map<string, Entries | undefined>();
  #foundEpoch = 0;
  /** The trees of this database, to tell those of another. */
  readonly #trees = new WeakSet<Tree>();
  #closed = false;
  #doom: unknown;
  #doomed = false;

  /**
   * The session of a pager.
   *
   * @param pager The pager.
   * @param durability What commits are taken to, unless a transaction says otherwise.
   */
  constructor(pager: Pager, durability: Durability = "sync") {
    this.pager = pager;
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
  makeTree(name: string): Tree {
    const tree = new Tree(this, name);
    this.#trees.add(tree);
    return tree;
  }

  /** The name of a tree of this database. */
  nameOf(tree: Tree | string): string {
    if (tree instanceof Tree) {
      if (this.#trees.has(tree)) return tree.name;
      throw new TypeError(`Cannot use tree ${tree.name}: it is of another database`);
    }
    checkName(tree);
    return tree;
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): Entries | undefined {
    if (this.#foundEpoch !== this.epoch) {
      this.#found.clear();
      this.#foundEpoch = this.epoch;
    }
    if (this.#found.has(name)) return this.#found.get(name);
    const entries = this.treeIn(this.catalog, name, this.pager);
    this.#found.set(name, entries);
    return entries;
  }

  /** The tree of a name in a catalog, or undefined. */
  treeIn(catalog: Catalog, name: string, reader: PageReader): Entries | undefined {
    const entry = catalog.get(name);
    if (entry === undefined) return undefined;
    if (entry.fixed) throw new TypeError(`Cannot open tree ${name}: it holds numbers, not bytes`);
    return new Entries(this.space, entry.id, entry.root, reader);
  }

  /** The tree of a name, made if there is none, inside a transaction. */
  openTree(name: string): Entries {
    const found = this.findTree(name);
    if (found !== undefined) return found;
    this.catalog.create(name);
    this.epoch++;
    return this.findTree(name)!;
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
  if (typeof result !== "object" || result === null || !("then" in result)) return;
  if (result instanceof Promise) result.catch(() => {});
  throw new TypeError("Cannot write: the callback is asynchronous");
}
