/**
 * The columns of a result, with stars expanded; and which columns of tables a query uses.
 */

import { aloneIn } from "../expression/column.ts";
import type { Context } from "../expression/context.ts";
import {
  affinityIn,
  classesOf,
  collationIn,
  columnIn,
  columnOf,
  isCollated,
} from "../expression/rules.ts";
import {
  fixedName,
  hasRowid,
  meaningOf,
  NO_SCOPE,
  type Resolved,
  ROWID,
  type Scope,
  type Source,
  type SourceColumn,
  walkIn,
} from "../expression/scope.ts";
import type { Expr, ResultColumn } from "../parse/ast.ts";
import { isVirtual } from "../schema/generated.ts";
import { columnNamed, isRowidName, keyOfName } from "../schema/types.ts";
import { refuse } from "../value/error.ts";

/** A column of a result. */
export interface Output {
  readonly expr: Expr;
  readonly name: string;
  /** The alias, if it has one. */
  readonly alias: string | undefined;
}

/** Expands the columns of a result. */
export function expand(columns: readonly ResultColumn[], scope: Scope): Output[] {
  return columns.flatMap((column) => {
    if (column.kind === "expr") {
      const { expr, alias, text } = column;
      return [{ expr, alias, name: alias ?? nameOf(expr, scope) ?? text }];
    }
    return expandStar(column.table, column.at, scope);
  });
}

function expandStar(table: string | undefined, at: number, scope: Scope): Output[] {
  const key = table === undefined ? undefined : keyOfName(table);
  const sources = key === undefined
    ? scope.sources
    : scope.sources.filter(({ name }) => keyOfName(name) === key);
  if (sources.length === 0) {
    return refuse(table === undefined ? "no tables specified" : `no such table: ${table}`, at);
  }
  return sources.flatMap((source) =>
    source.columns.flatMap(({ name, isHidden }, column) => {
      if (isHidden === true) return [];
      if (key === undefined && source.hidden.has(keyOfName(name))) return [];
      const merged = scope.merged?.get(keyOfName(name));
      const isMerged = merged?.before.has(source) ?? false;
      const expr = isMerged ? merged!.expr : fixedName({ source, column, scope }, name, at);
      return [{ expr, name, alias: undefined }];
    })
  );
}

function nameOf(expr: Expr, scope: Scope): string | undefined {
  const column = columnIn(expr, { ...scope, aliases: new Map() });
  return column === undefined ? undefined : columnOf(column).name;
}

/** The columns of a result as those of a source. */
export function describe(context: Context, outputs: readonly Output[], scope: Scope) {
  return outputs.map(({ expr, name }): SourceColumn => {
    const column = columnIn(expr, scope);
    return {
      name,
      affinity: affinityIn(context, expr, scope),
      collation: collationIn(expr, scope),
      isExplicit: isCollated(expr, scope),
      classes: classesOf(context, expr, scope),
      type: column === undefined ? undefined : columnOf(column).type,
    };
  });
}

/** Notes the columns of tables that an expression uses; queries inside it count by name alone. */
export function markUsed(expr: Expr, scope: Scope): void {
  walkIn(expr, scope, (part, isInQuery) => {
    if (part.kind !== "name") return true;
    if (isInQuery) markNamed(part.table, part.column, scope);
    else markMeaning(part, scope);
    return true;
  });
}

function markMeaning(name: Expr & { kind: "name" }, scope: Scope): void {
  const meaning = meaningOf(name, scope);
  if (meaning.kind === "alias") markUsed(meaning.expr, meaning.scope);
  else if (meaning.kind === "column") markColumn(meaning.resolved);
}

/** Notes that a column is used. */
export function markColumn({ source, column }: Pick<Resolved, "source" | "column">): void {
  const { place } = source;
  if (place.kind === "inline") {
    markUsed(column === ROWID ? place.rowid! : place.exprs[column]!, place.scope);
  } else {
    if (source.used.has(column)) return;
    source.used.add(column);
    if (place.kind !== "table" || !isVirtual(place.table.columns[column])) return;
    markUsed(place.table.columns[column]!.generated!.expr, aloneIn(source, NO_SCOPE));
  }
}

function markNamed(table: string | undefined, column: string, scope: Scope): void {
  for (let around: Scope | undefined = scope; around !== undefined; around = around.parent) {
    if (table === undefined) around.merged?.get(keyOfName(column))?.columns.forEach(markColumn);
    for (const source of around.sources) {
      if (table !== undefined && keyOfName(source.name) !== keyOfName(table)) continue;
      markIn(source, column);
    }
    const alias = around.aliases.get(keyOfName(column));
    if (alias !== undefined) markUsed(alias, { ...around, aliases: new Map() });
  }
}

function markIn(source: Source, name: string): void {
  const column = columnNamed(source.columns, name);
  if (column >= 0) markColumn({ source, column });
  else if (isRowidName(name) && hasRowid(source)) markColumn({ source, column: ROWID });
}

/** The expressions of a result by their aliases in lower case. */
export function aliasesOf(outputs: readonly Output[]): ReadonlyMap<string, Expr> {
  const aliases = new Map<string, Expr>();
  for (const { alias, expr } of outputs) {
    const key = alias === undefined ? undefined : keyOfName(alias);
    if (key !== undefined && !aliases.has(key)) aliases.set(key, expr);
  }
  return aliases;
}
