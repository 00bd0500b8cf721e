/**
 * Long tables of trials that a run takes a share of: others in each run, so that all have their
 * turn.
 *
 * QUIRE_SEED=N takes the same ones each time.
 */

const seed = Deno.env.get("QUIRE_SEED");

/** The turn of this run, a 31-bit number. */
export const TURN: number = seed === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1
  : Number(seed);

/** Whether trial `index` is one of those that this run takes, one in `every`. */
export function isInTurn(index: number, every: number): boolean {
  return (index + TURN) % every === 0;
}
