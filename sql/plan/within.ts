/**
 * IN as an access path: a range of a key is searched for each of its values.
 */

import type { Context } from "../expression/context.ts";
import { comparisonOfIn, type InComparison } from "../expression/in_set.ts";
import type { In } from "../parse/ast.ts";
import { callsRandom } from "../schema/deterministic.ts";
import { loopsOfQuery } from "./free_names.ts";
import { type Loop, loopsIn, type Term } from "./loop.ts";

/** A term that is IN, with values that are the same for all rows of the loops. */
export interface Within extends InComparison {
  readonly term: Term;
  readonly expr: In;
}

/** The number of values that a query is assumed to have. */
export const QUERY_VALUES = 25;

/** What was found, by term: many orders of the loops ask for it. */
const found = new WeakMap<Term, Within | null>();

/** A term as an IN whose values can be searched for; undefined if it is not one. */
export function withinOf(
  context: Context,
  term: Term,
  loops: readonly Loop[],
): Within | undefined {
  let within = found.get(term);
  if (within === undefined) found.set(term, within = find(context, term, loops) ?? null);
  return within ?? undefined;
}

function find(context: Context, term: Term, loops: readonly Loop[]): Within | undefined {
  const { expr, scope } = term;
  if (expr.kind !== "in" || expr.isNot || expr.operand.kind === "row") return undefined;
  const { list, query } = expr;
  const isFixed = query === undefined
    ? list!.every((value) => loopsIn(value, scope, loops) === 0n && !callsRandom(value))
    : loopsOfQuery(context.catalog, query, scope, loops) === 0n;
  if (!isFixed) return undefined;
  const comparison = comparisonOfIn(context, expr, scope);
  return { ...comparison, term, expr };
}
