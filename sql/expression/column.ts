/**
 * Emits the code that loads a column of a source.
 */

import type { Expr } from "../parse/ast.ts";
import { isVirtual } from "../schema/generated.ts";
import type { Context } from "./context.ts";
import {
  meaningOf,
  NO_SCOPE,
  type Place,
  type Resolved,
  ROWID,
  type Scope,
  type Source,
} from "./scope.ts";

/** Emits code that sets a register to a column. */
export function emitColumn(context: Context, resolved: Resolved, target: number): void {
  const { source, column, scope } = resolved;
  const { builder } = context;
  const { place } = source;
  if (place.kind !== "inline") context.lowest = Math.min(context.lowest, scope.level);
  switch (place.kind) {
    case "inline":
      context.value(inlined(place, column), place.scope, target);
      return;
    case "registers":
      builder.emit("Copy", column === ROWID ? place.rowid! : place.first + column, target);
      return;
    case "rows":
      // A kept rowid follows the columns.
      builder.emit(
        "RowColumn",
        place.cursor,
        column === ROWID ? source.columns.length : column,
        target,
      );
      return;
  }
  const name = column === ROWID ? "rowid" : source.columns[column]!.name;
  const note = `${source.name}.${name}`;
  const isRowid = column === ROWID || column === place.table.rowidColumn;
  if (isRowid) {
    builder.emit("Rowid", place.index?.cursor ?? place.cursor, target, 0, undefined, note);
  } else if (place.index !== undefined) {
    builder.emit("Part", place.index.cursor, place.index.parts[column]!, target, undefined, note);
  } else if (isVirtual(place.table.columns[column])) {
    const { generated, affinity } = place.table.columns[column]!;
    context.value(generated!.expr, aloneIn(source, scope), target);
    builder.emit("Affinity", target, 0, 0, affinity);
  } else {
    builder.emit("Column", place.cursor, column, target, undefined, note);
  }
}

/** The scope of an expression in a table's definition, whose names are the table's columns. */
export function aloneIn(source: Source, { level }: Scope): Scope {
  return { ...NO_SCOPE, sources: [source], level };
}

/** The expression that stands for a column of an inlined source. */
function inlined({ exprs, rowid }: Place & { kind: "inline" }, column: number): Expr {
  return column === ROWID ? rowid! : exprs[column]!;
}

/** A column of the row under the cursor of a table. */
export interface StoredColumn {
  readonly cursor: number;
  readonly column: number;
}

/**
 * The column that an expression names, if an instruction can read it from the row under the cursor
 * of a table.
 */
export function storedColumn(
  context: Context,
  expr: Expr,
  scope: Scope,
): StoredColumn | undefined {
  if (expr.kind !== "name") return undefined;
  const meaning = meaningOf(expr, scope);
  if (meaning.kind === "alias") return storedColumn(context, meaning.expr, meaning.scope);
  if (meaning.kind !== "column") return undefined;
  const { source: { place }, column, scope: found } = meaning.resolved;
  if (place.kind === "inline") return storedColumn(context, inlined(place, column), place.scope);
  const isStored = found.grouping === undefined && place.kind === "table" &&
    place.index === undefined && column !== ROWID && column !== place.table.rowidColumn &&
    !isVirtual(place.table.columns[column]);
  if (!isStored) return undefined;
  context.lowest = Math.min(context.lowest, found.level);
  return { cursor: place.cursor, column };
}
