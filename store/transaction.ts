/**
 * A transaction as users meet it: trees that can be changed, all or nothing, until its callback
 * ends.
 */

import { refusePromise, type Sync } from "./read/argument_checks.ts";
import type { Codecs } from "./read/tree_format.ts";
import type { Tree } from "./tree.ts";
import type { TreeRegistry } from "./tree_registry.ts";
import type { Session } from "./write/session.ts";
import { TransactionSource } from "./write/transaction_source.ts";
import { TransactionTree } from "./write/transaction_tree.ts";

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
  readonly #registry: TreeRegistry;
  /** What `tree` returned before, by the tree it was made of. */
  readonly #trees = new Map<unknown, unknown>();

  /**
   * Made by `Database.write`.
   *
   * @param source Where its trees are.
   * @param registry The trees of the database.
   */
  constructor(source: TransactionSource, registry: TreeRegistry) {
    this.#source = source;
    this.#registry = registry;
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
    const name = this.#registry.nameOf(tree);
    const known = this.#trees.get(tree);
    if (known !== undefined && typeof tree !== "string") {
      return known as TransactionTree<K, V, KI, VI, P>;
    }
    const format = this.#registry.formatFor(tree, codecs);
    const inside = new TransactionTree(this.#source, name, format);
    this.#trees.set(tree, inside);
    return inside;
  }
}

/** Runs a callback with a transaction of its own, which ends with it. */
export function runWith<T>(
  session: Session,
  registry: TreeRegistry,
  callback: (tx: Transaction) => Sync<T>,
): T {
  const source = new TransactionSource(session);
  try {
    const result = callback(new Transaction(source, registry));
    refusePromise("write: the callback", result);
    return result as T;
  } finally {
    source.end();
  }
}
