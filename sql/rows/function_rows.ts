/**
 * The rows of a table-valued function, which are made as they are read.
 */

import type { SequenceReader, TableFunction } from "../function/tables.ts";
import type { SqlValue } from "../value/value.ts";
import { RowList } from "./row_list.ts";

/** The rows of a call, with the arguments as their last columns. */
export class FunctionRows extends RowList {
  readonly #rows: Iterator<SqlValue[]>;
  /** The hidden columns. */
  readonly #hidden: readonly SqlValue[];

  /** Calls a function. */
  constructor(
    { rows, most, hidden = [] }: TableFunction,
    args: readonly SqlValue[],
    database: SequenceReader,
  ) {
    super();
    this.#rows = rows(args, database)[Symbol.iterator]();
    this.#hidden = Array.from({ length: most }, (_, i) => args[i] ?? hidden[i] ?? null);
  }

  /** Moves to the first row; false if there is none. */
  override rewind(): boolean {
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  override next(): boolean {
    const step = this.#rows.next();
    if (step.done === true) return false;
    this.row = this.#hidden.length === 0 ? step.value : [...step.value, ...this.#hidden];
    return true;
  }

  /** Ends the call. */
  override close(): void {
    super.close();
    this.#rows.return?.();
  }
}
