/**
 * CREATE and DROP: changes of the schema with the trees that they make and remove, in one
 * transaction.
 */

import type { Transaction } from "../../mod.ts";
import { columnsOf, compile, compileIndexBuild } from "../change/compile.ts";
import type {
  CreateIndex,
  CreateTable,
  CreateTrigger,
  CreateView,
  Drop,
  Explainable,
} from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { isReserved } from "../parse/token_stream.ts";
import { buildIndex, buildTable } from "../schema/build.ts";
import { refuseNonDeterministic } from "../schema/deterministic.ts";
import { type Index, keyOfName, quotedName, type Table } from "../schema/types.ts";
import { inText, PlacedError, refuse, SqlError } from "../value/error.ts";
import { type Engine, noRow } from "./engine.ts";

/** CREATE TABLE. */
export function createTable(engine: Engine, create: CreateTable, text: string): void {
  if (isTaken(engine, create.name, "table", create.ifNotExists, create.nameAt)) return;
  const { name } = create;
  if (create.query !== undefined) return createFromQuery(engine, create, text);
  const { isTemporary } = create;
  const sql = `${createWords(create)} ${text.slice(create.nameAt).trim()}`;
  buildTable(create, sql);
  for (const { expr } of create.checks) refuseNonDeterministic(expr, "CHECK constraints", false);
  engine.write(
    (tx) => {
      engine.catalog.create(tx, { type: "table", name, table: name, sql }, isTemporary);
      if (isTemporary) forgetTrees(engine, name);
      checkExpressions(engine, name, sql);
    },
    undefined,
    isTemporary,
  );
}

/** Drops trees left by a temporary table of this name whose creation rolled back. */
function forgetTrees(engine: Engine, name: string): void {
  const { tree, indexes } = engine.catalog.table(name)!;
  for (const each of [tree, ...indexes.map((index) => index.tree)]) dropTree(engine, each);
}

/** The words that begin a stored statement: those of a temporary table say so. */
function createWords({ isTemporary }: CreateTable): string {
  return isTemporary ? "CREATE TEMP TABLE" : "CREATE TABLE";
}

/** Checks the expressions of a table by compiling an insertion, which refers to all of them. */
export function checkExpressions(engine: Engine, name: string, sql: string): void {
  try {
    const text = `INSERT INTO ${quotedName(name)} DEFAULT VALUES`;
    compile(engine, parseOne(text) as Explainable);
  } catch (error) {
    // A parent may be created later.
    if (error instanceof SqlError && error.code === "CONSTRAINT") return;
    if (!(error instanceof PlacedError)) throw error;
    inText(sql, () => {
      throw error;
    });
  }
}

/** A name, in quotes where it needs them. */
function shownName(name: string): string {
  return /^[a-z_]\w*$/i.test(name) && !isReserved(name) ? name : quotedName(name);
}

const TYPES = { INTEGER: "INT", TEXT: "TEXT", NUMERIC: "NUM", REAL: "REAL", BLOB: "" } as const;

function createFromQuery(engine: Engine, create: CreateTable, text: string): void {
  const { name, query, isTemporary } = create;
  const names = new Set<string>();
  const columns = columnsOf(engine, query!).map(({ name: given, affinity = "BLOB" }) => {
    let own = given;
    for (let i = 1; names.has(keyOfName(own)); i++) own = `${given}:${i}`;
    names.add(keyOfName(own));
    return `${shownName(own)} ${TYPES[affinity]}`.trim();
  });
  const sql = `${createWords(create)} ${shownName(name)}(${columns.join(",")})`;
  inText(sql, () => buildTable(parseOne(sql) as CreateTable, sql));
  const insert = `INSERT INTO ${quotedName(name)} ${text.slice(query!.at)}`;
  engine.write(
    (tx) => {
      engine.catalog.create(tx, { type: "table", name, table: name, sql }, isTemporary);
      if (isTemporary) forgetTrees(engine, name);
      const statement = parseOne(insert) as Explainable;
      engine.run(() => compile(engine, statement), [], noRow);
    },
    undefined,
    isTemporary,
  );
}

/** CREATE VIEW. */
export function createView(engine: Engine, create: CreateView, text: string): void {
  const { name, isTemporary } = create;
  refuseInternal(name, create.at);
  if (isTaken(engine, name, "view", create.ifNotExists, create.at)) return;
  const sql = text.slice(create.at).trim();
  const stored = { type: "view", name, table: name, sql } as const;
  engine.write((tx) => engine.catalog.create(tx, stored, isTemporary), undefined, isTemporary);
}

function refuseInternal(name: string, at: number): void {
  if (keyOfName(name).startsWith("sqlite_")) {
    refuse(`object name reserved for internal use: ${name}`, at);
  }
}

