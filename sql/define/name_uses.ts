/**
 * Finds where the statement of a view or trigger names tables and columns, and what each name
 * means, so that a rename changes the names that refer to what is renamed, and no others.
 */

import type { Body, CommonTable, Core, Expr, FromItem, Query, Values } from "../parse/ast.ts";
import type {
  Assignment,
  CreateTrigger,
  Delete,
  Explainable,
  Insert,
  Update,
} from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { isAlike, partsOf, queryOf, windowParts } from "../parse/walk.ts";
import { functionOf } from "../query/from.ts";
import { numberOf, ordinal } from "../query/order_by.ts";
import { SCHEMA_COLUMNS, SCHEMA_NAMES } from "../query/schema_table.ts";
import type { Catalog } from "../schema/catalog.ts";
import { keyOfName, ROWID_NAMES } from "../schema/types.ts";
import { PlacedError, refuse } from "../value/error.ts";
import {
  aliasOfTerm,
  emptyScope,
  type FoundColumn,
  meaningIn,
  type NamedQueries,
  type NamedQuery,
  type NamedSource,
  type NameMeaning,
  type NameScope,
  NO_QUERIES,
} from "./name_scope.ts";
import { TextPlaces } from "./text_places.ts";

/** A name of a table or of a column of one; both in lower case. */
export interface NameUse {
  /** The offset of its token. */
  readonly at: number;
  readonly table: string;
  /** Undefined if it is the table that is named. */
  readonly column: string | undefined;
}

/** The names of a statement. */
export interface NameUses {
  readonly uses: readonly NameUse[];
  /** What its names and stars mean, one after the other, whatever the names are. */
  readonly meanings: readonly string[];
}

/** What the names of a schema mean. */
export interface NamedSchema {
  readonly catalog: Catalog;
  /** The columns of views that are known; undefined while one is being resolved. */
  readonly views: Map<string, readonly string[] | undefined>;
  /** The name, in lower case, by which a table is known before and after a rename. */
  readonly identity: (name: string) => string;
}

/** A column of a result. */
interface Result {
  /** In lower case. */
  readonly name: string;
  readonly expr: Expr | undefined;
  /** The column that it is, if it is one of a star. */
  readonly found: FoundColumn | undefined;
}

/** A SELECT or VALUES of a query, resolved. */
interface Resolved {
  readonly results: readonly Result[];
  readonly scope: NameScope;
}

/**
 * The names in the statement of a view or trigger.
 *
 * @throws {PlacedError} A name means nothing, or is ambiguous.
 * @throws {SqlError} The text is malformed.
 */
export function nameUsesIn(schema: NamedSchema, sql: string): NameUses {
  const resolver = new NameResolver(schema, sql);
  const statement = parseOne(sql);
  if (statement.kind === "create trigger") resolver.trigger(statement);
  else if (statement.kind === "create view") {
    const { name, columns, query, at } = statement;
    renamed(name, columns, resolver.query(query, undefined, NO_QUERIES), at);
  }
  return resolver;
}

class NameResolver implements NameUses {
  readonly uses: NameUse[] = [];
  readonly meanings: string[] = [];
  readonly #schema: NamedSchema;
  readonly #places: TextPlaces;
  #sources = 0;

  constructor(schema: NamedSchema, sql: string) {
    this.#schema = schema;
    this.#places = new TextPlaces(sql);
  }

  /** Resolves a query, and returns the names of its columns. */
  query(
    query: Query,
    parent: NameScope | undefined,
    around: NamedQueries,
    onFirst?: (columns: readonly string[]) => void,
  ): readonly string[] {
    const common = this.#with(query.with, parent, around);
    const bodies = this.#bodies(query.body, parent, common, onFirst);
    for (const [i, { expr }] of query.orderBy.entries()) {
      if (bodies.length > 1) this.#compoundTerm(expr, i, bodies);
      else this.#term(expr, bodies[0]!.scope);
    }
    const outside = emptyScope(parent, common);
    for (const expr of [query.limit, query.offset]) this.#optional(expr, outside);
    return bodies[0]!.results.map(({ name }) => name);
  }

