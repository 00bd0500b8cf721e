/**
 * A transaction as users meet it: trees that can be changed, all or nothing, until its callback
 * ends.
 */

import { ClosedError, type PageSnapshot } from "../pager/mod.ts";
import type { FoundTree, TreeSource } from "./read/tree_source.ts";
import type { Session } from "./write/session.ts";
import type { Slab } from "./read/slab.ts";
import type { Tree } from "./tree.ts";
import type { Codecs } from "./read/tree_format.ts";
import { TransactionTree } from "./transaction_tree.ts";
import type { ViewGuard } from "./read/view_guard.ts";

/** The epoch of a source that has ended: it differs from every other. */
const ENDED = -2;

/**
 * Trees that can be changed, all or nothing. The callback of `Database.write` gets one.
 *
 * A change that fails in the middle, such as a `setMany` whose second value has no encoding, dooms
 * the innermost savepoint, or the transaction where there is none. Whether or not the callback
 * catches the error, further changes and savepoints are refused with a `TypeError`, and at its end
 * its changes are rolled back and the first error is thrown.
 *
 * ```ts
 * import { open, string } from "../mod.ts";
 *
 * using db = open(":memory:");
 * const words = db.tree("words", { key: string, value: string });
 * await db.write((tx) => {
 *   const inside = tx.tree(words);
 *   inside.set("one", "um");
 *   inside.set("two", "dois");
 * });
 * console.assert(words.count() === 2);
 * ```
 */
export class Transaction {
  readonly #source: TransactionSource;
  /** What `tree` returned before, by the tree it was made of. */
  readonly #trees = new Map<unknown, unknown>();

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
   * ```ts
   * import { open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const words = db.tree("words", { key: string, value: string });
   * const count = await db.write((tx) => {
   *   tx.tree("log").set("added", new Uint8Array(1));
   *   tx.tree(words).set("one", "um");
   *   return tx.tree(words).count();
   * });
   * console.assert(count === 1 && db.tree("log").has("added"));
   * ```
   *
   * @param tree One that `Database.tree` returned, or a name of 1 to 1024 bytes of UTF-8.
   * @param codecs With a name: how keys and values become bytes, as for `Database.tree`.
   * @throws {TypeError} The tree is of another database, or is given with codecs.
   * @throws {ClosedError} The transaction has ended.
   */
  tree<
    K = Uint8Array,
    V = Uint8Array,
    KI = K extends Uint8Array ? Uint8Array | string : K,
    VI = V,
    P = KI,
  >(
    tree: Tree<K, V, KI, VI, P> | string,
    codecs: Codecs<K, V, KI, VI, P> = {},
  ): TransactionTree<K, V, KI, VI, P> {
    this.#source.checkOpen();
    const { session } = this.#source;
    const name = session.nameOf(tree);
    const known = this.#trees.get(tree);
    if (known !== undefined && typeof tree !== "string") {
      return known as TransactionTree<K, V, KI, VI, P>;
    }
    const format = session.formatFor(tree, codecs);
    const made = new TransactionTree(this.#source, name, format);
    this.#trees.set(tree, made);
    return made;
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

  /** Finds views that are used for too long, where that was asked for. */
  get views(): ViewGuard | undefined {
    return this.session.views;
  }

  /** Throws when the transaction has ended. */
  checkOpen(): void {
    if (this.#ended) throw new ClosedError("Cannot use the transaction: it has ended");
    this.session.checkOpen();
  }

  /** The tree of a name, or undefined. */
  findTree(name: string): FoundTree | undefined {
    return this.session.findTree(name);
  }

  /** Iterators follow the transaction's changes. */
  get followsChanges(): boolean {
    return true;
  }

  /** They keep no version. */
  keepVersion(): PageSnapshot | undefined {
    return undefined;
  }
}
