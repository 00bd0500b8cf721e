/**
 * What a query needs of the rows that its only loop visits: one of each value of its columns, for
 * DISTINCT; or those after the first ones, for OFFSET. A scan can skip the others without a look at
 * their columns, if each row that it visits is one of the result.
 */

import { collationIn } from "../expression/rules.ts";
import { ROWID, type Scope } from "../expression/scope.ts";
import type { Expr } from "../parse/ast.ts";
import { callsRandom } from "../schema/deterministic.ts";
import type { Index, Table } from "../schema/types.ts";
import { coveringParts, hasWithin } from "./key_access.ts";
import { baseColumn, type Term } from "./loop.ts";
import { type Planned, usedTerms } from "./order.ts";
import type { Grouped, GroupOrder, LoopOrder } from "./row_order.ts";

/** Whether there is one loop, which scans one range, all of whose rows meet the terms. */
export function isOneRange(planned: readonly Planned[], terms: readonly Term[]): boolean {
  const [only, ...others] = planned;
  if (only === undefined || others.length > 0 || only.loop.isLeft) return false;
  const { access, loop: { source: { place } } } = only;
  if (place.kind !== "table") return false;
  if (access.kind === "key") {
    const isOneRow = access.isRowid && access.equal.length > 0;
    if (isOneRow || access.prefix !== undefined || hasWithin(access.equal)) return false;
  } else if (access.kind !== "scan") return false;
  const used = usedTerms(access);
  return terms.every((term) =>
    used.has(term) || (term.loops === 0n && term.onOf < 0 && !callsRandom(term.expr))
  );
}

/** How a loop visits one row of each value of some columns. */
export interface DistinctOrder extends LoopOrder {
  /** The number of parts of the key of which it visits one row each. */
  readonly distinct: number;
}

/**
 * How a loop over one range can visit one row of each value of some expressions; undefined if it
 * cannot.
 *
 * @param order The order that its rows must have; undefined for any.
 */
export function distinctOrder(
  { loop: { source }, access }: Planned,
  exprs: readonly Expr[],
  scope: Scope,
  order: LoopOrder | undefined,
): DistinctOrder | undefined {
  const { place } = source;
  if (place.kind !== "table") return undefined;
  const { table } = place;
  const { isReverse } = order ?? { isReverse: false };
  const columns = exprs.map((expr) => {
    const found = baseColumn(expr, scope);
    const column = found?.source === source ? found.column : ROWID;
    return { column, collation: collationIn(expr, scope) };
  });
  if (columns.some(({ column }) => column === ROWID || column === table.rowidColumn)) {
    return undefined;
  }
  const [keys, equal] = access.kind === "key"
    ? [[access.index], access.equal.length]
    : [order === undefined ? [undefined, ...table.indexes] : [order.index], 0];
  for (const index of keys) {
    const scanned = access.kind === "key" ? undefined : index;
    if (scanned?.where !== undefined) continue;
    if (index !== undefined && coveringParts(source, index, table) === undefined) continue;
    const distinct = partsWith(keyOf(table, index), columns, equal);
    if (distinct > 0) return { isReverse, index: scanned, distinct };
  }
  return undefined;
}

/** How the only loop visits one row of each group, or of each value of `count(DISTINCT x)`. */
export function groupDistinct(
  planned: readonly Planned[],
  { keys, aggregates: [call, ...others], kept, scope }: Grouped,
  terms: readonly Term[],
  order: GroupOrder,
): DistinctOrder | undefined {
  if (others.length > 0 || kept.length > 0 || !isOneRange(planned, terms)) return undefined;
  if (call === undefined) {
    return distinctOrder(planned[0]!, keys, scope, order.isGrouped ? order : undefined);
  }
  const isCount = call.name === "count" && call.isDistinct && call.filter === undefined;
  if (!isCount || keys.length > 0) return undefined;
  return distinctOrder(planned[0]!, call.args, scope, undefined);
}

interface Part {
  readonly column: number;
  readonly collation: string;
}

/** The parts of a key, without the rowid. */
function keyOf(table: Table, index: Index | undefined): readonly Part[] {
  if (index !== undefined) return index.parts;
  return table.primaryKey.map((column, i) => ({ column, collation: table.keyCollations[i]! }));
}

/** The number of first parts that have exactly some columns, and `equal` others; -1 if none do. */
function partsWith(parts: readonly Part[], columns: readonly Part[], equal: number): number {
  const isIn = (list: readonly Part[], { column, collation }: Part) =>
    list.some((other) => other.column === column && other.collation === collation);
  let count = equal;
  while (count < parts.length && isIn(columns, parts[count]!)) count++;
  const first = parts.slice(0, count);
  return columns.every((column) => isIn(first, column)) ? count : -1;
}
