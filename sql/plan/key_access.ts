/**
 * Ranges of the key of a table or of its indexes, as access paths: which terms bound them, and what
 * they cost.
 */

import type { Context } from "../expression/context.ts";
import type { InComparison } from "../expression/in_set.ts";
import { comparisonOf } from "../expression/rules.ts";
import { ROWID, type Scope, type Source } from "../expression/scope.ts";
import type { Expr, In } from "../parse/ast.ts";
import type { Index, Table } from "../schema/types.ts";
import { type Affinity, applyAffinity, isNumericAffinity } from "../value/affinity.ts";
import { negate } from "../value/arithmetic.ts";
import type { Collation } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import type { KeyBounds } from "../vm/cursor.ts";
import { boundsOf, FORWARD } from "../vm/key_range.ts";
import {
  baseColumn,
  type Compared,
  comparedIn,
  conjunctsOf,
  isPart,
  type Loop,
  loopsIn,
  only,
  type Term,
} from "./loop.ts";
import { type Prefix, prefixOf } from "./prefix.ts";
import { QUERY_VALUES, type Within, withinOf } from "./within.ts";

/** A bound of a range. */
export interface Bound {
  readonly term: Term;
  readonly expr: Expr;
  readonly scope: Scope;
  /** The affinity that its value gets. */
  readonly affinity: Affinity | undefined;
  readonly isInclusive: boolean;
  /** The IN whose values are searched one by one; undefined for a single value. */
  readonly within?: In | undefined;
}

/** A range of a key. */
export interface KeyAccess {
  readonly kind: "key";
  /** Undefined = the key of the table. */
  readonly index: Index | undefined;
  readonly isRowid: boolean;
  /** The values of the first parts, one of which may stand for those of IN. */
  readonly equal: readonly Bound[];
  readonly lower: Bound | undefined;
  readonly upper: Bound | undefined;
  /** With what the texts of the next part begin, instead of bounds; blobs may be any. */
  readonly prefix: Prefix | undefined;
  readonly collations: readonly Collation[];
}

/** What the rows of an access path cost. */
export interface Cost {
  /** The cost for each row of the outer loops. */
  readonly each: number;
  /** The rows found for each of them. */
  readonly rows: number;
}

/** A part of a key. */
export interface KeyPart {
  readonly column: number;
  readonly expr: Expr | undefined;
  readonly affinity: Affinity;
  readonly collation: Collation;
}

const SEEK_COST = 4;
/** The cost of the search for the row of an entry of an index. */
export const FETCH_COST = 5;
/** Rows that share the first part of an index that was not analyzed. */
const SAME_DEFAULT = 10;
/** The share of texts that begin with a prefix, if they cannot be counted. */
const PREFIX_SHARE = 16;

/** The ranges of keys that some terms bound. */
export function* keyAccesses(
  context: Context,
  loops: readonly Loop[],
  index: number,
  terms: readonly Term[],
  table: Table,
): Generator<KeyAccess> {
  const loop = loops[index]!;
  const compared = terms.flatMap(comparedIn).filter(({ other, term }) =>
    (loopsIn(other, term.scope, loops) & only(index)) === 0n
  );
  const withins = terms.flatMap((term) => withinOf(context, term, loops) ?? []);
  for (const key of keysOf(table)) {
    const { index: own, isRowid, parts } = key;
    if (own?.where !== undefined && !isImplied(own.where, terms, loop)) continue;
    const range = rangeOf(context, { loops, index, table, terms, compared, withins }, parts);
    if (range === undefined) continue;
    const collations = parts.map(({ collation }) => collation);
    yield { kind: "key", index: own, isRowid, ...range, collations };
  }
}

/** What may bound the ranges of a loop's keys. */
interface Bounding {
  readonly loops: readonly Loop[];
  /** The index of the loop. */
  readonly index: number;
  readonly table: Table;
  readonly terms: readonly Term[];
  readonly compared: readonly Compared[];
  readonly withins: readonly Within[];
}

type Range = Pick<KeyAccess, "equal" | "lower" | "upper" | "prefix">;

