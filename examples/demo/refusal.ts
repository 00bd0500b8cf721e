/**
 * What the demo will not do, said in one line: the user can mend it by calling the demo in another
 * way, so there is no stack and the exit code is 2.
 */

/** The exit code of a call that the user has to mend. */
export const EXIT_MISUSE = 2;

/** A call that the user has to mend. The message says what is wrong, and how to mend it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  // A database that failed may fail again when it is closed; the first failure tells more.
  if (error instanceof SuppressedError) return messageOf(error.suppressed);
  return error instanceof Error ? error.message : String(error);
}
