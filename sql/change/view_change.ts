/**
 * Compiles INSERT, UPDATE and DELETE of a view, whose INSTEAD OF triggers say what happens.
 */

import type { Label } from "../expression/builder.ts";
import type { Context } from "../expression/context.ts";
import { NO_SCOPE, type Source, type SourceColumn } from "../expression/scope.ts";
import type { Expr, Query, ResultColumn } from "../parse/ast.ts";
import { NO_CORE, NO_FROM, NO_QUERY } from "../parse/expression_parser.ts";
import type { Delete, Insert, Update } from "../parse/statement_ast.ts";
import { withCommon } from "../query/from.ts";
import { columnNamed, keyOfName, type View } from "../schema/types.ts";
import { refuse } from "../value/error.ts";
import { Returning } from "./returning.ts";
import { type Emitted, scopeOf } from "./target.ts";
import { RowTriggers } from "./triggers.ts";

type ViewChange = Insert | Update | Delete;

/** The view that a statement changes by a trigger; undefined if it is a table. */
export function changedView(context: Context, change: ViewChange): View | undefined {
  const { kind, table } = change;
  const view = context.catalog.table(table) === undefined ? context.catalog.view(table) : undefined;
  if (view === undefined) return undefined;
  const set = change.kind === "update" ? change.set.flatMap(({ columns }) => columns) : [];
  const names = set.map(keyOfName);
  const shape = { columns: [], hasRowid: false };
  const isChanged = (column: string) => names.includes(column);
  const triggers = new RowTriggers(context, view.name, shape, kind, undefined, isChanged);
  return triggers.has() ? view : undefined;
}

/** Compiles the change of a view. */
export function compileViewChange(context: Context, change: ViewChange, view: View): Emitted {
  return new ViewChangeCompiler(context, change, view).compile();
}

class ViewChangeCompiler {
  readonly #context: Context;
  readonly #change: ViewChange;
  readonly #view: View;
  readonly #columns: readonly SourceColumn[];

  constructor(context: Context, change: ViewChange, view: View) {
    this.#context = context;
    this.#change = change;
    this.#view = view;
    this.#columns = context.prepare(this.#rows([], undefined), context.outer, new Map()).columns;
  }

  compile(): Emitted {
    const change = this.#change;
    const common = withCommon(new Map(), change.with);
    const returning = new Returning(this.#context, change.returning, common);
    if (change.kind === "insert") this.#insert(change, returning);
    else if (change.kind === "update") this.#update(change, returning);
    else this.#delete(change, returning);
    return { columns: returning.emit(scopeOf(this.#source(0))), writes: "rows" };
  }

  /** A query of the view's rows, with additional values. */
  #rows(exprs: readonly Expr[], where: Expr | undefined): Query {
    const { at, alias } = this.#change;
    const star: ResultColumn = { kind: "star", table: alias ?? this.#view.name, at };
    const values = exprs.map((expr): ResultColumn => (
      { kind: "expr", expr, alias: undefined, text: "", at }
    ));
    const from = [{ ...NO_FROM, at, table: this.#view.name, alias }];
    const body = { ...NO_CORE, at, columns: [star, ...values], from, where };
    return { ...NO_QUERY, at, body };
  }

  #source(first: number): Source {
    const name = this.#change.alias ?? this.#view.name;
    const place = { kind: "registers", first } as const;
    return { name, columns: this.#columns, place, hidden: new Set(), used: new Set() };
  }

  /** Emits the rows of a query, all read before the first trigger runs. */
  #each(query: Query, body: (first: number, count: number, skip: Label) => void): void {
    const { builder } = this.#context;
    const common = withCommon(new Map(), this.#change.with);
    const prepared = this.#context.prepare(query, this.#context.outer, common);
    const count = prepared.columns.length;
    const list = builder.cursor();
    builder.emit("OpenList", list);
    prepared.emit((first) => builder.emit("AddRow", list, first, count));
    const [top, next, end] = [builder.label(), builder.label(), builder.label()];
    builder.emit("Rewind", list, end);
    builder.place(top);
    const first = builder.registers(count);
    for (let i = 0; i < count; i++) builder.emit("RowColumn", list, i, first + i);
    // What a trigger does instead is not counted.
    body(first, count, next);
    builder.place(next);
    builder.emit("NextRow", list, top);
    builder.place(end);
  }

  #triggers(isChanged?: (column: string) => boolean): RowTriggers {
    const columns = this.#columns.map((column) => ({ ...column, affinity: undefined }));
    const shape = { columns, hasRowid: false };
    const { kind } = this.#change;
    const own = this.#change.kind === "delete" ? undefined : this.#change.action;
    const action = this.#context.override ?? own;
    return new RowTriggers(this.#context, this.#view.name, shape, kind, action, isChanged);
  }

  #insert({ query, columns, at }: Insert, returning: Returning): void {
    const { builder } = this.#context;
    if (query === undefined) return refuse("DEFAULT VALUES of a view has no meaning", at);
    const targets = columns?.map(({ name, at }) => this.#columnIn(name, at)) ??
      this.#columns.map((_, i) => i);
    const triggers = this.#triggers();
    this.#each(query, (first, count, skip) => {
      if (count !== targets.length) {
        const { name } = this.#view;
        refuse(`table ${name} has ${targets.length} columns but ${count} values were supplied`, at);
      }
      const row = builder.registers(this.#columns.length);
      builder.emit("Null", row, this.#columns.length);
      targets.forEach((column, i) => builder.emit("Copy", first + i, row + column));
      triggers.run("instead of", undefined, this.#source(row), skip);
      returning.add(scopeOf(this.#source(row)));
    });
  }

  #columnIn(name: string, at: number): number {
    const column = columnNamed(this.#columns, name);
    return column >= 0 ? column : refuse(`no such column: ${name}`, at);
  }

  #update({ set, from, where, at }: Update, returning: Returning): void {
    const { builder } = this.#context;
    if (from.length > 0) refuse("UPDATE FROM of a view is not supported", at);
    const assigned = set.flatMap(({ columns, expr, at }) => {
      if (columns.length !== 1) return refuse("row values in UPDATE of a view have no meaning", at);
      return [{ column: this.#columnIn(columns[0]!, at), expr }];
    });
    const names = assigned.map(({ column }) => keyOfName(this.#columns[column]!.name));
    const triggers = this.#triggers((column) => names.includes(column));
    const query = this.#rows(assigned.map(({ expr }) => expr), where);
    this.#each(query, (first, _, skip) => {
      const width = this.#columns.length;
      const row = builder.registers(width);
      for (let i = 0; i < width; i++) builder.emit("Copy", first + i, row + i);
      assigned.forEach(({ column }, i) => builder.emit("Copy", first + width + i, row + column));
      triggers.run("instead of", this.#source(first), this.#source(row), skip);
      returning.add(scopeOf(this.#source(row)));
    });
  }

  #delete({ where }: Delete, returning: Returning): void {
    const triggers = this.#triggers();
    this.#each(this.#rows([], where), (first, _, skip) => {
      triggers.run("instead of", this.#source(first), undefined, skip);
      returning.add({ ...NO_SCOPE, sources: [this.#source(first)], level: 1 });
    });
  }
}
