/**
 * Rows that a statement keeps while it runs: the interface of all that a machine has open, and
 * lists of rows in memory.
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

/** A list of rows with a position. */
export class RowList implements Cursor {
  /** The rows. */
  rows: Row[] = [];
  /** The current row. */
  row: Row = NO_ROW;
  #at = 0;

  /** Adds a row. */
  add(row: Row): void {
    this.rows.push(row);
  }

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

  /** In a queue, moves to the oldest row and removes it; false if there is none. */
  pop(): boolean {
    return this.next();
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
