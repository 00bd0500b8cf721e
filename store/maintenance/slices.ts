/**
 * Runs long work in slices: it yields to the event loop, reports progress, and ends on a signal.
 */

import { setImmediate } from "node:timers";

/** The length of a slice, in milliseconds. */
const SLICE_MS = 12;

/** Options to follow and end long work. */
export interface ProgressOptions {
  /** Ends the work when aborted: the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Receives the progress some tens of times a second, and at the end of each phase. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** The progress of long work. */
export interface Progress {
  /**
   * The phase. Verification reads all pages, walks the trees, and looks for pages that no tree
   * owns. Salvage reads all pages, and saves entries. Compaction moves pages.
   */
  readonly phase: "pages" | "trees" | "owners" | "entries" | "moves";
  /** The finished part of the phase, in pages. */
  readonly done: number;
  /** The whole phase, in pages. */
  readonly total: number;
}

/**
 * Runs work that yields after each small step.
 *
 * @throws An error of the work, or the signal's reason.
 */
export async function inSlices<T>(
  work: Generator<Progress, T, undefined>,
  { signal, onProgress }: ProgressOptions,
): Promise<T> {
  try {
    let sliceEnd = performance.now() + SLICE_MS;
    for (;;) {
      signal?.throwIfAborted();
      const step = work.next();
      if (step.done) return step.value;
      const { done, total } = step.value;
      const isOver = performance.now() >= sliceEnd;
      if (isOver || done === total) onProgress?.(step.value);
      if (!isOver) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      sliceEnd = performance.now() + SLICE_MS;
    }
  } finally {
    // The `finally` blocks of the work release its resources.
    work.return(undefined as never);
  }
}
