/**
 * Cursors on trees: on the rows of a table, and on the entries of an index. A cursor decodes the
 * parts that are needed, and keeps them until it moves.
 */

import type { EntryView } from "../../mod.ts";
import type { Cursor } from "../rows/row_list.ts";
import type { Rows } from "../schema/trees.ts";
import type { Index, Table } from "../schema/types.ts";
import { PartReader } from "../value/part_reader.ts";
import { PartWriter } from "../value/parts.ts";
import { RowReader } from "../value/row_reader.ts";
import type { SqlValue } from "../value/value.ts";
import {
  copyOfKey,
  giveBackBatch,
  type KeyBounds,
  type ScanBatch,
  takeBatch,
} from "./scan_batch.ts";

export { keyAfter, type KeyBounds } from "./scan_batch.ts";

const NO_BYTES = new Uint8Array(0);
const OWN_BYTES_MIN = 128;
/** Up to this length a loop takes less than a call. */
const LOOP_BYTES_MAX = 64;

/** Which columns of a row are stored, and which of them change. */
export interface RowChange {
  readonly isStored: readonly boolean[];
  readonly isSet: readonly boolean[];
}

/** A cursor on the rows of a table. */
export class TableCursor implements Cursor {
  /** The table. */
  readonly table: Table;
  /** Its tree. */
  readonly rows: Rows;
  /** The current row, unless it is one of NULLs. */
  readonly reader: RowReader;
  readonly #defaults: readonly SqlValue[];
  readonly #rowidColumn: number;
  /** The values that have been read, and the rows that they are of, by column. */
  readonly #values: SqlValue[];
  readonly #rowOf: number[];
  #row = 0;
  /** The rows of a scan, some at a time. */
  #batch: ScanBatch | undefined;
  /** The bytes of the row that was sought last. */
  #own: Uint8Array = NO_BYTES;
  /** The memory that has the key of the current row. */
  #keyBytes: Uint8Array = NO_BYTES;
  #keyStart = 0;
  #keyEnd = 0;
  /** The row in place, if its key has not been read; else undefined. */
  #entry: EntryView | undefined;
  #isNull = true;
  #rowid: number | bigint | undefined;
  /** The rowid that was sought last, if the cursor has not moved since; and whether it is there. */
  #sought = NaN;
  #isFound = false;

  /**
   * Opens a cursor.
   *
   * @param defaults The values of columns that a row lacks because it is older than they are.
   */
  constructor(table: Table, rows: Rows, defaults: readonly SqlValue[]) {
    this.table = table;
    this.rows = rows;
    this.#defaults = defaults;
    this.#rowidColumn = table.rowidColumn;
    const { length } = table.columns;
    this.#values = new Array(length).fill(null);
    // An array of a type would take longer than a search.
    this.#rowOf = new Array(length).fill(0);
    this.reader = new RowReader(length);
  }