  #with(
    added: readonly CommonTable[],
    parent: NameScope | undefined,
    around: NamedQueries,
  ): NamedQueries {
    if (added.length === 0) return around;
    const common = new Map(around);
    const base = { parent, common, columns: undefined, isOpen: false };
    for (const { name, columns: given, query } of added) {
      common.set(keyOfName(name), { ...base, query, given });
    }
    for (const { name, at } of added) this.#columnsOfNamed(name, common.get(keyOfName(name))!, at);
    return common;
  }

  #columnsOfNamed(name: string, named: NamedQuery, at: number): readonly string[] {
    if (named.columns !== undefined) return named.columns;
    if (named.isOpen) refuse(`circular reference: ${name}`, at);
    named.isOpen = true;
    const set = (columns: readonly string[]) => {
      named.columns ??= renamed(name, named.given, columns, at);
    };
    // The other parts of a recursive query read the columns of the first.
    set(this.query(named.query, named.parent, named.common, set));
    return named.columns!;
  }

  #bodies(
    body: Body,
    parent: NameScope | undefined,
    common: NamedQueries,
    onFirst?: (columns: readonly string[]) => void,
  ): Resolved[] {
    if (body.kind !== "compound") return [this.#core(body, parent, common)];
    const left = this.#bodies(body.left, parent, common, onFirst);
    if (body.left.kind !== "compound") onFirst?.(left[0]!.results.map(({ name }) => name));
    return [...left, this.#core(body.right, parent, common)];
  }

  #core(core: Core | Values, parent: NameScope | undefined, common: NamedQueries): Resolved {
    const scope = emptyScope(parent, common);
    if (core.kind === "values") {
      for (const expr of core.rows.flat()) this.#expr(expr, scope);
      const results = core.rows[0]!.map((_, i) => resultOf(`column${i + 1}`));
      return { results, scope };
    }
    const aliases = new Map<string, number>();
    core.columns.forEach((column, i) => {
      if (column.kind !== "expr" || column.alias === undefined) return;
      const key = keyOfName(column.alias);
      if (!aliases.has(key)) aliases.set(key, i);
    });
    const aliased = { ...scope, aliases };
    this.#from(core.from, scope, aliased);
    const results = core.columns.flatMap((column): Result[] => {
      if (column.kind === "star") return this.#star(column.table, column.at, scope);
      this.#expr(column.expr, scope);
      const { alias, text, expr } = column;
      const name = alias ?? (expr.kind === "name" ? expr.column : text);
      return [{ name: keyOfName(name), expr, found: undefined }];
    });
    for (const expr of [core.where, core.having]) this.#optional(expr, aliased);
    for (const expr of core.groupBy) this.#expr(expr, aliased);
    for (const window of core.windows.values()) {
      for (const expr of windowParts(window)) this.#expr(expr, aliased);
    }
    return { results, scope: aliased };
  }

  #star(table: string | undefined, at: number, { sources }: NameScope): Result[] {
    const key = table === undefined ? undefined : keyOfName(table);
    const shown = key === undefined ? sources : sources.filter(({ name }) => name === key);
    if (shown.length === 0) {
      refuse(table === undefined ? "no tables specified" : `no such table: ${table}`, at);
    }
    const results = shown.flatMap((source) => {
      if (key !== undefined) this.#useTable(at, source);
      return source.columns.slice(0, source.shown).flatMap((name, column) => {
        const isHidden = key === undefined && source.hidden.has(name);
        return isHidden ? [] : [{ ...resultOf(name), found: { source, column } }];
      });
    });
    this.meanings.push(results.map(({ found }) => shownMeaning(found)).join());
    return results;
  }

  /** Resolves a term of ORDER BY: an alias goes before a column. */
  #term(expr: Expr, scope: NameScope): void {
    const alias = aliasOfTerm(expr, scope.aliases);
    if (alias === undefined) this.#expr(expr, scope);
    else this.meanings.push(`term ${alias}`);
  }

  /** Resolves a term of ORDER BY after a compound: it names or repeats a column of one SELECT. */
  #compoundTerm(expr: Expr, term: number, bodies: readonly Resolved[]): void {
    if (expr.kind === "collate") return this.#compoundTerm(expr.operand, term, bodies);
    if (numberOf(expr) !== undefined) return;
    for (const { results, scope } of bodies) {
      if (aliasOfTerm(expr, scope.aliases) !== undefined) return this.#term(expr, scope);
      if (results.some((result) => isRepeated(expr, result, scope))) return this.#expr(expr, scope);
    }
    refuse(`${ordinal(term)} ORDER BY term does not match any column in the result set`, expr.at);
  }

  /** Adds the sources of FROM to a scope; conditions see all of them. */
  #from(items: readonly FromItem[], scope: NameScope, aliased: NameScope): void {
    for (const item of items) {
      const added = item.items === undefined
        ? [this.#source(item, scope)]
        : this.#inParentheses(item.items, scope);
      this.#merge(item, scope.sources, added);
      scope.sources.push(...added);
    }
    for (const { on } of items) this.#optional(on, aliased);
  }

  #inParentheses(items: readonly FromItem[], { parent, common }: NameScope): NamedSource[] {
    const inner = emptyScope(parent, common);
    this.#from(items, inner, inner);
    return inner.sources;
  }

  /** Hides the columns that a join by USING or NATURAL merges. */
  #merge(item: FromItem, before: readonly NamedSource[], added: readonly NamedSource[]): void {
    const shared = added.flatMap(({ columns, shown }) => columns.slice(0, shown))
      .filter((name) => before.some(({ columns }) => columns.includes(name)));
    for (const name of item.isNatural ? shared : item.using ?? []) {
      const key = keyOfName(name);
      const sides = [before, added].map((sources) => {
        const source = sources.find(({ columns, hidden }) =>
          columns.includes(key) && !hidden.has(key)
        );
        return source && { source, column: source.columns.indexOf(key) };
      });
      if (sides.includes(undefined)) {
        refuse(`cannot join using column ${name} - column not present in both tables`, item.at);
      }
      this.meanings.push(`join ${sides.map(shownMeaning).join()}`);
      for (const { hidden } of added) hidden.add(key);
    }
  }

  #source(item: FromItem, scope: NameScope): NamedSource {
    const { table, alias, args, at } = item;
    const name = alias === undefined ? undefined : keyOfName(alias);
    if (item.query !== undefined) {
      const columns = this.query(item.query, scope.parent, scope.common);
      return this.#named(name, undefined, columns, false);
    }
    const key = keyOfName(table!);
    const isCommon = args === undefined && !item.hasSchema;
    const named = isCommon ? scope.common.get(key) : undefined;
    if (named !== undefined) {
      const columns = this.#columnsOfNamed(table!, named, at);
      this.meanings.push(`with ${key}`);
      return this.#named(name ?? key, undefined, columns, false);
    }
    const source = this.#object(key, name, this.#places.path(at).at(-1)!);
    if (source !== undefined) return source;
    for (const expr of args ?? []) this.#expr(expr, scope);
    return this.#function(item, key, name ?? key);
  }

  /** The rows of a table-valued function, or of the table of the schema. */
  #function({ table, at }: FromItem, key: string, name: string): NamedSource {
    this.meanings.push(`function ${key}`);
    const called = functionOf(this.#schema, key);
    if (called !== undefined) {
      const source = this.#named(name, undefined, called.columns.map(keyOfName), false);
      return { ...source, shown: called.columns.length - called.most };
    }
    if (!SCHEMA_NAMES.includes(key)) refuse(`no such table: main.${table}`, at);
    return this.#named(name, undefined, SCHEMA_COLUMNS.map(({ name }) => name), false);
  }

  /** A table or view, which a token names; undefined if there is none of the name. */
  #object(key: string, alias: string | undefined, at: number): NamedSource | undefined {
    const { catalog, identity } = this.#schema;
    const table = catalog.table(key);
    const columns = table?.columns.map(({ name }) => keyOfName(name)) ??
      viewColumns(this.#schema, key);
    if (columns === undefined) return undefined;
    this.uses.push({ at, table: key, column: undefined });
    this.meanings.push(`table ${identity(key)}`);
    const source = this.#named(alias ?? key, key, columns, alias !== undefined);
    return { ...source, hasRowid: table?.hasRowid ?? false };
  }

  #named(
    name: string | undefined,
    object: string | undefined,
    columns: readonly string[],
    isAlias: boolean,
  ): NamedSource {
    const shown = columns.length;
    const hidden = new Set<string>();
    return { id: this.#sources++, name, object, isAlias, columns, shown, hasRowid: false, hidden };
  }

  #optional(expr: Expr | undefined, scope: NameScope): void {
    if (expr !== undefined) this.#expr(expr, scope);
  }

  /** Resolves an expression, with the queries inside it. */
  #expr(expr: Expr, scope: NameScope): void {
    if (expr.kind === "name") {
      const meaning = meaningIn(expr, scope);
      this.meanings.push(shownMeaning(meaning));
      if (!("source" in meaning)) return;
      const path = this.#places.path(expr.at);
      this.#useColumn(path.at(-1)!, meaning);
      if (path.length > 1) this.#useTable(path.at(-2)!, meaning.source);
      return;
    }
    for (const part of partsOf(expr)) this.#expr(part, scope);
    const query = queryOf(expr);
    if (query !== undefined) this.query(query, scope, scope.common);
  }

  #useTable(at: number, { object, isAlias }: NamedSource): void {
    if (object !== undefined && !isAlias) this.uses.push({ at, table: object, column: undefined });
  }

  #useColumn(at: number, { source, column }: FoundColumn): void {
    if (source.object === undefined || column < 0) return;
    this.uses.push({ at, table: source.object, column: source.columns[column] });
  }

  /** Resolves the columns of INSERT, SET or UPDATE OF; one that is missing means nothing. */
  #columns(names: readonly string[], offsets: readonly number[], source: NamedSource): void {
    names.forEach((name, i) => {
      const column = source.columns.indexOf(keyOfName(name));
      this.meanings.push(`set ${source.id}.${column}`);
      this.#useColumn(offsets[i]!, { source, column });
    });
  }

  /** Resolves a trigger. */
  trigger({ table, tableAt, event, columns, when, statements }: CreateTrigger): void {
    const target = this.#changed(table, undefined, this.#places.path(tableAt).at(-1)!);
    const scope = emptyScope(undefined, NO_QUERIES);
    if (event !== "insert") scope.sources.push(this.#row("old", target));
    if (event !== "delete") scope.sources.push(this.#row("new", target));
    if (columns !== undefined) {
      const offsets = this.#places.listBefore(tableAt, columns.length).reverse();
      this.#columns(columns, offsets, target);
    }
    this.#optional(when, scope);
    for (const statement of statements) this.#statement(statement, scope);
  }

  /** A row of a table by a name of its own, which names without a table do not mean. */
  #row(name: string, target: NamedSource): NamedSource {
    const hidden = new Set([...target.columns, ...ROWID_NAMES]);
    return { ...target, id: this.#sources++, name, isAlias: true, hidden };
  }

  /** The table or view that a statement changes, never a query of WITH. */
  #changed(table: string, alias: string | undefined, at: number): NamedSource {
    const name = alias === undefined ? undefined : keyOfName(alias);
    return this.#object(keyOfName(table), name, at) ?? refuse(`no such table: main.${table}`, at);
  }

  #statement(statement: Explainable, outer: NameScope): void {
    if (statement.kind === "select") {
      this.query(statement.query, outer, NO_QUERIES);
      return;
    }
    const { at, table, alias } = statement;
    const common = this.#with(statement.with, outer, NO_QUERIES);
    const target = this.#changed(table, alias, at);
    const scope = emptyScope(outer, common);
    scope.sources.push(target);
    if (statement.kind === "insert") this.#insert(statement, target, scope);
    else this.#change(statement, target, scope);
  }

  #insert({ columns, query, upserts }: Insert, target: NamedSource, scope: NameScope): void {
    const { parent, common } = scope;
    if (columns !== undefined) {
      const [names, offsets] = [columns.map(({ name }) => name), columns.map(({ at }) => at)];
      this.#columns(names, offsets, target);
    }
    if (query !== undefined) this.query(query, parent, common);
    scope.sources.push(this.#row("excluded", target));
    for (const { target: key, targetWhere, set, where } of upserts) {
      for (const { expr } of key ?? []) this.#expr(expr, scope);
      this.#optional(targetWhere, scope);
      this.#assignments(set ?? [], target, scope);
      this.#optional(where, scope);
    }
  }

  #change(statement: Update | Delete, target: NamedSource, scope: NameScope): void {
    if (statement.kind === "update") {
      this.#from(statement.from, scope, scope);
      this.#assignments(statement.set, target, scope);
    }
    this.#optional(statement.where, scope);
  }

  #assignments(set: readonly Assignment[], target: NamedSource, scope: NameScope): void {
    for (const { columns, expr, at } of set) {
      this.#columns(columns, this.#places.list(at, columns.length), target);
      this.#expr(expr, scope);
    }
  }
}

