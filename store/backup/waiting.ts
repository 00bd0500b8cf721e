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

/** Time that passes, for work that waits. */
export interface Waits {
  /** The time in milliseconds, which never goes back. */
  readonly now: () => number;
  /** Waits for some milliseconds, or until the signal aborts. */
  readonly rest: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** The time of this machine. */
export const SYSTEM_WAITS: Waits = { now: () => performance.now(), rest };

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
