/**
 * The pragmas that describe a schema. Others are refused by name.
 */

import type { Pragma } from "../parse/statement_ast.ts";
import type { Index, Table } from "../schema/types.ts";
import { refuse, unsupported } from "../value/error.ts";
import { type SqlValue, truth } from "../value/value.ts";
import { quoted } from "../function/text.ts";
import { constantOf } from "../query/defaults.ts";
import type { Engine } from "./engine.ts";

/** Rows with the names of their columns. */
export interface PragmaResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

/** Runs a pragma. */
export function runPragma(engine: Engine, { name, argument, at }: Pragma): PragmaResult {
  const { catalog } = engine;
  switch (name) {
    case "table_info":
    case "table_xinfo":
      return tableInfo(argument === undefined ? undefined : catalog.table(argument));
    case "table_list":
      return tableList(engine);
    case "index_list":
      return indexList(argument === undefined ? undefined : catalog.table(argument));
    case "index_info":
      return indexInfo(argument === undefined ? undefined : catalog.index(argument));
    case "foreign_key_list":
      return foreignKeys(argument === undefined ? undefined : catalog.table(argument));
    case "foreign_keys":
      if (argument !== undefined && !/^(1|on|true|yes)$/i.test(argument)) {
        refuse("foreign keys are always enforced", at);
      }
      return { columns: ["foreign_keys"], rows: argument === undefined ? [[1]] : [] };
  }
  return unsupported(`PRAGMA ${name} is`, at);
}

function tableInfo(table: Table | undefined): PragmaResult {
  const columns = ["cid", "name", "type", "notnull", "dflt_value", "pk"];
  const rows = (table?.columns ?? []).map(({ name, type, notNull, defaultExpr }, i) => {
    const value = constantOf(defaultExpr);
    const key = i === table!.rowidColumn ? 1 : table!.primaryKey.indexOf(i) + 1;
    const shown = value === undefined ? (defaultExpr === undefined ? null : "?") : quoted(value);
    return [i, name, type ?? "", truth(notNull !== undefined), shown, key];
  });
  return { columns, rows };
}

function tableList({ catalog }: Engine): PragmaResult {
  const columns = ["schema", "name", "type", "ncol", "wr", "strict"];
  const rows = catalog.tables().map((
    { name, columns, hasRowid, isStrict },
  ) => ["main", name, "table", columns.length, truth(!hasRowid), truth(isStrict)]);
  return { columns, rows };
}

function indexList(table: Table | undefined): PragmaResult {
  const columns = ["seq", "name", "unique", "origin", "partial"];
  const rows = (table?.indexes ?? []).map((
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

function foreignKeys(table: Table | undefined): PragmaResult {
  const columns = ["id", "seq", "table", "from", "to", "on_update", "on_delete", "match"];
  const rows = (table?.foreignKeys ?? []).flatMap((key, id) =>
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
