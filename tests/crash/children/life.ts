/**
 * The life of a child process of `kill_child.ts`, read from its output.
 */

import { assert, assertEquals } from "@std/assert";

/** The output of a process before its end. */
export interface Life {
  /** The number of commits that it found. */
  readonly opened: number | undefined;
  /** The last commit that it began. */
  readonly attempted: number | undefined;
  /** The last commit that it acknowledged. */
  readonly acknowledged: number | undefined;
  /** Whether it ended while a sync ran off the thread. */
  readonly isFlying: boolean;
}

/** Reads the output of a process, whose last line its end may have truncated. */
export function lifeIn(output: string): Life {
  const lines = output.split("\n");
  lines.pop();
  assertEquals(lines.filter((line) => !/^s$|^[otaflw] \d+$/.test(line)), []);
  const lastOf = (letter: string) => {
    const line = lines.findLast((line) => line.startsWith(letter));
    return line === undefined ? undefined : Number(line.slice(2));
  };
  return {
    opened: lastOf("o "),
    attempted: lastOf("t "),
    acknowledged: lastOf("a "),
    isFlying: (lastOf("f ") ?? -1) > (lastOf("l ") ?? -1),
  };
}

/** Requires a number of commits between those acknowledged and those attempted. */
export function expectBetween(found: number, low: number, high: number, when: string): void {
  assert(found >= low && found <= high, `${when}: ${found} commits, expected ${low}..${high}`);
}
