/**
 * The parts of `deno task soak`: tests of this project with the settings that make them large, and
 * the counts read from their output.
 *
 * A part is one test file, run unchanged; nothing is checked here that the file does not check.
 */

/** How often a part runs: in every round with a new seed, or once, if it never varies. */
export type Rhythm = "each round" | "once";

/** One part of the soak. */
export interface Part {
  /** What it does. */
  readonly name: string;
  /** The tests, below the folder of the project. */
  readonly file: string;
  /** The settings that make them large, without the seed. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether QUIRE_SEED changes its random choices. Default true. */
  readonly takesSeed?: boolean;
  /** Its approximate time on two slow cores; it starts only if this much is left. */
  readonly minutes: number;
  readonly rhythm: Rhythm;
  /** The lines that report counts. */
  readonly counts: RegExp;
  /** The only counts to take from these lines. Default all. */
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
    name: "followers",
    file: "tests/share/follow_test.ts",
    env: { QUIRE_FOLLOW: "120" },
    minutes: 5,
    rhythm: "each round",
    counts: /^followers:/,
  },
  {
    name: "followers, interleaved",
    file: "tests/share/follow_interleaved_test.ts",
    env: { QUIRE_FOLLOW: "200" },
    minutes: 5,
    rhythm: "each round",
    counts: /^followers, interleaved/,
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
    name: "kill -9 of processes that archive",
    file: "tests/crash/archive_kill_test.ts",
    env: { QUIRE_ARCHIVE_KILLS: "300" },
    minutes: 3,
    rhythm: "each round",
    counts: /^kill -9/,
  },
  {
    name: "kill -9 of processes that copy",
    file: "tests/crash/copy_kill_test.ts",
    env: { QUIRE_COPY_KILLS: "100" },
    minutes: 5,
    rhythm: "each round",
    counts: /^kill -9/,
  },
  {
    name: "power cuts of an archived database",
    file: "tests/crash/archive_power_test.ts",
    env: { QUIRE_ARCHIVE_CUTS: "400" },
    minutes: 2,
    rhythm: "each round",
    counts: /^power cuts/,
  },
  {
    name: "power cuts of random programs of the pager",
    file: "tests/crash/pager_power_test.ts",
    env: { QUIRE_PAGER: "40" },
    minutes: 3,
    rhythm: "each round",
    counts: /^power cuts of the pager/,
  },
  {
    name: "power cuts of copies",
    file: "tests/crash/copy_power_test.ts",
    env: { QUIRE_COPY_IMAGES: "20" },
    minutes: 3,
    rhythm: "each round",
    counts: /^power cuts of copies/,
  },
  {
    name: "restores of archives",
    file: "tests/model/archive_test.ts",
    env: { QUIRE_ARCHIVE: "3000" },
    minutes: 3,
    rhythm: "each round",
    counts: /^restores of archives/,
  },
  {
    name: "backups, increments and restores",
    file: "tests/model/backup_test.ts",
    env: { QUIRE_BACKUP: "1000" },
    minutes: 3,
    rhythm: "each round",
    counts: /^backups: seed/,
    wanted: ["versions", "pages came early"],
  },
  {
    name: "sizes after a compaction",
    file: "tests/model/compacted_size_test.ts",
    env: { QUIRE_FULL: "1" },
    takesSeed: false,
    minutes: 1,
    rhythm: "once",
    counts: / \.\.\. ok /,
  },
  {
    name: "I/O errors",
    file: "tests/crash/fault_sweep_test.ts",
    env: { QUIRE_FAULTS: "1", QUIRE_FAULT_CUTS: "1" },
    minutes: 3,
    rhythm: "each round",
    counts: /^I\/O errors/,
  },
  {
    name: "I/O errors under pressure",
    file: "tests/crash/pressure_failure_test.ts",
    env: { QUIRE_FULL: "1" },
    minutes: 2,
    rhythm: "once",
    counts: /^(read|write|sync): /,
  },
  {
    name: "I/O errors in flights",
    file: "tests/crash/flight_fault_test.ts",
    env: { QUIRE_FAULTS: "1" },
    minutes: 2,
    rhythm: "once",
    counts: /^faults in flights/,
  },
  {
    name: "full disks",
    file: "tests/crash/full_disk_test.ts",
    env: { QUIRE_BUDGETS: "3" },
    minutes: 3,
    rhythm: "once",
    counts: /^full disks/,
  },
  {
    name: "the allocator beside a model",
    file: "alloc/allocator_model_test.ts",
    env: { QUIRE_ALLOCATOR: "all" },
    minutes: 1,
    rhythm: "once",
    counts: / \.\.\. ok /,
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
    env: { QUIRE_STORM: "1" },
    minutes: 3,
    rhythm: "each round",
    counts: /^seed \d+: /,
  },
  {
    name: "everything at once",
    file: "tests/model/together_test.ts",
    env: { QUIRE_TOGETHER: "40" },
    minutes: 6,
    rhythm: "each round",
    counts: /^together, seed/,
  },
  {
    name: "bit flips",
    file: "tests/hostile/bit_flip_test.ts",
    env: { QUIRE_FLIPS: "3000", QUIRE_FLIP_STEP: "7" },
    minutes: 4,
    rhythm: "each round",
    counts: /^(flips in|changes after)/,
  },
  {
    name: "hostile files, fuzzed",
    file: "tests/hostile/hostile_fuzz_test.ts",
    env: { QUIRE_FUZZ_SECONDS: "240" },
    // It chooses new seeds by itself, and uses QUIRE_SEED for a single case.
    takesSeed: false,
    minutes: 5,
    rhythm: "each round",
    counts: /^random hostile files/,
  },
  {
    name: "hostile files",
    file: "tests/hostile/hostile_test.ts",
    env: { QUIRE_FULL: "1" },
    minutes: 2,
    rhythm: "once",
    counts: /^hostile files/,
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
    name: "Deno KV beside Quire's",
    file: "tests/kv/beside_deno_test.ts",
    env: { QUIRE_KV: "100000" },
    minutes: 6,
    rhythm: "each round",
    counts: /^beside Deno KV/,
  },
  {
    name: "SQL beside SQLite",
    file: "tests/sql/beside_sqlite_test.ts",
    env: { QUIRE_SQL: "50000" },
    minutes: 5,
    rhythm: "each round",
    counts: /^beside SQLite/,
  },
  {
    name: "SQL in the manner of sqllogictest",
    file: "tests/sql/families_test.ts",
    env: { QUIRE_SQL_STEPS: "10000" },
    minutes: 5,
    rhythm: "each round",
    counts: /^families of sqllogictest/,
  },
  {
    name: "values that V8 serialized",
    file: "kv/value/common_values_test.ts",
    env: { QUIRE_KV_VALUES: "200000" },
    minutes: 3,
    rhythm: "each round",
    counts: / \.\.\. ok /,
  },
  {
    name: "malformed requests of KV Connect",
    file: "kv/connect/service_test.ts",
    env: { QUIRE_KV_FUZZ: "100000" },
    minutes: 1,
    rhythm: "each round",
    counts: / \.\.\. ok /,
  },
  {
    name: "sharing, interleaved",
    file: "tests/share/interleaved_shared_test.ts",
    env: { QUIRE_SHARED: "60" },
    minutes: 3,
    rhythm: "each round",
    counts: /^shared, seed/,
  },
  {
    name: "sharing, by processes",
    file: "tests/share/processes_test.ts",
    env: { QUIRE_FLEETS: "12" },
    minutes: 5,
    rhythm: "each round",
    counts: /^processes, seed/,
  },
  {
    name: "power cuts of processes that share a file",
    file: "tests/share/shared_power_test.ts",
    env: { QUIRE_SHARED_CUTS: "6" },
    minutes: 6,
    rhythm: "each round",
    counts: /^power cuts of processes, seed/,
  },
  {
    name: "power cuts of a disk below a file system",
    file: "tests/crash/disk_cut_test.ts",
    env: { QUIRE_DISK_CUTS: "2" },
    minutes: 6,
    rhythm: "each round",
    counts: /^cuts of a disk/,
  },
  {
    name: "sharing, linearizable",
    file: "tests/share/linearizable_test.ts",
    env: { QUIRE_LINEAR: "40" },
    minutes: 5,
    rhythm: "each round",
    counts: /^linearizable, seed/,
  },
  {
    name: "sharing, in a model",
    file: "tests/share/share_model_test.ts",
    env: { QUIRE_SHARE: "1000000" },
    minutes: 90,
    rhythm: "once",
    counts: /^sharing, seed/,
  },
  {
    name: "planted bugs",
    file: "tests/planted/planted_test.ts",
    env: { QUIRE_PLANTED: "all" },
    minutes: 6,
    rhythm: "once",
    counts: /^ *are (caught|not found|as they must be).* ok /,
  },
  {
    name: "modes of copies",
    file: "tests/security/copies_test.ts",
    env: { QUIRE_FULL: "1" },
    takesSeed: false,
    minutes: 1,
    rhythm: "once",
    counts: / \.\.\. ok /,
  },
  {
    name: "unfinished files",
    file: "tests/security/unfinished_files_test.ts",
    env: { QUIRE_FULL: "1" },
    takesSeed: false,
    minutes: 2,
    rhythm: "once",
    counts: / \.\.\. ok /,
  },
  {
    name: "imports by URL, with their types",
    file: "tests/project/url_import_test.ts",
    env: { QUIRE_FULL: "1" },
    takesSeed: false,
    minutes: 1,
    rhythm: "once",
    counts: / \.\.\. ok /,
  },
  {
    name: "the session of docs/cli.md",
    file: "tests/cli/docs_test.ts",
    env: { QUIRE_FULL: "1" },
    takesSeed: false,
    minutes: 2,
    rhythm: "once",
    counts: / \.\.\. ok /,
  },
  {
    name: "completion in shells",
    file: "tests/security/completion_test.ts",
    env: { QUIRE_FULL: "1" },
    takesSeed: false,
    minutes: 2,
    rhythm: "once",
    counts: / \.\.\. ok /,
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

/** The lines of an output that report counts of a part. */
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

/** Adds counts to others by name. */
export function add(sum: Figures, more: Figures): void {
  for (const [name, value] of Object.entries(more)) {
    if (typeof value === "number") sum[name] = (sum[name] ?? 0) + value;
  }
}

/** The counts in the whole output of a part. */
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

/** The command that repeats a run of a part. */
export function commandOf(part: Part, seed: number): string {
  const settings = Object.entries(settingsOf(part, seed));
  const words = settings.map(([name, value]) => `${name}=${value}`);
  return [...words, "deno test -A", part.file].join(" ");
}