  /** The key of the current row, valid until the cursor moves. */
  get key(): Uint8Array {
    if (this.#entry !== undefined) this.#takeKey(this.#entry);
    return this.#keyBytes.subarray(this.#keyStart, this.#keyEnd);
  }

  /** A copy of the key of the current row. */
  copyOfKey(): Uint8Array {
    if (this.#entry !== undefined) this.#takeKey(this.#entry);
    return copyOfKey(this.#keyBytes, this.#keyStart, this.#keyEnd);
  }

  /**
   * Moves to the first row of a range; false if it is empty.
   *
   * @param distinct The parts of the key of which it visits one row of each value; 0 for all rows.
   */
  scan(bounds: KeyBounds, distinct: number): boolean {
    this.#batch ??= takeBatch(this.rows);
    this.#batch.begin(bounds, distinct);
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  next(): boolean {
    const batch = this.#batch;
    if (batch === undefined || !batch.next()) return false;
    const { bytes, keyStart, valueStart, valueEnd } = batch;
    this.#begin(bytes, keyStart, valueStart, bytes, valueStart, valueEnd);
    return true;
  }

  /** Moves to a row in place; its key is read when it is needed. */
  view(entry: EntryView): void {
    this.#sought = NaN;
    this.#entry = entry;
    this.reader.reset(entry.bytes, entry.start, entry.end);
    this.#row++;
    this.#isNull = false;
    this.#rowid = undefined;
  }

  /** Takes the key of the row that a view shows. */
  #takeKey(entry: EntryView): void {
    this.#entry = undefined;
    this.#keyBytes = entry.key;
    this.#keyStart = 0;
    this.#keyEnd = this.#keyBytes.length;
  }

  /** Moves to the row of a key; false if there is none. */
  seek(key: Uint8Array): boolean {
    const row = this.rows.getView(key);
    if (row === undefined) return false;
    const { length } = row;
    this.#keep(row, length);
    this.#begin(key, 0, key.length, this.#own, 0, length);
    return true;
  }

  /**
   * Moves to the row of a rowid; false if there is none.
   *
   * @param isUnchanged Whether the table has not changed since the last search.
   */
  seekRowid(rowid: number | bigint, isUnchanged: boolean): boolean {
    if (isUnchanged && rowid === this.#sought) {
      this.#isNull = !this.#isFound;
      return this.#isFound;
    }
    const isFound = this.seek(rowidKey(rowid));
    this.#sought = typeof rowid === "number" ? rowid : NaN;
    return this.#isFound = isFound;
  }

  /** Copies a row to memory of the cursor, as a view lasts only until the next read. */
  #keep(row: Uint8Array, length: number): void {
    if (this.#own.length < length) this.#own = new Uint8Array(Math.max(OWN_BYTES_MIN, 2 * length));
    const own = this.#own;
    if (length > LOOP_BYTES_MAX) return own.set(row);
    for (let i = 0; i < length; i++) own[i] = row[i]!;
  }

  /** Moves to a row of NULLs. */
  setNull(): void {
    this.#isNull = true;
  }

  /** Whether the current row is one of NULLs, which `reader` does not know. */
  get isNull(): boolean {
    return this.#isNull;
  }

  #begin(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#sought = NaN;
    this.#entry = undefined;
    this.#keyBytes = keyBytes;
    this.#keyStart = keyStart;
    this.#keyEnd = keyEnd;
    this.reader.reset(bytes, start, end);
    this.#row++;
    this.#isNull = false;
    this.#rowid = undefined;
  }

  /** The value of a column. */
  column(column: number): SqlValue {
    if (this.#isNull) return null;
    if (this.#rowOf[column] === this.#row) return this.#values[column]!;
    if (column === this.#rowidColumn) return this.rowid();
    const value = this.reader.value(column) ?? this.#missing(column);
    this.#rowOf[column] = this.#row;
    return this.#values[column] = value;
  }

  /** A NULL, or the value of a column that the row does not have. */
  #missing(column: number): SqlValue {
    return this.reader.value(column) === undefined ? this.#defaults[column] ?? null : null;
  }

  /**
   * The bytes of the current row with values from `first` on in the columns that are set; valid
   * until the next call, for any table.
   */
  rowWith(
    values: readonly SqlValue[],
    first: number,
    { isStored, isSet }: RowChange,
  ): Uint8Array {
    rowWriter.reset();
    for (let from = 0, to = 0; from < isSet.length; from = to) {
      to = from + 1;
      if (isSet[from]!) {
        rowWriter.rowValue(isStored[from]! ? values[first + from]! : null);
        continue;
      }
      while (to < isSet.length && !isSet[to]!) to++;
      if (this.reader.copyTo(rowWriter, from, to)) continue;
      for (let i = from; i < to; i++) rowWriter.rowValue(isStored[i]! ? this.column(i) : null);
    }
    return rowWriter.view();
  }

  /** The rowid. */
  rowid(): SqlValue {
    if (this.#isNull) return null;
    if (this.#rowid !== undefined) return this.#rowid;
    if (this.#entry !== undefined) this.#takeKey(this.#entry);
    rowidReader.reset(this.#keyBytes, this.#keyStart, this.#keyEnd);
    return this.#rowid = rowidReader.rowid();
  }

  /** Ends the scan. */
  close(): void {
    if (this.#batch !== undefined) giveBackBatch(this.#batch);
    this.#batch = undefined;
    this.#entry = undefined;
  }
}

const rowidReader = new PartReader();
const rowidWriter = new PartWriter();
const rowWriter = new PartWriter();

/** The key of a rowid. */
export function rowidKey(rowid: number | bigint): Uint8Array {
  rowidWriter.reset().integer(rowid);
  return rowidWriter.take();
}

/** The rowid in a key. */
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
  #batch: ScanBatch | undefined;
  #bytes: Uint8Array = NO_BYTES;
  #start = 0;
  #end = 0;
  #known = 0;
  #isNull = true;

  /** Opens a cursor. */
  constructor(index: Index, rows: Rows) {
    this.index = index;
    this.rows = rows;
  }

  /** Moves to the first entry of a range, as the cursor of a table does. */
  scan(bounds: KeyBounds, distinct: number): boolean {
    this.#batch ??= takeBatch(this.rows);
    this.#batch.begin(bounds, distinct);
    return this.next();
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    const batch = this.#batch;
    if (batch === undefined || !batch.next()) return false;
    this.#begin(batch.bytes, batch.keyStart, batch.valueStart);
    return true;
  }

  /** Moves to an entry in place. */
  view({ key }: EntryView): void {
    this.#begin(key, 0, key.length);
  }

  #begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#reader.reset(bytes, start, end);
    this.#known = 0;
    this.#isNull = false;
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
  get key(): Uint8Array {
    return this.#afterParts().rest();
  }

  /** A copy of that key. */
  copyOfKey(): Uint8Array {
    return copyOfKey(this.key);
  }

  /** The rowid of that row. */
  rowid(): SqlValue {
    return this.#isNull ? null : this.#afterParts().rowid();
  }

  /** A reader of the entry, after its parts. */
  #afterParts(): PartReader {
    keyReader.reset(this.#bytes, this.#start, this.#end);
    for (let i = 0; i < this.index.parts.length; i++) keyReader.skipKeyValue();
    return keyReader;
  }

  /** Ends the scan. */
  close(): void {
    if (this.#batch !== undefined) giveBackBatch(this.#batch);
    this.#batch = undefined;
  }
}

const keyReader = new PartReader();
