/**
 * Aggregates over rows in an order, for ORDER BY inside a call.
 */

import type { AggregateState } from "../function/aggregate.ts";
import type { SqlValue } from "../value/value.ts";
import type { Row } from "./row_list.ts";
import { compareBy, type SortTerm } from "./sorter.ts";
import { bytesOfRow } from "./spill.ts";

/** The state of an aggregate that takes its rows sorted; sort values follow the arguments. */
export class OrderedState implements AggregateState {
  readonly hasTaken = false;
  grown = 0;
  readonly #make: () => AggregateState;
  readonly #args: number;
  readonly #terms: readonly SortTerm[];
  #rows: Row[] = [];

  /**
   * Creates the state of a group.
   *
   * @param make Makes the state of the function itself.
   * @param args The number of its arguments.
   * @param terms How the values after these are ordered.
   */
  constructor(make: () => AggregateState, args: number, terms: readonly SortTerm[]) {
    this.#make = make;
    this.#args = args;
    this.#terms = terms;
  }

  /** Keeps the arguments of a row, and what it is sorted by. */
  add(values: readonly SqlValue[], first: number, count: number): void {
    const row = values.slice(first, first + count);
    this.#rows.push(row);
    this.grown += bytesOfRow(row);
  }

  /** The result over the rows so far. */
  result(): SqlValue {
    const state = this.#make();
    this.#rows.sort((a, b) => this.#compare(a, b));
    for (const row of this.#rows) state.add(row, 0, this.#args);
    return state.result();
  }

  #compare(a: Row, b: Row): number {
    for (let i = 0; i < this.#terms.length; i++) {
      const at = this.#args + i;
      const order = compareBy(this.#terms[i]!, a[at]!, b[at]!);
      if (order !== 0) return order;
    }
    return 0;
  }

  /** All rows, one after the other. */
  save(): SqlValue[] {
    return this.#rows.flat();
  }

  /** Takes rows back. */
  restore(values: readonly SqlValue[]): void {
    const width = this.#args + this.#terms.length;
    for (let at = 0; at < values.length; at += width) this.add(values, at, width);
  }
}
