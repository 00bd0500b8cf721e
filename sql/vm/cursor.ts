/**
 * Cursors on trees: of the rows of a table, and of the entries of an index. A cursor decodes the
 * parts that are asked for, and keeps them until it moves.
 */

import type { Cursor } from "../rows/row_list.ts";
import type { Rows } from "../schema/trees.ts";
import type { Index, Table } from "../schema/types.ts";
import { PartReader } from "../value/part_reader.ts";
import { type KeyBounds, ScanBatch } from "./scan_batch.ts";
import type { SqlValue } from "../value/value.ts";

export type { KeyBounds } from "./scan_batch.ts";

const NOT_READ = Symbol("a value that has not been read");

/** A cursor on the rows of a table. */
export class TableCursor implements Cursor {
  /** The table. */
  readonly table: Table;
  /** Its tree. */
  readonly rows: Rows;
  readonly #defaults: readonly SqlValue[];
  readonly #reader = new PartReader();
  /** The values of the row by column, those that have been read. */
  readonly #values: (SqlValue | typeof NOT_READ)[];
  /** Where the values of the row begin, as far as that is known. */
  readonly #offsets: number[] = [];
  /** The rows of a scan, some at a time. */
  #batch: ScanBatch | undefined;
  #key: Uint8Array | undefined;
  #isScan = false;
  #isNull = true;
  #rowid: number | bigint | undefined;

  /**
   * Opens a cursor.
   *
   * @param defaults The values of columns that a row does not have, as it is older than they are.
   */
  constructor(table: Table, rows: Rows, defaults: readonly SqlValue[]) {
    this.table = table;
    this.rows = rows;
    this.#defaults = defaults;
    this.#values = new Array(table.columns.length).fill(NOT_READ);
  }

  /** The key of the current row, valid until the cursor that gave it moves. */
  get key(): Uint8Array {
    return this.#key ??= this.#batch!.key();
  }

  /** Moves to the first row of a range; false if it is empty. */
  scan(bounds: KeyBounds): boolean {
    this.#batch ??= new ScanBatch(this.rows);
    this.#batch.begin(bounds);
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  next(): boolean {
    const batch = this.#batch;
    if (batch === undefined || !batch.next()) return false;
    this.#isScan = true;
    this.#key = undefined;
    this.#begin(batch.bytes, batch.valueStart, batch.valueEnd);
    return true;
  }

  /** Moves to the row of a key; false if there is none. */
  seek(key: Uint8Array): boolean {
    const row = this.rows.get(key);
    if (row === undefined) return false;
    this.#isScan = false;
    this.#key = key;
    this.#begin(row, 0, row.length);
    return true;
  }

  /** Moves to a row of NULLs. */
  setNull(): void {
    this.#isNull = true;
  }

  #begin(bytes: Uint8Array, start: number, end: number): void {
    this.#reader.reset(bytes, start, end);
    this.#values.fill(NOT_READ);
    this.#offsets.length = 0;
    this.#offsets.push(start);
    this.#isNull = false;
    this.#rowid = undefined;
  }

  /** The value of a column. */
  column(column: number): SqlValue {
    if (this.#isNull) return null;
    const known = this.#values[column]!;
    if (known !== NOT_READ) return known as SqlValue;
    const value = column === this.table.rowidColumn ? this.rowid() : this.#read(column);
    this.#values[column] = value;
    return value;
  }

  /** Reads a value, past those before it. */
  #read(column: number): SqlValue {
    const offsets = this.#offsets;
    const reader = this.#reader;
    if (offsets.length <= column) {
      reader.seek(offsets[offsets.length - 1]!);
      while (offsets.length <= column && !reader.isAtEnd) {
        reader.skipRowValue();
        offsets.push(reader.at);
      }
      if (offsets.length <= column) return this.#defaults[column] ?? null;
    }
    reader.seek(offsets[column]!);
    return reader.isAtEnd ? this.#defaults[column] ?? null : reader.rowValue();
  }

  /** The rowid. */
  rowid(): SqlValue {
    if (this.#isNull) return null;
    if (this.#rowid !== undefined) return this.#rowid;
    const batch = this.#batch;
    if (!this.#isScan || batch === undefined) return this.#rowid = rowidOf(this.key);
    rowidReader.reset(batch.bytes, batch.keyStart, batch.valueStart);
    return this.#rowid = rowidReader.rowid();
  }

  /** Ends the scan. */
  close(): void {
    this.#batch?.end();
  }
}

const rowidReader = new PartReader();

/** The rowid that a key is. */
export function rowidOf(key: Uint8Array): number | bigint {
  rowidReader.reset(key);
  return rowidReader.rowid();
}

/** A cursor on the entries of an index. */
export class IndexCursor implements Cursor {
  /** The index. */
  readonly index: Index;
  /** Its tree. */
  readonly rows: Rows;
  readonly #reader = new PartReader();
  readonly #values: SqlValue[] = [];
  readonly #batch: ScanBatch;
  #known = 0;
  #isNull = true;

  /** Opens a cursor. */
  constructor(index: Index, rows: Rows) {
    this.index = index;
    this.rows = rows;
    this.#batch = new ScanBatch(rows);
  }

  /** Moves to the first entry of a range; false if it is empty. */
  scan(bounds: KeyBounds): boolean {
    this.#batch.begin(bounds);
    return this.next();
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    const batch = this.#batch;
    if (!batch.next()) return false;
    this.#reader.reset(batch.bytes, batch.keyStart, batch.valueStart);
    this.#known = 0;
    this.#isNull = false;
    return true;
  }

  /** Moves to an entry of NULLs. */
  setNull(): void {
    this.#isNull = true;
  }

  /** The value of a part, which must be exact. */
  column(part: number): SqlValue {
    if (this.#isNull) return null;
    const { parts } = this.index;
    while (this.#known <= part) {
      const { affinity, isExact } = parts[this.#known]!;
      if (isExact) this.#values[this.#known] = this.#reader.keyValue(affinity === "REAL");
      else this.#reader.skipKeyValue();
      this.#known++;
    }
    return this.#values[part] ?? null;
  }

  /** The key of the row that the entry refers to, valid until the cursor moves. */
  rowKey(): Uint8Array {
    return this.#afterParts().rest();
  }

  /** The rowid of that row. */
  rowid(): SqlValue {
    return this.#isNull ? null : this.#afterParts().rowid();
  }

  /** A reader of the entry, after its parts. */
  #afterParts(): PartReader {
    const { bytes, keyStart, valueStart } = this.#batch;
    keyReader.reset(bytes, keyStart, valueStart);
    for (let i = 0; i < this.index.parts.length; i++) keyReader.skipKeyValue();
    return keyReader;
  }

  /** Ends the scan. */
  close(): void {
    this.#batch.end();
  }
}

const keyReader = new PartReader();

/** The bytes of a key after its first parts. */
export function keyAfter(key: Uint8Array, parts: number): Uint8Array {
  keyReader.reset(key);
  for (let i = 0; i < parts; i++) keyReader.skipKeyValue();
  return keyReader.rest();
}
