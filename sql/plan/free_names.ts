/**
 * Finds the loops that a query inside a condition may refer to, by its free names: those that are
 * not certainly columns of a table in a FROM inside the query.
 */

import type { Scope } from "../expression/scope.ts";
import type { Body, Core, Expr, FromItem, Name, Query } from "../parse/ast.ts";
import { partsOf, queryOf, tablesIn, windowParts } from "../parse/walk.ts";
import type { Catalog } from "../schema/catalog.ts";
import { columnNamed, keyOfName } from "../schema/types.ts";
import { type Loop, type LoopSet, loopsIn, loopsNamed } from "./loop.ts";

/** A table in a FROM: its name there, and its columns, if it is certain which table is meant. */
interface Local {
  readonly name: string;
  readonly columns: readonly { readonly name: string }[];
}

/** The loops that a condition may refer to, also in queries inside it. */
export function loopsOfCondition(
  catalog: Catalog,
  expr: Expr,
  scope: Scope,
  loops: readonly Loop[],
): LoopSet {
  const query = queryOf(expr);
  const parts = partsOf(expr);
  if (query === undefined && parts.length === 0) return loopsIn(expr, scope, loops);
  let found = query === undefined ? 0n : loopsOfQuery(catalog, query, scope, loops);
  for (const part of parts) found |= loopsOfCondition(catalog, part, scope, loops);
  return found;
}

/** The loops around a query that it may refer to. */
export function loopsOfQuery(
  catalog: Catalog,
  query: Query,
  scope: Scope,
  loops: readonly Loop[],
): LoopSet {
  const { common } = scope;
  // A query of WITH may refer to what is around it, too.
  if (common.size > 0 && !tablesIn(query).isDisjointFrom(new Set(common.keys()))) {
    return loopsIn({ kind: "subquery", query, at: query.at }, scope, loops);
  }
  const finder = new FreeNames(catalog, new Set(common.keys()));
  finder.query(query, []);
  return finder.found.reduce(
    (found, { table, column }) => found | loopsNamed(table, column, scope, loops),
    0n,
  );
}

/** Collects the free names of a query. */
class FreeNames {
  readonly found: Name[] = [];
  readonly #catalog: Catalog;
  /** The names that WITH gives to queries, anywhere. */
  readonly #common: Set<string>;

  constructor(catalog: Catalog, common: Set<string>) {
    this.#catalog = catalog;
    this.#common = common;
  }

  query({ with: tables, body, orderBy, limit, offset }: Query, around: readonly Local[]): void {
    for (const { name } of tables) this.#common.add(keyOfName(name));
    for (const common of tables) this.query(common.query, around);
    this.#body(body, around);
    // A compound sorts by columns of its result.
    const locals = body.kind === "core" ? this.#localsOf(body, around) : around;
    for (const { expr } of orderBy) this.#expr(expr, locals);
    for (const expr of [limit, offset]) if (expr !== undefined) this.#expr(expr, around);
  }

  #body(body: Body, around: readonly Local[]): void {
    if (body.kind === "compound") {
      this.#body(body.left, around);
      this.#body(body.right, around);
    } else if (body.kind === "values") {
      for (const row of body.rows) for (const expr of row) this.#expr(expr, around);
    } else this.#core(body, around);
  }

  #core(core: Core, around: readonly Local[]): void {
    const locals = this.#localsOf(core, around);
    const { columns, from, where, having, groupBy, windows } = core;
    for (const item of from) this.#item(item, around, locals);
    for (const column of columns) if (column.kind === "expr") this.#expr(column.expr, locals);
    for (const window of windows.values()) {
      for (const expr of windowParts(window)) this.#expr(expr, locals);
    }
    for (const expr of [...groupBy, where, having]) {
      if (expr !== undefined) this.#expr(expr, locals);
    }
  }

  /** A query in FROM does not see the items beside it. */
  #item(item: FromItem, around: readonly Local[], locals: readonly Local[]): void {
    const { query, args, on, items } = item;
    for (const inner of items ?? []) this.#item(inner, around, locals);
    if (query !== undefined) this.query(query, around);
    for (const expr of [...args ?? [], on]) if (expr !== undefined) this.#expr(expr, locals);
  }

  #expr(expr: Expr, locals: readonly Local[]): void {
    if (expr.kind === "name" && !isLocal(expr, locals)) this.found.push(expr);
    for (const part of partsOf(expr)) this.#expr(part, locals);
    const query = queryOf(expr);
    if (query !== undefined) this.query(query, locals);
  }

  #localsOf({ from }: Core, around: readonly Local[]): Local[] {
    return [...around, ...from.flatMap((item) => this.#localsIn(item))];
  }

  #localsIn({ table, alias, args, items }: FromItem): Local[] {
    if (items !== undefined) return items.flatMap((item) => this.#localsIn(item));
    const isCommon = table !== undefined && this.#common.has(keyOfName(table));
    const found = table === undefined || args !== undefined || isCommon
      ? undefined
      : this.#catalog.table(table);
    const name = alias ?? table;
    return name === undefined ? [] : [{ name: keyOfName(name), columns: found?.columns ?? [] }];
  }
}

function isLocal({ table, column }: Name, locals: readonly Local[]): boolean {
  if (table === undefined) return locals.some(({ columns }) => columnNamed(columns, column) >= 0);
  const key = keyOfName(table);
  return locals.some(({ name, columns }) => name === key && columnNamed(columns, column) >= 0);
}
