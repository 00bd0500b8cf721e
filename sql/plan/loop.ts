/**
 * What the planner works on: the loops of a query, one for each source, and the terms of its
 * conditions.
 */

import { columnIn } from "../expression/rules.ts";
import { meaningOf, type Resolved, type Scope, type Source, walkIn } from "../expression/scope.ts";
import type { Binary, Expr, In } from "../parse/ast.ts";
import { isAlike } from "../parse/walk.ts";
import { columnNamed } from "../schema/types.ts";

/** A loop over a source. */
export interface Loop {
  readonly source: Source;
  /** Whether it is the right side of a left join. */
  readonly isLeft: boolean;
  /** The estimated number of rows. */
  readonly rows: number;
  /** The arguments of a table-valued function; undefined for other sources. */
  readonly args?: readonly LoopArgument[] | undefined;
  /** Whether the key of its row is needed, which buckets do not keep. */
  readonly needsKey?: boolean | undefined;
}

/** An argument of a table-valued function, which may refer to other loops. */
export interface LoopArgument {
  readonly expr: Expr;
  readonly scope: Scope;
}

/** A set of loops, by the bits of their indexes. */
export type LoopSet = bigint;

/** A condition that every row must meet. */
export interface Term {
  readonly expr: Expr;
  readonly scope: Scope;
  /** The loops that it refers to. */
  readonly loops: LoopSet;
  /** The loop of the left join whose ON it is; -1 for others. */
  readonly onOf: number;
}

const SINGLE: LoopSet[] = [];

/** The set of one loop. */
export function only(index: number): LoopSet {
  return SINGLE[index] ??= 1n << BigInt(index);
}

/** Whether all loops of a set are in another one. */
export function isIn(set: LoopSet, other: LoopSet): boolean {
  return (set & ~other) === 0n;
}

/**
 * The parts of a condition that are joined by AND. BETWEEN becomes two of them, and comparisons of
 * one column with constants that are joined by OR become IN.
 */
export function conjunctsOf(expr: Expr): Expr[] {
  if (expr.kind === "binary" && expr.operator === "and") {
    return [...conjunctsOf(expr.left), ...conjunctsOf(expr.right)];
  }
  if (expr.kind === "binary" && expr.operator === "or") return [asIn(expr) ?? expr];
  if (expr.kind !== "between" || expr.isNot || expr.operand.kind !== "name") return [expr];
  const { operand: left, low, high, at } = expr;
  return [
    { kind: "binary", operator: ">=", left, right: low, at },
    { kind: "binary", operator: "<=", left, right: high, at },
  ];
}

/** A condition as `column IN (constants)`; undefined if it is not one. */
function asIn(expr: Expr): In | undefined {
  const { at } = expr;
  if (expr.kind === "in") {
    const { operand, list, isNot } = expr;
    return !isNot && operand.kind === "name" && list?.every(isPlain) ? expr : undefined;
  }
  if (expr.kind !== "binary") return undefined;
  const { operator, left, right } = expr;
  if (operator === "=") {
    const [operand, value] = left.kind === "name" ? [left, right] : [right, left];
    if (operand.kind !== "name" || !isPlain(value)) return undefined;
    return { kind: "in", operand, list: [value], query: undefined, isNot: false, at };
  }
  if (operator !== "or") return undefined;
  const [a, b] = [asIn(left), asIn(right)];
  if (a === undefined || b === undefined || !isAlike(a.operand, b.operand, isSameName)) {
    return undefined;
  }
  return { ...a, list: [...a.list!, ...b.list!], at };
}

/** Whether an expression is a constant without an affinity. */
function isPlain(expr: Expr): boolean {
  if (expr.kind === "unary") return "+-".includes(expr.operator) && isPlain(expr.operand);
  return expr.kind === "literal" || expr.kind === "parameter";
}

function isSameName(a: Expr, b: Expr): boolean {
  return a.kind === "name" && b.kind === "name" && a.table === b.table && a.column === b.column;
}

/** The sets of loops that were found, by the loops of a query and the scope of an expression. */
const found = new WeakMap<readonly Loop[], Map<Scope, Map<Expr, LoopSet>>>();

/** The loops that an expression refers to, and those that queries inside it may refer to. */
export function loopsIn(expr: Expr, scope: Scope, loops: readonly Loop[]): LoopSet {
  let scopes = found.get(loops);
  if (scopes === undefined) found.set(loops, scopes = new Map());
  let known = scopes.get(scope);
  if (known === undefined) scopes.set(scope, known = new Map());
  let set = known.get(expr);
  if (set === undefined) known.set(expr, set = findLoops(expr, scope, loops));
  return set;
}

