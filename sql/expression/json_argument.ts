/**
 * Which arguments of a function are JSON rather than text: those that functions of JSON made.
 */

import type { JsonArgument } from "../function/types.ts";
import type { Expr } from "../parse/ast.ts";

const ALWAYS = new Set(
  ("json json_array json_object json_insert json_replace json_set json_remove json_patch " +
    "json_quote json_group_array json_group_object").split(" "),
);

/** Whether an expression makes JSON. */
export function argumentKind(expr: Expr): JsonArgument {
  if (expr.kind === "call") {
    if (ALWAYS.has(expr.name)) return "always";
    return expr.name === "json_extract" ? "maybe" : "never";
  }
  return expr.kind === "binary" && expr.operator === "->" ? "always" : "never";
}
