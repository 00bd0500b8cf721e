/**
 * Short statements: `insert 1 alice` and `select`, without a semicolon, where one table fits.
 */

import type { Sql } from "../../sql/mod.ts";

/** A statement for a short one; undefined if the line is none, or not one table fits. */
export function fullStatement(query: Sql, line: string): string | undefined {
  const tables = query.schema().filter(({ type }) => type === "table").map(({ name }) => name);
  if (/^\s*select\s*$/i.test(line)) {
    return tables.length === 1 ? `SELECT * FROM ${quoted(tables[0]!)};` : undefined;
  }
  const match = /^\s*insert\s+(?!into\b|or\b)([^;]*?);?\s*$/i.exec(line);
  if (match === null) return undefined;
  const values = match[1]!.split(/\s+/);
  const fitting = tables.filter((name) => columnsOf(query, name) === values.length);
  if (fitting.length !== 1) return undefined;
  return `INSERT INTO ${quoted(fitting[0]!)} VALUES (${values.map(literal).join(", ")});`;
}

function columnsOf(query: Sql, table: string): number {
  return query.prepare(`SELECT * FROM ${quoted(table)}`).columns().length;
}

/** A name in quotes. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A word as a number, or else as text. */
function literal(word: string): string {
  return /^-?\d+(\.\d+)?$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;
}
