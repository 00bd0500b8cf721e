/**
 * ALTER TABLE RENAME: changes the tokens of all stored statements that name the table or column,
 * and no other text, and moves trees. Before it, every view and trigger must mean something; after
 * it, each of their names must mean what it meant. Otherwise it refuses, and nothing has changed.
 */

import type { Transaction } from "../../mod.ts";
import type { Expr } from "../parse/ast.ts";
import type { Alteration, CreateIndex, CreateTable } from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { type Token, tokensOf } from "../parse/token.ts";
import { walk } from "../parse/walk.ts";
import { type StoredObject, treeName } from "../schema/trees.ts";
import { columnNamed, keyOfName, quotedName, type Table } from "../schema/types.ts";
import { PlacedError, refuse, SqlError } from "../value/error.ts";
import type { Engine } from "./engine.ts";
import { type NameUse, type NameUses, nameUsesIn } from "./name_uses.ts";
import { replaceAt, TextPlaces } from "./text_places.ts";

/** ALTER TABLE RENAME TO. */
export function renameTable(
  engine: Engine,
  tx: Transaction,
  table: Table,
  to: string,
  at: number,
): void {
  const { catalog } = engine;
  const taken = catalog.table(to) ?? catalog.view(to) ?? catalog.index(to);
  const [own, next] = [keyOfName(table.name), keyOfName(to)];
  if (taken !== undefined && next !== own) {
    refuse(`there is already another table or index with this name: ${to}`, at);
  }
  if (next.startsWith("sqlite_")) refuse(`object name reserved for internal use: ${to}`, at);
  const uses = usesBefore(engine, at);
  const isUse = (use: NameUse) => use.column === undefined && use.table === own;
  catalog.replace(tx, (stored) => {
    const offsets = offsetsIn(uses.get(idOf(stored)), isUse) ?? tablePlaces(stored, own);
    const sql = replaceAt(stored.sql, offsets, () => quotedName(to));
    if (stored.type === "view" || keyOfName(stored.table) !== own) return changed(stored, sql);
    const name = stored.type === "table" ? to : stored.name;
    return { ...stored, name, table: to, sql };
  });
  checkMeanings(engine, uses, (name) => name === next ? own : name, table.name, at);
  moveTrees(engine, table, to);
}

