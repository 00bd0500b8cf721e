/**
 * Looks for a wrong image, in a process of its own: each argument is a line of arguments of
 * `crash_replay.ts`, tried in turn until one fails. It ends with `FOUND` then, and with 0 when all
 * is as it must be; a program that does not even begin ends otherwise.
 *
 * The last line that it prints is a `Found`.
 */

import { replay } from "../../crash/crash_replay.ts";
import { CrashFailure } from "../../crash/support/crash_driver.ts";
import { fixChance } from "../../support/fixed_chance.ts";

/** The exit code that says that something was wrong. */
export const FOUND = 3;

/** What was wrong. */
export interface Found {
  /** Which of the arguments led to it. */
  readonly hunt: string;
  /** The arguments that lead to this image alone; none when the workload failed without a cut. */
  readonly replay?: string;
  /** What is wrong, in a line. */
  readonly showed: string;
  /** All there is to say. */
  readonly details: string;
}

if (import.meta.main) {
  fixChance(1);
  for (const hunt of Deno.args) {
    try {
      replay(hunt.split(" "));
    } catch (error) {
      console.log(JSON.stringify(foundBy(hunt, error)));
      Deno.exit(FOUND);
    }
  }
}

function foundBy(hunt: string, error: unknown): Found {
  const showed = String(error instanceof Error ? error.message : error).split("\n")[0]!;
  const cause = error instanceof CrashFailure ? error.cause : error;
  const details = cause instanceof Error ? cause.stack ?? cause.message : String(cause);
  if (!(error instanceof CrashFailure)) return { hunt, showed, details };
  return { hunt, replay: error.replay, showed, details };
}
