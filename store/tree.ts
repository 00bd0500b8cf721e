/**
 * A tree as users meet it: like a `Map` from keys to bytes, sorted, on disk.
 *
 * Every change is a transaction of its own, made at once and safe when its promise resolves;
 * changes of one turn of the event loop reach the disk together.
 */

import type { Key } from "./key.ts";
import { type Range, rangeOnly } from "./range.ts";
import { ReadTree } from "./read_tree.ts";
import type { Session } from "./session.ts";
import type { TransactionTree } from "./transaction.ts";

/** An ordered map from keys to bytes. Get one by `Database.tree`. */
export class Tree extends ReadTree {
  readonly #session: Session;

  /**
   * Made by `Database.tree`.
   *
   * @param session What the trees of the database share.
   * @param name Its name.
   */
  constructor(session: Session, name: string) {
    super(session, name);
    this.#session = session;
  }

  /**
   * Sets the value of a key; durable when it resolves.
   *
   * @param value At most 2 GiB.
   * @throws {TypeError} Key or value is of a wrong type, or a transaction is open: use its `tx`.
   * @throws {RangeError} Key or value is too long.
   * @throws {IoError} The system refused.
   */
  set(key: Key, value: Uint8Array): Promise<void> {
    return this.#change((tree) => tree.set(key, value));
  }

  /** Removes an entry; whether there was one. Durable when it resolves. */
  delete(key: Key): Promise<boolean> {
    return this.#change((tree) => tree.delete(key));
  }

  /** Removes all entries of a range; how many there were. Durable when it resolves. */
  deleteRange(range: Range = {}): Promise<number> {
    return this.#change((tree) => tree.deleteRange(rangeOnly(range)));
  }

  /** Removes all entries. Durable when it resolves. */
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
  load(entries: Iterable<readonly [Key, Uint8Array]>): Promise<number> {
    return this.#change((tree) => tree.load(entries));
  }

  #change<T>(change: (tree: TransactionTree) => T): Promise<T> {
    if (this.#session.pager.depth > 0) {
      const refusal = `Cannot change tree ${this.name}: a transaction is open, use its tx`;
      return Promise.reject(new TypeError(refusal));
    }
    return this.#session.write((tx) => change(tx.tree(this)));
  }
}
