/**
 * Rows that are kept once, as DISTINCT, UNION and IN need them.
 */

import { type Collation, compare } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import { type MapKey, mapKey } from "./row_key.ts";
import { type Row, RowList } from "./row_list.ts";
import { compareRows } from "./sorter.ts";

/** A set of rows. */
export class RowSet extends RowList {
  readonly #collations: readonly Collation[];
  readonly #found = new Map<MapKey, Row>();
  /** Whether a row has a NULL in its first value. */
  hasNull = false;

  /** Creates a set of rows of as many values as there are collations. */
  constructor(collations: readonly Collation[]) {
    super();
    this.#collations = collations;
  }

  /** The number of rows. */
  get size(): number {
    return this.#found.size;
  }

  /** Adds a row; false if there is an equal one. */
  add(values: readonly SqlValue[], first: number): boolean {
    const key = mapKey(values, first, this.#collations);
    if (this.#found.has(key)) return false;
    const row = values.slice(first, first + this.#collations.length);
    if (row[0] === null) this.hasNull = true;
    this.#found.set(key, row);
    return true;
  }

  /** Whether there is an equal row. */
  has(values: readonly SqlValue[], first: number): boolean {
    return this.#found.has(mapKey(values, first, this.#collations));
  }

  /** Whether a row is in the set, as IN says: NULL if it may be, but for a NULL. */
  contains(values: readonly SqlValue[], first: number): 0 | 1 | null {
    const collations = this.#collations;
    let hasNull = false;
    for (let i = 0; i < collations.length; i++) hasNull ||= values[first + i] === null;
    if (!hasNull && this.has(values, first)) return 1;
    let result: 0 | null = 0;
    for (const row of this.#found.values()) {
      if (!hasNull && !row.includes(null)) continue;
      const differs = row.some((value, i) => {
        const other = values[first + i]!;
        return value !== null && other !== null && compare(value, other, collations[i]!) !== 0;
      });
      if (!differs) result = null;
    }
    return result;
  }

  /** Removes the equal row; false if there is none. */
  delete(values: readonly SqlValue[], first: number): boolean {
    return this.#found.delete(mapKey(values, first, this.#collations));
  }

  /** Makes the rows a sorted list. */
  sort(): void {
    const collations = this.#collations;
    this.rows = [...this.#found.values()].sort((a, b) => compareRows(a, b, collations));
  }

  /** Forgets all rows. */
  override close(): void {
    super.close();
    this.#found.clear();
    this.hasNull = false;
  }
}
