/**
 * The lag of the event loop: how late a timer fires that is due every millisecond.
 *
 * A turn that blocks the loop is one late firing, however long it is, so the mean is that of turns
 * and not of time. An idle loop lags a little too, because timers are rounded to milliseconds.
 */

import type { Lag } from "../results.ts";
import { Samples } from "./samples.ts";

const PERIOD_MS = 1;

/** Measures the lag until it is disposed. */
export class LoopLag {
  readonly #clock: () => number;
  readonly #lateness = new Samples();
  readonly #timer: ReturnType<typeof setInterval>;
  #last: number;

  /**
   * Starts to measure.
   *
   * @param clock The time in milliseconds.
   */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#last = clock();
    this.#timer = setInterval(() => this.#note(clock()), PERIOD_MS);
  }

  /** Forgets what was measured. */
  restart(): void {
    this.#lateness.clear();
    this.#last = this.#clock();
  }

  /** The lag since the start, the turn that calls this included. */
  read(): Lag {
    const now = this.#clock();
    if (now - this.#last > PERIOD_MS) this.#note(now);
    const [p99, worst] = this.#lateness.percentiles(0.99, 1);
    return { mean: this.#lateness.mean(), p99, worst };
  }

  /** Ends the timer. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #note(now: number): void {
    this.#lateness.add(Math.max(0, now - this.#last - PERIOD_MS));
    this.#last = now;
  }
}

/** The lag of an idle loop for some time. */
export async function idleLag(ms: number): Promise<Lag> {
  using lag = new LoopLag();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return lag.read();
}
