/**
 * Loads many entries into a tree in one transaction, in key order or in any: a bulk load if the
 * tree is empty, otherwise single puts.
 *
 * The source of the entries may run any code in between, and may even change this tree. A drop or
 * rename of the tree is detected at the next entry and at the end.
 */

import { type BTree, BulkLoad, ExternalSort } from "../../btree/mod.ts";
import { checkOptions } from "../read/argument_checks.ts";
import type { Session } from "./session.ts";

/** The default fill factor: it leaves room for about a tenth more entries. */
const FILL_DEFAULT = 0.9;
const FILL_MIN = 0.5;

/** Options of a load. */
export interface LoadOptions {
  /**
   * The share of each page that a load into an empty tree fills, 0.5 to 1. Default 0.9, which
   * leaves room for later inserts. 1 makes the smallest file, for a tree that no longer changes.
   */
  readonly fill?: number;
  /**
   * Whether the entries come in any order. They are sorted first, in 64 MiB of memory, and in free
   * pages of the file if that does not suffice. Of several entries with one key the last remains.
   * Default false.
   */
  readonly unordered?: boolean;
}

/** A load: takes entries, and ends. */
export interface Load {
  /** Adds an entry. */
  add(key: Uint8Array, length: number, value: Uint8Array): void;
  /** Ends the load. Returns the number of entries. */
  finish(): number;
}

/**
 * The options with their defaults.
 *
 * @throws {TypeError} The options are not an object with valid fields.
 * @throws {RangeError} The fill factor is out of range.
 */
export function loadOptionsOf(options: LoadOptions): Required<LoadOptions> {
  checkOptions("load", options, { fill: "number", unordered: "boolean" });
  const { fill = FILL_DEFAULT, unordered = false } = options;
  if (fill >= FILL_MIN && fill <= 1) return { fill, unordered };
  throw new RangeError(`Cannot load: fill ${fill} is not in ${FILL_MIN}..1`);
}

/** Loads many entries into a tree in one transaction. */
export class TreeLoad implements Load {
  readonly #session: Session;
  readonly #name: string;
  #tree: BTree;
  readonly #built: BulkLoad | undefined;
  #epoch: number;
  #count = 0;

  /**
   * Begins a load.
   *
   * @param session The session of the database.
   * @param name The name of the tree.
   * @param tree The tree.
   * @param fill The fill factor of a bulk load.
   */
  constructor(session: Session, name: string, tree: BTree, fill: number) {
    this.#session = session;
    this.#name = name;
    this.#tree = tree;
    this.#built = tree.isEmpty ? new BulkLoad(tree, fill) : undefined;
    this.#epoch = session.epoch;
  }

  /**
   * Adds an entry.
   *
   * @throws {RangeError} The tree was empty, and the key is not after the previous key.
   * @throws {TypeError} The tree was dropped or renamed meanwhile.
   */
  add(key: Uint8Array, length: number, value: Uint8Array): void {
    this.#check();
    if (this.#built === undefined) this.#tree.put(key, value, length);
    else this.#built.add(key, value, length);
    this.#count++;
  }

  /** Adds an entry as `add` does, from parts of arrays. */
  addPart(
    bytes: Uint8Array,
    keyAt: number,
    keyLength: number,
    values: Uint8Array,
    valueAt: number,
    valueLength: number,
  ): void {
    this.#check();
    this.#count++;
    if (this.#built !== undefined) {
      this.#built.addPart(bytes, keyAt, keyLength, values, valueAt, valueLength);
    } else {
      const key = bytes.subarray(keyAt, keyAt + keyLength);
      this.#tree.put(key, values.subarray(valueAt, valueAt + valueLength));
    }
  }

  #check(): void {
    this.#session.refuseDoomed();
    if (this.#epoch === this.#session.epoch) return;
    // The tree may now be in use through another object, and its users must see the changes.
    this.#tree = refuseLost(this.#session, this.#name, this.#tree);
    this.#epoch = this.#session.epoch;
  }

  /** Ends the load. Returns the number of entries. */
  finish(): number {
    const tree = refuseLost(this.#session, this.#name, this.#tree);
    this.#built?.finish();
    // For the iterators of another object of the tree.
    tree.nodes.changes++;
    this.#session.feed.noteLoad(this.#name, this.#count);
    return this.#count;
  }
}

/**
 * Loads entries in any order into a tree: sorts them, and then loads them as a `TreeLoad`. If the
 * tree has entries, each leaf is changed once.
 */
export class UnorderedLoad implements Load {
  readonly #session: Session;
  readonly #name: string;
  readonly #tree: BTree;
  readonly #fill: number;
  readonly #sort: ExternalSort;
  #epoch: number;

  /**
   * Begins a load.
   *
   * @param session The session of the database.
   * @param name The name of the tree.
   * @param tree The tree.
   * @param fill The fill factor of a bulk load.
   * @param bytesMax The memory in which entries are sorted; default see `ExternalSort`.
   */
  constructor(session: Session, name: string, tree: BTree, fill: number, bytesMax?: number) {
    this.#session = session;
    this.#name = name;
    this.#tree = tree;
    this.#fill = fill;
    this.#sort = new ExternalSort(session.context, tree.id, bytesMax);
    this.#epoch = session.epoch;
  }

  /**
   * Adds an entry.
   *
   * @throws {TypeError} The tree was dropped or renamed meanwhile.
   */
  add(key: Uint8Array, length: number, value: Uint8Array): void {
    this.#session.refuseDoomed();
    if (this.#epoch !== this.#session.epoch) {
      refuseLost(this.#session, this.#name, this.#tree);
      this.#epoch = this.#session.epoch;
    }
    this.#sort.add(key, length, value);
  }

  /** Sorts and loads the entries. Returns the number of different keys. */
  finish(): number {
    const tree = refuseLost(this.#session, this.#name, this.#tree);
    const load = new TreeLoad(this.#session, this.#name, tree, this.#fill);
    this.#sort.drain({
      add: (bytes, keyAt, keyLength, values, valueAt, valueLength) => {
        load.addPart(bytes, keyAt, keyLength, values, valueAt, valueLength);
      },
    });
    return load.finish();
  }
}

/** The current object of a tree. Throws unless a name still refers to it. */
export function refuseLost(session: Session, name: string, tree: BTree): BTree {
  const found = session.findTree(name)?.btree;
  if (found?.id === tree.id) return found;
  throw new TypeError(`Cannot load: tree ${name} was dropped or renamed meanwhile`);
}
