/**
 * Garbage collection on demand, for tests of objects that the program has lost.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const TURNS_MAX = 100;

/**
 * Collects garbage, once in each turn of the event loop, until a condition holds.
 *
 * @returns Whether it holds at the end.
 */
export async function collectUntil(holds: () => boolean): Promise<boolean> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let turn = 0; turn < TURNS_MAX && !holds(); turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return holds();
}
