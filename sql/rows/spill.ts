/**
 * Where the rows go that exceed a statement's memory: to trees of another database, which are
 * dropped when the statement ends.
 */

import type { Database, Tree } from "../../mod.ts";
import type { SqlValue } from "../value/value.ts";

/** Rows that exceed the memory of a statement go to a database. */
export interface SpillOptions {
  /** The database that takes them: a separate one, whose file may be lost. */
  readonly database: Database;
  /** The approximate bytes of rows that a statement may keep in memory. Default 64 MiB. */
  readonly bytes?: number | undefined;
}

const BYTES_DEFAULT = 64 * 2 ** 20;
const PREFIX = "sql/spill/";
/** The maximum number of entries that one transaction writes. */
const BATCH = 2000;

type Entries = Generator<[Uint8Array, Uint8Array], void, undefined>;
type BytesTree = Tree<Uint8Array, Uint8Array, Uint8Array | string, Uint8Array>;

/** A database for rows. */
export class Spill {
  /** The bytes that a statement may keep in memory. */
  readonly bytes: number;
  readonly #database: Database;

  /** Prepares a database, and drops the trees of a program that ended without doing so. */
  constructor({ database, bytes = BYTES_DEFAULT }: SpillOptions) {
    if (!(bytes > 0)) throw new RangeError("Cannot spill: the bytes are not positive");
    this.bytes = bytes;
    this.#database = database;
    if (numbers.has(database)) return;
    numbers.set(database, 0);
    for (const name of database.trees()) {
      if (name.startsWith(PREFIX)) database.dropTree(name);
    }
  }

  /** A new tree. */
  tree(): SpillTree {
    const number = numbers.get(this.#database)! + 1;
    numbers.set(this.#database, number);
    return new SpillTree(this.#database, `${PREFIX}${number}`);
  }
}

/** The number of the last tree of a database. */
const numbers = new WeakMap<Database, number>();

/** A tree of rows. */
export class SpillTree {
  readonly #database: Database;
  readonly #name: string;
  readonly #tree: BytesTree;

  /** Creates a tree. */
  constructor(database: Database, name: string) {
    this.#database = database;
    this.#name = name;
    this.#tree = database.tree(name) as unknown as BytesTree;
  }

  /** Sets entries. */
  put(entries: Iterable<readonly [Uint8Array, Uint8Array]>): void {
    const iterator = entries[Symbol.iterator]();
    for (let isDone = false; !isDone;) {
      this.#database.writeSync((tx) => {
        const tree = tx.tree(this.#tree);
        for (let i = 0; i < BATCH; i++) {
          const step = iterator.next();
          isDone = step.done === true;
          if (isDone) return;
          tree.set(step.value[0], step.value[1]);
        }
      }, { durability: "none" });
    }
  }

  /** Removes an entry; false if there is none. */
  delete(key: Uint8Array): boolean {
    const remove = () =>
      this.#database.writeSync(
        (tx) => tx.tree(this.#tree).delete(key),
        { durability: "none" },
      );
    return this.has(key) && remove();
  }

  /** Whether there is an entry. */
  has(key: Uint8Array): boolean {
    return this.#tree.has(key);
  }

  /** The value of a key, or undefined. */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#tree.get(key);
  }

  /** The number of entries. */
  count(): number {
    return this.#tree.count();
  }

  /** The entries whose keys begin with some bytes, in order. */
  entries(prefix?: Uint8Array): Entries {
    return this.#tree.entries(prefix === undefined ? {} : { prefix }) as Entries;
  }

  /** Drops the tree. */
  drop(): void {
    this.#database.dropTree(this.#name);
  }
}

/** The memory that a statement has for rows. */
export class Memory {
  /** Where rows go beyond it; undefined = it has no bound. */
  readonly spill: Spill | undefined;
  /** The approximate bytes of rows in memory. */
  used = 0;
  /** The most bytes so far. */
  peak = 0;

  /** Creates memory without a bound, or with the bound of `spill`. */
  constructor(spill?: Spill) {
    this.spill = spill;
  }

  /** Takes bytes; true if they exceed the bound, so the caller must give some back. */
  take(bytes: number): boolean {
    if (this.spill === undefined) return false;
    this.used += bytes;
    if (this.used > this.peak) this.peak = this.used;
    return this.used > this.spill.bytes;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.used -= bytes;
  }
}

/** The approximate bytes that a row takes in memory. */
export function bytesOfRow(row: readonly SqlValue[]): number {
  let bytes = 32;
  for (let i = 0; i < row.length; i++) {
    const value = row[i]!;
    if (typeof value === "string") bytes += 24 + 2 * value.length;
    else if (value instanceof Uint8Array) bytes += 100 + value.length;
    else bytes += typeof value === "number" || value === null || value === undefined ? 8 : 32;
  }
  return bytes;
}
