/**
 * Resolves FROM: its sources, the loops over them, and the conditions of joins. Queries and views
 * that only select and filter become part of the loops around them.
 */

import type { CommonTable, Core, Expr, FromItem, Query } from "../parse/ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { columnNamed, keyOfName, type View } from "../schema/types.ts";
import { refuse, unsupported } from "../value/error.ts";
import { isAggregate } from "../expression/call.ts";
import type { Context, Prepared } from "../expression/context.ts";
import { type CommonBinding, type CommonTables, fixedName } from "../expression/scope.ts";
import { type Place, type Scope, type Source, sourceColumn } from "../expression/scope.ts";
import type { SourceColumn } from "../expression/scope.ts";
import { mentionsTable, queryOf, walk } from "../expression/walk.ts";
import { conjunctsOf, type Loop } from "../plan/loop.ts";
import { describe, expand } from "./columns.ts";
import { SCHEMA_NAMES, schemaRows } from "./schema_table.ts";

/** A loop, and the query whose rows it reads if it is not over a table. */
export interface FromLoop extends Loop {
  readonly prepared: Prepared | undefined;
}

/** A condition, before its loops are known. */
export interface Condition {
  readonly expr: Expr;
  readonly scope: Scope;
  /** The loop of the left join whose ON it is; -1 for others. */
  readonly onOf: number;
}

/** What FROM resolves to. */
export interface From {
  readonly scope: Scope;
  readonly loops: FromLoop[];
  readonly conditions: Condition[];
}

/** The rows of a query whose size is not known. */
const ROWS_GUESSED = 200;
/** Tables are planned for as if they had at least so many rows. */
const ROWS_LEAST = 1000;
const VIEWS_DEEP_MAX = 100;

/** The common tables that a query sees. */
export function withCommon(tables: CommonTables, added: readonly CommonTable[]): CommonTables {
  const all = new Map(tables);
  for (const { name, columns, query } of added) {
    // A query sees itself, if it is recursive, and all of its WITH.
    all.set(keyOfName(name), { query, columns, common: all, current: undefined });
  }
  return all;
}

/** Resolves the items of a FROM. */
export function resolveFrom(
  context: Context,
  items: readonly FromItem[],
  parent: Scope | undefined,
  common: CommonTables,
): From {
  return new FromResolver(context, [], [], 0).resolve(items, parent, common);
}

class FromResolver {
  readonly #context: Context;
  readonly #loops: FromLoop[];
  readonly #conditions: Condition[];
  readonly #depth: number;

  constructor(context: Context, loops: FromLoop[], conditions: Condition[], depth: number) {
    this.#context = context;
    this.#loops = loops;
    this.#conditions = conditions;
    this.#depth = depth;
  }

  resolve(items: readonly FromItem[], parent: Scope | undefined, common: CommonTables): From {
    const sources: Source[] = [];
    const level = (parent?.level ?? 0) + 1;
    const base = { sources, parent, level, common, grouping: undefined };
    const scope: Scope = { ...base, aliases: new Map() };
    for (const item of items) {
      const before = this.#loops.length;
      const source = this.#source(item, scope);
      this.#join(item, source, sources, scope, before);
    }
    return { scope, loops: this.#loops, conditions: this.#conditions };
  }

  #join(item: FromItem, source: Source, sources: Source[], scope: Scope, loop: number): void {
    const onOf = item.join === "left" ? loop : -1;
    const names = item.isNatural ? sharedNames(sources, source) : item.using ?? [];
    for (const name of names) {
      const key = keyOfName(name);
      const left = sources.find(({ columns, hidden }) =>
        columnNamed(columns, key) >= 0 && !hidden.has(key)
      );
      const column = columnNamed(source.columns, key);
      if (left === undefined || column < 0) {
        refuse(`cannot join using column ${name} - column not present in both tables`, item.at);
      }
      const other = { source: left, column: columnNamed(left.columns, key), scope };
      const expr: Expr = {
        kind: "binary",
        operator: "=",
        left: fixedName(other, name, item.at),
        right: fixedName({ source, column, scope }, name, item.at),
        at: item.at,
      };
      this.#conditions.push({ expr, scope, onOf });
      source.hidden.add(key);
    }
    sources.push(source);
    if (item.on === undefined) return;
    for (const expr of conjunctsOf(item.on)) this.#conditions.push({ expr, scope, onOf });
  }

