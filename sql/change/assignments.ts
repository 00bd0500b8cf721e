/**
 * SET: the new values of columns.
 */

import type { Context } from "../expression/context.ts";
import { itemsOfQuery } from "../expression/row_value.ts";
import { ROWID, type Scope } from "../expression/scope.ts";
import type { Expr } from "../parse/ast.ts";
import type { Assignment } from "../parse/statement_ast.ts";
import { columnNamed, isRowidName, type Table } from "../schema/types.ts";
import { refuse, unsupported } from "../value/error.ts";
import type { RowRegisters } from "./target.ts";

/** The expressions of the columns that are set. */
export type Assigned = ReadonlyMap<number, Expr>;

/** The columns of SET with their expressions; if a column is set twice, the last one wins. */
export function assignmentsOf(table: Table, set: readonly Assignment[]): Assigned {
  const assigned = new Map<number, Expr>();
  for (const { columns, expr, at } of set) {
    const exprs = columns.length === 1 ? [expr] : itemsOf(expr, columns.length, at);
    columns.forEach((name, i) => assigned.set(columnIn(table, name, at), exprs[i]!));
  }
  return assigned;
}

function itemsOf(expr: Expr, count: number, at: number): readonly Expr[] {
  if (expr.kind === "subquery") return itemsOfQuery(expr.query, count, at);
  const items = expr.kind === "row" ? expr.items : [expr];
  if (items.length !== count) refuse(`${count} columns assigned ${items.length} values`, at);
  return items;
}

function columnIn(table: Table, name: string, at: number): number {
  const column = columnNamed(table.columns, name);
  if (table.columns[column]?.generated !== undefined) {
    refuse(`cannot UPDATE generated column "${name}"`, at);
  }
  if (column >= 0) return column;
  if (isRowidName(name) && table.hasRowid) {
    if (table.rowidColumn >= 0) return table.rowidColumn;
    return unsupported("an update of the rowid of a table that has no column for it is", at);
  }
  return refuse(`no such column: ${name}`, at);
}

/** Emits the new values, all computed from the old row, into the registers of a row. */
export function emitAssignments(
  context: Context,
  assigned: Assigned,
  scope: Scope,
  row: RowRegisters,
): void {
  const { builder } = context;
  const values = [...assigned].map(([column, expr]) => {
    const register = builder.registers();
    context.value(expr, scope, register);
    return [column, register] as const;
  });
  for (const [column, register] of values) {
    if (column !== ROWID) builder.emit("Copy", register, row.first + column);
  }
}

/** Emits the check of a rowid, if it is set. */
export function emitRowidCheck(
  { builder }: Context,
  table: Table,
  assigned: Assigned,
  row: RowRegisters,
): void {
  if (table.rowidColumn >= 0 && assigned.has(table.rowidColumn)) {
    builder.emit("CheckRowid", row.rowid);
  }
}