/** The range of a key; undefined if nothing bounds it. */
function rangeOf(
  context: Context,
  { loops, index, table, terms, compared, withins }: Bounding,
  parts: readonly KeyPart[],
): Range | undefined {
  const loop = loops[index]!;
  const equal: Bound[] = [];
  for (const part of parts) {
    const bounds = boundsFor(context, compared, part, loop, table);
    const same = bounds.find(({ operator }) => operator === "=")?.bound ??
      (hasWithin(equal) ? undefined : withinFor(withins, part, loop, table));
    if (same !== undefined) {
      equal.push(same);
      continue;
    }
    const lower = bounds.find(({ operator }) => operator === ">" || operator === ">=")?.bound;
    const upper = bounds.find(({ operator }) => operator === "<" || operator === "<=")?.bound;
    const prefix = lower === undefined && upper === undefined
      ? prefixOf(context, terms, part, loops, index)
      : undefined;
    const isBound = equal.length > 0 || (lower ?? upper ?? prefix) !== undefined;
    return isBound ? { equal, lower, upper, prefix } : undefined;
  }
  return { equal, lower: undefined, upper: undefined, prefix: undefined };
}

/** The keys of a table: its own, and those of its indexes. */
function keysOf(
  table: Table,
): { index: Index | undefined; isRowid: boolean; parts: readonly KeyPart[] }[] {
  const own = table.hasRowid
    ? [{ column: ROWID, expr: undefined, affinity: "INTEGER", collation: "BINARY" } as const]
    : table.primaryKey.map((column, i) => ({
      column,
      expr: undefined,
      affinity: table.columns[column]!.affinity,
      collation: table.keyCollations[i]!,
    }));
  return [
    { index: undefined, isRowid: table.hasRowid, parts: own },
    ...table.indexes.map((index) => ({ index, isRowid: false, parts: index.parts })),
  ];
}

/** Whether the terms of a query imply the condition of a partial index. */
function isImplied(where: Expr, terms: readonly Term[], { source }: Loop): boolean {
  return conjunctsOf(where).every((condition) =>
    terms.some(({ expr, scope }) => {
      if (isPart(expr, scope, condition, source)) return true;
      if (condition.kind !== "unary" || condition.operator !== "notnull") return false;
      // A comparison that holds has no NULL in it.
      return comparedIn({ expr, scope, loops: 0n, onOf: -1 })
        .some((compared) => isPart(compared.expr, scope, condition.operand, source));
    })
  );
}

function boundsFor(
  context: Context,
  compared: readonly Compared[],
  part: KeyPart,
  { source }: Loop,
  table: Table,
): { operator: Compared["operator"]; bound: Bound }[] {
  const found: { operator: Compared["operator"]; bound: Bound }[] = [];
  for (const { term, expr, other, operator, isLeft } of compared) {
    const { scope } = term;
    if (!isOfPart(expr, scope, part, source, table)) continue;
    const [left, right] = isLeft ? [expr, other] : [other, expr];
    const { left: affinity, collation } = comparisonOf(context, left, right, scope);
    if (!fits({ affinity, collation }, part)) continue;
    const isInclusive = operator.endsWith("=");
    found.push({ operator, bound: { term, expr: other, scope, affinity, isInclusive } });
  }
  return found;
}

/** The values of an IN whose operand is a part of a key; undefined if there is none. */
function withinFor(
  withins: readonly Within[],
  part: KeyPart,
  { source }: Loop,
  table: Table,
): Bound | undefined {
  const within = withins.find((each) =>
    isOfPart(each.expr.operand, each.term.scope, part, source, table) && fits(each, part)
  );
  if (within === undefined) return undefined;
  const { term, expr, affinity } = within;
  return { term, expr, scope: term.scope, affinity, isInclusive: true, within: expr };
}

/** Whether a range is one of several, for the values of IN. */
export function hasWithin(equal: readonly Bound[]): boolean {
  return equal.some(({ within }) => within !== undefined);
}

/** Whether an expression is a part of a key of a table. */
function isOfPart(
  expr: Expr,
  scope: Scope,
  part: KeyPart,
  source: Source,
  table: Table,
): boolean {
  if (part.expr !== undefined && part.column < 0) return isPart(expr, scope, part.expr, source);
  const column = baseColumn(expr, scope);
  if (column?.source !== source) return false;
  const isRowid = column.column === ROWID || column.column === table.rowidColumn;
  return column.column === part.column ||
    (isRowid && (part.column === ROWID || part.column === table.rowidColumn));
}

/** Whether a comparison is that of a key, and converts nothing that the key stores. */
function fits({ affinity, collation }: InComparison, part: KeyPart): boolean {
  if (collation !== part.collation) return false;
  return affinity === undefined || affinity === part.affinity ||
    (affinity === "NUMERIC" && isNumericAffinity(part.affinity));
}

