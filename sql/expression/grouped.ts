/**
 * Emits the values of expressions after grouping: keys, aggregates, and columns kept from a row.
 */

import type { Expr } from "../parse/ast.ts";
import { isAlike } from "../parse/walk.ts";
import type { Context } from "./context.ts";
import { columnIn } from "./rules.ts";
import type { Grouping, Resolved, Scope } from "./scope.ts";

/** Emits the value of an expression if a group has it, and returns whether it has. */
export function groupedValue(
  context: Context,
  expr: Expr,
  scope: Scope,
  target: number,
): boolean {
  for (let around: Scope | undefined = scope; around !== undefined; around = around.parent) {
    if (around.grouping === undefined) continue;
    const found = valueIn(expr, around, scope);
    if (found === undefined) continue;
    context.lowest = Math.min(context.lowest, around.level);
    const { single, cursor, windows } = around.grouping;
    if (windows !== undefined) {
      context.builder.emit("RowColumn", cursor, columnOf(around.grouping, found), target);
    } else if (single !== undefined) context.builder.emit("Copy", single, target);
    else context.builder.emit(found[0] as "GroupKey", cursor, found[1], target);
    return true;
  }
  return false;
}

type Found = readonly ["GroupKey" | "GroupKept" | "Aggregate" | "Window", number];

/** The column of a value in the rows of window functions. */
function columnOf({ keys, aggregates, kept }: Grouping, [kind, index]: Found): number {
  if (kind === "GroupKey") return index;
  const afterKeys = keys.length + index;
  if (kind === "Aggregate") return afterKeys;
  const afterAggregates = aggregates.length + afterKeys;
  return kind === "GroupKept" ? afterAggregates : kept.length + afterAggregates;
}

function valueIn(expr: Expr, around: Scope, scope: Scope): Found | undefined {
  const { keys, aggregates, kept, windows } = around.grouping!;
  const window = windows?.indexOf(expr) ?? -1;
  if (window >= 0) return ["Window", window];
  const aggregate = aggregates.indexOf(expr);
  if (aggregate >= 0) return ["Aggregate", aggregate];
  if (scope !== around && expr.kind !== "name") return undefined;
  const key = keys.findIndex((other) =>
    isAlike(expr, other, (a, b) => isSame(columnIn(a, scope), columnIn(b, around)))
  );
  if (key >= 0) return ["GroupKey", key];
  const column = expr.kind === "name" ? columnIn(expr, scope) : undefined;
  const place = kept.findIndex((other) => isSame(other, column));
  return place >= 0 ? ["GroupKept", place] : undefined;
}

/** Whether two names mean the same column. */
export function isSame(a: Resolved | undefined, b: Resolved | undefined): boolean {
  return a !== undefined && a.source === b?.source && a.column === b.column;
}
