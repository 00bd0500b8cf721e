/**
 * Compiles a statement, an index build or a trigger to a program.
 */

import { Builder } from "../expression/builder.ts";
import type { Context, Prepared, TriggerShape } from "../expression/context.ts";
import { ExpressionEmitter } from "../expression/expression.ts";
import type { SourceColumn } from "../expression/scope.ts";
import { WHOLE } from "../loop/ranges.ts";
import type { Query } from "../parse/ast.ts";
import type { ConflictAction, CreateTrigger, Explainable } from "../parse/statement_ast.ts";
import { parseOne } from "../parse/statement_parser.ts";
import { defaultsOf } from "../query/defaults.ts";
import { prepareJoin } from "../query/join.ts";
import { prepareQuery, prepareRecursive } from "../query/query.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Index, Table, Trigger } from "../schema/types.ts";
import { inText, refuse } from "../value/error.ts";
import type { KeyBounds } from "../vm/cursor.ts";
import type { Program } from "../vm/machine.ts";
import { compileInsert } from "./insert.ts";
import {
  cursorSource,
  emitParts,
  type Emitted,
  emitUnlessIn,
  entryTree,
  scopeOf,
  uniqueMessage,
} from "./target.ts";
import { triggerScope } from "./triggers.ts";
import { compileDelete, compileUpdate } from "./update.ts";
import { changedView, compileViewChange } from "./view_change.ts";

/** What the compiler reads from a database. */
export interface CompilerInput {
  readonly catalog: Catalog;
  /** The number of entries of a tree, or of a range of it. */
  count(tree: string, bounds?: KeyBounds): number;
  /** How many rows share the first parts of a key, by samples; undefined if there are few rows. */
  sameRows(tree: string, parts: number): number | undefined;
}

/** The maximum depth of queries inside each other. */
const NESTING_MAX = 200;
/** The maximum number of queries in a statement and its views: each view may double it. */
const QUERIES_MAX = 10_000;

/**
 * Compiles a query or a change; an error has its position in the statement's text.
 *
 * @param usesPatterns Whether the values of parameters with which patterns begin are assumed to
 *   have a prefix, which is searched for.
 */
export function compile(
  database: CompilerInput,
  statement: Explainable,
  usesPatterns = true,
): Program {
  const builder = new Builder();
  const context = contextOf(database, builder, { usesPatterns });
  const { columns, writes } = emitStatement(context, statement);
  return builder.finish(columns.map(({ name, type }) => ({ name, type })), writes);
}

/** The columns of a query. */
export function columnsOf(database: CompilerInput, query: Query): readonly SourceColumn[] {
  return contextOf(database, new Builder()).prepare(query, undefined, new Map()).columns;
}

/** Compiles the building of an index from the rows of its table. */
export function compileIndexBuild(database: CompilerInput, table: Table, index: Index): Program {
  const builder = emitEntries(database, table, index, (builder, parts, key) => {
    const [entry, found] = [builder.registers(), builder.registers()];
    if (index.isUnique) {
      const free = builder.label();
      builder.emit("FindUnique", parts, free, found, { ...entryTree(index), own: undefined });
      builder.emit("Fail", 0, 0, 0, uniqueMessage(table, index));
      builder.place(free);
    }
    builder.emit("MakeEntry", parts, entry, key, entryTree(index), index.name);
    builder.emit("PutEntry", entry, 0, 0, index.tree, index.name);
  });
  return builder.finish([], "rows");
}

/** Compiles a query of the entries, as bytes, that an index should have. */
export function compileEntries(database: CompilerInput, table: Table, index: Index): Program {
  const builder = emitEntries(database, table, index, (builder, parts, key) => {
    const entry = builder.registers();
    builder.emit("MakeEntry", parts, entry, key, entryTree(index), index.name);
    builder.emit("Result", entry, 1);
  });
  return builder.finish([], "nothing");
}

/** Emits a loop over the rows that belong in an index; `body` gets its parts and the row's key. */
function emitEntries(
  database: CompilerInput,
  table: Table,
  index: Index,
  body: (builder: Builder, parts: number, key: number) => void,
): Builder {
  const builder = new Builder();
  const context = contextOf(database, builder);
  const cursor = builder.cursor();
  const scope = scopeOf(cursorSource(table, cursor));
  const [top, next, end] = [builder.label(), builder.label(), builder.label()];
  builder.emit("OpenTable", cursor, 0, 0, { table, defaults: defaultsOf(table) }, table.name);
  builder.emit("Scan", cursor, end, 0, WHOLE);
  builder.place(top);
  const key = builder.registers();
  emitUnlessIn(context, index, scope, next);
  builder.emit("KeyOf", cursor, key);
  body(builder, emitParts(context, index, scope), key);
  builder.place(next);
  builder.emit("Next", cursor, top);
  builder.place(end);
  return builder;
}

