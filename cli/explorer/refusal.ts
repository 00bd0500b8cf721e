/**
 * A request that is refused: a status, and one line that says why.
 */

import { ClosedError, CorruptionError, IoError } from "../../mod.ts";

/** A request that is refused. */
export class RefusedError extends Error {
  /** The status of the response, 400 and up. */
  readonly status: number;

  /**
   * A refusal.
   *
   * @param status The status of the response.
   * @param message Why, in one line.
   */
  constructor(status: number, message: string) {
    super(message);
    this.name = "RefusedError";
    this.status = status;
  }
}

/** The status and the one line for whatever was thrown; never a stack. */
export function refusalOf(error: unknown): { status: number; line: string } {
  const line = error instanceof Error ? error.message.split("\n")[0]! : "unknown failure";
  if (error instanceof RefusedError) return { status: error.status, line };
  if (error instanceof CorruptionError) return { status: 409, line };
  if (error instanceof ClosedError) return { status: 410, line };
  if (error instanceof IoError) return { status: 503, line };
  // Of the language's errors only those are for users that say what cannot be done, and why.
  const isOurs = /^Cannot [^:]+: ./.test(line);
  if (isOurs && error instanceof RangeError) return { status: 404, line };
  if (isOurs && error instanceof TypeError) return { status: 409, line };
  return { status: 500, line: "the explorer is wrong here" };
}
