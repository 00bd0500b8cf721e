/**
 * The table that a statement changes: rows of it in registers, and the entries of its indexes.
 */

import type { Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import {
  NO_SCOPE,
  type Scope,
  type Source,
  type SourceColumn,
  sourceColumn,
} from "../expression/scope.ts";
import type { ConflictAction } from "../parse/statement_ast.ts";
import { SCHEMA_NAMES } from "../query/schema_table.ts";
import type { Index, Table } from "../schema/types.ts";
import { refuse } from "../value/error.ts";
import type { Writes } from "../vm/machine.ts";
import type { KeyedTree } from "../vm/ops_write.ts";

/** A statement whose code has been emitted. */
export interface Emitted {
  /** The columns of its result. */
  readonly columns: readonly SourceColumn[];
  readonly writes: Writes;
}

/** A row of a table in registers. */
export interface RowRegisters {
  /** The first of the registers of its columns. */
  readonly first: number;
  /** The register of its rowid, which may be that of a column; -1 if the table has none. */
  readonly rowid: number;
  /** The register of its key. */
  readonly key: number;
}

/** Finds the table that a statement is to change; refuses what is none. */
export function changeable(context: Context, name: string, at: number): Table {
  const table = context.catalog.table(name);
  if (table !== undefined) return table;
  if (context.catalog.view(name) !== undefined) {
    return refuse(`cannot modify ${name} because it is a view`, at);
  }
  if (SCHEMA_NAMES.includes(name.toLowerCase())) {
    return refuse(`table ${name} may not be modified`, at);
  }
  return refuse(`no such table: ${name}`, at);
}

/** Registers for a row. */
export function newRow(context: Context, table: Table): RowRegisters {
  const { builder } = context;
  const first = builder.registers(table.columns.length);
  const rowid = !table.hasRowid
    ? -1
    : table.rowidColumn >= 0
    ? first + table.rowidColumn
    : builder.registers();
  return { first, rowid, key: builder.registers() };
}

/** A row in registers as a source. */
export function rowSource(table: Table, row: RowRegisters, name = table.name): Source {
  const place = row.rowid < 0
    ? { kind: "registers", first: row.first } as const
    : { kind: "registers", first: row.first, rowid: row.rowid } as const;
  const columns = table.columns.map(sourceColumn);
  return { name, columns, place, hidden: new Set(), used: new Set() };
}

/** The row under a cursor as a source. */
export function cursorSource(table: Table, cursor: number, name = table.name): Source {
  const place = { kind: "table", table, cursor, index: undefined } as const;
  const columns = table.columns.map(sourceColumn);
  return { name, columns, place, hidden: new Set(), used: new Set() };
}

/** A scope of these sources only. */
export function scopeOf(...sources: Source[]): Scope {
  return { ...NO_SCOPE, sources, level: 1 };
}

/** The tree of a table's rows, as instructions take it. */
function keyTree(table: Table): KeyedTree {
  return { tree: table.tree, name: table.name, collations: table.keyCollations };
}

/** The tree of an index, as instructions take it. */
export function entryTree({ tree, name, parts }: Index): KeyedTree {
  return { tree, name, collations: parts.map(({ collation }) => collation) };
}

/** Emits the key of a row. */
export function emitKey(context: Context, table: Table, row: RowRegisters): void {
  const { builder } = context;
  if (table.hasRowid) {
    builder.emit("RowidKey", row.rowid, 0, row.key);
    return;
  }
  const { primaryKey } = table;
  const parts = builder.registers(primaryKey.length);
  primaryKey.forEach((column, i) => builder.emit("Copy", row.first + column, parts + i));
  builder.emit("MakeKey", parts, 0, row.key, keyTree(table));
}

/** Emits the values of the parts of an index for a row, and returns the first register. */
export function emitParts(context: Context, index: Index, scope: Scope): number {
  const { builder } = context;
  const first = builder.registers(index.parts.length);
  index.parts.forEach(({ expr, column }, i) => {
    const [source] = scope.sources;
    const name = column < 0 ? undefined : source!.columns[column]!.name;
    const part = name === undefined
      ? expr
      : { kind: "name", table: undefined, column: name, isQuoted: false, at: expr.at } as const;
    context.value(part, scope, first + i);
  });
  return first;
}

/** Emits a jump unless a row is in a partial index. */
export function emitUnlessIn(context: Context, index: Index, scope: Scope, label: Label): void {
  if (index.where !== undefined) context.jump(index.where, scope, label, false, true);
}

/** Emits the removal of the entry of a row from an index. */
export function emitDeleteEntry(context: Context, index: Index, scope: Scope, key: number): void {
  const { builder } = context;
  const skip = builder.label();
  emitUnlessIn(context, index, scope, skip);
  const parts = emitParts(context, index, scope);
  builder.emit("DeleteEntry", parts, 0, key, entryTree(index), index.name);
  builder.place(skip);
}

/** Emits the entry of a row in an index, and returns its register; it is NULL without an entry. */
export function emitMakeEntry(context: Context, index: Index, scope: Scope, key: number): number {
  const { builder } = context;
  const skip = builder.label();
  const entry = builder.registers();
  builder.emit("Null", entry, 1);
  emitUnlessIn(context, index, scope, skip);
  const parts = emitParts(context, index, scope);
  builder.emit("MakeEntry", parts, entry, key, entryTree(index), index.name);
  builder.place(skip);
  return entry;
}

/** The action of a constraint: that of the statement, or else its own. */
export function actionOf(
  statement: ConflictAction | undefined,
  own: ConflictAction | undefined,
): ConflictAction {
  return statement ?? own ?? "abort";
}

/** The columns of the key of a table. */
export function keyColumnsOf({ hasRowid, rowidColumn, primaryKey }: Table): readonly number[] {
  if (!hasRowid) return primaryKey;
  return rowidColumn >= 0 ? [rowidColumn] : [];
}

/** The message for a row whose key, or entry in an index, another row has. */
export function uniqueMessage(table: Table, key: Index | "key"): string {
  if (key !== "key" && key.parts.some(({ column }) => column < 0)) {
    return `UNIQUE constraint failed: index '${key.name}'`;
  }
  const parts = key === "key" ? keyColumnsOf(table) : key.parts.map(({ column }) => column);
  const names = parts.map((column) => `${table.name}.${table.columns[column]!.name}`);
  return `UNIQUE constraint failed: ${names.join(", ") || `${table.name}.rowid`}`;
}

/** Whether a change of one row changes nothing else, and can only fail beforehand. */
export function changesAlone(
  context: Context,
  table: Table,
  action: ConflictAction | undefined,
): boolean {
  const { indexes, keyConflict, foreignKeys, columns } = table;
  const own = [keyConflict, ...indexes.map(({ conflict }) => conflict)];
  const actions = [action, ...own, ...columns.map(({ notNull }) => notNull)];
  const isSimple = actions.every((each) =>
    each === undefined || each === "abort" || each === "ignore"
  );
  return isSimple && foreignKeys.length === 0 && context.catalog.childrenOf(table).length === 0;
}
