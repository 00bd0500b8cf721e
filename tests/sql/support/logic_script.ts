/**
 * Scripts in the format of SQLite's sqllogictest: statements that succeed or fail, and queries with
 * their results.
 *
 * ```text
 * statement ok|error               the statement follows, up to a blank line
 * query TYPES [SORT] [LABEL]       the query, a line of dashes, and a value a line
 * hash-threshold N                 longer results are a count and the MD5 of their values
 * skipif NAME, onlyif NAME, halt   as in SQLite's
 * ```
 *
 * TYPES has a letter a column: I for integers, R for reals with three digits, T for text. SORT is
 * `nosort`, `rowsort` or `valuesort`. Queries with one LABEL have the same result.
 */

import { createHash } from "node:crypto";
import type { Real, Sql } from "../../../sql/mod.ts";
import { cast } from "../../../sql/value/affinity.ts";
import { textOf } from "../../../sql/value/number_text.ts";
import { doubleOf, type SqlValue } from "../../../sql/value/value.ts";

/** What went wrong, and where. */
export interface LogicFailure {
  readonly line: number;
  readonly what: string;
}

/** The result of a script. */
export interface LogicReport {
  /** The number of statements and queries that were run. */
  readonly ran: number;
  readonly failures: readonly LogicFailure[];
}

interface LogicRecord {
  readonly line: number;
  readonly words: readonly string[];
  readonly conditions: readonly string[];
  readonly text: string;
  readonly expected: readonly string[];
}

/** The database that `skipif` and `onlyif` name. */
const NAME = "sqlite";

/** Runs a script. */
export function runLogicScript(sql: Sql, script: string): LogicReport {
  const failures: LogicFailure[] = [];
  const labels = new Map<string, string>();
  let ran = 0;
  let threshold = 0;
  for (const record of recordsOf(script)) {
    const [kind, argument] = record.words;
    if (!applies(record.conditions)) continue;
    if (kind === "halt") break;
    if (kind === "hash-threshold") threshold = Number(argument);
    if (kind !== "statement" && kind !== "query") continue;
    ran++;
    const what = kind === "statement"
      ? statementFailure(sql, record)
      : queryFailure(sql, record, threshold, labels);
    if (what !== undefined) failures.push({ line: record.line, what });
  }
  return { ran, failures };
}

function applies(conditions: readonly string[]): boolean {
  return conditions.every((condition) => {
    const [kind, name] = condition.split(/\s+/);
    return (kind === "onlyif") === (name === NAME);
  });
}

function* recordsOf(script: string): Generator<LogicRecord> {
  const lines = script.replaceAll("\r", "").split("\n");
  let at = 0;
  while (at < lines.length) {
    if (lines[at]!.trim() === "" || lines[at]!.startsWith("#")) {
      at++;
      continue;
    }
    const conditions: string[] = [];
    while (/^(skipif|onlyif) /.test(lines[at] ?? "")) {
      conditions.push(lines[at++]!.replace(/\s*#.*/, ""));
    }
    const line = at + 1;
    const words = lines[at++]!.trim().split(/\s+/);
    const block: string[] = [];
    while (at < lines.length && lines[at]!.trim() !== "") block.push(lines[at++]!);
    const dashes = block.indexOf("----");
    const text = block.slice(0, dashes < 0 ? undefined : dashes).join("\n");
    const expected = dashes < 0 ? [] : block.slice(dashes + 1);
    yield { line, words, conditions, text, expected };
  }
}

function statementFailure(sql: Sql, { words, text }: LogicRecord): string | undefined {
  const mayFail = words[1] === "error";
  try {
    sql.exec(text);
    return mayFail ? `succeeded: ${text}` : undefined;
  } catch (error) {
    return mayFail ? undefined : `${error}: ${text}`;
  }
}

function queryFailure(
  sql: Sql,
  { words, text, expected }: LogicRecord,
  threshold: number,
  labels: Map<string, string>,
): string | undefined {
  const [, types = "", sort = "nosort", label] = words;
  let values: string[];
  try {
    const { rows, columns } = sql.prepare(text).rows();
    if (columns.length !== types.length) {
      return `has ${columns.length} columns instead of ${types.length}: ${text}`;
    }
    const shown = rows.map((row) => row.map((value, i) => formatted(value, types[i] ?? "T")));
    values = sorted(shown, sort);
  } catch (error) {
    return `${error}: ${text}`;
  }
  const hashed = digestOf(values);
  if (label !== undefined) {
    const known = labels.get(label);
    if (known !== undefined && known !== hashed) return `differs from label ${label}: ${text}`;
    labels.set(label, hashed);
  }
  const isHashed = /^\d+ values hashing to /.test(expected[0] ?? "");
  if (!isHashed && threshold > 0 && values.length > threshold && expected.length === 0) {
    return undefined;
  }
  const wanted = isHashed ? expected[0] : expected.join("\n");
  const found = isHashed ? hashed : values.join("\n");
  return wanted === found ? undefined : `found ${found} instead of ${wanted}: ${text}`;
}

/** A result as the number of its values and the MD5 of these, each with the end of its line. */
export function digestOf(values: readonly string[]): string {
  const text = values.map((value) => `${value}\n`).join("");
  return `${values.length} values hashing to ${createHash("md5").update(text).digest("hex")}`;
}

/** The values of rows in the order that a query asks for. */
export function sorted(rows: readonly (readonly string[])[], sort: string): string[] {
  if (sort === "valuesort") return rows.flat().sort(byBytes);
  if (sort !== "rowsort") return rows.flat();
  return rows.toSorted((a, b) => {
    const column = a.findIndex((value, i) => value !== b[i]);
    return column < 0 ? 0 : byBytes(a[column]!, b[column]!);
  }).flat();
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A value of SQL in the format of results: an integer, a real with three digits, or text. */
export function formatted(value: SqlValue, type: string): string {
  if (value === null) return "NULL";
  if (type === "I") return String(cast(value, "INTEGER") ?? 0);
  if (type === "R") return threeDigits(doubleOf(cast(value, "REAL") as Real));
  const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : textOf(value);
  // Each unprintable character is an at sign.
  return text === "" ? "(empty)" : text.replace(/[^ -~]/g, "@");
}

function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return value < 0 ? "-Inf" : "Inf";
  return Math.abs(value) < 1e21 ? value.toFixed(3) : `${BigInt(value)}.000`;
}
