/**
 * A transaction as users meet it: trees that can be changed, all or nothing, until its callback
 * ends.
 */

import { bulkLoad, type Tree as Entries } from "../btree/mod.ts";
import { ClosedError } from "../pager/mod.ts";
import { encodeKey, type Key } from "./key.ts";
import { boundsOf, type Range, rangeOnly } from "./range.ts";
import { ReadTree, type TreeSource } from "./read_tree.ts";
import type { Session } from "./session.ts";
import type { Slab } from "./slab.ts";
import type { Tree } from "./tree.ts";

/** The epoch of a source that has ended: it differs from every other. */
const ENDED = -2;

/** Trees that can be changed, all or nothing. The callback of `Database.write` gets one. */
export class Transaction {
  readonly #source: TransactionSource;
  readonly #trees = new Map<string, TransactionTree>();

  /**
   * Made by `Database.write`.
   *
   * @param source Where its trees are.
   */
  constructor(source: TransactionSource) {
    this.#source = source;
  }

  /**
   * A tree, for reading and changing inside this transaction. Its first entry makes it.
   *
   * @param tree One that `Database.tree` returned, or a name.
   * @throws {TypeError} The tree is of another database.
   * @throws {ClosedError} The transaction has ended.
   */
  tree(tree: Tree | string): TransactionTree {
    this.#source.checkOpen();
    const name = this.#source.session.nameOf(tree);
    let found = this.#trees.get(name);
    if (found === undefined) {
      this.#trees.set(name, found = new TransactionTree(this.#source, name));
    }
    return found;
  }
}

/** Where the trees of a transaction are, until it ends. */
export class TransactionSource implements TreeSource {
  /** What the trees of the database share. */
  readonly session: Session;
  #ended = false;

  /**
   * The source of a transaction that has begun.
   *
   * @param session What the trees of the database share.
   */
  constructor(session: Session) {
    this.session = session;
  }

  /** Ends it: what its trees are asked from now on is an error. */
  end(): void {
    this.#ended = true;
  }

  /** Goes up whenever a tree found by name may be another one. */
  get epoch(): number {
    return this.#ended ? ENDED : this.session.epoch;
  }

  /** Memory for results. */
  get slab(): Slab {
    return this.session.slab;
  }

  /** Throws when the transaction has ended. */
  checkOpen(): void {
    if (this.#ended) throw new ClosedError("Cannot use the transaction: it has ended");
    this.session.checkOpen();
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): Entries | undefined {
    return this.session.findTree(name);
  }

  /** Iterators follow the transaction's changes. */
  keepVersion(): undefined {
    return undefined;
  }
}

/** A tree inside a transaction. */
export class TransactionTree extends ReadTree {
  readonly #source: TransactionSource;

  /**
   * Made by `Transaction.tree`.
   *
   * @param source Where the trees of the transaction are.
   * @param name Its name.
   */
  constructor(source: TransactionSource, name: string) {
    super(source, name);
    this.#source = source;
  }

  /**
   * Sets the value of a key.
   *
   * @param value At most 2 GiB.
   * @throws {TypeError} Key or value is of a wrong type.
   * @throws {RangeError} Key or value is too long.
   */
  set(key: Key, value: Uint8Array): void {
    const bytes = encodeKey(key);
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`Cannot set: a value of type ${typeof value} is not bytes`);
    }
    this.#change((entries) => entries.put(bytes, value));
  }

  /** Removes an entry; whether there was one. */
  delete(key: Key): boolean {
    const bytes = encodeKey(key);
    return this.#changeFound((entries) => entries.delete(bytes), false);
  }

  /** Removes all entries of a range; how many there were. */
  deleteRange(range: Range = {}): number {
    const { lower, upper } = boundsOf(rangeOnly(range));
    return this.#changeFound((entries) => entries.deleteRange(lower, upper), 0);
  }

  /** Removes all entries; how many there were. */
  clear(): number {
    return this.deleteRange();
  }

  /**
   * Adds entries; much faster than one by one where the tree is empty and they come in key order.
   *
   * @returns How many there were.
   * @throws {RangeError} The tree is empty, and an entry does not come after the one before it.
   */
  load(entries: Iterable<readonly [Key, Uint8Array]>): number {
    return this.#change((tree) => {
      if (tree.count() === 0) return bulkLoad(tree, encoded(entries));
      let count = 0;
      for (const [key, value] of encoded(entries)) {
        tree.put(key, value);
        count++;
      }
      return count;
    });
  }

  /** Changes the tree if there is one; what there is not need not be made to be emptied. */
  #changeFound<T>(change: (entries: Entries) => T, otherwise: T): T {
    this.#source.checkOpen();
    const found = this.#source.session.findTree(this.name);
    return found === undefined ? otherwise : this.#source.session.change(() => change(found));
  }

  #change<T>(change: (entries: Entries) => T): T {
    this.#source.checkOpen();
    return this.#source.session.change(() => change(this.#source.session.openTree(this.name)));
  }
}

function* encoded(
  entries: Iterable<readonly [Key, Uint8Array]>,
): Generator<[Uint8Array, Uint8Array]> {
  for (const [key, value] of entries) yield [encodeKey(key), value];
}
