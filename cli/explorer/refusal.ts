/**
 * Refusals of requests: a status, and a reason of one line.
 */

import {
  BusyError,
  ClosedError,
  CorruptionError,
  IoError,
  LimitError,
  SnapshotTooOldError,
} from "../../mod.ts";

/** A request was refused. */
export class RefusedError extends Error {
  /** The status of the response, 400 and up. */
  readonly status: number;

  /**
   * Creates a refusal.
   *
   * @param status The status of the response.
   * @param message The reason, in one line.
   */
  constructor(status: number, message: string) {
    super(message);
    this.name = "RefusedError";
    this.status = status;
  }
}

/** The status and the line for any thrown value; never a stack trace. */
export function refusalOf(error: unknown): { status: number; line: string } {
  const line = error instanceof Error ? error.message.split("\n")[0]! : "unknown failure";
  if (error instanceof RefusedError) return { status: error.status, line };
  if (error instanceof CorruptionError) return { status: 409, line };
  if (error instanceof ClosedError) return { status: 410, line };
  if (error instanceof IoError) return { status: 503, line };
  if (error instanceof BusyError || error instanceof SnapshotTooOldError) {
    return { status: 503, line };
  }
  if (error instanceof LimitError) return { status: 413, line };
  // Built-in errors are for users only if they have the form "Cannot ACTION: STATE".
  const isOurs = /^Cannot [^:]+: ./.test(line);
  if (isOurs && error instanceof RangeError) return { status: 404, line };
  if (isOurs && error instanceof TypeError) return { status: 409, line };
  return { status: 500, line: "Cannot answer: the explorer failed" };
}
