/**
 * IN: whether a value is among those of a list or of a query. The values of a query, and those of a
 * longer list of constants, are kept in a set, which a loop over a table may also go through.
 */

import type { Expr, In, Query } from "../parse/ast.ts";
import type { Affinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { refuse } from "../value/error.ts";
import { type Context, emitOnce, type Prepared } from "./context.ts";
import { rowInList } from "./row_value.ts";
import {
  affinityIn,
  collationWith,
  comparisonWithValues,
  isConstant,
  sharedAffinity,
} from "./rules.ts";
import type { Scope, SourceColumn } from "./scope.ts";

/** The items of a list up to this length are compared one by one. */
const LIST_MAX = 3;

/** How IN compares a value with those on its right. */
export interface InComparison {
  readonly affinity: Affinity | undefined;
  readonly collation: Collation;
}

/** Emits the value of IN, and returns its register. */
export function emitIn(context: Context, expr: In, scope: Scope, target: number): number {
  const { operand, list, isNot } = expr;
  if (operand.kind === "row") emitInRows(context, expr, operand.items, scope, target);
  else if (list === undefined || (list.length > LIST_MAX && list.every(isConstant))) {
    const { set, affinity } = emitInSet(context, expr, scope);
    context.builder.emit("TestIn", set, context.value(operand, scope), target, affinity);
  } else emitInList(context, operand, list, scope, target);
  if (isNot) context.builder.emit("Not", target, target);
  return target;
}

/** How IN compares a value that is not a row. */
export function comparisonOfIn(context: Context, expr: In, scope: Scope): InComparison {
  const prepared = expr.query && preparedColumn(context, expr, expr.query, scope);
  return comparisonWith(context, expr, prepared, scope);
}

function comparisonWith(
  context: Context,
  { operand, query }: In,
  prepared: Prepared | undefined,
  scope: Scope,
): InComparison {
  if (prepared === undefined) {
    const { left: affinity, collation } = comparisonWithValues(context, operand, scope);
    return { affinity, collation };
  }
  const [column] = comparedColumns(context, query!, prepared, scope);
  const own = affinityIn(context, operand, scope);
  return {
    affinity: sharedAffinity(own, column!.affinity),
    collation: collationWith(operand, column!, scope),
  };
}

/** Emits the set of the values on the right of IN, whose operand is not a row. */
export function emitInSet(
  context: Context,
  expr: In,
  scope: Scope,
  isSorted = false,
): { set: number; affinity: Affinity | undefined } {
  const { builder } = context;
  const prepared = expr.query && preparedColumn(context, expr, expr.query, scope);
  const { affinity, collation } = comparisonWith(context, expr, prepared, scope);
  const set = builder.cursor();
  const add = (register: number) => addToSet(context, set, register, affinity);
  emitOnce(context, scope.level, () => {
    builder.emit("OpenSet", set, 0, 0, [collation]);
    prepared?.emit(add);
    for (const item of expr.list ?? []) add(context.value(item, scope));
    if (isSorted) builder.emit("Sort", set);
  });
  return { set, affinity };
}

function preparedColumn(context: Context, { at }: In, query: Query, scope: Scope): Prepared {
  const prepared = context.prepare(query, scope, scope.common);
  const { length } = prepared.columns;
  if (length !== 1) refuse(`sub-select returns ${length} columns - expected 1`, at);
  return prepared;
}

function addToSet(
  { builder }: Context,
  set: number,
  register: number,
  affinity: Affinity | undefined,
): void {
  const copy = builder.registers();
  builder.emit("Copy", register, copy);
  if (affinity !== undefined) builder.emit("Affinity", copy, 0, 0, affinity);
  const next = builder.label();
  builder.emit("AddUnique", set, next, copy);
  builder.place(next);
}

/** The columns whose affinities and collations apply on the right of IN: of the last SELECT. */
function comparedColumns(
  context: Context,
  query: Query,
  { columns }: Prepared,
  scope: Scope,
): readonly SourceColumn[] {
  const { body } = query;
  if (body.kind === "values" && body.rows.length > 1) {
    return columns.map((column) => ({ ...column, affinity: undefined }));
  }
  if (body.kind !== "compound") return columns;
  const last = { ...query, body: body.right, orderBy: [], limit: undefined, offset: undefined };
  return context.prepare(last, scope, scope.common).columns;
}

/** Emits whether a row is among the rows of a list or a query. */
function emitInRows(
  context: Context,
  expr: In,
  items: readonly Expr[],
  scope: Scope,
  target: number,
): void {
  const { query, list, at } = expr;
  const { builder } = context;
  if (query === undefined) return void context.value(rowInList(expr, list!), scope, target);
  const prepared = context.prepare(query, scope, scope.common);
  const count = prepared.columns.length;
  if (count !== items.length) {
    refuse(`sub-select returns ${count} columns - expected ${items.length}`, at);
  }
  const compared = comparedColumns(context, query, prepared, scope);
  const affinities = items.map((item, i) =>
    sharedAffinity(affinityIn(context, item, scope), compared[i]!.affinity)
  );
  const convert = (first: number) =>
    affinities.forEach((affinity, i) => {
      if (affinity !== undefined) builder.emit("Affinity", first + i, 0, 0, affinity);
    });
  const collations = items.map((item, i) => collationWith(item, compared[i]!, scope));
  const set = builder.cursor();
  emitOnce(context, scope.level, () => {
    builder.emit("OpenSet", set, 0, 0, collations);
    prepared.emit((first) => {
      const copy = builder.registers(count);
      for (let i = 0; i < count; i++) builder.emit("Copy", first + i, copy + i);
      convert(copy);
      const next = builder.label();
      builder.emit("AddUnique", set, next, copy);
      builder.place(next);
    });
  });
  const row = builder.registers(count);
  items.forEach((item, i) => context.value(item, scope, row + i));
  convert(row);
  builder.emit("TestRowIn", set, row, target);
}

/** Emits comparisons of a value with the items of a list, one by one. */
function emitInList(
  context: Context,
  operand: Expr,
  list: readonly Expr[],
  scope: Scope,
  target: number,
): void {
  const { builder } = context;
  const result = builder.registers();
  builder.emit("Value", result, 0, 0, 0);
  const comparison = comparisonWithValues(context, operand, scope);
  const value = list.length === 0 ? 0 : context.value(operand, scope);
  const equal = builder.registers();
  for (const item of list) {
    builder.emit("Eq", value, equal, context.value(item, scope), comparison);
    builder.emit("Or", result, equal, result);
  }
  builder.emit("Copy", result, target);
}
