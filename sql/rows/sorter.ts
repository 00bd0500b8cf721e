/**
 * Rows that are sorted, and the orders of rows.
 */

import { type Collation, compare } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import { type Row, RowList } from "./row_list.ts";

/** How rows are ordered by one value. */
export interface SortTerm {
  readonly collation: Collation;
  readonly isDescending: boolean;
  /** Whether NULLs are after all other values. */
  readonly nullsLast: boolean;
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

/** The order of two values by a term. */
export function compareBy(term: SortTerm, a: SqlValue, b: SqlValue): number {
  if (a === null || b === null) {
    if (a === b) return 0;
    return (a === null) === term.nullsLast ? 1 : -1;
  }
  const order = compare(a, b, term.collation);
  return term.isDescending ? -order : order;
}

/** The order of two rows by their first values, one for each collation. */
export function compareRows(a: Row, b: Row, collations: readonly Collation[]): number {
  for (let i = 0; i < collations.length; i++) {
    const order = compare(a[i]!, b[i]!, collations[i]!);
    if (order !== 0) return order;
  }
  return 0;
}
