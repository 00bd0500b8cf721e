/**
 * Expressions that the schema keeps, whose values must follow from a row alone.
 */

import type { Expr } from "../parse/ast.ts";
import { queryOf, walk } from "../parse/walk.ts";
import { refuse } from "../value/error.ts";

/** Functions whose results differ from call to call. */
const CHANCE = ["random", "randomblob"];
/** Functions whose results do not follow from their arguments alone. */
const UNSTEADY = ["changes", "last_insert_rowid", "total_changes", ...CHANCE];

/** Whether an expression, queries in it aside, has another value each time by chance. */
export function drawsChance(expr: Expr): boolean {
  let draws = false;
  walk(expr, (part, isInQuery) => {
    draws ||= !isInQuery && part.kind === "call" && CHANCE.includes(part.name);
    return !draws && !isInQuery;
  });
  return draws;
}

/**
 * Refuses an expression whose value does not follow from a row.
 *
 * @param where What the expression is in, for the error.
 * @param isStrict Whether functions that change from call to call are refused too.
 */
export function refuseUnsteady(expr: Expr, where: string, isStrict = true): void {
  walk(expr, (part) => {
    const prohibit = (what: string) => refuse(`${what} prohibited in ${where}`, part.at);
    if (queryOf(part) !== undefined) prohibit("subqueries");
    if (part.kind === "parameter") prohibit("parameters");
    if (part.kind !== "call") return true;
    if (part.over !== undefined) prohibit("window functions");
    if (isStrict && UNSTEADY.includes(part.name)) prohibit("non-deterministic functions");
    return true;
  });
}
