/**
 * Callbacks run to their end at once: what a promise does later would be outside of the
 * transaction.
 */

/**
 * Refuses what an asynchronous callback returned, and says nothing of what becomes of it.
 *
 * @param action What cannot be done, and whose callback it is.
 * @throws {TypeError} It is a promise.
 */
export function refusePromise(action: string, result: unknown): void {
  if ((typeof result !== "object" && typeof result !== "function") || result === null) return;
  if (!("then" in result) || typeof result.then !== "function") return;
  if (result instanceof Promise) result.catch(() => {});
  throw new TypeError(`Cannot ${action} is asynchronous`);
}
