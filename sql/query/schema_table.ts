/**
 * The table `sqlite_schema`: the objects of the schema as rows.
 */

import type { Context, Prepared, Sink } from "../expression/context.ts";
import type { SourceColumn } from "../expression/scope.ts";

/** The names of the table. */
export const SCHEMA_NAMES: readonly string[] = ["sqlite_schema", "sqlite_master"];

const COLUMNS: readonly SourceColumn[] = [
  ["type", "TEXT"],
  ["name", "TEXT"],
  ["tbl_name", "TEXT"],
  ["rootpage", "INT"],
  ["sql", "TEXT"],
].map(([name, type]) => ({
  name: name!,
  type,
  affinity: type === "INT" ? "INTEGER" : "TEXT",
  collation: "BINARY",
}));

/** The rows of the table. */
export function schemaRows(context: Context): Prepared {
  return { columns: COLUMNS, emit: (sink) => emitRows(context, sink) };
}

function emitRows({ builder, catalog }: Context, sink: Sink): void {
  const rows = catalog.stored().map(({ type, name, table, sql }, i) =>
    [type, name, table, type === "view" ? 0 : i + 2, sql] as const
  );
  const row = builder.registers(COLUMNS.length);
  const back = builder.registers();
  const [body, end] = [builder.label(), builder.label()];
  for (const values of rows) {
    values.forEach((value, i) => builder.emit("Copy", builder.constant(value), row + i));
    builder.emit("Gosub", back, body);
  }
  builder.emit("Goto", 0, end);
  builder.place(body);
  sink(row, COLUMNS.length);
  builder.emit("Return", back);
  builder.place(end);
}