function findLoops(expr: Expr, scope: Scope, loops: readonly Loop[]): LoopSet {
  let found = 0n;
  walkIn(expr, scope, (part, isInQuery) => {
    if (part.kind !== "name") return true;
    if (isInQuery) found |= loopsNamed(part.table, part.column, scope, loops);
    else found |= loopsOfName(part, scope, loops);
    return true;
  });
  return found;
}

function loopsOfName(name: Expr & { kind: "name" }, scope: Scope, loops: readonly Loop[]): LoopSet {
  const meaning = meaningOf(name, scope);
  if (meaning.kind === "alias") return loopsIn(meaning.expr, meaning.scope, loops);
  return meaning.kind === "column" ? loopsOf(meaning.resolved, loops) : 0n;
}

function loopsOf({ source, column }: Resolved, loops: readonly Loop[]): LoopSet {
  const { place } = source;
  if (place.kind === "inline") {
    const expr = column < 0 ? place.rowid! : place.exprs[column]!;
    return loopsIn(expr, place.scope, loops);
  }
  const index = loops.findIndex((loop) => loop.source === source);
  return index < 0 ? 0n : only(index);
}

/** The loops that a name inside a query may refer to. */
export function loopsNamed(
  table: string | undefined,
  column: string,
  scope: Scope,
  loops: readonly Loop[],
): LoopSet {
  let found = 0n;
  for (let around: Scope | undefined = scope; around !== undefined; around = around.parent) {
    const merged = table === undefined ? around.merged?.get(column.toLowerCase()) : undefined;
    for (const each of merged?.columns ?? []) found |= loopsOf({ ...each, scope: around }, loops);
    for (const source of around.sources) {
      if (table !== undefined && source.name.toLowerCase() !== table.toLowerCase()) continue;
      const index = columnNamed(source.columns, column);
      if (index >= 0) found |= loopsOf({ source, column: index, scope: around }, loops);
      else if (table !== undefined || /rowid|oid/i.test(column)) {
        found |= loopsOfRowid(source, around, loops);
      }
    }
    const alias = table === undefined ? around.aliases.get(column.toLowerCase()) : undefined;
    if (alias !== undefined) found |= loopsIn(alias, { ...around, aliases: new Map() }, loops);
  }
  return found;
}

function loopsOfRowid(source: Source, scope: Scope, loops: readonly Loop[]): LoopSet {
  const { place } = source;
  if (place.kind === "inline" && place.rowid === undefined) return 0n;
  return loopsOf({ source, column: -1, scope }, loops);
}

/** The column of a table that an expression names, also through inlined queries. */
export function baseColumn(expr: Expr, scope: Scope): Resolved | undefined {
  const resolved = columnIn(expr, scope);
  if (resolved === undefined || resolved.source.place.kind !== "inline") return resolved;
  const { exprs, rowid, scope: inner } = resolved.source.place;
  return baseColumn(resolved.column < 0 ? rowid! : exprs[resolved.column]!, inner);
}

/** Whether an expression is a part of an index, for the rows of a source. */
export function isPart(expr: Expr, scope: Scope, part: Expr, source: Source): boolean {
  return isAlike(expr, part, (a, b) => {
    const column = baseColumn(a, scope);
    return column?.source === source && b.kind === "name" &&
      columnNamed(source.columns, b.column) === column.column;
  });
}

const MIRRORED = { "<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=" } as const;

/** An operator of a comparison that can bound a range of an index. */
export type BoundOperator = keyof typeof MIRRORED;

/** A term that compares an expression with another one. */
export interface Compared {
  readonly term: Term;
  readonly expr: Expr;
  readonly operator: BoundOperator;
  readonly other: Expr;
  /** Whether the expression is on the left. */
  readonly isLeft: boolean;
}

/** Both ways to read a term as a comparison; none if it is not one. */
export function comparedIn(term: Term): Compared[] {
  const { expr } = term;
  if (expr.kind !== "binary" || !(expr.operator in MIRRORED)) return [];
  if (expr.left.kind === "row" || expr.right.kind === "row") return [];
  const { left, right } = expr as Binary;
  const operator = expr.operator as BoundOperator;
  return [
    { term, expr: left, operator, other: right, isLeft: true },
    { term, expr: right, operator: MIRRORED[operator], other: left, isLeft: false },
  ];
}
