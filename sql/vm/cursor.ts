/**
 * Cursors on trees: of the rows of a table, and of the entries of an index. A cursor decodes the
 * parts that are asked for, and keeps them until it moves.
 */

import type { Cursor } from "../rows/row_list.ts";
import type { Rows } from "../schema/trees.ts";
import type { Index, Table } from "../schema/types.ts";
import { PartReader } from "../value/part_reader.ts";
import type { SqlValue } from "../value/value.ts";

/** A range of keys, as bytes. */
export interface KeyBounds {
  readonly prefix?: Uint8Array;
  readonly gt?: Uint8Array;
  readonly gte?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly reverse?: boolean;
}

type Entries = Generator<[Uint8Array, Uint8Array], void, undefined>;
type Keys = Generator<Uint8Array, void, undefined>;

/** A cursor on the rows of a table. */
export class TableCursor implements Cursor {
  /** The table. */
  readonly table: Table;
  /** Its tree. */
  readonly rows: Rows;
  /** The key of the current row. */
  key: Uint8Array = NO_BYTES;
  readonly #defaults: readonly SqlValue[];
  readonly #reader = new PartReader();
  readonly #values: SqlValue[] = [];
  /** The number of values of the row that have been read. */
  #known = 0;
  #entries: Entries | undefined;
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
  }

  /** Moves to the first row of a range; false if it is empty. */
  scan(bounds: KeyBounds): boolean {
    this.close();
    this.#entries = this.rows.entries(bounds);
    return this.next();
  }

  /** Moves to the next row; false at the end. */
  next(): boolean {
    const step = this.#entries?.next();
    if (step === undefined || step.done === true) return false;
    this.#set(step.value[0], step.value[1]);
    return true;
  }

  /** Moves to the row of a key; false if there is none. */
  seek(key: Uint8Array): boolean {
    const row = this.rows.get(key);
    if (row === undefined) return false;
    this.#set(key, row);
    return true;
  }

  /** Moves to a row of NULLs. */
  setNull(): void {
    this.#isNull = true;
  }

  #set(key: Uint8Array, row: Uint8Array): void {
    this.key = key;
    this.#reader.reset(row);
    this.#known = 0;
    this.#isNull = false;
    this.#rowid = undefined;
  }

  /** The value of a column. */
  column(column: number): SqlValue {
    if (this.#isNull) return null;
    if (column === this.table.rowidColumn) return this.rowid();
    while (this.#known <= column) {
      const index = this.#known++;
      this.#values[index] = this.#reader.isAtEnd
        ? this.#defaults[index] ?? null
        : this.#reader.rowValue();
    }
    return this.#values[column]!;
  }

  /** The rowid. */
  rowid(): SqlValue {
    if (this.#isNull) return null;
    return this.#rowid ??= rowidOf(this.key);
  }

  /** Ends the scan. */
  close(): void {
    this.#entries?.return();
    this.#entries = undefined;
  }
}

const NO_BYTES = new Uint8Array(0);
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
  #known = 0;
  #keys: Keys | undefined;
  #key: Uint8Array = NO_BYTES;
  #isNull = true;

  /** Opens a cursor. */
  constructor(index: Index, rows: Rows) {
    this.index = index;
    this.rows = rows;
  }

  /** Moves to the first entry of a range; false if it is empty. */
  scan(bounds: KeyBounds): boolean {
    this.close();
    this.#keys = this.rows.keys(bounds);
    return this.next();
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    const step = this.#keys?.next();
    if (step === undefined || step.done === true) return false;
    this.#key = step.value;
    this.#reader.reset(step.value);
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

  /** The key of the row that the entry refers to. */
  rowKey(): Uint8Array {
    return keyAfter(this.#key, this.index.parts.length);
  }

  /** The rowid of that row. */
  rowid(): SqlValue {
    return this.#isNull ? null : rowidOf(this.rowKey());
  }

  /** Ends the scan. */
  close(): void {
    this.#keys?.return();
    this.#keys = undefined;
  }
}

const keyReader = new PartReader();

/** The bytes of a key after its first parts. */
export function keyAfter(key: Uint8Array, parts: number): Uint8Array {
  keyReader.reset(key);
  for (let i = 0; i < parts; i++) keyReader.skipKeyValue();
  return keyReader.rest();
}
