/**
 * Chooses the order of loops, and the access path of each. It tries all orders of up to 8 loops; of
 * more loops it takes the cheapest next one. A left join stays after all sources before it.
 */

import type { Context } from "../expression/context.ts";
import { refuse } from "../value/error.ts";
import { type Access, type Candidate, candidatesFor } from "./access.ts";
import { comparedIn, isIn, type Loop, type LoopSet, loopsIn, only, type Term } from "./loop.ts";

/** A loop in its place. */
export interface Planned {
  readonly loop: Loop;
  /** Its index among the loops of the query. */
  readonly index: number;
  readonly access: Access;
  /** The estimated rows of all loops up to it. */
  readonly rows: number;
}

/** An order of some of the loops. */
interface PartialPlan {
  readonly planned: readonly Planned[];
  readonly done: LoopSet;
  readonly cost: number;
  readonly rows: number;
}

const ALL_ORDERS_MAX = 8;
const START: PartialPlan = { planned: [], done: 0n, cost: 0, rows: 1 };

/** Plans the loops of a query. */
export function planLoops(
  context: Context,
  loops: readonly Loop[],
  terms: readonly Term[],
): readonly Planned[] {
  // Only the terms that mention a loop matter to it: with many tables those are few.
  const own = loops.map((_, i) =>
    terms.filter((term) => term.onOf === i || (term.loops & only(i)) !== 0n)
  );
  const extend = (partial: PartialPlan, index: number) =>
    extended(context, loops, own[index]!, partial, index);
  const whole = loops.length <= ALL_ORDERS_MAX ? bestOrder(loops, extend) : greedy(loops, extend);
  if (whole.planned.length < loops.length) {
    const [stuck] = loops.flatMap(({ args }) => args ?? []);
    refuse(
      "no query solution: the arguments of table-valued functions form a circle",
      stuck!.expr.at,
    );
  }
  return whole.planned;
}

type Extend = (partial: PartialPlan, index: number) => PartialPlan;

/** Finds the best order of each set of loops from those of one loop fewer. */
function bestOrder(loops: readonly Loop[], extend: Extend): PartialPlan {
  let best = new Map<LoopSet, PartialPlan>([[0n, START]]);
  for (let size = 0; size < loops.length; size++) {
    const next = new Map<LoopSet, PartialPlan>();
    for (const partial of best.values()) {
      for (const index of choices(loops, partial.done)) {
        const longer = extend(partial, index);
        const known = next.get(longer.done);
        if (known === undefined || longer.cost < known.cost) next.set(longer.done, longer);
      }
    }
    best = next;
  }
  return [...best.values()][0] ?? START;
}

function greedy(loops: readonly Loop[], extend: Extend): PartialPlan {
  let partial = START;
  for (let size = 0; size < loops.length; size++) {
    const longer = choices(loops, partial.done).map((index) => extend(partial, index));
    if (longer.length === 0) break;
    // The rows found multiply all later costs.
    partial = longer.reduce((a, b) => a.cost + a.rows * 4 <= b.cost + b.rows * 4 ? a : b);
  }
  return partial;
}

/** The loops that may be next: a table-valued function follows those that its arguments need. */
function choices(loops: readonly Loop[], done: LoopSet): number[] {
  return unordered(loops, done).filter((index) =>
    loops[index]!.args?.every(({ expr, scope }) => isIn(loopsIn(expr, scope, loops), done)) ?? true
  );
}

function unordered(loops: readonly Loop[], done: LoopSet): number[] {
  const firstLeft = loops.findIndex(({ isLeft }, i) => isLeft && !isIn(only(i), done));
  return loops.flatMap((_, i) => {
    if (isIn(only(i), done)) return [];
    const before = only(i) - 1n;
    // From a left join on, sources stay in their order.
    if (firstLeft >= 0 && i >= firstLeft) return isIn(before, done) ? [i] : [];
    return [i];
  });
}

function extended(
  context: Context,
  loops: readonly Loop[],
  terms: readonly Term[],
  partial: PartialPlan,
  index: number,
): PartialPlan {
  const candidates = candidatesFor(context, loops, index, partial.done, terms);
  const costOf = ({ setup, each }: Candidate) => setup + partial.rows * each;
  const best = candidates.reduce((a, b) => costOf(b) < costOf(a) ? b : a);
  const done = partial.done | only(index);
  const loop = loops[index]!;
  const filtered = filteredRows(loop.rows, best, loops, index, partial.done, terms);
  const found = loop.isLeft ? Math.max(1, filtered) : filtered;
  const rows = Math.max(0.1, partial.rows * found);
  const planned = { loop, index, access: best.access, rows };
  return {
    planned: [...partial.planned, planned],
    done,
    cost: partial.cost + costOf(best),
    rows,
  };
}

/** The rows of a candidate that remain after the terms that it does not use itself. */
function filteredRows(
  all: number,
  { access, rows }: Candidate,
  loops: readonly Loop[],
  index: number,
  known: LoopSet,
  terms: readonly Term[],
): number {
  const used = usedTerms(access);
  let left = rows;
  for (const term of terms) {
    const isNew = isIn(term.loops, known | only(index)) && !isIn(term.loops, known);
    if (!isNew || used.has(term) || (term.onOf >= 0 && term.onOf !== index)) continue;
    if (loops[index]!.isLeft && term.onOf !== index) continue;
    const isEqual = comparedIn(term).some(({ operator }) => operator === "=");
    left *= isEqual ? Math.max(0.05, 2 / Math.max(4, all)) : 0.5;
  }
  return left;
}

/** The terms that an access path has checked already. */
export function usedTerms(access: Access): Set<Term> {
  // A row of a union may be one that its ranges have beside those that they must.
  if (access.kind === "scan" || access.kind === "union") return new Set();
  if (access.kind === "hash") return new Set(access.keys.map(({ term }) => term));
  const { equal, lower, upper } = access;
  const bounds = [...equal, lower, upper].filter((bound) => bound !== undefined);
  return new Set(bounds.map(({ term }) => term));
}
