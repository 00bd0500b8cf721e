/**
 * Refusals of the server: a status of HTTP, and a line for the client.
 *
 * Clients retry without end after a status of 500 or above, and fail with the line of any other.
 * So 503 is for states that pass and 500 for unknown errors; everything else is below 500.
 */

import { ClosedError, CorruptionError, IoError, LimitError } from "../../mod.ts";
import { MessageError } from "./messages.ts";

/** A request that is refused. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** The status of HTTP. */
  readonly status: number;

  /**
   * A refusal.
   *
   * @param status The status of HTTP.
   * @param why One line.
   */
  constructor(status: number, why: string, options?: ErrorOptions) {
    super(why, options);
    this.status = status;
  }
}

/** The refusal of an error. */
export function refusalOf(error: unknown): RefusedError {
  if (error instanceof RefusedError) return error;
  const { message } = error as Error;
  return new RefusedError(statusOf(error), oneLine(message), { cause: error });
}

/** Whether an error is one of the database or the program, which its owner wants to know. */
export function isOurs({ cause }: RefusedError): boolean {
  return cause !== undefined && !isOfClient(cause) && !(cause instanceof ClosedError);
}

function isOfClient(error: unknown): boolean {
  return error instanceof MessageError || error instanceof TypeError || error instanceof LimitError;
}

function statusOf(error: unknown): number {
  if (error instanceof LimitError) return 413;
  if (isOfClient(error)) return 400;
  // A disk that is full may have room later, and another server may open the file.
  if (error instanceof IoError || error instanceof ClosedError) return 503;
  return error instanceof CorruptionError ? 422 : 500;
}

function oneLine(text: string): string {
  return String(text).replaceAll(/\s+/g, " ");
}