function emitStatement(context: Context, statement: Explainable): Emitted {
  const { outer } = context;
  if (statement.kind === "select") {
    const prepared = context.prepare(statement.query, outer, new Map());
    // The rows of a query in a trigger go nowhere.
    prepared.emit((first, count) => {
      if (outer === undefined) context.builder.emit("Result", first, count);
    });
    return { columns: prepared.columns, writes: "nothing" };
  }
  const view = changedView(context, statement);
  if (view !== undefined) return compileViewChange(context, statement, view);
  switch (statement.kind) {
    case "insert":
      return compileInsert(context, statement);
    case "update":
      return compileUpdate(context, statement);
    case "delete":
      return compileDelete(context, statement);
  }
}

/** Compiles a trigger, whose parameters are the old and the new row. */
function compileTrigger(
  database: CompilerInput,
  trigger: Trigger,
  shape: TriggerShape,
  override: ConflictAction | undefined,
): Program {
  return inText(trigger.sql, () => {
    const { when, event, statements } = parseOne(trigger.sql) as CreateTrigger;
    const builder = new Builder();
    const first = builder.parameterBlock(2 * shape.columns.length + 2);
    const scope = triggerScope(shape, event, first);
    const context = contextOf(database, builder, { outer: scope, override });
    const end = builder.label();
    if (when !== undefined) context.jump(when, scope, end, false, true);
    for (const statement of statements) emitStatement(context, statement);
    builder.place(end);
    return builder.finish([], "rows");
  });
}

/** What differs between the statements that are compiled. */
type Given = Partial<Pick<Context, "outer" | "override" | "usesPatterns">>;

function contextOf(
  database: CompilerInput,
  builder: Builder,
  { outer, override, usesPatterns = true }: Given = {},
): Context {
  const nested = nesting();
  const context: Context = {
    outer,
    override,
    builder,
    usesPatterns,
    catalog: database.catalog,
    lowest: Infinity,
    isAfterChange: false,
    ...countsOf(database),
    prepare: (query, parent, common) =>
      nested(query.at, () => prepareQuery(context, query, parent, common)),
    prepareRecursive: (name, bound, scope) =>
      nested(bound.query.at, () => prepareRecursive(context, name, bound, scope)),
    prepareJoin: (items, parent, common) => prepareJoin(context, items, parent, common),
    later: (text) => later(database, text),
    trigger(trigger, shape, action) {
      let program: Program | undefined;
      return () => program ??= compileTrigger(database, trigger, shape, action);
    },
    value: (expr, scope, target) => emitter.value(expr, scope, target),
    jump: (expr, scope, label, when, orNull) => emitter.jump(expr, scope, label, when, orNull),
  };
  const emitter = new ExpressionEmitter(context);
  return context;
}

/** The counts of a database, each made once, as many plans of a statement ask for them. */
function countsOf(database: CompilerInput): Pick<Context, "count" | "sameRows"> {
  const counts = new Map<string, number>();
  const samples = new Map<string, number | undefined>();
  return {
    count(tree, bounds) {
      if (bounds !== undefined) return database.count(tree, bounds);
      const known = counts.get(tree) ?? database.count(tree);
      counts.set(tree, known);
      return known;
    },
    sameRows(tree, parts) {
      const key = `${parts} ${tree}`;
      if (!samples.has(key)) samples.set(key, database.sameRows(tree, parts));
      return samples.get(key);
    },
  };
}

/** Calls a body for each query of a statement, within the limits of nesting and number. */
function nesting(): (at: number, body: () => Prepared) => Prepared {
  let depth = 0;
  let queries = 0;
  return (at, body) => {
    if (++depth > NESTING_MAX) refuse("queries are nested too deeply, or in a circle", at);
    if (++queries > QUERIES_MAX) refuse(`too many queries, max: ${QUERIES_MAX}`, at);
    try {
      return body();
    } finally {
      depth--;
    }
  };
}

/** A program that is compiled when it is first needed. */
function later(database: CompilerInput, text: string): () => Program {
  let program: Program | undefined;
  return () => program ??= inText(text, () => compile(database, parseOne(text) as Explainable));
}
