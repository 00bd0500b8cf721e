/**
 * Refusals: errors that the user corrects by calling the demo differently. They are reported in one
 * line without a stack, and the exit code is 2.
 */

/** The exit code of a refusal. */
export const EXIT_MISUSE = 2;

/** An error in the use of the demo. The message has the error and the remedy. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  // A database that failed may fail again when it is closed; the first failure is the cause.
  if (error instanceof SuppressedError) return messageOf(error.suppressed);
  return error instanceof Error ? error.message : String(error);
}
