/**
 * GROUP BY and aggregates: collects rows in groups, and visits the groups.
 */

import type { Label } from "../expression/builder.ts";
import { isAggregate } from "../expression/call.ts";
import { emitColumn, storedColumn } from "../expression/column.ts";
import type { Context } from "../expression/context.ts";
import { isSame } from "../expression/grouped.ts";
import { argumentKind } from "../expression/json_argument.ts";
import { collationIn, collationOfFirst, columnIn } from "../expression/rules.ts";
import {
  type Grouping,
  hasRowid,
  meaningOf,
  type Resolved,
  ROWID,
  type Scope,
  walkIn,
} from "../expression/scope.ts";
import { type AggregateState, distinct } from "../function/aggregate.ts";
import { AGGREGATES } from "../function/functions.ts";
import type { Call, Expr } from "../parse/ast.ts";
import { isAlike } from "../parse/walk.ts";
import { OrderedState } from "../rows/ordered_state.ts";
import { columnNamed, isRowidName } from "../schema/types.ts";

/** The columns that expressions use outside of aggregates and keys, kept from one row a group. */
export function keptIn(
  exprs: readonly Expr[],
  keys: readonly Expr[],
  scope: Scope,
): Resolved[] {
  const found: Resolved[] = [];
  const keep = (column: Resolved | undefined) => {
    if (column === undefined || column.scope !== scope) return;
    if (!found.some((other) => isSame(other, column))) found.push(column);
  };
  const look = (expr: Expr, around: Scope) =>
    walkIn(expr, around, (part, isInQuery) => {
      if (isInQuery) {
        if (part.kind === "name") keepNamed(part.table, part.column, scope, keep);
        return true;
      }
      if (part.kind === "call" && (isAggregate(part) || part.over !== undefined)) return false;
      if (keys.some((key) => isAlike(part, key, (a, b) => sameIn(a, around, b, scope)))) {
        return false;
      }
      if (part.kind !== "name") return true;
      const meaning = meaningOf(part, around);
      if (meaning.kind === "alias") look(meaning.expr, meaning.scope);
      else if (meaning.kind === "column") {
        keep({ ...meaning.resolved, scope: base(meaning.resolved, scope) });
      }
      return false;
    });
  for (const expr of exprs) look(expr, scope);
  return found;
}

function sameIn(a: Expr, inA: Scope, b: Expr, inB: Scope): boolean {
  return isSame(columnIn(a, inA), columnIn(b, inB));
}

/** The scope itself if a column is of one of its sources. */
function base({ source, scope: found }: Resolved, scope: Scope): Scope {
  return scope.sources.includes(source) ? scope : found;
}

/** Keeps the columns that a name inside a query may refer to. */
function keepNamed(
  table: string | undefined,
  column: string,
  scope: Scope,
  keep: (column: Resolved) => void,
): void {
  for (const source of scope.sources) {
    if (table !== undefined && source.name.toLowerCase() !== table.toLowerCase()) continue;
    const index = columnNamed(source.columns, column);
    if (index >= 0) keep({ source, column: index, scope });
    else if (isRowidName(column) && hasRowid(source)) keep({ source, column: ROWID, scope });
  }
}

/** What is collected for each group. */
export interface Collected {
  readonly keys: readonly Expr[];
  readonly aggregates: readonly Call[];
  readonly kept: readonly Resolved[];
  readonly scope: Scope;
}

/**
 * Opens groups, and returns what names mean after grouping.
 *
 * @param isSorted Whether the rows come in the order of groups.
 */
export function openGroups(context: Context, collected: Collected, isSorted: boolean): Grouping {
  const { keys, aggregates, kept, scope } = collected;
  const { builder } = context;
  const cursor = builder.cursor();
  const collations = keys.map((key) => collationIn(key, scope));
  const states = aggregates.map((call) => stateOf(call, scope));
  // Without keys there is one group, even of no rows.
  const isInOrder = isSorted || keys.length === 0;
  builder.emit("OpenGroups", cursor, 0, 0, { collations, states, isSorted: isInOrder });
  if (keys.length === 0) {
    const next = builder.label();
    builder.emit("FindGroup", cursor, next, 0);
    builder.place(next);
  }
  return { cursor, keys, aggregates, kept, single: undefined, windows: undefined };
}

