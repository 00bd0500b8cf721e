/**
 * Rows that are kept once, as DISTINCT, UNION and IN need them. Rows that exceed the memory go to a
 * tree, by key. A row of one number is kept as the number, without an array around it.
 */

import { type Collation, compare } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import { bytesOf, keyBytes, rowOfBytes } from "./row_bytes.ts";
import { type MapKey, mapKey } from "./row_key.ts";
import { type Row, RowList } from "./row_list.ts";
import { sortedOrder, termsOf } from "./sorter.ts";
import { bytesOfRow, Memory, type SpillTree } from "./spill.ts";

/** A row, or the number that it is. */
type Kept = Row | number;

function rowOf(kept: Kept): Row {
  return typeof kept === "number" ? [kept] : kept;
}

/** A set of rows. */
export class RowSet extends RowList {
  readonly #collations: readonly Collation[];
  readonly #memory: Memory;
  readonly #found = new Map<MapKey, Kept>();
  /** Whether all keys are numbers, whose order is that of the rows. */
  #hasNumbers = true;
  /** The keys in their order, if they were sorted as numbers, and the place among them. */
  #sorted: Float64Array | undefined;
  #place = 0;
  #bytes = 0;
  #tree: SpillTree | undefined;
  #read: Generator<[Uint8Array, Uint8Array], void, undefined> | undefined;
  /** The rows that have a NULL; undefined before they are asked for, and where they may be many. */
  #withNull: readonly Row[] | undefined;
  /** Whether a row has a NULL in its first value. */
  hasNull = false;

  /** Creates a set of rows of as many values as there are collations. */
  constructor(collations: readonly Collation[], memory: Memory = new Memory()) {
    super();
    this.#collations = collations;
    this.#memory = memory;
  }

  /** Whether there are no rows. */
  get isEmpty(): boolean {
    return this.#found.size === 0 && (this.#tree === undefined || this.#tree.count() === 0);
  }

  /** Adds a row of values from `first` on; false if there is an equal one. */
  addFrom(values: readonly SqlValue[], first: number): boolean {
    const key = mapKey(values, first, this.#collations);
    if (this.#found.has(key) || this.#isInTree(values, first)) return false;
    const value = values[first]!;
    const { length } = this.#collations;
    const kept = length === 1 && typeof value === "number"
      ? value
      : values.slice(first, first + length);
    if (value === null) this.hasNull = true;
    if (typeof key !== "number") this.#hasNumbers = false;
    this.#found.set(key, kept);
    this.#withNull = undefined;
    if (this.#memory.spill === undefined) return true;
    const bytes = 2 * bytesOfRow(rowOf(kept));
    this.#bytes += bytes;
    if (this.#memory.take(bytes)) this.#empty();
    return true;
  }

  /** Moves the rows in memory to the tree. */
  #empty(): void {
    this.#tree ??= this.#memory.spill!.tree();
    const entries = [...this.#found.values()].map((kept) => {
      const row = rowOf(kept);
      return [keyBytes(row, 0, this.#collations), bytesOf(row)] as const;
    });
    this.#tree.put(entries);
    this.#found.clear();
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
  }

  #isInTree(values: readonly SqlValue[], first: number): boolean {
    return this.#tree !== undefined && this.#tree.has(keyBytes(values, first, this.#collations));
  }

  /** Whether there is an equal row. */
  has(values: readonly SqlValue[], first: number): boolean {
    return this.#found.has(mapKey(values, first, this.#collations)) ||
      this.#isInTree(values, first);
  }

  /** Whether a row is in the set, as IN decides: NULL if only a NULL leaves it open. */
  contains(values: readonly SqlValue[], first: number): 0 | 1 | null {
    const collations = this.#collations;
    let hasNull = false;
    for (let i = 0; i < collations.length; i++) hasNull ||= values[first + i] === null;
    if (!hasNull && this.has(values, first)) return 1;
    for (const row of hasNull ? this.#all() : this.#rowsWithNull()) {
      const differs = row.some((value, i) => {
        const other = values[first + i]!;
        return value !== null && other !== null && compare(value, other, collations[i]!) !== 0;
      });
      if (!differs) return null;
    }
    return 0;
  }

  /** The rows that have a NULL, which a search looks at one by one. */
  #rowsWithNull(): Iterable<Row> {
    const rows = this.#withNull ?? this.#all().filter((row) => row.includes(null));
    // Those in a tree are not kept in memory.
    return this.#tree === undefined ? this.#withNull ??= [...rows] : rows;
  }

  *#all(): Generator<Row> {
    for (const kept of this.#found.values()) yield rowOf(kept);
    for (const [, bytes] of this.#tree?.entries() ?? []) yield rowOfBytes(bytes);
  }

  /** Removes the equal row; false if there is none. */
  delete(values: readonly SqlValue[], first: number): boolean {
    this.#withNull = undefined;
    if (this.#found.delete(mapKey(values, first, this.#collations))) return true;
    return this.#tree?.delete(keyBytes(values, first, this.#collations)) ?? false;
  }

  /** Makes the rows a sorted list. */
  sort(): void {
    if (this.#tree !== undefined) return this.#empty();
    if (this.#hasNumbers) return void (this.#sorted = this.#sortedNumbers());
    const rows = Array.from(this.#found.values(), rowOf);
    this.rows = Array.from(sortedOrder(rows, termsOf(this.#collations)), (at) => rows[at]!);
  }

  /** The keys, which are numbers, in their order. */
  #sortedNumbers(): Float64Array {
    return Float64Array.from(this.#found.keys() as Iterable<number>).sort();
  }

  /** Moves to the first row; false if there is none. */
  override rewind(): boolean {
    this.#place = 0;
    if (this.#sorted !== undefined) return this.#nextNumber();
    if (this.#tree === undefined) return super.rewind();
    this.#read = this.#tree.entries();
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  override next(): boolean {
    if (this.#sorted !== undefined) return this.#nextNumber();
    if (this.#read === undefined) return super.next();
    const step = this.#read.next();
    if (step.done === true) return false;
    this.row = rowOfBytes(step.value[1]);
    return true;
  }

  #nextNumber(): boolean {
    const sorted = this.#sorted!;
    if (this.#place === sorted.length) return false;
    this.row = rowOf(this.#found.get(sorted[this.#place++]!)!);
    return true;
  }

  /** Forgets all rows. */
  override close(): void {
    super.close();
    this.#found.clear();
    this.#hasNumbers = true;
    this.#sorted = undefined;
    this.#read?.return();
    this.#read = undefined;
    this.#tree?.drop();
    this.#tree = undefined;
    this.#memory.give(this.#bytes);
    this.#bytes = 0;
    this.#withNull = undefined;
    this.hasNull = false;
  }
}
