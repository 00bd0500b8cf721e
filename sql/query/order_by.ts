/**
 * The terms of ORDER BY: what they refer to, and how a sorter compares them.
 */

import { isSame } from "../expression/grouped.ts";
import { collationOfFirst, columnIn } from "../expression/rules.ts";
import type { Scope } from "../expression/scope.ts";
import type { Expr, OrderTerm } from "../parse/ast.ts";
import { isAlike } from "../parse/walk.ts";
import type { SortTerm } from "../rows/sorter.ts";
import { keyOfName } from "../schema/types.ts";
import { refuse } from "../value/error.ts";
import type { Output } from "./columns.ts";

/** A term of ORDER BY: a column of the result, or another expression. */
export interface Ordering {
  /** The column of the result; -1 for others. */
  readonly output: number;
  readonly expr: Expr;
  readonly isDescending: boolean;
  readonly nullsLast: boolean;
}

/** Resolves the terms of ORDER BY: by number, by alias, or by expression. */
export function orderings(
  terms: readonly OrderTerm[],
  outputs: readonly Output[],
  scope: Scope,
): Ordering[] {
  return terms.map((term, i) => {
    const { expr, isDescending, nulls } = term;
    const output = outputOf(expr, i, outputs, scope);
    const found = output < 0 ? expr : withCollation(outputs[output]!.expr, expr);
    const nullsLast = nulls === undefined ? isDescending : nulls === "last";
    return { output, expr: found, isDescending, nullsLast };
  });
}

/** `ORDER BY 1 COLLATE NOCASE` is the column with another collation. */
function withCollation(output: Expr, written: Expr): Expr {
  return written.kind === "collate" ? { ...written, operand: output } : output;
}

function outputOf(expr: Expr, term: number, outputs: readonly Output[], scope: Scope): number {
  if (expr.kind === "collate") return outputOf(expr.operand, term, outputs, scope);
  if (expr.kind === "literal" && typeof expr.value === "number") {
    if (expr.value >= 1 && expr.value <= outputs.length) return expr.value - 1;
    const place = `${term + 1}${["st", "nd", "rd"][term] ?? "th"}`;
    refuse(
      `${place} ORDER BY term out of range - should be between 1 and ${outputs.length}`,
      expr.at,
    );
  }
  if (expr.kind === "name" && expr.table === undefined) {
    const key = keyOfName(expr.column);
    const alias = outputs.findIndex((output) =>
      output.alias !== undefined && keyOfName(output.alias) === key
    );
    if (alias >= 0) return alias;
  }
  return outputs.findIndex((output) =>
    isAlike(expr, output.expr, (a, b) => isSame(columnIn(a, scope), columnIn(b, scope)))
  );
}

/** How a sorter compares the terms. */
export function sortTerms(terms: readonly Ordering[], scope: Scope): SortTerm[] {
  return terms.map(({ expr, isDescending, nullsLast }) => ({
    collation: collationOfFirst([expr], scope),
    isDescending,
    nullsLast,
  }));
}
