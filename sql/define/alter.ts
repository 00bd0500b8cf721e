/**
 * ALTER TABLE: adds and drops columns, in the statement that creates the table and in its rows, and
 * has tables and columns renamed.
 */

import type { Transaction } from "../../mod.ts";
import { compile } from "../change/compile.ts";
import type { Core, Expr } from "../parse/ast.ts";
import type { AlterTable, CreateTable, Select } from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { type Token, tokensOf } from "../parse/token.ts";
import { constantOf } from "../query/defaults.ts";
import { buildTable } from "../schema/build.ts";
import { columnNamed, keyOfName, quotedName, type Table } from "../schema/types.ts";
import { PlacedError, refuse, SqlError, unsupported } from "../value/error.ts";
import { PartReader } from "../value/part_reader.ts";
import { PartWriter } from "../value/parts.ts";
import { checkExpressions } from "./create.ts";
import type { Engine } from "./engine.ts";
import { renameColumn, renameTable } from "./rename.ts";

/** ALTER TABLE. */
export function alterTable(engine: Engine, { table: name, change, at }: AlterTable): void {
  const table = engine.catalog.table(name);
  if (table === undefined) {
    if (engine.catalog.view(name) === undefined) return refuse(`no such table: ${name}`, at);
    const isColumn = change.kind === "rename column";
    const message = isColumn
      ? `cannot rename columns of view "${name}"`
      : `view ${name} may not be altered`;
    return refuse(message, at);
  }
  switch (change.kind) {
    case "rename":
      return engine.write((tx) => renameTable(engine, tx, table, change.to, change.at));
    case "rename column":
      return engine.write((tx) => renameColumn(engine, tx, table, change));
    case "add column":
      return engine.write((tx) => addColumn(engine, tx, table, change.text, change.at));
    case "drop column":
      return engine.write((tx) => dropColumn(engine, tx, table, change.column, change.at));
  }
}

/** Whether a token is a name, in any case. */
function isNameToken({ kind, text }: Token, name: string): boolean {
  const isName = kind === "word" || kind === "quoted";
  return isName && keyOfName(text) === keyOfName(name);
}

function definition(table: Table): CreateTable {
  return parseOne(table.sql) as CreateTable;
}

/** Replaces the statement of a table, if the new one is valid. */
function setSql(engine: Engine, tx: Transaction, table: Table, sql: string, at: number): void {
  try {
    buildTable(parseOne(sql) as CreateTable, sql);
  } catch (error) {
    if (!(error instanceof PlacedError) && !(error instanceof SqlError)) throw error;
    refuse(error.message, at);
  }
  engine.catalog.replace(tx, (stored) => {
    const isIt = stored.type === "table" && keyOfName(stored.name) === keyOfName(table.name);
    return isIt ? { ...stored, sql } : stored;
  });
}

function addColumn(engine: Engine, tx: Transaction, table: Table, text: string, at: number): void {
  const last = definition(table).columns.at(-1)!;
  const sql = `${table.sql.slice(0, last.end)}, ${text}${table.sql.slice(last.end)}`;
  const before = definition(table);
  setSql(engine, tx, table, sql, at);
  const after = engine.catalog.table(table.name)!;
  const added = after.columns.at(-1)!;
  const create = definition(after);
  if (create.keys.length > before.keys.length) {
    const isPrimary = create.keys.some((key) => key.isPrimary) &&
      !before.keys.some((key) => key.isPrimary);
    refuse(`Cannot add a ${isPrimary ? "PRIMARY KEY" : "UNIQUE"} column`, at);
  }
  const isEmpty = engine.count(table.tree) === 0;
  if (!isEmpty) checkRows(engine, after, before.checks.length, at);
  if (added.generated !== undefined) {
    if (added.generated.isStored) refuse("cannot add a STORED column", at);
    if (added.notNull !== undefined && !isEmpty) {
      unsupported("adding a NOT NULL generated column to a table with rows is", at);
    }
    return checkExpressions(engine, table.name, sql);
  }
  const value = constantOf(added.defaultExpr);
  if (added.defaultExpr !== undefined && value === undefined && !isEmpty) {
    refuse("Cannot add a column with non-constant default", at);
  }
  if (added.notNull !== undefined && (value ?? null) === null && !isEmpty) {
    refuse("Cannot add a NOT NULL column with default value NULL", at);
  }
  if (create.foreignKeys.length > before.foreignKeys.length && (value ?? null) !== null) {
    refuse("Cannot add a REFERENCES column with non-NULL default value", at);
  }
}

