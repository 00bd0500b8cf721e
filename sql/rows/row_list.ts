/**
 * Rows that a statement keeps while it runs: the interface of all that a machine has open, and
 * lists.
 */

import type { SqlValue } from "../value/value.ts";

/** What a machine has open under a number. */
export interface Cursor {
  /** Gives back what it holds. */
  close(): void;
}

/** A row. */
export type Row = SqlValue[];

const NO_ROW: Row = [];

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
