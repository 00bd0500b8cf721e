/**
 * The lag of the event loop: how late a timer fires that is due every millisecond.
 *
 * A turn that blocks the loop is one late firing, however long it is, so the mean is that of turns
 * and not of time. An idle loop lags a little too, because timers are rounded to milliseconds.
 *
 * Beside it, the work of the loop: the processor time of its thread between two firings. It has
 * neither the waits for other processes nor the rounding of timers.
 */

import type { Lag } from "../results.ts";
import { Samples } from "./samples.ts";

const PERIOD_MS = 1;

/** Measures the lag until it is disposed. */
export class LoopLag {
  readonly #clock: () => number;
  readonly #workClock: (() => number) | undefined;
  readonly #lateness = new Samples();
  readonly #work = new Samples();
  readonly #timer: ReturnType<typeof setInterval>;
  #last: number;
  #lastWork = 0;

  /**
   * Starts to measure.
   *
   * @param clock The time in milliseconds.
   * @param workClock The processor time of the thread in milliseconds; without it, the work is not
   * measured.
   */
  constructor(clock: () => number = () => performance.now(), workClock?: () => number) {
    this.#clock = clock;
    this.#workClock = workClock;
    this.#last = clock();
    this.#lastWork = workClock?.() ?? 0;
    this.#timer = setInterval(() => this.#note(clock()), PERIOD_MS);
  }

  /** Forgets what was measured. */
  restart(): void {
    this.#lateness.clear();
    this.#work.clear();
    this.#last = this.#clock();
    this.#lastWork = this.#workClock?.() ?? 0;
  }

  /** The lag since the start, the turn that calls this included. */
  read(): Lag {
    const now = this.#clock();
    if (now - this.#last > PERIOD_MS) this.#note(now);
    const [p99, worst] = this.#lateness.percentiles(0.99, 1);
    const lag = { mean: this.#lateness.mean(), p99, worst };
    if (this.#workClock === undefined) return lag;
    const [workP99, workWorst] = this.#work.percentiles(0.99, 1);
    return { ...lag, work: { p99: workP99, worst: workWorst } };
  }

  /** Ends the timer. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #note(now: number): void {
    this.#lateness.add(Math.max(0, now - this.#last - PERIOD_MS));
    this.#last = now;
    if (this.#workClock === undefined) return;
    const work = this.#workClock();
    this.#work.add(work - this.#lastWork);
    this.#lastWork = work;
  }
}

/** The lag of an idle loop for some time. */
export async function idleLag(ms: number): Promise<Lag> {
  using lag = new LoopLag();
  await new Promise((resolve) => setTimeout(resolve, ms));
  return lag.read();
}
