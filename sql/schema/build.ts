/**
 * Builds the objects of a schema from the statements that create them, and refuses invalid ones.
 */

import type { Expr } from "../parse/ast.ts";
import type {
  ColumnClause,
  CreateIndex,
  CreateTable,
  ForeignKeyClause,
  IndexedColumn,
  KeyClause,
} from "../parse/statement_ast.ts";
import { type Affinity, affinityOf, type StrictType } from "../value/affinity.ts";
import { type Collation, collationOf } from "../value/compare.ts";
import { refuse } from "../value/error.ts";
import { generatedOrder } from "./generated.ts";
import { treeName } from "./trees.ts";
import {
  type Column,
  columnNamed,
  type ForeignKey,
  type Index,
  type IndexPart,
  keyOfName,
  type Table,
} from "./types.ts";

const STRICT_TYPES = ["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"];
const COLUMNS_MAX = 2000;

/** Builds a table. */
export function buildTable(create: CreateTable, sql: string): Table {
  checkNames(create);
  const primary = create.keys.filter(({ isPrimary }) => isPrimary);
  if (primary.length > 1) {
    refuse(`table "${create.name}" has more than one primary key`, primary[1]!.at);
  }
  const [key] = primary;
  const keyColumns = key === undefined ? [] : keyParts(create, key);
  const rowidColumn = create.isWithoutRowid ? -1 : rowidAlias(create, key, keyColumns);
  const hasRowid = key === undefined || rowidColumn >= 0;
  if (create.isWithoutRowid && key === undefined) {
    refuse(`PRIMARY KEY missing on table ${create.name}`, create.at);
  }
  checkAutoincrement(create, rowidColumn);
  const columns = create.columns.map((clause, at) =>
    columnOf(create, clause, !hasRowid && keyColumns.includes(at))
  );
  const primaryKey = hasRowid ? [] : [...new Set(keyColumns)];
  const table: Table = {
    kind: "table",
    name: create.name,
    tree: treeName("table", create.name, create.isTemporary),
    columns,
    generated: generatedOrder(create, keyColumns),
    hasRowid,
    rowidColumn,
    primaryKey,
    keyCollations: primaryKey.map((column) => {
      const { collation, at } = key!.columns[keyColumns.indexOf(column)]!;
      return collation === undefined ? columns[column]!.collation : knownCollation(collation, at);
    }),
    keyConflict: key?.conflict,
    isStrict: create.isStrict,
    hasAutoincrement: create.columns.some(({ hasAutoincrement }) => hasAutoincrement),
    checks: create.checks.map(({ name, text, expr }) => ({ name: name ?? text, expr })),
    foreignKeys: create.foreignKeys.map((clause) => foreignKeyOf(create, clause)),
    isTemporary: create.isTemporary,
    indexes: [],
    sql,
  };
  return { ...table, indexes: constraintIndexes(create, table) };
}

function checkNames(create: CreateTable): void {
  if (keyOfName(create.name).startsWith("sqlite_")) {
    refuse(`object name reserved for internal use: ${create.name}`, create.nameAt);
  }
  if (create.columns.length > COLUMNS_MAX) {
    refuse(`too many columns on ${create.name}`, create.nameAt);
  }
  const seen = new Set<string>();
  for (const { name, at } of create.columns) {
    if (seen.has(keyOfName(name))) refuse(`duplicate column name: ${name}`, at);
    seen.add(keyOfName(name));
  }
}

function checkAutoincrement(create: CreateTable, rowidColumn: number): void {
  const index = create.columns.findIndex(({ hasAutoincrement }) => hasAutoincrement);
  if (index < 0 || index === rowidColumn) return;
  refuse("AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY", create.columns[index]!.at);
}

function keyParts(create: CreateTable, key: KeyClause): number[] {
  return key.columns.map(({ expr, at }) => {
    if (expr.kind !== "name") refuse("expressions prohibited in PRIMARY KEY and UNIQUE", at);
    return columnIn(create, expr.column, at);
  });
}

function columnIn(create: CreateTable, name: string, at: number): number {
  const index = columnNamed(create.columns, name);
  if (index < 0) refuse(`table ${create.name} has no column named ${name}`, at);
  return index;
}

function rowidAlias(create: CreateTable, key: KeyClause | undefined, columns: number[]): number {
  const [column] = columns;
  if (key === undefined || columns.length !== 1 || column === undefined) return -1;
  const isInteger = create.columns[column]!.type?.toUpperCase() === "INTEGER";
  return isInteger && !key.columns[0]!.isDescending ? column : -1;
}