/** The columns of a view; undefined if there is none of the name. */
function viewColumns(schema: NamedSchema, key: string): readonly string[] | undefined {
  const view = schema.catalog.view(key);
  if (view === undefined) return undefined;
  const known = schema.views.get(key);
  if (known !== undefined) return known;
  const statement = parseOne(view.sql);
  if (statement.kind !== "create view") return undefined;
  const { name, query, columns: given, at } = statement;
  if (schema.views.has(key)) refuse(`view ${name} is circularly defined`, at);
  schema.views.set(key, undefined);
  const found = new NameResolver(schema, view.sql).query(query, undefined, NO_QUERIES);
  const columns = renamed(name, given, found, at);
  schema.views.set(key, columns);
  return columns;
}

function renamed(
  name: string,
  given: readonly string[] | undefined,
  columns: readonly string[],
  at: number,
): readonly string[] {
  if (given === undefined) return columns;
  if (given.length === columns.length) return given.map(keyOfName);
  return refuse(`table ${name} has ${columns.length} values for ${given.length} columns`, at);
}

function resultOf(name: string): Result {
  return { name, expr: undefined, found: undefined };
}

/** Whether a term repeats a column of a result. */
function isRepeated(term: Expr, { expr, found }: Result, scope: NameScope): boolean {
  const isSame = (a: Expr, b: Expr) => {
    const meaning = meaningOrNone(a, scope);
    return meaning !== undefined && meaning === meaningOrNone(b, scope);
  };
  if (expr !== undefined) return isAlike(term, expr, isSame);
  return found !== undefined && meaningOrNone(term, scope) === shownMeaning(found);
}

/** What a name means; undefined if it is none or means nothing. */
function meaningOrNone(expr: Expr, scope: NameScope): string | undefined {
  if (expr.kind !== "name") return undefined;
  try {
    return shownMeaning(meaningIn(expr, scope));
  } catch (error) {
    if (error instanceof PlacedError) return undefined;
    throw error;
  }
}

function shownMeaning(meaning: NameMeaning | undefined): string {
  if (meaning === undefined) return "nothing";
  if ("alias" in meaning) return `alias ${meaning.alias}`;
  return "source" in meaning ? `${meaning.source.id}.${meaning.column}` : meaning.boolean;
}
