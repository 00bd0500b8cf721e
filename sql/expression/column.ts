/**
 * Emits the code that loads a column of a source.
 */

import type { Context } from "./context.ts";
import { type Resolved, ROWID } from "./scope.ts";

/** Emits code that sets a register to a column. */
export function emitColumn(context: Context, resolved: Resolved, target: number): void {
  const { source, column, scope } = resolved;
  const { builder } = context;
  const { place } = source;
  if (place.kind !== "inline") context.lowest = Math.min(context.lowest, scope.level);
  switch (place.kind) {
    case "inline":
      context.value(place.exprs[column]!, place.scope, target);
      return;
    case "registers":
      builder.emit("Copy", column === ROWID ? place.rowid! : place.first + column, target);
      return;
    case "rows":
      // A rowid that is kept lies behind the columns.
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
  } else {
    builder.emit("Column", place.cursor, column, target, undefined, note);
  }
}
