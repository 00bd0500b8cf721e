/**
 * Long work in slices: the event loop breathes in between, progress is told, and a signal ends it.
 */

import { setImmediate } from "node:timers";

/** How long work goes on before the event loop has its turn, in milliseconds. */
const SLICE_MS = 12;

/** How to watch and end long work. */
export interface ProgressOptions {
  /** Ends the work: the promise is then rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Hears how far the work is, some tens of times a second, and at the end of each phase. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** How far long work is. */
export interface Progress {
  /**
   * What is being done. Verifying: reading all pages, walking the trees, and looking for pages that
   * no tree leads to. Salvaging: reading all pages, and saving entries.
   */
  readonly phase: "pages" | "trees" | "owners" | "entries";
  /** How much of the phase is done, in pages. */
  readonly done: number;
  /** How much there is to do, in pages. */
  readonly total: number;
}

/**
 * Runs work that yields after each small step.
 *
 * @throws Whatever the work throws, or the signal's reason.
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
    // Whatever the work holds open is closed by its own `finally`.
    work.return(undefined as never);
  }
}
