/**
 * The insertion of a row into a table whose constraints are plain: types, NOT NULL, its key and
 * unique indexes on columns, all of which end the statement. One instruction does the work of
 * twenty in the general code of an insertion, and reuses the memory of keys and rows.
 *
 * All that can fail comes before the first change. The key of the row is searched and set in one
 * descent of the tree, unless a unique index must be searched in between.
 */

import type { WritableRows } from "../schema/trees.ts";
import type { Table } from "../schema/types.ts";
import { applyAffinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { SqlError } from "../value/error.ts";
import { PartWriter } from "../value/parts.ts";
import type { SqlValue } from "../value/value.ts";
import { integerOnly, KEY_BYTES_MAX } from "./key_range.ts";
import type { Machine } from "./machine.ts";
import { nextRowid, noteRowid } from "./rowids.ts";

/** An index that gets an entry. */
export interface InsertedIndex {
  readonly name: string;
  readonly tree: string;
  /** The columns of its parts. */
  readonly columns: readonly number[];
  readonly collations: readonly Collation[];
  /** The error for a row that has the same values; undefined if that is allowed. */
  readonly uniqueMessage: string | undefined;
}

/** What an insertion needs to know about a table. */
export interface InsertedTable {
  readonly table: Table;
  /** Its indexes, the newest first, as SQLite checks them. */
  readonly indexes: readonly InsertedIndex[];
  /** The error for a row whose key another row has. */
  readonly keyMessage: string;
}

const NO_BYTES = new Uint8Array(0);

/** Inserts rows into a table. */
export class RowInsertion {
  /** The table. */
  readonly table: Table;
  /** Its name, for EXPLAIN. */
  readonly name: string;
  readonly #indexes: readonly InsertedIndex[];
  readonly #keyMessage: string;
  readonly #isUnique: boolean;
  readonly #key = new PartWriter();
  readonly #row = new PartWriter();
  /** The entries of the indexes, by position. */
  readonly #entries: readonly PartWriter[];

  /** Prepares the insertion into a table. */
  constructor({ table, indexes, keyMessage }: InsertedTable) {
    this.table = table;
    this.name = table.name;
    this.#indexes = indexes;
    this.#keyMessage = keyMessage;
    this.#isUnique = indexes.some(({ uniqueMessage }) => uniqueMessage !== undefined);
    this.#entries = indexes.map(() => new PartWriter());
  }

  /**
   * Inserts a row.
   *
   * @param first The register of its first column.
   * @param rowid The register of its rowid; -1 if the table has none.
   */
  insert(m: Machine, first: number, rowid: number): void {
    const { registers, store } = m;
    const { table } = this;
    const isNew = rowid >= 0 && registers[rowid] === null;
    if (isNew) registers[rowid] = this.#newRowid(m);
    else if (rowid >= 0) registers[rowid] = givenRowid(registers[rowid]!);
    this.#convert(registers, first);
    this.#writeKey(registers, first, rowid);
    const rows = store.writable(table.tree);
    if (this.#isUnique) this.#checkUnique(m, rows, first, isNew);
    this.#writeEntries(registers, first);
    this.#writeRow(registers, first);
    if (!rows.setIfAbsent(this.#key.view(), this.#row.view())) this.#fail(this.#keyMessage);
    m.added?.push(table.tree, this.#key.view());
    for (let i = 0; i < this.#indexes.length; i++) {
      const { tree } = this.#indexes[i]!;
      const entry = this.#entries[i]!.view();
      store.writable(tree).set(entry, NO_BYTES);
      m.added?.push(tree, entry);
    }
    if (rowid >= 0) noteRowid(store, table, registers[rowid] as number, isNew);
    m.greatest = isNew ? registers[rowid] as number : undefined;
    m.greatestOf = this;
    m.changed++;
  }

  /** The rowid after that of the row before, or after the greatest one of the table. */
  #newRowid({ store, greatest, greatestOf }: Machine): number | bigint {
    const isKnown = greatestOf === this && greatest !== undefined &&
      greatest < Number.MAX_SAFE_INTEGER;
    return isKnown ? greatest + 1 : nextRowid(store, this.table);
  }

  /** Applies affinities, and refuses NULL where it is not allowed. */
  #convert(registers: SqlValue[], first: number): void {
    const { columns, name } = this.table;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!;
      const value = registers[first + i]!;
      if (value !== null) registers[first + i] = applyAffinity(value, column.affinity);
      else if (column.notNull !== undefined) {
        this.#fail(`NOT NULL constraint failed: ${name}.${column.name}`);
      }
    }
  }

  #writeKey(registers: readonly SqlValue[], first: number, rowid: number): void {
    const { primaryKey, keyCollations, name } = this.table;
    const key = this.#key.reset();
    if (rowid >= 0) return key.integer(registers[rowid] as number | bigint);
    for (let i = 0; i < primaryKey.length; i++) {
      key.keyValue(registers[first + primaryKey[i]!]!, keyCollations[i]!);
    }
    checkLength(key.length, name);
  }

  /** The key of the table, and then unique indexes, as SQLite checks them. */
  #checkUnique(m: Machine, rows: WritableRows, first: number, isNew: boolean): void {
    if (!isNew && rows.has(this.#key.view())) this.#fail(this.#keyMessage);
    for (let i = 0; i < this.#indexes.length; i++) {
      const index = this.#indexes[i]!;
      if (index.uniqueMessage === undefined) continue;
      const entry = this.#writeParts(i, m.registers, first);
      if (entry === undefined || entry.length > KEY_BYTES_MAX) continue;
      const found = m.store.writable(index.tree).first({ prefix: entry.view() });
      if (found !== undefined) this.#fail(index.uniqueMessage);
    }
  }

  /** Writes the parts of an entry; undefined if one of them is NULL. */
  #writeParts(
    position: number,
    registers: readonly SqlValue[],
    first: number,
  ): PartWriter | undefined {
    const { columns, collations } = this.#indexes[position]!;
    const entry = this.#entries[position]!.reset();
    let hasNull = false;
    for (let i = 0; i < columns.length; i++) {
      const value = registers[first + columns[i]!]!;
      hasNull ||= value === null;
      entry.keyValue(value, collations[i]!);
    }
    return hasNull ? undefined : entry;
  }

  #writeEntries(registers: readonly SqlValue[], first: number): void {
    for (let i = 0; i < this.#indexes.length; i++) {
      // The parts of unique indexes are there since they were searched.
      if (this.#indexes[i]!.uniqueMessage === undefined) this.#writeParts(i, registers, first);
      const entry = this.#entries[i]!;
      entry.parts(this.#key);
      checkLength(entry.length, this.#indexes[i]!.name);
    }
  }

  /** Writes the row, with NULL for the rowid, which is the key. */
  #writeRow(registers: readonly SqlValue[], first: number): void {
    const { columns, rowidColumn } = this.table;
    const row = this.#row.reset();
    for (let i = 0; i < columns.length; i++) {
      row.rowValue(i === rowidColumn ? null : registers[first + i]!);
    }
  }

  #fail(message: string): never {
    throw new SqlError("CONSTRAINT", message);
  }
}

function givenRowid(value: SqlValue): number | bigint {
  const rowid = integerOnly(value);
  if (rowid === undefined) throw new SqlError("VALUE", "datatype mismatch");
  return rowid;
}

function checkLength(length: number, name: string): void {
  if (length <= KEY_BYTES_MAX) return;
  throw new SqlError("VALUE", `the key in ${name} has ${length} bytes, more than ${KEY_BYTES_MAX}`);
}
