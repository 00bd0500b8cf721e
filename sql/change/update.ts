/**
 * Compiles UPDATE and DELETE: a first pass finds the rows, a second one changes them, so that no
 * row is met twice.
 */

import type { Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import type { CommonTables, Scope } from "../expression/scope.ts";
import type { Expr, FromItem } from "../parse/ast.ts";
import { NO_FROM } from "../parse/expression_parser.ts";
import type { Delete, Update } from "../parse/statement_ast.ts";
import { hasQuery } from "../parse/walk.ts";
import type { Access } from "../plan/access.ts";
import { hasWithin } from "../plan/key_access.ts";
import { conjunctsOf } from "../plan/loop.ts";
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
import { loadRow, RowWriter } from "./row_writer.ts";
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
  const returning = new Returning(context, update.returning);
  const action = context.override ?? update.action;
  const writer = new RowWriter(context, table, action);
  const name = update.alias ?? table.name;
  const common = withCommon(new Map(), update.with);
  const exprs = [...assigned.values()];
  // With FROM, the new values come from the joined rows.
  const early = update.from.length > 0 ? exprs : [];
  const isMixed = update.from.length > 0 || update.where !== undefined && hasQuery(update.where) ||
    updateTriggers(context, table, assigned, action).has() || table.foreignKeys.length > 0 ||
    !hasNoChildren(context, table);
  const order = { isMixed, isSet: (column: number) => assigned.has(column) };
  const { list, isOne } = emitFind(context, table, update, common, early, order);
  emitEach(context, table, list, name, (cursor, key, skip) => {
    const old = cursorSource(table, cursor, name);
    const row = loadRow(context, table, old);
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
  });
  const columns = returning.emit(scopeOf(cursorSource(table, list, name)));
  const isAlone = isOne && changesAlone(context, table, action) &&
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
  const returning = new Returning(context, statement.returning);
  const writer = new RowWriter(context, table, "abort");
  const name = statement.alias ?? table.name;
  const common = withCommon(new Map(), statement.with);
  const { list, isOne } = emitFind(context, table, { ...statement, from: [] }, common, []);
  emitEach(context, table, list, name, (cursor, key, skip) => {
    const old = cursorSource(table, cursor, name);
    triggers.run("before", old, undefined, skip);
    if (triggers.has("before")) builder.emit("SeekKey", cursor, skip, key);
    returning.add(scopeOf(old));
    writer.delete(old, key);
    builder.emit("Changed");
    triggers.run("after", old, undefined, skip);
  });
  const columns = returning.emit(scopeOf(cursorSource(table, list, name)));
  const isAlone = isOne && changesAlone(context, table, "abort") && !triggers.has() &&
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

/** What the first pass looks for. */
interface Search {
  readonly at: number;
  readonly alias: string | undefined;
  readonly from: readonly FromItem[];
  readonly where: Expr | undefined;
}

/**
 * Emits the first pass: a list of keys, each with the values of some expressions. Returns the list,
 * and whether it has one key at most.
 */
function emitFind(
  context: Context,
  table: Table,
  search: Search,
  common: CommonTables,
  exprs: readonly Expr[],
  order?: UpdateOrder,
): { list: number; isOne: boolean } {
  const { builder } = context;
  const { planned, terms, scope } = planSearch(context, table, search, common, exprs);
  const [list, seen] = [builder.cursor(), builder.cursor()];
  const sorts = order !== undefined && isByKey(table, planned, order);
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
    if (search.from.length > 0) builder.emit("AddUnique", seen, next, row);
    builder.emit(sorts ? "AddSorted" : "AddRow", list, row, 1 + exprs.length);
  });
  if (sorts) builder.emit("Sort", list);
  return { list, isOne: planned.length === 1 && isOneKey(planned[0]!.access, table) };
}

/** Plans the loops of a search, with the table that changes as the first source of the scope. */
function planSearch(
  context: Context,
  table: Table,
  { at, alias, from, where }: Search,
  common: CommonTables,
  exprs: readonly Expr[],
) {
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

/** Whether an access path finds at most one row. */
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
