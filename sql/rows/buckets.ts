/**
 * The buckets of a hash join: rows by the values that they are joined by.
 */

import type { Collation } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import { type MapKey, mapKey } from "./row_key.ts";
import { type Row, RowList } from "./row_list.ts";

/** Rows by the values of a join. */
export class Buckets extends RowList {
  readonly #collations: readonly Collation[];
  readonly #found = new Map<MapKey, Row[]>();

  /** Creates buckets for keys of as many values as there are collations. */
  constructor(collations: readonly Collation[]) {
    super();
    this.#collations = collations;
  }

  /** Adds a row under the values of a key, unless one is NULL, which equals nothing. */
  add(values: readonly SqlValue[], first: number, row: Row): void {
    if (this.#hasNull(values, first)) return;
    const key = mapKey(values, first, this.#collations);
    const bucket = this.#found.get(key);
    if (bucket === undefined) this.#found.set(key, [row]);
    else bucket.push(row);
  }

  /** Moves to the first row of a key; false if there is none. */
  find(values: readonly SqlValue[], first: number): boolean {
    const hasNull = this.#hasNull(values, first);
    const key = hasNull ? undefined : mapKey(values, first, this.#collations);
    this.rows = key === undefined ? [] : this.#found.get(key) ?? [];
    return this.rewind();
  }

  #hasNull(values: readonly SqlValue[], first: number): boolean {
    for (let i = 0; i < this.#collations.length; i++) if (values[first + i] === null) return true;
    return false;
  }

  /** Forgets all rows. */
  override close(): void {
    super.close();
    this.#found.clear();
  }
}
