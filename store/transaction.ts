/**
 * The public class of a transaction: it gives access to trees until its callback ends.
 */

import { refusePromise, type Sync } from "./read/argument_checks.ts";
import type { Codecs } from "./read/tree_format.ts";
import type { Tree } from "./tree.ts";
import type { TreeRegistry } from "./tree_registry.ts";
import type { Session } from "./write/session.ts";
import { TransactionSource } from "./write/transaction_source.ts";
import { TransactionTree } from "./write/transaction_tree.ts";

/**
 * A transaction: its changes take effect together or not at all. The callback of `Database.write`
 * receives one.
 *
 * A change that fails midway, such as a `setMany` whose second value cannot be encoded, dooms the
 * innermost savepoint, or the transaction outside of savepoints. Even if the callback catches the
 * error, further changes and savepoints are refused with a `TypeError`. At its end, its changes are
 * rolled back and the first error is thrown.
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
  /** Results of `tree`, by its argument. */
  readonly #trees = new Map<unknown, unknown>();

  /**
   * Created by `Database.write`.
   *
   * @param source The source of its trees.
   * @param registry The trees of the database.
   */
  constructor(source: TransactionSource, registry: TreeRegistry) {
    this.#source = source;
    this.#registry = registry;
  }

  /**
   * Returns a tree for reads and changes inside this transaction. Its first entry creates it.
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
   * @throws {TypeError} The tree belongs to another database, or is given with codecs.
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
