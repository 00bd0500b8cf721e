/**
 * Compiles UPDATE and DELETE: a first pass finds the rows, a second one changes them, so that no
 * row is met twice. An UPDATE that changes neither the key by which it finds its rows nor anything
 * that it reads besides them changes each row where it finds it.
 */

import type { Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import type { CommonTables, Scope } from "../expression/scope.ts";
import type { Expr, FromItem } from "../parse/ast.ts";
import { NO_FROM } from "../parse/expression_parser.ts";
import type { ConflictAction, Delete, Update } from "../parse/statement_ast.ts";
import { hasQuery } from "../parse/walk.ts";
import type { Access } from "../plan/access.ts";
import { hasWithin } from "../plan/key_access.ts";
import { conjunctsOf, type Term } from "../plan/loop.ts";
import { planLoops, type Planned } from "../plan/order.ts";
import { markUsed } from "../query/columns.ts";
import { defaultsOf } from "../query/defaults.ts";
import { checkIndex, resolveFrom, termsOf, withCommon } from "../query/from.ts";
import { emitLoops } from "../query/loops.ts";
import { changedWith } from "../schema/generated.ts";
import type { Table } from "../schema/types.ts";
import { FORWARD } from "../vm/key_range.ts";
import { assignmentsOf, emitAssignments, emitRowidCheck } from "./assignments.ts";
import { hasNoChildren } from "./foreign_keys.ts";
import { cannotFail, Returning } from "./returning.ts";
import { isAffectedBy, loadRow, RowWriter } from "./row_writer.ts";
import {
  changeable,
  changesAlone,
  cursorSource,
  type Emitted,
  keyColumnsOf,
  rowSource,
  scopeOf,
} from "./target.ts";
import { RowTriggers, tableShape } from "./triggers.ts";
import { emitUpdatedRow, updateTriggers } from "./updated_row.ts";

/** Stands for a cursor where none is read. */
const NO_CURSOR = -1;
/** How rows are sorted by their keys. */
const BY_KEY = {
  terms: [{ collation: "BINARY", isDescending: false, nullsLast: false }],
  limit: undefined,
  offset: undefined,
} as const;

/** Compiles an UPDATE. */
export function compileUpdate(context: Context, update: Update): Emitted {
  const { builder } = context;
  const table = changeable(context, update.table, update.at);
  checkIndex(context, table, update);
  const assigned = assignmentsOf(table, update.set);
  const action = context.override ?? update.action;
  const writer = new RowWriter(context, table, action);
  const name = update.alias ?? table.name;
  const common = withCommon(new Map(), update.with);
  const returning = new Returning(context, update.returning, common);
  const exprs = [...assigned.values()];
  const isSet = (column: number) => assigned.has(column);
  // With FROM, the new values come from the joined rows.
  const early = update.from.length > 0 ? exprs : [];
  const isMixed = update.from.length > 0 || update.where !== undefined && hasQuery(update.where) ||
    updateTriggers(context, table, assigned, action).has() || table.foreignKeys.length > 0 ||
    !hasNoChildren(context, table) || mayReplace(table, isSet, action);
  const order = { isMixed, isSet };
  const isLean = !isMixed && update.returning.length === 0;
  const isNeeded = isLean ? neededToUpdate(table, order.isSet) : () => true;
  const found = planSearch(context, table, update, common, early);
  const change = (cursor: number, key: number, list: number, skip: Label) => {
    const old = cursorSource(table, cursor, name);
    const row = loadRow(context, table, old, isNeeded);
    if (early.length > 0) {
      [...assigned.keys()].forEach((column, i) =>
        builder.emit("RowColumn", list, i + 1, row.first + column)
      );
    } else {
      emitAssignments(context, assigned, { ...scopeOf(old), common, parent: context.outer }, row);
    }
    emitRowidCheck(context, table, assigned, row);
    const returned = scopeOf(rowSource(table, row, name));
    const updated = { table, old, row, key, assigned, writer, action, skip };
    emitUpdatedRow(context, updated, () => returning.add(returned));
  };
  const isPlain = action === undefined && update.returning.length === 0 && !exprs.some(hasQuery);
  if (isPlain && changesInPlace(table, found.planned, order)) {
    emitInPlace(context, found, (cursor, key, skip) => change(cursor, key, NO_CURSOR, skip));
  } else {
    const sorts = isByKey(table, found.planned, order);
    const list = emitFind(context, found, early, update.from.length > 0, sorts);
    emitEach(context, table, list, name, (cursor, key, skip) => change(cursor, key, list, skip));
  }
  const columns = returning.emit(scopeOf(cursorSource(table, NO_CURSOR, name)));
  const isAlone = isOneRow(found.planned, table) && changesAlone(context, table, action) &&
    update.returning.every(cannotFail) &&
    !updateTriggers(context, table, assigned, action).has();
  return { columns, writes: isAlone ? "one row" : "rows" };
}

/** Compiles a DELETE. */
export function compileDelete(context: Context, statement: Delete): Emitted {
  const { builder } = context;
  const table = changeable(context, statement.table, statement.at);
  checkIndex(context, table, statement);
  const triggers = new RowTriggers(context, table.name, tableShape(table), "delete", undefined);
  const isPlain = statement.where === undefined && statement.returning.length === 0 &&
    !triggers.has();
  if (isPlain && hasNoChildren(context, table)) {
    builder.emit("Clear", 1, 0, 0, table.tree, table.name);
    for (const index of table.indexes) builder.emit("Clear", 0, 0, 0, index.tree, index.name);
    return { columns: [], writes: "rows" };
  }
  const writer = new RowWriter(context, table, "abort");
  const name = statement.alias ?? table.name;
  const common = withCommon(new Map(), statement.with);
  const returning = new Returning(context, statement.returning, common);
  const found = planSearch(context, table, { ...statement, from: [] }, common, []);
  const list = emitFind(context, found, [], false, false);
  emitEach(context, table, list, name, (cursor, key, skip) => {
    const old = cursorSource(table, cursor, name);
    triggers.run("before", old, undefined, skip);
    if (triggers.has("before")) builder.emit("SeekKey", cursor, skip, key);
    writer.delete(old, key);
    builder.emit("Changed");
    returning.add(scopeOf(old));
    triggers.run("after", old, undefined, skip);
  });
  const columns = returning.emit(scopeOf(cursorSource(table, list, name)));
  const isAlone = isOneRow(found.planned, table) && changesAlone(context, table, "abort") &&
    !triggers.has() &&
    statement.returning.every(cannotFail);
  return { columns, writes: isAlone ? "one row" : "rows" };
}

/** What decides the order in which rows are updated. */
interface UpdateOrder {
  /** Whether the statement does more than update the rows that a condition on them finds. */
  readonly isMixed: boolean;
  /** Whether a column is set. */
  isSet(column: number): boolean;
}

/**
 * Whether rows are updated in the order of their keys, and not as they are found. The order decides
 * which row violates a constraint first, so the rule is SQLite's: rows are updated in the order of
 * an index only if nothing in the update can disturb it.
 */
function isByKey(table: Table, planned: readonly Planned[], { isMixed, isSet }: UpdateOrder) {
  const [only, ...others] = planned;
  if (others.length > 0) return true;
  const index = only?.access.kind === "key" ? only.access.index : undefined;
  if (index === undefined) return only?.access.kind === "hash";
  const isChanged = changedWith(table.columns, table.generated, isSet);
  return isMixed || keyColumnsOf(table).some(isChanged) ||
    index.parts.some(({ column }) => column < 0 || isChanged(column));
}

/**
 * Which columns of the old row the new one needs besides those that are copied: the parts of the
 * indexes whose entries change.
 */
function neededToUpdate(
  table: Table,
  isSet: (column: number) => boolean,
): (column: number) => boolean {
  const isChanged = changedWith(table.columns, table.generated, isSet);
  const affected = table.indexes.filter((index) => isAffectedBy(index, isChanged, false));
  const isOpen = table.checks.length > 0 || table.generated.length > 0 ||
    keyColumnsOf(table).some(isChanged) ||
    affected.some(({ where, parts }) =>
      where !== undefined || parts.some(({ column }) => column < 0)
    );
  return (column) =>
    isOpen || affected.some(({ parts }) => parts.some((part) => part.column === column));
}

/** What the first pass looks for. */
interface Search {
  readonly at: number;
  readonly alias: string | undefined;
  readonly from: readonly FromItem[];
  readonly where: Expr | undefined;
}

/**
 * Whether rows can be changed as they are found: nothing else changes, so no constraint replaces a
 * row, and what finds them does not.
 */
function changesInPlace(table: Table, planned: readonly Planned[], order: UpdateOrder): boolean {
  const [only, ...others] = planned;
  if (only === undefined || others.length > 0 || order.isMixed) return false;
  if (only.access.kind !== "scan" && only.access.kind !== "key") return false;
  const isChanged = changedWith(table.columns, table.generated, order.isSet);
  return !keyColumnsOf(table).some(isChanged) && !isByKey(table, planned, order);
}

/** Whether the entry of a changed row in an index may take the place of another row. */
function mayReplace(
  table: Table,
  isSet: (column: number) => boolean,
  action: ConflictAction | undefined,
): boolean {
  const isChanged = changedWith(table.columns, table.generated, isSet);
  return table.indexes.some((index) =>
    (action ?? index.conflict) === "replace" && isAffectedBy(index, isChanged, false)
  );
}

/** Emits a single pass, in which `change` gets each row under its cursor, with its key. */
function emitInPlace(
  context: Context,
  { planned, terms, scope }: Found,
  change: (cursor: number, key: number, skip: Label) => void,
): void {
  const { builder } = context;
  const moves = { ...FORWARD, copies: true };
  const nest = { planned, terms, scope, moves, orderIndex: undefined, needsRows: true };
  emitLoops(context, nest, (next) => {
    const { place } = scope.sources[0]!;
    if (place.kind !== "table") return;
    const key = builder.registers();
    builder.emit("KeyOf", place.cursor, key);
    change(place.cursor, key, next);
  });
}

/**
 * Emits the first pass: a list of keys, each with the values of some expressions. Returns the list.
 *
 * @param isJoin Whether a row may be found several times.
 * @param sorts Whether the list is sorted by the keys.
 */
function emitFind(
  context: Context,
  { planned, terms, scope }: Found,
  exprs: readonly Expr[],
  isJoin: boolean,
  sorts: boolean,
): number {
  const { builder } = context;
  const [list, seen] = [builder.cursor(), builder.cursor()];
  if (sorts) builder.emit("OpenSorter", list, 0, 0, BY_KEY, "rows to change");
  else builder.emit("OpenList", list, 0, 0, undefined, "rows to change");
  builder.emit("OpenSet", seen, 0, 0, ["BINARY"]);
  const nest = {
    planned,
    terms,
    scope,
    moves: FORWARD,
    orderIndex: undefined,
    needsRows: true,
  };
  emitLoops(context, nest, (next) => {
    const { place } = scope.sources[0]!;
    const row = builder.registers(1 + exprs.length);
    if (place.kind === "table") builder.emit("KeyOf", place.cursor, row);
    exprs.forEach((expr, i) => context.value(expr, scope, row + 1 + i));
    // A row that joins several others is changed once.
    if (isJoin) builder.emit("AddUnique", seen, next, row);
    builder.emit(sorts ? "AddSorted" : "AddRow", list, row, 1 + exprs.length);
  });
  if (sorts) builder.emit("Sort", list);
  return list;
}

/** The planned search for the rows of a statement. */
interface Found {
  readonly planned: readonly Planned[];
  readonly terms: readonly Term[];
  readonly scope: Scope;
}

/** Plans the loops of a search, with the table that changes as the first source of the scope. */
function planSearch(
  context: Context,
  table: Table,
  { at, alias, from, where }: Search,
  common: CommonTables,
  exprs: readonly Expr[],
): Found {
  const target = { ...NO_FROM, at, table: table.name, alias };
  // The table itself, even if a query of WITH has its name.
  const others = new Map(common);
  others.delete(table.name.toLowerCase());
  // A right join is among the other tables only, without the one that changes.
  const sides = from.some(({ join }) => join === "right" || join === "full");
  const joined = sides ? [{ ...NO_FROM, at, items: from }] : from;
  const found = resolveFrom(context, [target, ...joined], context.outer, others);
  const scope: Scope = { ...found.scope, common };
  const conditions = [
    ...found.conditions,
    ...(where === undefined ? [] : conjunctsOf(where)).map((expr) => ({ expr, scope, onOf: -1 })),
  ];
  const terms = termsOf(context, conditions, found.loops);
  for (const expr of exprs) markUsed(expr, scope);
  const loops = found.loops.map((loop, i) => i === 0 ? { ...loop, needsKey: true } : loop);
  return { planned: planLoops(context, loops, terms), terms, scope };
}

/** Whether a search finds at most one row. */
function isOneRow([only, ...others]: readonly Planned[], table: Table): boolean {
  return only !== undefined && others.length === 0 && isOneKey(only.access, table);
}

function isOneKey(access: Access, table: Table): boolean {
  if (access.kind !== "key" || access.index !== undefined || hasWithin(access.equal)) return false;
  return access.equal.length === (table.hasRowid ? 1 : table.primaryKey.length);
}

/** Emits the second pass: a cursor visits each row of the list that is still there. */
function emitEach(
  context: Context,
  table: Table,
  list: number,
  name: string,
  body: (cursor: number, key: number, skip: Label) => void,
): void {
  const { builder } = context;
  const cursor = builder.cursor();
  const [top, next, end] = [builder.label(), builder.label(), builder.label()];
  builder.emit("OpenTable", cursor, 0, 0, { table, defaults: defaultsOf(table) }, name);
  builder.emit("Rewind", list, end);
  builder.place(top);
  const key = builder.registers();
  builder.emit("RowColumn", list, 0, key);
  builder.emit("SeekKey", cursor, next, key);
  body(cursor, key, next);
  builder.place(next);
  builder.emit("NextRow", list, top);
  builder.place(end);
}
