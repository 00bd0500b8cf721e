/**
 * The access paths to the rows of a loop: a scan, a range of the table's key or of an index,
 * several of these ranges, or the buckets of a hash join. Their costs come from counts of entries,
 * in the tree and in ranges with literal bounds, and from what ANALYZE found.
 */

import type { Context } from "../expression/context.ts";
import { costOfFetch, costOfKey, type KeyAccess, keyAccesses } from "./key_access.ts";
import {
  type Compared,
  comparedIn,
  isIn,
  type Loop,
  type LoopSet,
  loopsIn,
  only,
  type Term,
} from "./loop.ts";
import { type UnionAccess, unionsOf } from "./union.ts";

/** Buckets of a hash join: pairs of an expression of the loop and one of the loops before. */
export interface HashAccess {
  readonly kind: "hash";
  readonly keys: readonly (Compared & { readonly term: Term })[];
}

/** An access path to the rows of a loop. */
export type Access = { readonly kind: "scan" } | KeyAccess | UnionAccess | HashAccess;

/** An access path and its cost. */
export interface Candidate {
  readonly access: Access;
  /** The cost before the first row of the outer loops. */
  readonly setup: number;
  /** The cost for each row of the outer loops. */
  readonly each: number;
  /** The rows found for each of them. */
  readonly rows: number;
}

const HASH_COST = 1.5;
/** A row that buckets keep takes memory. */
const BUCKET_COST = 6;

/** The access paths to the rows of a loop inside of some others, whose rows are known. */
export function candidatesFor(
  context: Context,
  loops: readonly Loop[],
  index: number,
  known: LoopSet,
  terms: readonly Term[],
): Candidate[] {
  const loop = loops[index]!;
  const usable = terms.filter(({ onOf, loops: refers }) =>
    isIn(refers, known | only(index)) && (loop.isLeft ? onOf === index : onOf < 0)
  );
  const scan: Candidate = {
    access: { kind: "scan" },
    setup: 0,
    each: Math.max(1, loop.rows),
    rows: loop.rows,
  };
  const candidates = [scan];
  const { place } = loop.source;
  if (place.kind === "table") {
    const { table } = place;
    for (const access of keyAccesses(context, loops, index, usable, table)) {
      const cost = costOfKey(context, loop, table, access, costOfFetch(loop, table, access));
      candidates.push({ access, setup: 0, ...cost });
    }
    for (const { access, cost } of unionsOf(context, loops, index, usable, table)) {
      candidates.push({ access, setup: 0, ...cost });
    }
  }
  const keys = known === 0n ? [] : hashKeys(loops, index, known, usable);
  if (keys.length > 0) candidates.push(bucketsOf(loop, keys, candidates));
  return candidates;
}

/** The buckets of a loop, which find no more rows than any other path does. */
function bucketsOf(
  { rows: all }: Loop,
  keys: readonly Compared[],
  others: readonly Candidate[],
): Candidate {
  const most = Math.min(...others.map(({ rows }) => rows));
  const guess = all / Math.max(2, all / 2) ** Math.min(keys.length, 2);
  const rows = Math.max(0.5, Math.min(most, guess));
  const each = HASH_COST + rows;
  return { access: { kind: "hash", keys }, setup: all * BUCKET_COST + 5, each, rows };
}

/** The comparisons by which buckets are found; none if the loop cannot have buckets. */
function hashKeys(
  loops: readonly Loop[],
  index: number,
  known: LoopSet,
  terms: readonly Term[],
): Compared[] {
  const { args, needsKey } = loops[index]!;
  if (args !== undefined || needsKey === true) return [];
  const own = only(index);
  const found: Compared[] = [];
  for (const term of terms) {
    const compared = comparedIn(term).find(({ expr, other, operator }) =>
      operator === "=" && loopsIn(expr, term.scope, loops) === own &&
      isIn(loopsIn(other, term.scope, loops), known) &&
      loopsIn(other, term.scope, loops) !== 0n
    );
    if (compared !== undefined) found.push(compared);
  }
  return found;
}
