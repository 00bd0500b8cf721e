/**
 * A sequence of writes to the file with a sync after each, such as the superblocks of a clean
 * close.
 *
 * The syncs run off the thread (`next` after each), or in line (`finish`). The second way may take
 * over from the first at any step: a sync in line covers everything that is written.
 */

/** A sequence of writes: each `yield` asks for a sync before the next write. */
export type Steps = Generator<void, void, void>;

/** The sequence of writes that is running. */
export class SyncedSteps {
  #steps: Steps | undefined;

  /** Whether a sequence is running, and waits for a sync. */
  get isRunning(): boolean {
    return this.#steps !== undefined;
  }

  /** Begins a sequence; takes its first step. */
  begin(steps: Steps): void {
    if (!steps.next().done) this.#steps = steps;
  }

  /** Takes the next step, after a sync of the step before. */
  next(): void {
    if (this.#steps?.next().done) this.#steps = undefined;
  }

  /** Takes all steps that remain. */
  finish(sync: () => void): void {
    while (this.#steps !== undefined) {
      sync();
      this.next();
    }
  }
}
