/**
 * Adding many entries to a tree in one transaction: built from the leaves up where the tree is
 * empty, else put one by one.
 *
 * Whoever gives the entries may do anything in between, to this tree too. A tree that is lost
 * meanwhile is noticed at the next entry, and at the end.
 */

import { type BTree, BulkLoad } from "../../btree/mod.ts";
import type { Session } from "./session.ts";

/** Adds many entries to a tree in one transaction. */
export class TreeLoad {
  readonly #session: Session;
  readonly #name: string;
  readonly #tree: BTree;
  readonly #built: BulkLoad | undefined;
  #epoch: number;
  #count = 0;

  /**
   * Begins to add entries.
   *
   * @param session What the trees of the database share.
   * @param name The name of the tree.
   * @param tree The tree.
   */
  constructor(session: Session, name: string, tree: BTree) {
    this.#session = session;
    this.#name = name;
    this.#tree = tree;
    this.#built = tree.isEmpty ? new BulkLoad(tree) : undefined;
    this.#epoch = session.epoch;
  }

  /**
   * Adds an entry.
   *
   * @throws {RangeError} The tree was empty, and the key is not after the one before it.
   * @throws {TypeError} The tree was dropped or renamed meanwhile.
   */
  add(key: Uint8Array, length: number, value: Uint8Array): void {
    this.#session.refuseDoomed();
    if (this.#epoch !== this.#session.epoch) {
      refuseLost(this.#session, this.#name, this.#tree);
      this.#epoch = this.#session.epoch;
    }
    if (this.#built === undefined) this.#tree.put(key, value, length);
    else this.#built.add(key, value, length);
    this.#count++;
  }

  /** Ends it; how many entries there were. */
  finish(): number {
    refuseLost(this.#session, this.#name, this.#tree);
    this.#built?.finish();
    this.#session.feed.noteLoad(this.#name, this.#count);
    return this.#count;
  }
}

/** Throws when a name is not that of a tree any more. */
export function refuseLost(session: Session, name: string, tree: BTree): void {
  if (session.findTree(name)?.entries.id === tree.id) return;
  throw new TypeError(`Cannot load: tree ${name} was dropped or renamed meanwhile`);
}
