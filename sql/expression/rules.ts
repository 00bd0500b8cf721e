/**
 * The rules of SQLite for affinities and collations of expressions, and for comparisons of them.
 */

import type { Expr, Name, Query } from "../parse/ast.ts";
import { partsOf } from "../parse/walk.ts";
import { knownCollation } from "../schema/build.ts";
import { type Affinity, affinityOf, isNumericAffinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import type { SqlValue } from "../value/value.ts";
import type { Comparison } from "../vm/ops_value.ts";
import type { Context } from "./context.ts";
import {
  firstMerged,
  meaningOf,
  type Resolved,
  ROWID,
  type Scope,
  type SourceColumn,
} from "./scope.ts";

const ROWID_COLUMN: SourceColumn = {
  name: "rowid",
  affinity: "INTEGER",
  collation: "BINARY",
  type: "INTEGER",
};

/** The column that a name resolved to. */
export function columnOf({ source, column }: Resolved): SourceColumn {
  if (column !== ROWID) return source.columns[column]!;
  // An INTEGER PRIMARY KEY gives the rowid its name.
  const { place } = source;
  const own = place.kind === "table" ? source.columns[place.table.rowidColumn] : undefined;
  return own === undefined ? ROWID_COLUMN : { ...ROWID_COLUMN, name: own.name };
}

/** The column that an expression names, also by an alias; undefined if it names none. */
export function columnIn(expr: Expr, scope: Scope): Resolved | undefined {
  if (expr.kind !== "name") return undefined;
  const meaning = meaningOf(expr, scope);
  if (meaning.kind === "column") return meaning.resolved;
  return meaning.kind === "alias" ? columnIn(meaning.expr, meaning.scope) : undefined;
}

/** The affinity of an expression; undefined if it has none. */
export function affinityIn(context: Context, expr: Expr, scope: Scope): Affinity | undefined {
  switch (expr.kind) {
    case "name":
      return affinityOfName(context, expr, scope);
    case "cast":
      return affinityOf(expr.type);
    case "collate":
      return affinityIn(context, expr.operand, scope);
    case "subquery":
      return affinityOfQuery(context, expr.query, scope);
    case "call": {
      const first = firstMerged(expr);
      return first === undefined ? undefined : affinityIn(context, first, scope);
    }
  }
  return undefined;
}

/** Affinities of queries. Each prepares those inside it, so asking twice doubles each level. */
const ofQueries = new WeakMap<Context, Map<Scope, Map<Query, Affinity | undefined>>>();

function affinityOfQuery(context: Context, query: Query, scope: Scope): Affinity | undefined {
  let scopes = ofQueries.get(context);
  if (scopes === undefined) ofQueries.set(context, scopes = new Map());
  let known = scopes.get(scope);
  if (known === undefined) scopes.set(scope, known = new Map());
  if (!known.has(query)) {
    known.set(query, context.prepare(query, scope, scope.common).columns[0]?.affinity);
  }
  return known.get(query);
}

function affinityOfName(context: Context, name: Name, scope: Scope): Affinity | undefined {
  const meaning = meaningOf(name, scope);
  if (meaning.kind === "column") return columnOf(meaning.resolved).affinity;
  return meaning.kind === "alias" ? affinityIn(context, meaning.expr, meaning.scope) : undefined;
}

/** Storage classes, as bits. */
export const CLASSES = { number: 1, text: 2, blob: 4 } as const;
const ANY = CLASSES.number | CLASSES.text | CLASSES.blob;

/** The storage classes that an expression may have, as SQLite guesses them. */
export function classesOf(context: Context, expr: Expr, scope: Scope): number {
  switch (expr.kind) {
    case "literal":
      return classesOfLiteral(expr.value);
    case "collate":
      return classesOf(context, expr.operand, scope);
    case "unary":
      return expr.operator === "+" ? classesOf(context, expr.operand, scope) : CLASSES.number;
    case "binary":
      return expr.operator === "||" ? CLASSES.text | CLASSES.blob : CLASSES.number;
    case "case":
      return [...expr.whens.map(([, then]) => then), expr.otherwise]
        .reduce((all, part) => part === undefined ? all : all | classesOf(context, part, scope), 0);
    case "name":
    case "subquery":
    case "cast":
      return classesOfAffinity(affinityIn(context, expr, scope));
    case "parameter":
    case "call":
      return ANY;
    default:
      return CLASSES.number;
  }
}

function classesOfLiteral(value: SqlValue): number {
  if (value === null) return 0;
  if (typeof value === "string") return CLASSES.text;
  return value instanceof Uint8Array ? CLASSES.blob : CLASSES.number;
}

function classesOfAffinity(affinity: Affinity | undefined): number {
  if (isNumericAffinity(affinity)) return CLASSES.number | CLASSES.blob;
  return affinity === "TEXT" ? CLASSES.text | CLASSES.blob : ANY;
}

/** A collation, and whether COLLATE gives it. */
interface Given {
  readonly collation: Collation;
  readonly isExplicit: boolean;
}

/** The collation of an expression; undefined if it has none. */
function givenCollation(expr: Expr, scope: Scope): Given | undefined {
  switch (expr.kind) {
    case "collate":
      return { collation: knownCollation(expr.collation, expr.at), isExplicit: true };
    case "name": {
      const meaning = meaningOf(expr, scope);
      if (meaning.kind === "alias") return givenCollation(meaning.expr, meaning.scope);
      if (meaning.kind !== "column") return undefined;
      return { collation: columnOf(meaning.resolved).collation, isExplicit: false };
    }
    case "cast":
      return givenCollation(expr.operand, scope);
    case "call": {
      const first = firstMerged(expr);
      if (first !== undefined) return givenCollation(first, scope);
      break;
    }
    case "unary":
      if (expr.operator === "+") return givenCollation(expr.operand, scope);
  }
  return explicitIn(expr, scope);
}

/** The first collation that COLLATE gives to a part of an expression: it is that of the whole. */
function explicitIn(expr: Expr, scope: Scope): Given | undefined {
  for (const part of partsOf(expr)) {
    const given = givenCollation(part, scope);
    if (given?.isExplicit) return given;
  }
  return undefined;
}

/** The collation of an expression. */
export function collationIn(expr: Expr, scope: Scope): Collation {
  return givenCollation(expr, scope)?.collation ?? "BINARY";
}

/** The collation of a comparison whose right side is a column of a query. */
export function collationWith(expr: Expr, column: SourceColumn, scope: Scope): Collation {
  const own = givenCollation(expr, scope);
  const isRight = own === undefined || (column.isExplicit === true && !own.isExplicit);
  return isRight ? column.collation : own.collation;
}

/** Whether COLLATE gives the collation of an expression. */
export function isCollated(expr: Expr, scope: Scope): boolean {
  return givenCollation(expr, scope)?.isExplicit ?? false;
}

/** The collation of the first argument that has one. */
export function collationOfFirst(args: readonly Expr[], scope: Scope): Collation {
  for (const arg of args) {
    const given = givenCollation(arg, scope);
    if (given !== undefined) return given.collation;
  }
  return "BINARY";
}

/** The affinity that both sides of a comparison get, if any. */
export function sharedAffinity(
  left: Affinity | undefined,
  right: Affinity | undefined,
): Affinity | undefined {
  if (left !== undefined && right !== undefined) {
    return isNumericAffinity(left) || isNumericAffinity(right) ? "NUMERIC" : undefined;
  }
  const only = left ?? right;
  if (isNumericAffinity(only)) return "NUMERIC";
  return only === "TEXT" ? "TEXT" : undefined;
}

/** How two expressions are compared. */
export function comparisonOf(
  context: Context,
  left: Expr,
  right: Expr,
  scope: Scope,
): Comparison {
  const affinity = sharedAffinity(
    affinityIn(context, left, scope),
    affinityIn(context, right, scope),
  );
  const [a, b] = [givenCollation(left, scope), givenCollation(right, scope)];
  const explicit = [a, b].find((given) => given?.isExplicit);
  const collation = (explicit ?? a ?? b)?.collation ?? "BINARY";
  return { collation, left: affinity, right: affinity };
}

/** How an expression is compared with values that have neither affinity nor collation. */
export function comparisonWithValues(context: Context, expr: Expr, scope: Scope): Comparison {
  const affinity = sharedAffinity(affinityIn(context, expr, scope), undefined);
  return { collation: collationIn(expr, scope), left: affinity, right: affinity };
}

/** Whether an expression has the same value in every row: no names, no queries, no calls. */
export function isConstant(expr: Expr): boolean {
  switch (expr.kind) {
    case "literal":
    case "parameter":
      return true;
    case "unary":
    case "cast":
      return isConstant(expr.operand);
    case "binary":
      return isConstant(expr.left) && isConstant(expr.right);
    default:
      return false;
  }
}
