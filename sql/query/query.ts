/**
 * Compiles queries: SELECT, VALUES, compounds of them, and recursive queries of WITH.
 *
 * The code of a row, the sink, is emitted once for each query: the parts of a compound share it as
 * a subroutine.
 */

import type { Label } from "../expression/builder.ts";
import { isAggregate } from "../expression/call.ts";
import { type Context, emitShared, type Prepared, type Sink } from "../expression/context.ts";
import { CLASSES } from "../expression/rules.ts";
import type {
  CommonBinding,
  CommonTables,
  Scope,
  Source,
  SourceColumn,
} from "../expression/scope.ts";
import type { Body, Compound, Expr, FromItem, Query, Values } from "../parse/ast.ts";
import { NO_QUERY } from "../parse/expression_parser.ts";
import { itemsOf, mentionsTable, walk } from "../parse/walk.ts";
import type { QueueTerm } from "../rows/sorted_queue.ts";
import { knownCollation } from "../schema/build.ts";
import { columnNamed } from "../schema/types.ts";
import { isNumericAffinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { refuse, unsupported } from "../value/error.ts";
import { describe } from "./columns.ts";
import { type Around, prepareCore } from "./core.ts";
import { withCommon } from "./from.ts";
import { emitLimit, type Limit, passLimit } from "./limit.ts";
import { checkNumber, numberOf, ordinal } from "./order_by.ts";

const NOTHING_AROUND: Around = { orderBy: [], limit: undefined, offset: undefined };

/** Resolves the names of a query. */
export function prepareQuery(
  context: Context,
  query: Query,
  parent: Scope | undefined,
  common: CommonTables,
): Prepared {
  const inside = withCommon(common, query.with);
  const { body } = query;
  if (body.kind === "core") return prepareCore(context, body, query, parent, inside);
  const prepared = prepareBody(context, body, parent, inside);
  if (query.orderBy.length === 0 && query.limit === undefined) return prepared;
  const scope = outerScope(parent, inside);
  return { ...prepared, emit: (sink) => emitAround(context, query, prepared, scope, sink) };
}

function outerScope(parent: Scope | undefined, common: CommonTables): Scope {
  const level = (parent?.level ?? 0) + 1;
  return { sources: [], parent, level, aliases: new Map(), common, grouping: undefined };
}

function prepareBody(
  context: Context,
  body: Body,
  parent: Scope | undefined,
  common: CommonTables,
): Prepared {
  switch (body.kind) {
    case "core":
      return prepareCore(context, body, NOTHING_AROUND, parent, common);
    case "values":
      return prepareValues(context, body, outerScope(parent, common));
    case "compound":
      return prepareCompound(context, body, parent, common);
  }
}

function prepareValues(context: Context, { rows }: Values, scope: Scope): Prepared {
  const outputs = rows[0]!.map((expr, i) => ({
    expr,
    name: `column${i + 1}`,
    alias: undefined,
  }));
  const isAlone = rows.length === 1;
  const columns = describe(context, outputs, scope)
    .map((column) => isAlone ? column : { ...column, isExplicit: false });
  return { columns, emit: (sink) => emitValues(context, rows, scope, sink) };
}

function emitValues(
  context: Context,
  rows: readonly (readonly Expr[])[],
  scope: Scope,
  sink: Sink,
): void {
  const count = rows[0]!.length;
  const first = context.builder.registers(count);
  const put = (row: readonly Expr[]) =>
    row.forEach((expr, i) => context.value(expr, scope, first + i));
  if (rows.length === 1) {
    put(rows[0]!);
    return sink(first, count);
  }
  emitShared(context, (call) => {
    for (const row of rows) {
      put(row);
      call();
    }
  }, () => sink(first, count));
}

function prepareCompound(
  context: Context,
  compound: Compound,
  parent: Scope | undefined,
  common: CommonTables,
): Prepared {
  const left = prepareBody(context, compound.left, parent, common);
  const right = prepareBody(context, compound.right, parent, common);
  const { operator, at } = compound;
  if (left.columns.length !== right.columns.length) {
    const name = operator.toUpperCase();
    refuse(
      `SELECTs to the left and right of ${name} do not have the same number of result columns`,
      at,
    );
  }
  const columns = left.columns.map((column, i) => eitherColumn(column, right.columns[i]!));
  const emit = (sink: Sink) => {
    if (operator === "union all") emitAll(context, left, right, sink);
    else emitSets(context, operator, left, right, columns, sink);
  };
  const columnOf = (expr: Expr) => {
    const column = left.columnOf?.(expr) ?? -1;
    return column >= 0 ? column : right.columnOf?.(expr) ?? -1;
  };
  return { columns, emit, columnOf };
}

/** A column with the values of two; it converts none if these may be of different classes. */
function eitherColumn(left: SourceColumn, right: SourceColumn): SourceColumn {
  const affinity = left.affinity ?? right.affinity;
  const classes = left.classes! | right.classes!;
  const isMixed = affinity === "TEXT"
    ? (classes & CLASSES.number) !== 0
    : isNumericAffinity(affinity) && (classes & CLASSES.text) !== 0;
  return { ...left, affinity: isMixed ? "BLOB" : affinity, classes };
}

function emitAll(context: Context, left: Prepared, right: Prepared, sink: Sink): void {
  const { builder } = context;
  const count = left.columns.length;
  const row = builder.registers(count);
  emitShared(context, (call) => {
    for (const part of [left, right]) {
      part.emit((first) => {
        for (let i = 0; i < count; i++) builder.emit("Copy", first + i, row + i);
        call();
      });
    }
  }, () => sink(row, count));
}

/** Emits UNION, INTERSECT and EXCEPT, whose rows come sorted. */
function emitSets(
  context: Context,
  operator: "union" | "intersect" | "except",
  left: Prepared,
  right: Prepared,
  columns: readonly SourceColumn[],
  sink: Sink,
): void {
  const { builder } = context;
  const collations = columns.map(({ collation }) => collation);
  const [set, found] = [builder.cursor(), builder.cursor()];
  builder.emit("OpenSet", set, 0, 0, collations, operator.toUpperCase());
  const add = (to: number) => (first: number) => {
    const next = builder.label();
    builder.emit("AddUnique", to, next, first);
    builder.place(next);
  };
  left.emit(add(set));
  if (operator === "union") right.emit(add(set));
  else if (operator === "except") right.emit((first) => builder.emit("RemoveRow", set, 0, first));
  else {
    builder.emit("OpenSet", found, 0, 0, collations, "INTERSECT");
    right.emit((first) => {
      const next = builder.label();
      builder.emit("UnlessIn", set, next, first);
      builder.emit("AddUnique", found, next, first);
      builder.place(next);
    });
  }
  emitRows(context, operator === "intersect" ? found : set, columns.length, true, sink);
}

/** Emits the rows of a list. */
function emitRows(context: Context, list: number, count: number, sorts: boolean, sink: Sink) {
  const { builder } = context;
  const [top, end] = [builder.label(), builder.label()];
  if (sorts) builder.emit("Sort", list);
  builder.emit("Rewind", list, end);
  builder.place(top);
  const first = builder.registers(count);
  for (let i = 0; i < count; i++) builder.emit("RowColumn", list, i, first + i);
  sink(first, count);
  builder.emit("NextRow", list, top);
  builder.place(end);
}

/** Emits ORDER BY and LIMIT of a query that is not a single SELECT. */
function emitAround(
  context: Context,
  query: Query,
  prepared: Prepared,
  scope: Scope,
  sink: Sink,
): void {
  const { builder } = context;
  const { columns } = prepared;
  const end = builder.label();
  const limit = emitLimit(context, query, scope, end);
  if (query.orderBy.length > 0) emitOrdered(context, query, prepared, limit, end, sink);
  else {
    prepared.emit((first) => {
      const next = builder.label();
      passLimit(context, limit, next, end, () => sink(first, columns.length));
      builder.place(next);
    });
  }
  builder.place(end);
}

/** Emits the sorted rows of a query that `limit` lets pass. */
function emitOrdered(
  context: Context,
  query: Query,
  prepared: Prepared,
  limit: Limit,
  end: Label,
  sink: Sink,
): void {
  const { builder } = context;
  const { columns } = prepared;
  const count = columns.length;
  const terms = compoundTerms(query, prepared);
  const sorter = builder.cursor();
  const sortTerms = terms.map(({ sort }) => sort);
  builder.emit("OpenSorter", sorter, 0, 0, { terms: sortTerms, ...limit }, "ORDER BY");
  const keys = terms.length;
  prepared.emit((first) => {
    const row = builder.registers(keys + count);
    terms.forEach(({ column }, i) => builder.emit("Copy", first + column, row + i));
    for (let i = 0; i < count; i++) builder.emit("Copy", first + i, row + keys + i);
    builder.emit("AddSorted", sorter, row, keys + count);
  });
  const [top, next, done] = [builder.label(), builder.label(), builder.label()];
  builder.emit("Sort", sorter);
  builder.emit("Rewind", sorter, done);
  builder.place(top);
  const first = builder.registers(count);
  for (let i = 0; i < count; i++) builder.emit("RowColumn", sorter, keys + i, first + i);
  passLimit(context, limit, next, end, () => sink(first, count));
  builder.place(next);
  builder.emit("NextRow", sorter, top);
  builder.place(done);
}

/** The columns to which the terms of a compound's ORDER BY refer. */
function compoundTerms({ orderBy }: Query, prepared: Prepared): QueueTerm[] {
  return orderBy.map(({ expr, isDescending, nulls }, i) => {
    const { column, collation } = compoundTerm(expr, i, prepared);
    const nullsLast = nulls === undefined ? isDescending : nulls === "last";
    return { column, sort: { collation, isDescending, nullsLast } };
  });
}

/** The column to which a term of a compound's ORDER BY refers. */
function compoundTerm(
  expr: Expr,
  term: number,
  prepared: Prepared,
): { column: number; collation: Collation } {
  if (expr.kind === "collate") {
    const { column } = compoundTerm(expr.operand, term, prepared);
    return { column, collation: knownCollation(expr.collation, expr.at) };
  }
  const { columns } = prepared;
  const number = numberOf(expr);
  if (number !== undefined) checkNumber("ORDER BY", number, term, columns.length, expr.at);
  let column = number === undefined ? -1 : number - 1;
  if (expr.kind === "name") column = columnNamed(columns, expr.column);
  if (column < 0) column = prepared.columnOf?.(expr) ?? -1;
  if (column >= 0) return { column, collation: columns[column]!.collation };
  return refuse(
    `${ordinal(term)} ORDER BY term does not match any column in the result set`,
    expr.at,
  );
}

/** Resolves a recursive query of WITH; `name` refers to it inside its own recursive part. */
export function prepareRecursive(
  context: Context,
  name: string,
  bound: CommonBinding,
  { common: around, parent }: Scope,
): Prepared {
  const { query, columns: names } = bound;
  const { operator, first: given, parts, at } = recursionOf(query, name);
  const common = new Map(withCommon(around, query.with));
  common.delete(name);
  const start = prepareBody(context, given, parent, common);
  if (names !== undefined && names.length !== start.columns.length) {
    refuse(`table ${name} has ${start.columns.length} values for ${names.length} columns`, at);
  }
  const columns = start.columns.map((column, i) => ({
    ...column,
    name: names?.[i] ?? column.name,
  }));
  const emit = (sink: Sink) => {
    const first = context.builder.registers(columns.length);
    const place = { kind: "registers", first } as const;
    const current: Source = { name, columns, place, hidden: new Set(), used: new Set() };
    const inner = new Map(common).set(name, { ...bound, current });
    const next = parts.map((part) => prepareBody(context, part, parent, inner));
    if (next.some((part) => part.columns.length !== columns.length)) {
      refuse(
        "SELECTs to the left and right of UNION do not have the same number of result columns",
        at,
      );
    }
    const scope = outerScope(parent, common);
    const recursion = { start, next, first, columns, isUnique: operator === "union" };
    emitRecursive(context, query, recursion, scope, sink);
  };
  return { columns, emit };
}

/** A recursive query: its first rows, and the parts that make rows of each row. */
interface Recursion {
  readonly operator: "union" | "union all";
  readonly first: Body;
  readonly parts: readonly Body[];
  readonly at: number;
}

/** The first rows and the recursive parts of a recursive query, whose form it checks. */
function recursionOf(query: Query, name: string): Recursion {
  const isInside = (body: Body) => mentionsTable({ ...query, body, with: [] }, name);
  const { operator, at } = query.body as Compound;
  const parts: Body[] = [];
  let first = query.body;
  // The recursive parts are the last ones, all joined alike.
  while (first.kind === "compound" && first.operator === operator && isInside(first.right)) {
    parts.unshift(first.right);
    first = first.left;
  }
  const isUnion = operator === "union" || operator === "union all";
  if (!isUnion || parts.length === 0 || isInside(first)) {
    return refuse(`circular reference: ${name}`, at);
  }
  for (const part of parts) checkRecursion(part, name);
  return { operator, first, parts, at };
}

/**
 * Refuses a recursive part that needs more of its table than the current row: it must read the
 * table once, not inside a subquery, and must not aggregate rows.
 */
function checkRecursion(part: Body, name: string): void {
  if (part.kind !== "core") return refuse(`circular reference: ${name}`, part.at);
  const [item, second] = itemsOf(part.from)
    .filter(({ table, hasSchema }) => !hasSchema && table?.toLowerCase() === name);
  if (item === undefined) return refuse(`circular reference: ${name}`, part.at);
  if (second !== undefined) refuse(`multiple references to recursive table: ${name}`, second.at);
  const body = { ...part, from: withoutItem(part.from, item) };
  if (mentionsTable({ ...NO_QUERY, body, at: part.at }, name)) {
    refuse(`multiple recursive references: ${name}`, part.at);
  }
  if (item.join === "left") unsupported("a recursive table on the right of LEFT JOIN is", item.at);
  const results = part.columns.flatMap((column) => column.kind === "expr" ? [column.expr] : []);
  if (part.groupBy.length > 0 || part.having !== undefined || results.some(aggregatesRows)) {
    refuse("aggregates and window functions are not supported in recursive queries", part.at);
  }
}

function withoutItem(from: readonly FromItem[], without: FromItem): FromItem[] {
  return from.filter((item) => item !== without).map((item) =>
    item.items === undefined ? item : { ...item, items: withoutItem(item.items, without) }
  );
}

/** Whether an expression aggregates rows. */
function aggregatesRows(expr: Expr): boolean {
  let takes = false;
  walk(expr, (part, isInQuery) => {
    takes ||= !isInQuery && part.kind === "call" && (isAggregate(part) || part.over !== undefined);
    return !takes && !isInQuery;
  });
  return takes;
}

interface RecursiveParts {
  readonly start: Prepared;
  readonly next: readonly Prepared[];
  /** The registers of the current row. */
  readonly first: number;
  readonly columns: readonly SourceColumn[];
  readonly isUnique: boolean;
}

function emitRecursive(
  context: Context,
  query: Query,
  { start, next, first, columns, isUnique }: RecursiveParts,
  scope: Scope,
  sink: Sink,
): void {
  const { builder } = context;
  const [queue, set] = [builder.cursor(), builder.cursor()];
  const [top, past, end] = [builder.label(), builder.label(), builder.label()];
  const limit = emitLimit(context, query, scope, end);
  if (query.orderBy.length === 0) builder.emit("OpenList", queue, 0, 0, undefined, "queue");
  else builder.emit("OpenQueue", queue, 0, 0, compoundTerms(query, start), "ORDER BY");
  if (isUnique) builder.emit("OpenSet", set, 0, 0, columns.map(({ collation }) => collation));
  const add = (row: number, count: number) => {
    const known = builder.label();
    if (isUnique) builder.emit("AddUnique", set, known, row);
    builder.emit("AddRow", queue, row, count);
    builder.place(known);
  };
  start.emit(add);
  builder.place(top);
  builder.emit("PopRow", queue, end);
  columns.forEach((_, i) => builder.emit("RowColumn", queue, i, first + i));
  passLimit(context, limit, past, end, () => sink(first, columns.length));
  builder.place(past);
  for (const part of next) part.emit(add);
  builder.emit("Goto", 0, top);
  builder.place(end);
}
