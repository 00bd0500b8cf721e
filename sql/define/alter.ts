/**
 * ALTER TABLE: rewrites the statements that create tables and indexes, token by token, and moves
 * trees and rows. It refuses a change if a rewritten statement could mean something else.
 */

import type { Transaction } from "../../mod.ts";
import { compile } from "../change/compile.ts";
import type { Core, Expr } from "../parse/ast.ts";
import type { AlterTable, CreateTable, Select } from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { type Token, tokensOf } from "../parse/token.ts";
import { constantOf } from "../query/defaults.ts";
import { buildTable } from "../schema/build.ts";
import { type StoredObject, treeName } from "../schema/trees.ts";
import { columnNamed, keyOfName, quotedName, type Table } from "../schema/types.ts";
import { PlacedError, refuse, SqlError, unsupported } from "../value/error.ts";
import { PartReader } from "../value/part_reader.ts";
import { PartWriter } from "../value/parts.ts";
import { checkExpressions } from "./create.ts";
import type { Engine } from "./engine.ts";

/** ALTER TABLE. */
export function alterTable(engine: Engine, { table: name, change, at }: AlterTable): void {
  const table = engine.catalog.table(name);
  if (table === undefined) return refuse(`no such table: ${name}`, at);
  switch (change.kind) {
    case "rename":
      return engine.write((tx) => renameTable(engine, tx, table, change.to, change.at));
    case "rename column":
      return engine.write((tx) => renameColumn(engine, tx, table, change, change.at));
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

/** Replaces the tokens for which a condition holds. */
function replaceTokens(
  sql: string,
  isIt: (token: Token, index: number, tokens: readonly Token[]) => boolean,
  to: string,
): string {
  const tokens = tokensOf(sql);
  const found = tokens.filter(isIt);
  return found.reduceRight(
    (text, { start, end }) => text.slice(0, start) + to + text.slice(end),
    sql,
  );
}

function isAfterOn(tokens: readonly Token[], index: number): boolean {
  return tokens[index - 1]?.kind === "word" && tokens[index - 1]!.text === "ON";
}

function refuseViews(engine: Engine, name: string, at: number): void {
  const { catalog } = engine;
  for (const { type, name: view, sql } of [...catalog.stored(), ...catalog.temporary]) {
    const isUse = (token: Token, index: number, tokens: readonly Token[]) =>
      isNameToken(token, name) && (type === "view" || !isAfterOn(tokens, index));
    if ((type === "view" || type === "trigger") && tokensOf(sql).some(isUse)) {
      refuse(`cannot rename ${name}: ${type} ${view} uses the name; drop it first`, at);
    }
  }
}

function renameTable(engine: Engine, tx: Transaction, table: Table, to: string, at: number): void {
  const { catalog } = engine;
  const trees = engine.treesOf(table.tree);
  const taken = catalog.table(to) ?? catalog.view(to) ?? catalog.index(to);
  if (taken !== undefined && keyOfName(to) !== keyOfName(table.name)) {
    refuse(`there is already another table or index with this name: ${to}`, at);
  }
  if (keyOfName(to).startsWith("sqlite_")) {
    refuse(`object name reserved for internal use: ${to}`, at);
  }
  refuseViews(engine, table.name, at);
  const isTable = (token: Token, index: number, tokens: readonly Token[]) =>
    isNameToken(token, table.name) && isTablePlace(tokens, index);
  catalog.replace(tx, (stored) => {
    if (stored.type === "view") return stored;
    const isOwn = keyOfName(stored.table) === keyOfName(table.name);
    const sql = replaceTokens(stored.sql, isTable, quotedName(to));
    if (!isOwn) return sql === stored.sql ? stored : { ...stored, sql };
    const name = stored.type === "table" ? to : stored.name;
    return { ...stored, name, table: to, sql };
  });
  const { isTemporary } = table;
  const moves = [[table.tree, treeName("table", to, isTemporary)]];
  table.indexes.filter(({ isExplicit }) => !isExplicit).forEach((index, i) =>
    moves.push([index.tree, treeName("index", `sqlite_autoindex_${to}_${i + 1}`, isTemporary)])
  );
  for (const [from, into] of moves as [string, string][]) {
    if (from === into) continue;
    if (trees.db.trees().includes(from)) trees.db.renameTree(from, into);
    trees.forget(from);
    trees.forget(into);
  }
  const kept = trees.sequence(table.tree);
  if (kept === undefined) return;
  const sequences = engine.transactionOf(table.tree).tree(trees.sequences);
  sequences.delete(table.tree);
  sequences.set(treeName("table", to, isTemporary), kept);
}

/** Whether a name here is that of a table: after TABLE, ON or REFERENCES, or before a dot. */
function isTablePlace(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1];
  const isAfter = before?.kind === "word" && ["TABLE", "ON", "REFERENCES"].includes(before.text);
  return isAfter || (tokens[index + 1]?.kind === "sign" && tokens[index + 1]!.text === ".");
}

function renameColumn(
  engine: Engine,
  tx: Transaction,
  table: Table,
  { from, to }: { from: string; to: string },
  at: number,
): void {
  const column = columnNamed(table.columns, from);
  if (column < 0) refuse(`no such column: "${from}"`, at);
  const other = columnNamed(table.columns, to);
  if (other >= 0 && other !== column) refuse(`duplicate column name: ${to}`, at);
  refuseViews(engine, from, at);
  engine.catalog.replace(tx, (stored) => {
    if (stored.type === "view") return stored;
    const sql = renamedIn(stored, table, from, to);
    return sql === stored.sql ? stored : { ...stored, sql };
  });
  const changed = engine.catalog.table(table.name)!;
  const isAsMeant = changed.columns.length === table.columns.length &&
    changed.columns.every(({ name, type }, i) =>
      type === table.columns[i]!.type &&
      (i === column ? keyOfName(name) === keyOfName(to) : name === table.columns[i]!.name)
    );
  if (!isAsMeant) refuse(`cannot rename column ${from}: its table's statement is ambiguous`, at);
}

function renamedIn(stored: StoredObject, table: Table, from: string, to: string): string {
  const isOwn = keyOfName(stored.table) === keyOfName(table.name);
  const isColumn = (token: Token, index: number, tokens: readonly Token[]) => {
    if (!isNameToken(token, from) || isTablePlace(tokens, index)) return false;
    const next = tokens[index + 1];
    const before = tokens[index - 1];
    const isCall = next?.kind === "sign" && next.text === "(" && token.kind === "word";
    const isAfterKeyword = before?.kind === "word" &&
      ["CONSTRAINT", "INDEX", "COLLATE"].includes(before.text);
    const parent = parentAround(tokens, index);
    if (parent !== undefined) return keyOfName(parent) === keyOfName(table.name);
    return isOwn && !(isCall && isFunctionPlace(tokens, index)) && !isAfterKeyword;
  };
  return replaceTokens(stored.sql, isColumn, quotedName(to));
}

/** A word before a parenthesis is a function, unless a comma or a parenthesis precedes it. */
function isFunctionPlace(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1];
  return before?.kind !== "sign" || ![",", "("].includes(before.text);
}

/** The table of the REFERENCES in whose list of columns a token is; undefined if in none. */
function parentAround(tokens: readonly Token[], index: number): string | undefined {
  for (let i = index - 1; i >= 2; i--) {
    const { kind, text } = tokens[i]!;
    if (kind === "sign" && text === ")") return undefined;
    if (kind !== "sign" || text !== "(") continue;
    const isReference = tokens[i - 2]!.kind === "word" && tokens[i - 2]!.text === "REFERENCES";
    return isReference ? tokens[i - 1]!.text : undefined;
  }
  return undefined;
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
