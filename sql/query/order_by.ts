/**
 * The terms of ORDER BY: what they refer to, and whether the loops meet them already.
 */

import { isSame } from "../expression/grouped.ts";
import { collationIn, collationOfFirst, columnIn } from "../expression/rules.ts";
import { ROWID, type Scope } from "../expression/scope.ts";
import type { Expr, OrderTerm } from "../parse/ast.ts";
import { isAlike } from "../parse/walk.ts";
import { hasWithin } from "../plan/access.ts";
import { baseColumn } from "../plan/loop.ts";
import type { Planned } from "../plan/order.ts";
import type { SortTerm } from "../rows/sorter.ts";
import { type Index, keyOfName, type Table } from "../schema/types.ts";
import { refuse } from "../value/error.ts";
import type { Output } from "./columns.ts";

/** A term of ORDER BY: a column of the result, or another expression. */
export interface Ordering {
  /** The column of the result; -1 for others. */
  readonly output: number;
  readonly expr: Expr;
  readonly isDescending: boolean;
  readonly nullsLast: boolean;
}

/** Resolves the terms of ORDER BY: by number, by alias, or by expression. */
export function orderings(
  terms: readonly OrderTerm[],
  outputs: readonly Output[],
  scope: Scope,
): Ordering[] {
  return terms.map((term, i) => {
    const { expr, isDescending, nulls } = term;
    const output = outputOf(expr, i, outputs, scope);
    const found = output < 0 ? expr : withCollation(outputs[output]!.expr, expr);
    const nullsLast = nulls === undefined ? isDescending : nulls === "last";
    return { output, expr: found, isDescending, nullsLast };
  });
}

/** `ORDER BY 1 COLLATE NOCASE` is the column with another collation. */
function withCollation(output: Expr, written: Expr): Expr {
  return written.kind === "collate" ? { ...written, operand: output } : output;
}

function outputOf(expr: Expr, term: number, outputs: readonly Output[], scope: Scope): number {
  if (expr.kind === "collate") return outputOf(expr.operand, term, outputs, scope);
  if (expr.kind === "literal" && typeof expr.value === "number") {
    if (expr.value >= 1 && expr.value <= outputs.length) return expr.value - 1;
    const place = `${term + 1}${["st", "nd", "rd"][term] ?? "th"}`;
    refuse(
      `${place} ORDER BY term out of range - should be between 1 and ${outputs.length}`,
      expr.at,
    );
  }
  if (expr.kind === "name" && expr.table === undefined) {
    const key = keyOfName(expr.column);
    const alias = outputs.findIndex((output) =>
      output.alias !== undefined && keyOfName(output.alias) === key
    );
    if (alias >= 0) return alias;
  }
  return outputs.findIndex((output) =>
    isAlike(expr, output.expr, (a, b) => isSame(columnIn(a, scope), columnIn(b, scope)))
  );
}

/** How a sorter compares the terms. */
export function sortTerms(terms: readonly Ordering[], scope: Scope): SortTerm[] {
  return terms.map(({ expr, isDescending, nullsLast }) => ({
    collation: collationOfFirst([expr], scope),
    isDescending,
    nullsLast,
  }));
}

/** How the first loop must move to find its rows in the requested order. */
export interface LoopOrder {
  readonly isReverse: boolean;
  /** The index to scan, if the loop is a scan of the table otherwise. */
  readonly index: Index | undefined;
}

/**
 * How the first loop can move in an order; undefined if it cannot.
 *
 * @param mayScanIndex Whether it may scan an index instead of the table.
 */
export function loopOrder(
  planned: readonly Planned[],
  terms: readonly Ordering[],
  scope: Scope,
  mayScanIndex: boolean,
): LoopOrder | undefined {
  const [first] = planned;
  if (first === undefined || first.loop.isLeft) return undefined;
  const { place } = first.loop.source;
  if (place.kind !== "table" || first.access.kind === "hash") return undefined;
  const { table } = place;
  if (first.access.kind === "key") {
    const { index, equal } = first.access;
    if (hasWithin(equal)) return undefined;
    const parts = partsOf(table, index);
    const isReverse = directionOf(planned, terms, scope, parts, equal.length);
    return isReverse === undefined ? undefined : { isReverse, index: undefined };
  }
  const own = directionOf(planned, terms, scope, partsOf(table, undefined), 0);
  if (own !== undefined) return { isReverse: own, index: undefined };
  if (!mayScanIndex) return undefined;
  for (const index of table.indexes) {
    if (index.where !== undefined) continue;
    const isReverse = directionOf(planned, terms, scope, partsOf(table, index), 0);
    if (isReverse !== undefined) return { isReverse, index };
  }
  return undefined;
}

/** Stands for an expression, which is no column and not the rowid. */
const NO_COLUMN = -2;

/** The columns of a key, in its order, with their collations. */
function partsOf(table: Table, index: Index | undefined) {
  const own = table.hasRowid
    ? [{ column: ROWID, collation: "BINARY" }]
    : table.primaryKey.map((column, i) => ({ column, collation: table.keyCollations[i]! }));
  const parts = index?.parts.map(({ column, collation }) => ({
    column: column < 0 ? NO_COLUMN : column,
    collation,
  }));
  return parts === undefined ? own : [...parts, ...own];
}

/** Whether a key has the order of terms backwards; undefined if it does not have it at all. */
function directionOf(
  planned: readonly Planned[],
  terms: readonly Ordering[],
  scope: Scope,
  parts: readonly { column: number; collation: string }[],
  equal: number,
): boolean | undefined {
  const { source } = planned[0]!.loop;
  const { place } = source;
  const rowid = place.kind === "table" ? place.table.rowidColumn : ROWID;
  let isReverse: boolean | undefined;
  let at = equal;
  for (const { expr, isDescending, nullsLast } of terms) {
    const column = baseColumn(expr, scope);
    if (column?.source !== source || nullsLast !== isDescending) return undefined;
    const part = parts[at];
    const wanted = column.column === rowid ? ROWID : column.column;
    // A term on a column that is equal in all rows changes nothing.
    if (parts.slice(0, equal).some((other) => normal(other.column, rowid) === wanted)) continue;
    if (part === undefined || normal(part.column, rowid) !== wanted) return undefined;
    if (part.collation !== collationIn(expr, scope)) return undefined;
    if (isReverse !== undefined && isReverse !== isDescending) return undefined;
    isReverse = isDescending;
    at++;
    // After the whole rowid there are no equal rows, unless other loops repeat it.
    if (wanted === ROWID && planned.length === 1) break;
  }
  return isReverse ?? false;
}

function normal(column: number, rowid: number): number {
  return column === rowid ? ROWID : column;
}
