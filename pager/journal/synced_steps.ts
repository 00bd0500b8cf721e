/**
 * A sequence of writes to the file with a sync after each, such as the superblocks of a clean
 * close.
 *
 * The syncs run off the thread (`next` after each), or in line (`finish`). The second way may take
 * over from the first at any step: a sync in line covers everything that is written.
 */

/** What a sequence yields where its next step needs no sync, and need not be in the same turn. */
export const PAUSE = "pause";

/**
 * A sequence of writes: each `yield` asks for a sync before the next write, and gets whether a
 * caller waits for the end of the sequence.
 */
export type Steps = Generator<typeof PAUSE | undefined, void, boolean>;

/** The sequence of writes that is running. */
export class SyncedSteps {
  #steps: Steps | undefined;
  #isPaused = false;

  /** Whether a sequence is running, and waits for a sync. */
  get isRunning(): boolean {
    return this.#steps !== undefined;
  }

  /** Begins a sequence; takes its first step. */
  begin(steps: Steps): void {
    if (!this.#take(steps, false)) this.#steps = steps;
  }

  /** Takes the next step, after a sync of the step before. */
  next(): void {
    this.#next(false);
  }

  /** Takes the steps up to the next pause, or to the end. */
  nextPart(sync: () => void): void {
    do this.#nextInLine(sync, false); while (this.#steps !== undefined && !this.#isPaused);
  }

  /**
   * Takes all steps that remain.
   *
   * @param isUrgent Whether a caller waits for it, so that the sequence leaves what can be left.
   */
  finish(sync: () => void, isUrgent: boolean): void {
    while (this.#steps !== undefined) this.#nextInLine(sync, isUrgent);
  }

  #nextInLine(sync: () => void, isUrgent: boolean): void {
    if (!this.#isPaused) sync();
    this.#next(isUrgent);
  }

  #next(isUrgent: boolean): void {
    if (this.#steps !== undefined && this.#take(this.#steps, isUrgent)) this.#steps = undefined;
  }

  /** Takes a step; whether it was the last one. */
  #take(steps: Steps, isUrgent: boolean): boolean {
    const { done = false, value } = steps.next(isUrgent);
    this.#isPaused = value === PAUSE;
    return done;
  }
}
