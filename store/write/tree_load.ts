/**
 * Loads many entries into a tree in one transaction: a bulk load if the tree is empty, otherwise
 * single puts.
 *
 * The source of the entries may run any code in between, and may even change this tree. A drop or
 * rename of the tree is detected at the next entry and at the end.
 */

import { type BTree, BulkLoad } from "../../btree/mod.ts";
import type { Session } from "./session.ts";

/** Loads many entries into a tree in one transaction. */
export class TreeLoad {
  readonly #session: Session;
  readonly #name: string;
  readonly #tree: BTree;
  readonly #built: BulkLoad | undefined;
  #epoch: number;
  #count = 0;

  /**
   * Begins a load.
   *
   * @param session The session of the database.
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
   * @throws {RangeError} The tree was empty, and the key is not after the previous key.
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

  /** Ends the load. Returns the number of entries. */
  finish(): number {
    refuseLost(this.#session, this.#name, this.#tree);
    this.#built?.finish();
    this.#session.feed.noteLoad(this.#name, this.#count);
    return this.#count;
  }
}

/** Throws unless a name still refers to a tree. */
export function refuseLost(session: Session, name: string, tree: BTree): void {
  if (session.findTree(name)?.entries.id === tree.id) return;
  throw new TypeError(`Cannot load: tree ${name} was dropped or renamed meanwhile`);
}
