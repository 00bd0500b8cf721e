/**
 * The rows of a statement as text: an aligned table, JSON with a row a line, or CSV. Values of a
 * table are one line each; the output spells out what a terminal would obey.
 */

import { Real, type SqlRows, type SqlValue } from "../../sql/mod.ts";
import { alignTable, countOf, oneLine } from "../io/text.ts";

/** How rows are printed. */
export type Mode = "table" | "json" | "csv";

/** All modes. */
export const MODES: readonly Mode[] = ["table", "json", "csv"];

/** The lines of a result; none for a statement without columns. */
export function linesOf({ columns, rows }: SqlRows, mode: Mode): string[] {
  if (columns.length === 0) return [];
  const names = columns.map(({ name }) => name);
  switch (mode) {
    case "json":
      return rows.map((row) => {
        const members = row.map((value, i) => `${JSON.stringify(names[i])}:${jsonOf(value)}`);
        return `{${members.join(",")}}`;
      });
    case "csv":
      return [names, ...rows.map((row) => row.map(plainText))].map((row) =>
        row.map(csvField).join(",")
      );
    case "table":
      return tableOf(names, rows);
  }
}

function tableOf(names: readonly string[], rows: SqlRows["rows"]): string[] {
  const cells = rows.map((row) => row.map((value) => oneLine(shown(value))));
  const table = alignTable([names.map(oneLine), ...cells]);
  const [head = "", ...body] = table;
  // There may be more lines than a call takes arguments.
  const width = table.reduce((most, { length }) => Math.max(most, length), 0);
  return [head, "-".repeat(width), ...body, `(${countOf(rows.length, "row")})`];
}

/** A value in a table. */
function shown(value: SqlValue): string {
  return value === null ? "NULL" : plainText(value);
}

function plainText(value: SqlValue): string {
  if (value === null) return "";
  if (value instanceof Real) return realText(value.value);
  return value instanceof Uint8Array ? `x'${value.toHex()}'` : String(value);
}

/** A REAL, which has a point or an exponent. */
function realText(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** A value as JSON: large integers as numbers, blobs as an object. */
function jsonOf(value: SqlValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `{"blob":"${value.toHex()}"}`;
  if (value instanceof Real && !Number.isFinite(value.value)) {
    return value.value > 0 ? "9e999" : "-9e999";
  }
  return value === null ? "null" : plainText(value);
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