function columnOf(create: CreateTable, clause: ColumnClause, isKey: boolean): Column {
  const { name, type, at } = clause;
  const strictType = create.isStrict ? strictTypeOf(create, clause) : undefined;
  const collation = clause.collation === undefined
    ? "BINARY"
    : knownCollation(clause.collation, at);
  const notNull = clause.notNull === undefined || clause.notNull === "default"
    ? clause.notNull && "abort"
    : clause.notNull;
  return {
    name,
    type,
    affinity: strictType === "ANY" ? "BLOB" : affinityOf(type),
    collation,
    strictType,
    notNull: isKey ? notNull ?? "abort" : notNull,
    defaultExpr: clause.defaultExpr,
    defaultText: clause.defaultText,
    generated: clause.generated,
  };
}

function strictTypeOf(create: CreateTable, { name, type, at }: ColumnClause): StrictType {
  const upper = type?.toUpperCase();
  if (upper === undefined) refuse(`missing datatype for ${create.name}.${name}`, at);
  if (STRICT_TYPES.includes(upper)) return upper as StrictType;
  return refuse(`unknown datatype for ${create.name}.${name}: "${type}"`, at);
}

/** The collation of a name. */
export function knownCollation(name: string, at: number): Collation {
  return collationOf(name) ?? refuse(`no such collation sequence: ${name}`, at);
}

function foreignKeyOf(create: CreateTable, clause: ForeignKeyClause): ForeignKey {
  const { columns, parent, parentColumns, onDelete, onUpdate, isDeferred, at } = clause;
  if (parentColumns !== undefined && parentColumns.length !== columns.length) {
    refuse("number of columns in foreign key does not match those of the referenced table", at);
  }
  const indexes = columns.map((name) => columnIn(create, name, at));
  return { columns: indexes, parent, parentColumns, onDelete, onUpdate, isDeferred };
}

/** The indexes of UNIQUE constraints. */
function constraintIndexes(create: CreateTable, table: Table): Index[] {
  const indexes: Index[] = [];
  for (const key of create.keys) {
    if (key.isPrimary) continue;
    const columns = keyParts(create, key);
    if (columns.length === 1 && columns[0] === table.rowidColumn) continue;
    const name = `sqlite_autoindex_${table.name}_${indexes.length + 1}`;
    indexes.push({
      name,
      tree: treeName("index", name, table.isTemporary),
      isUnique: true,
      parts: key.columns.map((column) => partOf(table, column)),
      where: undefined,
      conflict: key.conflict,
      isExplicit: false,
    });
  }
  return indexes;
}

/** Builds an index of a table. */
export function buildIndex(create: CreateIndex, table: Table): Index {
  const { name, isUnique, columns, where } = create;
  if (keyOfName(name).startsWith("sqlite_")) {
    refuse(`object name reserved for internal use: ${name}`, create.at);
  }
  const parts = columns.map((column) => partOf(table, column));
  return {
    name,
    tree: treeName("index", name, table.isTemporary),
    isUnique,
    parts,
    where,
    conflict: undefined,
    isExplicit: true,
  };
}

function partOf(table: Table, { expr, collation, isDescending, at }: IndexedColumn): IndexPart {
  const given = collation === undefined ? undefined : knownCollation(collation, at);
  const column = expr.kind === "name" || isName(expr)
    ? columnNamed(table.columns, nameOf(expr))
    : -1;
  if (column < 0) {
    if (expr.kind === "name") {
      refuse(`table ${table.name} has no column named ${expr.column}`, expr.at);
    }
    return {
      column: -1,
      expr,
      affinity: "BLOB",
      collation: given ?? "BINARY",
      isDescending,
      isExact: false,
    };
  }
  const found = table.columns[column]!;
  const used = given ?? found.collation;
  return {
    column,
    expr,
    affinity: found.affinity,
    collation: used,
    isDescending,
    isExact: isExact(found.affinity, used) || column === table.rowidColumn,
  };
}

/** Text in quotes names a column here. */
function isName(expr: Expr): boolean {
  return expr.kind === "literal" && typeof expr.value === "string";
}

function nameOf(expr: Expr): string {
  if (expr.kind === "name") return expr.column;
  return expr.kind === "literal" ? String(expr.value) : "";
}

/** Whether values of an affinity can be read back from a key. */
function isExact(affinity: Affinity, collation: Collation): boolean {
  return affinity !== "BLOB" && collation === "BINARY";
}
