/**
 * The constant values of columns that a row lacks because it is older than they are.
 */

import type { Expr } from "../parse/ast.ts";
import type { Table } from "../schema/types.ts";
import { applyAffinity } from "../value/affinity.ts";
import { negate } from "../value/arithmetic.ts";
import type { SqlValue } from "../value/value.ts";

/** The defaults of the columns of a table; NULL if the default is not a constant. */
export function defaultsOf({ columns }: Table): SqlValue[] {
  return columns.map(({ defaultExpr, affinity }) =>
    applyAffinity(constantOf(defaultExpr) ?? null, affinity)
  );
}

/** The value of a constant; undefined if the expression is not one. */
export function constantOf(expr: Expr | undefined): SqlValue | undefined {
  if (expr?.kind === "literal") return expr.value;
  if (expr?.kind === "unary" && expr.operator === "-") {
    const value = constantOf(expr.operand);
    return value === undefined ? undefined : negate(value);
  }
  return undefined;
}
