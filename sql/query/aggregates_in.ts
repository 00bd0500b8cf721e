/**
 * Finds the aggregates over the rows of a query: those in its own expressions, and those in
 * subqueries that refer only to its columns. An aggregate is over the rows of the innermost query
 * whose columns it refers to, or of its own query if it refers to none.
 */

import { isAggregate } from "../expression/call.ts";
import type { Context } from "../expression/context.ts";
import {
  type CommonTables,
  hasRowid,
  meaningOf,
  NO_SCOPE,
  type Scope,
} from "../expression/scope.ts";
import { AGGREGATES } from "../function/functions.ts";
import type { Body, Call, Core, Expr, FromItem, Name, Query } from "../parse/ast.ts";
import { queryOf, walk, walkQuery } from "../parse/walk.ts";
import { columnNamed, isRowidName, keyOfName } from "../schema/types.ts";
import { refuse, unsupported } from "../value/error.ts";
import { aliasesOf, expand } from "./columns.ts";
import { resolveFrom, withCommon } from "./from.ts";

/** The aggregates in some expressions, over whichever rows, except those in subqueries. */
export function aggregatesIn(exprs: readonly Expr[], scope: Scope): Call[] {
  const found: Call[] = [];
  const look = (expr: Expr, around: Scope) =>
    walk(expr, (part, isInQuery) => {
      if (isInQuery) return false;
      if (part.kind === "name") {
        const meaning = meaningOf(part, around);
        if (meaning.kind === "alias") look(meaning.expr, meaning.scope);
        return false;
      }
      if (part.kind !== "call" || !isAggregate(part)) return true;
      checkCall(part, around);
      if (!found.includes(part)) found.push(part);
      return false;
    });
  for (const expr of exprs) look(expr, scope);
  return found;
}

/** The aggregates in some expressions over the rows of a scope. */
export function ownAggregates(context: Context, exprs: readonly Expr[], scope: Scope): Call[] {
  const own = aggregatesIn(exprs, scope).filter((call) => isOver(call, scope, scope));
  return [...own, ...new SubqueryVisitor(context, scope).aggregatesIn(exprs)];
}

function checkCall(call: Call, scope: Scope): void {
  const { name, args, isStar, at, orderBy } = call;
  const { least, most } = AGGREGATES.get(name)!;
  const isCount = name === "count" && isStar;
  if (!isCount && (args.length < least || args.length > most || isStar)) {
    refuse(`wrong number of arguments to function ${name.toUpperCase()}()`, at);
  }
  if (call.isDistinct && args.length !== 1) {
    refuse("DISTINCT aggregates must have exactly one argument", at);
  }
  for (const arg of [...args, ...orderBy.map(({ expr }) => expr)]) {
    if (aggregatesIn([arg], { ...scope, aliases: new Map() }).length > 0) {
      refuse(`misuse of aggregate function ${name.toUpperCase()}()`, at);
    }
  }
}

/** The expressions that decide which rows an aggregate is over. */
function partsOfCall({ args, filter, orderBy }: Call): Expr[] {
  return [...args, ...orderBy.map(({ expr }) => expr), ...(filter === undefined ? [] : [filter])];
}

/** Whether an aggregate in a scope is over the rows of `around`: that scope, or one around it. */
export function isOver(call: Call, scope: Scope, around: Scope): boolean {
  let level = 0;
  let isNamed = false;
  const look = (expr: Expr, from: Scope, isAlias: boolean) =>
    walk(expr, (part, isInQuery) => {
      // A query inside may refer to anything.
      if (isInQuery) level = scope.level;
      if (isInQuery || part.kind !== "name") return !isInQuery;
      const meaning = meaningOf(part, from);
      if (meaning.kind === "alias") look(meaning.expr, meaning.scope, true);
      else if (meaning.kind === "column") level = Math.max(level, meaning.resolved.scope.level);
      isNamed ||= isAlias;
      return false;
    });
  for (const expr of partsOfCall(call)) look(expr, scope, false);
  if (level === 0 || level === scope.level) return scope === around;
  if (isNamed) {
    const name = call.name.toUpperCase();
    unsupported(`${name}() of an alias over the rows of a query around this one is`, call.at);
  }
  return level === around.level;
}

