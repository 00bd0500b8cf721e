/**
 * Resolves FROM: its sources, the loops over them, and the conditions of joins. Queries and views
 * that only select and filter become part of the loops around them.
 */

import { isAggregate } from "../expression/call.ts";
import type { Context, Prepared } from "../expression/context.ts";
import {
  type CommonBinding,
  type CommonTables,
  fixedName,
  meaningOf,
  type Merged,
  noteMerged,
  type Place,
  type Scope,
  type Source,
  type SourceColumn,
  sourceColumn,
} from "../expression/scope.ts";
import { TABLE_FUNCTIONS, type TableFunction } from "../function/tables.ts";
import type { CommonTable, Core, Expr, FromItem, Query } from "../parse/ast.ts";
import { NO_CALL, NO_FROM } from "../parse/expression_parser.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { mentionsTable, queryOf, walk } from "../parse/walk.ts";
import { loopsOfCondition } from "../plan/free_names.ts";
import { conjunctsOf, type Loop, type Term } from "../plan/loop.ts";
import { callsRandom } from "../schema/deterministic.ts";
import { columnNamed, keyOfName, type Table, type View } from "../schema/types.ts";
import { refuse } from "../value/error.ts";
import { describe, expand, markUsed } from "./columns.ts";
import { pragmaFunction } from "./pragma_rows.ts";
import { SCHEMA_NAMES, schemaRows, sequenceRows } from "./schema_table.ts";

/** A loop, and the query whose rows it reads if it is not over a table. */
export interface FromLoop extends Loop {
  readonly prepared: Prepared | undefined;
  /** The table-valued function whose rows it reads; undefined for others. */
  readonly called?: TableFunction | undefined;
}

/** A condition, before its loops are known. */
export interface Condition {
  readonly expr: Expr;
  readonly scope: Scope;
  /** The loop of the left join whose ON it is; -1 for others. */
  readonly onOf: number;
  /** The scope of all sources, if the ON may refer only to those before it. */
  readonly around?: Scope | undefined;
}

/** What FROM resolves to. */
export interface From {
  readonly scope: Scope;
  readonly loops: FromLoop[];
  readonly conditions: Condition[];
}

/** The assumed number of rows of a query. */
const ROWS_GUESSED = 200;
/** The planner assumes that each table has at least this number of rows. */
const ROWS_LEAST = 1000;
const VIEW_DEPTH_MAX = 100;
/** A column up to this size is computed where it is used: each view may double the size. */
const WEIGHT_MAX = 1000;
/** The maximum number of loops of a join: planning takes time by the cube of it. */
const LOOPS_MAX = 200;
const FUNCTION_ROWS_GUESSED = 25;

/** The common tables that a query sees. */
export function withCommon(tables: CommonTables, added: readonly CommonTable[]): CommonTables {
  const all = new Map(tables);
  for (const { name, columns, query } of added) {
    // A query sees itself, if it is recursive, and all of its WITH.
    all.set(keyOfName(name), { query, columns, common: all, current: undefined, isOpen: false });
  }
  return all;
}

/** Resolves the items of a FROM. */
export function resolveFrom(
  context: Context,
  items: readonly FromItem[],
  parent: Scope | undefined,
  common: CommonTables,
  hasSides = items.some(isSide),
): From {
  return new FromResolver(context, [], [], 0, hasSides).resolve(items, parent, common);
}

/** Whether an item is joined by a right or full join. */
function isSide({ join }: FromItem): boolean {
  return join === "right" || join === "full";
}

class FromResolver {
  readonly #context: Context;
  readonly #loops: FromLoop[];
  readonly #conditions: Condition[];
  readonly #depth: number;
  /** Whether the FROM has right or full joins, so any column of USING may be missing. */
  readonly #hasSides: boolean;

  constructor(
    context: Context,
    loops: FromLoop[],
    conditions: Condition[],
    depth: number,
    hasSides: boolean,
  ) {
    this.#hasSides = hasSides;
    this.#context = context;
    this.#loops = loops;
    this.#conditions = conditions;
    this.#depth = depth;
  }

