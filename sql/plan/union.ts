/**
 * OR as an access path: a range of a key for each of its sides, which together have all rows that
 * meet it. The sides may use different keys. A row that several ranges have is visited once, and
 * the condition is tested on each row, so a range may have more rows than its side.
 */

import type { Context } from "../expression/context.ts";
import type { Expr } from "../parse/ast.ts";
import { callsRandom } from "../schema/deterministic.ts";
import type { Table } from "../schema/types.ts";
import { loopsOfCondition } from "./free_names.ts";
import { type Cost, costOfKey, FETCH_COST, type KeyAccess, keyAccesses } from "./key_access.ts";
import { conjunctsOf, type Loop, type Term } from "./loop.ts";

/** Several ranges of keys. */
export interface UnionAccess {
  readonly kind: "union";
  readonly ranges: readonly KeyAccess[];
}

/** An OR of more sides is not searched for: planning takes time by their number. */
const SIDES_MAX = 32;
/** The cost to keep the key of a row, and to sort it. */
const KEEP_COST = 2;

/** The unions of ranges that terms allow, with their costs. */
export function* unionsOf(
  context: Context,
  loops: readonly Loop[],
  index: number,
  terms: readonly Term[],
  table: Table,
): Generator<{ access: UnionAccess; cost: Cost }> {
  const loop = loops[index]!;
  for (const term of terms) {
    const ranges: KeyAccess[] = [];
    let each = 0;
    let rows = 0;
    for (const side of sidesOf(context, term, loops)) {
      const best = bestRange(context, loops, index, [...side, ...terms], table);
      if (best === undefined) {
        ranges.length = 0;
        break;
      }
      ranges.push(best.access);
      each += best.cost.each;
      rows += best.cost.rows;
    }
    if (ranges.length === 0) continue;
    const found = Math.min(loop.rows, rows);
    yield {
      access: { kind: "union", ranges },
      cost: { each: each + found * FETCH_COST, rows: found },
    };
  }
}

/** The cheapest range; undefined if nothing bounds a key. */
function bestRange(
  context: Context,
  loops: readonly Loop[],
  index: number,
  terms: readonly Term[],
  table: Table,
): { access: KeyAccess; cost: Cost } | undefined {
  let best: { access: KeyAccess; cost: Cost } | undefined;
  for (const access of keyAccesses(context, loops, index, terms, table)) {
    const cost = costOfKey(context, loops[index]!, table, access, KEEP_COST);
    if (best === undefined || cost.each < best.cost.each) best = { access, cost };
  }
  return best;
}

/** The sides that were found, by term: many orders of the loops ask for them. */
const found = new WeakMap<Term, readonly (readonly Term[])[]>();

/** The sides of a term that is an OR, each as terms; none if it is not one, or is random. */
function sidesOf(
  context: Context,
  term: Term,
  loops: readonly Loop[],
): readonly (readonly Term[])[] {
  let sides = found.get(term);
  if (sides === undefined) found.set(term, sides = findSides(context, term, loops));
  return sides;
}

function findSides({ catalog }: Context, term: Term, loops: readonly Loop[]): Term[][] {
  const { expr, scope, onOf } = term;
  const sides = alternativesOf(expr);
  if (sides.length < 2 || sides.length > SIDES_MAX || callsRandom(expr, true)) return [];
  return sides.map((side) =>
    conjunctsOf(side).map((part) => ({
      expr: part,
      scope,
      onOf,
      loops: loopsOfCondition(catalog, part, scope, loops),
    }))
  );
}

/** The parts of a condition that are joined by OR. */
function alternativesOf(expr: Expr): Expr[] {
  if (expr.kind !== "binary" || expr.operator !== "or") return [expr];
  return [...alternativesOf(expr.left), ...alternativesOf(expr.right)];
}
