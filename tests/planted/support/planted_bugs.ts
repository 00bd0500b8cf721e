/**
 * What a planted bug is: an edit of the sources that breaks one rule, and where it shows.
 *
 * An edit's `find` must stand exactly once in its file, or the harness fails: when a source moves
 * on, its planted bugs move with it, and none is skipped in silence.
 */

/** A text that another one takes the place of. */
export interface Edit {
  /** The file, from the top of the project. */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly find: string;
  /** What is to stand there. */
  readonly replace: string;
}

/** A bug that can be planted. */
export interface PlantedBug {
  /** Names it; QUIRE_PLANTED takes such a name. */
  readonly name: string;
  /** The rule that it breaks. */
  readonly breaks: string;
  /** How it is planted. */
  readonly edits: readonly Edit[];
  /** Where it shows: arguments of `crash_replay.ts`, or a test file, the quickest first. */
  readonly hunts: readonly string[];
}

/** A bug of one edit. */
export function bug(
  name: string,
  breaks: string,
  file: string,
  find: string,
  replace: string,
  ...hunts: string[]
): PlantedBug {
  return { name, breaks, edits: [{ file, find, replace }], hunts };
}

/** With one more edit. */
export function also(first: PlantedBug, file: string, find: string, replace: string): PlantedBug {
  return { ...first, edits: [...first.edits, { file, find, replace }] };
}

/** Where whole sectors are old or new. */
export const whole = (workload: string, options = "") => `--workload ${workload}${options}`;
/** Where a sector that was being written may hold anything. */
export const protect = (workload: string, options = "") =>
  `--workload ${workload} --protect${options}`;
/** Often cut again while it is opened. */
export const NESTED = " --nested 8 --kill 4";