/**
 * What the rows of a range cost.
 *
 * @param fetch The cost of each entry, and of its row.
 */
export function costOfKey(
  context: Context,
  loop: Loop,
  table: Table,
  access: KeyAccess,
  fetch: number,
): Cost {
  const { within } = access.equal.find((bound) => bound.within) ?? {};
  const ranges = within === undefined ? 1 : within.list?.length ?? QUERY_VALUES;
  const found = estimate(context, loop, table, access);
  const rows = within === undefined ? found : Math.min(loop.rows, ranges * found);
  return { each: ranges * SEEK_COST + rows * fetch, rows };
}

/** The cost of the search for the row of an entry, where the entry is not enough. */
export function costOfFetch(loop: Loop, table: Table, { index }: KeyAccess): number {
  const reads = index !== undefined &&
    (loop.needsKey === true || coveringParts(loop.source, index, table) === undefined);
  return reads ? FETCH_COST : 1;
}

/** The part of an index for each column; undefined if a used column is not in the index. */
export function coveringParts(source: Source, index: Index, table: Table): number[] | undefined {
  const parts = source.columns.map((_, column) =>
    index.parts.findIndex((part) => part.column === column && part.isExact)
  );
  for (const column of source.used) {
    const isRowid = column === ROWID || column === table.rowidColumn;
    if (isRowid ? !table.hasRowid : parts[column]! < 0) return undefined;
  }
  return parts;
}

function estimate(context: Context, loop: Loop, table: Table, access: KeyAccess): number {
  const { index, equal, lower, upper, prefix, isRowid } = access;
  const tree = index?.tree ?? table.tree;
  const ranges = literalRanges(access);
  if (ranges !== undefined) {
    return ranges.reduce((rows, bounds) => rows + context.count(tree, bounds), 0);
  }
  const parts = index?.parts.length ?? (isRowid ? 1 : table.primaryKey.length);
  const isUnique = index === undefined || index.isUnique;
  if (isUnique && equal.length === parts) return 1;
  let rows = loop.rows;
  if (equal.length > 0) {
    const distinct = context.catalog.statistics(tree)?.distinct[equal.length - 1];
    const same = distinct === undefined ? context.sameRows(tree, equal.length) : undefined;
    rows = distinct === undefined
      ? Math.min(rows, same ?? Math.max(1, SAME_DEFAULT / equal.length))
      : rows / Math.max(1, distinct);
  }
  if (lower !== undefined) rows /= 4;
  if (upper !== undefined) rows /= 4;
  if (prefix !== undefined) rows /= PREFIX_SHARE;
  return Math.max(0.5, rows);
}

/** The bounds of ranges whose values are all literals; undefined if one is not. */
function literalRanges(access: KeyAccess): KeyBounds[] | undefined {
  const registers: SqlValue[] = [];
  const registerOf = (bound: Bound): number | undefined => {
    const value = literalOf(bound.expr);
    if (value === undefined) return undefined;
    const applied = bound.affinity === undefined ? value : applyAffinity(value, bound.affinity);
    return registers.push(applied) - 1;
  };
  const equal = access.equal.map(registerOf);
  const [lower, upper] = [access.lower, access.upper].map((bound) => {
    if (bound === undefined) return undefined;
    return { register: registerOf(bound) ?? -1, isInclusive: bound.isInclusive };
  });
  const all = [...equal, lower?.register, upper?.register];
  if (equal.includes(undefined) || all.includes(-1)) return undefined;
  const { prefix: pattern, collations, isRowid } = access;
  if (pattern !== undefined && pattern.text === undefined) return undefined;
  const given = { equal: equal as number[], lower, upper, collations, isRowid, ...FORWARD };
  const prefixes = pattern === undefined ? [undefined] : [0, 1].map((second) => ({
    text: registers.push(pattern.text!) - 1,
    isSecond: registers.push(second) - 1,
  }));
  return prefixes.flatMap((prefix) => boundsOf({ ...given, prefix }, registers) ?? []);
}

function literalOf(expr: Expr): SqlValue | undefined {
  if (expr.kind === "literal") return expr.value;
  const isNegative = expr.kind === "unary" && expr.operator === "-";
  if (!isNegative || expr.operand.kind !== "literal") return undefined;
  return negate(expr.operand.value);
}
