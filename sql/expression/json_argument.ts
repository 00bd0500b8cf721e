/**
 * Which arguments of a function are JSON rather than text: the results of JSON functions, and
 * expressions that return such a result unchanged.
 */

import type { JsonArgument } from "../function/types.ts";
import type { Expr } from "../parse/ast.ts";
import { affinityOf } from "../value/affinity.ts";
import { meaningOf, type Scope } from "./scope.ts";

const ALWAYS = new Set(
  ("json json_array json_object json_insert json_replace json_set json_remove json_patch " +
    "json_quote json_group_array json_group_object json_array_insert").split(" "),
);

/** Whether the value of an expression is JSON. */
export function argumentKind(expr: Expr, scope: Scope): JsonArgument {
  switch (expr.kind) {
    case "call":
      if (ALWAYS.has(expr.name)) return "always";
      return expr.name === "json_extract"
        ? "maybe"
        : chosen(choicesOf(expr.name, expr.args), scope);
    case "binary":
      return expr.operator === "->" ? "always" : "never";
    case "unary":
      return expr.operator === "+" ? argumentKind(expr.operand, scope) : "never";
    case "collate":
      return argumentKind(expr.operand, scope);
    case "cast":
      return affinityOf(expr.type) === "TEXT" ? argumentKind(expr.operand, scope) : "never";
    case "case": {
      const results = expr.whens.map(([, then]) => then);
      return chosen(expr.otherwise === undefined ? results : [...results, expr.otherwise], scope);
    }
    case "subquery":
      return kindOfQuery(expr);
    case "name":
      return kindOfName(expr, scope);
  }
  return "never";
}

/** The arguments of which a call returns one. */
function choicesOf(name: string, args: readonly Expr[]): readonly Expr[] {
  switch (name) {
    case "coalesce":
    case "ifnull":
      return args;
    case "iif":
    case "if":
      return args.filter((_, i) => i % 2 === 1 || (i === args.length - 1 && i > 0));
    case "nullif":
      return args.slice(0, 1);
    case "min":
    case "max":
      return args.length === 1 ? args : [];
  }
  return [];
}

/** The kind of a value that is one of several; NULL fits any kind. */
function chosen(exprs: readonly Expr[], scope: Scope): JsonArgument {
  const kinds = exprs.filter(({ kind, ...rest }) =>
    !(kind === "literal" && (rest as { value: unknown }).value === null)
  ).map((expr) => argumentKind(expr, scope));
  if (kinds.length > 0 && kinds.every((kind) => kind === "always")) return "always";
  return kinds.every((kind) => kind === "never") ? "never" : "maybe";
}

/** The kind of the one column of a query, if the query computes it itself. */
function kindOfQuery({ query }: Expr & { kind: "subquery" }): JsonArgument {
  const { body } = query;
  const [column] = body.kind === "core" ? body.columns : [];
  if (column?.kind !== "expr" || column.expr.kind === "name") return "never";
  return argumentKind(column.expr, NO_NAMES);
}

/** An element of `json_each` is JSON if it is an object or an array. */
function kindOfName(name: Expr & { kind: "name" }, scope: Scope): JsonArgument {
  if (scope === NO_NAMES) return "never";
  const meaning = meaningOf(name, scope);
  if (meaning.kind === "alias") return argumentKind(meaning.expr, meaning.scope);
  if (meaning.kind !== "column") return "never";
  const { source, column } = meaning.resolved;
  return source.columns[column]?.isElement === true ? "maybe" : "never";
}

/** Stands for the scope inside a query, whose names are not resolved. */
const NO_NAMES: Scope = {
  sources: [],
  parent: undefined,
  level: 0,
  aliases: new Map(),
  common: new Map(),
  grouping: undefined,
};
