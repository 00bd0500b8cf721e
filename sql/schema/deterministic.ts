/**
 * Expressions that the schema keeps must be deterministic: their values follow from a row alone.
 */

import type { Expr } from "../parse/ast.ts";
import { queryOf, walk } from "../parse/walk.ts";
import { refuse } from "../value/error.ts";

/** Functions whose results differ from call to call. */
const RANDOM = ["random", "randomblob"];
/** Functions whose results do not follow from their arguments alone. */
const NON_DETERMINISTIC = ["changes", "last_insert_rowid", "total_changes", ...RANDOM];

/** Whether an expression calls a random function, outside of queries in it or anywhere. */
export function callsRandom(expr: Expr, isAnywhere = false): boolean {
  let found = false;
  walk(expr, (part, isInQuery) => {
    const isMeant = isAnywhere || !isInQuery;
    found ||= isMeant && part.kind === "call" && RANDOM.includes(part.name);
    return !found && isMeant;
  });
  return found;
}

/**
 * Refuses an expression that is not deterministic.
 *
 * @param where What the expression is in, for the error.
 * @param isStrict Whether functions that change from call to call are refused too.
 */
export function refuseNonDeterministic(expr: Expr, where: string, isStrict = true): void {
  walk(expr, (part) => {
    const prohibit = (what: string) => refuse(`${what} prohibited in ${where}`, part.at);
    if (queryOf(part) !== undefined) prohibit("subqueries");
    if (part.kind === "parameter") prohibit("parameters");
    if (part.kind !== "call") return true;
    if (part.over !== undefined) prohibit("window functions");
    if (isStrict && NON_DETERMINISTIC.includes(part.name)) prohibit("non-deterministic functions");
    return true;
  });
}
