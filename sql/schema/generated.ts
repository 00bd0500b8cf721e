/**
 * Generated columns: what they may be computed from, and in which order.
 */

import type { Expr } from "../parse/ast.ts";
import type { ColumnClause, CreateTable } from "../parse/statement_ast.ts";
import { walk } from "../parse/walk.ts";
import { refuse } from "../value/error.ts";
import { refuseNonDeterministic } from "./deterministic.ts";
import { type Column, columnNamed } from "./types.ts";

/** The generated columns of a table, each after those that it is computed from. */
export function generatedOrder(create: CreateTable, keyColumns: readonly number[]): number[] {
  const { columns } = create;
  const generated = columns.flatMap(({ generated }, i) => generated === undefined ? [] : [i]);
  if (generated.length === 0) return [];
  if (generated.length === columns.length) {
    refuse("must have at least one non-generated column", create.at);
  }
  const order: number[] = [];
  const open = new Set<number>();
  const visit = (index: number) => {
    const { name, at } = columns[index]!;
    if (order.includes(index)) return;
    if (open.has(index)) refuse(`generated column loop on "${name}"`, at);
    open.add(index);
    for (const other of usedBy(columns, index)) if (generated.includes(other)) visit(other);
    order.push(index);
  };
  for (const index of generated) {
    checkColumn(columns[index]!, keyColumns.includes(index));
    visit(index);
  }
  return order;
}

function checkColumn({ generated, defaultExpr, at }: ColumnClause, isKey: boolean): void {
  if (isKey) refuse("generated columns cannot be part of the PRIMARY KEY", at);
  if (defaultExpr !== undefined) refuse("a generated column has no DEFAULT", at);
  refuseNonDeterministic(generated!.expr, "generated columns");
}

/** The columns that a generated column is computed from directly. */
function usedBy(
  columns: readonly (Pick<Column, "name"> & { readonly generated: { expr: Expr } | undefined })[],
  index: number,
): number[] {
  const used: number[] = [];
  walk(columns[index]!.generated!.expr, (part) => {
    if (part.kind === "name") used.push(columnNamed(columns, part.column));
    return true;
  });
  return used.filter((column) => column >= 0);
}

/** The columns that change with some others: those, and all that are computed from them. */
export function changedWith(
  columns: readonly Column[],
  order: readonly number[],
  isChanged: (column: number) => boolean,
): (column: number) => boolean {
  const changed = new Set<number>();
  const isNow = (column: number) => changed.has(column) || isChanged(column);
  for (const index of order) if (usedBy(columns, index).some(isNow)) changed.add(index);
  return isNow;
}

/** Whether a column is computed when it is read. */
export function isVirtual(column: Column | undefined): boolean {
  return column?.generated !== undefined && !column.generated.isStored;
}
