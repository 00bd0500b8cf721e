/**
 * Emits the update of one row, with the triggers around it.
 */

import type { Label } from "../expression/builder.ts";
import { emitColumn } from "../expression/column.ts";
import type { Context } from "../expression/context.ts";
import { NO_SCOPE, type Source } from "../expression/scope.ts";
import type { ConflictAction } from "../parse/statement_ast.ts";
import { keyOfName, type Table } from "../schema/types.ts";
import type { Assigned } from "./assignments.ts";
import { emitGenerated } from "./generated.ts";
import type { RowWriter } from "./row_writer.ts";
import { type RowRegisters, rowSource } from "./target.ts";
import { RowTriggers, tableShape } from "./triggers.ts";

/** A row that is updated. */
export interface UpdatedRow {
  readonly table: Table;
  /** The row under its cursor. */
  readonly old: Source;
  /** The new row. */
  readonly row: RowRegisters;
  /** The register of the key of the old row. */
  readonly key: number;
  readonly assigned: Assigned;
  readonly writer: RowWriter;
  /** The action of OR. */
  readonly action: ConflictAction | undefined;
  /** Where a row that is left out goes. */
  readonly skip: Label;
}

/** The triggers of an update. */
export function updateTriggers(
  context: Context,
  table: Table,
  assigned: Assigned,
  action: ConflictAction | undefined,
): RowTriggers {
  const names = [...assigned.keys()].map((column) => keyOfName(table.columns[column]?.name ?? ""));
  const isChanged = (column: string) => names.includes(column);
  return new RowTriggers(context, table.name, tableShape(table), "update", action, isChanged);
}

/** Emits the update; `done` emits what comes between the change and the AFTER triggers. */
export function emitUpdatedRow(context: Context, updated: UpdatedRow, done: () => void): void {
  const { table, old, row, key, assigned, writer, action, skip } = updated;
  const triggers = updateTriggers(context, table, assigned, action);
  const source = rowSource(table, row);
  const before = triggers.has() ? triggers.copy(old) : old;
  if (triggers.has("before")) {
    const affinities = table.columns.map(({ affinity }) => affinity);
    context.builder.emit("Affinities", row.first, 0, 0, affinities);
    emitGenerated(context, table, row);
    triggers.run("before", before, source, skip);
    reload(context, updated);
  }
  writer.update(old, row, key, (column) => assigned.has(column), skip);
  done();
  triggers.run("after", before, source, skip);
}

/** Emits a reload of the row: a BEFORE trigger may have changed it, or removed it. */
function reload(context: Context, { table, old, row, key, assigned, skip }: UpdatedRow): void {
  if (old.place.kind !== "table") return;
  context.builder.emit("SeekKey", old.place.cursor, skip, key);
  table.columns.forEach((_, column) => {
    if (assigned.has(column) || table.columns[column]!.generated !== undefined) return;
    emitColumn(context, { source: old, column, scope: NO_SCOPE }, row.first + column);
  });
}
