/**
 * A queue whose least row comes first, for recursive queries with an order.
 */

import { type Row, RowList } from "./row_list.ts";
import { compareBy, type SortTerm } from "./sorter.ts";

/** A column and how it orders rows. */
export interface QueueTerm {
  readonly column: number;
  readonly sort: SortTerm;
}

/** Rows in a heap; equal ones leave it in the order in which they came. */
export class SortedQueue extends RowList {
  readonly #terms: readonly QueueTerm[];
  /** The number of each row, in the order of coming, at the same index. */
  #numbers: number[] = [];
  #count = 0;

  /** Creates a queue. */
  constructor(terms: readonly QueueTerm[]) {
    super();
    this.#terms = terms;
  }

  /** Adds a row. */
  override add(row: Row): void {
    let at = this.rows.push(row) - 1;
    this.#numbers.push(this.#count++);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Moves to the least row and removes it; false if there is none. */
  override pop(): boolean {
    const { rows } = this;
    if (rows.length === 0) return false;
    this.row = rows[0]!;
    this.#swap(0, rows.length - 1);
    rows.pop();
    this.#numbers.pop();
    for (let at = 0;;) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2 && child < rows.length; child++) {
        if (this.#isBefore(child, least)) least = child;
      }
      if (least === at) return true;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const x = this.rows[a]!;
    const y = this.rows[b]!;
    for (const { column, sort } of this.#terms) {
      const order = compareBy(sort, x[column]!, y[column]!);
      if (order !== 0) return order < 0;
    }
    return this.#numbers[a]! < this.#numbers[b]!;
  }

  #swap(a: number, b: number): void {
    const numbers = this.#numbers;
    [this.rows[a], this.rows[b]] = [this.rows[b]!, this.rows[a]!];
    [numbers[a], numbers[b]] = [numbers[b]!, numbers[a]!];
  }

  /** Forgets all rows. */
  override close(): void {
    super.close();
    this.#numbers = [];
  }
}
