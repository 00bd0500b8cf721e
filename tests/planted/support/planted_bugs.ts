/**
 * The type of a planted bug: an edit of the sources that breaks one rule, and where it is hunted.
 *
 * The `find` of an edit must occur exactly once in its file, or the hunt fails: planted bugs must
 * follow the sources, and none is skipped silently.
 */

/** A replacement of text. */
export interface Edit {
  /** The file, from the top of the project. */
  readonly file: string;
  /** The text to replace, which occurs exactly once. */
  readonly find: string;
  /** The new text. */
  readonly replace: string;
}

/** A bug that can be planted. */
export interface PlantedBug {
  /** Its name, for QUIRE_PLANTED. */
  readonly name: string;
  /** The rule that it breaks. */
  readonly breaks: string;
  /** The edits that plant it. */
  readonly edits: readonly Edit[];
  /** The hunts: arguments of `crash_replay.ts`, or a test file, the quickest first. */
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

/** Whole sectors are old or new. */
export const whole = (workload: string, options = "") => `--workload ${workload}${options}`;
/** Sectors of an interrupted write may hold anything. */
export const protect = (workload: string, options = "") =>
  `--workload ${workload} --protect${options}`;
/** With many nested cuts. */
export const NESTED = " --nested 8 --kill 4";
