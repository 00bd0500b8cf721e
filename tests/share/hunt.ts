/**
 * Hunts for a broken promise: runs many interleavings, and stops at the first that is wrong.
 *
 * `deno run -A tests/share/hunt.ts RUNS [RULES] [SEED] [MODE]`: `RULES` are turned off: names of
 * `support/rules.ts`, joined by `+`; `none`, the default, or `each`, for each in turn. `MODE` is
 * `sliced`, the default, `whole` or `noted`. It prints what it found, with the trace of the run.
 */

import { type Mode, runOnce, type RunOptions } from "./interleaving.ts";
import { type Rule, RULE_NAMES, RULES } from "./support/rules.ts";
import { Violation } from "./support/truth.ts";

/** Seeds of consecutive runs are that far apart. */
const SEED_STEP = 7919;
const TRACE_LINES = 40;

/** What a hunt found. */
export interface Hunt {
  readonly runs: number;
  /** The seed of the wrong run. */
  readonly seed: number;
  readonly fault: string | undefined;
  readonly counts: Record<string, number>;
}

/** Runs interleavings from a seed on, with rules turned off. */
export function hunt(
  runs: number,
  firstSeed: number,
  off: ReadonlySet<Rule>,
  mode: Mode = "sliced",
): Hunt {
  const counts: Record<string, number> = {};
  for (let i = 0; i < runs; i++) {
    const seed = (firstSeed + i * SEED_STEP) | 0;
    const fault = faultOf(seed, off, { counts, mode });
    if (fault !== undefined) return { runs: i + 1, seed, fault, counts };
  }
  return { runs, seed: firstSeed, fault: undefined, counts };
}

/** Describes what is wrong in one run. */
export function faultOf(
  seed: number,
  off: ReadonlySet<Rule>,
  options: RunOptions = {},
): string | undefined {
  try {
    runOnce(seed, { ...options, off });
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

/** The end of the trace of a run. */
export function traceOf(seed: number, off: ReadonlySet<Rule>, mode: Mode = "sliced"): string[] {
  const trace: string[] = [];
  faultOf(seed, off, { trace, mode });
  return trace.slice(-TRACE_LINES);
}

/** The rules of names joined by `+`; none for `none`. */
export function parseRules(names: string): ReadonlySet<Rule> {
  if (names === "none") return new Set();
  return new Set(
    names.split("+").map((name) => {
      if (!Object.hasOwn(RULES, name)) throw new RangeError(`no rule is called ${name}`);
      return name as Rule;
    }),
  );
}

function report(names: string, runs: number, firstSeed: number, mode: Mode): void {
  const off = parseRules(names);
  const begin = performance.now();
  const { fault, seed, runs: done, counts } = hunt(runs, firstSeed, off, mode);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  if (fault !== undefined) {
    console.log(traceOf(seed, off, mode).join("\n"));
    console.log(`${names}: interleaving ${done}, seed ${seed}, ${seconds} s: ${fault}`);
  } else {
    console.log(JSON.stringify(counts));
    console.log(`${names}: ${done} interleavings from seed ${firstSeed}, ${seconds} s: 0 wrong`);
  }
}

if (import.meta.main) {
  const [runs = "10000", rules = "none", seed = "1", mode = "sliced"] = Deno.args;
  for (const names of rules === "each" ? RULE_NAMES : [rules]) {
    report(names, Number(runs), Number(seed), mode as Mode);
  }
}
