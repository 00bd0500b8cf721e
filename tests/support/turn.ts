/**
 * What differs from run to run: the share that a run takes of a long table of trials, so that all
 * have their turn, and the seed of random programs.
 *
 * QUIRE_TURN=N takes those of run N. QUIRE_SEED=N does so too, and may have tests leave out their
 * fixed seeds. `deno task test` chooses one turn for all tests, and prints it.
 */

const given = Deno.env.get("QUIRE_SEED") ?? Deno.env.get("QUIRE_TURN");

/** The turn of this run, a 31-bit number. */
export const TURN: number = given === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1
  : Number(given);

/** Whether trial `index` is one of those that this run takes, one in `every`. */
export function isInTurn(index: number, every: number): boolean {
  return (index + TURN) % every === 0;
}
