/**
 * A model of a database: trees as sorted arrays, with the simplest implementation of each
 * operation.
 */

import { compareKeys } from "../../../btree/mod.ts";
import type { Range } from "../../../store/read/range.ts";

/** A key and its value. */
export type Entry = readonly [Uint8Array, Uint8Array];

/** A model of a tree. */
export class ModelTree {
  /** The entries, in key order. Replaced, never changed in place. */
  entries: Entry[] = [];

  /** The value of a key. */
  get(key: Uint8Array): Uint8Array | undefined {
    const at = this.#find(key);
    return this.#isAt(at, key) ? this.entries[at]![1] : undefined;
  }

  /** Sets the value of a key. */
  set(key: Uint8Array, value: Uint8Array): void {
    const at = this.#find(key);
    this.entries.splice(at, this.#isAt(at, key) ? 1 : 0, [key, value]);
  }

  /** Deletes a key. Returns whether it existed. */
  delete(key: Uint8Array): boolean {
    const at = this.#find(key);
    if (!this.#isAt(at, key)) return false;
    this.entries.splice(at, 1);
    return true;
  }

  /** The entries of a range. */
  range(range: Range): Entry[] {
    const found = this.entries.filter(([key]) => isIn(key, range));
    if (range.reverse) found.reverse();
    return found.slice(0, range.limit);
  }

  /** The entry of a range that comes after a key in an order, or its first. */
  next(range: Range, reverse: boolean, last: Uint8Array | undefined): Entry | undefined {
    const order = reverse ? -1 : 1;
    const isNext = ([key]: Entry) =>
      isIn(key, range) && (last === undefined || compare(key, last) * order > 0);
    return reverse ? this.entries.findLast(isNext) : this.entries.find(isNext);
  }

  /** Deletes a range. Returns the number of its entries. */
  deleteRange(range: Range): number {
    const left = this.entries.filter(([key]) => !isIn(key, range));
    const count = this.entries.length - left.length;
    this.entries = left;
    return count;
  }

  #find(key: Uint8Array): number {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.entries[middle]![0], key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isAt(at: number, key: Uint8Array): boolean {
    return at < this.entries.length && compare(this.entries[at]![0], key) === 0;
  }
}

/** A model of a database. */
export class Model {
  readonly #trees = new Map<string, ModelTree>();
  readonly #living = new Set<string>();

  /** The tree of a name, which need not exist. */
  tree(name: string): ModelTree {
    let tree = this.#trees.get(name);
    if (tree === undefined) this.#trees.set(name, tree = new ModelTree());
    return tree;
  }

  /** Notes that a tree was created. */
  create(name: string): void {
    this.#living.add(name);
  }

  /** The names of the existing trees. */
  names(): string[] {
    return [...this.#living].sort();
  }

  /** Renames a tree. */
  rename(from: string, to: string): void {
    this.tree(to).entries = this.tree(from).entries;
    this.tree(from).entries = [];
    this.#living.delete(from);
    this.#living.add(to);
  }

  /** Drops a tree. Returns whether it existed. */
  drop(name: string): boolean {
    this.tree(name).entries = [];
    return this.#living.delete(name);
  }

  /** An independent copy. */
  copy(): Model {
    const copy = new Model();
    for (const [name, { entries }] of this.#trees) copy.tree(name).entries = [...entries];
    for (const name of this.#living) copy.create(name);
    return copy;
  }
}

function isIn(key: Uint8Array, { prefix, gt, gte, lt, lte }: Range): boolean {
  const bytes = (bound: unknown) => bound as Uint8Array;
  return (!prefix || compare(key.subarray(0, prefix.length), bytes(prefix)) === 0) &&
    (!gt || compare(key, bytes(gt)) > 0) && (!gte || compare(key, bytes(gte)) >= 0) &&
    (!lt || compare(key, bytes(lt)) < 0) && (!lte || compare(key, bytes(lte)) <= 0);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareKeys(a, a.length, b, b.length);
}
