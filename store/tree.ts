/**
 * A tree as users meet it: like a `Map`, sorted, on disk.
 *
 * Every change is a transaction of its own, made at once and safe when its promise resolves;
 * changes of one turn of the event loop reach the disk together.
 */

import type { KeyRange } from "./range.ts";
import { NO_TREE, statsOf, type TreeStats } from "./tree_stats.ts";
import { ReadTree } from "./read_tree.ts";
import type { Session } from "./session.ts";
import type { TransactionTree } from "./transaction_tree.ts";
import type { TreeFormat } from "./tree_format.ts";

/**
 * An ordered map. Get one by `Database.tree`.
 *
 * `K` and `V` are keys and values as they come back; `KI`, `VI` and `P` keys, values and prefixes
 * as they may be given. All follow from the codecs.
 */
export class Tree<
  K = Uint8Array,
  V = Uint8Array,
  KI = K extends Uint8Array ? Uint8Array | string : K,
  VI = V,
  P = KI,
> extends ReadTree<K, V, KI, P> {
  readonly #session: Session;

  /**
   * Made by `Database.tree`.
   *
   * @param session What the trees of the database share.
   * @param name Its name.
   * @param format Its codecs.
   */
  constructor(session: Session, name: string, format: TreeFormat<K, V, KI, VI, P>) {
    super(session, name, format as unknown as TreeFormat<K, V, KI, never, P>);
    this.#session = session;
  }

  /**
   * Sets the value of a key; durable when it resolves.
   *
   * @param value At most 2 GiB.
   * @throws {TypeError} A codec refused key or value, or a transaction is open: use its `tx`.
   * @throws {RangeError} Key or value is too long.
   * @throws {IoError} The system refused.
   */
  set(key: KI, value: VI): Promise<void> {
    return this.#change((tree) => tree.set(key, value));
  }

  /**
   * Sets the values of many keys, in any order, all or none; how many entries there were. Durable
   * when it resolves.
   */
  setMany(entries: Iterable<readonly [KI, VI]>): Promise<number> {
    return this.#change((tree) => tree.setMany(entries));
  }

  /**
   * Sets the value of a key to what a function makes of the one it has; nobody else can change it
   * in between. Durable when it resolves.
   *
   * ```ts
   * import { json, open, string } from "../mod.ts";
   *
   * using db = open(":memory:");
   * const hits = db.tree("hits", { key: string, value: json.as<number>() });
   * await hits.update("/", (count) => (count ?? 0) + 1);
   * console.assert(hits.get("/") === 1);
   * ```
   *
   * @param change Gets the value, or undefined where there is none; undefined from it removes the
   * entry.
   * @returns What the function returned.
   */
  update<R extends VI | undefined>(key: KI, change: (value: V | undefined) => R): Promise<R> {
    return this.#change((tree) => tree.update(key, change));
  }

  /** Sets the value of a key that has none; whether it did. Durable when it resolves. */
  setIfAbsent(key: KI, value: VI): Promise<boolean> {
    return this.#change((tree) => tree.setIfAbsent(key, value));
  }

  /**
   * Sets the value of a key if it is what was expected, byte for byte; whether it did. Durable when
   * it resolves.
   *
   * @param expected The value it must have; undefined = no entry.
   * @param value The value it gets; undefined = the entry is removed.
   */
  compareAndSet(key: KI, expected: VI | undefined, value: VI | undefined): Promise<boolean> {
    return this.#change((tree) => tree.compareAndSet(key, expected, value));
  }

  /** Removes an entry; whether there was one. Durable when it resolves. */
  delete(key: KI): Promise<boolean> {
    return this.#change((tree) => tree.delete(key));
  }

  /** Removes all entries of a range; how many there were. Durable when it resolves. */
  deleteRange(range: KeyRange<KI, P> = {}): Promise<number> {
    return this.#change((tree) => tree.deleteRange(range));
  }

  /** Removes all entries; how many there were. Durable when it resolves. */
  clear(): Promise<number> {
    return this.deleteRange();
  }

  /**
   * Adds entries, all or none; much faster than one by one where the tree is empty and they come in
   * key order. Durable when it resolves.
   *
   * @returns How many there were.
   * @throws {RangeError} The tree is empty, and an entry does not come after the one before it.
   */
  load(entries: Iterable<readonly [KI, VI]>): Promise<number> {
    return this.#change((tree) => tree.load(entries));
  }

  /**
   * How large the tree is and of what it is made, from page headers: 1/256 of the file is read.
   *
   * @throws {TypeError} A transaction is open.
   */
  stats(): TreeStats {
    this.#session.checkOpen();
    const found = this.#session.findTree(this.name)?.entries;
    return found === undefined ? NO_TREE : statsOf(this.#session.pager, found);
  }

  #change<T>(change: (tree: TransactionTree<K, V, KI, VI, P>) => T): Promise<T> {
    if (this.#session.pager.depth > 0) {
      const refusal = `Cannot change tree ${this.name}: a transaction is open, use its tx`;
      return Promise.reject(new TypeError(refusal));
    }
    return this.#session.write((tx) => change(tx.tree(this)));
  }
}
