/**
 * The check of a register: whether the operations of several processes, each with the times at
 * which it was called and returned, can be put in one order in which each takes effect between
 * these times and finds what the one before left.
 *
 * It searches: of the operations that may be next, each is tried, and what was tried is remembered.
 */

/** An operation of a register. */
export interface RegisterCall {
  readonly process: number;
  readonly begin: number;
  /** Infinity if it is not known whether it took effect. */
  readonly end: number;
  readonly kind: "read" | "write" | "swap";
  /** What a read found, and what a swap expected. */
  readonly found?: number | undefined;
  /** What a write or a swap leaves. */
  readonly value?: number | undefined;
  /** Whether a swap succeeded. */
  readonly swapped?: boolean | undefined;
}

/** The value of the register before the first operation. */
const INITIAL = 0;

/** Whether there is an order; the calls may be given in any. */
export function isLinearizable(calls: readonly RegisterCall[]): boolean {
  const all = [...calls].sort((a, b) => a.begin - b.begin);
  const tried = new Set<string>();
  const done = new Set<number>();
  const search = (value: number): boolean => {
    if (all.every(({ end }, i) => done.has(i) || end === Infinity)) return true;
    const state = `${value}:${[...done].sort((a, b) => a - b).join()}`;
    if (tried.has(state)) return false;
    tried.add(state);
    const firstEnd = all.reduce(
      (end, call, i) => done.has(i) ? end : Math.min(end, call.end),
      Infinity,
    );
    for (const [i, call] of all.entries()) {
      if (done.has(i) || call.begin > firstEnd) continue;
      const next = after(value, call);
      if (next === undefined) continue;
      done.add(i);
      if (search(next)) return true;
      done.delete(i);
    }
    return false;
  };
  return search(INITIAL);
}

/** The value after an operation, or undefined if its result is impossible. */
function after(value: number, { kind, found, value: given, swapped }: RegisterCall) {
  if (kind === "write") return given;
  if (kind === "read") return found === value ? value : undefined;
  if (swapped !== (found === value)) return undefined;
  return swapped ? given : value;
}
