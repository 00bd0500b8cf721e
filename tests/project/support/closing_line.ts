/**
 * The line with which `deno test` closes, for instance
 * `FAILED | 11 passed (32 steps) | 1 failed (2 steps) | 1 ignored (12ms)`: reads it, and writes the
 * one that closes several runs. It also reads the errors before it.
 */

/** The number of tests and steps with one outcome. */
export interface Count {
  readonly tests: number;
  readonly steps: number;
}

/** The counts of a closing line: `passed`, `failed`, `ignored`, `filtered out`. */
export type Outcome = ReadonlyMap<string, Count>;

const CLOSING = /^(?:ok|FAILED) \| \d+ passed.*$/gm;
const PART = /(\d+) (passed|failed|ignored|filtered out)(?: \((\d+) steps?\))?/g;

/** The outcome in the output of a run, or undefined without a closing line. */
export function outcomeIn(output: string): Outcome | undefined {
  const line = output.match(CLOSING)?.at(-1);
  if (line === undefined) return undefined;
  const parts = [...line.matchAll(PART)];
  return new Map(
    parts.map(([, tests, name, steps]) => [
      name!,
      { tests: Number(tests), steps: Number(steps ?? 0) },
    ]),
  );
}

/** What a run says of its failed tests: the name, place and error of each. Empty if none failed. */
export function errorsIn(output: string): string {
  const [, errors = ""] = output.split(/^ ERRORS $/m);
  return errors.split(/^ FAILURES $/m)[0]!.trim();
}

/** The total outcome of several runs. A run without one counts as a failed test. */
export function sumOutcomes(outcomes: readonly (Outcome | undefined)[]): Outcome {
  const sum = new Map<string, Count>([["passed", NONE], ["failed", NONE]]);
  for (const outcome of outcomes) {
    for (const [name, { tests, steps }] of outcome ?? DEAD) {
      const before = sum.get(name) ?? NONE;
      sum.set(name, { tests: before.tests + tests, steps: before.steps + steps });
    }
  }
  return sum;
}

const NONE: Count = { tests: 0, steps: 0 };
const DEAD: Outcome = new Map([["failed", { tests: 1, steps: 0 }]]);

/** The closing line of an outcome. */
export function closingLine(outcome: Outcome, seconds: number): string {
  const { tests = 0, steps = 0 } = outcome.get("failed") ?? {};
  const parts = [...outcome].map(([name, count]) => {
    const plural = count.steps === 1 ? "step" : "steps";
    return `${count.tests} ${name}${count.steps === 0 ? "" : ` (${count.steps} ${plural})`}`;
  });
  const time = `${Math.floor(seconds / 60)}m${Math.round(seconds % 60)}s`;
  return `${tests + steps === 0 ? "ok" : "FAILED"} | ${parts.join(" | ")} (${time})`;
}
