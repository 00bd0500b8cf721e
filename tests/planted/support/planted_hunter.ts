/**
 * Hunts for a failing image in its own process. Each argument is a line of arguments of
 * `crash_replay.ts`; they are tried in turn until one fails. The exit code is `FOUND` if one fails,
 * 0 if all pass, and a different one if the program does not start.
 *
 * The last line of output is a `Found`, in JSON.
 */

import { replay } from "../../crash/crash_replay.ts";
import { CrashFailure } from "../../crash/support/crash_driver.ts";
import { fixChance } from "../../support/fixed_chance.ts";

/** The exit code if an image failed. */
export const FOUND = 3;

/** A failure. */
export interface Found {
  /** The argument that found it. */
  readonly hunt: string;
  /** The arguments for this image only; none if the workload failed without a cut. */
  readonly replay?: string;
  /** The failure, in one line. */
  readonly showed: string;
  /** The complete message. */
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
