/**
 * What `deno task soak` runs: tests of this project in their large sizes, each with the settings
 * that make it large, and reading from what they print how much was done.
 *
 * A part is one file of tests, run as it is: nothing is checked here that the file does not check.
 */

/** How often a part is run: every round, with a new seed, or once, since it is always the same. */
export type Rhythm = "each round" | "once";

/** One part of the soak. */
export interface Part {
  /** What it does. */
  readonly name: string;
  /** The tests, below the folder of the project. */
  readonly file: string;
  /** The settings that make them large; a seed comes beside them. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether QUIRE_SEED makes a run with other random choices. Default true. */
  readonly takesSeed?: boolean;
  /** About how long it takes on two slow cores; it is begun only when so much is left. */
  readonly minutes: number;
  readonly rhythm: Rhythm;
  /** The lines that tell what was done. */
  readonly counts: RegExp;
  /** Of these lines, the only figures that are wanted. Default all. */
  readonly wanted?: readonly string[];
}

/** The parts, in the order in which a round runs them. */
export const PARTS: readonly Part[] = [
  {
    name: "power cuts",
    file: "tests/crash/crash_test.ts",
    env: { QUIRE_CRASH: "2" },
    minutes: 10,
    rhythm: "each round",
    counts: /^power cuts/,
  },
  {
    name: "power cuts, torn sectors hold anything",
    file: "tests/crash/crash_protect_test.ts",
    env: { QUIRE_CRASH: "2" },
    minutes: 10,
    rhythm: "each round",
    counts: /^power cuts/,
  },
  {
    name: "rot in journals",
    file: "tests/crash/journal_rot_test.ts",
    env: { QUIRE_ROT: "12" },
    minutes: 6,
    rhythm: "each round",
    counts: /^rot in journals/,
  },
  {
    name: "kill -9",
    file: "tests/crash/kill_test.ts",
    env: { QUIRE_KILLS: "1000" },
    minutes: 3,
    rhythm: "each round",
    counts: /^kill -9/,
  },
  {
    name: "I/O errors",
    file: "tests/crash/fault_sweep_test.ts",
    env: { QUIRE_FAULT_CUTS: "1" },
    minutes: 3,
    rhythm: "each round",
    counts: /^I\/O errors/,
  },
  {
    name: "I/O errors under pressure",
    file: "tests/crash/pressure_failure_test.ts",
    env: {},
    minutes: 2,
    rhythm: "once",
    counts: /^(read|write|sync): /,
  },
  {
    name: "model",
    file: "tests/model/model_test.ts",
    env: { QUIRE_OPERATIONS: "1000000" },
    minutes: 3,
    rhythm: "each round",
    counts: /^seed \d+ (on disk|in memory): /,
    wanted: ["operations"],
  },
  {
    name: "snapshots in a storm of commits",
    file: "tests/model/snapshot_storm_test.ts",
    env: {},
    minutes: 3,
    rhythm: "each round",
    counts: /^seed \d+: /,
  },
  {
    name: "bit flips",
    file: "tests/hostile/bit_flip_test.ts",
    env: { QUIRE_FLIPS: "3000" },
    minutes: 4,
    rhythm: "each round",
    counts: /^(flips in|changes after)/,
  },
  {
    name: "hostile files, fuzzed",
    file: "tests/hostile/hostile_fuzz_test.ts",
    env: { QUIRE_FUZZ_SECONDS: "240" },
    // It chooses new ones by itself, and takes a seed for one case alone.
    takesSeed: false,
    minutes: 5,
    rhythm: "each round",
    counts: /^random hostile files/,
  },
  {
    name: "bounds",
    file: "tests/hostile/bounds_test.ts",
    env: { QUIRE_BOUNDS: "full" },
    minutes: 5,
    rhythm: "each round",
    counts: /^bounds, /,
    wanted: [],
  },
  {
    name: "planted bugs",
    file: "tests/planted/planted_test.ts",
    env: {},
    minutes: 6,
    rhythm: "once",
    counts: /^ *are (caught|not found|as they must be).* ok /,
  },
  {
    name: "every bit flipped",
    file: "tests/hostile/bit_flip_test.ts",
    env: { QUIRE_EVERY_BIT: "1" },
    minutes: 20,
    rhythm: "once",
    counts: /^(flips in|changes after)/,
  },
];

/** Figures by name. */
export type Figures = Record<string, number>;

/** The lines of an output that tell what a part has done. */
export function countLines(part: Part, output: string): string[] {
  return output.split("\n").filter((line) => part.counts.test(line));
}

/**
 * The figures of a line: those of an object in it, and each number with the words that follow it,
 * or with those before the colon where none do. Seeds are no figures. The line itself counts as
 * one.
 */
export function figuresIn(line: string): Figures {
  const figures: Figures = { lines: 1 };
  const object = /\{.*\}/.exec(line)?.[0];
  if (object !== undefined) add(figures, JSON.parse(object));
  const [label = "", rest = ""] = line.replace(object ?? "", "").split(/: (.*)/);
  for (const [, number, words] of rest.matchAll(/(?<!seed |\d)(\d+)\s*([a-z][a-z -]*)?/g)) {
    add(figures, { [words?.trim() ?? label]: Number(number) });
  }
  return figures;
}

/** Adds figures to others, each to the one of its name. */
export function add(sum: Figures, more: Figures): void {
  for (const [name, value] of Object.entries(more)) {
    if (typeof value === "number") sum[name] = (sum[name] ?? 0) + value;
  }
}

/** The figures of all that a part printed, of those that are wanted. */
export function figuresOf(part: Part, output: string): Figures {
  const sum: Figures = {};
  for (const line of countLines(part, output)) add(sum, figuresIn(line));
  const { wanted } = part;
  const isWanted = ([name]: [string, number]) => wanted?.includes(name) ?? true;
  return Object.fromEntries(Object.entries(sum).filter(isWanted));
}

/** The settings of a run of a part. */
export function settingsOf({ env, takesSeed = true }: Part, seed: number): Record<string, string> {
  return takesSeed ? { ...env, QUIRE_SEED: String(seed) } : { ...env };
}

/** The command that runs a part so. */
export function commandOf(part: Part, seed: number): string {
  const settings = Object.entries(settingsOf(part, seed));
  const words = settings.map(([name, value]) => `${name}=${value}`);
  return [...words, "deno test -A", part.file].join(" ");
}