  resolve(items: readonly FromItem[], parent: Scope | undefined, common: CommonTables): From {
    const sources: Source[] = [];
    const merged = new Map<string, Merged>();
    const level = (parent?.level ?? 0) + 1;
    const base = { sources, parent, level, common, grouping: undefined };
    const scope: Scope = { ...base, aliases: new Map(), merged };
    for (const item of nestedSides(items)) {
      const before = this.#loops.length;
      const added = item.items === undefined
        ? [this.#source(item, scope)]
        : this.#joined(item, item.items, scope, merged);
      this.#join(item, added, sources, scope, before);
    }
    return { scope, loops: this.#loops, conditions: this.#conditions };
  }

  #join(item: FromItem, added: Source[], sources: Source[], scope: Scope, loop: number): void {
    const onOf = item.join === "left" ? loop : -1;
    const names = item.isNatural ? sharedNames(sources, added) : item.using ?? [];
    for (const name of names) {
      const left = this.#hasSides
        ? anyOf(sources, name, scope, item.at)
        : columnOf(sources, name, scope, item.at);
      const right = columnOf(added, name, scope, item.at);
      if (left === undefined || right === undefined) {
        refuse(`cannot join using column ${name} - column not present in both tables`, item.at);
      }
      const expr: Expr = { kind: "binary", operator: "=", left, right, at: item.at };
      this.#conditions.push({ expr, scope, onOf });
      for (const source of added) source.hidden.add(keyOfName(name));
    }
    sources.push(...added);
    if (this.#loops.length > LOOPS_MAX) {
      refuse(`too many tables in FROM and its views, max: ${LOOPS_MAX}`, item.at);
    }
    if (item.on === undefined) return;
    // A name in a query inside the ON of an outer join never refers to a source to its right; nor
    // does one in an ON before a right or full join, which must know what earlier joins found.
    const isEarly = onOf >= 0 || this.#hasSides;
    const before = isEarly ? { ...scope, sources: [...sources] } : scope;
    const around = isEarly ? scope : undefined;
    for (const expr of conjunctsOf(item.on)) {
      this.#conditions.push({ expr, scope: before, onOf, around });
    }
  }

  /** The sources of a join whose rows a single loop visits. */
  #joined(
    item: FromItem,
    items: readonly FromItem[],
    scope: Scope,
    merged: Map<string, Merged>,
  ): Source[] {
    const join = this.#context.prepareJoin(items, scope.parent, scope.common);
    const prepared: Prepared = {
      columns: join.columns,
      emit: (sink) => join.emit(rows.used, sink),
    };
    const rows = this.#materialized({ ...item, alias: "(join)" }, prepared, join.columns);
    const inner: Scope = { ...scope, sources: [rows], merged: undefined };
    const at = (column: number) =>
      fixedName({ source: rows, column, scope: inner }, join.columns[column]!.name, item.at);
    const sources = join.sources.map(({ name, columns, hidden, first, rowid }): Source => ({
      name,
      columns,
      hidden: new Set(hidden),
      used: new Set(),
      place: {
        kind: "inline",
        exprs: columns.map((_, i) => at(first + i)),
        rowid: rowid < 0 ? undefined : at(rowid),
        scope: inner,
      },
    }));
    for (const [name, { places, before }] of join.merged) {
      const columns = places.map((place) => {
        const source = join.sources.findLastIndex(({ first }) => first <= place);
        return { source: sources[source]!, column: place - join.sources[source]!.first };
      });
      const expr = mergedColumn(name, columns, scope, item.at);
      merged.set(name, { columns, expr, before: new Set(sources.slice(0, before)) });
    }
    return sources;
  }

