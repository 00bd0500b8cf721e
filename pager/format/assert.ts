/**
 * Assertions catch bugs in Quire. Bad bytes from disk and bad arguments from users cause typed
 * errors instead (`errors.ts`).
 */

/** Thrown when a rule of the code does not hold: a bug in Quire. */
export class AssertionError extends Error {
  /** The name of the class. */
  override readonly name = "AssertionError";
}

/**
 * Throws when a rule of the code does not hold.
 *
 * @param condition The rule.
 * @param rule The rule in words.
 */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new AssertionError(`Quire is wrong: ${rule}`);
}
