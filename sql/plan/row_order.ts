/**
 * The order in which the first loop reads its rows: that of ORDER BY, to save the sort; that of the
 * groups of a query, to save the search for the group of each row; that of the only MIN or MAX,
 * whose first row has the result; or one in which the next loop finds its rows close together.
 */

import { collationIn } from "../expression/rules.ts";
import { ROWID, type Scope, type Source } from "../expression/scope.ts";
import type { Call, Expr } from "../parse/ast.ts";
import { hasQuery } from "../parse/walk.ts";
import type { Index, Table } from "../schema/types.ts";
import { coveringParts, hasWithin, type KeyAccess } from "./key_access.ts";
import { baseColumn, type Term } from "./loop.ts";
import type { Planned } from "./order.ts";

/** A term of an order. */
export interface OrderedTerm {
  readonly expr: Expr;
  readonly isDescending: boolean;
  readonly nullsLast: boolean;
}

/** What a query groups. */
export interface Grouped {
  readonly keys: readonly Expr[];
  readonly aggregates: readonly Call[];
  /** The columns that are kept of a row of each group. */
  readonly kept: readonly unknown[];
  readonly scope: Scope;
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
  terms: readonly OrderedTerm[],
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
  // The rows of a union come in the order of the table's key, and never backwards.
  if (first.access.kind === "union") {
    return own === false ? { isReverse: false, index: undefined } : undefined;
  }
  if (own !== undefined) return { isReverse: own, index: undefined };
  if (!mayScanIndex) return undefined;
  for (const index of table.indexes) {
    if (index.where !== undefined) continue;
    const isReverse = directionOf(planned, terms, scope, partsOf(table, index), 0);
    if (isReverse !== undefined) return { isReverse, index };
  }
  return undefined;
}

/** Stands for an expression that is neither a column nor the rowid. */
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
  terms: readonly OrderedTerm[],
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

/** An order of the rows of a grouped query. */
export interface GroupOrder extends LoopOrder {
  /** Whether the rows of each group follow each other, in the order of groups. */
  readonly isGrouped: boolean;
  /** The expression of which only the first value that is not NULL is needed. */
  readonly first: Expr | undefined;
}

const NO_ORDER: GroupOrder = {
  isReverse: false,
  index: undefined,
  isGrouped: false,
  first: undefined,
};

/** Aggregates whose result is the same in any order of the rows. */
const UNORDERED = new Set(["count", "sum", "total", "avg", "min", "max"]);

/** The order in which to read the rows of a grouped query. */
export function groupOrder(
  planned: readonly Planned[],
  grouped: Grouped,
  terms: readonly Term[],
): GroupOrder {
  if (grouped.keys.length === 0) {
    return extremeOrder(planned, grouped, terms) ?? closeOrder(planned, grouped, terms);
  }
  const order = orderOf(planned, grouped.keys, grouped.scope, false);
  return order === undefined ? NO_ORDER : { ...NO_ORDER, ...order, isGrouped: true };
}

/** An order that costs no search for the row of each entry of an index. */
function orderOf(
  planned: readonly Planned[],
  exprs: readonly Expr[],
  scope: Scope,
  isDescending: boolean,
): LoopOrder | undefined {
  const terms = exprs.map((expr) => ({ expr, isDescending, nullsLast: isDescending }));
  const order = loopOrder(planned, terms, scope, true);
  if (order?.index === undefined || covers(planned[0]!, order.index)) return order;
  return loopOrder(planned, terms, scope, false);
}

/** Whether an index has all that a loop needs of its rows. */
export function covers({ loop: { source } }: Planned, index: Index): boolean {
  const { place } = source;
  return place.kind === "table" && coveringParts(source, index, place.table) !== undefined;
}

function extremeOrder(
  planned: readonly Planned[],
  { aggregates: [call, ...others], kept, scope }: Grouped,
  terms: readonly Term[],
): GroupOrder | undefined {
  const isExtreme = call?.name === "min" || call?.name === "max";
  if (!isExtreme || others.length > 0 || kept.length > 0 || planned.length > 1) return undefined;
  if (call.filter !== undefined || call.args.length !== 1) return undefined;
  const [expr] = call.args;
  const isDescending = call.name === "max";
  const given = { expr: expr!, isDescending, nullsLast: isDescending };
  // With conditions, the first row that passes may come late in an index.
  const order = loopOrder(planned, [given], scope, terms.length === 0);
  return order && { ...order, isGrouped: false, first: expr };
}

/**
 * The next loop searches a key by a column of the first, which a covering index sorts. Queries in
 * the conditions of a single loop are assumed to do the same.
 */
function closeOrder(
  planned: readonly Planned[],
  { aggregates, kept }: Grouped,
  terms: readonly Term[],
): GroupOrder {
  const [first, second] = planned;
  const isUnordered = kept.length === 0 && aggregates.every(({ name }) => UNORDERED.has(name));
  if (!isUnordered || first === undefined || first.loop.isLeft) return NO_ORDER;
  if (first.access.kind !== "scan") return NO_ORDER;
  const { source } = first.loop;
  if (source.place.kind !== "table") return NO_ORDER;
  const searched = second === undefined
    ? terms.some(({ expr, loops }) => loops !== 0n && hasQuery(expr))
    : second.access.kind === "key" && searchedColumn(second.access, source);
  if (searched === false) return NO_ORDER;
  const index = source.place.table.indexes.find((each) =>
    each.where === undefined && (searched === true || each.parts[0]!.column === searched) &&
    covers(first, each)
  );
  return { ...NO_ORDER, index };
}

/** The column of a source by which a key is searched; false if there is none. */
function searchedColumn({ equal: [bound] }: KeyAccess, source: Source): number | false {
  const column = bound && columnIn(bound.expr);
  const found = column && baseColumn(column, bound.scope);
  return found?.source === source && found.column;
}

/** The column that an expression follows: it is one, or arithmetic on one and a constant. */
function columnIn(expr: Expr): Expr | undefined {
  if (expr.kind === "name") return expr;
  if (expr.kind !== "binary" || !"+-*".includes(expr.operator)) return undefined;
  const { left, right } = expr;
  if (right.kind === "literal") return columnIn(left);
  return left.kind === "literal" ? columnIn(right) : undefined;
}