  #source(item: FromItem, scope: Scope): Source {
    if (this.#depth > VIEW_DEPTH_MAX) refuse("views are nested too deeply", item.at);
    if (item.query !== undefined) {
      return this.#query(item, item.query, undefined, scope, scope.common);
    }
    const name = item.table!;
    const isCommon = item.args === undefined && !item.hasSchema;
    const bound = isCommon ? scope.common.get(keyOfName(name)) : undefined;
    if (bound !== undefined) return this.#common(item, bound, scope);
    const table = this.#context.catalog.table(name);
    if (item.args !== undefined && table !== undefined) {
      refuse(`'${name}' is not a function`, item.at);
    }
    if (table !== undefined) {
      checkIndex(this.#context, table, item);
      const cursor = this.#context.builder.cursor();
      const place: Place = { kind: "table", table, cursor, index: undefined };
      // A statement that is prepared on a small table may run on a large one.
      const rows = Math.max(ROWS_LEAST, this.#context.count(table.tree));
      return this.#add(item, table.columns.map(sourceColumn), place, rows, undefined);
    }
    const view = this.#context.catalog.view(name);
    if (view !== undefined) return this.#view(item, view, scope);
    const called = functionOf(this.#context, name);
    if (called !== undefined) return this.#function(item, called, scope);
    if (!SCHEMA_NAMES.includes(keyOfName(name))) refuse(`no such table: ${name}`, item.at);
    const prepared = schemaRows(this.#context, keyOfName(name));
    return this.#materialized(item, prepared, prepared.columns);
  }

  /** The rows of a table-valued function, whose arguments see the sources beside it. */
  #function(item: FromItem, called: TableFunction, scope: Scope): Source {
    const { at, args = [] } = item;
    const { columns: names, least, most } = called;
    if (args.length > most) refuse(`too many arguments on ${item.table}() - max ${most}`, at);
    if (args.length < least) refuse(`too few arguments on ${item.table}() - min ${least}`, at);
    const shown = names.length - most;
    const columns = names.map((name, i): SourceColumn => ({
      name,
      affinity: undefined,
      collation: "BINARY",
      type: undefined,
      isHidden: i >= shown,
      isElement: name === "value" && called.hasElements === true,
    }));
    const source = named(item, columns, { kind: "rows", cursor: this.#context.builder.cursor() });
    this.#loops.push({
      source,
      isLeft: item.join === "left",
      rows: FUNCTION_ROWS_GUESSED,
      prepared: undefined,
      called,
      args: args.map((expr) => ({ expr, scope })),
    });
    return source;
  }

  #view(item: FromItem, view: View, scope: Scope): Source {
    const statement = parseOne(view.sql);
    if (statement.kind !== "create view") return refuse(`malformed view ${view.name}`, item.at);
    // A view sees neither the queries of WITH nor the scopes around it.
    const alone = { ...scope, parent: undefined };
    return this.#query(item, statement.query, view.columns, alone, new Map());
  }

  #common(item: FromItem, bound: CommonBinding, scope: Scope): Source {
    const { query, columns, common, current, isOpen } = bound;
    const name = keyOfName(item.table!);
    if (isOpen) refuse(`circular reference: ${item.table}`, item.at);
    if (current !== undefined) {
      return this.#add(item, current.columns, current.place, 1, { columns: [], emit: oneRow });
    }
    const isRecursive = query.body.kind === "compound" && mentionsTable(query, name);
    if (!isRecursive) {
      const others = new Map(common).set(name, { ...bound, isOpen: true });
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
      const source = this.#inline(item, query.body as Core, names, scope, inside);
      if (source !== undefined) return source;
    }
    const prepared = this.#context.prepare(query, scope.parent ?? undefined, common);
    return this.#materialized(item, prepared, renamed(prepared.columns, names, item));
  }

  /** Merges the loops of a query into those around it; undefined if its columns are too large. */
  #inline(
    item: FromItem,
    core: Core,
    names: readonly string[] | undefined,
    scope: Scope,
    common: CommonTables,
  ): Source | undefined {
    const [loops, conditions] = [this.#loops.length, this.#conditions.length];
    const resolver = new FromResolver(
      this.#context,
      this.#loops,
      this.#conditions,
      this.#depth + 1,
      core.from.some(isSide),
    );
    const inner = resolver.resolve(core.from, scope.parent, common).scope;
    const outputs = expand(core.columns, inner);
    const weights = outputs.map(({ expr }) => weightOf(expr, inner));
    if (weights.some((weight) => weight > WEIGHT_MAX)) {
      this.#loops.length = loops;
      this.#conditions.length = conditions;
      return undefined;
    }
    const where = core.where === undefined ? [] : conjunctsOf(core.where);
    const aliases = new Map(
      outputs.filter(({ alias }) => alias !== undefined)
        .map(({ alias, expr }) => [keyOfName(alias!), expr]),
    );
    const condition = { ...inner, aliases };
    for (const expr of where) this.#conditions.push({ expr, scope: condition, onOf: -1 });
    const columns = renamed(describe(this.#context, outputs, inner), names, item);
    const exprs = outputs.map(({ expr }) => expr);
    return named(item, columns, { kind: "inline", exprs, scope: inner, weights });
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

/** Refuses a hint that names no index of the table. */
export function checkIndex(
  { catalog }: Context,
  table: Table,
  { indexedBy, at }: Pick<FromItem, "indexedBy" | "at">,
): void {
  if (indexedBy === undefined || catalog.index(indexedBy)?.table === table) return;
  refuse(`no such index: ${indexedBy}`, at);
}

/** The table-valued function of a name; undefined if there is none. */
/** The table-valued function of a name; undefined if there is none. */
export function functionOf(
  { catalog }: Pick<Context, "catalog">,
  name: string,
): TableFunction | undefined {
  const key = keyOfName(name);
  if (key === "sqlite_sequence") return sequenceRows(catalog);
  return TABLE_FUNCTIONS.get(key) ?? pragmaFunction(catalog, key);
}

/** The terms of conditions; notes the columns that these and arguments of functions use. */
export function termsOf(
  { catalog }: Context,
  conditions: readonly Condition[],
  loops: readonly FromLoop[],
): Term[] {
  for (const { args } of loops) args?.forEach(({ expr, scope }) => markUsed(expr, scope));
  return conditions.map(({ expr, scope, onOf, around }) => {
    if (around !== undefined) refuseRight(expr, scope, around);
    markUsed(expr, scope);
    return { expr, scope, onOf, loops: loopsOfCondition(catalog, expr, scope, loops) };
  });
}

/** Refuses an ON that refers to a source to its right. */
function refuseRight(expr: Expr, { sources }: Scope, around: Scope): void {
  walk(expr, (part, isInQuery) => {
    if (isInQuery) return false;
    const meaning = part.kind === "name" ? meaningOf(part, around) : undefined;
    const source = meaning?.kind === "column" ? meaning.resolved.source : undefined;
    if (source !== undefined && around.sources.includes(source) && !sources.includes(source)) {
      refuse("ON clause references tables to its right", part.at);
    }
    return true;
  });
}

/** Emits nothing: the current row of a recursive query is in registers already. */
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

/**
 * Nests the last right or full join, with all items before it, as a join of its own: nested loops
 * cannot find its rows.
 */
function nestedSides(items: readonly FromItem[]): readonly FromItem[] {
  const last = items.findLastIndex(isSide);
  if (last < 0) return items;
  const nested = { ...NO_FROM, at: items[last]!.at, items: items.slice(0, last + 1) };
  return [nested, ...items.slice(last + 1)];
}

/** The first column of a name that no join hides. */
function columnOf(
  sources: readonly Source[],
  name: string,
  scope: Scope,
  at: number,
): Expr | undefined {
  const key = keyOfName(name);
  const source = sources.find(({ columns, hidden }) =>
    columnNamed(columns, key) >= 0 && !hidden.has(key)
  );
  if (source === undefined) return undefined;
  return fixedName({ source, column: columnNamed(source.columns, key), scope }, name, at);
}

/** The first column of a name that is not NULL. */
function anyOf(
  sources: readonly Source[],
  name: string,
  scope: Scope,
  at: number,
): Expr | undefined {
  const columns = sources.map((source) => ({ source, column: columnNamed(source.columns, name) }))
    .filter(({ column }) => column >= 0);
  return columns.length === 0 ? undefined : mergedColumn(name, columns, scope, at);
}

/** A column that stands for several: one of them, or the first that is not NULL. */
function mergedColumn(
  name: string,
  columns: Merged["columns"],
  scope: Scope,
  at: number,
): Expr {
  const args = columns.map((column) => fixedName({ ...column, scope }, name, at));
  const [only] = args;
  if (args.length === 1) return only!;
  const call = { ...NO_CALL, kind: "call", name: "coalesce", args, at } as const;
  return noteMerged(call);
}

/** The names of columns that both sides of a natural join have. */
export function sharedNames(sources: readonly Source[], added: readonly Source[]): string[] {
  return added.flatMap(({ columns }) => columns).filter(({ isHidden }) => isHidden !== true).map((
    { name },
  ) => name)
    .filter((name) => sources.some((source) => columnNamed(source.columns, name) >= 0));
}

/** Whether a query only selects and filters, so it can be part of the loops around it. */
function isPlain({ body, orderBy, limit }: Query): boolean {
  if (body.kind !== "core" || orderBy.length > 0 || limit !== undefined) return false;
  if (body.isDistinct || body.groupBy.length > 0 || body.having !== undefined) return false;
  if (body.from.length === 0 || body.from.some(({ join }) => join !== "inner")) return false;
  return body.columns.every((column) => column.kind === "star" || isCheap(column.expr));
}

/** The number of nodes of an expression, including the expressions that it names. */
function weightOf(expr: Expr, scope: Scope): number {
  let weight = 0;
  walk(expr, (part) => {
    weight++;
    const meaning = part.kind === "name" ? meaningOf(part, scope) : undefined;
    if (meaning?.kind !== "column") return true;
    const { source: { place }, column } = meaning.resolved;
    if (place.kind === "inline") weight += place.weights?.[column] ?? 1;
    return true;
  });
  return weight;
}

/** Whether an expression may be evaluated each time it is used. */
function isCheap(expr: Expr): boolean {
  let cheap = true;
  walk(expr, (part) => {
    const isCall = part.kind === "call" && (isAggregate(part) || part.over !== undefined);
    if (isCall || queryOf(part) !== undefined) cheap = false;
    return cheap;
  });
  return cheap && !callsRandom(expr);
}
