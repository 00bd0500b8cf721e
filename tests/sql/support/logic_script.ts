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
 * TYPES has a letter a column: I for integers, R for reals with three digits, T for text.
 * SORT is `nosort`, `rowsort` or `valuesort`. Queries with one LABEL have the same result, also one
 * that is skipped. A line that begins with `#` is a comment, wherever it is.
 *
 * `asSqlite` is for SQLite's own scripts, and does as its runner does: integers have 32 bits, reals
 * 16 digits, and text its bytes up to a zero. A query without stated values is not compared, as in
 * its evidence of aggregates for sums that overflow. A record that begins with no known word is a
 * statement, as in its evidence of dropped tables.
 */

import { createHash } from "node:crypto";
import type { Real, Sql } from "../../../sql/mod.ts";
import { cast } from "../../../sql/value/affinity.ts";
import { fixedText } from "../../../sql/value/decimal_text.ts";
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

/** Labels are as long as SQLite's runner keeps them. */
const LABEL_CHARS = 20;
const SORTS = ["nosort", "rowsort", "valuesort"];
const KINDS = ["statement", "query", "hash-threshold", "halt"];

/** Runs a script. */
export function runLogicScript(sql: Sql, script: string, asSqlite = false): LogicReport {
  const failures: LogicFailure[] = [];
  const run: LogicRun = { sql, asSqlite, labels: new Map() };
  let ran = 0;
  for (const given of recordsOf(script)) {
    const record = asSqlite ? withKind(given) : given;
    const isSkipped = !record.conditions.every(applies);
    if (record.words[0] === "halt" && !isSkipped) break;
    if (!isSkipped && ["statement", "query"].includes(record.words[0]!)) ran++;
    const what = isSkipped ? skippedFailure(run, record) : failureOf(run, record);
    if (what !== undefined) failures.push({ line: record.line, what });
  }
  return { ran, failures };
}

/** The state of a run. */
interface LogicRun {
  readonly sql: Sql;
  readonly asSqlite: boolean;
  /** The digest of each label. */
  readonly labels: Map<string, string>;
}

/** Whether a line of `skipif` or `onlyif` lets a record run. */
function applies(condition: string): boolean {
  const [kind, name] = condition.trim().split(/\s+/);
  return (kind === "onlyif") === (name?.toLowerCase() === NAME);
}

function* recordsOf(script: string): Generator<LogicRecord> {
  const lines = script.split("\n").map((text, i) => ({
    text: text.replace(/\r$/, ""),
    line: i + 1,
  }))
    .filter(({ text }) => !text.startsWith("#"));
  let at = 0;
  while (at < lines.length) {
    if (lines[at]!.text.trim() === "") {
      at++;
      continue;
    }
    const conditions: string[] = [];
    while (/^\s*(skipif|onlyif)\s/.test(lines[at]?.text ?? "")) conditions.push(lines[at++]!.text);
    if (at >= lines.length) return;
    const { line, text: first } = lines[at++]!;
    const words = first.trim().split(/\s+/);
    const block: string[] = [];
    while (at < lines.length && lines[at]!.text.trim() !== "") block.push(lines[at++]!.text);
    const dashes = block.indexOf("----");
    const text = block.slice(0, dashes < 0 ? undefined : dashes).join("\n");
    const expected = dashes < 0 ? [] : block.slice(dashes + 1);
    yield { line, words, conditions, text, expected };
  }
}

/** A record whose kind a script left out is a statement. */
function withKind(record: LogicRecord): LogicRecord {
  const { words, text } = record;
  if (KINDS.includes(words[0]!)) return record;
  return { ...record, words: ["statement", "ok"], text: `${words.join(" ")}\n${text}` };
}

/** Runs a record, and describes what went wrong. */
function failureOf(run: LogicRun, record: LogicRecord): string | undefined {
  const { words } = record;
  switch (words[0]) {
    case "statement":
      return statementFailure(run, record);
    case "query":
      return queryFailure(run, record);
    case "hash-threshold":
      // A result says itself whether it is a digest.
      return undefined;
    default:
      return `has an unknown record: ${words.join(" ")}`;
  }
}

/** A query that is skipped has no result of its own, but its label has. */
function skippedFailure(
  { labels }: LogicRun,
  { words, expected }: LogicRecord,
): string | undefined {
  const [kind, , , label] = words;
  if (kind !== "query" || label === undefined || expected.length === 0) return undefined;
  return labelFailure(labels, label, isDigest(expected) ? expected[0]! : digestOf(expected));
}

function labelFailure(
  labels: Map<string, string>,
  label: string,
  digest: string,
): string | undefined {
  const name = label.slice(0, LABEL_CHARS);
  const known = labels.get(name);
  labels.set(name, known ?? digest);
  return known === undefined || known === digest ? undefined : `differs from label ${label}`;
}

function isDigest(expected: readonly string[]): boolean {
  return /^\d+ values hashing to /.test(expected[0] ?? "");
}

function statementFailure({ sql }: LogicRun, { words, text }: LogicRecord): string | undefined {
  const mayFail = words[1] === "error";
  if (!mayFail && words[1] !== "ok") return `is neither ok nor error: ${words[1]}`;
  try {
    sql.exec(text);
    return mayFail ? `succeeded: ${text}` : undefined;
  } catch (error) {
    return mayFail ? undefined : `${error}: ${text}`;
  }
}

function queryFailure(run: LogicRun, record: LogicRecord): string | undefined {
  const { words, text, expected } = record;
  const [, types = "", sort = "nosort", label] = words;
  if (!/^[TIR]+$/.test(types)) return `has the types ${types}: ${text}`;
  if (!SORTS.includes(sort)) return `has the order ${sort}: ${text}`;
  let values: string[];
  try {
    const statement = run.sql.prepare(text);
    const columns = statement.columns().length;
    if (columns !== types.length) {
      return `has ${columns} columns instead of ${types.length}: ${text}`;
    }
    if (run.asSqlite && expected.length === 0) return undefined;
    const { rows } = statement.rows();
    const show = run.asSqlite ? formattedThere : formatted;
    values = sorted(rows.map((row) => row.map((value, i) => show(value, types[i]!))), sort);
  } catch (error) {
    return `${error}: ${text}`;
  }
  const digest = digestOf(values);
  const differs = label === undefined ? undefined : labelFailure(run.labels, label, digest);
  if (differs !== undefined) return `${differs}: ${text}`;
  const found = isDigest(expected) ? digest : values.join("\n");
  const wanted = expected.join("\n");
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

/** A value in the format of SQLite's own runner. */
function formattedThere(value: SqlValue, type: string): string {
  if (value === null) return "NULL";
  if (type === "I") {
    return String(BigInt.asIntN(32, BigInt(cast(value, "INTEGER") as number | bigint)));
  }
  if (type === "R") {
    const number = doubleOf(cast(value, "REAL") as Real);
    return Number.isFinite(number) ? fixedText(number, 3, 16) : threeDigits(number);
  }
  const bytes = value instanceof Uint8Array ? value : new TextEncoder().encode(textOf(value));
  // Text of C ends at a zero; each byte that cannot be printed is an at sign.
  const end = bytes.indexOf(0);
  const shown = Array.from(
    end < 0 ? bytes : bytes.subarray(0, end),
    (byte) => byte < 0x20 || byte > 0x7e ? "@" : String.fromCharCode(byte),
  );
  return shown.join("") || "(empty)";
}
