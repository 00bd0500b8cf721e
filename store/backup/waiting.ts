/**
 * Waits that a signal ends.
 */

import { clearTimeout, setTimeout } from "node:timers";

/** Waits for a time, or until the signal aborts. */
export async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = () => resolve();
  signal?.addEventListener("abort", end);
  await promise;
  signal?.removeEventListener("abort", end);
  clearTimeout(timer);
}

/**
 * Waits for a promise, or for the signal.
 *
 * @throws The error of the promise, or the signal's reason.
 */
export async function untilAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  promise.catch(() => {});
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
