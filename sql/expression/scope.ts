/**
 * Scopes: what names mean in a place of a statement. A scope has the sources of one FROM, and a
 * parent for the query around it.
 */

import type { Expr, Name, Query } from "../parse/ast.ts";
import { mentionsTable, queryOf, walk, walkQuery } from "../parse/walk.ts";
import { type Column, columnNamed, isRowidName, keyOfName, type Table } from "../schema/types.ts";
import type { Affinity } from "../value/affinity.ts";
import type { Collation } from "../value/compare.ts";
import { refuse } from "../value/error.ts";

/** A column of a source. */
export interface SourceColumn {
  readonly name: string;
  /** Undefined for expressions that have none. */
  readonly affinity: Affinity | undefined;
  readonly collation: Collation;
  /** Whether COLLATE in a query gives the collation, which takes precedence on the right of IN. */
  readonly isExplicit?: boolean;
  /** The storage classes that it may have, if it is the result of a query. */
  readonly classes?: number;
  /** The declared type, if it is a column of a table. */
  readonly type: string | undefined;
  /** Whether a star leaves it out. */
  readonly isHidden?: boolean | undefined;
  /** Whether it has elements of JSON, of which objects and arrays are JSON themselves. */
  readonly isElement?: boolean | undefined;
}

/** Where the columns of a source are at run time. */
export type Place =
  /** In a row of a table, under a cursor; or in an index, if that is enough. */
  | { kind: "table"; table: Table; cursor: number; index: CoveringIndex | undefined }
  /** In a row in memory, under a cursor; its rowid, if it has one, follows the columns. */
  | { kind: "rows"; cursor: number; hasRowid?: boolean }
  /** In registers. */
  | { kind: "registers"; first: number; rowid?: number }
  /** In expressions of another scope, which runs in the same loops. */
  | {
    kind: "inline";
    exprs: readonly Expr[];
    scope: Scope;
    rowid?: Expr | undefined;
    /** The nodes of each expression, including the expressions that it names; 1 by default. */
    weights?: readonly number[];
  };

/** An index that has all columns that are needed. */
export interface CoveringIndex {
  readonly cursor: number;
  /** The part of each column; -1 if it has none. */
  readonly parts: readonly number[];
}

/** A source of FROM. */
export interface Source {
  /** The alias, or the name. */
  readonly name: string;
  readonly columns: readonly SourceColumn[];
  place: Place;
  /** The columns that a join by USING or NATURAL hides, in lower case. */
  readonly hidden: Set<string>;
  /** The columns that are used, if it is a table. */
  readonly used: Set<number>;
}

/** The column that stands for the rowid. */
export const ROWID = -1;

/** What names mean after grouping. */
export interface Grouping {
  readonly cursor: number;
  /** The register of the result of all aggregates, if it is one that needs no groups. */
  readonly single: number | undefined;
  readonly keys: readonly Expr[];
  readonly aggregates: readonly Expr[];
  /** The columns that are kept from one row of the group. */
  readonly kept: readonly Resolved[];
  /**
   * The window functions, whose rows have the keys, the aggregates, the kept columns and the
   * results of these; undefined before these are known.
   */
  readonly windows: readonly Expr[] | undefined;
}

/** A query of WITH. */
export interface CommonBinding {
  readonly query: Query;
  readonly columns: readonly string[] | undefined;
  /** The common tables that it sees. */
  readonly common: CommonTables;
  /** The source of the current row, inside its own recursive part. */
  readonly current: Source | undefined;
  /** Whether the place is inside the query itself, which is not recursive. */
  readonly isOpen: boolean;
}

/** The queries of WITH by name in lower case. */
export type CommonTables = ReadonlyMap<string, CommonBinding>;

/** A scope. */
export interface Scope {
  readonly sources: readonly Source[];
  readonly parent: Scope | undefined;
  /** How many scopes are around it. */
  readonly level: number;
  /** Expressions by their aliases in lower case, where these may be used. */
  readonly aliases: ReadonlyMap<string, Expr>;
  /** Columns that USING of a right or full join merges, by name in lower case. */
  readonly merged?: ReadonlyMap<string, Merged> | undefined;
  readonly common: CommonTables;
  readonly grouping: Grouping | undefined;
}

/** A column that stands for several: the first of them that is not NULL. */
export interface Merged {
  readonly columns: readonly Pick<Resolved, "source" | "column">[];
  /** The sources before the last join that merges it; their stars show its value. */
  readonly before: ReadonlySet<Source>;
  /** Its value, as an expression in the scope that merges. */
  readonly expr: Expr;
}

/** The scope of a statement without sources. */
export const NO_SCOPE: Scope = {
  sources: [],
  parent: undefined,
  level: 0,
  aliases: new Map(),
  common: new Map(),
  grouping: undefined,
};

/** What a name means: a column of a source, in a scope. */
export interface Resolved {
  readonly source: Source;
  /** The index of the column, or `ROWID`. */
  readonly column: number;
  readonly scope: Scope;
}

/**
 * Visits an expression and all expressions inside it, also in its queries, and in the queries of
 * WITH that these read: a name there may refer to a column outside of the query that reads it.
 *
 * @param visit Returns whether to visit what is inside.
 */
