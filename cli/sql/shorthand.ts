/**
 * Short statements: `insert 1 alice` and `select`, without a semicolon, where one table fits.
 */

import type { Sql } from "../../sql/mod.ts";

/** A word of a short statement; one with blanks in it is in quotes. */
const WORD = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\S+/g;

/** Whether a line is a short INSERT, whatever tables there are: SQL has none of its kind. */
export function isShortInsert(line: string): boolean {
  return valuesOf(line) !== undefined;
}

/** A statement for a short one; undefined if the line is none, or not one table fits. */
export function fullStatement(query: Sql, line: string): string | undefined {
  const tables = query.schema().filter(({ type }) => type === "table").map(({ name }) => name);
  if (/^\s*select\s*$/i.test(line)) {
    return tables.length === 1 ? `SELECT * FROM ${quoted(tables[0]!)};` : undefined;
  }
  const values = valuesOf(line);
  if (values === undefined) return undefined;
  const fitting = tables.filter((name) => columnsOf(query, name) === values.length);
  if (fitting.length !== 1) return undefined;
  return `INSERT INTO ${quoted(fitting[0]!)} VALUES (${values.map(literal).join(", ")});`;
}

/** The words after INSERT; undefined if the line is no short one. */
function valuesOf(line: string): readonly string[] | undefined {
  const match = /^\s*insert[ \t]+(?!\s|into\b|or\b|--|\/\*)([^;\n]*?);?\s*$/i.exec(line);
  return match?.[1]?.match(WORD) ?? undefined;
}

function columnsOf(query: Sql, table: string): number {
  return query.prepare(`SELECT * FROM ${quoted(table)}`).columns().length;
}

/** A name in quotes. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A word as a number, or else as text, without its quotes. */
function literal(word: string): string {
  const inside = /^(['"])(.*)\1$/s.exec(word);
  if (inside !== null) return text(inside[2]!.replaceAll(inside[1]! + inside[1]!, inside[1]!));
  return /^-?\d+(\.\d+)?$/.test(word) ? word : text(word);
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
