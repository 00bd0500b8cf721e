/**
 * Two engines beside each other in one process: rounds in alternating order, so that both see the
 * same machine, and a table of medians in microseconds with their ratio.
 */

import { figureOf, short, tableOf } from "./figures.ts";

/** The microseconds of each kind of work in one round. */
export type RoundTimes = ReadonlyMap<string, number>;

/**
 * Runs two engines in turn, and returns a table with a row for each kind of work.
 *
 * @param engines How to run a round of each engine, by name.
 * @param rounds The rounds that count; one more comes first, to warm up the compiler.
 */
export async function alternate(
  engines: Readonly<Record<string, () => Promise<RoundTimes>>>,
  rounds: number,
): Promise<string> {
  const names = Object.keys(engines);
  const samples = new Map(names.map((name): [string, RoundTimes[]] => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const times = await engines[name]!();
      if (round > 0) samples.get(name)!.push(times);
    }
  }
  const works = [...samples.get(names[0]!)![0]!.keys()];
  const rows = works.map((work) => {
    const medians = names.map((name) => {
      return figureOf(samples.get(name)!.map((times) => times.get(work)!)).median;
    });
    return [work, ...medians.map(short), short(medians[1]! / medians[0]!)];
  });
  return tableOf(["work", ...names, "ratio"], rows);
}
