/**
 * Emits code that computes the generated columns of a row to be written.
 */

import type { Context } from "../expression/context.ts";
import type { Table } from "../schema/types.ts";
import { type RowRegisters, rowSource, scopeOf } from "./target.ts";

/** Emits the values of the generated columns into the registers of a row. */
export function emitGenerated(context: Context, table: Table, row: RowRegisters): void {
  if (table.generated.length === 0) return;
  const scope = scopeOf(rowSource(table, row));
  for (const column of table.generated) {
    const { generated, affinity } = table.columns[column]!;
    const register = row.first + column;
    context.value(generated!.expr, scope, register);
    context.builder.emit("Affinity", register, 0, 0, affinity);
  }
}
