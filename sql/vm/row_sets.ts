/**
 * Rows that a statement keeps in memory while it runs: lists, sorters, sets, buckets of a hash
 * join, and groups with their aggregates.
 */

import type { AggregateState } from "../function/aggregate.ts";
import { type Collation, compare } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import type { Cursor } from "./cursor.ts";
import { type MapKey, mapKey } from "./row_key.ts";

/** A row. */
export type Row = SqlValue[];

const NO_ROW: Row = [];

/** How rows are ordered by one value. */
export interface SortTerm {
  readonly collation: Collation;
  readonly isDescending: boolean;
  /** Whether NULLs are after all other values. */
  readonly nullsLast: boolean;
}

/** A list of rows with a position, also as a queue. */
export class RowList implements Cursor {
  /** The rows. */
  rows: Row[] = [];
  /** The current row. */
  row: Row = NO_ROW;
  #at = 0;

  /** Moves to the first row; false if there is none. */
  rewind(): boolean {
    this.#at = 0;
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  next(): boolean {
    if (this.#at >= this.rows.length) return false;
    this.row = this.rows[this.#at++]!;
    return true;
  }

  /** Moves to the oldest row and removes it; false if there is none. */
  pop(): boolean {
    if (!this.next()) return false;
    if (this.#at > 1000 && this.#at * 2 > this.rows.length) {
      this.rows = this.rows.slice(this.#at);
      this.#at = 0;
    }
    return true;
  }

  /** Moves to a row of NULLs. */
  setNull(): void {
    this.row = NO_ROW;
  }

  /** The value of a column. */
  column(column: number): SqlValue {
    return this.row[column] ?? null;
  }

  /** Forgets all rows. */
  close(): void {
    this.rows = [];
    this.row = NO_ROW;
    this.#at = 0;
  }
}

/** Rows that are sorted by their first values. With a limit it keeps only the first rows. */
export class Sorter extends RowList {
  readonly #terms: readonly SortTerm[];
  readonly #limit: number;

  /** Creates a sorter. */
  constructor(terms: readonly SortTerm[], limit: number) {
    super();
    this.#terms = terms;
    this.#limit = limit;
  }

  /** Adds a row. */
  add(row: Row): void {
    this.rows.push(row);
    if (this.rows.length < 2 * this.#limit + 1000) return;
    this.sort();
    this.rows.length = Math.min(this.rows.length, this.#limit);
  }

  /** Sorts the rows; equal ones stay in their order. */
  sort(): void {
    const terms = this.#terms;
    this.rows.sort((a, b) => {
      for (let i = 0; i < terms.length; i++) {
        const order = compareBy(terms[i]!, a[i]!, b[i]!);
        if (order !== 0) return order;
      }
      return 0;
    });
  }
}

function compareBy(term: SortTerm, a: SqlValue, b: SqlValue): number {
  if (a === null || b === null) {
    if (a === b) return 0;
    return (a === null) === term.nullsLast ? 1 : -1;
  }
  const order = compare(a, b, term.collation);
  return term.isDescending ? -order : order;
}

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

function compareRows(a: Row, b: Row, collations: readonly Collation[]): number {
  for (let i = 0; i < collations.length; i++) {
    const order = compare(a[i]!, b[i]!, collations[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

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

/** A group of rows: its key, the values kept of one of its rows, and its aggregates. */
interface Group {
  readonly key: Row;
  readonly kept: Row;
  readonly states: AggregateState[];
}

/** Groups of rows. */
export class Groups implements Cursor {
  readonly #collations: readonly Collation[];
  readonly #states: readonly (() => AggregateState)[];
  readonly #found = new Map<MapKey, Group>();
  #sorted: Group[] = [];
  #at = 0;
  #group: Group | undefined;

  /** Creates groups by as many values as there are collations. */
  constructor(collations: readonly Collation[], states: readonly (() => AggregateState)[]) {
    this.#collations = collations;
    this.#states = states;
  }

  /** Moves to the group of a key; false if it is new. */
  find(values: readonly SqlValue[], first: number): boolean {
    const key = mapKey(values, first, this.#collations);
    this.#group = this.#found.get(key);
    if (this.#group !== undefined) return true;
    this.#group = {
      key: values.slice(first, first + this.#collations.length),
      kept: [],
      states: this.#states.map((make) => make()),
    };
    this.#found.set(key, this.#group);
    return false;
  }

  /** The current group. */
  get group(): Group {
    return this.#group!;
  }

  /** Moves to the first group, in the order of keys; false if there is none. */
  rewind(): boolean {
    const collations = this.#collations;
    this.#sorted = [...this.#found.values()].sort((a, b) => compareRows(a.key, b.key, collations));
    this.#at = 0;
    return this.next();
  }

  /** Moves to the next group; false at the end. */
  next(): boolean {
    if (this.#at >= this.#sorted.length) return false;
    this.#group = this.#sorted[this.#at++];
    return true;
  }

  /** Forgets all groups. */
  close(): void {
    this.#found.clear();
    this.#sorted = [];
    this.#group = undefined;
  }
}