/** Visits the subqueries of expressions. */
class SubqueryVisitor {
  readonly #context: Context;
  /** The scope whose aggregates are looked for. */
  readonly #own: Scope;

  constructor(context: Context, own: Scope) {
    this.#context = context;
    this.#own = own;
  }

  /** The aggregates in the subqueries of some expressions. */
  aggregatesIn(exprs: readonly Expr[]): Call[] {
    return exprs.flatMap((expr) => this.#expr(expr, this.#own));
  }

  #expr(expr: Expr, scope: Scope): Call[] {
    const found: Call[] = [];
    walk(expr, (part, isInQuery) => {
      if (isInQuery) return false;
      const query = queryOf(part);
      if (query !== undefined && this.#concerns(query)) found.push(...this.#query(query, scope));
      if (part.kind !== "call" || !isAggregate(part)) return true;
      if (scope !== this.#own && isOver(part, scope, this.#own)) found.push(part);
      // An argument may have no aggregate over the same rows, not even in a subquery.
      return scope !== this.#own;
    });
    return found;
  }

  /** Whether a query has an aggregate that names what may be a column of the scope. */
  #concerns(query: Query): boolean {
    let found = false;
    const look = (part: Expr): boolean => {
      if (part.kind === "call" && isAggregate(part)) {
        for (const inside of partsOfCall(part)) {
          walk(inside, (name) => !(found ||= name.kind === "name" && mayName(name, this.#own)));
        }
      }
      return !found;
    };
    walkQuery(query, (expr) => walk(expr, look));
    return found;
  }

  #query(query: Query, parent: Scope): Call[] {
    const common = withCommon(parent.common, query.with);
    return [
      ...query.with.flatMap((bound) => this.#query(bound.query, { ...parent, common })),
      ...this.#body(query.body, query, parent, common),
    ];
  }

  #body(body: Body, { orderBy }: Query, parent: Scope, common: CommonTables): Call[] {
    const level = parent.level + 1;
    const alone: Scope = { ...NO_SCOPE, parent, common, level };
    switch (body.kind) {
      case "values":
        return body.rows.flat().flatMap((expr) => this.#expr(expr, alone));
      case "compound":
        return [body.left, body.right].flatMap((part) =>
          this.#body(part, { ...NO_ORDER, at: part.at, body: part }, parent, common)
        );
      case "core":
        return this.#core(body, orderBy.map(({ expr }) => expr), parent, common);
    }
  }

  #core(core: Core, order: readonly Expr[], parent: Scope, common: CommonTables): Call[] {
    const { scope } = resolveFrom(this.#context, core.from, parent, common);
    const outputs = expand(core.columns, scope);
    const late = { ...scope, aliases: aliasesOf(outputs) };
    const { where, having, groupBy } = core;
    const conditions = [where, having].filter((expr) => expr !== undefined);
    return [
      ...core.from.flatMap((item) => this.#from(item, { ...parent, common }, scope)),
      ...outputs.flatMap(({ expr }) => this.#expr(expr, scope)),
      ...[...conditions, ...groupBy, ...order].flatMap((expr) => this.#expr(expr, late)),
    ];
  }

  #from({ query, items, on, args = [] }: FromItem, parent: Scope, scope: Scope): Call[] {
    const exprs = on === undefined ? args : [...args, on];
    return [
      ...(query === undefined ? [] : this.#query(query, parent)),
      ...(items ?? []).flatMap((item) => this.#from(item, parent, scope)),
      ...exprs.flatMap((expr) => this.#expr(expr, scope)),
    ];
  }
}

const NO_ORDER = { with: [], orderBy: [], limit: undefined, offset: undefined };

/** Whether a name may refer to a column of this very scope. */
function mayName({ table, column }: Name, { sources, merged }: Scope): boolean {
  const key = table === undefined ? undefined : keyOfName(table);
  return merged?.has(keyOfName(column)) === true ||
    sources.some((source) =>
      (key === undefined || keyOfName(source.name) === key) &&
      (columnNamed(source.columns, column) >= 0 || isRowidName(column) && hasRowid(source))
    );
}
