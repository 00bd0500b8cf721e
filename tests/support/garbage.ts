/**
 * Garbage collection on demand, for tests of objects that the program has lost.
 */

import { collectNow } from "./memory.ts";

const TURNS_MAX = 100;

/**
 * Collects garbage, once in each turn of the event loop, until a condition holds.
 *
 * @returns Whether it holds at the end.
 */
export async function collectUntil(holds: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < TURNS_MAX && !holds(); turn++) {
    collectNow();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return holds();
}
