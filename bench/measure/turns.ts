/**
 * Two engines beside each other in one process, both open: they do the same work in short turns of
 * equal time, one right after the other, so that what disturbs the machine disturbs both. A ratio
 * is that of two turns beside each other; what counts is the median of many, and their spread.
 */

import { figureOf, percentile, short, tableOf, timeMs } from "./figures.ts";

/** Does a step of some work. Returns how many calls, entries or messages it handled. */
export type Step = (step: number) => Promise<number>;

/** How long work is measured. */
export interface Turns {
  /** The turns of each engine that count. */
  readonly count: number;
  /** The turns of each before those, for the compiler. */
  readonly warmUp: number;
  /** The milliseconds after which a turn does not begin another step. */
  readonly ms: number;
}

/** The microseconds of two engines for one thing, in the turns that count. */
export type TurnTimes = readonly [first: readonly number[], second: readonly number[]];

/** Lets two engines do some work in turns. They begin a pair alternately. */
export async function takeTurns(steps: readonly [Step, Step], turns: Turns): Promise<TurnTimes> {
  const times: [number[], number[]] = [[], []];
  const done = [0, 0];
  for (let turn = -turns.warmUp; turn < turns.count; turn++) {
    for (const engine of turn % 2 === 0 ? [0, 1] as const : [1, 0] as const) {
      let handled = 0;
      const ms = await timeMs(async () => {
        const start = performance.now();
        do handled += await steps[engine](done[engine]!++); while (
          performance.now() - start < turns.ms
        );
      });
      if (turn >= 0) times[engine].push(ms * 1000 / handled);
    }
  }
  return times;
}

/** A table with a row for each kind of work: medians, and the ratios with half of all turns. */
export function tableOfTurns(
  engines: readonly [string, string],
  works: ReadonlyMap<string, TurnTimes>,
): string {
  const rows = Array.from(works, ([work, [first, second]]) => {
    const ratios = first.map((time, turn) => second[turn]! / time).sort((a, b) => a - b);
    const [low, median, high] = [0.25, 0.5, 0.75].map((share) => short(percentile(ratios, share)));
    const medians = [first, second].map((times) => short(figureOf(times).median));
    return [work, ...medians, median!, `${low} to ${high}`];
  });
  return tableOf(["work", ...engines, "ratio", "half of the turns"], rows);
}
