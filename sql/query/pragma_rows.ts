/**
 * The rows of the pragmas that describe a schema, which are table-valued functions too.
 */

import type { TableFunction } from "../function/tables.ts";
import type { Catalog, KnownObjects } from "../schema/catalog.ts";
import type { Index, Table } from "../schema/types.ts";
import { textOf } from "../value/number_text.ts";
import { type SqlValue, truth } from "../value/value.ts";

/** Rows with the names of their columns. */
export interface PragmaResult {
  readonly columns: readonly string[];
  readonly rows: readonly SqlValue[][];
}

/** Describes a part of a schema; undefined if the pragma does not. */
export function describedBy(
  catalog: KnownObjects,
  pragma: string,
  argument: string | undefined,
): PragmaResult | undefined {
  const table = argument === undefined ? undefined : catalog.table(argument);
  switch (pragma) {
    case "table_info":
      return tableInfo(table, false);
    case "table_xinfo":
      return tableInfo(table, true);
    case "table_list":
      return tableList(catalog);
    case "index_list":
      return indexList(table);
    case "index_xinfo":
      return indexParts(argument === undefined ? undefined : catalog.index(argument));
    case "collation_list":
      return { columns: ["seq", "name"], rows: COLLATIONS.map((name, i) => [i, name]) };
    case "database_list":
      return databaseList(catalog);
    case "index_info":
      return indexInfo(argument === undefined ? undefined : catalog.index(argument));
    case "foreign_key_list":
      return foreignKeys(table);
  }
  return undefined;
}

const OWN_TYPES = new Set(["ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"]);
const COLLATIONS = ["RTRIM", "NOCASE", "BINARY"];
const PREFIX = "pragma_";

/** The table-valued function of a pragma for the schema as it is; undefined if there is none. */
export function pragmaFunction(catalog: Catalog, name: string): TableFunction | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const pragma = name.slice(PREFIX.length);
  const columns = describedBy(catalog, pragma, undefined)?.columns;
  if (columns === undefined) return undefined;
  // A query that goes on while the schema changes shows the one that it was compiled for.
  const schema = catalog.asItIs();
  return {
    columns: [...columns, "arg", "schema"],
    least: 0,
    most: 2,
    rows([argument]) {
      const name = argument === undefined || argument === null ? undefined : textOf(argument);
      return describedBy(schema, pragma, name)!.rows;
    },
  };
}

/** The columns of a table; with the generated ones, and what they are, if `isWhole`. */
function tableInfo(table: Table | undefined, isWhole: boolean): PragmaResult {
  const columns = ["cid", "name", "type", "notnull", "dflt_value", "pk"];
  const rows = (table?.columns ?? []).flatMap((column, i) => {
    const { name, type, notNull, defaultText, generated } = column;
    if (generated !== undefined && !isWhole) return [];
    const key = i === table!.rowidColumn ? 1 : table!.primaryKey.indexOf(i) + 1;
    const isNotNull = truth(notNull !== undefined);
    const row = [i, name, typeShown(type), isNotNull, defaultText ?? null, key];
    const hidden = generated === undefined ? 0 : generated.isStored ? 3 : 2;
    return [isWhole ? [...row, hidden] : row];
  });
  return { columns: isWhole ? [...columns, "hidden"] : columns, rows };
}

/** A declared type as SQLite shows it: its own types in capital letters. */
function typeShown(type = ""): string {
  const upper = type.toUpperCase();
  return OWN_TYPES.has(upper) ? upper : type;
}

function tableList(catalog: KnownObjects): PragmaResult {
  const columns = ["schema", "name", "type", "ncol", "wr", "strict"];
  const rows = catalog.tables().map((
    { name, columns, hasRowid, isStrict },
  ) => ["main", name, "table", columns.length, truth(!hasRowid), truth(isStrict)]);
  return { columns, rows };
}

function indexList(table: Table | undefined): PragmaResult {
  const columns = ["seq", "name", "unique", "origin", "partial"];
  // The newest first, as SQLite lists them.
  const rows = (table?.indexes ?? []).toReversed().map((
    { name, isUnique, isExplicit, where },
    i,
  ) => [i, name, truth(isUnique), isExplicit ? "c" : "u", truth(where !== undefined)]);
  return { columns, rows };
}

function indexInfo(found: { index: Index; table: Table } | undefined): PragmaResult {
  const rows = (found?.index.parts ?? []).map((
    { column },
    i,
  ) => [i, column < 0 ? -2 : column, found!.table.columns[column]?.name ?? null]);
  return { columns: ["seqno", "cid", "name"], rows };
}

/** The parts of an index, and the key of the row after them. */
function indexParts(found: { index: Index; table: Table } | undefined): PragmaResult {
  const columns = ["seqno", "cid", "name", "desc", "coll", "key"];
  if (found === undefined) return { columns, rows: [] };
  const { index: { parts }, table } = found;
  const rows = parts.map(({ column, isDescending, collation }, i): SqlValue[] => {
    const name = table.columns[column]?.name ?? null;
    return [i, column < 0 ? -2 : column, name, truth(isDescending), collation, 1];
  });
  const key = table.hasRowid ? [-1] : table.primaryKey;
  for (const column of key) {
    if (column >= 0 && parts.some((part) => part.column === column)) continue;
    const { name = null, collation = "BINARY" } = table.columns[column] ?? {};
    rows.push([rows.length, column, name, 0, collation, 0]);
  }
  return { columns, rows };
}

function databaseList(catalog: KnownObjects): PragmaResult {
  const rows: SqlValue[][] = [[0, "main", ""]];
  if (catalog.temporary.length > 0) rows.push([1, "temp", ""]);
  return { columns: ["seq", "name", "file"], rows };
}

function foreignKeys(table: Table | undefined): PragmaResult {
  const columns = ["id", "seq", "table", "from", "to", "on_update", "on_delete", "match"];
  const rows = (table?.foreignKeys ?? []).toReversed().flatMap((key, id) =>
    key.columns.map((column, seq) => [
      id,
      seq,
      key.parent,
      table!.columns[column]!.name,
      key.parentColumns?.[seq] ?? null,
      key.onUpdate.toUpperCase(),
      key.onDelete.toUpperCase(),
      "NONE",
    ])
  );
  return { columns, rows };
}