export function walkIn(
  expr: Expr,
  { common }: Scope,
  visit: (expr: Expr, isInQuery: boolean) => boolean,
): void {
  walk(expr, visit);
  if (common.size === 0) return;
  const queries = queriesIn(expr);
  const seen = new Set<string>();
  for (let query = queries.pop(); query !== undefined; query = queries.pop()) {
    for (const [name, bound] of common) {
      if (seen.has(name) || !mentionsTable(query, name)) continue;
      seen.add(name);
      queries.push(bound.query);
      walkQuery(bound.query, (inner) => walk(inner, visit, true));
    }
  }
}

/** The outermost queries in an expression. */
function queriesIn(expr: Expr): Query[] {
  const found: Query[] = [];
  walk(expr, (part, isInQuery) => {
    const query = isInQuery ? undefined : queryOf(part);
    if (query !== undefined) found.push(query);
    return !isInQuery;
  });
  return found;
}

/** A column of a table as one of a source. */
export function sourceColumn({ name, affinity, collation, type }: Column): SourceColumn {
  return { name, affinity, collation, type };
}

/** The column that a name refers to in this very scope; undefined if there is none. */
function resolveIn(name: Name, scope: Scope): Resolved | undefined {
  const table = name.table === undefined ? undefined : keyOfName(name.table);
  const key = keyOfName(name.column);
  const found: Resolved[] = [];
  for (const source of scope.sources) {
    if (table === undefined ? source.hidden.has(key) : keyOfName(source.name) !== table) continue;
    const column = columnNamed(source.columns, key);
    if (column >= 0) found.push({ source, column, scope });
  }
  if (found.length > 1) refuse(`ambiguous column name: ${name.column}`, name.at);
  return found[0] ?? resolveRowid(name, scope);
}

function resolveRowid(name: Name, scope: Scope): Resolved | undefined {
  if (!isRowidName(name.column)) return undefined;
  const sources = scope.sources.filter((source) =>
    hasRowid(source) &&
    (name.table === undefined || keyOfName(source.name) === keyOfName(name.table))
  );
  if (sources.length > 1) refuse(`ambiguous column name: ${name.column}`, name.at);
  const [source] = sources;
  return source === undefined ? undefined : { source, column: ROWID, scope };
}

/** Whether a source has a rowid, wherever its rows are now. */
export function hasRowid({ place }: Source): boolean {
  switch (place.kind) {
    case "table":
      return place.table.hasRowid;
    case "rows":
      return place.hasRowid === true;
    default:
      return place.rowid !== undefined;
  }
}

/** What a name means: a column, an alias, or TRUE or FALSE. */
export type Meaning =
  | { readonly kind: "column"; readonly resolved: Resolved }
  | { readonly kind: "alias"; readonly expr: Expr; readonly scope: Scope }
  | { readonly kind: "boolean"; readonly value: number };

/** Calls that stand for a merged column: they have the affinity and collation of its first. */
const mergedCalls = new WeakSet<Expr>();

/** Notes that a call stands for a merged column. */
export function noteMerged(call: Expr): Expr {
  mergedCalls.add(call);
  return call;
}

/** The column whose rules apply to a call that stands for a merged column. */
export function firstMerged(expr: Expr): Expr | undefined {
  return expr.kind === "call" && mergedCalls.has(expr) ? expr.args[0] : undefined;
}

/** Names whose meaning is fixed, such as those that a star expands to. */
const fixed = new WeakMap<Name, Resolved>();

/** A name that refers to a column of a source, whatever other names there are. */
export function fixedName(resolved: Resolved, column: string, at: number): Name {
  const name = { kind: "name", table: undefined, column, isQuoted: false, at } as const;
  fixed.set(name, resolved);
  return name;
}

/**
 * What a name means in a scope and those around it.
 *
 * @throws {PlacedError} It means nothing.
 */
export function meaningOf(name: Name, scope: Scope): Meaning {
  let known = meanings.get(scope);
  if (known === undefined) meanings.set(scope, known = new Map());
  let meaning = known.get(name);
  if (meaning === undefined) known.set(name, meaning = findMeaning(name, scope));
  return meaning;
}

/** The meanings of names found so far, by scope: sources do not change after FROM. */
const meanings = new WeakMap<Scope, Map<Name, Meaning>>();

function findMeaning(name: Name, scope: Scope): Meaning {
  const known = fixed.get(name);
  if (known !== undefined) return { kind: "column", resolved: known };
  for (let around: Scope | undefined = scope; around !== undefined; around = around.parent) {
    const merged = name.table === undefined
      ? around.merged?.get(keyOfName(name.column))
      : undefined;
    if (merged !== undefined) return meaningOfMerged(merged, around);
    const resolved = resolveIn(name, around);
    if (resolved !== undefined) return { kind: "column", resolved };
    const alias = name.table === undefined ? around.aliases.get(keyOfName(name.column)) : undefined;
    if (alias !== undefined) {
      return { kind: "alias", expr: alias, scope: { ...around, aliases: new Map() } };
    }
  }
  const key = keyOfName(name.column);
  if (!name.isQuoted && name.table === undefined && (key === "true" || key === "false")) {
    return { kind: "boolean", value: key === "true" ? 1 : 0 };
  }
  const full = name.table === undefined ? name.column : `${name.table}.${name.column}`;
  return refuse(`no such column: ${full}`, name.at);
}

function meaningOfMerged({ expr }: Merged, scope: Scope): Meaning {
  if (expr.kind === "name") return findMeaning(expr, scope);
  return { kind: "alias", expr, scope: { ...scope, aliases: new Map() } };
}
