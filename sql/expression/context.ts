/**
 * What the parts of the compiler share while they compile one statement.
 */

import type { Expr, FromItem, Query } from "../parse/ast.ts";
import type { ConflictAction } from "../parse/statement_ast.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Trigger } from "../schema/types.ts";
import type { KeyBounds } from "../vm/cursor.ts";
import type { Program } from "../vm/machine.ts";
import type { Builder, Label } from "./builder.ts";
import type { CommonBinding, CommonTables, Scope, Source, SourceColumn } from "./scope.ts";

/** Emits what happens to a row, which is in `count` registers from `first` on. */
export type Sink = (first: number, count: number) => void;

/** A query whose names have been resolved. */
export interface Prepared {
  /** Its columns. */
  readonly columns: readonly SourceColumn[];
  /** The column that a term of ORDER BY names or repeats; -1 if none. */
  columnOf?(term: Expr): number;
  /** Emits its code. */
  emit(sink: Sink): void;
}

/** A source of a join, as columns of the join's rows. */
export interface JoinedSource extends Pick<Source, "name" | "columns" | "hidden"> {
  /** The place of its first column. */
  readonly first: number;
  /** The place of its rowid; -1 if it has none. */
  readonly rowid: number;
}

/** A column that USING merges, as columns of the join's rows. */
export interface MergedPlaces {
  readonly places: readonly number[];
  /** The number of sources before the last join that merges it. */
  readonly before: number;
}

/** A join whose names have been resolved. */
export interface PreparedJoin {
  /** The columns of its rows. */
  readonly columns: readonly SourceColumn[];
  readonly sources: readonly JoinedSource[];
  /** The columns that USING merges, by name. */
  readonly merged: ReadonlyMap<string, MergedPlaces>;
  /** Emits its code; only some columns are needed. */
  emit(used: ReadonlySet<number>, sink: Sink): void;
}

/** Emits the code of expressions. */
export interface Expressions {
  /**
   * Emits code for the value of an expression.
   *
   * @param target The register to set; without it the value may be in a register that must not be
   *   changed.
   * @returns The register.
   */
  value(expr: Expr, scope: Scope, target?: number): number;
  /** Emits a jump that is taken if an expression is `when`, and with `orNull` if it is NULL. */
  jump(expr: Expr, scope: Scope, label: Label, when: boolean, orNull: boolean): void;
}

/** The rows that a trigger sees. */
export interface TriggerShape {
  readonly columns: readonly SourceColumn[];
  readonly hasRowid: boolean;
}

/** What the parts of the compiler share. */
export interface Context extends Expressions {
  /** The scope around the statement, with OLD and NEW of a trigger; undefined outside of one. */
  readonly outer: Scope | undefined;
  /** The action of OR in the statement that runs the trigger; undefined without OR. */
  readonly override: ConflictAction | undefined;
  readonly builder: Builder;
  /** Whether the values of parameters with which patterns begin are assumed to have a prefix. */
  readonly usesPatterns: boolean;
  readonly catalog: Catalog;
  /** The number of entries of a tree, or of a range of it. */
  count(tree: string, bounds?: KeyBounds): number;
  /** How many rows share the first parts of a key, by samples; undefined if there are few rows. */
  sameRows(tree: string, parts: number): number | undefined;
  /** Resolves the names of a query. */
  prepare(query: Query, parent: Scope | undefined, common: CommonTables): Prepared;
  /** Resolves a recursive query of WITH. */
  prepareRecursive(name: string, bound: CommonBinding, scope: Scope): Prepared;
  /** Resolves a join whose rows are made before the loops around it go through them. */
  prepareJoin(
    items: readonly FromItem[],
    parent: Scope | undefined,
    common: CommonTables,
  ): PreparedJoin;
  /** Compiles a statement that is part of another one, when it is first needed. */
  later(text: string): () => Program;
  /** Compiles a trigger, when it first runs. */
  trigger(
    trigger: Trigger,
    shape: TriggerShape,
    action: ConflictAction | undefined,
  ): () => Program;
  /** The lowest level of a scope that the code since the last reset refers to. */
  lowest: number;
  /** Whether the code runs after each change, so that no query in it may run once for all. */
  isAfterChange: boolean;
}

/**
 * Emits code that runs once if it refers to no scope up to a level, or else each time, as it also
 * does after each change.
 */
export function emitOnce(context: Context, level: number, body: () => void): void {
  const { builder } = context;
  const before = context.lowest;
  context.lowest = Infinity;
  const end = builder.label();
  const once = builder.emit("Once", builder.mark(), end);
  body();
  builder.place(end);
  if (context.lowest <= level || context.isAfterChange) builder.erase(once);
  context.lowest = Math.min(before, context.lowest);
}

/** Emits a subroutine, so code with several callers is emitted once. */
export function emitShared(
  { builder }: Context,
  callers: (call: () => void) => void,
  shared: () => void,
): void {
  const [start, end] = [builder.label(), builder.label()];
  const back = builder.registers();
  callers(() => builder.emit("Gosub", back, start));
  builder.emit("Goto", 0, end);
  builder.place(start);
  shared();
  builder.emit("Return", back);
  builder.place(end);
}

/** A literal. */
export function literal(value: null | number | string, at: number): Expr {
  return { kind: "literal", value, at };
}
