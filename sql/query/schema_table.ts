/**
 * The table `sqlite_schema`: the objects of the schema as rows.
 */

import type { Context, Prepared, Sink } from "../expression/context.ts";
import type { SourceColumn } from "../expression/scope.ts";
import type { TableFunction } from "../function/tables.ts";
import type { Catalog } from "../schema/catalog.ts";
import { isTemporaryTree, type StoredObject } from "../schema/trees.ts";

const TEMPORARY_NAMES = ["sqlite_temp_schema", "sqlite_temp_master"];
/** The names of the table, for lasting and for temporary objects. */
export const SCHEMA_NAMES: readonly string[] = [
  "sqlite_schema",
  "sqlite_master",
  ...TEMPORARY_NAMES,
];

/** Its columns. */
export const SCHEMA_COLUMNS: readonly SourceColumn[] = [
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

/** The rows of the table of a name. */
export function schemaRows(context: Context, name: string): Prepared {
  const { catalog } = context;
  const objects = TEMPORARY_NAMES.includes(name) ? catalog.temporary : catalog.stored();
  const rows = objects.flatMap((object) => [object, ...constraintsOf(catalog, object)]);
  return { columns: SCHEMA_COLUMNS, emit: (sink) => emitRows(context, rows, sink) };
}

/** An object, or an index of a constraint, which has no statement of its own. */
type SchemaRow = Omit<StoredObject, "sql"> & { readonly sql: string | null };

/** The indexes that the UNIQUE constraints of a table made. */
function constraintsOf(catalog: Catalog, { type, name }: StoredObject): SchemaRow[] {
  if (type !== "table") return [];
  return catalog.table(name)!.indexes.filter(({ isExplicit }) => !isExplicit)
    .map((index) => ({ type: "index", name: index.name, table: name, sql: null }));
}

/** The rows of `sqlite_sequence`: the greatest rowids of lasting tables with AUTOINCREMENT. */
export function sequenceRows(catalog: Catalog): TableFunction {
  const tables = catalog.tables().filter(({ tree }) => !isTemporaryTree(tree));
  return {
    columns: ["name", "seq"],
    least: 0,
    most: 0,
    rows: (_, database) =>
      tables.flatMap(({ name, tree }) => {
        const rowid = database.sequence(tree);
        return rowid === undefined ? [] : [[name, rowid]];
      }),
  };
}

function emitRows({ builder }: Context, objects: readonly SchemaRow[], sink: Sink): void {
  const rows = objects.map(({ type, name, table, sql }, i) => {
    const page = type === "view" || type === "trigger" ? 0 : i + 2;
    return [type, name, table, page, sql] as const;
  });
  const row = builder.registers(SCHEMA_COLUMNS.length);
  const back = builder.registers();
  const [body, end] = [builder.label(), builder.label()];
  for (const values of rows) {
    values.forEach((value, i) => builder.emit("Copy", builder.constant(value), row + i));
    builder.emit("Gosub", back, body);
  }
  builder.emit("Goto", 0, end);
  builder.place(body);
  sink(row, SCHEMA_COLUMNS.length);
  builder.emit("Return", back);
  builder.place(end);
}
