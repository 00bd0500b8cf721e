/**
 * What names mean in stored statements, by the names of tables and columns alone: no plan is made,
 * so that also what a plan leaves out is found. The rules are those of `expression/scope.ts`.
 */

import type { Expr, Name, Query } from "../parse/ast.ts";
import { isRowidName, keyOfName } from "../schema/types.ts";
import { refuse } from "../value/error.ts";

/** A source of FROM, or a row that a statement names. All names are in lower case. */
export interface NamedSource {
  /** Its number in the statement. */
  readonly id: number;
  /** The alias or the name; undefined for a query without one. */
  readonly name: string | undefined;
  /** The table or view that it is; undefined for a query. */
  readonly object: string | undefined;
  /** Whether its name is not that of the table. */
  readonly isAlias: boolean;
  readonly columns: readonly string[];
  /** How many of the columns a star shows. */
  readonly shown: number;
  readonly hasRowid: boolean;
  /** The columns that a name without a table does not mean. */
  readonly hidden: Set<string>;
}

/** A query of WITH. */
export interface NamedQuery {
  readonly query: Query;
  readonly given: readonly string[] | undefined;
  readonly parent: NameScope | undefined;
  readonly common: NamedQueries;
  /** Undefined until they are known. */
  columns: readonly string[] | undefined;
  isOpen: boolean;
}

/** The queries of WITH by name in lower case. */
export type NamedQueries = ReadonlyMap<string, NamedQuery>;

/** A scope. */
export interface NameScope {
  readonly sources: NamedSource[];
  readonly parent: NameScope | undefined;
  readonly common: NamedQueries;
  /** The columns of the result by their aliases in lower case. */
  readonly aliases: ReadonlyMap<string, number>;
}

/** A column of a source; -1 is the rowid. */
export interface FoundColumn {
  readonly source: NamedSource;
  readonly column: number;
}

/** What a name means: a column, the alias of a result, or TRUE or FALSE. */
export type NameMeaning = FoundColumn | { readonly alias: number } | { readonly boolean: string };

/** No queries of WITH. */
export const NO_QUERIES: NamedQueries = new Map();

/** A scope without sources. */
export function emptyScope(parent: NameScope | undefined, common: NamedQueries): NameScope {
  return { sources: [], parent, common, aliases: new Map() };
}

/**
 * What a name means in a scope and those around it.
 *
 * @throws {PlacedError} It means nothing, or several columns.
 */
export function meaningIn(name: Name, scope: NameScope): NameMeaning {
  const key = keyOfName(name.column);
  for (let around: NameScope | undefined = scope; around !== undefined; around = around.parent) {
    const found = columnIn(name, around);
    if (found !== undefined) return found;
    const alias = name.table === undefined ? around.aliases.get(key) : undefined;
    if (alias !== undefined) return { alias };
  }
  const isPlain = !name.isQuoted && name.table === undefined;
  if (isPlain && (key === "true" || key === "false")) return { boolean: key };
  return refuse(`no such column: ${shownName(name)}`, name.at);
}

function shownName({ table, column }: Name): string {
  return table === undefined ? column : `${table}.${column}`;
}

/** The column of a name in this very scope; undefined if there is none. */
function columnIn(name: Name, scope: NameScope): FoundColumn | undefined {
  const { table, column, at } = name;
  const key = keyOfName(column);
  const named = scope.sources.filter(({ name: own, hidden }) =>
    table === undefined ? !hidden.has(key) : own === keyOfName(table)
  );
  const found = named.map((source) => ({ source, column: source.columns.indexOf(key) }))
    .filter(({ column }) => column >= 0);
  if (found.length === 0 && isRowidName(column)) {
    const rows = named.filter(({ hasRowid }) => hasRowid);
    found.push(...rows.map((source) => ({ source, column: -1 })));
  }
  if (found.length > 1) refuse(`ambiguous column name: ${shownName(name)}`, at);
  return found[0];
}

/** The index of a term of ORDER BY among the aliases of a result; undefined if it is none. */
export function aliasOfTerm(
  expr: Expr,
  aliases: ReadonlyMap<string, number>,
): number | undefined {
  if (expr.kind === "collate") return aliasOfTerm(expr.operand, aliases);
  const isPlain = expr.kind === "name" && expr.table === undefined;
  return isPlain ? aliases.get(keyOfName(expr.column)) : undefined;
}