  #source(item: FromItem, scope: Scope): Source {
    if (this.#depth > VIEWS_DEEP_MAX) refuse("views are nested too deeply", item.at);
    if (item.query !== undefined) {
      return this.#query(item, item.query, undefined, scope, scope.common);
    }
    const name = item.table!;
    if (item.args !== undefined) return unsupported("table-valued functions are", item.at);
    const bound = scope.common.get(keyOfName(name));
    if (bound !== undefined) return this.#common(item, bound, scope);
    const table = this.#context.catalog.table(name);
    if (table !== undefined) {
      const cursor = this.#context.builder.cursor();
      const place: Place = { kind: "table", table, cursor, index: undefined };
      // A statement that is prepared on a small table may run on a large one.
      const rows = Math.max(ROWS_LEAST, this.#context.count(table.tree));
      return this.#add(item, table.columns.map(sourceColumn), place, rows, undefined);
    }
    const view = this.#context.catalog.view(name);
    if (view !== undefined) return this.#view(item, view, scope);
    if (!SCHEMA_NAMES.includes(keyOfName(name))) refuse(`no such table: ${name}`, item.at);
    const prepared = schemaRows(this.#context, keyOfName(name));
    return this.#materialized(item, prepared, prepared.columns);
  }

  #view(item: FromItem, view: View, scope: Scope): Source {
    const statement = parseOne(view.sql);
    if (statement.kind !== "create view") return refuse(`malformed view ${view.name}`, item.at);
    // A view sees neither the queries of WITH nor the scopes around it.
    const alone = { ...scope, parent: undefined };
    return this.#query(item, statement.query, view.columns, alone, new Map());
  }

  #common(item: FromItem, bound: CommonBinding, scope: Scope): Source {
    const { query, columns, common, current } = bound;
    const name = keyOfName(item.table!);
    if (current !== undefined) {
      return this.#add(item, current.columns, current.place, 1, { columns: [], emit: oneRow });
    }
    const isRecursive = query.body.kind === "compound" && mentionsTable(query, name);
    if (!isRecursive) {
      const others = new Map(common);
      others.delete(name);
      return this.#query(item, query, columns, scope, others);
    }
    const inner = { ...scope, common };
    const prepared = this.#context.prepareRecursive(name, bound, inner);
    return this.#materialized(item, prepared, prepared.columns);
  }

  #query(
    item: FromItem,
    query: Query,
    names: readonly string[] | undefined,
    scope: Scope,
    common: CommonTables,
  ): Source {
    const inside = withCommon(common, query.with);
    if (item.join !== "left" && isPlain(query)) {
      return this.#inline(item, query.body as Core, names, scope, inside);
    }
    const prepared = this.#context.prepare(query, scope.parent ?? undefined, common);
    return this.#materialized(item, prepared, renamed(prepared.columns, names, item));
  }

  /** Makes the loops of a query loops of the one around it. */
  #inline(
    item: FromItem,
    core: Core,
    names: readonly string[] | undefined,
    scope: Scope,
    common: CommonTables,
  ): Source {
    const resolver = new FromResolver(
      this.#context,
      this.#loops,
      this.#conditions,
      this.#depth + 1,
    );
    const inner = resolver.resolve(core.from, scope.parent, common).scope;
    const outputs = expand(core.columns, inner);
    const where = core.where === undefined ? [] : conjunctsOf(core.where);
    const aliases = new Map(
      outputs.filter(({ alias }) => alias !== undefined)
        .map(({ alias, expr }) => [keyOfName(alias!), expr]),
    );
    const condition = { ...inner, aliases };
    for (const expr of where) this.#conditions.push({ expr, scope: condition, onOf: -1 });
    const columns = renamed(describe(this.#context, outputs, inner), names, item);
    const exprs = outputs.map(({ expr }) => expr);
    return named(item, columns, { kind: "inline", exprs, scope: inner });
  }

  #materialized(item: FromItem, prepared: Prepared, columns: readonly SourceColumn[]): Source {
    const place: Place = { kind: "rows", cursor: this.#context.builder.cursor() };
    return this.#add(item, columns, place, ROWS_GUESSED, prepared);
  }

  #add(
    item: FromItem,
    columns: readonly SourceColumn[],
    place: Place,
    rows: number,
    prepared: Prepared | undefined,
  ): Source {
    const source = named(item, columns, place);
    this.#loops.push({ source, isLeft: item.join === "left", rows, prepared });
    return source;
  }
}

/** The one row that is current, which is in its registers already. */
function oneRow(): void {}

function named(item: FromItem, columns: readonly SourceColumn[], place: Place): Source {
  const name = item.alias ?? item.table ?? "";
  return { name, columns, place, hidden: new Set(), used: new Set() };
}

function renamed(
  columns: readonly SourceColumn[],
  names: readonly string[] | undefined,
  { at, table }: FromItem,
): readonly SourceColumn[] {
  if (names === undefined) return columns;
  if (names.length !== columns.length) {
    refuse(`table ${table} has ${columns.length} values for ${names.length} columns`, at);
  }
  return columns.map((column, i) => ({ ...column, name: names[i]! }));
}

function sharedNames(sources: readonly Source[], { columns }: Source): string[] {
  return columns.map(({ name }) => name).filter((name) =>
    sources.some((source) => columnNamed(source.columns, name) >= 0)
  );
}

/** Whether a query only selects and filters, so that it can be part of the loops around it. */
function isPlain({ body, orderBy, limit }: Query): boolean {
  if (body.kind !== "core" || orderBy.length > 0 || limit !== undefined) return false;
  if (body.isDistinct || body.groupBy.length > 0 || body.having !== undefined) return false;
  if (body.from.length === 0 || body.from.some(({ join }) => join === "left")) return false;
  return body.columns.every((column) => column.kind === "star" || isCheap(column.expr));
}

/** Whether an expression may be evaluated where it is used, and as often. */
function isCheap(expr: Expr): boolean {
  let cheap = true;
  walk(expr, (part) => {
    const isCall = part.kind === "call" &&
      (isAggregate(part) || part.over !== undefined || /^random/.test(part.name));
    if (isCall || queryOf(part) !== undefined) cheap = false;
    return cheap;
  });
  return cheap;
}