/** CREATE TRIGGER. */
export function createTrigger(engine: Engine, create: CreateTrigger, text: string): void {
  const { name, time, isTemporary, at } = create;
  const { catalog } = engine;
  refuseInternal(name, at);
  if (catalog.trigger(name) !== undefined) {
    if (create.ifNotExists) return;
    refuse(`trigger ${name} already exists`, at);
  }
  const target = catalog.table(create.table) ?? catalog.view(create.table);
  if (target === undefined) return refuse(`no such table: main.${create.table}`, create.tableAt);
  if (target.kind === "table" && time === "instead of") {
    refuse(`cannot create INSTEAD OF trigger on table: ${create.table}`, create.tableAt);
  }
  if (target.kind === "view" && time !== "instead of") {
    refuse(`cannot create ${time.toUpperCase()} trigger on view: ${create.table}`, create.tableAt);
  }
  const isOfTemporary = catalog.temporary.some((stored) =>
    stored.type === target.kind && keyOfName(stored.name) === keyOfName(target.name)
  );
  const isTemp = isTemporary || isOfTemporary;
  const sql = text.slice(at).trim();
  const stored = { type: "trigger", name, table: target.name, sql } as const;
  engine.write((tx) => catalog.create(tx, stored, isTemp), undefined, isTemp);
}

/** CREATE INDEX. */
export function createIndex(engine: Engine, create: CreateIndex, text: string): void {
  const { name } = create;
  if (isTaken(engine, name, "index", create.ifNotExists, create.at)) return;
  const table = engine.catalog.table(create.table);
  if (table === undefined) return refuse(`no such table: main.${create.table}`, create.tableAt);
  buildIndex(create, table);
  for (const { expr } of create.columns) refuseNonDeterministic(expr, "index expressions");
  if (create.where !== undefined) {
    refuseNonDeterministic(create.where, "partial index WHERE clauses");
  }
  const sql = text.slice(create.at).trim();
  engine.write((tx) => {
    const stored = { type: "index", name, table: table.name, sql } as const;
    engine.catalog.create(tx, stored, table.isTemporary);
    const { index, table: changed } = engine.catalog.index(name)!;
    if (table.isTemporary) dropTree(engine, index.tree);
    fillIndex(engine, changed, index);
  });
}

/** Adds the rows of a table to an empty index. */
export function fillIndex(engine: Engine, table: Table, index: Index): void {
  engine.call(compileIndexBuild(engine, table, index), []);
}

function isTaken(
  engine: Engine,
  name: string,
  what: "table" | "view" | "index",
  ifNotExists: boolean,
  at: number,
): boolean {
  const { catalog } = engine;
  const found = catalog.table(name) !== undefined
    ? "table"
    : catalog.view(name) !== undefined
    ? "view"
    : catalog.index(name) !== undefined
    ? "index"
    : undefined;
  if (found === undefined) return false;
  if (ifNotExists && (found === "index") === (what === "index")) return true;
  if (found === what) refuse(`${what} ${name} already exists`, at);
  return refuse(`there is already ${found === "index" ? "an" : "a"} ${found} named ${name}`, at);
}

/** DROP. */
export function drop(engine: Engine, statement: Drop): void {
  const { what, name, ifExists, at } = statement;
  const { catalog } = engine;
  const found = what === "table"
    ? catalog.table(name)
    : what === "view"
    ? catalog.view(name)
    : what === "trigger"
    ? catalog.trigger(name)
    : catalog.index(name);
  if (found === undefined) {
    if (what === "table" && catalog.view(name) !== undefined) {
      refuse(`use DROP VIEW to delete view ${name}`, at);
    }
    if (what === "view" && catalog.table(name) !== undefined) {
      refuse(`use DROP TABLE to delete table ${name}`, at);
    }
    if (ifExists) return;
    refuse(`no such ${what}: ${name}`, at);
  }
  engine.write((tx) => {
    if (what === "table") dropTable(engine, tx, found as Table);
    else if (what === "index") dropIndex(engine, tx, (found as { index: Index }).index, at);
    else catalog.remove(tx, (stored) => isNamed(what, name)(stored) || isOnView(stored));
  });
  // The triggers of a view go with it.
  function isOnView(stored: { type: string; table: string }): boolean {
    return what === "view" && stored.type === "trigger" &&
      keyOfName(stored.table) === keyOfName(name);
  }
}

function isNamed(type: string, name: string) {
  return (stored: { type: string; name: string }) =>
    stored.type === type && keyOfName(stored.name) === keyOfName(name);
}

function dropTable(engine: Engine, tx: Transaction, table: Table): void {
  if (engine.catalog.childrenOf(table).length > 0) {
    const text = `DELETE FROM ${quotedName(table.name)}`;
    engine.run(() => compile(engine, parseOne(text) as Explainable), [], noRow);
  }
  for (const tree of [table.tree, ...table.indexes.map((index) => index.tree)]) {
    dropTree(engine, tree);
  }
  const { sequences } = engine.treesOf(table.tree);
  engine.transactionOf(table.tree).tree(sequences).delete(table.tree);
  const key = keyOfName(table.name);
  engine.catalog.remove(tx, (stored) => stored.type !== "view" && keyOfName(stored.table) === key);
}

function dropIndex(engine: Engine, tx: Transaction, index: Index, at: number): void {
  if (!index.isExplicit) {
    refuse("index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped", at);
  }
  dropTree(engine, index.tree);
  engine.catalog.remove(tx, isNamed("index", index.name));
}

function dropTree(engine: Engine, tree: string): void {
  const trees = engine.treesOf(tree);
  trees.db.dropTree(tree);
  trees.forget(tree);
  engine.transactionOf(tree).tree(trees.statistics).delete(tree);
}
