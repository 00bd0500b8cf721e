/**
 * Row values: turns comparisons of rows into comparisons of their items, and the columns of a query
 * into items.
 */

import type { Between, BinaryOperator, Expr, In, Query } from "../parse/ast.ts";
import { NO_CORE, NO_FROM, NO_QUERY } from "../parse/expression_parser.ts";
import { refuse } from "../value/error.ts";

/** The name of the query inside `itemsOfQuery`, which no statement can write without quotes. */
const ROW = "row value";

/** The columns of a query of one row, each as a query of its own. */
export function itemsOfQuery(query: Query, count: number, at: number): Expr[] {
  const columns = Array.from({ length: count }, (_, i) => `column ${i + 1}`);
  return columns.map((name): Expr => {
    const column: Expr = { kind: "name", table: ROW, column: name, isQuoted: true, at };
    const body = {
      ...NO_CORE,
      at,
      columns: [{ kind: "expr", expr: column, alias: undefined, text: name, at } as const],
      from: [{ ...NO_FROM, at, table: ROW }],
    };
    const common = [{ name: ROW, columns, query, at }];
    return { kind: "subquery", query: { ...NO_QUERY, at, with: common, body }, at };
  });
}

/** The items of both sides of a comparison of rows, in pairs. */
export function rowPairs(left: Expr, right: Expr, at: number): (readonly [Expr, Expr])[] {
  const width = left.kind === "row"
    ? left.items.length
    : right.kind === "row"
    ? right.items.length
    : 0;
  const [a, b] = [left, right].map((side) =>
    side.kind === "row"
      ? side.items
      : side.kind === "subquery"
      ? itemsOfQuery(side.query, width, at)
      : []
  );
  if (a!.length !== b!.length) refuse("row value misused", at);
  return a!.map((item, i) => [item, b![i]!]);
}

/** A comparison of rows: equal in all items, or decided by the first items that differ. */
export function rowComparison(
  operator: BinaryOperator,
  pairs: readonly (readonly [Expr, Expr])[],
  at: number,
): Expr {
  const compared = (op: BinaryOperator, [left, right]: readonly [Expr, Expr]): Expr => ({
    kind: "binary",
    operator: op,
    left,
    right,
    at,
  });
  const joined = (op: "and" | "or", left: Expr, right: Expr): Expr => ({
    kind: "binary",
    operator: op,
    left,
    right,
    at,
  });
  const [first, ...rest] = pairs;
  if (rest.length === 0) return compared(operator, first!);
  const later = rowComparison(operator, rest, at);
  if (operator === "=" || operator === "is") {
    return joined("and", compared(operator, first!), later);
  }
  if (operator === "!=" || operator === "is not") {
    return joined("or", compared(operator, first!), later);
  }
  const strict = operator.startsWith("<") ? "<" : ">";
  const equal = joined("and", compared("=", first!), later);
  return joined("or", compared(strict, first!), equal);
}

/** BETWEEN of rows, as two comparisons. */
export function rowBetween({ operand, low, high, isNot, at }: Between): Expr {
  const above: Expr = { kind: "binary", operator: ">=", left: operand, right: low, at };
  const below: Expr = { kind: "binary", operator: "<=", left: operand, right: high, at };
  const both: Expr = { kind: "binary", operator: "and", left: above, right: below, at };
  return isNot ? { kind: "unary", operator: "not", operand: both, at } : both;
}

/** Whether a row is in a list of rows, as comparisons with each of them. */
export function rowInList({ operand, at }: In, list: readonly Expr[]): Expr {
  const none: Expr = { kind: "literal", value: 0, at };
  return list.reduce((found: Expr, item): Expr => {
    const equal: Expr = { kind: "binary", operator: "=", left: operand, right: item, at };
    return found === none
      ? equal
      : { kind: "binary", operator: "or", left: found, right: equal, at };
  }, none);
}
