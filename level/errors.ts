/**
 * Errors as abstract-level documents them: each has a `code`, and the engine's error as its cause.
 *
 * abstract-level itself raises the errors about its own state, such as `LEVEL_DATABASE_NOT_OPEN`.
 * Misuse that it does not check, such as a key that is too long, stays a `RangeError` or a
 * `TypeError`.
 */

import { CorruptionError, IoError, LockedError } from "../mod.ts";

/** An error with a code of abstract-level. */
export class LevelError extends Error {
  /** The name of the class. */
  override readonly name = "LevelError";
  /** The code, such as `LEVEL_LOCKED`. */
  readonly code: string;

  /**
   * Creates an error with a code.
   *
   * @param code The code, such as `LEVEL_LOCKED`.
   * @param message The action, and the state that prevents it.
   * @param cause The engine's error, if it raised one.
   */
  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The error to throw for an error of the engine: with a code where abstract-level has one. */
export function levelError(error: unknown): unknown {
  if (error instanceof LockedError) return withCode("LEVEL_LOCKED", error);
  if (error instanceof CorruptionError) return withCode("LEVEL_CORRUPTION", error);
  if (error instanceof IoError) return withCode("LEVEL_IO_ERROR", error);
  return error;
}

/** Whether the system refused because a file or folder does not exist. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof IoError)) return false;
  const { cause } = error;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function withCode(code: string, error: Error): LevelError {
  return new LevelError(code, error.message, error);
}