function stateOf(call: Call, scope: Scope): () => AggregateState {
  const { name, args, isDistinct } = call;
  const collation = collationOfFirst(args, scope);
  const { make } = AGGREGATES.get(name)!;
  const orderBy = orderOf(call);
  const isJson = args.map((arg) => argumentKind(arg, scope));
  const plain = () => make(collation, isJson);
  const terms = orderBy.map(({ expr, isDescending, nulls }) => ({
    collation: collationIn(expr, scope),
    isDescending,
    nullsLast: nulls === undefined ? isDescending : nulls === "last",
  }));
  const ordered = terms.length === 0 ? plain : () => new OrderedState(plain, args.length, terms);
  return isDistinct ? () => distinct(ordered(), collation) : ordered;
}

/** The order in which an aggregate takes its rows, if that can change the result. */
function orderOf({ name, orderBy }: Call): Call["orderBy"] {
  return ["count", "min", "max"].includes(name) ? [] : orderBy;
}

/** Emits the code that adds a row to its group. */
export function emitCollect(context: Context, collected: Collected, { cursor }: Grouping): void {
  const { keys, aggregates, kept, scope } = collected;
  const { builder } = context;
  const first = builder.registers(keys.length);
  keys.forEach((key, i) => context.value(key, scope, first + i));
  const known = builder.label();
  // Without keys the one group is current from the beginning.
  if (keys.length > 0) {
    builder.emit("FindGroup", cursor, known, first);
    emitKeep(context, collected, cursor);
  } else if (kept.length > 0) emitFirstOnly(context, collected, cursor, known);
  builder.place(known);
  aggregates.forEach((call, i) => emitAdd(context, call, scope, cursor, i));
  emitExtreme(context, collected, cursor);
}

/** Emits code that keeps the columns of the first row only, in the one group. */
function emitFirstOnly(
  context: Context,
  collected: Collected,
  cursor: number,
  known: Label,
): void {
  const { builder } = context;
  const { kept } = collected;
  const mark = builder.registers();
  builder.emit("GroupKept", cursor, kept.length, mark);
  builder.emit("NotNull", mark, known);
  emitKeep(context, collected, cursor);
  builder.emit("KeepInGroup", cursor, kept.length, builder.constant(1));
}

function emitKeep(context: Context, { kept, scope }: Collected, cursor: number): void {
  kept.forEach(({ source, column }, i) => {
    const register = context.builder.registers();
    emitColumn(context, { source, column, scope }, register);
    context.builder.emit("KeepInGroup", cursor, i, register);
  });
}

function emitAdd(context: Context, call: Call, scope: Scope, cursor: number, index: number): void {
  const { builder } = context;
  const skip = builder.label();
  if (call.filter !== undefined) context.jump(call.filter, scope, skip, false, true);
  const args = [...call.args, ...orderOf(call).map(({ expr }) => expr)];
  const [only, ...others] = args;
  const stored = only === undefined || others.length > 0
    ? undefined
    : storedColumn(context, only, scope);
  if (stored !== undefined) {
    builder.emit("AccumulateColumn", cursor, index, stored.cursor, stored.column, call.name);
  } else {
    const first = builder.registers(args.length);
    args.forEach((arg, i) => context.value(arg, scope, first + i));
    builder.emit("Accumulate", cursor, index, first, args.length, call.name);
  }
  builder.place(skip);
}

/** With a single MIN or MAX, the kept columns come from the row that has it. */
function emitExtreme(context: Context, collected: Collected, cursor: number): void {
  const extremes = collected.aggregates.filter(({ name }) => name === "min" || name === "max");
  if (extremes.length !== 1 || collected.kept.length === 0) return;
  const { builder } = context;
  const skip = builder.label();
  const index = collected.aggregates.indexOf(extremes[0]!);
  builder.emit("UnlessTaken", cursor, skip, index);
  emitKeep(context, collected, cursor);
  builder.place(skip);
}

/** Emits a loop over the groups. */
export function emitGroups(context: Context, { cursor }: Grouping, body: (next: Label) => void) {
  const { builder } = context;
  const [top, next, end] = [builder.label(), builder.label(), builder.label()];
  builder.emit("FirstGroup", cursor, end);
  builder.place(top);
  body(next);
  builder.place(next);
  builder.emit("NextGroup", cursor, top);
  builder.place(end);
}