/** Checks that the rows of a table pass its CHECKs from number `first` on. */
function checkRows(engine: Engine, table: Table, first: number, at: number): void {
  const rows = parseOne(`SELECT 1 FROM ${quotedName(table.name)} WHERE 1 LIMIT 1`) as Select;
  for (const { expr, name } of table.checks.slice(first)) {
    const where: Expr = { kind: "unary", operator: "not", operand: expr, at };
    const body = { ...rows.query.body as Core, where };
    const program = compile(engine, { ...rows, query: { ...rows.query, body } });
    if (engine.call(program, []) === undefined) continue;
    throw new SqlError("CONSTRAINT", `CHECK constraint failed: ${name}`);
  }
}

function dropColumn(engine: Engine, tx: Transaction, table: Table, name: string, at: number): void {
  const column = columnNamed(table.columns, name);
  if (column < 0) refuse(`no such column: "${name}"`, at);
  if (table.columns.length === 1) {
    refuse(`cannot drop column "${name}": no other columns exist`, at);
  }
  refuseUses(engine, table, column, at);
  const { columns } = definition(table);
  const { at: start, end } = columns[column]!;
  // Remove the comma before it too, or the one after it if it is the first.
  const [from, to] = column > 0 ? [columns[column - 1]!.end, end] : [start, columns[1]!.at];
  setSql(engine, tx, table, table.sql.slice(0, from) + table.sql.slice(to), at);
  removeValues(engine, table, column);
}

function refuseUses(engine: Engine, table: Table, column: number, at: number): void {
  const { name } = table.columns[column]!;
  const isUsed = (sql: string, count: number) =>
    tokensOf(sql).filter((token) => isNameToken(token, name)).length > count;
  const own = definition(table).columns[column]!;
  const inOwn = tokensOf(table.sql.slice(own.at, own.end))
    .filter((token) => isNameToken(token, name)).length;
  const isKey = table.primaryKey.includes(column) || table.rowidColumn === column;
  if (isKey) refuse(`cannot drop PRIMARY KEY column: "${name}"`, at);
  const isUnique = table.indexes.some(({ isExplicit, parts }) =>
    !isExplicit && parts.some((part) => part.column === column)
  );
  if (isUnique) refuse(`cannot drop UNIQUE column: "${name}"`, at);
  const { catalog } = engine;
  for (const { type, name: user, table: of, sql } of [...catalog.stored(), ...catalog.temporary]) {
    const isOwn = type === "table" && keyOfName(of) === keyOfName(table.name);
    const isRelated = type === "view" || keyOfName(of) === keyOfName(table.name);
    if (isRelated && isUsed(sql, isOwn ? inOwn : 0)) {
      refuse(`cannot drop column "${name}": ${type} ${user} uses it`, at);
    }
  }
}

/** Removes the values of a column from all rows. */
function removeValues(engine: Engine, table: Table, column: number): void {
  const rows = engine.writable(table.tree);
  const reader = new PartReader();
  const writer = new PartWriter();
  for (const [key, row] of rows.entries()) {
    reader.reset(row);
    writer.reset();
    for (let i = 0; !reader.isAtEnd; i++) {
      const value = reader.rowValue();
      if (i !== column) writer.rowValue(value);
    }
    rows.set(key, writer.take());
  }
}
