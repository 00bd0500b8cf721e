/**
 * The type of a planted bug: edits of the sources that break one rule, and the hunts for it.
 *
 * The `find` of an edit must occur exactly once in its file, or the hunt fails. So a change of the
 * sources cannot silently disable a planted bug.
 */

/** A replacement of text. */
export interface Edit {
  /** The file, relative to the root of the project. */
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
  /** The hunts, fastest first: arguments of `crash_replay.ts`, a test file, or a part of one. */
  readonly hunts: readonly string[];
}

/** A bug with one edit. */
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

/** The bug with one more edit. */
export function also(first: PlantedBug, file: string, find: string, replace: string): PlantedBug {
  return { ...first, edits: [...first.edits, { file, find, replace }] };
}

/** A workload in which each sector of an interrupted write is old or new. */
export const whole = (workload: string, options = "") => `--workload ${workload}${options}`;
/** A workload in which the sectors of an interrupted write may hold anything. */
export const protect = (workload: string, options = "") =>
  `--workload ${workload} --protect${options}`;
/** Options for many nested cuts. */
export const NESTED = " --nested 8 --kill 4";
/** The part of a test file whose outermost `describe` has this text in its name. */
export const part = (file: string, describe: string) => `${file}, ${describe}`;

/** The test file of a hunt, and the part of it; undefined if the hunt is of power cuts. */
export function testOf(hunt: string): { file: string; describe: string | undefined } | undefined {
  const [, file, describe] = /^(\S+_test\.ts)(?:, (.*))?$/.exec(hunt) ?? [];
  return file === undefined ? undefined : { file, describe };
}
