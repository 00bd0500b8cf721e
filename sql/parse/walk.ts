/**
 * Walks over the expressions of a statement, and compares them.
 */

import { compare } from "../value/compare.ts";
import { classOf, type SqlValue } from "../value/value.ts";
import type { Body, Expr, FromItem, Query, Window } from "./ast.ts";

/** The expressions directly inside an expression, except those in queries. */
export function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "unary":
    case "cast":
    case "collate":
      return [expr.operand];
    case "binary":
      return [expr.left, expr.right];
    case "between":
      return [expr.operand, expr.low, expr.high];
    case "in":
      return [expr.operand, ...(expr.list ?? [])];
    case "like":
      return [expr.operand, expr.pattern, ...present(expr.escape)];
    case "case":
      return [...present(expr.operand), ...expr.whens.flat(), ...present(expr.otherwise)];
    case "call":
      return [
        ...expr.args,
        ...present(expr.filter),
        ...expr.orderBy.map(({ expr }) => expr),
        ...(expr.over === undefined ? [] : windowParts(expr.over)),
      ];
    case "row":
      return expr.items;
    case "raise":
      return present(expr.message);
    default:
      return [];
  }
}

/** The expressions of a window. */
export function windowParts({ partitionBy, orderBy, frame }: Window): Expr[] {
  const offsets = [frame?.start.offset, frame?.end.offset].flatMap(present);
  return [...partitionBy, ...orderBy.map(({ expr }) => expr), ...offsets];
}

function present(expr: Expr | undefined): Expr[] {
  return expr === undefined ? [] : [expr];
}

/** The query directly inside an expression. */
export function queryOf(expr: Expr): Query | undefined {
  return expr.kind === "exists" || expr.kind === "subquery" || expr.kind === "in"
    ? expr.query
    : undefined;
}

/**
 * Visits an expression and all expressions inside it, also in queries.
 *
 * @param visit Returns whether to visit what is inside.
 */
export function walk(
  expr: Expr,
  visit: (expr: Expr, isInQuery: boolean) => boolean,
  isInQuery = false,
): void {
  if (!visit(expr, isInQuery)) return;
  for (const part of partsOf(expr)) walk(part, visit, isInQuery);
  const query = queryOf(expr);
  if (query !== undefined) walkQuery(query, (inner) => walk(inner, visit, true));
}

/**
 * Visits the outermost expressions of a query, and of those in its WITH and FROM.
 *
 * @param enter Receives these queries, before their expressions.
 */
export function walkQuery(
  query: Query,
  visit: (expr: Expr) => void,
  enter: (query: Query) => void = () => {},
): void {
  enter(query);
  for (const common of query.with) walkQuery(common.query, visit, enter);
  walkBody(query.body, visit, enter);
  for (const { expr } of query.orderBy) visit(expr);
  for (const expr of [query.limit, query.offset]) if (expr !== undefined) visit(expr);
}

function walkBody(
  body: Body,
  visit: (expr: Expr) => void,
  enter: (query: Query) => void,
): void {
  if (body.kind === "compound") {
    walkBody(body.left, visit, enter);
    walkBody(body.right, visit, enter);
  } else if (body.kind === "values") {
    body.rows.forEach((row) => row.forEach(visit));
  } else {
    for (const column of body.columns) if (column.kind === "expr") visit(column.expr);
    body.from.forEach((item) => walkFrom(item, visit, enter));
    body.groupBy.forEach(visit);
    for (const window of body.windows.values()) windowParts(window).forEach(visit);
    for (const expr of [body.where, body.having]) if (expr !== undefined) visit(expr);
  }
}

function walkFrom(
  { query, args, on, items }: FromItem,
  visit: (expr: Expr) => void,
  enter: (query: Query) => void,
): void {
  items?.forEach((item) => walkFrom(item, visit, enter));
  if (query !== undefined) walkQuery(query, visit, enter);
  args?.forEach(visit);
  if (on !== undefined) visit(on);
}

/** Whether a query, or one inside it, reads what has a name in lower case, and no schema. */
export function mentionsTable(query: Query, name: string): boolean {
  return tablesIn(query, ({ hasSchema }) => !hasSchema).has(name);
}

/**
 * The names in lower case of all that a query, or one inside it, reads as a table.
 *
 * @param counts Returns whether an item of FROM counts.
 */
export function tablesIn(
  query: Query,
  counts: (item: FromItem) => boolean = () => true,
): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (item: FromItem) => {
    if (item.table !== undefined && counts(item)) names.add(item.table.toLowerCase());
  };
  const enter = ({ body }: Query) => eachItem(body, add);
  const visit = (expr: Expr): void => {
    partsOf(expr).forEach(visit);
    const inside = queryOf(expr);
    if (inside !== undefined) walkQuery(inside, visit, enter);
  };
  walkQuery(query, visit, enter);
  return names;
}

/** Visits the items of FROM in a body, and those in parentheses. */
function eachItem(body: Body, visit: (item: FromItem) => void): void {
  if (body.kind === "compound") {
    eachItem(body.left, visit);
    eachItem(body.right, visit);
  } else if (body.kind === "core") itemsOf(body.from).forEach(visit);
}

/** The items of FROM, including those in parentheses. */
export function itemsOf(from: readonly FromItem[]): FromItem[] {
  return from.flatMap((item) => item.items === undefined ? [item] : itemsOf(item.items));
}

/** Whether two expressions are written alike; `sameName` compares names. */
export function isAlike(a: Expr, b: Expr, sameName: (a: Expr, b: Expr) => boolean): boolean {
  if (a === b) return true;
  if (a.kind === "name" && b.kind === "name") return sameName(a, b);
  // Two window functions that are written alike may have different frames.
  if (a.kind === "call" && a.over !== undefined) return false;
  if (a.kind !== b.kind || queryOf(a) !== undefined || queryOf(b) !== undefined) return false;
  if (!sameFields(a, b)) return false;
  const [left, right] = [partsOf(a), partsOf(b)];
  return left.length === right.length &&
    left.every((part, i) => isAlike(part, right[i]!, sameName));
}

/** The fields of expressions that are not expressions themselves. */
const FIELDS = [
  "operator",
  "isNot",
  "type",
  "collation",
  "name",
  "isStar",
  "isDistinct",
  "number",
  "action",
];

function sameFields(a: Expr, b: Expr): boolean {
  if (a.kind === "literal" && b.kind === "literal") return isIdentical(a.value, b.value);
  const [x, y] = [a as unknown as Record<string, unknown>, b as unknown as Record<string, unknown>];
  return FIELDS.every((field) => x[field] === y[field]);
}

function isIdentical(a: SqlValue, b: SqlValue): boolean {
  return classOf(a) === classOf(b) && compare(a, b) === 0;
}

/** Whether a query is in an expression. */
export function hasQuery(expr: Expr): boolean {
  let found = false;
  walk(expr, (part) => !(found ||= queryOf(part) !== undefined));
  return found;
}
