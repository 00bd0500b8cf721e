/**
 * Runs statements one after the other here and in `node:sqlite`, and lists those whose rows,
 * storage classes or names of columns differ, or of which only one fails.
 */

import { DatabaseSync } from "node:sqlite";
import { open } from "../../../mod.ts";
import { Real, type Sql, sql } from "../../../sql/mod.ts";

/** A statement with different results. */
export interface Unlike {
  readonly text: string;
  readonly own: string;
  readonly other: string;
}

/** The statements that differ, each run after those before it. */
export function unlike(statements: readonly string[]): Unlike[] {
  using db = open(":memory:");
  const here = sql(db);
  using there = new DatabaseSync(":memory:");
  return statements.flatMap((text) => {
    const own = attempt(() => rowsHere(here, text));
    const other = attempt(() => rowsThere(there, text));
    const isSame = own === other || (own.startsWith("failed") && other.startsWith("failed"));
    return isSame ? [] : [{ text, own, other }];
  });
}

function attempt(run: () => string): string {
  try {
    return run();
  } catch (error) {
    return `failed: ${error}`;
  }
}

function rowsHere(db: Sql, text: string): string {
  const { columns, rows } = db.prepare(text).rows();
  return shown(text, columns.map(({ name }) => name), rows);
}

function rowsThere(db: DatabaseSync, text: string): string {
  // Rows as arrays, as columns may share a name; Deno's types do not have the methods yet.
  const prepared = db.prepare(text) as ReturnType<DatabaseSync["prepare"]> & {
    setReturnArrays(enabled: boolean): void;
    columns(): { name: string }[];
  };
  prepared.setReadBigInts(true);
  prepared.setReturnArrays(true);
  const names = prepared.columns().map(({ name }) => name);
  const rows = prepared.all() as unknown as unknown[][];
  return shown(text, names, rows.map((row) => row.map(asReal)));
}

/** With integers as bigints, a number is a REAL. */
function asReal(value: unknown): unknown {
  return typeof value === "number" ? new Real(value) : value;
}

function shown(
  text: string,
  names: readonly string[],
  rows: readonly (readonly unknown[])[],
): string {
  const lines = rows.map((row) => row.map(formatted).join("|"));
  // Without an order the rows of a table come in any.
  const isOrdered = /order by/i.test(text) || !/\bfrom\b/i.test(text);
  return [names.join(), ...(isOrdered ? lines : lines.sort())].join("\n");
}

/** A value with the letter of its class. */
function formatted(value: unknown): string {
  if (value === null) return "NULL";
  if (value instanceof Real) return `r${value.value}`;
  if (value instanceof Uint8Array) return `b${value.join(".")}`;
  return typeof value === "string" ? `t${value}` : `i${value}`;
}