function moveTrees(engine: Engine, table: Table, to: string): void {
  const { isTemporary } = table;
  const trees = engine.treesOf(table.tree);
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

/** ALTER TABLE RENAME COLUMN. */
export function renameColumn(
  engine: Engine,
  tx: Transaction,
  table: Table,
  { from, to, isQuoted, at }: Alteration & { kind: "rename column" },
): void {
  const column = columnNamed(table.columns, from);
  if (column < 0) refuse(`no such column: "${from}"`, at);
  const other = columnNamed(table.columns, to);
  if (other >= 0 && other !== column) refuse(`duplicate column name: ${to}`, at);
  const uses = usesBefore(engine, at);
  const [own, key] = [keyOfName(table.name), keyOfName(from)];
  const isUse = (use: NameUse) => use.column === key && use.table === own;
  const written = ({ kind }: Token) => isQuoted || kind !== "word" ? quotedName(to) : to;
  engine.catalog.replace(tx, (stored) => {
    const found = offsetsIn(uses.get(idOf(stored)), isUse);
    const offsets = found ?? columnPlaces(stored, own, key);
    const sql = replaceAt(stored.sql, offsets, written);
    const isAsMeant = found !== undefined ||
      columnPlaces({ ...stored, sql }, own, keyOfName(to)).size === offsets.size;
    if (!isAsMeant) refuse(`cannot rename ${from}: ${stored.name} would mean something else`, at);
    return changed(stored, sql);
  });
  checkMeanings(engine, uses, (name) => name, from, at);
}

function changed(stored: StoredObject, sql: string): StoredObject {
  return sql === stored.sql ? stored : { ...stored, sql };
}

/** The names of a view or trigger, by its identity in the schema. */
type UsesById = ReadonlyMap<string, NameUses>;

function idOf({ type, name }: StoredObject): string {
  return `${type} ${keyOfName(name)}`;
}

/** The names of all views and triggers, as they are before a rename. */
function usesBefore(engine: Engine, at: number): UsesById {
  return usesIn(engine, (name) => name, "", at);
}

function usesIn(
  { catalog }: Engine,
  identity: (name: string) => string,
  when: string,
  at: number,
): UsesById {
  const schema = { catalog, identity, views: new Map() };
  const found = new Map<string, NameUses>();
  for (const stored of [...catalog.stored(), ...catalog.temporary]) {
    const { type, name, sql } = stored;
    if (type !== "view" && type !== "trigger") continue;
    try {
      found.set(idOf(stored), nameUsesIn(schema, sql));
    } catch (error) {
      if (!(error instanceof PlacedError) && !(error instanceof SqlError)) throw error;
      refuse(`error in ${type} ${name}${when}: ${error.message}`, at);
    }
  }
  return found;
}

/** Checks that the names of views and triggers mean what they meant before. */
function checkMeanings(
  engine: Engine,
  before: UsesById,
  identity: (name: string) => string,
  renamed: string,
  at: number,
): void {
  for (const [id, { meanings }] of usesIn(engine, identity, " after rename", at)) {
    const meant = before.get(id)!.meanings;
    const isSame = meant.length === meanings.length &&
      meant.every((each, i) => each === meanings[i]);
    if (!isSame) refuse(`cannot rename ${renamed}: ${id} would mean something else`, at);
  }
}

/** The offsets of names for which a condition holds; undefined if the names are not known. */
function offsetsIn(
  names: NameUses | undefined,
  isUse: (use: NameUse) => boolean,
): ReadonlySet<number> | undefined {
  return names && new Set(names.uses.filter(isUse).map(({ at }) => at));
}

/** Whether a token is a name, which is given in lower case. */
function isNameToken({ kind, text }: Token, name: string): boolean {
  return ["word", "quoted", "string"].includes(kind) && keyOfName(text) === name;
}

function isWord(token: Token | undefined, ...words: string[]): boolean {
  return token?.kind === "word" && words.includes(token.text);
}

function isSign(token: Token | undefined, sign: string): boolean {
  return token?.kind === "sign" && token.text === sign;
}

/** Where the statement of a table or index names a table. */
function tablePlaces({ type, sql }: StoredObject, name: string): ReadonlySet<number> {
  const tokens = tokensOf(sql);
  // In a table, ON begins an action, such as ON CONFLICT.
  const words = type === "index" ? ["ON"] : ["TABLE", "REFERENCES"];
  const found = tokens.filter((token, i) =>
    isNameToken(token, name) &&
    (isWord(tokens[i - 1], ...words) || isSign(tokens[i + 1], "."))
  );
  return new Set(found.map(({ start }) => start));
}

/** Where the statement of a table or index names a column of a table. */
function columnPlaces(stored: StoredObject, table: string, column: string): ReadonlySet<number> {
  const tokens = tokensOf(stored.sql);
  const isOwn = keyOfName(stored.table) === table;
  const found = new Set(
    tokens.filter((token, i) => isNameToken(token, column) && isInKey(tokens, i, table, isOwn)).map(
      ({ start }) => start,
    ),
  );
  if (!isOwn) return found;
  const statement = parseOne(stored.sql) as CreateTable | CreateIndex;
  const isTable = statement.kind === "create table";
  for (const { name, at } of isTable ? statement.columns : []) {
    if (keyOfName(name) === column) found.add(at);
  }
  const places = new TextPlaces(stored.sql);
  for (const expr of exprsOf(statement)) {
    walk(expr, (part) => {
      if (part.kind !== "name" || keyOfName(part.column) !== column) return true;
      found.add(places.path(part.at).at(-1)!);
      return true;
    });
  }
  return found;
}

/** The expressions of a table or index that name its columns. */
function exprsOf(statement: CreateTable | CreateIndex): Expr[] {
  if (statement.kind === "create index") {
    const { columns, where } = statement;
    return [...columns.map(({ expr }) => expr), ...(where === undefined ? [] : [where])];
  }
  const { columns, keys, checks } = statement;
  return [
    ...columns.flatMap(({ generated }) => generated === undefined ? [] : [generated.expr]),
    // A key of one column has the place of its constraint, and does not name the column.
    ...keys.flatMap((key) => key.columns.filter(({ at }) => at > key.at).map(({ expr }) => expr)),
    ...checks.map(({ expr }) => expr),
  ];
}

/** Whether a token is in a list of FOREIGN KEY, or of REFERENCES, that has columns of a table. */
function isInKey(tokens: readonly Token[], index: number, table: string, isOwn: boolean): boolean {
  for (let i = index - 1; i >= 2; i--) {
    if (isSign(tokens[i], ")")) return false;
    if (!isSign(tokens[i], "(")) continue;
    if (isWord(tokens[i - 1], "KEY") && isWord(tokens[i - 2], "FOREIGN")) return isOwn;
    return isWord(tokens[i - 2], "REFERENCES") && isNameToken(tokens[i - 1]!, table);
  }
  return false;
}
